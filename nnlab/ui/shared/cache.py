"""Caches that all visitors share, and a run's curves in one of them.

All caches together hold at most `budget.CACHED` bytes: the values used least recently go first, whichever cache they
are in. Streamlit's own cache takes 0.1 ms a call and copies what it returns: too slow for 200 cells a tick.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import pandas as pd

from nnlab.engines.base import Weights
from nnlab.lab import Lab
from nnlab.store import Run
from nnlab.ui.shared import budget

Value = TypeVar("Value")
More = ParamSpec("More")
OfRun = Callable[Concatenate[Lab, Run, More], Value]

ENTRY = 500  # bytes of a key and its place, roughly

_lock = Lock()
_values: dict[Hashable, tuple[Any, int]] = {}  # of all caches, with their bytes; the latest used at the end
_held = 0  # bytes of all values
_under_way: dict[Hashable, Future[tuple[Any] | None]] = {}


class Cache(Generic[Value]):
    """Values by key. Callers must not change a value they get."""

    def get(self, key: Hashable, make: Callable[[], Value], size: int = 0) -> Value:
        """The value of a key; `make` computes it where it is missing, once for all who ask at the same time.

        size : bytes that computing it takes for a while, if they are many: see `budget.reserved`."""
        own = self, key
        while True:
            with _lock:
                if own in _values:
                    _values[own] = _values.pop(own)
                    return _values[own][0]  # type: ignore[no-any-return]
                other = _under_way.get(own)
                if other is None or budget.holds_a_part():  # who holds a part must not wait: see there
                    mine = _under_way[own] = Future()
                    break
            if made := other.result():
                return made[0]  # type: ignore[no-any-return]
        made = None
        try:
            with budget.reserved(size):
                made = (make(),)
            _keep(own, made[0])
            return made[0]
        finally:
            with _lock:
                if _under_way.get(own) is mine:
                    del _under_way[own]
            mine.set_result(made)

    def many(self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[Value]]) -> list[Value]:
        """The values of several keys; `make` gets the places of all missing ones and computes them together."""
        with _lock:
            found = {key: _values[self, key][0] for key in keys if (self, key) in _values}
        missing = [place for place, key in enumerate(keys) if key not in found]
        for place, value in zip(missing, make(missing) if missing else (), strict=True):
            found[keys[place]] = value
            _keep((self, keys[place]), value)
        return [found[key] for key in keys]


def _keep(key: Hashable, value: Any) -> None:
    """Cache a value, and drop those used least recently until all fit into the budget."""
    global _held
    size = ENTRY + budget.size_of(value)
    with _lock:
        _held += size - _values.pop(key, (None, 0))[1]
        _values[key] = value, size
        while _held > budget.CACHED:
            _held -= _values.pop(next(iter(_values)))[1]


def once_per_epoch(
    size: Callable[[Run], int] = lambda _: 0,
) -> Callable[[OfRun[More, Value]], OfRun[More, Value]]:
    """Caches what a function makes of a run and further arguments, until the epoch or the state of the run changes.

    size : of the run, the bytes that the function takes for a while, if they are many: see `budget.reserved`."""

    def decorate(make: OfRun[More, Value]) -> OfRun[More, Value]:
        cache: Cache[Value] = Cache()

        def cached(lab: Lab, run: Run, /, *more: More.args, **named: More.kwargs) -> Value:
            # with the state, because the last epoch is written again when a run ends
            key = lab, run.id, run.epoch, run.state, more, *named.items()
            return cache.get(key, lambda: make(lab, run, *more, **named), size(run))

        return cached

    return decorate


def curves_size(run: Run) -> int:
    """The bytes that the curves of a run take, whole, as arrays and as a table, and its scores of single samples."""
    return (150 * run.epoch + 24 * run.experiment.data.sizes[1]) * len(run.replicates)


def weights_size(run: Run) -> int:
    """The bytes that one snapshot of a run takes while it is read."""
    return 8 * run.parameters * len(run.replicates)


@once_per_epoch(lambda run: 8 * run.parameters)
def replicate_weights(lab: Lab, run: Run, epoch: int, index: int) -> Weights | None:
    """The weights (1, ...) of one replicate at the nearest stored epoch at or before `epoch`."""
    stored = lab.snapshot(run.id, epoch, index)
    return stored and stored[1]


@once_per_epoch(lambda run: curves_size(run) if run.experiment.train.patience else 0)
def curve_rows(lab: Lab, run: Run) -> pd.DataFrame:
    """The rows of a run's curves."""
    return lab.curves(run.id)
