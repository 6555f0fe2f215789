"""A row that cannot be read breaks nothing but itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from nnlab.jobs.worker import UNREADABLE, run_job
from nnlab.lab import Lab
from nnlab.spec import Comparison, Experiment
from nnlab.store import Store
from nnlab.store.schema import comparisons_table, metrics_table, runs_table, snapshots_table

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 3, "train.engine": "numpy"})
NEWER = EXPERIMENT.to_json().replace('"adam"', '"sophia"')
assert EXPERIMENT.to_json() != NEWER
DAMAGES: list[dict[str, Any]] = [
    {"experiment": NEWER},
    {"experiment": EXPERIMENT.to_json().replace('"moons"', '"saturn"')},
    {"experiment": EXPERIMENT.to_json()[:-7]},
    {"experiment": "[" * 100_000},
    {"experiment": ""},
    {"seeds": "[0,"},
    {"seeds": "null"},
    {"results": "{"},
    {"results": "[1]"},
    {"results": json.dumps({"train": [1.0]})},
    {"created": 1e300},
]


def change(store: Store, table: sa.Table, item: str, **values: Any) -> None:
    column = table.c.id if "id" in table.c else table.c.data
    with store._write() as db:
        db.execute(table.update().where(column == item).values(values))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage)[:40])
def test_lists_leave_out_what_cannot_be_read_and_name_it(store: Store, damage: dict[str, Any]) -> None:
    fine, broken = (store.create_run(EXPERIMENT, (0,), "ana", name) for name in ("fine", "broken"))
    change(store, runs_table, broken.id, **damage)
    lab = Lab(store)
    assert [run.id for run in store.runs("ana")] == [run.id for run in lab.recent("ana", 9)] == [fine.id]
    assert (store.run(broken.id), lab.run(broken.id)) == (None, None)
    assert [job.place.id for job in store.jobs()] == [fine.id, broken.id] or "created" in damage
    lab.forecast("ana")
    store.promised("ana")
    assert store.find_parts(EXPERIMENT, "ana") == [store.run(fine.id)]
    assert [(one.id, one.name, one.owner) for one in store.unreadable("ana")] == [(broken.id, "broken", "ana")]
    assert store.unreadable("ben") == []
    store.delete_unreadable(broken.id, "ben")
    store.delete_unreadable(fine.id, "ana")
    assert len(store.unreadable()) == 1
    store.delete_unreadable(broken.id, "ana")
    assert store.unreadable() == []
    assert [run.id for run in store.runs("ana")] == [fine.id]


def test_a_text_that_is_no_text_spoils_no_list(store: Store, url: str) -> None:
    if url.startswith("postgresql"):
        pytest.skip("PostgreSQL stores no such text")
    fine, broken = (store.create_run(EXPERIMENT, (0,), "ana") for _ in range(2))
    with store._write() as db:
        db.exec_driver_sql("UPDATE runs SET experiment = CAST(X'ff7b' AS TEXT) WHERE id = ?", (broken.id,))
    assert [run.id for run in store.runs("ana")] == [fine.id]


def test_a_worker_fails_a_run_that_it_cannot_read_at_once(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    change(store, runs_table, run.id, experiment=NEWER)
    run_job(store, run.id, store.claim(run.id) or "")
    with store._read() as db:
        row = db.execute(sa.select(runs_table.c.state, runs_table.c.error, runs_table.c.attempts)).one()
    assert tuple(row) == ("failed", UNREADABLE, 1)


def trained(store: Store) -> str:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    run_job(store, run.id, store.claim(run.id) or "")
    return run.id


def test_damaged_weights_and_curves_are_missing(store: Store) -> None:
    run = trained(store)
    change(store, snapshots_table, run, weights=b"no weights")
    assert store.snapshot(run) is None
    assert store.frames(run, [0, 1, 2]) == []
    with store._write() as db:
        db.execute(metrics_table.update().where(metrics_table.c.epoch == 2).values(figures=b"short"))
    assert store.metrics(run).epochs.tolist() == [1, 3]
    assert np.isfinite(store.curves(run)["train_loss"]).all()


@pytest.mark.parametrize("what", ["comparison", "run", "cell"])
def test_a_comparison_that_cannot_be_read_leaves_the_others(store: Store, what: str) -> None:
    lab, asked = Lab(store), Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=1)
    made = []
    for name in ("fine", "broken"):
        made.append(store.create_comparison(asked, "ana", name))
        runs = [store.create_run(one, (0,), "ana", comparison=made[-1]) for one in asked.experiments]
        store.set_cells(made[-1], asked, [[(run.id, False)] for run in runs])
    fine, broken = made
    if what == "comparison":
        change(store, comparisons_table, broken, comparison=asked.to_json().replace('"adam"', '"sophia"'))
    elif what == "run":
        change(store, runs_table, runs[1].id, experiment=NEWER)
    else:
        with store._write() as db:
            db.execute(runs_table.delete().where(runs_table.c.id == runs[1].id))
    listed = store.comparisons("ana")
    assert [one.id for one in listed if one.name == "fine"] == [fine]
    assert [one.id for one in lab.comparisons("ana")] == [fine]
    assert all(isinstance(one, float) for one in lab.best_scores(listed))
    assert lab.comparison(broken) is None
    named = {"comparison": {broken}, "run": {runs[1].id}, "cell": {broken}}
    assert {one.id for one in store.unreadable("ana")} == named[what]
    lab.delete_unreadable(broken, "ana")
    assert (broken in {one.id for one in store.comparisons("ana")}) == (what == "run")
