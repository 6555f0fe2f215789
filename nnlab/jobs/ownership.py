"""Anybody who has an id may read; only its owner may change."""

from collections.abc import Callable
from typing import TypeVar

from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.store import Run, StoredComparison, UnknownRun

Owned = TypeVar("Owned", Run, StoredComparison, ComparisonRun)


class NotYours(PermissionError):
    """A run or comparison of another owner: anybody may read it, only its owner may change it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: it belongs to another owner, allowed is to change what is your own.")


def own(find: Callable[[str], Owned | None], found_id: str, owner: str) -> Owned:
    """What an id names, if it is this owner's. Raises UnknownRun and NotYours."""
    found = find(found_id)
    if found is None:
        raise UnknownRun(found_id)
    if found.owner != owner:
        raise NotYours(found_id)
    return found
