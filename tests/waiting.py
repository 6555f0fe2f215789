"""Waiting on what must come, without a guess of how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(see: Callable[[], T], seconds: float = 200, every: float = 0.02) -> T:
    """The result of `see` once it is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (seen := see()):
        assert time.monotonic() < end, "it never came"
        time.sleep(every)
    return seen
