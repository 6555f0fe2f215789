"""MNIST: the IDX format, and fetching from mirrors that fail in every way, against a server of our own."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import multiprocessing
import os
import pickle
import re
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.datasets import load_dataset, mnist
from nnlab.datasets.mnist import (
    FILES,
    MIRRORS,
    DatasetUnavailable,
    IdxError,
    RemoteFile,
    available,
    fetch,
    read_idx,
)
from nnlab.settings import settings
from nnlab.spec import DATASETS, DataSpec

# -- IDX -------------------------------------------------------------------------------------------------------------


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(("kind", "dtype"), [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_an_idx_file_of_any_type_is_read_back(tmp_path: Path, pack, kind: int, dtype: str):
    (tmp_path / "file").write_bytes(pack(idx(PICTURES.astype(dtype), kind)))
    found = read_idx(tmp_path / "file")
    np.testing.assert_array_equal(found, PICTURES)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize(
    ("content", "says"),
    {
        "empty": (b"", "not an IDX file"),
        "a page": (b"<html>log in</html>", "not an IDX file"),
        "unknown type": (b"\0\0\x07\x01\0\0\0\0", "not an IDX file"),
        "no dimensions": (b"\0\0\x08\0", "not an IDX file"),
        "header cut off": (idx(PICTURES)[:9], "inside its header"),
        "data cut off": (idx(PICTURES)[:-1], "states 24 bytes, it holds 23"),
        "too much": (idx(PICTURES) + b"x", "it holds more"),
        "huge": (b"\0\0\x08\x03" + b"\xff" * 12, "allowed is up to"),
        "gzip cut off": (gzip.compress(idx(PICTURES), mtime=0)[:-9], "cut off or damaged"),
        "gzip damaged": (gzip.compress(idx(PICTURES), mtime=0)[:-8] + bytes(8), "cut off or damaged"),
        "gzip header alone": (b"\x1f\x8b", "cut off or damaged"),
        "gzip of another method": (b"\x1f\x8b\x07" + bytes(20), "cut off or damaged"),
    }.values(),
)
def test_a_bad_idx_file_is_one_sentence_that_names_it(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(IdxError) as caught:
        read_idx(tmp_path / "file")
    assert re.fullmatch(r"file (is|ends|holds)[^\n]*\.", str(caught.value))
    assert says in str(caught.value)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\0\0\x08\x01" + tail))
def test_arbitrary_bytes_are_an_array_or_an_idx_error(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    for bytes_ in (content, gzip.compress(content, mtime=0), b"\x1f\x8b\x08" + content):
        path = tmp_path_factory.getbasetemp() / "arbitrary"
        path.write_bytes(bytes_)
        with contextlib.suppress(IdxError):
            assert read_idx(path).dtype == np.uint8


# -- fetching --------------------------------------------------------------------------------------------------------

CONTENTS = {
    "pictures.gz": np.random.default_rng(0).bytes(300_000),
    "labels.gz": np.random.default_rng(1).bytes(5_000),
}
WANTED = tuple(
    RemoteFile(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in CONTENTS.items()
)
TOTAL = 305_000


class Mirror:
    """A server that answers as the first folder of an address says: good, gone, wrong, page or cut."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        """The path of every request."""
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                mirror.requests.append(self.path)
                _, how, name = self.path.split("/")
                content = CONTENTS[name]
                if how == "gone":
                    self.send_error(404)
                    return
                if how == "page":
                    content = b"<html>Please log in to this network</html>"
                if how == "wrong":
                    content = bytes(len(content))
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if how == "cut" else content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def __call__(self, how: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/{how}/"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    yield server
    server.close()


def holds_everything(folder: Path) -> bool:
    return all((folder / name).read_bytes() == content for name, content in CONTENTS.items())


def test_a_download_arrives_whole_with_progress_up_to_all_bytes(mirror: Mirror, tmp_path: Path):
    seen: list[tuple[int, int]] = []
    folder = tmp_path / "deep" / "mnist"
    assert fetch(lambda *step: seen.append(step), folder=folder, mirrors=[mirror("good")], files=WANTED) == folder
    assert holds_everything(folder)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 3
    assert seen[-1] == (TOTAL, TOTAL)
    assert {path.name for path in folder.iterdir()} - {".lock"} == set(CONTENTS)


def test_files_that_are_there_are_used_as_they_are(mirror: Mirror, tmp_path: Path):
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    fetch(folder=tmp_path, mirrors=[mirror("good")], files=WANTED)
    assert mirror.requests == []
    assert sorted(tmp_path.iterdir()) == before  # nothing written: the folder may be read-only


@pytest.mark.parametrize("broken", ["gone", "wrong", "page", "cut"])
def test_where_the_first_mirror_fails_the_second_is_asked(mirror: Mirror, tmp_path: Path, broken: str):
    fetch(folder=tmp_path, mirrors=[mirror(broken), mirror("good")], files=WANTED)
    assert holds_everything(tmp_path)


@pytest.mark.parametrize("damaged", [False, True])
def test_what_the_data_base_has_undamaged_is_not_downloaded(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
):
    for file in WANTED:
        (tmp_path / file.name).write_bytes(b"cut off")
    monkeypatch.setattr(mnist, "_find", lambda name: CONTENTS[name.removeprefix("mnist/")][damaged:])
    fetch(folder=tmp_path, mirrors=[mirror("good")], files=WANTED)
    assert holds_everything(tmp_path)
    assert len(mirror.requests) == (len(WANTED) if damaged else 0)


def test_a_mirror_that_cannot_be_reached_is_passed_over(mirror: Mirror, tmp_path: Path, free_port: int):
    fetch(folder=tmp_path, mirrors=[f"http://127.0.0.1:{free_port}/", mirror("good")], files=WANTED)
    assert holds_everything(tmp_path)


def test_a_file_with_the_wrong_sum_is_refused(mirror: Mirror, tmp_path: Path):
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(folder=tmp_path, mirrors=[mirror("wrong")], files=WANTED)
    assert caught.value.reason == "damaged"
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def _damage(path: Path, how: str) -> None:
    match how:
        case "damaged":
            path.write_bytes(bytes(5_000))
        case "half":
            path.write_bytes(CONTENTS["labels.gz"][:2_500])
        case "folder":
            path.mkdir()
        case "unreadable":  # to root, too
            path.symlink_to(path)
        case "device":
            os.mkfifo(path)


@pytest.mark.parametrize("how", ["damaged", "half", "folder", "unreadable", "device"])
def test_a_damaged_file_in_the_folder_is_not_there_and_is_replaced(mirror: Mirror, tmp_path: Path, monkeypatch, how):
    monkeypatch.setattr(mnist, "FILES", WANTED)
    fetch(folder=tmp_path, mirrors=[mirror("good")], files=WANTED)
    assert available(tmp_path)
    (tmp_path / "labels.gz").unlink()
    _damage(tmp_path / "labels.gz", how)
    assert not available(tmp_path)
    fetch(folder=tmp_path, mirrors=[mirror("good")], files=WANTED)
    assert holds_everything(tmp_path)


def test_a_download_that_is_cancelled_from_its_progress_leaves_nothing_behind(mirror: Mirror, tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(stop, folder=tmp_path, mirrors=[mirror("good")], files=WANTED)
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_offline_is_one_sentence_and_three_things_to_do(tmp_path: Path, free_port: int):
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(folder=tmp_path, mirrors=[f"http://127.0.0.1:{free_port}/"], files=WANTED)
    error = caught.value
    assert error.reason == "offline"
    assert str(error) == "MNIST could not be downloaded: no mirror could be reached."
    assert error.files == tuple(CONTENTS)
    again, folder, digits = error.hints
    assert "again" in again
    assert folder == f"Put pictures.gz, labels.gz into {tmp_path}."
    assert "digits" in digits
    travelled = pickle.loads(pickle.dumps(error))  # a worker raises it, the web process shows it
    assert (str(travelled), travelled.hints, travelled.reason) == (str(error), error.hints, error.reason)


def test_a_folder_that_cannot_be_made_is_said(mirror: Mirror, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetUnavailable, match="cannot be written to"):
        fetch(folder=tmp_path / "file" / "mnist", mirrors=[mirror("good")], files=WANTED)


def test_a_folder_with_files_in_the_place_of_a_file_is_left_alone(mirror: Mirror, tmp_path: Path):
    (tmp_path / "labels.gz").mkdir()
    (tmp_path / "labels.gz" / "own").touch()
    with pytest.raises(DatasetUnavailable, match="a folder is in the place of a file") as caught:
        fetch(folder=tmp_path, mirrors=[mirror("good")], files=WANTED)
    assert caught.value.hints[0] == f"Remove the folders in {tmp_path}."
    assert (tmp_path / "labels.gz" / "own").exists()


def _fetch_in_a_process(folder: Path, address: str) -> None:
    fetch(folder=folder, mirrors=[address], files=WANTED)


def test_two_processes_at_once_download_once(mirror: Mirror, tmp_path: Path):
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=_fetch_in_a_process, args=(tmp_path, mirror("good"))) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert holds_everything(tmp_path)
    assert sorted(mirror.requests) == ["/good/labels.gz", "/good/pictures.gz"]


def test_there_are_several_mirrors_at_different_hosts():
    assert len({mirror.split("/")[2] for mirror in MIRRORS}) >= 3
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in MIRRORS)


# -- the real thing --------------------------------------------------------------------------------------------------


def test_the_real_files_have_the_published_sums(mnist_dir: Path):
    for file in FILES:
        content = (mnist_dir / "mnist" / file.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256


def test_mnist_is_split_and_scaled_as_the_preset_wants(mnist_dir: Path):
    data = load_dataset("mnist")
    assert tuple(map(len, (data.train, data.validation, data.test))) == (57_000, 3_000, 10_000)
    assert data.train.x.dtype == np.uint8
    assert data.image_shape == (28, 28)
    assert data.test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(data.train.y).min() > 5000
    scaled = data.scaling.apply(data.test.x[:100])
    assert (scaled.min(), scaled.max()) == (0, 1)
    np.testing.assert_array_equal(data.scaling.shift, [0])


def test_part_of_mnist_keeps_the_whole_test_set_and_every_class(mnist_dir: Path):
    data = load_dataset(DataSpec(name="mnist", n_samples=20, validation=0.5))
    assert tuple(map(len, (data.train, data.validation, data.test))) == (10, 10, 10_000)
    assert sorted(data.train.y) == list(range(10))


def test_the_classes_of_mnist_are_as_many_as_the_spec_says(mnist_dir: Path):
    facts = DATASETS["mnist"]
    every = load_dataset(DataSpec(name="mnist", validation=0))
    assert tuple(np.bincount(every.train.y)) == facts.class_sizes
    assert tuple(np.bincount(every.test.y)) == facts.test_sizes
    some = load_dataset(DataSpec(name="mnist", labels=(5, 9), n_samples=300))
    assert tuple(map(len, (some.train, some.validation, some.test))) == (285, 15, 892 + 1009)
    assert some.class_names == ("5", "9")
    fives = {x.tobytes() for x in every.train.x[every.train.y == 5]}
    assert {x.tobytes() in fives for x in some.train.x[some.train.y == 0]} == {True}


def test_without_mnist_the_small_data_sets_still_load(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nnlab.datasets.mnist.fetch", lambda **_: pytest.fail("nothing asks for MNIST"))
    assert not available()
    assert len(load_dataset("digits").train) == 1079


def test_a_data_base_without_mnist_is_asked_for_one_file(home: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.setattr(mnist, "_find", asked.append)  # which returns None
    assert not available()
    assert len(asked) == 1


def test_unavailable_mnist_is_tried_again_the_next_time(
    home: Path, monkeypatch: pytest.MonkeyPatch, mnist_source: Path
):
    def offline(*, folder: Path) -> Path:
        raise DatasetUnavailable("offline", folder, [])

    with monkeypatch.context() as patch:
        patch.setattr("nnlab.datasets.mnist.fetch", offline)
        with pytest.raises(DatasetUnavailable):
            load_dataset("mnist")
    monkeypatch.setenv("NNLAB_DATA_DIR", str(mnist_source))
    settings.cache_clear()
    assert len(load_dataset("mnist").test) == 10_000
