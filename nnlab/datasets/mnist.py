"""MNIST (LeCun, Cortes and Burges 1998): 60,000 handwritten digits for training and 10,000 for the test, in four files
that are taken from the data base of a server, where it has them, or downloaded once from the first mirror that does."""

import gzip
import hashlib
import math
import os
import stat
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets.base import Part, Raw
from nnlab.datasets.digits import digit_names, pixel_names
from nnlab.datasets.split import keep_labels, spread_order
from nnlab.settings import settings
from nnlab.spec import DataSpec

Progress = Callable[[int, int], None]  # called with the bytes downloaded and the total
Find = Callable[[str], bytes | None]  # the content of a file by its name, `mnist/train-images-idx3-ubyte.gz`


class RemoteFile(NamedTuple):
    name: str
    size: int  # in bytes
    sha256: str


FILES = tuple(
    RemoteFile(f"{name}-ubyte.gz", size, sha256)
    for name, size, sha256 in (
        ("train-images-idx3", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        ("train-labels-idx1", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ("t10k-images-idx3", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        ("t10k-labels-idx1", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    )
)

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_BYTES = 2**31


Reason = Literal["offline", "damaged", "read_only", "blocked"]
REASONS: Mapping[Reason, str] = {
    "offline": "MNIST could not be downloaded: no mirror could be reached.",
    "damaged": "MNIST could not be downloaded: what the mirrors sent was damaged.",
    "read_only": "MNIST could not be downloaded: its folder cannot be written to.",
    "blocked": "MNIST could not be downloaded: a folder is in the place of a file.",
}
"""Why there is no MNIST; the dashboard translates these sentences."""


class DatasetUnavailable(RuntimeError):
    """Data that is not on disk and cannot be downloaded: `files` are missing in `folder`. `str()` is one sentence,
    `hints` are the remedies."""

    def __init__(self, reason: Reason, folder: Path, files: Sequence[str]) -> None:
        self.reason, self.folder, self.files = reason, folder, tuple(files)
        again = {
            "read_only": f"Let nnlab write to {folder}.",
            "blocked": f"Remove the folders in {folder}.",
        }
        self.hints = (
            again.get(reason, "Try again when the network is back."),
            f"Put {', '.join(self.files)} into {folder}.",
            "Use digits, pictures that need no download.",
        )
        super().__init__(REASONS[reason])

    def __reduce__(self) -> tuple[Any, ...]:
        return DatasetUnavailable, (self.reason, self.folder, self.files)


def default_folder() -> Path:
    """The folder of the files, which may not exist yet."""
    return settings().data_dir / "mnist"


_find: Find | None = None


def look_in(find: Find | None) -> None:
    """From now on take files from there before they are downloaded; None: from nowhere."""
    global _find
    _find = find


def available(folder: Path | None = None) -> bool:
    """Whether all files are there, readable and undamaged; those that need no download are put there."""
    folder = folder or default_folder()
    return all(_intact(folder / file.name, file) or _taken(folder / file.name, file) for file in FILES)


def fetch(
    progress: Progress = lambda done, total: None,
    *,
    folder: Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    files: Sequence[RemoteFile] = FILES,
) -> Path:
    """Take from the data base, or download, the files that are missing or damaged, and return their folder, which may
    be read-only if all are there. Of several processes at once, one downloads and the others wait.

    `progress` is called with the bytes there are and the total; an exception it raises cancels the download. Raises
    DatasetUnavailable if no mirror provides what is missing, or the folder cannot be written to.
    """
    folder = folder or default_folder()
    total = sum(file.size for file in files)
    if missing := [file for file in _missing(folder, files) if not _taken(folder / file.name, file)]:
        from filelock import FileLock

        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                missing = _missing(folder, missing)  # another process may have downloaded some
                while missing:
                    _download(missing, folder, mirrors, progress, total)
                    del missing[0]
        except OSError as error:
            reason: Reason = "blocked" if any((folder / file.name).is_dir() for file in missing) else "read_only"
            raise DatasetUnavailable(reason, folder, [file.name for file in missing]) from error
    progress(total, total)
    return folder


def _missing(folder: Path, files: Iterable[RemoteFile]) -> list[RemoteFile]:
    return [file for file in files if not _intact(folder / file.name, file)]


def _taken(path: Path, file: RemoteFile) -> bool:
    """Put a file there that the data base has, undamaged; whether it has it."""
    content = _find(f"mnist/{file.name}") if _find else None
    if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
            part.write(content)
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)  # whole, whoever else puts it there
    except OSError:  # no folder, no space: the download says why
        return False
    return True


def _intact(path: Path, file: RemoteFile) -> bool:
    try:
        about = path.stat()
        same_size = stat.S_ISREG(about.st_mode) and about.st_size == file.size
        return same_size and _sha256(path, about.st_mtime_ns, about.st_ino) == file.sha256
    except OSError:  # it is not there, or cannot be read
        return False


@lru_cache(maxsize=16)
def _sha256(path: Path, *version: int) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _download(
    missing: Sequence[RemoteFile], folder: Path, mirrors: Sequence[str], progress: Progress, total: int
) -> None:
    """Download the first of the missing files from the first mirror that has it."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    reason: Reason = "offline"
    file, before = missing[0], total - sum(file.size for file in missing)
    headers = {"Accept-Encoding": "identity"}  # a server must not unpack the file

    def download(url: str, path: str, _: object) -> None:
        with requests.get(url, stream=True, timeout=(5, 30), headers=headers) as response, open(path, "wb") as opened:
            response.raise_for_status()
            for chunk in response.iter_content(1 << 16):
                opened.write(chunk)
                progress(before + min(opened.tell(), file.size), total)

    _remove(folder / file.name)
    for mirror in mirrors:
        try:
            pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", file.name, folder, downloader=download)
            return
        except requests.RequestException:
            continue
        except ValueError:  # the checksum differs
            reason = "damaged"
    raise DatasetUnavailable(reason, folder, [file.name for file in missing])


def _remove(path: Path) -> None:
    """Remove what is in the place of a file: it is damaged or cannot be read, and pooch reads it first."""
    if path.is_dir():
        path.rmdir()  # an empty one
    else:
        path.unlink(missing_ok=True)


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """`spec.n_samples` of the 60,000 training digits and all 10,000 test digits, pixels from 0 to 255; where
    `spec.labels` selects classes, only digits of those. Raises DatasetUnavailable."""
    x, y, test_x, test_y = _arrays(default_folder())
    if spec.labels:
        x, y = keep_labels(x, y, spec.labels)
        test_x, test_y = keep_labels(test_x, test_y, spec.labels)
    if spec.n_samples < len(x):
        chosen = spread_order(y, rng)[: spec.n_samples]
        x, y = x[chosen], y[chosen]
    return Raw(x, y, pixel_names(28, 28), digit_names(spec), test=Part(test_x, test_y))


@lru_cache(maxsize=1)
def _arrays(folder: Path) -> tuple[NDArray[Any], ...]:
    """Training pictures (60000, 784) and labels (60000,), test pictures (10000, 784) and labels (10000,)."""
    fetch(folder=folder)
    arrays = (read_idx(folder / file.name) for file in FILES)
    return tuple(array.reshape(len(array), -1) if array.ndim > 1 else array.astype(np.int64) for array in arrays)


class IdxError(ValueError):
    """A file that is not IDX. The message names the file and what is wrong."""


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an IDX file, gzipped or not, in the machine's byte order (the format stands at the end of
    yann.lecun.com/exdb/mnist). Raises IdxError if the file is not IDX, is cut off or damaged, or is longer than its
    header states."""
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    opener: Any = gzip.open if gzipped else open
    try:
        with opener(path, "rb") as file:
            return _parse(file, path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IdxError(f"{path.name} is cut off or damaged: {error}.") from None


def _parse(file: BinaryIO, name: str) -> NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not 1 <= magic[3] <= 8:
        raise IdxError(f"{name} is not an IDX file: it begins with '{magic.hex()}'.")
    kind, dimensions = np.dtype(_IDX_TYPES[magic[2]]), magic[3]
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
