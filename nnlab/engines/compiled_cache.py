"""Where Numba keeps the code of the compiled engine, and compiling it ahead of the first run.

Compiling takes some 10 s of one core, once a machine. From then on every process reads the code within half a second.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from filelock import FileLock, Timeout

from nnlab.settings import settings

log = logging.getLogger("nnlab.engines.compiled_cache")
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Result = TypeVar("Result")
POLL = 0.05  # seconds between two looks at what other processes and threads have compiled
USUAL_PACE = 0.6  # share of the time that two processes take which compile together
VERSIONS = 3  # how many folders of compiled code stay, those used last
ROOM = 10_000_000  # bytes, some more than the code takes
_DIGITS = 16  # in the name of a folder
_SOURCES = Path(__file__).resolve().parent


class Function(NamedTuple):
    """A function to compile ahead."""

    name: str
    compile: Callable[[], object]  # or read what is compiled already
    seconds: float = 1.0  # that compiling it usually takes
    needs: tuple[str, ...] = ()  # functions it calls, to be compiled before


class Progress(NamedTuple):
    """How far the functions are compiled."""

    done: int
    functions: int
    seconds_left: float  # an estimate
    share: float = 0.0  # of the time


OnProgress = Callable[[Progress], None]


class CannotCompile(RuntimeError):
    """The functions cannot be compiled here."""


def njit(**options: Any) -> Callable[[Decorated], Decorated]:
    """`numba.njit` for the functions of the compiled engine: their code is kept in `folder()`."""
    import numba

    config: Any = numba.config

    def decorate(function: Decorated) -> Decorated:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder())
        try:
            decorated: Decorated = numba.njit(cache=True, **options)(function)
            return decorated
        finally:
            config.CACHE_DIR = before

    return decorate


@cache
def folder() -> Path:
    """The folder of the compiled code: one for each installation of the sources and version of what compiles them.

    It is in `NUMBA_CACHE_DIR` if that is set, else in `NNLAB_HOME`. Where it cannot be written, a folder in the
    temporary folder replaces it, with a copy of the code it has. Folders of other versions are removed but for the
    last used.
    """
    import numba

    config: Any = numba.config
    root = Path(os.path.expanduser(config.CACHE_DIR or settings().home / "compiled"))  # without a home as it is
    found = root / _version()
    if not _writable(found):
        wanted, root = found, _own_temporary_folder()
        found = root / wanted.name
        if wanted.is_dir() and not found.exists():
            _copy(wanted, found)
        found.mkdir(exist_ok=True)
    with suppress(OSError):  # another process may remove the same ones
        os.utime(found)
        versions = root.glob("nnlab-" + "[0-9a-f]" * _DIGITS)
        for old in sorted(versions, key=lambda path: path.stat().st_mtime)[:-VERSIONS]:
            shutil.rmtree(old, ignore_errors=True)
    return found


def _version() -> str:
    """Numba renews the code of a file that changes, but not that of files which call it: so the name changes too.

    To Numba a file in another place, or with another time, is another file. Where the code of one counted as that of
    the other, every process would compile for itself, and round differently from the next."""
    import llvmlite
    import numba
    import numpy as np

    digest = hashlib.sha256()
    for source in sorted(_SOURCES.glob("compiled_*.py")):
        digest.update(f"{source} {source.stat().st_mtime}".encode() + source.read_bytes())
    digest.update(f"{numba.__version__} {llvmlite.__version__} {np.__version__}".encode())
    return f"nnlab-{digest.hexdigest()[:_DIGITS]}"


def _copy(folder: Path, to: Path) -> None:
    """Other processes, which may copy at the same time, see the whole copy or none."""
    part = Path(tempfile.mkdtemp(dir=to.parent))
    try:
        shutil.copytree(folder, part, ignore=shutil.ignore_patterns("*.lock"), dirs_exist_ok=True)
        with suppress(OSError):  # another process was faster
            part.rename(to)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _forget() -> None:
    """Let all functions be compiled again."""
    for pattern in ("complete-*", "**/*.nbi"):  # Numba's lists of what is compiled
        for path in folder().glob(pattern):
            path.unlink(missing_ok=True)


def complete() -> bool:
    """Whether all functions are compiled for this processor. Imports Numba, and raises what it raises."""
    return _mark().exists()


def _mark() -> Path:
    """The file that says so."""
    from numba.core.registry import cpu_target

    processor = repr(cpu_target.target_context.codegen().magic_tuple())
    return folder() / f"complete-{hashlib.sha256(processor.encode()).hexdigest()[:_DIGITS]}"


def _writable(path: Path) -> bool:
    """Whether code can be written there, or is there already, though the disk be full."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
        return any(path.glob("complete-*")) or shutil.disk_usage(path).free >= ROOM
    except OSError:
        return False


def _own_temporary_folder() -> Path:
    """The same one for all processes of this user, unless others may write to it: reading the code executes it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir(), f"nnlab-compiled-{user}")
    path.mkdir(mode=0o700, exist_ok=True)
    about = path.lstat()
    if stat.S_ISDIR(about.st_mode) and about.st_uid == user and not about.st_mode & 0o022:
        return path
    return Path(tempfile.mkdtemp(prefix="nnlab-compiled-"))


class Preparation:
    """Compiles functions, or reads the code that other processes compiled.

    Processes that start together share the work: each takes a function that no other compiles at that moment. A lock
    file for each function also keeps them from writing one function's code at the same time.

    Parameters
    ----------
    load : callable
        The functions, in the order in which they are compiled as far as no other process does.
    place : Path, optional
        The folder of the lock files, that of the code by default.
    command : sequence of str, optional
        A process that compiles them and prints its progress, for this one to read the code. Where a process runs the
        code that it compiled itself, sums are rounded differently from all later processes.
    """

    def __init__(
        self, load: Callable[[], Sequence[Function]], place: Path | None = None, command: Sequence[str] = ()
    ) -> None:
        self._load, self._place, self._command = load, place, command
        self._apart: tuple[Progress, float] | None = None  # what the other process printed last, and when
        self._functions: Sequence[Function] = ()
        self._ready: set[str] = set()
        self._began, self._pace = 0.0, USUAL_PACE
        self._failed: CannotCompile | None = None
        self._done = False
        self._lock = threading.Lock()

    @property
    def _seconds(self) -> float:
        return sum(one.seconds for one in self._functions)

    @property
    def progress(self) -> Progress:
        """How far this process is; any thread may ask."""
        if self._apart:
            told, when = self._apart
            passed = min(time.monotonic() - when, told.seconds_left)
            share = told.share + (1 - told.share) * passed / max(told.seconds_left, 1e-9)
            return told._replace(seconds_left=told.seconds_left - passed, share=share)
        done, functions = len(self._ready), len(self._functions)
        if done == functions:
            return Progress(done, functions, 0.0, float(done > 0))
        since = time.monotonic() - self._began
        # on a busy machine: if what can be compiled now takes longer than expected, so will what needs it
        later = sum(one.seconds for one in self._functions if not self._ready.issuperset(one.needs))
        left = max(self._pace * self._seconds - since, since * later / (self._seconds - later))
        return Progress(done, functions, left, since / max(since + left, 1e-9))

    def run(self, on_progress: OnProgress | None = None) -> None:
        """Return once all functions are compiled. Raises CannotCompile, from then on at once.

        on_progress : called now and then; an exception it raises ends the call."""
        show = on_progress or (lambda _: None)
        while not self._lock.acquire(timeout=POLL):  # Numba compiles in one thread at a time
            if self.progress.functions:
                show(self.progress)
        try:
            if self._failed:
                raise self._failed
            if self._done:
                return
            try:
                self._compile_all(show)
            except CannotCompile:
                if not (self._command and self._functions):
                    raise
                _forget()  # a file of the code may be damaged
                self._failed = None
                self._compile_all(show)
        finally:
            self._lock.release()

    def _compile_all(self, show: OnProgress) -> None:
        if self._command:
            self._compile_apart(show)
        if not self._functions:
            functions = self._attempt(self._load)
            self._began, self._functions = time.monotonic(), functions
        while len(self._ready) < len(self._functions):
            show(self.progress)
            if not self._compile_one():
                time.sleep(POLL)  # other processes are at what is left
        self._apart, self._done = None, True

    def _compile_apart(self, show: OnProgress) -> None:
        """Let the other process compile, unless all code is there. Where that fails, this one will compile."""
        mark = self._attempt(_mark)
        if mark.exists():
            return
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(mark.parent.parent)}
        with subprocess.Popen(  # nosec B603: this Python, with arguments of our own
            self._command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout
            try:
                for line in process.stdout:
                    done, functions, left, share = line.split()
                    self._apart = Progress(int(done), int(functions), float(left), float(share)), time.monotonic()
                    show(self.progress)
            except BaseException:
                process.kill()
                raise
        if process.returncode == 0:
            with suppress(OSError):
                mark.touch()

    def _compile_one(self) -> bool:
        """Compile the first function that can be compiled now; False if there is none."""
        for one in self._functions:
            if one.name in self._ready or not self._ready.issuperset(one.needs):
                continue
            if self._attempt(partial(self._compile_alone, one)):
                self._ready.add(one.name)
                ready = sum(one.seconds for one in self._functions if one.name in self._ready)
                # another process, usually, has compiled about as much, which shows once its code is read
                self._pace = (time.monotonic() - self._began) / max(USUAL_PACE * self._seconds, ready)
                return True
        return False

    def _compile_alone(self, one: Function) -> bool:
        """False if another process compiles it at this moment."""
        try:
            with FileLock((self._place or folder()) / f"{one.name}.lock").acquire(blocking=False):
                one.compile()
        except Timeout:
            return False
        return True

    def _attempt(self, do: Callable[[], Result]) -> Result:
        """Its result. Raises CannotCompile; a broken Numba raises errors of any type."""
        try:
            return do()
        except Exception as error:
            first = next(iter(str(error).splitlines()), "").strip().rstrip(".")  # Numba's have many lines
            reason = f"{type(error).__name__}{': ' if first else ''}{first}"
            log.warning("the compiled engine cannot be used", exc_info=True)
            self._failed = CannotCompile(f"The compiled engine cannot be used: {reason}.")
            raise self._failed from error
