"""The files of data sets in the data base, so that processes on other machines need no download."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress

import sqlalchemy as sa

from nnlab.store.connect import Database
from nnlab.store.errors import StoreUnavailable
from nnlab.store.schema import data_files_table

col = data_files_table.c


class DataFileStore(Database):
    """The files of data sets, by names as `mnist/train-images-idx3-ubyte.gz`."""

    def store_data_files(self, files: Mapping[str, bytes]) -> None:
        """Store these files, in the place of those with the same names."""
        rows = [
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "content": content}
            for name, content in files.items()
        ]
        with self._write() as db:
            db.execute(data_files_table.delete().where(col.name.in_(files)))
            db.execute(data_files_table.insert(), rows)

    def data_file(self, name: str) -> bytes | None:
        """The content of a file; None if it is not stored, or the data base is away."""
        with suppress(StoreUnavailable), self._read() as db:
            content: bytes | None = db.scalar(sa.select(col.content).where(col.name == name))
            return content
        return None
