"""A data base that is away or full for a while loses nothing and fails no run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab.jobs import retry, worker
from nnlab.jobs.retry import Retry
from nnlab.jobs.worker import run_job
from nnlab.spec import Experiment
from nnlab.store import Run, Store, StoreUnavailable
from nnlab.store.errors import Reason

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 8, "train.engine": "numpy"})
AWAY = StoreUnavailable("unreachable", "The store cannot be reached.")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.0,))
    for name in ("WRITE_EVERY", "LIVE_EVERY", "CHECKPOINT_EVERY"):
        monkeypatch.setattr(worker, name, 0.0)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{home / 'nnlab.db'}")
    yield made
    made.close()


def trained(store: Store) -> Run:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    run_job(store, run.id, store.claim(run.id) or "")
    after = store.run(run.id)
    assert after is not None
    return after


def away(call: Callable[..., Any], times: int, reason: Reason) -> Callable[..., Any]:
    """Fails before, and after it has written: whether a write arrived is not known when a connection ends."""
    left = times

    def broken(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        if left and (left := left - 1) % 2:
            raise StoreUnavailable(reason, "The store is away.")
        result = call(*args, **kwargs)
        if left and (left := left - 1) % 2 == 0:
            raise StoreUnavailable(reason, "The store is away.")
        return result

    return broken


@pytest.mark.parametrize("reason", ["unreachable", "full"])
@pytest.mark.parametrize("method", ["run", "heartbeat", "checkpoint", "append", "snapshot", "finish"])
def test_a_run_waits_for_the_store_and_is_what_it_would_have_been(
    store: Store, monkeypatch: pytest.MonkeyPatch, method: str, reason: Reason
) -> None:
    whole = trained(store)
    monkeypatch.setattr(store, method, away(getattr(store, method), 9, reason))
    run = trained(store)
    monkeypatch.undo()
    assert (run.state, run.error, run.epoch, run.attempts) == ("finished", None, 8, 1)
    scores, wanted = (
        {name: value() if callable(value) else value for name, value in (one.results or {}).items()}
        for one in (run, whole)  # those of single samples are read when they are needed
    )
    assert scores == wanted
    assert np.array_equal(store.metrics(run.id).values, store.metrics(whole.id).values)
    assert store.metrics(run.id).epochs.tolist() == list(range(1, 9))
    assert store.snapshot_epochs(run.id) == store.snapshot_epochs(whole.id)


def test_a_run_that_was_replaced_while_it_waited_is_left_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    attempt = store.claim(run.id) or ""
    append = store.append
    others: list[str | None] = []

    def replaced(*args: Any, **kwargs: Any) -> Any:
        if not others:
            store.release_dead(stale_after=-1)
            others.append(store.claim(run.id))
            raise AWAY
        return append(*args, **kwargs)

    monkeypatch.setattr(store, "append", replaced)
    run_job(store, run.id, attempt)
    after = store.run(run.id)
    assert after is not None
    assert (after.state, after.epoch, after.attempts) == ("running", 0, 2)


@pytest.mark.parametrize("reason", ["newer", "damaged", "read_only"])
def test_what_does_not_pass_is_raised_at_once(reason: Reason) -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise StoreUnavailable(reason, "No.")

    with pytest.raises(StoreUnavailable):
        Retry()(call)
    assert len(calls) == 1


def test_waiting_ends_when_it_is_given_up() -> None:
    def call() -> None:
        patient.give_up.set()
        raise AWAY

    patient = Retry()
    with pytest.raises(StoreUnavailable):
        patient(call)


def test_waiting_counts_neither_as_training_nor_as_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    now, patient = 100.0, Retry()
    monkeypatch.setattr(retry.time, "monotonic", lambda: now)
    answers = iter([AWAY, AWAY, "written"])

    def call() -> str:
        nonlocal now
        now += 10
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    before = patient.clock()
    assert patient(call) == "written"
    assert now == 130.0
    assert patient.clock() - before < 30 / 2
