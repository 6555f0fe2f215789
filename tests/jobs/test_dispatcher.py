"""Real workers, in the process of a Dask cluster. The tests wait for conditions, not for fixed times."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import dask
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster
from distributed.security import Security
from waiting import until

from nnlab.jobs import cluster, dispatcher
from nnlab.jobs.cluster import Contact, local_process, start_early
from nnlab.lab import Lab, open_lab
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Retention, Run, Store, order

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 5})
LONG = EXPERIMENT.set(
    {"data.n_samples": 5000, "model.hidden": [64, 64], "train.epochs": 5000}
)  # for half a minute or more


def state_of(lab: Lab, run: Run) -> str:
    found = lab.run(run.id)
    assert found is not None
    return found.state


def contact_of(lab: Lab) -> Contact:
    """How to reach the lab's local cluster."""
    lab._dispatcher.start()
    return until(lambda: lab._dispatcher._local).contact


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All tests of this module share its workers."""
    made = Lab(Store(f"sqlite:///{tmp_path_factory.mktemp('lab') / 'nnlab.db'}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS")  # workers take one thread without being told
        yield made
    made.close()


def test_a_run_is_trained_by_a_worker_and_seen_while_it_is(lab: Lab) -> None:
    run = lab.submit(LONG, 2, "seen")
    assert run.state == "waiting"
    assert until(lambda: len(lab.curves(run.id)) > 2)
    seen = lab.run(run.id)
    assert seen is not None
    assert (seen.state, 0 < seen.progress < 1) == ("running", True)
    assert seen.seconds_left is not None
    workers = until(lambda: lab.machine().workers)
    assert [worker.known for worker in workers for one in worker.runs if one.id == run.id] == [True]
    live = lab.snapshot(run.id)
    assert live is not None
    assert live[0] > 0
    lab.stop(run.id, "seen")
    until(lambda: state_of(lab, run) == "stopped")


def test_a_paused_run_frees_its_worker_and_goes_on_where_it_was(lab: Lab) -> None:
    slots = settings().workers
    long = [lab.submit(LONG, [seed], "pauses") for seed in range(slots)]
    for run in long:
        until(lambda run=run: len(lab.curves(run.id)) > 0)
    short = lab.submit(EXPERIMENT, 1, "waits")
    assert short.position == 1
    lab.pause(long[0].id, "pauses")
    until(lambda: state_of(lab, long[0]) == "paused")
    until(lambda: state_of(lab, short) == "finished")
    paused = lab.run(long[0].id)
    assert paused is not None
    lab.resume(long[0].id, "pauses")
    until(lambda: (now := lab.run(long[0].id)) and now.state == "running" and now.epoch > paused.epoch)
    for run in long:
        lab.stop(run.id, "pauses")
        until(lambda run=run: state_of(lab, run) == "stopped")
        epochs = lab.metrics(run.id)["epoch"].to_numpy()
        np.testing.assert_array_equal(epochs, np.arange(1, len(epochs) + 1))


def test_while_long_runs_train_a_rate_test_is_answered_and_short_runs_go_first(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [lab.submit(LONG, [40 + k], "long") for k in range(settings().workers)]
    more = lab.submit(LONG, [50], "more")
    for run in long:
        until(lambda run=run: len(lab.curves(run.id)) > 0)
    rate = until(lambda: lab.rate_test(EXPERIMENT, 1))
    assert len(rate.result(120).rates) > 10
    assert {state_of(lab, run) for run in (*long, more)} <= {"waiting", "running"}
    monkeypatch.setattr(order, "LEVELS", (0.1, 60.0, 600.0))
    monkeypatch.setattr(order, "SLICE", 0.0)
    short = lab.submit(EXPERIMENT, [41], "short")
    until(lambda: state_of(lab, short) == "finished")
    monkeypatch.undo()
    lab.stop(more.id, "more")
    for run in long:
        until(lambda run=run: state_of(lab, run) == "running")
        lab.stop(run.id, "long")
        until(lambda run=run: state_of(lab, run) == "stopped")
        epochs = lab.metrics(run.id)["epoch"].to_numpy()
        np.testing.assert_array_equal(epochs, np.arange(1, len(epochs) + 1))
        now = lab.run(run.id)
        assert now is not None
        assert now.attempts == 1


def test_an_owner_with_one_job_does_not_wait_for_one_with_many(lab: Lab) -> None:
    """All wait behind long runs while they are submitted, however fast they would train."""
    long = [lab.submit(LONG, [20 + k], "before") for k in range(settings().workers)]
    for run in long:
        until(lambda run=run: state_of(lab, run) == "running")
    many = [lab.submit(EXPERIMENT.vary("lr", 0.001 * k), 1, "many") for k in range(1, 9)]
    single = lab.submit(EXPERIMENT, [7], "single")
    assert single.position < many[-1].position
    for run in long:
        lab.stop(run.id, "before")
    for run in [*many, single]:
        until(lambda run=run: state_of(lab, run) == "finished")
    ours, last = lab.run(single.id), lab.run(many[-1].id)
    assert ours.started < last.started


def test_lost_workers_are_replaced_when_the_next_run_comes(lab: Lab) -> None:
    first = lab.submit(EXPERIMENT, [11], "lost")
    until(lambda: state_of(lab, first) == "finished")
    local = lab._dispatcher._local
    assert local is not None
    os.kill(local.pid, signal.SIGKILL)
    second = lab.submit(EXPERIMENT, [12], "lost")
    until(lambda: state_of(lab, second) == "finished")
    assert lab._dispatcher._local not in (None, local)


def test_trouble_names_workers_that_cannot_work_until_they_can(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(dispatcher, "__version__", "another")  # the server's
        run = lab.submit(EXPERIMENT, [13], "trouble")
        trouble = until(lambda: (now := lab.trouble) and now.kind == "other_version" and now)
        assert str(trouble).startswith("A worker has another version of nnlab")
        assert state_of(lab, run) == "waiting"
    until(lambda: state_of(lab, run) == "finished")
    until(lambda: lab.trouble is None)


def test_runs_deleted_long_ago_are_purged(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lab.submit(EXPERIMENT, [14], "tidy")
    until(lambda: state_of(lab, run) == "finished")
    lab.delete(run.id, "tidy")
    prune = lab.store.prune
    monkeypatch.setattr(lab.store, "prune", lambda: prune(Retention.older_than(-1)))
    monkeypatch.setattr(lab.store, "may_clean", lambda _: True)
    monkeypatch.setattr(lab._dispatcher._cleaning, "_due", 0.0)
    lab._dispatcher.wake()
    until(lambda: lab.run(run.id) is None)


def test_workers_have_low_priority_and_are_warm(lab: Lab) -> None:
    def about() -> tuple[int, int, bool]:  # a local function, so that it is sent as code

        import torch

        return os.nice(0), torch.get_num_threads(), "nnlab.engines.torch_engine" in sys.modules

    contact = contact_of(lab)
    with Client(contact.address, security=contact.security(), set_as_default=False) as client:
        until(lambda: len(client.nthreads()) == settings().workers)
        until(lambda: set(client.run(about).values()) == {(19, 1, True)})  # once they have prepared in the background
        assert set(client.nthreads().values()) == {1}


def test_a_scheduler_elsewhere_is_reached_by_the_certificates_of_dasks_own_settings(
    lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = contact_of(lab)
    files = {"ca-file": contact.certificate, "client.cert": contact.certificate, "client.key": contact.key}
    monkeypatch.setenv("NNLAB_SCHEDULER", contact.address)
    monkeypatch.setenv("NNLAB_DATABASE_URL", lab.store.url)
    settings.cache_clear()
    other = Lab(Store(settings().database_url))
    try:
        with dask.config.set({f"distributed.comm.tls.{name}": text for name, text in files.items()}):
            run = other.submit(EXPERIMENT, [15], "elsewhere")
            until(lambda: state_of(other, run) == "finished")
        assert other._dispatcher._local is None
    finally:
        other.close()


def test_a_scheduler_without_tls_or_workers_is_reached_and_the_missing_workers_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "MISSED_AFTER", 0.0)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=None) as workers:
        monkeypatch.setenv("NNLAB_SCHEDULER", workers.scheduler_address)
        settings.cache_clear()
        lab = Lab(Store(settings().database_url))
        lab.submit(EXPERIMENT, 1)
        assert "has no worker" in str(until(lambda: lab.trouble))
        lab.close()


def test_nobody_without_the_certificate_reaches_the_workers(lab: Lab) -> None:
    contact = contact_of(lab)
    port = contact.address.rpartition(":")[2]
    stranger = Security.temporary()  # whoever may make a certificate of their own
    for address, security in ((f"tls://127.0.0.1:{port}", stranger), (f"tcp://127.0.0.1:{port}", Security())):
        with pytest.raises(OSError, match=r"."):
            Client(address, security=security, timeout=2, set_as_default=False)


def test_the_workers_listen_only_on_this_machine_have_no_web_page_and_show_nobody_their_key(lab: Lab) -> None:
    contact = contact_of(lab)
    until(lambda: len(lab._dispatcher._seen) == settings().workers)
    local = lab._dispatcher._local
    assert local is not None
    top = psutil.Process(local.pid)
    for process in (top, *top.children(recursive=True)):
        ports = {one.laddr for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
        assert len(ports) <= 1
        assert {port.ip for port in ports} <= {"127.0.0.1"}
        shown = " ".join([*process.cmdline(), *process.environ().values()])
        assert "PRIVATE KEY" not in shown
        assert contact.key.splitlines()[1] not in shown


def test_a_password_of_the_data_base_is_not_in_the_tasks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    class Recorder:
        """A scheduler with one worker, whose tasks never end."""

        status, scheduler = "running", SimpleNamespace(identity="identity", processing="processing")
        sent: ClassVar[list[Any]] = []

        def sync(self, question: str, **_: Any) -> dict[str, Any]:
            return {"workers": {"tls://worker": {"nthreads": 1}}} if question == "identity" else {"tls://worker": []}

        def submit(self, *arguments: Any, **options: Any) -> Any:
            self.sent.append((arguments, options))
            return SimpleNamespace(done=lambda: False, add_done_callback=lambda _: None)

    one = dispatcher.Dispatcher(lab.store)
    monkeypatch.setattr(one, "_connect", Recorder)
    monkeypatch.setattr(lab.store, "url", "postgresql://nnlab:secret@host/nnlab")
    one._dispatch()
    assert Recorder.sent
    assert b"secret" not in pickle.dumps(Recorder.sent)


@pytest.mark.parametrize(
    ("tasks", "chosen", "lent"),
    [
        ({"a": [], "b": []}, ["a", "b"], []),
        ({"a": ["nnlab-run-1"], "b": []}, ["b"], []),  # another server submitted it
        ({"a": ["nnlab-run-1"], "b": ["nnlab-short-1"]}, [], []),  # b is for the short task
        ({"a": ["nnlab-run-1"], "b": ["nnlab-run-2", "nnlab-short-1"]}, [], [{"process b"}]),
    ],
)
def test_servers_with_one_scheduler_share_its_workers(
    home: Path, monkeypatch: pytest.MonkeyPatch, tasks: dict[str, list[str]], chosen: list[str], lent: list[Any]
) -> None:
    class Scheduler:
        status, scheduler = "running", SimpleNamespace(identity="identity", processing="processing")

        def sync(self, question: str, **_: Any) -> dict[str, Any]:
            workers = {one: {"nthreads": 1, "process": f"process {one}"} for one in "ab"}
            return {"workers": workers} if question == "identity" else tasks

        def submit(self, function: Any, *_: Any, key: str, workers: Any = (), **__: Any) -> Any:
            submitted.append((key, list(workers)))
            return SimpleNamespace(key=key, done=lambda: False, add_done_callback=lambda _: None)

    submitted: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(Store, "lend_worker", lambda _, workers: asked.append(workers))
    asked: list[Any] = []
    store = Store(settings().database_url)
    for seed in range(3):
        store.create_run(EXPERIMENT, (seed,), "ana")
    one = dispatcher.Dispatcher(store)
    one._seen |= {"a", "b"}
    one._short += [SimpleNamespace(key=key, done=lambda: False) for key in tasks["b"] if "short" in key]
    monkeypatch.setattr(one, "_connect", Scheduler)
    one._dispatch()
    assert [address for key, address in submitted if key.startswith("nnlab-run")] == [[address] for address in chosen]
    # a task for each run that no worker takes now, so that an adaptive cluster grows
    assert sum(key.startswith("nnlab-more") for key, _ in submitted) == 3 - len(chosen)
    assert asked == lent
    store.close()


def test_trouble_names_a_missing_scheduler_and_the_run_waits(
    home: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("NNLAB_SCHEDULER", f"tcp://127.0.0.1:{free_port}")
    settings.cache_clear()
    lab = Lab(Store(settings().database_url))
    try:
        run = lab.submit(EXPERIMENT, 1)
        assert "cannot be reached" in str(until(lambda: lab.trouble))
        assert state_of(lab, run) == "waiting"
    finally:
        lab.close()


def test_the_workers_that_a_page_started_are_those_of_the_lab(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_WARM", "1")
    settings.cache_clear()
    start_early()
    early = local_process(settings().database_url)
    assert early.poll() is None
    monkeypatch.setattr(dispatcher, "local_process", lambda _: early)
    lab = open_lab()
    try:
        lab.warm()
        until(lambda: lab._dispatcher._seen)
        assert lab._dispatcher._local is early
    finally:
        lab.close()
    assert early.poll() is not None


@pytest.mark.parametrize("changes", [{"NNLAB_WARM": "0"}, {"NNLAB_WARM": "1", "NNLAB_SCHEDULER": "tcp://127.0.0.1:1"}])
def test_no_workers_start_early_where_they_are_not_wanted(
    changes: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    monkeypatch.setattr(cluster, "LocalProcess", lambda _: pytest.fail("a process was started"))
    start_early()
