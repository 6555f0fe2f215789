"""Rows that cannot be read, as those of a newer nnlab or damaged ones: they concern nobody but themselves."""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from nnlab.store.errors import StoreUnavailable

log = logging.getLogger("nnlab.store.readable")

Read = TypeVar("Read")


def readable(read: Callable[[Any], Read], rows: Iterable[Any]) -> list[Read]:
    """What `read` makes of each row; rows that it cannot read are left out."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except (StoreUnavailable, MemoryError):
            raise
        except Exception as error:  # whatever is wrong with a row
            _report(str(getattr(row, "id", None) or row.data), type(error).__name__)
    return found


@lru_cache(maxsize=1000)
def _report(row: str, error: str) -> None:
    """Once for each row."""
    log.warning("%s cannot be read: %s", row, error)
