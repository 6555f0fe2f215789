"""What the web process may hold, whatever visitors open: one budget for all caches, one for what is under way.

The process itself takes about 450 MB with all libraries and MNIST. `benchmarks.bounds` measures the whole.
"""

import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import is_dataclass
from threading import Condition, local
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

CACHED = 160_000_000  # bytes of all caches together, see `cache`
UNDER_WAY = 160_000_000  # bytes of what is read or computed at the same time, see `reserved`
SMALL = 1_000_000  # bytes that need no reservation


class _Reserved(local):
    size = 0  # by this thread


_free, _mine = Condition(), _Reserved()
_taken = 0


@contextmanager
def reserved(size: int) -> Iterator[None]:
    """Waits until so many bytes fit into the budget UNDER_WAY, and holds them within the block.

    Who needs more than the budget waits until nobody else has any of it. A thread that holds a part does not wait
    again: two of them could wait for each other."""
    global _taken
    size = 0 if size < SMALL or _mine.size else size
    with _free:
        while size and _taken and _taken + size > UNDER_WAY:
            _free.wait()
        _taken += size
        _mine.size += size
    try:
        yield
    finally:
        with _free:
            _taken -= size
            _mine.size -= size
            _free.notify_all()


def holds_a_part() -> bool:
    """Whether this thread has reserved some of the budget UNDER_WAY."""
    return _mine.size > 0


def size_of(value: Any) -> int:
    """The bytes of a cached value, without what it shares with the code."""
    if isinstance(value, np.ndarray):
        return value.nbytes if value.base is None else max(value.nbytes, size_of(value.base))
    if isinstance(value, (pa.Table, pd.DataFrame)):
        return int(value.nbytes if isinstance(value, pa.Table) else value.memory_usage(deep=True).sum())
    if isinstance(value, (str, bytes, bytearray)):
        return sys.getsizeof(value)
    if isinstance(value, Mapping):
        return sys.getsizeof(value) + sum(size_of(key) + size_of(one) for key, one in value.items())
    if isinstance(value, (list, tuple, Set)):
        return sys.getsizeof(value) + sum(map(size_of, value))
    return sys.getsizeof(value) + (size_of(vars(value)) if is_dataclass(value) else 0)
