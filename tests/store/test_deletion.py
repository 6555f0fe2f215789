"""What is deleted is hidden, comes back whole, and is removed in the end; drafts are removed after a day."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from nnlab.spec import Comparison, Experiment
from nnlab.store import Retention, Run, Store
from nnlab.store.retention import DAY
from nnlab.store.schema import cells_table, guesses_table, runs_table

EXPERIMENT = Experiment().set({"train.epochs": 10})
DEPTHS = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2)


def compared(store: Store, *shared: Run) -> tuple[str, list[Run]]:
    """A comparison with the runs that were queued for it, and with shared ones."""
    made = store.create_comparison(DEPTHS, "ana")
    runs = [store.create_run(one, (0, 1), "ana", comparison=made) for one in DEPTHS.experiments]
    cells = [[(run.id, False), *((one.id, True) for one in shared)] for run in runs]
    store.set_cells(made, DEPTHS, cells)
    return made, runs


def now(store: Store, run: Run) -> Run:
    found = store.run(run.id)
    assert found is not None
    return found


def removed(store: Store, older_than: float) -> int:
    """Remove what was deleted so many seconds ago; the number of runs."""
    keep = replace(Retention.of_settings(), deleted=older_than)
    return sum(step.runs for step in store.prune(keep))


def listed(store: Store) -> set[str]:
    return {run.id for run in store.runs("ana")}


def test_a_comparison_is_deleted_with_its_runs_and_comes_back_with_them(store: Store) -> None:
    alone = store.create_run(EXPERIMENT, (0, 1), "ana")
    made, runs = compared(store, alone)
    store.delete_comparison(made)
    assert store.comparisons("ana") == []
    assert store.comparison(made).deleted  # type: ignore[union-attr]
    assert listed(store) == {alone.id}
    assert [now(store, run).state for run in runs] == ["stopped", "stopped"]
    assert now(store, alone).state == "waiting"
    store.restore_comparison(made)
    assert [one.id for one in store.comparisons("ana")] == [made]
    assert listed(store) == {alone.id, *(run.id for run in runs)}
    assert store.queue() == [alone.id, *(run.id for run in runs)]


def test_runs_that_another_comparison_shows_stay_until_it_is_deleted_too(store: Store) -> None:
    first, runs = compared(store)
    second, own = compared(store, *runs)
    store.delete_comparison(first)
    assert {now(store, run).state for run in runs} == {"waiting"}
    assert listed(store) == {run.id for run in (*runs, *own)}
    store.delete_comparison(second)
    assert listed(store) == set()
    store.restore_comparison(second)
    assert listed(store) == {run.id for run in (*runs, *own)}


def test_a_run_that_was_deleted_before_its_comparison_stays_deleted(store: Store) -> None:
    made, (first, second) = compared(store)
    store.delete(first.id)
    store.delete_comparison(made)
    store.restore_comparison(made)
    assert listed(store) == {second.id}


def test_a_run_that_was_stopped_by_its_deletion_continues_and_one_stopped_before_does_not(store: Store) -> None:
    waiting, stopped, training = (store.create_run(EXPERIMENT, (0,), "ana") for _ in range(3))
    store.request(stopped.id, "stop")
    attempt = store.claim(training.id)
    assert attempt is not None
    for run in (waiting, stopped, training):
        store.delete(run.id)
    assert store.heartbeat(training.id, attempt) == "stop"
    for run in (waiting, stopped, training):
        store.restore(run.id)
    assert [now(store, run).state for run in (waiting, stopped, training)] == ["waiting", "stopped", "running"]
    assert store.heartbeat(training.id, attempt) is None


def test_a_deleted_comparison_is_removed_in_the_end_but_not_what_others_show(store: Store) -> None:
    first, (kept, _) = compared(store)
    second = store.create_comparison(DEPTHS, "ana")
    store.set_cells(second, DEPTHS, [[(kept.id, True)]])
    for made in (first, second):
        store.guess(made, "ben", "2")
    store.delete_comparison(first)
    assert removed(store, 7 * DAY) == 0
    assert removed(store, -1) == 1
    assert store.comparison(first) is None
    assert now(store, kept).comparison == second  # whose test set is still closed
    with store._read() as db:
        for table in (cells_table, guesses_table):
            assert db.execute(sa.select(table.c.comparison)).scalars().all() == [second]


@pytest.mark.parametrize("age", [DAY - 60, DAY + 60])
def test_drafts_are_removed_after_a_day_and_kept_ones_are_not(store: Store, age: float) -> None:
    draft, kept, shown, running = (store.create_run(EXPERIMENT, (i,), "ana", draft=True) for i in range(4))
    run = store.create_run(EXPERIMENT, (5,), "ana")
    made = store.create_comparison(DEPTHS, "ana")
    store.set_cells(made, DEPTHS, [[(shown.id, True)]])
    store.claim(running.id)
    store.keep(kept.id)
    with store._write() as db:
        db.execute(runs_table.update().values(created=time.time() - age))
    old = age > DAY
    assert removed(store, 7 * DAY) == int(old)
    assert (store.run(draft.id) is None) == old
    assert all(store.run(one.id) for one in (kept, shown, running, run))


def test_a_cancelled_draft_cannot_be_kept(store: Store) -> None:
    draft = store.create_run(EXPERIMENT, (0,), "ana", draft=True)
    store.cancel_drafts([draft.id], "ana")
    assert store.keep(draft.id) is None
    assert listed(store) == set()


def test_only_unfinished_drafts_of_the_owner_are_cancelled(store: Store) -> None:
    mine, theirs = (store.create_run(EXPERIMENT, (0,), owner, draft=True) for owner in ("ana", "ben"))
    kept, run = store.create_run(EXPERIMENT, (1,), "ana", draft=True), store.create_run(EXPERIMENT, (2,), "ana")
    store.keep(kept.id)
    store.cancel_drafts([one.id for one in (mine, theirs, kept, run)], "ana")
    assert set(store.queue()) == {one.id for one in (theirs, kept, run)}
    assert now(store, mine).deleted
