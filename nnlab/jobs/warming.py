"""Preparing a worker process in the background: it imports what runs need while none is trained."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from filelock import FileLock

from nnlab.engines.choice import working_engine
from nnlab.jobs.results import final_results
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.training.api import train

TORCH_AFTER = 5.0  # seconds in which the first runs of a server need not wait until PyTorch is imported

# a thread must not train while another imports PyTorch: `warm` waits until no run is trained, and runs wait for `warm`
_idle, _warming = threading.Event(), threading.Lock()
_idle.set()
_at_work: list[int] = []  # the threads that train
_counting = threading.Lock()


def prepare() -> None:
    """What runs need, the default engine first; PyTorch, which few do, last."""
    working_engine(Experiment())  # at normal priority, as a run may be waiting
    _lower_priority()
    for engine, delay in (("auto", 0.0), ("torch", TORCH_AFTER)):
        done = False
        while not done:
            _idle.wait()
            time.sleep(delay)  # the moment between two runs is too short for it, and the next one would wait
            with _alone() if engine == "torch" else nullcontext(), _warming:
                if done := _idle.is_set():
                    warm(engine)


def _lower_priority() -> None:
    """Leave the web process priority. On Linux every thread has its own, and new threads have that of their creator."""
    with suppress(OSError, AttributeError):
        os.nice(19 - os.nice(0))
        for thread in threading.enumerate():
            os.setpriority(os.PRIO_PROCESS, thread.native_id or 0, 19)


@contextmanager
def _alone() -> Iterator[None]:
    """One worker at a time, so that a run finds another one free; all at once where the home folder is read-only."""
    lock = FileLock(settings().home / "torch.lock")
    with suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def warm(engine: str) -> None:
    """Train a tiny network: it imports what a run needs, as half of PyTorch for the first step of an optimizer."""
    if engine == "torch":
        import torch

        torch.set_num_threads(1)
    training = train(Experiment().set({"data.n_samples": 20, "train.epochs": 1, "train.engine": engine}), 1)
    next(training)
    final_results(training, ("train",))


@contextmanager
def at_work() -> Iterator[None]:
    """This thread trains: the process is not warmed until no thread does."""
    thread = threading.get_ident()
    with _counting:
        _at_work.append(thread)
        _idle.clear()
    try:
        with _warming:
            pass
        yield
    finally:
        with _counting:
            _at_work.remove(thread)
            if not _at_work:
                _idle.set()
