"""What training stored of a run, as rows: curves, snapshots of the weights, and the checkpoint. Runs refer to it by
their column `data`; copies of a run share it."""

from collections.abc import Sequence

import sqlalchemy as sa

from nnlab.store.schema import DATA_TABLES, checkpoints_table, new_id, runs_table, snapshots_table


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
    """Remove what no run refers to any more."""
    shown = set(db.scalars(sa.select(runs_table.c.data).where(runs_table.c.data.in_(data))))
    unused = [one for one in data if one not in shown]
    for table in DATA_TABLES:
        db.execute(table.delete().where(table.c.data.in_(unused)))
