"""Processes killed by SIGKILL: no epoch is lost or doubled, and no run runs for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
from waiting import until

from nnlab.engines.base import METRICS
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import MAX_ATTEMPTS, Run, Store

SEEDS = (0, 1, 2)
EXPERIMENT = Experiment().set(
    {
        "data.n_samples": 5000,
        "model.hidden": [64, 64],
        "train.epochs": 250,
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
    until(lambda: now(lab, run.id).epoch > 20)
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


_SERVER = """
import sys
from nnlab.lab import open_lab
from nnlab.spec import Experiment
lab, experiment = open_lab(), Experiment.from_json(sys.argv[1])
for _ in range(2):
    print(lab.submit(experiment, [0, 1, 2], "ana", reuse=False).id, flush=True)
sys.stdin.read()
"""


def test_after_the_server_is_killed_every_run_is_finished_by_the_next(
    home: Path, lab: Lab, whole: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNLAB_WORKERS", "1")  # one run is under way, the other waits
    settings.cache_clear()
    following = Lab(Store(settings().database_url))
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, EXPERIMENT.to_json()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    ids = [server.stdout.readline().strip() for _ in range(2)]
    until(lambda: sum(now(following, run_id).epoch > 10 for run_id in ids) >= 1)
    states = {now(following, run_id).state for run_id in ids}
    workers = [pid for run_id in ids if (pid := worker_of(following.store, run_id))]
    server.kill()
    server.communicate()
    assert {"running", "waiting"} <= states
    until(lambda: not any(psutil.pid_exists(pid) for pid in workers))  # they end with it
    following.store.release_dead(settings().stale_after)
    following._dispatcher.wake()
    assert "running" not in {now(following, run_id).state for run_id in ids if not worker_of(following.store, run_id)}
    for run_id in ids:
        done = until(lambda run_id=run_id: (found := now(following, run_id)) and found.state == "finished" and found)
        assert_equal(following, done, whole)
    following.close()


def test_a_suspended_worker_that_was_replaced_writes_nothing(
    lab: Lab, whole: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.submit(EXPERIMENT, SEEDS, "ana", reuse=False)
    until(lambda: now(lab, run.id).epoch > 20)
    sleeper = worker_of(lab.store, run.id)
    assert sleeper is not None
    os.kill(sleeper, signal.SIGSTOP)
    monkeypatch.setenv("NNLAB_STALE_AFTER", "5")
    settings.cache_clear()
    until(lambda: worker_of(lab.store, run.id) not in (None, sleeper))
    monkeypatch.delenv("NNLAB_STALE_AFTER")
    settings.cache_clear()
    os.kill(sleeper, signal.SIGCONT)
    done = until(lambda: (found := now(lab, run.id)) and found.state == "finished" and found)
    assert_equal(lab, done, whole)
