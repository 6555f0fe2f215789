"""A copy of a data base in one SQLite file, whichever data base it is of, and back."""

import os
import shutil
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

from nnlab.settings import sqlite_url
from nnlab.store import Store, StoreUnavailable
from nnlab.store.schema import alembic_table, data_files_table, metadata, runs_table, version_table

ROWS = 200  # read at once; a row of weights may have megabytes


class NotEmpty(RuntimeError):
    """A backup is restored into an empty data base only."""


def backup(store: Store, file: Path) -> int:
    """Write all of a data base, as it is at this moment, into a new file; the number of runs. Runs may train meanwhile.

    Raises
    ------
    FileExistsError
        If the file exists.
    """
    if file.exists():
        raise FileExistsError(17, "The file exists already", str(file))
    part = file.with_name(f"{file.name}.part")
    _remove(part)
    try:
        with closing(Store(sqlite_url(part.resolve()))) as copy:
            runs = _copy(store, copy)
        os.replace(part, file)
    finally:
        _remove(part)
    return runs


def restore(store: Store, file: Path) -> int:
    """Read a backup, also one of an earlier version, into an empty data base: all of it or nothing; the number of runs.

    Raises
    ------
    NotEmpty
        If the data base has anything but files of data sets.
    """
    if not file.is_file():
        raise FileNotFoundError(2, "There is no such file", str(file))
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "backup.db"  # the backup itself is never upgraded
        shutil.copyfile(file, copied)
        try:
            source = Store(sqlite_url(copied))
        except StoreUnavailable as error:
            raise StoreUnavailable(error.reason, str(error).replace(str(copied), str(file))) from error
        with closing(source):
            return _copy(source, store)


def _copy(source: Store, target: Store) -> int:
    """All rows of one data base into another, in one transaction of each."""
    with source._read() as read, target._write() as write:
        tables = [one for one in metadata.sorted_tables if one not in (alembic_table, version_table)]
        for table in tables:
            if table is data_files_table:  # the backup may have the same files
                write.execute(table.delete())
            elif write.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                raise NotEmpty
        for table in tables:
            rows = read.execution_options(yield_per=ROWS).execute(sa.select(table)).mappings()
            for some in rows.partitions():
                write.execute(table.insert(), [dict(row) for row in some])
        return write.execute(sa.select(sa.func.count()).select_from(runs_table)).scalar_one()


def _remove(part: Path) -> None:
    for end in ("", "-wal", "-shm", ".lock"):
        with suppress(FileNotFoundError):
            part.with_name(part.name + end).unlink()
