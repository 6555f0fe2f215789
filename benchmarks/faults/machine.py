"""The machine under faults: the dashboard with its workers, the data base, the disk and the network between them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.disk import Disk
from benchmarks.faults.postgres import Postgres
from benchmarks.faults.proxy import Proxy
from benchmarks.serving import Server

RESTART_AFTER = 1.0  # seconds, as a service manager's
FOUND_WITHIN = 60.0  # seconds


class Service(Server):
    """The dashboard, started again whenever it ends, as systemd would."""

    def __init__(self, home: Path, **environment: str) -> None:
        super().__init__(home, **environment)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="service", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self.stop()
        self._thread.join()

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(RuntimeError):
                self.start()
            if self.process is not None:
                self.process.wait()
            self._over.wait(RESTART_AFTER)


class Machine:
    """One server for `python -m benchmarks.faults`, in a folder of its own."""

    def __init__(self, folder: Path, postgresql: bool, small_disk: bool) -> None:
        self.disk = Disk(folder / "disk") if small_disk else None
        place = self.disk.folder if self.disk else folder
        home = (folder if postgresql else place) / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.postgres = Postgres(place / "postgres") if postgresql else None
        self.proxy = Proxy(self.postgres.port) if self.postgres else None
        self.url = self.postgres.url() if self.postgres else f"sqlite:///{home / 'nnlab.db'}"
        beyond = self.postgres.url(self.proxy.port) if self.postgres and self.proxy else self.url
        self.service = Service(home, NNLAB_DATABASE_URL=beyond, NNLAB_WORKERS="2")

    def close(self) -> None:
        """End everything."""
        self.service.end()
        if self.postgres:
            self.postgres.stop()
        if self.disk:
            self.disk.close()

    @property
    def supervisor(self) -> list[psutil.Process]:
        """The process of the scheduler, which starts the local workers: one, or none while there is none."""
        return [one for one in self._children() if "nnlab.jobs.supervisor" in _command(one)]

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes of the local workers, also those that are starting."""
        servers = [one for one in self._children() if "forkserver" in _command(one)]
        parents = {one.pid for one in servers}
        return [one for one in servers if _parent(one) in parents]

    @property
    def fork_server(self) -> list[psutil.Process]:
        """The process that workers are forked from."""
        return [one for one in self._children() if "forkserver" in _command(one) and one not in self.workers]

    def _children(self) -> list[psutil.Process]:
        process = self.service.process
        with suppress(psutil.Error):
            if process is not None and process.poll() is None:
                return list(psutil.Process(process.pid).children(recursive=True))
        return []


def found(look: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    """The processes that `look` finds, as soon as there are any."""
    end = time.monotonic() + FOUND_WITHIN
    while time.monotonic() < end:
        if processes := look():
            return processes
        time.sleep(0.02)
    raise RuntimeError("The process to be killed has not been there for a minute.")


def kill(processes: list[psutil.Process]) -> set[int]:
    """`kill -9`; their numbers."""
    signal_all(processes, signal.SIGKILL)
    return {one.pid for one in processes}


def signal_all(processes: list[psutil.Process], number: int) -> None:
    """Send a signal to those that are there."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _parent(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return 0
