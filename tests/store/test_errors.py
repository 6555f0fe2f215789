"""What the store raises when it cannot be used."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from nnlab.spec import Experiment
from nnlab.store import Store, StoreUnavailable, connect


@contextmanager
def unavailable(reason: str) -> Iterator[None]:
    with pytest.raises(StoreUnavailable) as caught:
        yield
    assert caught.value.reason == reason
    assert str(caught.value).endswith(".")
    assert len(str(caught.value).splitlines()) == 1
    again = pickle.loads(pickle.dumps(caught.value))  # as from a worker
    assert (again.reason, str(again)) == (caught.value.reason, str(caught.value))


@pytest.fixture
def sqlite(home: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{home / 'nnlab.db'}")
    yield made
    made.close()


def pragma(store: Store, text: str) -> None:
    """For the one connection that a thread has."""
    with store._engine.connect() as db:
        db.exec_driver_sql(f"PRAGMA {text}")


def write(store: Store) -> None:
    store.create_run(Experiment(), (0,), "ana")


def test_a_locked_file_is_unreachable_for_as_long(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "LOCKED_MS", 1)
    store, other = (Store(f"sqlite:///{home / 'nnlab.db'}") for _ in range(2))
    with other._write(), unavailable("unreachable"):
        write(store)
    write(store)
    store.close()
    other.close()


def test_a_full_disk_is_full_until_it_is_freed(sqlite: Store) -> None:
    pragma(sqlite, "max_page_count=1")  # SQLite takes what the file has
    with unavailable("full"):
        for _ in range(100):
            write(sqlite)
    stored = len(sqlite.runs())
    pragma(sqlite, "max_page_count=1000000")
    write(sqlite)
    assert len(sqlite.runs()) == stored + 1


def test_a_file_that_cannot_be_written_is_read_only(sqlite: Store) -> None:
    pragma(sqlite, "query_only=1")
    with unavailable("read_only"):
        write(sqlite)
    assert sqlite.runs() == []


def test_a_file_that_is_no_data_base_is_damaged(home: Path) -> None:
    home.mkdir()
    (home / "nnlab.db").write_bytes(b"no data base " * 1000)
    with unavailable("damaged"):
        Store(f"sqlite:///{home / 'nnlab.db'}")


def test_a_damaged_page_is_damaged(sqlite: Store, home: Path) -> None:
    for _ in range(20):
        write(sqlite)
    pragma(sqlite, "wal_checkpoint(TRUNCATE)")
    sqlite.close()
    with open(home / "nnlab.db", "r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with unavailable("damaged"):
        Store(f"sqlite:///{home / 'nnlab.db'}").runs()


@pytest.mark.parametrize(
    "address",
    ["sqlite:////dev/null/nnlab.db", "sqlite:////tmp", "mysql://ana:secret@h/x", "nonsense", "postgresql://h:x/y"],
)
def test_an_address_that_leads_nowhere_is_unreachable(address: str) -> None:
    with unavailable("unreachable"):
        Store(address)


def test_a_server_that_does_not_answer_is_unreachable_and_no_password_is_told(
    free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"postgresql://ana:se%20cret@127.0.0.1:{free_port}/nnlab"
    with pytest.raises(StoreUnavailable) as caught:
        Store(address)
    assert caught.value.reason == "unreachable"
    assert str(caught.value).startswith("The store 127.0.0.1/nnlab cannot be reached: ")
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not any(secret in told for secret in ("se cret", "se%20cret", "se+cret"))


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("53100", "full"),
        ("53300", "unreachable"),
        ("57P03", "unreachable"),
        ("40001", "unreachable"),
        ("25006", "read_only"),
        ("XX001", "damaged"),
    ],
)
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_what_postgresql_reports_has_its_reason(store: Store, state: str, reason: str) -> None:
    with unavailable(reason), store._write() as db:
        db.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{state}'; END $$")
    write(store)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_closes_is_unreachable_once(store: Store) -> None:
    end = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
    with unavailable("unreachable"), store._write() as db:
        db.execute(end)
        db.execute(sa.text("SELECT 1"))
    write(store)


def test_faults_of_the_program_stay_what_they_are(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="nowhere"), store._read() as db:
        db.execute(sa.text("SELECT * FROM nowhere"))
    run = store.create_run(Experiment(), (0,), "ana")
    with pytest.raises(sa.exc.IntegrityError):
        store.create_run(Experiment(), (0,), "ana", id=run.id)


def test_errors_tell_no_values(store: Store) -> None:
    """Owners are identities that nobody else may know."""
    run = store.create_run(Experiment(), (0,), "ana")
    with pytest.raises(sa.exc.IntegrityError) as caught:
        store.create_run(Experiment(), (0,), "somebody's identity", id=run.id)
    assert "somebody" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_worker_that_is_cut_off_within_a_transaction_blocks_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "IDLE_MS", 100)
    cut_off, other = Store(url), Store(url)
    run = other.create_run(Experiment(), (0,), "ana")
    with unavailable("unreachable"), cut_off._write() as db:
        db.execute(sa.text("UPDATE runs SET epoch = 1"))  # and nothing is heard of it any more
        other.rename(run.id, "mine")
        db.execute(sa.text("UPDATE runs SET epoch = 2"))
    found = other.run(run.id)
    assert found is not None
    assert (found.name, found.epoch) == ("mine", 0)
    assert cut_off.run(run.id) == found, "it goes on with a new connection"
    cut_off.close()
    other.close()
