"""MNIST (LeCun, Cortes and Burges 1998): 60,000 handwritten digits for training, 10,000 for the test.

The four files are fetched once, from the first mirror that has them; files already in the folder are used as they
are, if their sums agree.
"""

from __future__ import annotations

import os
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
"""Called with bytes done and bytes in all."""


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch, and how to know it."""

    name: str
    size: int
    """In bytes."""
    md5: str
    """As its authors publish it, for people to compare; what is checked is:"""
    sha256: str


FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "d53e105ee54ea40749a09fcbcd1e9432",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "9fb629c4189551a2d022fa330f9573f3",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "ec29112dd5afa0611ce80d1b7f02629c",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)


class DatasetUnavailable(RuntimeError):
    """Data that is neither on disk nor to be had: `str()` is one sentence, `hints` say what to do now."""

    def __init__(self, reason: Literal["offline", "damaged", "read_only"], folder: Path, files: Sequence[str]) -> None:
        self.reason = reason
        self.folder = folder
        self.files = tuple(files)
        """Names of the files that are missing."""
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
    """Where the files are, or will be."""
    return settings().data_dir / "mnist"


def available(folder: Path | None = None) -> bool:
    """Whether all files are there, by name and size (the sums are checked when they are read)."""
    folder = folder or default_folder()
    return all(_size(folder / file.name) == file.size for file in FILES)


def fetch(
    progress: Progress | None = None,
    *,
    folder: Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    files: Sequence[RemoteFile] = FILES,
) -> Path:
    """Make sure that the files are there, whole and right, and say where.

    A download that was cut off goes on where it stopped. Several processes may call this at once: one downloads,
    the others wait for it.

    Parameters
    ----------
    progress
        Called now and then with the bytes there are and the bytes wanted; what it raises ends the download.
    folder
        Default: `mnist` in NNLAB_DATA_DIR. It may be read-only if the files are in it.
    mirrors
        Addresses to put before a file's name, tried in this order.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DatasetUnavailable
        If no mirror gives what is missing.
    """
    folder = folder or default_folder()
    missing = _missing(folder, files)
    if missing:
        from filelock import FileLock

        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                missing = _missing(folder, missing)  # another process may have been quicker
                _download(missing, folder, mirrors, _Count(progress, files, missing))
        except OSError as error:
            raise DatasetUnavailable("read_only", folder, [file.name for file in missing]) from error
    if progress:
        total = sum(file.size for file in files)
        progress(total, total)
    return folder


def _missing(folder: Path, files: Iterable[RemoteFile]) -> list[RemoteFile]:
    return [file for file in files if not _intact(folder / file.name, file)]


def _intact(path: Path, file: RemoteFile) -> bool:
    if _size(path) != file.size:
        return False
    import pooch

    return bool(pooch.file_hash(str(path), alg="sha256") == file.sha256)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


class _Count:
    """Adds the files up, for one progress over all of them."""

    def __init__(self, progress: Progress | None, files: Sequence[RemoteFile], missing: Sequence[RemoteFile]) -> None:
        self.progress = progress
        self.total = sum(file.size for file in files)
        self.before = self.total - sum(file.size for file in missing)
        """Bytes of the files that are whole."""

    def __call__(self, done: int) -> None:
        if self.progress:
            self.progress(min(self.before + done, self.total), self.total)


def _download(missing: Sequence[RemoteFile], folder: Path, mirrors: Sequence[str], count: _Count) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    for position, file in enumerate(missing):
        reason: Literal["offline", "damaged"] = "offline"
        attempts = list(mirrors)
        for mirror in attempts:
            downloader = _Resuming(file, folder, count)
            try:
                # pooch checks the sum and only then puts the file in its place
                pooch.retrieve(
                    mirror + file.name,
                    known_hash=f"sha256:{file.sha256}",
                    fname=file.name,
                    path=folder,
                    downloader=downloader,
                )
                count.before += file.size
                break
            except requests.RequestException:
                continue  # gone, refused or cut off: what has come stays for the next mirror
            except ValueError:  # the sum is wrong
                reason = "damaged"
                if downloader.resumed:  # perhaps by the old beginning alone: once more from nothing
                    attempts.append(mirror)
        else:
            raise DatasetUnavailable(reason, folder, [file.name for file in missing[position:]])


class _Resuming:
    """A downloader for pooch that goes on with what an earlier attempt left in `NAME.part`."""

    def __init__(self, file: RemoteFile, folder: Path, count: _Count) -> None:
        self.file = file
        self.part = folder / f"{file.name}.part"
        self.count = count
        self.resumed = False

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        import requests

        have = max(0, _size(self.part))
        if have >= self.file.size:  # nothing to go on from: not the file, or its sum was never checked
            have = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=(5, 30)) as answer:
            answer.raise_for_status()
            if answer.status_code != 206:  # the whole file, whatever was asked for
                have = 0
            if int(answer.headers.get("Content-Length", self.file.size - have)) != self.file.size - have:
                raise requests.ConnectionError(f"{url} is not the file")  # a login page of the network, say
            self.resumed = have > 0
            with self.part.open("ab" if have else "wb") as target:
                for chunk in answer.iter_content(1 << 16):
                    target.write(chunk)
                    have += len(chunk)
                    self.count(have)
                    if have > self.file.size:
                        break
        if have < self.file.size:
            raise requests.ConnectionError(f"{url} ended after {have} of {self.file.size} bytes")
        os.replace(self.part, output_file)


# -- as a data set ---------------------------------------------------------------------------------------------------


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """spec.n_samples of the 60,000 training digits, pixels from 0 to 255, and all 10,000 of the test; of
    the classes kept, where labels are left out.

    Raises DatasetUnavailable."""
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
