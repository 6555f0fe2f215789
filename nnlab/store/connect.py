"""Connections to SQLite and PostgreSQL: engines, transactions, creating and migrating the tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock

from nnlab.store import schema


class Database:
    """A data base with up-to-date tables. Threads may share one; each process opens its own.

    Its `url` is `sqlite:///path` or `postgresql://user@host/name`. Raises RuntimeError if a newer nnlab wrote it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _create_engine(sa.make_url(url))
        self._read = self._engine.connect
        self._write = self._engine.execution_options(nnlab_write=True).begin
        self._prepare()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self._read() as db:
            return db.execute(query).all()

    def _change(self, statement: sa.UpdateBase) -> int:
        """Execute one statement in a transaction of its own; the number of rows it changed."""
        with self._write() as db:
            return db.execute(statement).rowcount

    def _prepare(self) -> None:
        """Create or migrate the tables, one process at a time."""
        with self._write() as db:
            if db.dialect.name == "postgresql":
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7245501)"))
            schema.version_table.create(db, checkfirst=True)
            version = db.execute(sa.select(schema.version_table.c.version)).scalar()
            if version is None:
                schema.metadata.create_all(db)
                db.execute(schema.version_table.insert().values(version=schema.VERSION))
            elif version > schema.VERSION:
                raise RuntimeError(
                    f"The data base has version {version}, this nnlab supports up to {schema.VERSION}: "
                    "install a newer nnlab."
                )
            else:
                for step in range(version + 1, schema.VERSION + 1):
                    for statement in schema.MIGRATIONS[step]:
                        db.execute(sa.text(statement))
                    db.execute(schema.version_table.update().values(version=step))


def _create_engine(address: sa.URL) -> sa.Engine:
    if address.get_backend_name() == "postgresql":
        return sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_size=10, pool_pre_ping=True)
    engine = sa.create_engine(address, pool_size=10, max_overflow=40)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # `_begin` starts the transactions, not the driver
        for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # SQLite may refuse the lock to a transaction that read before it writes, so a writer takes it first
        writes = connection.get_execution_options().get("nnlab_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        # the file remembers the mode of its journal; two processes that change it at once would get an error
        with FileLock(f"{address.database}.lock"), engine.connect() as db:
            db.connection.cursor().execute("PRAGMA journal_mode=WAL")
    return engine
