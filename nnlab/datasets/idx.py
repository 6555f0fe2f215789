"""The IDX format of the MNIST files, gzipped or not (described at the end of yann.lecun.com/exdb/mnist)."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_BYTES = 2**31


class IdxError(ValueError):
    """A file that is not IDX. The message names the file and what is wrong."""


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an IDX file, in the machine's byte order.

    Raises
    ------
    IdxError
        If the file is not IDX, is cut off or damaged, or is longer than its header states.
    OSError
        If it cannot be opened.
    """
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            if gzipped:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    return _parse(unzipped, path.name)  # type: ignore[arg-type]
            return _parse(file, path.name)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise IdxError(f"{path.name} is cut off or damaged: {error}.") from None


def _parse(file: BinaryIO, name: str) -> NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 8:
        raise IdxError(f"{name} is not an IDX file: it begins with '{magic.hex()}'.")
    kind, dimensions = np.dtype(_TYPES[magic[2]]), magic[3]
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise IdxError(f"{name} is cut off: it ends inside its header.")
    shape = struct.unpack(f">{dimensions}I", header)
    size = math.prod(shape) * kind.itemsize
    if size > _MAX_BYTES:
        raise IdxError(f"{name} is damaged: its header states {size} bytes, allowed is up to {_MAX_BYTES}.")
    content = file.read(size + 1)
    if len(content) != size:
        found = "more" if len(content) > size else f"{len(content)}"
        raise IdxError(f"{name} is cut off or damaged: its header states {size} bytes, it holds {found}.")
    return np.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)
