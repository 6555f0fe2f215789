"""A PostgreSQL server of our own, which can be killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from benchmarks.serving import free_port


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: float(one.parent.name))
    on_path = shutil.which("pg_ctl")
    return found[-1] if found else Path(on_path).parent if on_path else None


class Postgres:
    """A data base server in `folder`, on a free port of loopback, and of a network of 255 hosts (`10.77.0`)."""

    def __init__(self, folder: Path, network: str | None = None) -> None:
        found = programs()
        assert found is not None, "PostgreSQL is not installed"
        self._programs, self._folder, self._network = found, folder, network
        self._user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
        folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        self.port = free_port()
        self._run("initdb", "-D", f"{folder}/data", "-U", "nnlab", "-A", "trust", "-E", "UTF8", "--no-sync")
        if network:
            with (folder / "data" / "pg_hba.conf").open("a") as allowed:
                allowed.write(f"host all all {network}.0/24 trust\n")
        self.start()

    def url(self, port: int | None = None, host: str = "127.0.0.1") -> str:
        """The data base's address, through another port or host if one is given."""
        return f"postgresql://nnlab@{host}:{port or self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers; the processes of a killed one may need some seconds to end."""
        for _ in range(60):
            if self._answers():
                return
            self._ctl("-w", "start", "-l", f"{self._folder}/log", "-o", self._options)
            time.sleep(0.2)
        raise RuntimeError((self._folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """Kill it as `kill -9` does; nothing if it has ended."""
        try:
            os.kill(int((self._folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            return

    def stop(self) -> None:
        self._ctl("-m", "immediate", "stop")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _options(self) -> str:
        addresses = ",".join(["127.0.0.1", *([f"{self._network}.1"] if self._network else [])])
        return f"-p {self.port} -k {self._folder} -c listen_addresses={addresses} -c max_wal_size=64MB"

    def _ctl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return self._run("pg_ctl", "-s", "-D", f"{self._folder}/data", *arguments, check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=check,
        )
