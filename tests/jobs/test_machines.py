"""Workers on other machines: a scheduler over TLS, workers with homes of their own, two servers of one data base.

Scheduler, workers and certificate are made by the commands of docs/hosting.md.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from waiting import until

from benchmarks.machines import Machines, is_equal
from nnlab.catalogue.presets import presets
from nnlab.datasets import mnist
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Store

SHORT = Experiment().set({"data.n_samples": 60, "train.epochs": 3})
LONG = Experiment().set(
    {"data.n_samples": 2000, "model.hidden": [32, 32], "train.epochs": 100, "train.engine": "numpy"}
)


@pytest.fixture
def machines(one_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    made = Machines(tmp_path, one_url)
    monkeypatch.setenv("NNLAB_SCHEDULER", made.address)
    monkeypatch.setenv("NNLAB_DATABASE_URL", one_url)
    monkeypatch.setenv("NNLAB_STALE_AFTER", "2")
    settings.cache_clear()
    with dask.config.set({}):  # which restores them at its end
        yield made
    made.close()


def test_workers_elsewhere_train_for_two_servers_and_lose_nothing_when_one_is_cut_off(
    machines: Machines, one_url: str, mnist_source: Path
) -> None:
    """They have homes of their own, without MNIST; the second one has two threads."""
    processes = {name: machines.worker(name, threads, "--no-nanny") for name, threads in (("first", 1), ("second", 2))}
    with closing(Lab(Store(one_url))) as one:
        cut_off = one.submit(LONG, 2, "ana")
        assert until(lambda: one.trouble).kind == "certificate"
        assert one.store.run(cut_off.id).state == "waiting"
        machines.use()
        with closing(Lab(Store(one_url))) as two:
            folder = mnist_source / "mnist"
            two.store.store_data_files({f"mnist/{one.name}": (folder / one.name).read_bytes() for one in mnist.FILES})
            pictures = two.submit(presets["mnist"].set({"train.epochs": 1, "data.n_samples": 500}), 1, "ben")
            several = [lab.submit(SHORT, [seed], f"v{seed}") for seed, lab in enumerate((one, two, one, two))]
            until(lambda: two.run(cut_off.id).epoch > 2)
            name = next(worker for run, worker in one.store.in_training() if run.id == cut_off.id)
            cut = next(process for process in processes.values() if f"/{process.pid}/" in name)
            cut.send_signal(signal.SIGSTOP)
            for run in (cut_off, pictures, *several):
                until(lambda run=run: not two.run(run.id).active)
                assert one.run(run.id).state == "finished", one.run(run.id).error
            cut.send_signal(signal.SIGCONT)
            assert is_equal(one, cut_off, one.train_here(LONG, 2, "ana"))


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
