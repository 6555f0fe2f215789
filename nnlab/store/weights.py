"""Stored weights: a safetensors file in a column, of which one replicate can be read without the others."""

import json
from collections.abc import Callable

import safetensors.numpy
import sqlalchemy as sa

from nnlab.engines.base import Weights
from nnlab.store.schema import snapshots_table

columns = snapshots_table.c
Read = Callable[[int, int], bytes]  # offset, number of bytes


def stored_weights(db: sa.Connection, snapshot: sa.Row[tuple[str, str, int]], replicate: int | None = None) -> Weights:
    """The weights (replicates, ...) of the snapshot with this data, kind and epoch; of one replicate (1, ...)."""
    this = sa.and_(*(columns[name] == snapshot._mapping[name] for name in ("data", "kind", "epoch")))
    if replicate is None:
        return safetensors.numpy.load(db.execute(sa.select(columns.weights).where(this)).scalar_one())
    if db.dialect.name == "sqlite":
        rowid = sa.literal_column("rowid", sa.Integer)
        row = db.execute(sa.select(rowid).select_from(snapshots_table).where(this)).scalar_one()
        sqlite = db.connection.driver_connection
        assert sqlite is not None
        with sqlite.blobopen(snapshots_table.name, columns.weights.name, row, readonly=True) as blob:
            return _one_replicate(lambda start, size: bytes(blob[start : start + size]), replicate)

    def read(start: int, size: int) -> bytes:
        return bytes(db.execute(sa.select(sa.func.substr(columns.weights, start + 1, size)).where(this)).scalar_one())

    return _one_replicate(read, replicate)


def _one_replicate(read: Read, replicate: int) -> Weights:
    """From a safetensors file: 8 bytes with the length of its header, the header, the arrays."""
    length = int.from_bytes(read(0, 8), "little")
    header = json.loads(read(8, length))
    parts, at = [], 0
    for array in (one for name, one in header.items() if name != "__metadata__"):
        start, end = array["data_offsets"]
        size = (end - start) // array["shape"][0]
        parts.append(read(8 + length + start + replicate * size, size))
        array |= {"shape": [1, *array["shape"][1:]], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return safetensors.numpy.load(b"".join([len(text).to_bytes(8, "little"), text, *parts]))
