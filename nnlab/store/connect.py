"""Connections to SQLite and PostgreSQL: engines, transactions, creating and migrating the tables."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import sqlalchemy as sa
from filelock import FileLock

from nnlab.store import schema
from nnlab.store.errors import StoreUnavailable, translated, unavailable, watch

LOCKED_MS = 30_000  # what another process locks for longer cannot be reached
# a cut network is noticed within seconds (libpq's names; tcp_user_timeout in milliseconds)
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
IDLE_MS = 15_000  # PostgreSQL ends a transaction whose process has been silent for longer, and with it its locks
# and notices by itself that the process's machine is gone, which takes two hours by default
_SESSION = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}


class Database:
    """A data base with up-to-date tables. Threads may share one; each process opens its own.

    Its `url` is `sqlite:///path` or `postgresql://user@host/name`. All methods raise StoreUnavailable while it cannot
    be used, as when a newer nnlab wrote it."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._address = _parse(url)
        except (sa.exc.ArgumentError, ValueError):  # whose texts may contain the address
            raise unavailable("unreachable", sa.URL.create(""), "its address is not a SQLAlchemy URL") from None
        with translated(self._address):
            self._engine = _create_engine(self._address)
        self._failed = -math.inf  # when the data base was unavailable last

        @sa.event.listens_for(self._engine, "handle_error")
        def _remember(context: sa.engine.ExceptionContext) -> None:
            if isinstance(getattr(context, "chained_exception", None), StoreUnavailable):
                self._failed = time.monotonic()

        # what several queries of one read see is of one moment; SQLite has no other way
        snapshot = {"isolation_level": "REPEATABLE READ"} if self._engine.dialect.name == "postgresql" else {}
        self._reading = self._engine.execution_options(**snapshot)
        self._writing = self._engine.execution_options(nnlab_write=True)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def id(self) -> str:
        """Of the data base, whatever the address it is reached by."""
        with self._read() as db:
            return str(db.scalar(sa.select(schema.version_table.c.id)))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        """All queries see the data base of one moment."""
        with translated(self._address), self._reading.connect() as db:
            yield db

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """A transaction that writes; it is committed at the end."""
        with translated(self._address), self._writing.begin() as db:
            yield db

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self._read() as db:
            return db.execute(query).all()

    def _change(self, statement: sa.UpdateBase) -> int:
        """Execute one statement in a transaction of its own; the number of rows it changed."""
        with self._write() as db:
            return db.execute(statement).rowcount

    def _prepare(self) -> None:
        """Create or upgrade the tables, one process at a time; all of it or nothing."""
        with self._read() as db:
            if self._version(db) == schema.VERSION:
                return
        with self._write() as db:
            if db.dialect.name == "postgresql":
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7245501)"))
            version = self._version(db)  # another process may have been faster
            if version is None:
                schema.metadata.create_all(db)
                db.execute(schema.alembic_table.insert().values(version_num=f"{schema.VERSION:04}"))
                db.execute(schema.version_table.insert().values(version=schema.VERSION, id=schema.new_id()))
            elif version != schema.VERSION:
                from nnlab.store.migrations import upgrade  # Alembic takes 0.1 s to import

                upgrade(db, version)
                once = sa.func.coalesce(schema.version_table.c.id, schema.new_id())
                db.execute(schema.version_table.update().values(version=schema.VERSION, id=once))

    def _version(self, db: sa.Connection) -> int | None:
        """The version of the tables; None if there are none. Raises StoreUnavailable if it is unknown here."""
        if not sa.inspect(db).has_table(schema.version_table.name):
            return None
        version: int | None = db.execute(sa.select(schema.version_table.c.version)).scalar()
        if version is not None and version > schema.VERSION:
            known = f"version {version}, this one knows up to {schema.VERSION}; install a newer nnlab"
            raise unavailable("newer", self._address, known)
        return version


def _parse(url: str) -> sa.URL:
    """As `sa.make_url`, which before SQLAlchemy 2.1 takes the path of a SQLite file as it stands."""
    path, _, query = url.removeprefix("sqlite:///").partition("?")
    if path == url.partition("?")[0]:
        return sa.make_url(url)
    return sa.URL.create("sqlite", database=unquote(path, errors="surrogateescape"), query=dict(parse_qsl(query)))


def _create_engine(address: sa.URL) -> sa.Engine:
    if address.get_backend_name() == "postgresql":
        given = {name: value for name, value in _NETWORK.items() if name not in address.query}
        address = address.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(address, pool_size=10, pool_pre_ping=True, hide_parameters=True, connect_args=given)
        watch(engine)

        @sa.event.listens_for(engine, "connect")
        def _limit(connection: Any, _: Any) -> None:
            limits = _SESSION | {"idle_in_transaction_session_timeout": IDLE_MS, "lock_timeout": LOCKED_MS}
            connection.execute("; ".join(f"SET SESSION {name} = {value}" for name, value in limits.items()))
            connection.commit()

        return engine
    engine = sa.create_engine(address, pool_size=10, max_overflow=40, hide_parameters=True)
    watch(engine)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.text_factory = lambda text: text.decode(errors="replace")  # one damaged text spoils no list
        connection.create_function("nnlab_now", 0, time.time)
        connection.isolation_level = None  # `_begin` starts the transactions, not the driver
        for pragma in (f"busy_timeout={LOCKED_MS}", "synchronous=NORMAL", "temp_store=MEMORY", "secure_delete=FAST"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # SQLite may refuse the lock to a transaction that read before it writes, so a writer takes it first
        writes = connection.get_execution_options().get("nnlab_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as db:
            write_ahead = db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        if not write_ahead:
            # the file remembers the mode of its journal; two processes that change it at once would get an error
            with FileLock(f"{address.database}.lock"), engine.connect() as db:
                for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL"):  # the first of a new file alone
                    db.connection.cursor().execute(f"PRAGMA {pragma}")
    return engine
