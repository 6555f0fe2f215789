"""What runs take of the disk: estimated before, measured after, and less once they are finished."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from nnlab.jobs import worker
from nnlab.jobs.worker import run_job
from nnlab.spec import Experiment
from nnlab.store import Retention, Run, Store
from nnlab.store.budget import BLOB_ROW, CHECKPOINT_BYTES, METRICS_ROW, SNAPSHOT_BYTES, snapshot_epochs, stored_bytes
from nnlab.store.schema import checkpoints_table, metrics_table, outcomes_table, snapshots_table

LARGE = {"model.hidden": [200, 200], "data.n_samples": 40, "train.epochs": 4}
CASES: tuple[dict[str, Any], ...] = (
    {},
    {"train.epochs": 400, "data.n_samples": 40},
    {"data.name": "digits", "train.epochs": 5},
    {"model.hidden": [64, 64], "model.norm": "batch", "train.epochs": 5},
    {"data.folds": 5, "train.epochs": 20},
    {"train.patience": 40, "train.epochs": 30},
    {"train.optimizer": "sgd", "train.engine": "numpy"},
    LARGE,
)


def trained(store: Store, changes: dict[str, Any], seeds: tuple[int, ...] = (0, 1)) -> Run:
    run, attempt = store.create_claimed(Experiment().set(changes), seeds, "ana", "")
    run_job(store, run.id, attempt)
    found = store.run(run.id)
    assert found is not None
    return found


def content(store: Store, data: str) -> int:
    """Bytes of a run's rows, one after the other."""
    total = 0
    for table, column, more in (
        (metrics_table, "figures", METRICS_ROW),
        (snapshots_table, "weights", BLOB_ROW),
        (checkpoints_table, "content", BLOB_ROW),
        (outcomes_table, "content", BLOB_ROW),
    ):
        rows = store._rows(sa.select(table.c[column]).where(table.c.data == data))
        total += sum(len(row[0]) + more for row in rows)
    return total


def test_what_a_run_will_store_is_estimated_within_half_as_much(store: Store) -> None:
    for changes in CASES:
        before, run = store.used("ana"), trained(store, changes)
        used, estimate = store.used("ana") - before, stored_bytes(run.experiment, len(run.seeds))
        assert run.state == "finished"
        assert used == content(store, run.id)
        assert 1 / 1.5 < used / estimate < 1.5, changes


def test_the_largest_runs_stay_within_the_budget_and_the_shortest_has_no_snapshot_on_the_way() -> None:
    for size in (10**3, 10**6, 2 * 10**7, 8 * 10**7):
        for epochs in (1, 50, 5000):
            on_the_way = snapshot_epochs(size, 10, epochs, patience=0)
            assert (len(on_the_way) + 3) * size <= max(SNAPSHOT_BYTES, 3 * size)
            assert on_the_way <= set(range(1, epochs))  # 0 and the last are stored in any case


def test_a_finished_run_of_a_large_network_has_no_checkpoint_and_a_small_one_keeps_it(store: Store) -> None:
    assert len(Experiment().set(LARGE).layers) == 3
    large, small = trained(store, LARGE), trained(store, {"train.epochs": 2})
    assert 16 * large.parameters * len(large.seeds) > CHECKPOINT_BYTES
    assert store.checkpoint(large.id) is None
    assert not store.can_continue(large.id)
    assert store.checkpoint(small.id) is not None
    assert store.can_continue(small.id)


def test_weights_are_stored_once(store: Store) -> None:
    run = trained(store, {"train.epochs": 12, "train.patience": 3, "train.lr": 0.001})
    ended = trained(store, {"train.epochs": 12})
    for one in (run, ended):
        weights = [row.weights for row in store._rows(sa.select(snapshots_table).filter_by(data=one.id))]
        kinds = [row.kind for row in store._rows(sa.select(snapshots_table).filter_by(data=one.id))]
        assert "live" not in kinds
        if one is ended:
            assert len(set(weights)) == len(weights) == 13 + ("best" in kinds)
    assert store.snapshot(run.id, "best") is not None  # with early stopping it is the last


def test_a_paused_run_keeps_what_it_needs_to_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "WRITE_EVERY", 0.0)
    run, attempt = store.create_claimed(Experiment().set(LARGE), (0, 1), "ana", "")
    run_job(store, run.id, attempt, lambda epoch: store.request(run.id, "pause"))
    assert store.run(run.id).state == "paused"  # type: ignore[union-attr]
    assert len(store.checkpoint(run.id) or b"") > CHECKPOINT_BYTES
    assert store.used("ana") == content(store, run.id)


def test_what_copies_share_counts_once_and_for_the_next_owner_when_the_first_is_gone(store: Store) -> None:
    run = trained(store, {"train.epochs": 3})
    size = store.used("ana")
    copy = store.copy_run(run, "ben")
    assert (store.used("ana"), store.used("ben")) == (size, 0)
    store.delete(run.id)
    assert (store.used("ana"), store.used("ben")) == (0, 0)  # free at once
    store.restore(run.id)
    assert store.used("ana") == size
    store.delete(run.id)
    list(store.prune(Retention.older_than(-1)))
    assert store.run(run.id) is None
    assert store.used("ben") == content(store, run.id)
    longer = copy.experiment.set({"train.epochs": 5})
    assert store.extend(copy.id, longer)  # nobody shares it any more: it goes on with the same data
    assert store.used("ben") > 0


def test_an_extended_copy_counts_for_its_owner(store: Store) -> None:
    run = trained(store, {"train.epochs": 3})
    copy = store.copy_run(run, "ben")
    assert store.extend(copy.id, run.experiment.set({"train.epochs": 5}))
    assert store.used("ben") == content(store, run.id)
