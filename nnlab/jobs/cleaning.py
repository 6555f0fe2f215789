"""The hourly removal of what is deleted or old, one small step at a time."""

import logging
import time
from collections.abc import Iterator

from nnlab.store import Freed, Store

log = logging.getLogger("nnlab.jobs.cleaning")

EVERY = 3600.0  # seconds between two removals


class Cleaning:
    """Steps of `Store.prune`, between which pages and workers use the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._steps: Iterator[Freed] | None = None
        self._due = 0.0

    def step(self) -> bool:
        """Take the next step if it is time; False if there is nothing to do."""
        if self._steps is None:
            if time.monotonic() < self._due:
                return False
            self._due = time.monotonic() + EVERY
            if not self.store.may_clean(EVERY - 1):  # another server of this data base does
                return False
            self._steps = self.store.prune()
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None
        except Exception:
            self._steps = None
            log.exception("old runs could not be removed")
        return self._steps is not None
