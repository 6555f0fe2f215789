"""One job: take a run from the store, train it, tell the store, look for what it is asked to do.

`work` is what a Dask worker executes: it takes the waiting runs, one after the other, in the store's order, until
there are none. `dask_setup` makes a worker process ready (`dask worker ADDRESS --preload nnlab.jobs.worker`).
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engines.base import Weights
from nnlab.jobs.limits import check_limits
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.store import Lost, RequestedAction, Run, State, Store

if TYPE_CHECKING:
    from nnlab.datasets import Dataset
    from nnlab.engines.base import Epoch
    from nnlab.training.loop import Training

log = logging.getLogger("nnlab.jobs.worker")

WRITE_EVERY = 0.25  # seconds, at least, between two writes
LIVE_EVERY = 0.5
CHECKPOINT_EVERY = 2.0
BEAT_EVERY = 0.5
SNAPSHOTS = 20
SNAPSHOT_BYTES = 128e6  # all snapshots of a run together, about
Progress = Callable[["Epoch"], None]


# -- a worker process ------------------------------------------------------------------------------------------------


def dask_setup(worker: Any = None) -> None:
    """Called by Dask in a new worker process, before it takes jobs: out of the web process's way, and warm."""
    del worker
    warm()  # somebody may be waiting for this already; from then on the pages go first
    with suppress(OSError, AttributeError):
        os.nice(19 - os.nice(0))


def warm() -> None:
    """The first optimizer step of a process imports half of PyTorch: do it before somebody waits for it."""
    import torch

    from nnlab.training.api import train

    torch.set_num_threads(1)
    tiny = Experiment().set({"data.n_samples": 20, "train.epochs": 1})
    training = train(tiny, 1)
    next(training)
    _results(training, ("train",))


_store = lru_cache(maxsize=4)(Store)


def work(url: str) -> int:
    """Run the waiting jobs of the store at `url` until there are none; how many were run."""
    store = _store(url)
    store.release_dead(settings().stale_after)  # the job of a worker that died may be why we are called
    done = 0
    while True:
        for run_id in store.queue():
            if attempt := store.claim(run_id):
                run_job(store, run_id, attempt)
                done += 1
                break
        else:
            return done


# -- one job ---------------------------------------------------------------------------------------------------------


def run_job(store: Store, run_id: str, attempt: str, progress: Progress | None = None) -> None:
    """Train a claimed run to its end, or until it is asked to stop. Whatever goes wrong is the run's state.

    KeyboardInterrupt leaves the run interrupted, to be resumed, and goes on up."""
    run = store.run(run_id)
    if run is None:
        return
    try:
        with _Heart(store, run_id, attempt) as heart:
            _Job(store, run, attempt, heart, progress).run()
    except Lost:
        log.warning("run %s was taken over by another worker", run_id)
    except Exception as error:
        if not isinstance(error, _expected()):
            log.exception("run %s failed", run_id)
        with suppress(Lost):
            store.finish(run_id, attempt, "failed", error=_sentence(error))
    except BaseException:
        with suppress(Lost):
            store.finish(run_id, attempt, "interrupted")
        raise


def _expected() -> tuple[type[Exception], ...]:
    """Errors that say themselves, in a sentence, what is wrong."""
    from nnlab.datasets import DatasetUnavailable

    return SpecError, DatasetUnavailable


def _sentence(error: Exception) -> str:
    if isinstance(error, _expected()):
        return str(error)
    said = " ".join(str(error).split())[:300]
    return f"The training broke off: {type(error).__name__}{': ' if said else ''}{said.rstrip('.')}."


class _Job:
    """The training of one run, and what of it is written when."""

    def __init__(self, store: Store, run: Run, attempt: str, heart: _Heart, progress: Progress | None) -> None:
        self.store, self.run_, self.attempt, self.heart, self.progress = store, run, attempt, heart, progress
        self.pending: list[Epoch] = []
        self.snapshots: list[tuple[str, int, Weights]] = []
        self.written = -math.inf
        self.live, self.checkpoint = _NowAndThen(LIVE_EVERY), _NowAndThen(CHECKPOINT_EVERY)
        self.pace: float | None = None

    def run(self) -> None:
        """Train to the end, or until asked to stop."""
        from nnlab.training.loop import Training

        check_limits(self.run_.experiment, self.run_.seeds)
        checkpoint = self.store.checkpoint(self.run_.id)
        try:
            dataset = self._data()
            start = self._start(dataset) if checkpoint is None else None
        except _Asked as asked:
            if asked.wish is None:
                return self.store.finish(self.run_.id, self.attempt, "stopped", **_time_over())
            state: State = "paused" if asked.wish == "pause" else "stopped"
            return self.store.finish(self.run_.id, self.attempt, state, requested=asked.wish)
        limit, began = settings().max_seconds, time.monotonic()

        def enough() -> bool:
            return self.heart.wish is not None or training.seconds + time.monotonic() - began >= limit

        training = Training(
            self.run_.experiment,
            self.run_.seeds,
            dataset,
            checkpoint=checkpoint,
            start=start,
            should_stop=enough,
        )
        keep = _epochs_to_keep(training)
        if training.epoch == 0:
            self.snapshots.append(("step", 0, training.weights()))
        began = time.monotonic()
        for epoch in training:
            now = time.monotonic()
            self.pace = now - began if self.pace is None else 0.7 * self.pace + 0.3 * (now - began)
            began = now
            self.pending.append(epoch)
            if epoch.epoch in keep:
                self.snapshots.append(("step", epoch.epoch, training.weights()))
            self.heart.wish = self._write(training) or self.heart.wish
            if self.progress:
                self.progress(epoch)
        self._end(training, self.heart.wish)

    def _data(self) -> Dataset:
        """The data; where it has to be downloaded, the share that has come is told. Raises _Asked."""
        from nnlab.datasets import load_dataset, mnist

        if self.run_.experiment.data.name == "mnist" and not mnist.available():

            def told(done: int, total: int) -> None:
                self.heart.loading = done / total
                if self.heart.wish:
                    raise _Asked(self.heart.wish)

            mnist.fetch(told)
            self.heart.loading = None
        return load_dataset(self.run_.experiment)

    def _start(self, dataset: Dataset) -> Weights:
        """The weights the run starts from. Raises _Asked."""
        from nnlab.training.transfer import first_weights

        return first_weights(self.run_.experiment, self.run_.seeds, len(dataset.folds), source=self._source())

    def _source(self) -> Weights | None:
        """The weights of the experiment the run starts from, out of the store or trained here. Raises _Asked."""
        from nnlab.training.transfer import SourceStopped, source_weights

        start, limit, began = self.run_.experiment.train.start_from, settings().max_seconds, time.monotonic()
        if start is None:
            return None

        def told(share: float) -> None:
            self.heart.loading, self.heart.note = share, "source"

        def enough() -> bool:
            return self.heart.wish is not None or time.monotonic() - began >= limit

        try:
            return source_weights(
                start.experiment, self.run_.seeds, trained=self.store.trained_weights, should_stop=enough, told=told
            )
        except SourceStopped:
            raise _Asked(self.heart.wish) from None
        finally:
            self.heart.loading = self.heart.note = None

    def _write(self, training: Training) -> RequestedAction | None:
        """At most four times a second; the first epoch at once."""
        if time.monotonic() - self.written < WRITE_EVERY:
            return None
        if self.live.due():
            self.snapshots.append(("live", training.epoch, self.live.timed(training.weights)))
        content = self.checkpoint.timed(training.checkpoint) if self.checkpoint.due() else None
        return self._tell(training, content)

    def _tell(self, training: Training, checkpoint: bytes | None = None) -> RequestedAction | None:
        began = time.monotonic()
        wish = self.store.append(
            self.run_.id,
            self.attempt,
            self.pending,
            epoch=training.epoch,
            seconds=training.seconds,
            pace=self.pace,
            snapshots=self.snapshots,
            checkpoint=checkpoint,
        )
        self.written = self.heart.told = time.monotonic()
        spent = self.written - began
        if checkpoint is not None:
            self.checkpoint.add(spent)
        if any(kind == "live" for kind, _, _ in self.snapshots):
            self.live.add(spent)
        self.pending, self.snapshots = [], []
        return wish

    def _end(self, training: Training, wish: RequestedAction | None) -> None:
        """The last write, and the figures. The test part is looked at only when the run is finished."""
        pausing = wish == "pause" and not training.finished
        self.snapshots.append(("last", training.epoch, training.weights() if pausing else training.final_weights()))
        self.snapshots.append(("best", training.epoch, training.best_weights()))
        self._tell(training, training.checkpoint())
        state: State = "finished" if training.finished else "paused" if pausing else "stopped"
        parts = {"finished": ("train", "validation", "test"), "paused": (), "stopped": ("train", "validation")}[state]
        why = _time_over() if state == "stopped" and wish is None else {}
        first = self.store.snapshot(self.run_.id, 0)  # a resumed training does not know it
        results = _results(training, parts, first[1] if first else None) if parts and training.epoch else None
        asked = None if state == "finished" else wish
        self.store.finish(self.run_.id, self.attempt, state, requested=asked, results=results, **why)


def _time_over() -> dict[str, Any]:
    limit = settings().max_seconds
    error = f"seconds: the run was stopped after {limit} s, the most allowed; what it learned is kept."
    return {"error": error, "note": "max_seconds"}


class _Asked(Exception):
    """Ends a download, or the training of what a run starts from, when the run is asked to pause or to stop; without a
    wish, when its time is over."""

    def __init__(self, wish: RequestedAction | None) -> None:
        self.wish = wish


class _NowAndThen:
    """Something done every so many seconds, and rarer where it is dear: at most a tenth of the time goes into it."""

    def __init__(self, every: float) -> None:
        self.every, self.cost, self.last = every, 0.0, -math.inf

    def due(self) -> bool:
        if time.monotonic() - self.last < max(self.every, 10 * self.cost):
            return False
        self.last, self.cost = time.monotonic(), 0.0
        return True

    def timed(self, make: Callable[[], Any]) -> Any:
        began = time.monotonic()
        made = make()
        self.add(time.monotonic() - began)
        return made

    def add(self, seconds: float) -> None:
        self.cost += seconds


class _Heart:
    """Tells the store, from a thread, that the worker lives, and hears what is wished, while an epoch or a download
    takes long."""

    def __init__(self, store: Store, run_id: str, attempt: str) -> None:
        self.store, self.run_id, self.attempt = store, run_id, attempt
        self.wish: RequestedAction | None = None
        self.loading: float | None = None
        self.note: str | None = None
        self.told = -math.inf
        """When the job itself wrote last: that tells and hears as much."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="nnlab-heart", daemon=True)

    def __enter__(self) -> _Heart:
        self.wish = self.store.heartbeat(self.run_id, self.attempt)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_EVERY):
            if time.monotonic() - self.told < BEAT_EVERY:
                continue
            try:
                self.wish = self.store.heartbeat(self.run_id, self.attempt, loading=self.loading, note=self.note)
            except Lost:
                return  # the next write of the job finds out
            except Exception:
                log.exception("no sign of life could be written for run %s", self.run_id)


def _epochs_to_keep(training: Training) -> frozenset[int]:
    """About twenty epochs on a log scale, fewer where the network is large; the last is kept anyway."""
    size = sum(array.nbytes for array in training.weights().values())
    count = int(np.clip(SNAPSHOT_BYTES / max(1, size), 2, SNAPSHOTS))
    epochs = training.experiment.train.epochs
    return frozenset(np.geomspace(1, epochs, count).round().astype(int).tolist())


def _results(training: Training, parts: tuple[str, ...], first: Weights | None = None) -> dict[str, Any]:
    """The final figures as JSON: {"train": {"loss": [...], ...}, ..., "best_epoch": [...], "epochs": [...],
    "signals": {"before": ..., "after": ...}}."""
    from nnlab.analysis.gradient_health import before_and_after
    from nnlab.analysis.scores import evaluate
    from nnlab.training.transfer import first_weights

    weights = training.final_weights()
    results: dict[str, Any] = {"train": None, "validation": None, "test": None}
    for part in parts:
        figures = evaluate(training.experiment, weights, training.dataset, part)  # type: ignore[arg-type]
        results[part] = None if figures is None else _plain(figures)
    stopped = training.stopped_after
    results["best_epoch"] = training.best_epoch.tolist()
    results["epochs"] = np.where(stopped > 0, stopped, training.epoch).tolist()
    if first is None:
        first = first_weights(training.experiment, training.seeds, training.folds)
    results["signals"] = before_and_after(training.experiment, training.dataset, first, weights)
    return results


def _plain(figures: Mapping[str, NDArray[np.float64]]) -> dict[str, list[float | None]]:
    return {
        name: [float(value) if math.isfinite(value) else None for value in values] for name, values in figures.items()
    }
