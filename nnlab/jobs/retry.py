"""Calls of the store that a worker repeats while the data base is away, locked or full."""

import logging
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from nnlab.store import StoreUnavailable

log = logging.getLogger("nnlab.jobs.retry")

PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)  # seconds; the last one again and again
Given = ParamSpec("Given")
Result = TypeVar("Result")


class Retry:
    """Repeats a call while the store is unavailable for a reason that may pass.

    Nothing is written twice: all that is written names the attempt, and an epoch that is stored already stays."""

    def __init__(self) -> None:
        self.give_up = threading.Event()  # from now on the error is raised
        self._waited = 0.0  # seconds, in all

    def clock(self) -> float:
        """Seconds, without those that a call was waited for."""
        return time.monotonic() - self._waited

    def __call__(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """What `call` returns or raises. StoreUnavailable is raised only if it does not pass."""
        began, tries = time.monotonic(), 0
        while True:
            try:
                result = call(*args, **kwargs)
                break
            except StoreUnavailable as error:
                if not error.may_pass or self.give_up.wait(PAUSES[min(tries, len(PAUSES) - 1)]):
                    raise
                if not tries:
                    log.warning("waiting: %s", error)
                tries += 1
        if tries:
            self._waited += time.monotonic() - began
            log.warning("the store is available again after %.1f s", time.monotonic() - began)
        return result
