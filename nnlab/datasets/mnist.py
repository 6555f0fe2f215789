"""MNIST (LeCun, Cortes and Burges 1998): 60,000 handwritten digits for training and 10,000 for the test.

The four files are downloaded once, from the first mirror that provides them. Files that are already in the folder are
used if their checksums match.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets.base import Part, Raw
from nnlab.datasets.digits import digit_names, pixel_names
from nnlab.datasets.idx import read_idx
from nnlab.datasets.split import keep_labels, spread_order
from nnlab.settings import settings
from nnlab.spec import DataSpec

Progress = Callable[[int, int], None]
"""Called with the bytes downloaded and the total."""


@dataclass(frozen=True)
class RemoteFile:
    """A file to download."""

    name: str
    size: int
    """In bytes."""
    sha256: str


FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    RemoteFile("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)


class DatasetUnavailable(RuntimeError):
    """Data that is not on disk and cannot be downloaded. `str()` is one sentence, `hints` are the remedies."""

    def __init__(self, reason: Literal["offline", "damaged", "read_only"], folder: Path, files: Sequence[str]) -> None:
        self.reason = reason
        self.folder = folder
        self.files = tuple(files)
        """Names of the missing files."""
        self.hints = (
            "Try again when the network is back.",
            f"Put {', '.join(self.files)} into {folder}.",
            "Use digits, pictures that need no download.",
        )
        why = {
            "offline": "no mirror could be reached",
            "damaged": "what the mirrors sent was damaged",
            "read_only": f"{folder} cannot be written to",
        }[reason]
        super().__init__(f"MNIST could not be downloaded: {why}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return DatasetUnavailable, (self.reason, self.folder, self.files)


def default_folder() -> Path:
    """The folder of the files, which may not exist yet."""
    return settings().data_dir / "mnist"


def available(folder: Path | None = None) -> bool:
    """Whether all files are there, by name and size; `fetch` compares the checksums."""
    folder = folder or default_folder()
    return all(_has_size(folder, file) for file in FILES)


def fetch(
    progress: Progress | None = None,
    *,
    folder: Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    files: Sequence[RemoteFile] = FILES,
) -> Path:
    """Download the files that are missing or damaged. Of several processes at once, one downloads and the others wait.

    Parameters
    ----------
    progress
        Called with the bytes there are and the total. An exception it raises cancels the download.
    folder
        Default: `mnist` in NNLAB_DATA_DIR. It may be read-only if the files are in it.
    mirrors
        Addresses that a file's name is appended to, tried in this order.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DatasetUnavailable
        If no mirror provides what is missing, or the folder cannot be written to.
    """
    folder = folder or default_folder()
    progress = progress or (lambda done, total: None)
    total = sum(file.size for file in files)
    missing = _missing(folder, files)
    if missing:
        from filelock import FileLock

        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                missing = _missing(folder, missing)  # another process may have downloaded some
                while missing:
                    _download(missing, folder, mirrors, progress, total)
                    del missing[0]
        except OSError as error:
            raise DatasetUnavailable("read_only", folder, [file.name for file in missing]) from error
    progress(total, total)
    return folder


def _missing(folder: Path, files: Iterable[RemoteFile]) -> list[RemoteFile]:
    import pooch

    return [
        file
        for file in files
        if not _has_size(folder, file) or pooch.file_hash(str(folder / file.name), alg="sha256") != file.sha256
    ]


def _has_size(folder: Path, file: RemoteFile) -> bool:
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size


def _download(
    missing: Sequence[RemoteFile], folder: Path, mirrors: Sequence[str], progress: Progress, total: int
) -> None:
    """Download the first of the missing files from the first mirror that has it."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    reason: Literal["offline", "damaged"] = "offline"
    file, before = missing[0], total - sum(file.size for file in missing)
    for mirror in mirrors:
        downloader = pooch.HTTPDownloader(
            progressbar=_Bar(file.size, before, progress, total),
            chunk_size=1 << 16,
            timeout=(5, 30),
            headers={"Accept-Encoding": "identity"},  # a server must not unpack the file
        )
        try:
            pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
            return
        except requests.RequestException:
            continue
        except ValueError:  # the checksum differs
            reason = "damaged"
    raise DatasetUnavailable(reason, folder, [file.name for file in missing])


class _Bar:
    """A progress bar as `pooch.HTTPDownloader` uses it."""

    def __init__(self, size: int, before: int, progress: Progress, total: int) -> None:
        self.size, self.before, self.progress, self.all = size, before, progress, total
        self.done = 0

    def update(self, count: int) -> None:
        self.done += count
        self.progress(self.before + min(self.done, self.size), self.all)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


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
    return Raw(x, y, pixel_names(28, 28), digit_names(spec), full_scale=255.0, test=Part(test_x, test_y))


@lru_cache(maxsize=1)
def _arrays(folder: Path) -> tuple[NDArray[Any], ...]:
    """Training pictures (60000, 784) and labels (60000,), test pictures (10000, 784) and labels (10000,)."""
    fetch(folder=folder)
    train_x, train_y, test_x, test_y = (read_idx(folder / file.name) for file in FILES)
    return (
        train_x.reshape(len(train_x), -1),
        train_y.astype(np.int64),
        test_x.reshape(len(test_x), -1),
        test_y.astype(np.int64),
    )
