"""Where compiled code is kept, and how processes share the work of compiling it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnlab.engines import compiled_cache
from nnlab.engines.compiled_cache import CannotCompile, Function, Preparation, Progress, folder

numba = pytest.importorskip("numba")

PROGRAM = """
import sys
from nnlab.engines.compiled_cache import Function, Preparation, folder, njit

@njit()
def inner(x):
    return x + 1

@njit()
def other(x):
    return x - 1

@njit()
def outer(x):
    return inner(x) * other(x)

functions = {"inner": inner, "other": other, "outer": outer}
needs = {"inner": (), "other": (), "outer": ("inner", "other")}
compiled = [Function(name, lambda f=f: f.compile("int64(int64)"), 1.0, needs[name]) for name, f in functions.items()]
if sys.argv[1:] == ["child"]:
    Preparation(lambda: compiled).run(lambda now: print(*now, flush=True))
    sys.exit()
Preparation(lambda: compiled, command=[sys.executable, __file__, "child"] if sys.argv[1:] else ()).run()
print(folder(), outer(3), *(sum(f.stats.cache_misses.values()) for f in functions.values()))
"""


@pytest.fixture(autouse=True)
def _own_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("TMPDIR", str(home.parent))  # of other processes
    monkeypatch.setattr(compiled_cache.tempfile, "tempdir", str(home.parent))
    folder.cache_clear()
    yield
    folder.cache_clear()


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process that compiles the three functions of PROGRAM; with "parent", another one compiles for it."""
    file = tmp_path / "program.py"
    if not file.exists():
        file.write_text(PROGRAM)
    return subprocess.Popen([sys.executable, str(file), *arguments], stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> tuple[Path, int, list[int]]:
    """Its folder, what the outer function returned, and how often each function was compiled."""
    out, _ = process.communicate()
    assert process.returncode == 0
    where, value, *misses = out.split()
    return Path(where), int(value), list(map(int, misses))


def test_code_is_kept_in_the_home_folder_and_read_by_the_next_process(home: Path, tmp_path: Path) -> None:
    first, second = (result(start(tmp_path)) for _ in range(2))
    assert first[0].parent == home / "compiled"
    assert first[1:] == (8, [1, 1, 1])
    assert second == (first[0], 8, [0, 0, 0])


def test_processes_that_start_together_compile_each_function_once(tmp_path: Path) -> None:
    results = [result(process) for process in [start(tmp_path) for _ in range(3)]]
    assert {value for _, value, _ in results} == {8}
    assert [sum(counts) for counts in zip(*(misses for _, _, misses in results), strict=True)] == [1, 1, 1]


def test_a_process_runs_the_code_it_reads_and_damaged_code_is_compiled_again(tmp_path: Path) -> None:
    where, *found = result(start(tmp_path, "parent"))
    assert found == [8, [0, 0, 0]]
    for damaged in ("*inner*.nbi", "*outer*.nbc"):
        (file,) = where.rglob(damaged)
        os.truncate(file, file.stat().st_size // 2)
    assert result(start(tmp_path, "parent"))[1:] == (8, [0, 0, 0])
    assert result(start(tmp_path))[1:] == (8, [0, 0, 0])


def test_a_folder_for_all_of_numba_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert result(start(tmp_path))[0].parent == tmp_path / "numba"


def test_a_home_that_cannot_be_written_is_replaced_by_a_private_temporary_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "_writable", lambda path: False)
    warmed = home / "compiled" / compiled_cache._version()
    warmed.mkdir(parents=True)
    (warmed / "code").write_text("compiled")
    assert folder().is_relative_to(tmp_path)
    assert not folder().is_relative_to(home)
    assert (folder() / "code").read_text() == "compiled"
    private = folder().parent
    assert private.stat().st_mode & 0o077 == 0
    private.chmod(0o777)  # others may have put code into it
    folder.cache_clear()
    assert folder().parent != private


def test_a_full_disk_counts_as_one_that_cannot_be_written_unless_all_code_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(free=compiled_cache.ROOM - 1)
    monkeypatch.setattr(compiled_cache.shutil, "disk_usage", lambda _: full)
    assert not compiled_cache._writable(home)
    (home / "complete-0").touch()
    assert compiled_cache._writable(home)


def test_who_copies_code_at_the_same_time_as_another_process_takes_the_copy_of_the_other(tmp_path: Path) -> None:
    code, copy = tmp_path / "code", tmp_path / "copy"
    for place in (code, copy):
        (place / "sub").mkdir(parents=True)
        (place / "sub" / "file").write_text(place.name)
    compiled_cache._copy(code, copy)
    assert (copy / "sub" / "file").read_text() == "copy"
    compiled_cache._copy(code, tmp_path / "new")
    assert (tmp_path / "new" / "sub" / "file").read_text() == "code"
    assert {path.name for path in tmp_path.iterdir()} >= {"code", "copy", "new"}
    assert not list(tmp_path.glob("tmp*"))


def test_a_file_in_the_way_is_as_good_as_no_folder(home: Path) -> None:
    home.mkdir()
    (home / "compiled").write_text("")
    assert not folder().is_relative_to(home)


def test_code_of_all_but_the_last_versions_is_removed(home: Path) -> None:
    for age in range(5):
        old = home / "compiled" / f"nnlab-{age:016x}"
        old.mkdir(parents=True)
        (old / "code").write_text("compiled")
        os.utime(old, (1e9 - age, 1e9 - age))
    (home / "compiled" / "nnlab-of-another").mkdir()  # the user may choose any folder, as /tmp
    current = folder()
    left = {path.name for path in current.parent.iterdir()}
    assert left == {current.name, f"nnlab-{0:016x}", f"nnlab-{1:016x}", "nnlab-of-another"}


def test_the_folder_changes_with_the_sources_their_place_and_their_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To Numba all three are other files, whose code every process would compile for itself."""
    found = [compiled_cache._version()]
    for copy in ("same", "another"):
        shutil.copytree(compiled_cache._SOURCES, tmp_path / copy)
        monkeypatch.setattr(compiled_cache, "_SOURCES", tmp_path / copy)
        found.append(compiled_cache._version())
    file = tmp_path / "another" / "compiled_layers.py"
    os.utime(file, (1e9, 1e9))
    found.append(compiled_cache._version())
    about = file.stat()
    file.write_text(file.read_text().replace("np.tanh", "np.sinh") + "\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    found.append(compiled_cache._version())
    assert len(set(found)) == 5
    assert compiled_cache._version() == found[-1]


def test_two_at_once_take_different_functions(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=60)
    taken: list[str] = []

    def take(name: str) -> None:
        if len(taken) < 2:
            taken.append(name)
            both.wait()  # passes only while two functions are compiled

    functions = [Function(name, lambda name=name: take(name)) for name in "abc"]  # type: ignore[misc]
    others = [threading.Thread(target=Preparation(lambda: functions, tmp_path).run) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert sorted(taken) == ["a", "b"]


def test_a_function_is_compiled_after_those_it_needs_and_progress_is_told(tmp_path: Path) -> None:
    order: list[str] = []
    functions = [
        Function("outer", lambda: order.append("outer"), 1.0, ("inner", "leaf")),
        Function("inner", lambda: order.append("inner"), 2.0, ("leaf",)),
        Function("leaf", lambda: order.append("leaf")),
    ]
    seen: list[Progress] = []
    preparation = Preparation(lambda: functions, tmp_path)
    preparation.run(seen.append)
    assert order == ["leaf", "inner", "outer"]
    assert [(one.done, one.functions) for one in seen] == [(0, 3), (1, 3), (2, 3)]
    assert 0 < seen[0].seconds_left <= 4
    assert preparation.progress == (3, 3, 0, 1)
    preparation.run()
    assert len(order) == 3


def test_a_busy_machine_is_expected_to_stay_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 100))  # whatever is begun takes far longer than usual
    monkeypatch.setattr(compiled_cache.time, "monotonic", lambda: float(next(clock)))
    functions = [Function("leaf", lambda: None, 2.0), Function("outer", lambda: None, 5.0, ("leaf",))]
    seen: list[Progress] = []
    Preparation(lambda: functions, tmp_path).run(seen.append)
    assert seen[0].seconds_left >= 250  # the other is as slow
    assert seen[0].share == pytest.approx(2 / 7)


def test_an_error_of_one_function_is_raised_every_time(tmp_path: Path) -> None:
    def fail() -> None:
        raise TypeError("no such type")

    preparation = Preparation(lambda: [Function("bad", fail)], tmp_path)
    for _ in range(2):
        with pytest.raises(CannotCompile, match="cannot be used: TypeError: no such type"):
            preparation.run()


def test_who_waits_for_another_thread_sees_progress_and_may_give_up(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        go_on.wait(60)

    preparation = Preparation(lambda: [Function("slow", slow)], tmp_path)
    thread = threading.Thread(target=preparation.run)
    thread.start()
    started.wait(60)

    def give_up(progress: Progress) -> None:
        assert progress.done == 0
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preparation.run(give_up)
    go_on.set()
    thread.join()
    assert preparation.progress.done == 1
