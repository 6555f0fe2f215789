"""What training stored of a run, as rows: curves, snapshots of the weights, and the checkpoint. Runs refer to it by
their column `data`; copies of a run share it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nnlab.store.budget import BLOB_ROW, METRICS_ROW
from nnlab.store.schema import (
    DATA_TABLES,
    checkpoints_table,
    metrics_table,
    new_id,
    outcomes_table,
    runs_table,
    snapshots_table,
)


def _total(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    lengths = sa.select(sa.func.sum(sa.func.length(column) + BLOB_ROW)).where(column.table.c.data == runs_table.c.data)
    return sa.func.coalesce(lengths.correlate(runs_table).scalar_subquery(), 0)


def _sizes() -> sa.ColumnElement[Any]:
    """Bytes of a run's data. The rows of its curves, one an epoch, are all of one size; lengths cost no reading."""
    figures = sa.select(sa.func.length(metrics_table.c.figures)).where(metrics_table.c.data == runs_table.c.data)
    row = sa.func.coalesce(figures.limit(1).correlate(runs_table).scalar_subquery(), 0) + METRICS_ROW
    others = (snapshots_table.c.weights, checkpoints_table.c.content, outcomes_table.c.content)
    return sum((_total(column) for column in others), start=runs_table.c.epoch * row)


def measure(db: sa.Connection, *run_ids: str) -> None:
    """Store how much the data of runs take. A copy is not measured: it takes nothing."""
    db.execute(runs_table.update().where(runs_table.c.id.in_(run_ids)).values(size=_sizes()))


def has_checkpoint(db: sa.Connection, data: str) -> bool:
    """Whether a training can continue."""
    found = sa.select(checkpoints_table.c.epoch).where(checkpoints_table.c.data == data)
    return db.execute(found).first() is not None


def copied(db: sa.Connection, data: str) -> str:
    """The id of a copy of everything."""
    new = new_id()
    for table in DATA_TABLES:
        others = [column for column in table.c if column.name != "data"]
        rows = sa.select(sa.literal(new), *others).where(table.c.data == data)
        db.execute(table.insert().from_select([table.c.data, *others], rows))
    return new


def last_becomes_step(db: sa.Connection, data: str) -> None:
    """Keep the last weights on the way of a training that continues, unless those of their epoch are there."""
    last, step = snapshots_table, snapshots_table.alias()
    there = sa.exists().where(step.c.data == data, step.c.kind == "step", step.c.epoch == last.c.epoch)
    db.execute(last.update().where(last.c.data == data, last.c.kind == "last", ~there).values(kind="step"))


def drop_unused(db: sa.Connection, data: Sequence[str]) -> None:
    """Remove what no run refers to any more. What a copy shows counts for the oldest one from now on."""
    col = runs_table.c
    copies = sa.select(col.data, col.id).where(col.data.in_(data)).order_by(col.created.desc())
    shown = {row.data: row.id for row in db.execute(copies)}
    unused = [one for one in data if one not in shown]
    for table in DATA_TABLES:
        db.execute(table.delete().where(table.c.data.in_(unused)))
    if shown:
        measure(db, *shown.values())
