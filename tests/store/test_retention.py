"""What a store loses in the course of time, and that what stays can still be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from nnlab.engines.base import METRICS, Epoch
from nnlab.spec import Comparison, Experiment
from nnlab.store import Freed, Retention, Run, Store, budget, files, retention
from nnlab.store.retention import DAY
from nnlab.store.schema import DATA_TABLES, comparisons_table, new_id, runs_table
from nnlab.store.stored import copied

EXPERIMENT = Experiment().set({"train.epochs": 40})
NEVER = Retention(1e9, 1e9, 1e9, 1e9, 10**6)


def stored(store: Store, state: str = "finished", *, size: int = 1000, checkpoint: int = 10, **other: object) -> Run:
    """A run of 40 epochs with a snapshot of every one, 4 * size bytes each."""
    run = store.create_run(EXPERIMENT, (0,), "ana", **other)
    attempt = store.claim(run.id)
    assert attempt is not None
    weights = {"0.weight": np.zeros((1, 1, size), np.float32)}
    figures = {name: np.zeros(1) for name in METRICS}
    epochs = [Epoch(epoch=i, seeds=(0,), lr=0.01, seconds=0.1, **figures) for i in range(1, 41)]
    steps = [("step", i, {"0.weight": weights["0.weight"] + i}) for i in range(40)]
    ends = [("last", 40, {"0.weight": weights["0.weight"] + 40}), ("best", 40, {"0.weight": weights["0.weight"] + 9})]
    store.append(run.id, attempt, epochs, snapshots=[*steps, *ends], checkpoint=bytes(checkpoint))
    store.finish(run.id, attempt, state, requested=None)  # type: ignore[arg-type]
    found = store.run(run.id)
    assert found is not None
    return found


def age(store: Store, days: float) -> None:
    """Let all runs be so old."""
    columns = runs_table.c
    moments = {name: columns[name] - days * DAY for name in ("created", "finished", "deleted")}
    with store._write() as db:
        db.execute(runs_table.update().values(moments))


def prune(store: Store, keep: Retention, dry_run: bool = False) -> dict[str, int]:
    """The runs by what they lost."""
    steps = [step for step in store.prune(keep, dry_run=dry_run) if step.runs]
    return {what: sum(step.runs for step in steps if step.what == what) for what in {step.what for step in steps}}


def test_old_snapshots_are_thinned_to_twenty_and_the_rest_can_be_read(store: Store) -> None:
    old = stored(store)
    curves = store.metrics(old.id).values
    age(store, 2)
    new = stored(store)
    before = store.used("ana")
    keep = replace(NEVER, snapshots=DAY, thin_above=0)
    assert prune(store, keep) == {"snapshots": 1}
    epochs = store.snapshot_epochs(old.id)
    assert (len(epochs), epochs[0], epochs[-2], epochs[-1]) == (21, 0, 39, 40)
    assert len(store.snapshot_epochs(new.id)) == 41
    assert store.used("ana") < before - 19 * 4000
    assert prune(store, keep) == {}  # once
    np.testing.assert_array_equal(store.metrics(old.id).values, curves)
    for asked, got in ((None, 40.0), ("best", 9.0), (0, 0.0)):
        found = store.snapshot(old.id, asked)  # type: ignore[arg-type]
        assert found is not None
        assert found[1]["0.weight"][0, 0, 0] == got
    assert [epoch for epoch, _ in store.frames(old.id, epochs)] == epochs
    assert store.trained_weights(EXPERIMENT, (0,)) is not None
    assert store.extend(old.id, EXPERIMENT.set({"train.epochs": 50}))


def test_a_class_stays_below_a_bound_and_keeps_what_it_looks_at(store: Store) -> None:
    """Ten students, each with 10 drafts, 4 runs they keep, and a copy of one of the others; two days later."""
    question = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=[0])
    draft, kept = stored(store, size=1, draft=True), stored(store)
    with store._write() as db:
        rows = [dict(row) for row in db.execute(sa.select(runs_table).order_by(runs_table.c.draft.desc())).mappings()]
        for student in (f"student {i}" for i in range(10)):
            for row in [rows[0]] * 10 + [rows[1]] * 4:
                row = row | {"id": new_id(), "data": copied(db, row["data"]), "owner": student}
                db.execute(runs_table.insert().values(row | {"results": json.dumps({"by": student})}))
            copy = row | {"id": new_id(), "owner": f"friend of {student}", "size": 0}
            db.execute(runs_table.insert().values(copy))
    made = store.create_comparison(question, "student 3")
    cells = [run.id for run in store.runs("student 3")[:2]]
    store.set_cells(made, question, [[(run_id, False)] for run_id in cells])
    runs = {run.id: run for run in store.runs(limit=1000)}
    curves = store.metrics(kept.id).values
    assert len(runs) == 51
    before = store.bytes_on_disk()
    age(store, 2)
    keep = replace(Retention.of_settings(), thin_above=0)
    assert prune(store, keep) == {"drafts": 101, "snapshots": 41}
    assert store.run(draft.id) is None
    sizes = [store.used(f"student {i}") for i in range(10)]
    assert max(sizes) < 4 * 110_000
    if store.url.startswith("sqlite"):
        assert store.bytes_on_disk() < 1.5 * sum(sizes) < before
    for run_id, run in runs.items():
        found = store.run(run_id)
        assert found is not None
        assert (found.name, found.results, found.epoch) == (run.name, run.results, 40)
        np.testing.assert_array_equal(store.metrics(run_id).values, curves)
        for asked, got in ((None, 40.0), ("best", 9.0), (0, 0.0)):
            snapshot = store.snapshot(run_id, asked)  # type: ignore[arg-type]
            assert snapshot is not None
            assert snapshot[1]["0.weight"][0, 0, 0] == got
    after = store.comparison(made)
    assert after is not None
    assert [run_id for cell in after.cells for run_id, _ in cell] == cells


def test_of_a_large_network_the_last_and_the_best_weights_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "THINNED_BYTES", 5000.0)
    run = stored(store)
    assert prune(store, Retention.older_than(-1)) == {"snapshots": 1}
    assert store.snapshot_epochs(run.id) == [40]
    assert store.snapshot(run.id, "best") is not None


def test_small_runs_and_those_of_a_small_store_keep_every_snapshot(store: Store) -> None:
    small, large = stored(store, size=100), stored(store)
    age(store, 30)
    assert prune(store, Retention.of_settings()) == {}
    assert prune(store, replace(NEVER, snapshots=DAY, thin_above=0)) == {"snapshots": 1}
    assert [len(store.snapshot_epochs(run.id)) for run in (small, large)] == [41, 21]


def test_checkpoints_of_stopped_runs_go_after_a_week_and_those_of_paused_and_interrupted_ones_stay(
    store: Store,
) -> None:
    runs = {state: stored(store, state) for state in ("stopped", "paused", "interrupted", "failed", "finished")}
    age(store, 8)
    assert prune(store, Retention.of_settings()) == {"checkpoints": 1}
    assert {state for state, run in runs.items() if not store.can_continue(run.id)} == {"stopped"}
    with store._write() as db:  # as an earlier version left it
        data = {"data": runs["finished"].id, "content": bytes(2_000_000), "epoch": 40}
        db.execute(DATA_TABLES[2].delete().where(DATA_TABLES[2].c.data == data["data"]))
        db.execute(DATA_TABLES[2].insert().values(data))
    assert prune(store, Retention.of_settings()) == {"checkpoints": 1}
    assert not store.can_continue(runs["finished"].id)


def test_a_run_without_a_checkpoint_starts_again_when_it_is_resumed(store: Store) -> None:
    run = stored(store, "stopped")
    age(store, 8)
    prune(store, Retention.of_settings())
    assert not store.extend(run.id, EXPERIMENT.set({"train.epochs": 50}))
    assert store.requeue(run.id)
    now = store.run(run.id)
    assert now is not None
    assert (now.state, now.epoch, store.snapshot(run.id), store.used("ana")) == ("waiting", 0, None, 0)


def test_of_many_drafts_the_newest_stay(store: Store) -> None:
    drafts = [stored(store, size=1, draft=True) for _ in range(4)]
    other = store.create_run(EXPERIMENT, (0,), "ben", draft=True)
    assert prune(store, replace(NEVER, max_drafts=3)) == {"drafts": 1}
    assert [store.run(run.id) is None for run in drafts] == [True, False, False, False]
    assert store.run(other.id) is not None


def test_what_a_failure_left_of_a_new_comparison_goes_after_a_week(store: Store) -> None:
    question = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=1)
    made = store.create_comparison(question, "ana")
    stored(store, size=1, comparison=made)
    keep = replace(NEVER, deleted=7 * DAY)
    assert prune(store, keep) == {}
    with store._write() as db:
        db.execute(comparisons_table.update().values(created=comparisons_table.c.created - 8 * DAY))
    age(store, 8)
    assert prune(store, keep) == {"deleted": 1}
    assert store.comparison(made) is None


def test_runs_of_values_that_a_comparison_has_lost_go_after_a_week(store: Store) -> None:
    question = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=[0])
    made = store.create_comparison(question, "ana")
    shown, lost = (stored(store, size=1, comparison=made) for _ in range(2))
    store.set_cells(made, question, [[(shown.id, False)]])
    assert prune(store, Retention.of_settings()) == {}
    age(store, 8)
    assert prune(store, Retention.of_settings()) == {"deleted": 1}
    assert (store.run(shown.id) is None, store.run(lost.id) is None) == (False, True)


def test_a_dry_run_says_what_goes_and_removes_nothing(store: Store) -> None:
    runs = [stored(store), stored(store, "stopped"), stored(store, draft=True)]
    store.delete(runs[0].id)
    keep = Retention.older_than(-1)
    planned = list(store.prune(keep, dry_run=True))
    assert {step.what for step in planned} == {"deleted", "drafts", "checkpoints", "snapshots"}
    assert [store.run(run.id) is not None for run in runs] == [True, True, True]
    assert len(store.snapshot_epochs(runs[1].id)) == 41
    assert store.can_continue(runs[1].id)
    assert next(step for step in store.prune(keep) if step.what == "deleted") == planned[0]


def test_a_run_that_is_restored_meanwhile_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    first, second = stored(store, size=1), stored(store, size=1)
    for run in (first, second):
        store.delete(run.id)
    steps = store.prune(replace(NEVER, deleted=-1))
    assert next(steps).runs == 1
    left = first if store.run(first.id) else second
    store.restore(left.id)
    assert sum(step.runs for step in steps) == 0
    assert store.run(left.id) is not None
    assert len(store.snapshot_epochs(left.id)) == 41


def test_the_file_shrinks_in_small_steps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAGES_AT_ONCE", 20)
    monkeypatch.setattr(files, "SPARE", 0.0)
    store, file = Store(f"sqlite:///{home / 'nnlab.db'}"), home / "nnlab.db"
    empty = store.bytes_of_files()
    run = stored(store)
    full = store.bytes_of_files()
    store.delete(run.id)
    steps = list(store.prune(replace(NEVER, deleted=-1)))
    assert steps.count(Freed("deleted", 0, 0)) > (full - empty) / (4096 * 20) - 1
    assert store.bytes_of_files() == store.bytes_on_disk() <= empty + 4096
    assert file.stat().st_size == store.bytes_of_files()
    assert (home / "nnlab.db-wal").stat().st_size == 0
    store.close()


def test_a_tenth_of_the_file_stays_free_for_the_runs_to_come(home: Path) -> None:
    store = Store(f"sqlite:///{home / 'nnlab.db'}")
    kept, gone = stored(store), stored(store, size=10_000)
    store.delete(gone.id)
    list(store.prune(replace(NEVER, deleted=-1)))
    assert store.run(kept.id) is not None
    assert 0.88 < store.bytes_on_disk() / store.bytes_of_files() <= 0.91
    store.close()


def test_a_file_of_an_earlier_version_shrinks_by_vacuum_and_by_itself_from_then_on(home: Path) -> None:
    home.mkdir()
    file = home / "nnlab.db"
    with sa.create_engine(f"sqlite:///{file}").connect() as db:
        db.exec_driver_sql("PRAGMA journal_mode=WAL")
        db.exec_driver_sql("CREATE TABLE other (x)")
    store = Store(f"sqlite:///{file}")
    for first in (True, False):
        run = stored(store)
        store.delete(run.id)
        before = store.bytes_of_files()
        list(store.prune(replace(NEVER, deleted=-1)))
        if first:
            assert store.bytes_of_files() == before
            store.vacuum()
        assert file.stat().st_size == store.bytes_of_files() < before - 100_000
    store.close()
