"""The machine under faults: the dashboard with its workers, the data base, the disk and the network between them."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.disk import Disk
from benchmarks.faults.postgres import Postgres
from benchmarks.faults.proxy import Proxy
from benchmarks.serving import Server

RESTART_AFTER = 1.0  # seconds, as a service manager's


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
    def cluster(self) -> psutil.Process | None:
        """The process of the local workers' scheduler."""
        return next((one for one in self._children() if "nnlab.jobs.cluster" in _command(one)), None)

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes of the local workers, also those that are starting."""
        servers = [one for one in self._children() if "forkserver" in _command(one)]
        parents = {one.pid for one in servers}
        return [one for one in servers if _parent(one) in parents]

    @property
    def fork_server(self) -> psutil.Process | None:
        """The process that workers are forked from."""
        workers = {one.pid for one in self.workers}
        return next((one for one in self._children() if "forkserver" in _command(one) and one.pid not in workers), None)

    def wait_for_new_worker(self, known: set[int], seconds: float = 30) -> psutil.Process | None:
        """The first worker process that is not among the `known`, as soon as it exists."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if new := [one for one in self.workers if one.pid not in known]:
                return new[0]
            time.sleep(0.02)
        return None

    def _children(self) -> list[psutil.Process]:
        process = self.service.process
        with suppress(psutil.Error):
            if process is not None and process.poll() is None:
                return list(psutil.Process(process.pid).children(recursive=True))
        return []


def kill(process: psutil.Process | None) -> None:
    """`kill -9`, if there is such a process."""
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


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
