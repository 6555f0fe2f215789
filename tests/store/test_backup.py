"""Backups, and what is wrong with a data base."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from store import earlier

from nnlab.cli.commands import run_command
from nnlab.jobs.worker import run_job
from nnlab.lab import close_labs
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.store import Store, StoreUnavailable
from nnlab.store.backup import NotEmpty, backup, restore
from nnlab.store.check import check
from nnlab.store.schema import metadata, version_table

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 3, "train.engine": "numpy"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup é?.db"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """An empty SQLite data base."""
    with closing(Store(f"sqlite:///{tmp_path / 'other.db'}")) as one:
        yield one


def fill(store: Store) -> str:
    """A finished run, one that waits, and a comparison of both; the id of the first."""
    run, waiting = (store.create_run(EXPERIMENT, (0, 1), "ana", "niño") for _ in range(2))
    run_job(store, run.id, store.claim(run.id) or "")
    asked = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2)
    made = store.create_comparison(asked, "ana")
    store.set_cells(made, asked, [[(run.id, True)], [(waiting.id, False)]])
    store.guess(made, "ben", "2")
    store.store_data_files({"mnist/images": b"pictures", "mnist/labels": b"labels"})
    return run.id


def content(store: Store) -> dict[str, list[Any]]:
    """All rows, but what is of the data base itself, as its id."""
    with store._read() as db:
        return {
            name: sorted((tuple(row) for row in db.execute(sa.select(table))), key=str)
            for name, table in metadata.tables.items()
            if table is not version_table
        }


def test_a_backup_is_restored_as_it_was(store: Store, other: Store, file: Path) -> None:
    fill(store)
    other.store_data_files({"mnist/images": b"pictures"})  # which do not count as a store in use
    assert backup(store, file) == 2
    assert restore(other, file) == 2
    assert content(other) == content(store)
    assert list(check(other)) == []
    assert [name for name in os.listdir(file.parent) if "backup" in name] == [file.name]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_backup_of_sqlite_is_restored_into_postgresql(store: Store, other: Store, file: Path) -> None:
    fill(other)
    backup(other, file)
    assert restore(store, file) == 2
    assert content(other) == content(store)


def test_a_backup_has_the_data_base_of_one_moment(store: Store, url: str, other: Store, file: Path) -> None:
    fill(store)
    before, late = content(store), Store(url)

    @sa.event.listens_for(store._engine, "after_cursor_execute")
    def _meanwhile(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FROM cell_runs" in statement and len(late.runs()) == 2:
            fill(late)

    backup(store, file)
    assert len(late.runs()) == 4
    restore(other, file)
    assert content(other) == before
    late.close()


def test_a_backup_of_an_earlier_version_is_upgraded_and_itself_left_alone(store: Store, file: Path) -> None:
    earlier.make(f"sqlite:///{file.parent / 'old.db'}", 1)
    old = (file.parent / "old.db").read_bytes()
    assert restore(store, file.parent / "old.db") == len(earlier.released()["runs"])
    assert (file.parent / "old.db").read_bytes() == old
    assert [line for line in check(store) if "epochs" not in line] == []


def test_nothing_is_overwritten(store: Store, file: Path) -> None:
    fill(store)
    backup(store, file)
    before = file.read_bytes()
    with pytest.raises(FileExistsError):
        backup(store, file)
    with pytest.raises(NotEmpty):
        restore(store, file)
    assert file.read_bytes() == before
    assert len(store.runs()) == 2


def test_a_restore_that_breaks_off_leaves_the_store_empty(
    store: Store, other: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(other)
    backup(other, file)

    def broken(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "INSERT INTO snapshots" in statement:
            raise KeyboardInterrupt

    sa.event.listen(store._engine, "before_cursor_execute", broken)
    with pytest.raises(KeyboardInterrupt):
        restore(store, file)
    assert store.runs(include_deleted=True) == []


def test_what_is_no_backup_is_said_by_its_name(store: Store, file: Path) -> None:
    file.write_text("no backup " * 1000)
    with pytest.raises(StoreUnavailable, match=r"backup é\?\.db is damaged"):
        restore(store, file)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM metrics WHERE epoch = 2", "has 2 epochs in its curves, but trained 3."),
        ("UPDATE metrics SET figures = lr_ WHERE epoch = 2", "has an epoch of another size in its curves."),
        ("UPDATE snapshots SET weights = lr_ WHERE epoch = 1", "The weights of epoch 1 of the data"),
        ("DELETE FROM runs WHERE state = 'finished'", "metrics: 1 of them belong to no run."),
        ("DELETE FROM runs WHERE state = 'waiting'", "cell_runs: 1 of them belong to a run that is not there."),
        ("DELETE FROM comparisons", "guesses: 1 of them belong to no comparison."),
        ("UPDATE runs SET seeds = '[' WHERE state = 'waiting'", "cannot be read: a newer nnlab stored it"),
        (
            "UPDATE data_files SET content = lr_ WHERE name = 'mnist/images'",
            "The file mnist/images of a data set is damaged",
        ),
        ("DROP INDEX runs_by_key", "The tables are not those of this version:"),
        ("UPDATE alembic_version SET version_num = '0001'", "The tables are of version"),
    ],
)
def test_each_thing_that_is_wrong_is_a_sentence(store: Store, damage: str, said: str) -> None:
    fill(store)
    assert list(check(store)) == []
    with store._write() as db:
        blob = "'\\x00'::bytea" if db.dialect.name == "postgresql" else "X'00'"
        db.exec_driver_sql(damage.replace("lr_", blob))
    found = list(check(store))
    assert any(said in line for line in found), found


def test_commands_tell_what_they_did(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Store(settings().database_url)) as store:
        fill(store)
    assert run_command(["admin", "backup", str(file)]) == 0
    assert '"runs": 2' in capsys.readouterr().out
    assert run_command(["admin", "backup", str(file)]) == 1
    assert run_command(["admin", "restore", str(file)]) == 1
    err = capsys.readouterr().err
    assert "exists already" in err
    assert "is not empty" in err
    assert run_command(["admin", "check"]) == 0
    with closing(Store(settings().database_url)) as store, store._write() as db:
        db.exec_driver_sql("DELETE FROM metrics WHERE epoch = 2")
    assert run_command(["admin", "check"]) == 1
    assert "2 epochs in its curves" in capsys.readouterr().out
    close_labs()
