"""A worker: takes waiting runs from the store, trains them and writes their progress.

`work` is what a Dask worker executes. `dask_setup` prepares a worker process
(`dask worker ADDRESS --preload nnlab.jobs.worker`).
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

from nnlab.engines.base import Floats, Weights
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
SNAPSHOT_BYTES = 128e6  # of all snapshots of a run, roughly
OnEpoch = Callable[["Epoch"], None]


def dask_setup(worker: Any = None) -> None:
    """Prepare a new worker process; Dask calls this before the first job."""
    del worker
    warm()  # at normal priority, as a run may be waiting; from then on the web process has priority
    with suppress(OSError, AttributeError):
        os.nice(19 - os.nice(0))


def warm() -> None:
    """Train a tiny network, because the first optimizer step of a process imports half of PyTorch."""
    import torch

    from nnlab.training.api import train

    torch.set_num_threads(1)
    training = train(Experiment().set({"data.n_samples": 20, "train.epochs": 1}), 1)
    next(training)
    final_results(training, ("train",))


_store = lru_cache(maxsize=4)(Store)


def work(url: str) -> int:
    """Train the waiting runs of the store at `url` until none is left; their number."""
    store = _store(url)
    store.release_dead(settings().stale_after)  # this call may replace a worker that died
    done = 0
    while attempt := next(((i, token) for i in store.queue() if (token := store.claim(i))), None):
        run_job(store, *attempt)
        done += 1
    return done


def run_job(store: Store, run_id: str, attempt: str, on_epoch: OnEpoch | None = None) -> None:
    """Train a claimed run until it is finished or requested to pause or stop. Errors become the run's state.

    KeyboardInterrupt leaves the run interrupted, so that it can be resumed, and is raised again."""
    run = store.run(run_id)
    if run is None:
        return
    try:
        with Heartbeat(store, run_id, attempt) as heartbeat:
            _Job(store, run, attempt, heartbeat, on_epoch).train()
    except Lost:
        log.warning("run %s was taken over by another worker", run_id)
    except Exception as error:
        if not isinstance(error, _input_errors()):
            log.exception("run %s failed", run_id)
        with suppress(Lost):
            store.finish(run_id, attempt, "failed", error=_sentence(error))
    except BaseException:
        with suppress(Lost):
            store.finish(run_id, attempt, "interrupted")
        raise


def _input_errors() -> tuple[type[Exception], ...]:
    """Errors whose text is a sentence for the user."""
    from nnlab.datasets import DatasetUnavailable

    return SpecError, DatasetUnavailable


def _sentence(error: Exception) -> str:
    if isinstance(error, _input_errors()):
        return str(error)
    message = " ".join(str(error).split())[:300]
    return f"The training broke off: {type(error).__name__}{': ' if message else ''}{message.rstrip('.')}."


class _Job:
    """Trains one run and decides when its progress is written."""

    def __init__(self, store: Store, run: Run, attempt: str, heartbeat: Heartbeat, on_epoch: OnEpoch | None) -> None:
        self.store, self.run, self.attempt, self.heartbeat, self.on_epoch = store, run, attempt, heartbeat, on_epoch
        self.pending: list[Epoch] = []
        self.snapshots: list[tuple[str, int, Weights]] = []
        self.written = -math.inf
        self.live, self.checkpoint = Throttle(LIVE_EVERY), Throttle(CHECKPOINT_EVERY)
        self.pace: float | None = None

    def train(self) -> None:
        """Train until the run is finished, its time is over or an action is requested."""
        from nnlab.training.loop import Training

        check_limits(self.run.experiment, self.run.seeds)
        checkpoint = self.store.checkpoint(self.run.id)
        try:
            dataset = self._dataset()
            start = self._starting_weights(dataset) if checkpoint is None else None
        except _EndedEarly as ended:
            self._finish("paused" if ended.action == "pause" else "stopped", ended.action)
            return
        limit, began = settings().max_seconds, time.monotonic()

        def should_stop() -> bool:
            return self.heartbeat.action is not None or training.seconds + time.monotonic() - began >= limit

        training = Training(
            self.run.experiment, self.run.seeds, dataset, checkpoint=checkpoint, start=start, should_stop=should_stop
        )
        snapshot_epochs = _snapshot_epochs(training)
        if training.epoch == 0:
            self.snapshots.append(("step", 0, training.weights()))
        began = time.monotonic()
        for epoch in training:
            now = time.monotonic()
            self.pace = now - began if self.pace is None else 0.7 * self.pace + 0.3 * (now - began)
            began = now
            self.pending.append(epoch)
            if epoch.epoch in snapshot_epochs:
                self.snapshots.append(("step", epoch.epoch, training.weights()))
            self._write_sometimes(training)
            if self.on_epoch:
                self.on_epoch(epoch)
        self._end(training, self.heartbeat.action)

    def _dataset(self) -> Dataset:
        """The data, downloaded if necessary. Raises _EndedEarly."""
        from nnlab.datasets import load_dataset, mnist

        if self.run.experiment.data.name == "mnist" and not mnist.available():

            def on_progress(done: int, total: int) -> None:
                self.heartbeat.loading = done / total
                if self.heartbeat.action:
                    raise _EndedEarly(self.heartbeat.action)

            mnist.fetch(on_progress)
            self.heartbeat.loading = None
        return load_dataset(self.run.experiment)

    def _starting_weights(self, dataset: Dataset) -> Weights:
        from nnlab.training.transfer import first_weights

        return first_weights(self.run.experiment, self.run.seeds, len(dataset.folds), source=self._source_weights())

    def _source_weights(self) -> Weights | None:
        """The weights of the source experiment, from the store or trained here. Raises _EndedEarly."""
        from nnlab.training.transfer import SourceStopped, source_weights

        start, limit, began = self.run.experiment.train.start_from, settings().max_seconds, time.monotonic()
        if start is None:
            return None

        def on_progress(share: float) -> None:
            self.heartbeat.loading, self.heartbeat.note = share, "source"

        def should_stop() -> bool:
            return self.heartbeat.action is not None or time.monotonic() - began >= limit

        try:
            return source_weights(
                start.experiment,
                self.run.seeds,
                find_weights=self.store.trained_weights,
                should_stop=should_stop,
                on_progress=on_progress,
            )
        except SourceStopped:
            raise _EndedEarly(self.heartbeat.action) from None
        finally:
            self.heartbeat.loading = self.heartbeat.note = None

    def _write_sometimes(self, training: Training) -> None:
        """Write the first epoch at once, then at most four times a second."""
        if time.monotonic() - self.written < WRITE_EVERY:
            return
        if self.live.due():
            self.snapshots.append(("live", training.epoch, self.live.timed(training.weights)))
        self._write(training, self.checkpoint.timed(training.checkpoint) if self.checkpoint.due() else None)

    def _write(self, training: Training, checkpoint: bytes | None) -> None:
        began = time.monotonic()
        action = self.store.append(
            self.run.id,
            self.attempt,
            self.pending,
            epoch=training.epoch,
            seconds=training.seconds,
            pace=self.pace,
            snapshots=self.snapshots,
            checkpoint=checkpoint,
        )
        self.heartbeat.action = action or self.heartbeat.action
        self.written = self.heartbeat.written = time.monotonic()
        if checkpoint is not None:
            self.checkpoint.cost += self.written - began
        if any(kind == "live" for kind, _, _ in self.snapshots):
            self.live.cost += self.written - began
        self.pending, self.snapshots = [], []

    def _end(self, training: Training, action: RequestedAction | None) -> None:
        """The last write, and the scores. Only a finished run is evaluated on the test set."""
        pausing = action == "pause" and not training.finished
        self.snapshots.append(("last", training.epoch, training.weights() if pausing else training.final_weights()))
        self.snapshots.append(("best", training.epoch, training.best_weights()))
        self._write(training, training.checkpoint())
        state: State = "finished" if training.finished else "paused" if pausing else "stopped"
        parts = {"finished": ("train", "validation", "test"), "paused": (), "stopped": ("train", "validation")}[state]
        results = None
        if parts and training.epoch:
            initial = self.store.snapshot(self.run.id, 0)  # a resumed training does not have it
            results = final_results(training, parts, initial[1] if initial else None)
        self._finish(state, None if state == "finished" else action, results)

    def _finish(self, state: State, action: RequestedAction | None, results: dict[str, Any] | None = None) -> None:
        why: dict[str, Any] = {}
        if state == "stopped" and action is None:
            limit = settings().max_seconds
            error = f"seconds: the run was stopped after {limit} s, the most allowed; its results so far are saved."
            why = {"error": error, "note": "max_seconds"}
        self.store.finish(self.run.id, self.attempt, state, requested=action, results=results, **why)


class _EndedEarly(Exception):
    """Ends a download or the training of a source experiment: an action was requested, or (None) the time is over."""

    def __init__(self, action: RequestedAction | None) -> None:
        self.action = action


class Throttle:
    """Allows something every `every` seconds, and more rarely if it is slow: it takes at most a tenth of the time."""

    def __init__(self, every: float) -> None:
        self.every, self.last = every, -math.inf
        self.cost = 0.0
        """Seconds it took the last time."""

    def due(self) -> bool:
        if time.monotonic() - self.last < max(self.every, 10 * self.cost):
            return False
        self.last, self.cost = time.monotonic(), 0.0
        return True

    def timed(self, make: Callable[[], Any]) -> Any:
        """Call `make` and add the time it takes to the cost."""
        began = time.monotonic()
        made = make()
        self.cost += time.monotonic() - began
        return made


class Heartbeat:
    """A thread that writes a run's heartbeat and reads the requested action while an epoch or a download is long."""

    def __init__(self, store: Store, run_id: str, attempt: str) -> None:
        self.store, self.run_id, self.attempt = store, run_id, attempt
        self.action: RequestedAction | None = None
        self.loading: float | None = None
        self.note: str | None = None
        self.written = -math.inf
        """When the job itself wrote last; that counts as a heartbeat."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="nnlab-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self.action = self.store.heartbeat(self.run_id, self.attempt)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_EVERY):
            if time.monotonic() - self.written < BEAT_EVERY:
                continue
            try:
                self.action = self.store.heartbeat(self.run_id, self.attempt, loading=self.loading, note=self.note)
            except Lost:
                return  # the next write of the job raises it
            except Exception:
                log.exception("the heartbeat of run %s could not be written", self.run_id)


def _snapshot_epochs(training: Training) -> frozenset[int]:
    """About twenty epochs on a log scale, fewer for a large network. The last epoch is stored in any case."""
    size = sum(array.nbytes for array in training.weights().values())
    count = int(np.clip(SNAPSHOT_BYTES / max(1, size), 2, SNAPSHOTS))
    epochs = training.experiment.train.epochs
    return frozenset(np.geomspace(1, epochs, count).round().astype(int).tolist())


def final_results(training: Training, parts: tuple[str, ...], initial: Weights | None = None) -> dict[str, Any]:
    """The final scores as JSON: {"train": {"loss": [...], ...}, ..., "best_epoch": [...], "epochs": [...],
    "signals": {"before": ..., "after": ...}}."""
    from nnlab.analysis.gradient_health import before_and_after
    from nnlab.analysis.scores import evaluate
    from nnlab.training.transfer import first_weights

    weights = training.final_weights()
    results: dict[str, Any] = {"train": None, "validation": None, "test": None}
    for part in parts:
        scores = evaluate(training.experiment, weights, training.dataset, part)  # type: ignore[arg-type]
        results[part] = None if scores is None else _as_lists(scores)
    stopped = training.stopped_after
    results["best_epoch"] = training.best_epoch.tolist()
    results["epochs"] = np.where(stopped > 0, stopped, training.epoch).tolist()
    if initial is None:
        initial = first_weights(training.experiment, training.seeds, training.folds)
    results["signals"] = before_and_after(training.experiment, training.dataset, initial, weights)
    return results


def _as_lists(scores: Mapping[str, Floats]) -> dict[str, list[float | None]]:
    return {
        name: [float(value) if math.isfinite(value) else None for value in values] for name, values in scores.items()
    }
