"""Processes killed by SIGKILL: no epoch is lost or doubled, and no run runs for ever."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
from waiting import until

from benchmarks.serving import Server
from nnlab.engines.base import METRICS
from nnlab.lab import Lab
from nnlab.spec import Experiment
from nnlab.store import MAX_ATTEMPTS, Run, Store

SEEDS = (0, 1, 2)
EXPERIMENT = Experiment().set(
    {
        "data.n_samples": 5000,
        "model.hidden": [64, 64],
        "train.epochs": 40,  # for seconds: the kills come long before the last one
        "model.dropout": 0.1,
        "train.schedule": "cosine",
    }
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All tests of this module but one share its workers."""
    made = Lab(Store(f"sqlite:///{tmp_path_factory.mktemp('lab') / 'nnlab.db'}"))
    yield made
    made.close()


def now(lab: Lab, run_id: str) -> Run:
    run = lab.run(run_id)
    assert run is not None
    return run


def worker_of(store: Store, run_id: str) -> int | None:
    """The process that works on a run."""
    with store._read() as db:
        worker = db.execute(sa.text("SELECT worker FROM runs WHERE id = :id"), {"id": run_id}).scalar()
    return int(worker.split("/")[1]) if worker else None


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab of its own with an uninterrupted run, trained in this process: equal runs of a lab share their results."""
    made = Lab(Store(f"sqlite:///{tmp_path_factory.mktemp('whole') / 'nnlab.db'}"))
    made.train_here(EXPERIMENT, SEEDS, "control")
    return made


def assert_equal(lab: Lab, run: Run, whole: Lab) -> None:
    """Every epoch once, with the same numbers."""
    names, control = ["epoch", "seed", *METRICS, "lr"], whole.runs()[0]
    got, wanted = lab.metrics(run.id)[names], whole.metrics(control.id)[names]
    np.testing.assert_array_equal(got.to_numpy(), wanted.to_numpy())
    assert run.results == control.results
    ours, theirs = lab.snapshot(run.id), whole.snapshot(control.id)
    assert ours is not None
    assert theirs is not None
    for name, array in theirs[1].items():
        np.testing.assert_array_equal(ours[1][name], array)


def test_a_run_whose_worker_is_killed_is_finished_by_another(lab: Lab, whole: Lab) -> None:
    run = lab.submit(EXPERIMENT, SEEDS, "ana", reuse=False)
    until(lambda: now(lab, run.id).epoch > 8)
    kill(worker_of(lab.store, run.id))
    done = until(lambda: (found := now(lab, run.id)) and found.state == "finished" and found)
    assert_equal(lab, done, whole)


def test_a_run_that_kills_every_worker_is_interrupted_and_can_be_resumed(lab: Lab) -> None:
    long_epoch = {"data.n_samples": 20_000, "model.hidden": [1000, 1000]}  # no attempt comes to the end of the first
    run = lab.submit(EXPERIMENT.set(long_epoch), 1, "ana")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        until(lambda n=attempt: (found := now(lab, run.id)).state == "running" and found.attempts == n)
        kill(until(lambda: worker_of(lab.store, run.id)))
    until(lambda: now(lab, run.id).state == "interrupted")
    lab.resume(run.id, "ana")
    until(lambda: now(lab, run.id).state == "running")
    lab.stop(run.id, "ana")
    until(lambda: now(lab, run.id).state == "stopped")


def test_after_the_server_is_killed_no_process_is_left_and_the_next_one_finishes_every_run_without_a_page(
    tmp_path: Path, whole: Lab
) -> None:
    """Also where the next server cannot use the data base at first."""
    server = Server(tmp_path, NNLAB_WORKERS="1")

    def version(change: str) -> None:
        with closing(sqlite3.connect(tmp_path / "nnlab.db", timeout=30)) as db, db:
            db.execute(f"UPDATE nnlab_schema SET version = version {change}")

    with closing(Lab(Store(server.database_url))) as lab:  # which has no workers of its own
        trains, waits = (lab.store.create_run(EXPERIMENT, seeds, "ana").id for seeds in (SEEDS, (3,)))
        server.start()
        try:
            until(lambda: now(lab, trains).epoch > 8)
            assert now(lab, waits).state == "waiting"
            assert server.process is not None
            children = psutil.Process(server.process.pid).children(recursive=True)
            server.kill()
            until(lambda: not any(map(lives, children)))
            assert now(lab, trains).active
            version("+ 90")  # of a newer nnlab
            server.start()
            until(lambda: "the lab cannot be opened" in server.log.read_text())
            version("- 90")
            until(lambda: not any(now(lab, run_id).active for run_id in (trains, waits)))
        finally:
            server.stop()
        assert_equal(lab, now(lab, trains), whole)
        assert now(lab, waits).state == "finished"
        assert list(lab.metrics(waits)["epoch"]) == list(range(1, EXPERIMENT.train.epochs + 1))


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_suspended_worker_that_was_replaced_writes_nothing(lab: Lab, whole: Lab) -> None:
    run = lab.submit(EXPERIMENT, SEEDS, "ana", reuse=False)
    until(lambda: now(lab, run.id).epoch > 8)
    sleeper = worker_of(lab.store, run.id)
    assert sleeper is not None
    os.kill(sleeper, signal.SIGSTOP)
    until(lambda: lab.store.release_dead(0) == [run.id])  # without waiting for NNLAB_STALE_AFTER
    lab._dispatcher.wake()
    until(lambda: worker_of(lab.store, run.id) not in (None, sleeper))
    os.kill(sleeper, signal.SIGCONT)
    done = until(lambda: (found := now(lab, run.id)) and found.state == "finished" and found)
    assert_equal(lab, done, whole)
