"""Data bases of earlier and later versions of the tables."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from store import earlier

from nnlab.store import Store, StoreUnavailable, migrations, schema

VERSIONS = (1, 5)


def differences(store: Store) -> list[object]:
    """Between the tables of a data base and those of `schema.py`."""
    with store._read() as db:
        return list(compare_metadata(MigrationContext.configure(db), schema.metadata))


def tables(url: str) -> set[str]:
    """The tables and their columns as they are in the file or on the server."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    found = sa.MetaData()
    found.reflect(engine)
    engine.dispose()
    return {f"{table.name}.{column.name}" for table in found.tables.values() for column in table.c}


def check_content(store: Store) -> None:
    """All that version 0.1.0 left is read as it was."""
    rows = earlier.released()
    assert {run.id for run in store.runs(include_deleted=True)} == {row["id"] for row in rows["runs"]}
    for row in rows["runs"]:
        run = store.run(row["id"])
        assert run is not None
        assert (run.name, run.state, run.epoch, run.key) == (row["name"], row["state"], row["epoch"], row["key"])
        assert (run.draft, run.deleted, run.algorithm) == (False, row["deleted"] is not None, 1)
        curves = [one for one in rows["metrics"] if one["data"] == row["data"]]
        found = store.metrics(run.id)
        assert found.epochs.tolist() == [one["epoch"] for one in curves]
        figures = np.frombuffer(b"".join(one["figures"] for one in curves), "<f8")
        assert np.array_equal(found.values.ravel(), figures, equal_nan=True)
        assert (store.snapshot(run.id) is None) == (not any(one["data"] == row["data"] for one in rows["snapshots"]))
    for row in rows["comparisons"]:
        found_one = store.comparison(row["id"])
        assert found_one is not None
        cells = sorted(
            (one for one in rows["cell_runs"] if one["comparison"] == row["id"]), key=lambda one: one["place"]
        )
        assert [cell[0] for cell in found_one.cells] == [(one["run"], one["reused"]) for one in cells]


def test_a_new_data_base_is_what_the_revisions_lead_to(store: Store) -> None:
    revisions = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert revisions.get_heads() == [f"{schema.VERSION:04}"]
    with store._read() as db:
        assert db.scalars(sa.select(schema.alembic_table.c.version_num)).all() == [f"{schema.VERSION:04}"]
        assert db.scalars(sa.select(schema.version_table.c.version)).all() == [schema.VERSION]
    assert differences(store) == []


def test_revisions_are_numbered_without_gaps() -> None:
    revisions = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    numbers = [f"{n:04}" for n in range(schema.VERSION, 0, -1)]
    assert [(one.revision, Path(one.path).name[:4]) for one in revisions] == [(n, n) for n in numbers]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_earlier_data_base_is_upgraded_with_all_that_is_in_it(url: str, version: int) -> None:
    earlier.make(url, version)
    for _ in range(2):  # the second time there is nothing to do
        store = Store(url)
        check_content(store)
        assert differences(store) == []
        store.close()


def test_the_data_base_of_the_released_version_gets_the_tables_of_this_one(home: Path) -> None:
    home.mkdir()
    (home / "nnlab.db").write_bytes(gzip.decompress(earlier.RELEASED.read_bytes()))
    store = Store(f"sqlite:///{home / 'nnlab.db'}")
    check_content(store)
    assert differences(store) == []
    store.close()


def test_a_newer_data_base_is_refused_in_a_sentence_and_left_as_it_is(store: Store, url: str) -> None:
    with store._write() as db:
        db.execute(schema.version_table.update().values(version=999))
    before = tables(url)
    with pytest.raises(StoreUnavailable, match=r"of a newer nnlab: version 999.*install a newer nnlab") as caught:
        Store(url)
    assert caught.value.reason == "newer"
    assert tables(url) == before


class Broken(Exception):
    pass


def test_an_upgrade_that_breaks_off_leaves_the_old_tables(url: str) -> None:
    """After every second of its statements; over PostgreSQL, which takes longer, after some."""
    earlier.make(url, 1)
    before, statements, last, done = tables(url), 0, 1, False

    def count(_: object, __: object, statement: str, *___: object) -> None:
        nonlocal statements
        if re.match(r"ALTER|CREATE|DROP|INSERT|UPDATE", statement.strip()):
            statements += 1
            if statements == last:
                raise Broken

    sa.event.listen(sa.Engine, "after_cursor_execute", count)
    try:
        while not done:
            statements = 0
            try:
                Store(url).close()
                done = True
            except Broken:
                assert tables(url) == before
                last += 2 if url.startswith("sqlite") else 5
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", count)
    assert statements > 10
    store = Store(url)
    check_content(store)
    store.close()


def _open_and_die(url: str) -> None:
    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def _kill(_: object, __: object, statement: str, *___: object) -> None:
        if "DROP TABLE cells" in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    Store(url)


def test_an_upgrade_that_is_killed_leaves_the_old_tables(home: Path) -> None:
    url = f"sqlite:///{home / 'nnlab.db'}"
    earlier.make(url, 1)
    before = tables(url)
    process = multiprocessing.get_context("fork").Process(target=_open_and_die, args=(url,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert tables(url) == before
    store = Store(url)
    check_content(store)
    store.close()
