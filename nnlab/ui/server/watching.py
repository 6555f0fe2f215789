"""Health and metrics on an address of their own (NNLAB_METRICS), for whoever looks after the server.

    GET /health     JSON: whether all is well, and sentences about what is not; 503 without the store or any worker
    GET /metrics    for Prometheus

Neither is reachable through the pages' port.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from nnlab.jobs.machine import Machine
from nnlab.ui.server.imports import imported
from nnlab.ui.server.metrics import registry
from nnlab.ui.server.session_limit import sessions
from nnlab.ui.shell.ticks import pace

log = logging.getLogger("nnlab.server")

ANSWERS_WITHIN = 5.0  # seconds that the store has
STARTING, NO_STORE = "nnlab is starting.", "The data base does not answer."


class Watch:
    """Looks at the server for those who ask. `open_machine` reads it, or raises an error."""

    def __init__(self, open_machine: Callable[[], Machine]) -> None:
        self._read = open_machine
        self._pool, self._lock = ThreadPoolExecutor(1, "nnlab-watch"), threading.Lock()
        self._reading: Future[Machine] | None = None

    def look(self) -> Machine | None:
        """The server now; None while its store does not answer. A store that hangs is asked once at a time."""
        with self._lock:
            if self._reading is None or self._reading.done():
                self._reading = self._pool.submit(self._read)
            reading = self._reading
        try:
            return reading.result(ANSWERS_WITHIN)
        except TooLate:
            return None
        except Exception as error:
            log.warning("the server cannot be looked at: %s", error)
            return None

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the server can do its work, and how it is."""
        if not imported.is_set():
            return False, {"ok": False, "problems": [STARTING]}
        machine = self.look()
        if machine is None:
            return False, {"ok": False, "problems": [NO_STORE]}
        well = "no_workers" not in machine.problems
        return well, {"ok": well, **machine.plain(), "sessions": sessions.open, "live_pages": pace.pages}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def application(watch: Watch) -> Callable[..., Iterable[bytes]]:
    """The WSGI application with both routes."""
    metrics = make_wsgi_app(registry(lambda: watch.look() if imported.is_set() else None))

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return metrics(environ, start)  # type: ignore[no-any-return]
        if path != "/health":
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/health or /metrics\n"]
        well, shown = watch.health()
        start("200 OK" if well else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps(shown).encode() + b"\n"]

    return answer


class Watching:
    """The server of these routes, in a thread, until `close`."""

    def __init__(self, server: WSGIServer, watch: Watch) -> None:
        self._server, self._watch = server, watch
        threading.Thread(target=server.serve_forever, name="nnlab-metrics", daemon=True).start()

    @classmethod
    def start(cls, address: str) -> "Watching | None":
        """Serve on `host:port`. An address that cannot be used is a line in the log: pages do not need it."""
        host, _, port = address.rpartition(":")
        watch = Watch(_machine)
        try:
            server = make_server(host, int(port), application(watch), ThreadingWSGIServer, _Quiet)
        except (OSError, OverflowError) as error:
            log.error("health and metrics are not served: %s (NNLAB_METRICS) cannot be used: %s", address, error)
            watch.close()
            return None
        log.info("health and metrics are served on %s", address)
        return cls(server, watch)

    def close(self) -> None:
        """Free the address."""
        self._server.shutdown()
        self._server.server_close()
        self._watch.close()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: they come every few seconds."""


def _machine() -> Machine:
    from nnlab.lab import open_lab

    return open_lab().machine()
