"""Training and measuring on one thread."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread and without NumPy's warnings.

    Small matrix products gain nothing from a second thread. They lose much where the second core is busy, since the
    threads wait for each other in every step: MNIST takes ten times as long. Diverging weights become inf and nan and
    show in the loss, so NumPy need not warn of them.
    """
    libraries = [*_blas_libraries(), *filter(None, [sys.modules.get("torch")])]
    threads = [library.get_num_threads() for library in libraries]
    for library in libraries:
        library.set_num_threads(1)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        for library, count in zip(libraries, threads, strict=True):
            library.set_num_threads(count)


@cache
def _blas_libraries() -> list[Any]:
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
