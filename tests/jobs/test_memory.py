"""The memory of a worker: what a machine allows, what is refused before it is queued, and what happens all the same."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nnlab.engines.costs import estimate_bytes
from nnlab.jobs import memory, worker
from nnlab.jobs.cells import split_seeds
from nnlab.jobs.limits import LimitError, check_limits, find_limit
from nnlab.lab import Lab
from nnlab.settings import SettingsError, load_settings, settings
from nnlab.spec import Comparison, Experiment
from nnlab.store import Store

WIDE = Experiment().set({"data.name": "digits", "model.hidden": [1000, 900], "train.engine": "torch"})
SAMPLES = Experiment().set({"data.name": "synthetic", "data.features": 100, "data.n_samples": 60_000})
BATCH = Experiment().set({"data.n_samples": 50_000, "train.batch_size": 30_000, "model.hidden": [100]})


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that stands for the control groups; this process is in /service/nnlab of both versions."""
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_OWN", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/service/nnlab\n3:cpu:/elsewhere\n0::/service/nnlab\n")
    memory.machine_bytes.cache_clear()
    yield tmp_path / "cgroup"
    memory.machine_bytes.cache_clear()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("file", ["service/memory.max", "memory/service/nnlab/memory.limit_in_bytes"])
def test_a_limit_of_a_control_group_counts_wherever_it_is_set(groups: Path, file: str) -> None:
    write(groups / "memory.max", "max\n")
    write(groups / file, "2000000000\n")
    assert memory.machine_bytes() == 2_000_000_000


def test_without_a_limit_the_memory_is_that_of_the_machine(groups: Path) -> None:
    write(groups / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert memory.machine_bytes() == psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("gigabytes", "workers", "each"), [(16.0, 4, 3.75), (2.0, 1, 1.5), (2.0, 2, 0.75), (1.0, 2, 0.5)]
)
def test_the_workers_share_what_the_web_process_leaves(
    monkeypatch: pytest.MonkeyPatch, gigabytes: float, workers: int, each: float
) -> None:
    monkeypatch.setenv("NNLAB_WORKERS", str(workers))
    settings.cache_clear()
    monkeypatch.setattr(memory, "machine_bytes", lambda: gigabytes * 1e9)
    assert memory.worker_bytes() == pytest.approx(each * 1e9)


def test_workers_elsewhere_have_what_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_SCHEDULER", "tls://elsewhere:8786")
    settings.cache_clear()
    assert memory.worker_bytes() == math.inf
    monkeypatch.setenv("NNLAB_WORKER_MEMORY_MB", "1500")
    settings.cache_clear()
    assert memory.worker_bytes() == 1.5e9
    monkeypatch.setenv("NNLAB_WORKER_MEMORY_MB", "100")
    with pytest.raises(SettingsError, match="NNLAB_WORKER_MEMORY_MB: got '100', allowed is a whole number from 500"):
        load_settings()


@pytest.mark.parametrize(
    ("experiment", "seeds", "megabytes", "field"),
    [(WIDE, 15, 1000, "seeds"), (BATCH, 1, 580, "train.batch_size"), (SAMPLES, 1, 500, "data.n_samples")],
)
def test_a_run_that_does_not_fit_is_refused_with_the_largest_value_that_does(
    experiment: Experiment, seeds: int, megabytes: int, field: str
) -> None:
    allowed = 1e6 * megabytes
    assert find_limit(experiment, range(seeds), 1e12) is None
    problem = find_limit(experiment, range(seeds), allowed)
    assert problem is not None
    assert (problem.field, problem.kind) == (field, "memory")
    assert problem.high is not None

    def fits(value: int) -> bool:
        changed = experiment if field == "seeds" else experiment.set({field: value})
        return find_limit(changed, range(value if field == "seeds" else seeds), allowed) is None

    assert fits(int(problem.high))
    assert not fits(int(problem.high) + 1)


def test_a_network_that_does_not_fit_alone_is_refused_by_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_WORKER_MEMORY_MB", "500")
    settings.cache_clear()
    with pytest.raises(
        LimitError, match=r"parameters: got \d+, which needs \d{3} MB of memory; \d{3} MB are enough for"
    ):
        check_limits(WIDE.set({"train.batch_size": 1}), [0])


def test_the_seeds_of_a_cell_are_split_until_they_fit(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("NNLAB_WORKER_MEMORY_MB", "1000")
    settings.cache_clear()
    parts = split_seeds(WIDE, range(15))
    assert [seed for part in parts for seed in part] == list(range(15))
    assert max(estimate_bytes(WIDE, len(part)) for part in parts) <= 1e9
    comparison = Comparison(WIDE, vary="lr", values=[0.01, 0.1], seeds=15)
    monkeypatch.setattr("nnlab.jobs.dispatcher.Dispatcher.start", lambda self: None)
    lab = Lab(Store(settings().database_url))
    assert lab.submit_comparison(comparison).cells
    with pytest.raises(LimitError, match="seeds"):
        lab.submit(WIDE, 15)
    assert len(lab.store.queue()) == 2 * len(parts)
    lab.close()


_GREEDY = """
import numpy as np
from nnlab.jobs import memory
memory.limit_process()
small = np.ones(10_000_000)
try:
    np.ones(100_000_000)
except MemoryError as error:
    assert memory.is_shortage(error)
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_worker_cannot_take_more_than_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_WORKER_MEMORY_MB", "500")
    done = subprocess.run([sys.executable, "-c", _GREEDY], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def test_what_pytorch_raises_counts_as_a_shortage() -> None:
    import torch

    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 50)
    assert memory.is_shortage(raised.value)
    assert not memory.is_shortage(RuntimeError("shapes cannot be multiplied"))


def test_a_training_that_runs_out_of_memory_fails_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 8.00 GiB")

    monkeypatch.setattr(worker, "load_dataset", exhausted)
    store = Store(settings().database_url)
    run = store.create_run(Experiment().vary("engine", "numpy"), (0,), "ana")
    worker.work()
    failed = store.run(run.id)
    store.close()
    assert failed is not None
    assert (failed.state, failed.note) == ("failed", "memory")
    assert "needed more memory than a worker may use" in (failed.error or "")
    assert "fewer seeds" in (failed.error or "")


def test_kills_for_want_of_memory_are_counted_in_the_innermost_group(groups: Path) -> None:
    write(groups / "memory.events", "oom 9\noom_kill 7\n")
    assert memory.kills() == 7
    write(groups / "memory/service/nnlab/memory.oom_control", "under_oom 0\noom_kill 2\n")
    assert memory.kills() == 2


@pytest.mark.parametrize(("worker", "note"), [("", "memory"), ("elsewhere/1/1.0", None)])
def test_a_run_whose_worker_is_killed_here_again_and_again_keeps_the_note(
    home: Path, worker: str, note: str | None
) -> None:
    """Of another machine it is not known why its processes end."""
    store = Store(settings().database_url)
    run = store.create_run(Experiment(), (0,), "ana")
    for _ in range(3):
        store.claim(run.id, worker)
        store.release_dead(-1.0, note="memory")
    ended = store.run(run.id)
    assert ended is not None
    assert (ended.state, ended.note) == ("interrupted", note)
    store.close()


@pytest.mark.parametrize(
    ("threads", "killed_at", "settings_mb", "budget"),
    [
        (1, None, 0, 3.5e9),  # half of 8 GB without 1 GB for pages, though this process knows a scheduler
        (1, 2e9, 0, 1.8e9),  # Dask ends the process at 2 GB
        (2, 2e9, 0, 0.9e9),
        (1, 2e9, 700, 0.7e9),
        (2, 4e9, 700, 0.7e9),
    ],
)
def test_a_run_in_a_worker_elsewhere_stays_below_what_dask_allows_the_process(
    monkeypatch: pytest.MonkeyPatch, threads: int, killed_at: float | None, settings_mb: int, budget: float
) -> None:
    limits: list[int] = []
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: limits.append(both[0]))
    monkeypatch.setattr(memory, "_budgets", [])
    monkeypatch.setattr(memory, "machine_bytes", lambda: 8 * 10**9)
    monkeypatch.setattr(memory, "_reserved_bytes", lambda: 0)
    monkeypatch.setenv("NNLAB_SCHEDULER", "tls://scheduler:8786")
    monkeypatch.setenv("NNLAB_WORKERS", "2")
    monkeypatch.setenv("NNLAB_WORKER_MEMORY_MB", str(settings_mb) if settings_mb else "")
    settings.cache_clear()
    memory.limit_process(threads, killed_at)
    assert memory.here_bytes() == pytest.approx(budget)
    assert limits == [pytest.approx(threads * budget)]
