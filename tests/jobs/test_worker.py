"""One job, run in this process."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock, Timeout

from nnlab.datasets import DatasetUnavailable
from nnlab.engines import choice
from nnlab.engines.base import METRICS, EngineProtocol
from nnlab.engines.choice import engine_class, working_engine
from nnlab.engines.compiled_cache import Progress
from nnlab.engines.numpy_engine import NumpyEngine
from nnlab.jobs import heartbeat, warming, worker
from nnlab.jobs.worker import run_job
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Lost, RequestedAction, Run, Store, budget
from nnlab.training import loop
from nnlab.training.api import train
from nnlab.training.loop import Training

SEEDS = (0, 3)
EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 30})


@pytest.fixture
def store(one_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("NNLAB_DATABASE_URL", one_url)
    settings.cache_clear()
    made = Store(one_url)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _write_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every epoch is written, so that results do not depend on the clock."""
    for name in ("WRITE_EVERY", "LIVE_EVERY", "CHECKPOINT_EVERY"):
        monkeypatch.setattr(worker, name, 0.0)


def ran(store: Store, experiment: Experiment = EXPERIMENT, progress: Any = None) -> Run:
    run = store.create_run(experiment, SEEDS, "ana")
    return again(store, run, progress)


def again(store: Store, run: Run, progress: Any = None) -> Run:
    attempt = store.claim(run.id)
    assert attempt is not None
    run_job(store, run.id, attempt, progress)
    after = store.run(run.id)
    assert after is not None
    return after


def figures(store: Store, run: Run) -> np.ndarray:
    return store.metrics(run.id).values


@pytest.mark.parametrize("folds", [0, 5])  # of 48 samples: two sizes
def test_a_finished_run_has_what_training_alone_gives(store: Store, folds: int) -> None:
    experiment = EXPERIMENT.set({"data.folds": folds})
    run, alone = ran(store, experiment), train(experiment, SEEDS).result()
    assert (run.state, run.epoch, run.error, run.requested_action) == ("finished", 30, None, None)
    table = store.metrics(run.id)
    assert table.epochs.tolist() == list(range(1, 31))
    for i, name in enumerate(METRICS):
        np.testing.assert_array_equal(table.values[:, i].reshape(-1), alone.metrics[name])
    last = store.snapshot(run.id)
    assert last is not None
    for name, array in alone.stacked.items():
        np.testing.assert_array_equal(last[1][name], array)
    assert run.results is not None
    for part in ("train", "validation", "test"):
        for name, values in (alone.evaluate(part) or {}).items():
            assert run.results[part][name] == values.tolist()
    assert run.results["best_epoch"] == alone.best_epoch.tolist()
    assert run.results["epochs"] == run.results["final_epoch"] == [30] * len(run.replicates)
    for rows in run.results["signals"]["after"].values():
        assert all(len(row) == len(run.replicates) for row in rows)
    assert run.seconds > 0


def test_a_run_says_which_engine_trained_it_and_goes_on_with_that_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_numba_installed", lambda: False)
    run = store.create_run(EXPERIMENT, SEEDS, "ana")
    assert (run.engine, run.without_numba) == (None, False)
    paused = again(store, run, lambda epoch: store.request(run.id, "pause") if epoch.epoch == 5 else None)
    assert (paused.engine, paused.without_numba) == ("numpy", True)
    monkeypatch.setattr(choice, "_numba_installed", lambda: True)
    assert store.requeue(run.id)
    assert again(store, run).engine == "numpy"
    for engine in ("torch", "numpy"):
        named = ran(store, EXPERIMENT.vary("engine", engine))
        assert (named.engine, named.without_numba) == (engine, False)


def test_a_run_whose_engine_is_missing_fails_with_a_sentence_and_keeps_what_it_has(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_numba_installed", lambda: False)
    monkeypatch.setitem(sys.modules, "nnlab.engines.compiled_engine", None)
    run = store.create_run(EXPERIMENT, SEEDS, "ana")
    again(store, run, lambda epoch: store.request(run.id, "pause") if epoch.epoch == 5 else None)
    checkpoint, attempt = store.checkpoint(run.id), store.requeue(run.id) and store.claim(run.id)
    assert checkpoint is not None
    begun = train(EXPERIMENT, SEEDS, checkpoint=checkpoint)
    begun.engine_used = "compiled"  # as on a machine with Numba
    store.append(run.id, attempt or "", [], checkpoint=begun.checkpoint())
    store.finish(run.id, attempt or "", "paused")
    assert store.requeue(run.id)
    failed = again(store, run)
    assert (failed.state, failed.epoch) == ("failed", begun.epoch)
    assert failed.error is not None
    assert failed.error.startswith("train.engine: got 'compiled', but the compiled engine, which began this run, needs")
    assert store.checkpoint(run.id) is not None


def test_a_small_network_keeps_every_epoch_up_to_200(store: Store) -> None:
    assert store.snapshot_epochs(ran(store).id) == list(range(31))
    epochs = store.snapshot_epochs(ran(store, EXPERIMENT.set({"train.epochs": 300})).id)
    assert (epochs[0], epochs[-1]) == (0, 300)
    assert 100 < len(epochs) <= 202


def test_snapshots_of_a_larger_network_are_about_twenty_on_a_log_scale(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "BYTES", 100)
    run = ran(store, EXPERIMENT.set({"train.epochs": 100}))
    epochs = store.snapshot_epochs(run.id)
    assert (epochs[0], epochs[1], epochs[-1]) == (0, 1, 100)
    assert 14 <= len(epochs) <= 22
    assert np.diff(epochs)[-1] > 5 * np.diff(epochs)[0]
    best = store.snapshot(run.id, "best")
    assert best is not None


def test_a_large_network_has_fewer_snapshots(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SNAPSHOT_BYTES", 100.0)
    assert store.snapshot_epochs(ran(store).id) == [0, 30]


def test_only_a_finished_run_is_evaluated_on_the_test_set(store: Store) -> None:
    run = store.create_run(EXPERIMENT, SEEDS, "ana")
    stopped = again(store, run, lambda epoch: store.request(run.id, "stop") if epoch.epoch == 5 else None)
    assert (stopped.state, stopped.error) == ("stopped", None)
    assert stopped.results is not None
    assert stopped.results["test"] is None
    assert len(stopped.results["validation"]["accuracy"]) == len(SEEDS)
    assert stopped.epoch < 30


@pytest.fixture
def mid_epoch(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[Run, int, RequestedAction], None]:
    """Call it with a run, an epoch and an action: it is requested once, in the middle of that epoch, and was read."""
    heartbeats: list[Any] = []

    class Heartbeat(worker.Heartbeat):
        def __enter__(self) -> worker.Heartbeat:
            heartbeats.append(self)
            return super().__enter__()

    def request(run: Run, at: int, action: RequestedAction) -> None:
        engine, middle = engine_class(working_engine(run.experiment)), run.experiment.steps_per_epoch // 2
        run_steps, due = engine.run_steps, [action]

        def requesting(self: EngineProtocol, epoch: int, first: int, rates: Any, active: Any) -> None:
            run_steps(self, epoch, first, rates, active)
            if (epoch, first) == (at, middle) and due:
                store.request(run.id, due.pop())
                while heartbeats[-1].action is None:
                    pass  # the heartbeat thread reads it

        monkeypatch.setattr(engine, "run_steps", requesting)

    monkeypatch.setattr(worker, "Heartbeat", Heartbeat)
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    monkeypatch.setattr(loop, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(loop, "LONG_EPOCH", 0.0)
    return request


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_a_run_paused_within_an_epoch_equals_an_uninterrupted_one(
    store: Store, mid_epoch: Callable[[Run, int, RequestedAction], None], engine: str
) -> None:
    experiment = EXPERIMENT.set({"train.batch_size": 4, "train.epochs": 6, "train.engine": engine})
    run = store.create_run(experiment, SEEDS, "ana")
    for epoch in (1, 4):
        mid_epoch(run, epoch, "pause")
        paused = again(store, run)
        assert (paused.state, paused.epoch) == ("paused", epoch - 1)
        assert store.metrics(run.id).epochs.tolist() == list(range(1, epoch))
        last = store.snapshot(run.id)
        assert last is not None
        assert last[0] == epoch - 1
        assert store.requeue(run.id)
    done, whole = again(store, run), ran(store, experiment)
    assert done.state == "finished"
    np.testing.assert_array_equal(figures(store, run), figures(store, whole))
    assert done.results == whole.results


def test_a_run_stopped_within_an_epoch_has_what_the_epochs_before_came_to(
    store: Store, mid_epoch: Callable[[Run, int, RequestedAction], None]
) -> None:
    experiment = EXPERIMENT.set({"train.batch_size": 4, "train.epochs": 6})
    first, third = (store.create_run(experiment, SEEDS, "ana") for _ in range(2))
    mid_epoch(first, 1, "stop")
    stopped = again(store, first)
    assert (stopped.state, stopped.epoch, stopped.results) == ("stopped", 0, None)
    mid_epoch(third, 3, "stop")
    stopped = again(store, third)
    assert (stopped.state, stopped.epoch) == ("stopped", 2)
    assert stopped.results is not None
    two = train(experiment.set({"train.epochs": 2}), SEEDS).result().evaluate("validation")
    assert two is not None
    assert stopped.results["validation"]["loss"] == two["loss"].tolist()


def test_time_over_within_an_epoch_ends_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_MAX_SECONDS", "1")
    settings.cache_clear()
    monkeypatch.setattr(loop, "CHECK_EVERY", 0.0)
    run_steps = NumpyEngine.run_steps

    def slow(self: NumpyEngine, *args: Any) -> None:
        run_steps(self, *args)
        after = time.monotonic()
        while time.monotonic() < after + 1:
            pass

    monkeypatch.setattr(NumpyEngine, "run_steps", slow)
    run = ran(store, EXPERIMENT.set({"train.engine": "numpy"}))
    assert (run.state, run.epoch, run.note) == ("stopped", 0, "max_seconds")


@pytest.mark.parametrize("engine", ["torch", "numpy"])
@pytest.mark.parametrize(("optimizer", "folds"), [("sgd", 0), ("adam", 0), ("adam", 5)])
def test_a_paused_and_resumed_run_equals_an_uninterrupted_one(
    store: Store, engine: str, optimizer: str, folds: int
) -> None:
    changes = {
        "data.folds": folds,
        "train.engine": engine,
        "train.optimizer": optimizer,
        "train.schedule": "one_cycle",
        "model.dropout": 0.2,
    }
    experiment = EXPERIMENT.set(changes)
    run = store.create_run(experiment, SEEDS, "ana")
    paused = again(store, run, lambda epoch: store.request(run.id, "pause") if epoch.epoch in (5, 17) else None)
    assert (paused.state, paused.requested_action, paused.results) == ("paused", None, None)
    assert 5 <= paused.epoch < 17
    assert store.requeue(run.id)
    paused = again(store, run, lambda epoch: store.request(run.id, "pause") if epoch.epoch in (5, 17) else None)
    assert store.requeue(run.id)
    resumed, whole = again(store, run), ran(store, experiment)
    assert resumed.state == "finished"
    np.testing.assert_array_equal(figures(store, run), figures(store, whole))
    assert resumed.results == whole.results


def test_a_run_that_yields_waits_and_then_equals_an_uninterrupted_one(store: Store) -> None:
    run, whole = store.create_run(EXPERIMENT, SEEDS, "ana"), ran(store)
    for begun, epoch_at in enumerate((5, 17)):
        attempt = store.claim(run.id)
        assert attempt is not None

        def ask(epoch: Any, at: int = epoch_at) -> None:
            if epoch.epoch == at:
                assert store.lend_worker()

        assert run_job(store, run.id, attempt, ask) == "yield"
        yielded = store.run(run.id)
        assert yielded is not None
        assert (yielded.state, yielded.note, yielded.attempts) == ("waiting", "yielded", 0)
        assert yielded.epoch == len(figures(store, run)) == epoch_at + 1, begun
        assert (yielded.requested_action, yielded.results, yielded.progress) == (None, None, yielded.epoch / 30)
    resumed = again(store, run)
    assert (resumed.state, resumed.note, resumed.attempts) == ("finished", None, 1)
    np.testing.assert_array_equal(figures(store, run), figures(store, whole))
    assert resumed.results == whole.results
    ours, theirs = store.snapshot(run.id), store.snapshot(whole.id)
    assert ours is not None
    assert theirs is not None
    assert {name: array.tobytes() for name, array in ours[1].items()} == {
        name: array.tobytes() for name, array in theirs[1].items()
    }


@pytest.mark.parametrize(("action", "after"), [("pause", "waiting"), ("stop", "waiting")])
def test_what_its_owner_requests_counts_though_it_was_to_yield(
    store: Store, action: RequestedAction, after: str
) -> None:
    run = store.create_run(EXPERIMENT, SEEDS, "ana")

    def ask(epoch: Any) -> None:
        if epoch.epoch == 5:
            assert store.lend_worker()
        elif epoch.epoch == 6:
            store.request(run.id, action)

    stopped = again(store, run, ask)
    assert (stopped.state, stopped.requested_action) == (after, action)
    ended = again(store, run)
    assert ended.state == ("paused" if action == "pause" else "stopped")


def test_after_a_run_has_yielded_the_worker_is_free_for_other_tasks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [store.create_run(EXPERIMENT.set({"model.hidden": [n]}), SEEDS, "ana") for n in (1, 2, 3)]

    def asked(store: Store, run_id: str, attempt: str) -> RequestedAction | None:
        if run_id == runs[1].id:
            assert store.lend_worker()
        return run_job(store, run_id, attempt)

    monkeypatch.setattr(worker, "run_job", asked)
    assert worker.work() == 2
    assert store.queue() == [runs[1].id, runs[2].id], "it continues next"


def test_a_run_that_waits_to_be_stopped_is_measured_and_trains_no_further(store: Store) -> None:
    run = store.create_run(EXPERIMENT, SEEDS, "ana")
    paused = again(store, run, lambda epoch: store.request(run.id, "pause") if epoch.epoch == 5 else None)
    store.request(run.id, "stop")
    stopped = again(store, run)
    assert (stopped.state, stopped.epoch) == ("stopped", paused.epoch)
    assert stopped.results is not None


def test_added_epochs_go_on_from_the_end(store: Store) -> None:
    run, longer = ran(store), EXPERIMENT.set({"train.epochs": 40})
    assert store.extend(run.id, longer)
    extended, whole = again(store, run), ran(store, longer)
    assert (extended.state, extended.epoch, extended.epochs) == ("finished", 40, 40)
    np.testing.assert_array_equal(figures(store, run), figures(store, whole))
    assert extended.results == whole.results


def test_a_run_stopped_early_ends_with_each_replicates_best(store: Store) -> None:
    experiment = EXPERIMENT.set({"train.patience": 3, "train.epochs": 500, "train.lr": 0.3})
    run = ran(store, experiment)
    assert run.state == "finished"
    assert run.results is not None
    assert max(run.results["epochs"]) == run.epoch < 500
    assert np.array(run.results["epochs"]) == pytest.approx(np.array(run.results["best_epoch"]) + 3)
    assert run.progress == 1.0


def test_a_run_over_its_time_is_stopped_with_a_sentence_and_evaluated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNLAB_MAX_SECONDS", "7000")
    settings.cache_clear()
    monkeypatch.setattr(Training, "__next__", _slow(Training.__next__))
    run = ran(store)
    assert (run.state, run.epoch, run.note) == ("stopped", 4, "max_seconds")
    assert run.error is not None
    assert "7000 s" in run.error
    assert run.results is not None
    assert run.results["test"] is None


def _slow(step: Any) -> Any:
    """Two thousand seconds an epoch, by the books."""

    def slow(self: Training) -> Any:
        epoch = step(self)
        self.seconds = 2000.0 * self.epoch
        return epoch

    return slow


def test_limits_hold_in_the_worker_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_MAX_EPOCHS", "29")
    settings.cache_clear()
    run = ran(store)
    assert (run.state, run.error) == ("failed", "train.epochs: got 30, allowed is from 1 to 29.")


def test_an_error_is_one_sentence_and_its_traceback_goes_to_the_log(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Training) -> Any:
        raise ZeroDivisionError("no\nway")

    monkeypatch.setattr(Training, "__next__", broken)
    run = ran(store)
    assert (run.state, run.error) == ("failed", "The training broke off: ZeroDivisionError: no way.")
    assert any(record.exc_info for record in caplog.records if record.levelno == logging.ERROR)


def test_missing_data_fails_with_its_own_error_and_can_be_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnlab.datasets import mnist

    error = DatasetUnavailable("offline", Path("/data/mnist"), ["train-images-idx3-ubyte.gz"])

    def offline(*_: Any, **__: Any) -> Path:
        raise error

    monkeypatch.setattr(mnist, "fetch", offline)
    run = ran(store, EXPERIMENT.set({"data.name": "mnist", "train.epochs": 1}))
    assert (run.state, run.error) == ("failed", str(error))
    assert store.requeue(run.id)
    waiting = store.run(run.id)
    assert waiting is not None
    assert (waiting.state, waiting.error) == ("waiting", None)


def test_a_download_shows_how_far_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnlab.datasets import mnist

    seen: list[float | None] = []
    run = store.create_run(EXPERIMENT.set({"data.name": "mnist", "train.epochs": 1}), SEEDS, "ana")

    def fetch(progress: Any = None, **_: Any) -> Path:
        if progress is None:
            raise DatasetUnavailable("offline", Path("/data"), [])
        progress(3, 10)
        while not (now := store.run(run.id)) or now.loading is None:
            pass  # the heartbeat thread reads it
        seen.append(now.loading)
        return Path("/data")

    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    monkeypatch.setattr(mnist, "available", lambda *_: False)
    monkeypatch.setattr(mnist, "fetch", fetch)
    again(store, run)
    assert seen == [0.3]


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_a_download_ends_when_an_action_is_requested(
    store: Store, monkeypatch: pytest.MonkeyPatch, action: RequestedAction, state: str
) -> None:
    from nnlab.datasets import mnist

    run = store.create_run(EXPERIMENT.set({"data.name": "mnist", "train.epochs": 1}), SEEDS, "ana")
    fetched: list[int] = []

    def fetch(progress: Any = None, **_: Any) -> Path:
        fetched.append(1)
        store.request(run.id, action)
        while True:
            progress(3, 10)

    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    monkeypatch.setattr(mnist, "available", lambda *_: False)
    monkeypatch.setattr(mnist, "fetch", fetch)
    asked = again(store, run)
    assert (asked.state, asked.requested_action, asked.loading, fetched) == (state, None, None, [1])


def test_one_worker_at_a_time_imports_pytorch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone: dict[str, bool] = {}

    def warm(engine: str) -> None:
        try:
            with FileLock(home / "torch.lock").acquire(blocking=False):
                alone[engine] = False
        except Timeout:
            alone[engine] = True

    monkeypatch.setattr(warming, "TORCH_AFTER", 0.0)
    monkeypatch.setattr(warming, "_lower_priority", lambda: None)
    monkeypatch.setattr(warming, "warm", warm)
    warming.prepare()
    assert alone == {"auto": False, "torch": True}


def test_a_run_shows_how_far_the_engine_is_compiled(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float | None, str | None]] = []
    run = store.create_run(EXPERIMENT, SEEDS, "ana")

    def compile_(_: Experiment, on_progress: Callable[[Progress], None]) -> None:
        on_progress(Progress(1, 4, 6.2, 0.25))
        while not (now := store.run(run.id)) or now.loading is None:
            pass  # the heartbeat thread writes it
        seen.append((now.loading, now.note))

    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    monkeypatch.setattr(worker, "working_engine", compile_)
    done = again(store, run)
    assert seen == [(0.25, "compiling 6")]
    assert (done.state, done.loading, done.note) == ("finished", None, None)


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_the_wait_for_the_engine_ends_when_an_action_is_requested(
    store: Store, monkeypatch: pytest.MonkeyPatch, action: RequestedAction, state: str
) -> None:
    run = store.create_run(EXPERIMENT, SEEDS, "ana")

    def compile_(_: Experiment, on_progress: Callable[[Progress], None]) -> None:
        store.request(run.id, action)
        while True:
            on_progress(Progress(1, 4, 6.2, 0.25))

    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    monkeypatch.setattr(worker, "working_engine", compile_)
    asked = again(store, run)
    assert (asked.state, asked.requested_action, asked.loading) == (state, None, None)


def test_a_replaced_attempt_ends_without_writing(store: Store) -> None:
    run = store.create_run(EXPERIMENT, SEEDS, "ana")

    def take_over(epoch: Any) -> None:
        if epoch.epoch == 5:
            store.release_dead(stale_after=-1)
            assert store.claim(run.id)

    seen = again(store, run, take_over)
    assert (seen.state, seen.epoch) == ("running", 5)
    assert store.metrics(run.id).epochs.tolist() == [1, 2, 3, 4, 5]


@pytest.fixture
def crashed(store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose worker died at epoch 20; its last checkpoint is of epoch 10."""
    run = store.create_run(EXPERIMENT, SEEDS, "ana")
    append = Store.append

    def dies(self: Store, *args: Any, **named: Any) -> Any:
        if named["epoch"] > 10:
            named["checkpoint"] = None
        if named["epoch"] == 20:
            raise Lost(run.id)
        return append(self, *args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "append", dies)
        again(store, run)
    return run


def test_an_attempt_that_died_between_checkpoints_is_repeated_without_a_trace(store: Store, crashed: Run) -> None:
    """Curves written after the last checkpoint are computed again, equal, and stand once."""
    run = crashed
    assert store.metrics(run.id).epochs[-1] == 19
    store.release_dead(stale_after=-1)
    recovered, whole = again(store, run), ran(store)
    assert recovered.state == "finished"
    assert store.metrics(run.id).epochs.tolist() == list(range(1, 31))
    np.testing.assert_array_equal(figures(store, run), figures(store, whole))
    assert recovered.results == whole.results


def test_a_run_that_is_stopped_after_a_crash_ends_with_the_last_epoch_of_its_curves(store: Store, crashed: Run) -> None:
    """Its checkpoint is of an earlier one."""
    store.request(crashed.id, "stop")
    store.release_dead(stale_after=-1)
    stopped = again(store, crashed)
    assert (stopped.state, stopped.epoch) == ("stopped", 19)
    nineteen = train(EXPERIMENT.set({"train.epochs": 19}), SEEDS).result()
    expected = nineteen.evaluate("validation")
    assert expected is not None
    assert stopped.results is not None
    assert stopped.results["validation"]["loss"] == expected["loss"].tolist()


def test_ctrl_c_leaves_a_run_that_can_be_resumed(store: Store) -> None:
    run = store.create_run(EXPERIMENT, SEEDS, "ana")

    def press(epoch: Any) -> None:
        if epoch.epoch == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(store, run, press)
    interrupted = store.run(run.id)
    assert interrupted is not None
    assert interrupted.state == "interrupted"
    assert store.requeue(run.id)
    assert again(store, run).state == "finished"
    np.testing.assert_array_equal(figures(store, run), figures(store, ran(store)))


def test_slow_tasks_are_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    task = worker.Throttle(every=2.0)
    assert task.when_due(lambda: "made") == "made"
    task.cost += 1.0  # took a second: next in ten
    for at, due in ((9.9, False), (10.1, True), (12.0, False), (12.2, True)):
        clock[0] = at
        assert (task.when_due(lambda: "made") is not None) is due


def test_work_takes_every_waiting_run_in_turn(home: Path) -> None:
    store = Store(settings().database_url)
    small = EXPERIMENT.set({"train.epochs": 2})
    owners = {0.01: "ana", 0.02: "ana", 0.03: "ben"}  # equal runs would be trained once
    runs = [store.create_run(small.vary("lr", rate), SEEDS, owner) for rate, owner in owners.items()]
    assert worker.work() == 3
    ended = {run.id: run.finished for run in store.runs(state="finished")}
    assert sorted(ended, key=lambda run_id: ended[run_id]) == [runs[0].id, runs[2].id, runs[1].id]
    assert worker.work() == 0
    store.close()
