"""Caches that all visitors share, and a run's curves in one of them.

Streamlit's own cache takes 0.1 ms a call and copies what it returns: too slow for 200 cells a tick.
"""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Concatenate, Generic, ParamSpec, TypeVar

import pandas as pd

from nnlab.lab import Lab
from nnlab.store import Run

Value = TypeVar("Value")
More = ParamSpec("More")
OfRun = Callable[Concatenate[Lab, Run, More], Value]


class Cache(Generic[Value]):
    """The `size` most recently used values, by key. Callers must not change a value they get."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, Lock()
        self._values: dict[Hashable, Value] = {}  # the latest at the end

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key; `make` computes it where it is missing."""
        return self.many([key], lambda _: [make()])[0]

    def many(self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[Value]]) -> list[Value]:
        """The values of several keys; `make` gets the places of all missing ones and computes them together."""
        with self._lock:
            found = {key: self._values[key] for key in keys if key in self._values}
        if missing := [place for place, key in enumerate(keys) if key not in found]:
            found |= dict(zip([keys[place] for place in missing], make(missing), strict=True))
        with self._lock:
            for key, value in found.items():
                self._values.pop(key, None)
                self._values[key] = value
            while len(self._values) > self._size:
                del self._values[next(iter(self._values))]
        return [found[key] for key in keys]


def once_per_epoch(size: int) -> Callable[[OfRun[More, Value]], OfRun[More, Value]]:
    """Caches what a function makes of a run and further arguments, until the epoch or the state of the run changes."""

    def decorate(make: OfRun[More, Value]) -> OfRun[More, Value]:
        cache: Cache[Value] = Cache(size)

        def cached(lab: Lab, run: Run, /, *more: More.args, **named: More.kwargs) -> Value:
            # with the state, because the last epoch is written again when a run ends
            key = lab, run.id, run.epoch, run.state, more, *named.items()
            return cache.get(key, lambda: make(lab, run, *more, **named))

        return cached

    return decorate


@once_per_epoch(256)
def curve_rows(lab: Lab, run: Run) -> pd.DataFrame:
    """The rows of a run's curves."""
    return lab.curves(run.id)
