"""Workers on other machines: a scheduler over TLS, workers with homes of their own, two servers of one data base.

Scheduler, workers and certificate are made by the commands of docs/hosting.md.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import dask
import pandas as pd
import pytest
from distributed import LocalCluster

from nnlab.catalogue.presets import presets
from nnlab.datasets import mnist
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Store

HOSTING = (Path(__file__).parents[2] / "docs" / "hosting.md").read_text()
SHORT = Experiment().set({"data.n_samples": 60, "train.epochs": 3})
LONG = Experiment().set({"data.n_samples": 3000, "model.hidden": [64, 64], "train.epochs": 60, "train.engine": "numpy"})
T = TypeVar("T")


def until(see: Callable[[], T], seconds: float = 120) -> T:
    end = time.monotonic() + seconds
    while not (seen := see()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return seen


def documented(program: str) -> list[str]:
    """The first command of docs/hosting.md that begins with these words."""
    found = re.search(rf"^ *({program} .*)$", HOSTING, re.MULTILINE)
    assert found, program
    return shlex.split(found[1])


class Machines:
    """A scheduler and workers, each with an environment of its own."""

    def __init__(self, folder: Path, port: int, database: str) -> None:
        self.folder, self.database, self.address = folder, database, f"tls://127.0.0.1:{port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        subprocess.run(documented("openssl req"), cwd=folder, check=True, capture_output=True)
        self.tls = {"CA_FILE": "dask.pem"}
        for who in ("SCHEDULER", "WORKER", "CLIENT"):
            self.tls |= {f"{who}__CERT": "dask.pem", f"{who}__KEY": "dask.key"}
        given = documented("dask scheduler")
        self._start([*given, "--host", "127.0.0.1"], str(port), "scheduler")

    def worker(self, name: str, threads: int) -> subprocess.Popen[bytes]:
        command = documented("dask worker")
        command[2] = self.address
        for option, value in (("--nworkers", "1"), ("--nthreads", str(threads))):
            command[command.index(option) + 1] = value
        return self._start([*command, "--no-nanny", "--name", name], "", name)

    def _start(self, command: list[str], port: str, name: str) -> subprocess.Popen[bytes]:
        if port:
            command[command.index("--port") + 1] = port
        settings = {f"DASK_DISTRIBUTED__COMM__TLS__{key}": str(self.folder / file) for key, file in self.tls.items()}
        mine = {"NNLAB_HOME": str(self.folder / name), "NNLAB_DATABASE_URL": self.database}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NNLAB_")}
        program = [sys.executable, "-m", "dask", *command[1:]]
        log = (self.folder / f"{name}.log").open("wb")
        process = subprocess.Popen(program, cwd=self.folder, env=kept | settings | mine, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def configure(self) -> None:
        """Give this process the certificate, as the environment would have done."""
        names = {f"distributed.comm.tls.{key.lower().replace('__', '.')}": file for key, file in self.tls.items()}
        dask.config.set({name: str(self.folder / file) for name, file in names.items()})

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()


@pytest.fixture
def machines(one_url: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    made = Machines(tmp_path, free_port, one_url)
    monkeypatch.setenv("NNLAB_SCHEDULER", made.address)
    monkeypatch.setenv("NNLAB_DATABASE_URL", one_url)
    monkeypatch.setenv("NNLAB_STALE_AFTER", "2")
    settings.cache_clear()
    with dask.config.set({}):
        yield made
    made.close()


def test_workers_elsewhere_train_for_two_servers_and_lose_nothing_when_one_is_cut_off(
    machines: Machines, one_url: str, mnist_source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have homes of their own, without MNIST; the second one has two threads."""
    first, second = machines.worker("first", 1), machines.worker("second", 2)
    with closing(Lab(Store(one_url))) as one:
        waiting = one.submit(LONG, 2, "ana")
        trouble = until(lambda: one.trouble)
        assert trouble.kind == "certificate"
        assert "CA_FILE" in str(trouble)
        machines.configure()
        with closing(Lab(Store(one_url))) as two:
            folder = mnist_source / "mnist"
            two.store.store_data_files(
                {f"mnist/{file.name}": (folder / file.name).read_bytes() for file in mnist.FILES}
            )
            pictures = two.submit(presets["mnist"].set({"train.epochs": 1, "data.n_samples": 500}), 1, "ben")
            many = [
                lab.submit(SHORT, [seed], owner) for seed in range(4) for lab, owner in ((one, "eva"), (two, "leo"))
            ]
            until(lambda: (now := two.run(waiting.id)) and now.epoch > 2)
            stored = one.store.run(waiting.id)
            name = one.store.in_training()
            cut = first if any(run.id == stored.id and f"/{first.pid}/" in worker for run, worker in name) else second
            cut.send_signal(signal.SIGSTOP)
            for run in (waiting, pictures, *many):
                until(lambda run=run: (now := two.run(run.id)) and not now.active)
                assert one.run(run.id).state == "finished", one.run(run.id).error
            cut.send_signal(signal.SIGCONT)
            alone = one.train_here(LONG, 2, "alone")
            pd.testing.assert_frame_equal(
                one.metrics(waiting.id).drop(columns="seconds"), one.metrics(alone.id).drop(columns="seconds")
            )
            assert one.run(waiting.id).results["test"] == alone.results["test"]
            until(lambda: one.machine().there == 2)


def test_an_adaptive_cluster_grows_with_the_queue_and_shrinks_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, one_url: str
) -> None:
    monkeypatch.setenv("NNLAB_DATABASE_URL", one_url)
    with (
        dask.config.set({"distributed.scheduler.work-stealing": True}),
        LocalCluster(
            n_workers=0, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
        ) as cluster,
    ):
        monkeypatch.setenv("NNLAB_SCHEDULER", cluster.scheduler_address)
        settings.cache_clear()
        cluster.adapt(minimum=0, maximum=3, interval="50ms", target_duration="500ms", wait_count=2)
        with closing(Lab(Store(one_url))) as lab:
            runs = [lab.submit(LONG, [seed], "ana") for seed in range(6)]
            until(lambda: len(cluster.scheduler.workers) == 3)
            for run in runs:
                lab.stop(run.id, "ana")
            for run in runs:
                until(lambda run=run: not lab.run(run.id).active)
            until(lambda: not cluster.scheduler.workers)
