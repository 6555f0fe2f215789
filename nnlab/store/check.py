"""What is wrong with a data base, each thing as a sentence."""

import hashlib
import json
from collections.abc import Iterator

import safetensors.numpy
import sqlalchemy as sa

from nnlab.store import Store
from nnlab.store.schema import (
    DATA_TABLES,
    alembic_table,
    cells_table,
    comparisons_table,
    data_files_table,
    guesses_table,
    metadata,
    metrics_table,
    runs_table,
    snapshots_table,
    version_table,
)

run, cell, made = runs_table.c, cells_table.c, comparisons_table.c


def check(store: Store) -> Iterator[str]:
    """Sentences about what is damaged, left over or cannot be read; none if all is well. It reads everything."""
    with store._read() as db:
        yield from _file(db)
        yield from _tables(db)
        yield from _left_over(db)
        yield from _curves(db)
        yield from _weights(db)
        yield from _data_files(db)
    for one in store.unreadable():
        yield f"{one.id} cannot be read: a newer nnlab stored it, or it is damaged."


def _file(db: sa.Connection) -> Iterator[str]:
    if db.dialect.name == "sqlite":
        found = db.exec_driver_sql("PRAGMA integrity_check").scalars()
        yield from (f"The file is damaged: {line}." for line in found if line != "ok")


def _tables(db: sa.Connection) -> Iterator[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    version = db.execute(sa.select(version_table.c.version)).scalars().all()
    revision = db.execute(sa.select(alembic_table.c.version_num)).scalars().all()
    if [f"{one:04}" for one in version] != list(revision):
        yield f"The tables are of version {version}, but of revision {list(revision)}."
    for difference in compare_metadata(MigrationContext.configure(db), metadata):
        yield f"The tables are not those of this version: {difference}."


def _left_over(db: sa.Connection) -> Iterator[str]:
    for table in DATA_TABLES:
        alone = sa.select(sa.func.count(table.c.data.distinct())).where(table.c.data.not_in(sa.select(run.data)))
        if n := db.scalar(alone):
            yield f"{table.name}: {n} of them belong to no run."
    for where, what in (
        (cell.run.not_in(sa.select(run.id)), "a run that is not there"),
        (cell.comparison.not_in(sa.select(made.id)), "no comparison"),
    ):
        if n := db.scalar(sa.select(sa.func.count()).select_from(cells_table).where(where)):
            yield f"{cells_table.name}: {n} of them belong to {what}."
    alone = sa.select(sa.func.count()).where(guesses_table.c.comparison.not_in(sa.select(made.id)))
    if n := db.scalar(alone):
        yield f"{guesses_table.name}: {n} of them belong to no comparison."


def _curves(db: sa.Connection) -> Iterator[str]:
    """Every run has each of its epochs once, with a value for every replicate."""
    of, length = metrics_table.c, sa.func.length(metrics_table.c.figures)
    shown = (sa.func.count(), sa.func.max(of.epoch), sa.func.min(length), sa.func.max(length))
    curves = {row[0]: tuple(row[1:]) for row in db.execute(sa.select(of.data, *shown).group_by(of.data))}
    for row in db.execute(sa.select(run.id, run.data, run.epoch)):
        count, last, shortest, longest = curves.get(row.data, (0, 0, 0, 0))
        if (count, last) != (row.epoch, row.epoch):
            yield f"The run {row.id} has {count} epochs in its curves, but trained {row.epoch}."
        if shortest != longest:
            yield f"The run {row.id} has an epoch of another size in its curves."


def _weights(db: sa.Connection) -> Iterator[str]:
    of = snapshots_table.c
    query = sa.select(of.data, of.kind, of.epoch, of.weights)
    for row in db.execution_options(yield_per=20).execute(query):
        try:
            safetensors.numpy.load(row.weights)
        except Exception:  # of any kind: the bytes may be anything
            yield f"The weights of epoch {row.epoch} of the data {json.dumps(row.data)} cannot be read ({row.kind})."


def _data_files(db: sa.Connection) -> Iterator[str]:
    for row in db.execution_options(yield_per=1).execute(sa.select(data_files_table)):
        if hashlib.sha256(row.content).hexdigest() != row.sha256:
            yield f"The file {row.name} of a data set is damaged: `nnlab data store` stores it again."
