"""The local cluster mends itself: workers that are killed, hang or cannot start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from waiting import until

from nnlab.jobs import supervisor
from nnlab.jobs.supervisor import Supervisor, pause_after
from nnlab.jobs.trouble import Trouble
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Store

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 5})


def workers_of(lab: Lab) -> list[psutil.Process]:
    """The worker processes, also those that have just been forked."""
    local = lab._dispatcher._local
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(local.pid).children() if local else []
        return [
            worker for child in children if "forkserver" in " ".join(child.cmdline()) for worker in child.children()
        ]
    return []


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All tests of this module share its workers."""
    made = Lab(Store(f"sqlite:///{tmp_path_factory.mktemp('lab') / 'nnlab.db'}"))
    yield made
    made.close()


def trains(lab: Lab, seed: int) -> None:
    """A run is trained by the workers."""
    run = lab.submit(EXPERIMENT, [seed], "ana")
    until(lambda: (now := lab.run(run.id)) and now.state == "finished")


def test_workers_that_are_killed_as_soon_as_they_exist_are_replaced(lab: Lab) -> None:
    lab._dispatcher.start()
    killed: set[int] = set()
    while len(killed) < settings().workers:
        for worker in until(lambda: workers_of(lab), every=0.002):
            with suppress(psutil.NoSuchProcess):
                worker.kill()
                killed.add(worker.pid)
    trains(lab, 1)
    until(lambda: len(lab._dispatcher._seen) == settings().workers)
    assert not killed & {worker.pid for worker in workers_of(lab)}


def test_a_killed_fork_server_and_its_workers_are_replaced(lab: Lab) -> None:
    trains(lab, 2)
    before = workers_of(lab)
    server = before[0].parent()
    assert server is not None
    server.kill()
    until(lambda: not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in before))
    trains(lab, 3)
    assert lab._dispatcher._local is not None
    until(lambda: len(workers_of(lab)) == settings().workers)


def small(wanted: int = 1) -> Supervisor:
    """A supervisor whose scheduler knows no worker."""
    return Supervisor(SimpleNamespace(address="tls://nowhere", workers={}), wanted, {}, "spawn")


async def for_a_moment(coroutine: Any, over: Callable[[], bool]) -> None:
    task = asyncio.ensure_future(coroutine)
    while not over():
        assert not task.done()
        await asyncio.sleep(0)
    task.cancel()


def test_workers_that_end_again_and_again_are_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def one(name: str) -> str:
        ended.append(name)
        return "killed by SIGKILL"

    guard = small()
    monkeypatch.setattr(guard, "_one", one)
    monkeypatch.setattr(supervisor, "pause_after", lambda failures: 0.0)
    monkeypatch.setattr(supervisor, "MISSED_AFTER", 0.0)
    assert guard.trouble == Trouble("missing", "", 0, 1)
    asyncio.run(for_a_moment(guard.keep(0), lambda: len(ended) > supervisor.SERIES))
    assert guard.trouble == Trouble("dying", "killed by SIGKILL", 0, 1)
    assert "end again and again (killed by SIGKILL)" in str(guard.trouble)
    guard.scheduler.workers["tls://worker"] = SimpleNamespace(name="0-5")
    assert guard.trouble is None


def test_a_worker_that_hangs_while_it_starts_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    os.kill(asleep.pid, signal.SIGSTOP)
    process = SimpleNamespace(pid=asleep.pid, exitcode=None, start=lambda: None)
    guard = small()
    monkeypatch.setattr(guard._context, "Process", lambda **_: process, raising=False)
    monkeypatch.setattr(supervisor, "STARTS_WITHIN", 0.0)
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 0.001)
    assert "did not answer" in asyncio.run(guard._one("0-1"))
    assert asleep.wait() == -signal.SIGKILL


def test_the_error_of_a_worker_that_cannot_start_is_the_reason(home: Path) -> None:
    guard = small()
    reason = asyncio.run(guard._one("0-1"))  # there is no such address
    assert "nowhere" in reason or "Error" in reason


def test_pauses_grow_from_none_to_a_quarter_of_a_minute() -> None:
    pauses = [pause_after(failures) for failures in range(12)]
    assert pauses[:2] == [0.0, 0.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == supervisor.LONGEST_PAUSE
