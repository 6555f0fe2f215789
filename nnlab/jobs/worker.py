"""A worker: takes waiting runs from the store, trains them and writes their progress.

`work` is what a Dask worker executes. `dask_setup` prepares a worker process
(`dask worker ADDRESS --preload nnlab.jobs.worker`).
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from nnlab import __version__, logs
from nnlab.datasets import PARTS, Dataset, DatasetUnavailable, load_dataset, mnist
from nnlab.engines.base import Epoch, Weights
from nnlab.engines.choice import working_engine
from nnlab.engines.compiled_cache import Progress
from nnlab.jobs import memory
from nnlab.jobs.heartbeat import Heartbeat, Throttle
from nnlab.jobs.limits import check_limits
from nnlab.jobs.results import final_results
from nnlab.jobs.retry import Retry
from nnlab.jobs.trouble import WorkerError
from nnlab.jobs.warming import at_work, prepare
from nnlab.settings import settings
from nnlab.spec.errors import SpecError
from nnlab.store import Lost, RequestedAction, Run, State, Store, StoreUnavailable, budget, this_process
from nnlab.training import transfer
from nnlab.training.loop import Training

log = logging.getLogger("nnlab.jobs.worker")

WRITE_EVERY = 0.25  # seconds, at least, between two writes
LIVE_EVERY = 0.5
CHECKPOINT_EVERY = 2.0
UNREADABLE = "The run cannot be read: a newer nnlab stored it, or it is damaged."
OnEpoch = Callable[[Epoch], None]


def dask_setup(worker: Any = None) -> None:
    """Limit the memory of a new worker process, and prepare it in the background; Dask calls this before the first
    job."""
    if worker is None:
        memory.limit_process()
    else:
        memory.limit_process(worker.state.nthreads, worker.memory_manager.memory_limit)
        # so that it is known which of the scheduler's workers trains a run
        worker.startup_information["process"] = lambda _: this_process()
        for name in ("profile", "profile-cycle"):  # samples of the threads that train, every 10 ms
            worker.periodic_callbacks.pop(name, None)
    logs.set_up("worker")
    threading.Thread(target=prepare, name="nnlab-warm", daemon=True).start()


@lru_cache(maxsize=4)
def _store(url: str) -> Store:
    store = Store(url)
    mnist.look_in(store.data_file)
    return store


class Errand(NamedTuple):
    """What the dispatcher tells a worker. The address of the store is not sent: it may contain a password."""

    version: str  # of nnlab
    store: str  # its id; the worker's own settings must lead to it


def work(errand: Errand | None = None) -> int:
    """Train the waiting runs of the store of this process's settings until none is left or one of them yields; their
    number.

    Raises
    ------
    WorkerError
        If this is another version of nnlab, or another store, than the dispatcher's.
    """
    if errand and errand.version != __version__:
        raise WorkerError("other_version", f"{__version__}, where the server has {errand.version}")
    store = _store(settings().database_url)
    if errand and errand.store != store.id:
        raise WorkerError("other_store", f"set NNLAB_DATABASE_URL on {socket.gethostname()} to the server's")
    done = 0
    with at_work():
        while attempt := store.claim_next():
            action = run_job(store, *attempt)
            done += 1
            if action == "yield":  # the process may be for a short task
                break
    return done


def run_short(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a short function that is no run returns; it may need files that are in the store."""
    _store(settings().database_url)
    return function(*arguments)


def run_job(store: Store, run_id: str, attempt: str, on_epoch: OnEpoch | None = None) -> RequestedAction | None:
    """Train a claimed run until it is finished or an action is requested; that action. Errors become the run's state.

    While the store is away or full the training waits at its last whole epoch. KeyboardInterrupt leaves the run
    interrupted, so that it can be resumed, and is raised again."""
    retry = Retry()
    run = retry(store.run, run_id)
    if run is None:
        with suppress(Lost):
            retry(store.finish, run_id, attempt, "failed", error=UNREADABLE)
        return None
    failure: dict[str, Any] = {}
    try:
        log.info("run %s begins", run_id, extra={"event": "run_begun", "run": run_id})
        with Heartbeat(store, run_id, attempt, retry) as heartbeat:
            return _Job(store, run, attempt, heartbeat, on_epoch, retry).train()
    except Lost:
        log.warning("run %s was taken over by another worker", run_id, extra={"event": "run_lost", "run": run_id})
    except StoreUnavailable:  # and that will not pass by itself: the run stays as it is stored
        raise
    except Exception as error:
        failure = _failure(error, run_id)
    except BaseException:
        with suppress(Lost, StoreUnavailable):
            store.finish(run_id, attempt, "interrupted")
        raise
    if failure:  # written when the error, and with it the memory of the training, is gone
        with suppress(Lost):
            return retry(store.finish, run_id, attempt, "failed", **failure)
    return None


def _failure(error: Exception, run_id: str) -> dict[str, Any]:
    """A sentence about an error of a training, and a note if pages say it in their own words."""
    if memory.is_shortage(error):
        log.warning("a run needed more memory than there is: %s", error, extra={"event": "run_failed", "run": run_id})
        allowed = f"{memory.here_bytes() / 1e9:.1f} GB"
        advice = "train fewer seeds together, a smaller network, smaller batches or fewer samples"
        return {
            "error": f"The training needed more memory than a worker may use ({allowed}): {advice}.",
            "note": "memory",
        }
    sentence = str(error)
    if not isinstance(error, (SpecError, DatasetUnavailable)):  # whose text is a sentence for the user
        log.error("run %s failed", run_id, exc_info=error, extra={"event": "run_failed", "run": run_id})
        message = " ".join(sentence.split())[:300]
        sentence = f"The training broke off: {type(error).__name__}{': ' if message else ''}{message.rstrip('.')}."
    return {"error": sentence}


class _Job:
    """Trains one run and decides when its progress is written."""

    def __init__(
        self, store: Store, run: Run, attempt: str, heartbeat: Heartbeat, on_epoch: OnEpoch | None, retry: Retry
    ) -> None:
        self.store, self.run, self.attempt, self.heartbeat, self.on_epoch = store, run, attempt, heartbeat, on_epoch
        self.retry, self.clock = retry, retry.clock
        self.pending: list[Epoch] = []
        self.snapshots: list[tuple[str, int, Weights]] = []
        self.live, self.checkpoint = Throttle(LIVE_EVERY), Throttle(CHECKPOINT_EVERY)
        self.seconds, self.began = 0.0, self.clock()  # seconds of training until `began`
        self.pace: float | None = None
        self.repeats = False  # epochs since the checkpoint that are stored already

    def train(self) -> RequestedAction | None:
        """Train until the run is finished, its time is over or an action is requested; that action."""
        run = self.run
        check_limits(run.experiment, run.seeds, memory.here_bytes())
        checkpoint = self.retry(self.store.checkpoint, run.id)
        try:
            self._prepare_engine()
            dataset = self._dataset()
            start = self._starting_weights() if checkpoint is None else None
        except (_Cancelled, transfer.SourceStopped):
            return self._finish(self.heartbeat.action)
        training = Training(
            run.experiment, run.seeds, dataset, checkpoint=checkpoint, start=start, should_stop=self._should_stop
        )
        self.repeats = training.epoch < run.epoch
        snapshot_epochs = _snapshot_epochs(training)
        if training.epoch == 0:
            self.snapshots.append(("step", 0, training.weights()))
        self.seconds, self.began = training.seconds, self.clock()
        for epoch in training:
            now = self.clock()
            self.pace = now - self.began if self.pace is None else 0.7 * self.pace + 0.3 * (now - self.began)
            self.seconds, self.began = training.seconds, now
            self.pending.append(epoch)
            self.repeats = epoch.epoch < run.epoch
            if epoch.epoch in snapshot_epochs:
                self.snapshots.append(("step", epoch.epoch, training.weights_so_far()))
            if not training.finished:  # `_end` writes the last epoch
                self._write_sometimes(training)
            if self.on_epoch:
                self.on_epoch(epoch)
        return self._end(training, self.heartbeat.action)

    def _should_stop(self) -> bool:
        if self.repeats:  # what the run ends with is of the last epoch that its curves have
            return False
        seconds = self.seconds + self.clock() - self.began
        return self.heartbeat.action is not None or seconds >= settings().max_seconds

    def _prepare_engine(self) -> None:
        """Compile the engine, unless that is done. Raises _Cancelled."""

        def on_progress(progress: Progress) -> None:
            self.heartbeat.note = f"compiling {progress.seconds_left:.0f}"
            self.heartbeat.loading = progress.share
            if self.heartbeat.action:
                raise _Cancelled

        working_engine(self.run.experiment, on_progress)
        self.heartbeat.loading = self.heartbeat.note = None

    def _dataset(self) -> Dataset:
        """The data, downloaded if necessary. Raises _Cancelled."""
        if self.run.experiment.data.name == "mnist" and not mnist.available():

            def on_progress(done: int, total: int) -> None:
                self.heartbeat.loading = done / total
                if self.heartbeat.action:
                    raise _Cancelled

            mnist.fetch(on_progress)
            self.heartbeat.loading = None
        return load_dataset(self.run.experiment, self.run.seeds)

    def _starting_weights(self) -> Weights:
        """The starting weights; those of a source are from the store or trained here. Raises SourceStopped."""
        experiment, seeds, source = self.run.experiment, self.run.seeds, None
        if experiment.train.start_from:

            def on_progress(share: float) -> None:
                self.heartbeat.loading, self.heartbeat.note = share, "source"

            self.began = self.clock()
            source = transfer.source_weights(
                experiment.train.start_from.experiment,
                seeds,
                find_weights=lambda *wanted: self.retry(self.store.trained_weights, *wanted),
                should_stop=self._should_stop,
                on_progress=on_progress,
            )
            self.heartbeat.loading = self.heartbeat.note = None
        return transfer.first_weights(experiment, seeds, source=source)

    def _write_sometimes(self, training: Training) -> None:
        """Write the first epoch at once, then at most four times a second."""
        if time.monotonic() - self.heartbeat.written < WRITE_EVERY:
            return
        stored = bool(self.snapshots) and self.snapshots[-1][1] == training.epoch  # as a step
        if not stored and (weights := self.live.when_due(training.weights_so_far)):
            self.snapshots.append(("live", training.epoch, weights))
        self._write(training, self.checkpoint.when_due(training.checkpoint))

    def _write(self, training: Training, checkpoint: bytes | None) -> None:
        began = self.clock()
        action = self.retry(
            self.store.append,
            self.run.id,
            self.attempt,
            self.pending,
            epoch=training.epoch,
            seconds=training.seconds,
            pace=self.pace,
            engine=training.engine_used,
            snapshots=self.snapshots,
            checkpoint=checkpoint,
        )
        self.heartbeat.action = action or self.heartbeat.action
        self.heartbeat.written = time.monotonic()
        if checkpoint is not None:
            self.checkpoint.cost += self.clock() - began
        if any(kind == "live" for kind, _, _ in self.snapshots):
            self.live.cost += self.clock() - began
        self.pending, self.snapshots = [], []

    def _end(self, training: Training, action: RequestedAction | None) -> RequestedAction | None:
        """The last write, and the scores. Only a finished run is evaluated on the test set."""
        pausing = action in ("pause", "yield") and not training.finished
        weights, best = training.weights_so_far() if pausing else training.final_weights(), training.best_weights()
        self.snapshots.append(("last", training.epoch, weights))
        if not _equal(weights, best):
            self.snapshots.append(("best", training.epoch, best))
        checkpoint = training.checkpoint()
        dropped = training.finished and len(checkpoint) > budget.CHECKPOINT_BYTES
        self._write(training, None if dropped else checkpoint)
        results = None
        if training.epoch and not pausing:
            initial = self.retry(self.store.snapshot, self.run.id, 0)  # a resumed training does not have it
            parts = PARTS if training.finished else ("train", "validation")
            results = final_results(training, parts, initial[1] if initial else None)
        return self._finish(action, results, finished=training.finished)

    def _finish(
        self, action: RequestedAction | None, results: dict[str, Any] | None = None, finished: bool = False
    ) -> RequestedAction | None:
        """End the attempt; the action that is requested at its end."""
        state: State = "paused" if action == "pause" else "waiting" if action == "yield" else "stopped"
        error = note = None
        if finished:
            state, action = "finished", None
        elif action is None:
            limit, note = settings().max_seconds, "max_seconds"
            error = f"seconds: the run was stopped after {limit} s, the most allowed; its results so far are saved."
        said = {"event": "run_ended", "run": self.run.id}
        log.info("run %s: %s after %.1f s", self.run.id, state, self.seconds, extra=said)
        this = self.run.id, self.attempt, state
        return self.retry(self.store.finish, *this, requested=action, error=error, note=note, results=results)


class _Cancelled(Exception):
    """Ends a download or the wait for the engine: an action was requested."""


def _snapshot_epochs(training: Training) -> frozenset[int]:
    """The epochs whose weights are stored on the way."""
    size = sum(array.nbytes for array in training.weights().values())
    train = training.experiment.train
    return budget.snapshot_epochs(size, len(training.seeds), train.epochs, train.patience)


def _equal(some: Weights, others: Weights) -> bool:
    return all(array.tobytes() == others[name].tobytes() for name, array in some.items())
