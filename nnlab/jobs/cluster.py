"""The process of the local cluster (`nnlab.jobs.supervisor`), as its parent sees it."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple

import psutil

from nnlab.jobs.trouble import Trouble
from nnlab.settings import settings

STARTS_WITHIN = 60.0  # seconds until the address must be known


class Contact(NamedTuple):
    """Where a scheduler is, and the certificate and key, as PEM, that a client must show."""

    address: str
    certificate: str
    key: str

    def security(self) -> Any:
        """What a `distributed.Client` needs."""
        from distributed.security import Security

        own = {"tls_ca_file": self.certificate, "tls_client_cert": self.certificate, "tls_client_key": self.key}
        return Security(require_encryption=True, **own)  # type: ignore[no-untyped-call]


class LocalProcess(subprocess.Popen[str]):
    """A cluster process started by this one, whose workers use the store at `url`."""

    def __init__(self, url: str) -> None:
        super().__init__(
            [sys.executable, "-m", "nnlab.jobs.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NNLAB_DATABASE_URL": url},  # readable by this account only, unlike a task's arguments
            start_new_session=True,  # Ctrl-C is for the parent only; this one ends with its standard input
        )
        self.url = url
        self.began: float = psutil.Process(self.pid).create_time()
        self.trouble: Trouble | None = None
        self._contact: Future[Contact] = Future()
        threading.Thread(target=self._listen, name="nnlab-cluster", daemon=True).start()

    def _listen(self) -> None:
        """Read what the process says, until it ends."""
        assert self.stdout
        with suppress(ValueError, OSError), self.stdout:
            for line in self.stdout:
                said = json.loads(line)
                if not self._contact.done():
                    self._contact.set_result(Contact(*said))
                else:
                    self.trouble = said and Trouble(*said)
        if not self._contact.done():
            self._contact.set_exception(RuntimeError("the local workers could not be started, see the server's log"))

    @property
    def contact(self) -> Contact:
        """How to reach the scheduler; waits until it has started. Raises RuntimeError or TimeoutError."""
        return self._contact.result(STARTS_WITHIN)

    @property
    def address(self) -> str:
        """That of the scheduler."""
        return self.contact.address

    def close(self) -> None:
        """End the process and its workers."""
        assert self.stdin
        with suppress(OSError):
            self.stdin.close()
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()


_early: list[LocalProcess] = []


def start_early() -> None:
    """Start the local cluster before there is a dispatcher to use it, unless the workers are to start later or are
    elsewhere."""
    if settings().warm and settings().scheduler is None:
        _early.append(LocalProcess(settings().database_url))


def local_process(url: str) -> LocalProcess:
    """The cluster that was started early for this store, else a new one."""
    return _early.pop() if _early and _early[-1].url == url else LocalProcess(url)
