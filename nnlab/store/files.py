"""The files of a data base: how large they are, and giving back what is free in them."""

from collections.abc import Iterator

import sqlalchemy as sa

from nnlab.store.connect import LOCKED_MS, Database
from nnlab.store.schema import metadata

PAGES_AT_ONCE = 250  # of a SQLite file, 1 MB
SPARE = 0.1  # of a SQLite file stays free for the runs to come: shrinking and growing again costs time
BRIEFLY = 100  # ms that SQLite waits for its lock


class FileStore(Database):
    """The files of a data base. PostgreSQL looks after its own."""

    def bytes_on_disk(self) -> int:
        """Bytes of the whole data base, without free pages of SQLite's file."""
        with self._read() as db:
            if db.dialect.name != "postgresql":
                return (_pragma(db, "page_count") - _pragma(db, "freelist_count")) * _pragma(db, "page_size")
        return self.bytes_of_files()

    def bytes_of_files(self) -> int:
        """Bytes of the whole data base, with free pages of SQLite's file."""
        with self._read() as db:
            if db.dialect.name == "postgresql":
                return int(db.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
            return _pragma(db, "page_count") * _pragma(db, "page_size")

    def give_back(self) -> Iterator[int]:
        """Shrink SQLite's file by its free pages but SPARE, some bytes in each step, and its log at the end.

        A file of an earlier version keeps its size until `vacuum`."""
        if self._engine.dialect.name == "postgresql":
            return
        while True:
            with self._read() as db:
                free, spare = _pragma(db, "freelist_count"), int(SPARE * _pragma(db, "page_count"))
                if _pragma(db, "auto_vacuum") != 2 or free <= spare:
                    break
                _execute(db, f"PRAGMA incremental_vacuum({min(PAGES_AT_ONCE, free - spare)})")
                left, size = _pragma(db, "freelist_count"), _pragma(db, "page_size")
            yield (free - left) * size
            if left >= free:
                break
        with self._read() as db:  # without waiting: readers may need the log, and writers would wait as well
            patience = "PRAGMA busy_timeout={}"
            _execute(db, patience.format(BRIEFLY), "PRAGMA wal_checkpoint(TRUNCATE)", patience.format(LOCKED_MS))

    def vacuum(self) -> None:
        """Write the data base anew, so that its files are as small as what they hold. Everybody else waits."""
        if self._engine.dialect.name == "postgresql":
            with self._read() as db:
                db.execution_options(isolation_level="AUTOCOMMIT")
                for table in metadata.sorted_tables:
                    db.execute(sa.text(f"VACUUM FULL {table.name}"))
            return
        with self._read() as db:
            _execute(db, "PRAGMA auto_vacuum=INCREMENTAL", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")


def _execute(db: sa.Connection, *statements: str) -> None:
    """Outside of any transaction, and to the end: `execute` takes one step, which frees one page."""
    cursor = db.connection.cursor()
    cursor.executescript(";".join(statements))
    cursor.close()


def _pragma(db: sa.Connection, name: str) -> int:
    cursor = db.connection.cursor()
    value: int = cursor.execute(f"PRAGMA {name}").fetchone()[0]
    return value
