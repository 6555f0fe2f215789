"""Connections to SQLite and PostgreSQL: engines, transactions, creating and migrating the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock

from nnlab.store import schema


class Database:
    """A data base with up-to-date tables. Threads may share one; each process opens its own.

    Parameters
    ----------
    url : str
        `sqlite:///path` or `postgresql://user@host/name`. Missing tables are created.

    Raises
    ------
    RuntimeError
        If a newer nnlab wrote the data base.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _create_engine(url)
        self._prepare()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as db:
            yield db

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(nnlab_write=True) as db, db.begin():
            yield db

    def _prepare(self) -> None:
        """Create or migrate the tables, one process at a time."""
        with _exclusive(self._engine), self._write() as db:
            if self._engine.dialect.name == "postgresql":
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7245501)"))
            schema.version_table.create(db, checkfirst=True)
            version = db.execute(sa.select(schema.version_table.c.version)).scalar()
            if version is None:
                schema.metadata.create_all(db)
                db.execute(schema.version_table.insert().values(version=schema.VERSION))
                return
            if version > schema.VERSION:
                raise RuntimeError(
                    f"The data base has version {version}, this nnlab supports up to {schema.VERSION}: "
                    "install a newer nnlab."
                )
            for step in range(version + 1, schema.VERSION + 1):
                for statement in schema.MIGRATIONS[step]:
                    db.execute(sa.text(statement))
            if version < schema.VERSION:
                db.execute(schema.version_table.update().values(version=schema.VERSION))


def _create_engine(url: str) -> sa.Engine:
    address = sa.make_url(url)
    if address.get_backend_name() == "postgresql":
        return sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_size=10, pool_pre_ping=True)
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
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

    return engine


@contextmanager
def _exclusive(engine: sa.Engine) -> Iterator[None]:
    """SQLite: lock out other processes and set the journal to WAL mode, which the file remembers."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield
        return
    with FileLock(f"{engine.url.database}.lock"):
        raw = engine.raw_connection()
        try:
            raw.driver_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
        finally:
            raw.close()
        yield
