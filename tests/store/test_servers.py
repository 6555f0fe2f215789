"""Several servers of one data base."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import sqlalchemy as sa
from store import earlier

from nnlab import __version__
from nnlab.jobs import warming, worker
from nnlab.jobs.trouble import WorkerError
from nnlab.jobs.worker import Errand
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Store
from nnlab.store.processes import maybe_alive, this_process
from nnlab.store.schema import runs_table

EXPERIMENT = Experiment().set({"data.n_samples": 40, "train.epochs": 2, "train.engine": "numpy"})


@pytest.fixture
def here(url: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A data base that the settings of this process name."""
    monkeypatch.setenv("NNLAB_DATABASE_URL", url)
    settings.cache_clear()
    return store


def test_a_server_that_starts_leaves_the_runs_of_another_alone(store: Store, url: str) -> None:
    ours, elsewhere = (store.create_run(EXPERIMENT, (seed,), "ana").id for seed in (0, 1))
    store.claim(ours)
    store.claim(elsewhere, "another machine:1/2/3.00")
    second = Store(url)
    assert second.release_dead(15.0, server_began=time.time() + 1) == []
    assert [run.state for run in second.runs()] == ["running"] * 2
    second.close()


def test_a_process_of_another_machine_with_the_same_name_and_number_is_not_taken_for_a_dead_one_here() -> None:
    _, boot, _ = this_process().partition("/")[0].split(":")
    gone = f"{this_process().partition('/')[0]}/999999999/1.00"
    assert gone.startswith(socket.gethostname())
    assert not maybe_alive(gone)
    assert maybe_alive(gone.replace(boot, "of another start"))


def test_one_of_several_servers_removes_what_is_old(store: Store, url: str) -> None:
    second = Store(url)
    assert [one.may_clean(3600.0) for one in (store, second, store)] == [True, False, False]
    assert second.may_clean(-1.0)
    second.close()


def test_a_short_task_gets_a_worker_of_the_cluster_that_has_it(store: Store) -> None:
    runs = [store.create_run(EXPERIMENT, (seed,), "ana").id for seed in range(2)]
    for run, name in zip(runs, ("a:1/1/1.00", "b:1/1/1.00"), strict=True):
        store.claim(run, name)
    assert not store.lend_worker(["c:1/1/1.00"])
    assert store.lend_worker(["b:1/1/1.00"])
    with store._read() as db:
        wished = dict(db.execute(sa.select(runs_table.c.id, runs_table.c.wish)).tuples().all())
    assert [wished[run] for run in runs] == [None, "yield"]
    assert store.lend_worker()


def test_a_data_base_has_one_id_by_whatever_address(store: Store, url: str, tmp_path) -> None:
    again, other = Store(url), Store(f"sqlite:///{tmp_path / 'other.db'}")
    assert store.id == again.id != other.id
    again.close()
    other.close()


def test_an_earlier_data_base_gets_an_id(url: str) -> None:
    earlier.make(url, 5)
    store = Store(url)
    assert len(store.id) == 12
    store.close()


def test_a_run_that_cannot_be_read_stops_no_other(here: Store) -> None:
    broken, good = (here.create_run(EXPERIMENT, (seed,), "ana").id for seed in (0, 1))
    with here._write() as db:
        db.exec_driver_sql(f"UPDATE runs SET experiment = '{{' WHERE id = '{broken}'")
    assert here.queue()[0] == broken
    assert worker.work(Errand(__version__, here.id)) == 2
    assert here.run(good).state == "finished"


@pytest.mark.parametrize(("version", "store_id", "kind"), [("0", "", "other_version"), ("", "another", "other_store")])
def test_a_worker_of_another_version_or_data_base_trains_nothing(
    here: Store, version: str, store_id: str, kind: str
) -> None:
    run = here.create_run(EXPERIMENT, (0,), "ana")
    with pytest.raises(WorkerError) as caught:
        worker.work(Errand(version or __version__, store_id or here.id))
    assert caught.value.trouble.kind == kind
    assert here.run(run.id).state == "waiting"


def test_a_process_is_not_warmed_until_no_thread_of_it_trains() -> None:
    """PyTorch must not be imported meanwhile."""
    entered, leave = threading.Event(), threading.Event()

    def train() -> None:
        with warming.at_work():
            entered.set()
            leave.wait(60)

    other = threading.Thread(target=train)
    other.start()
    entered.wait(60)
    with warming.at_work():
        pass
    assert not warming._idle.is_set()
    leave.set()
    other.join()
    assert warming._idle.is_set()
