"""From waiting runs to workers: what an installation allows, and the thread that keeps the workers busy.

The queue is the store's: a Dask task here is not a run but a ticket for one worker that says "take the waiting runs,
one after the other, in the store's order". So the place in the queue that a page shows is the true one, a lost ticket
loses no run, and an idle worker never stands beside a run that waits for a busy one.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nnlab.engines.costs import estimate_seconds
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Store

if TYPE_CHECKING:
    from nnlab.jobs.cluster import LocalProcess


log = logging.getLogger("nnlab.jobs.dispatcher")


BUSY_TICK, IDLE_TICK = 1.0, 5.0
"""Seconds between two looks at the store while something is under way, and while nothing is."""


TIDY_EVERY = 3600.0
"""Seconds between two removals of what was deleted more than a week ago."""


SHARED_FROM = 3.0
"""Seconds: what takes less is not worth a second job."""


def shares(experiment: Experiment, seeds: Sequence[int]) -> list[Sequence[int]]:
    """The seeds of one cell of a comparison, shared out among the workers where that pays.

    On a small network ten seeds take hardly longer than five, and stay together; on a large one a step is arithmetic,
    and two workers take half the time."""
    workers = min(settings().workers, len(seeds))
    if workers < 2:
        return [seeds] if seeds else []
    largest = math.ceil(len(seeds) / workers)
    whole, part = (estimate_seconds(experiment, n) for n in (len(seeds), largest))
    if whole < SHARED_FROM or part > 0.7 * whole:
        return [seeds]
    return [seeds[start : start + largest] for start in range(0, len(seeds), largest)]


class Foreman:
    """A thread that starts the workers, gives them tickets, and looks after runs whose worker died.

    It alone talks to Dask; nobody ever waits for it. `wake()` it when a run was put into the queue.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trouble: str | None = None
        """One sentence, while there are no workers to be had."""
        self._local: LocalProcess | None = None
        self._client: Any = None
        self._tickets: dict[tuple[str, int], Any] = {}
        """The future of every (worker's address, thread) that has a ticket."""
        self._failed: str | None = None
        """One sentence, where the last ticket that ended could not be worked on."""
        self._met: set[str] = set()
        """Workers that had one: the first opens the store, before there is anything to do."""
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin, if it has not begun."""
        with self._lock:
            if self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(target=self._run, name="nnlab-foreman", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Look at the store now."""
        self._wake.set()
        self.start()

    def ask(self, question: Callable[..., Any], *given: Any) -> Any:
        """A short calculation by the next free worker: a Dask future; None while there is no way to the workers."""
        self.start()
        client = self._client
        if client is not None and client.status == "running":
            with suppress(Exception):  # the foreman may let go of the connection at this moment
                return client.submit(question, *given, pure=False, priority=10)
        return None

    def close(self) -> None:
        """End the thread, and the local workers."""
        with self._lock:
            self._over.set()
            self._wake.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        tidied = -math.inf
        while not self._over.is_set():
            self._wake.clear()
            busy = True
            try:
                busy = self._look()
                if time.monotonic() - tidied > TIDY_EVERY:
                    tidied = time.monotonic()
                    self.store.purge()
                self.trouble = self._failed
            except Exception as error:
                if self._over.is_set():
                    break
                log.warning("no workers: %s", error)
                self.trouble = f"The workers cannot be reached: {type(error).__name__}: {error}"
                self._forget()
            self._wake.wait(BUSY_TICK if busy else IDLE_TICK)
        self._forget()
        if self._local is not None:
            self._local.close()

    def _look(self) -> bool:
        """Once around; whether there is anything under way."""
        client = self._connect()
        self.store.release_dead(settings().stale_after)
        counts = self.store.counts()
        threads = [(address, i) for address, n in client.nthreads().items() for i in range(n)]
        for place in [place for place, ticket in self._tickets.items() if place not in threads or ticket.done()]:
            ticket = self._tickets.pop(place)
            if ticket.done():  # with an error where a worker cannot open the store, say, or has no nnlab
                error = ticket.exception() if ticket.status == "error" else None
                self._failed = error and f"A worker cannot work: {type(error).__name__}: {error}"
        self._met &= {address for address, _ in threads}
        free = [place for place in threads if place not in self._tickets]
        new = [place for place in free if place[0] not in self._met]
        from nnlab.jobs.worker import work

        for place in {*free[: counts.waiting], *new}:
            self._met.add(place[0])
            ticket = client.submit(work, self.store.url, workers=[place[0]], pure=False)
            ticket.add_done_callback(lambda _: self._wake.set())  # perhaps one came as it was looking away
            self._tickets[place] = ticket
        return bool(counts.waiting or counts.running)

    def _connect(self) -> Any:
        if self._local is not None and not self._local.alive:
            log.warning("the local workers are gone; new ones are started")
            self._forget()
            self._local.close()
            self._local = None
        if self._client is None or self._client.status not in ("running", "connecting"):
            self._forget()
            address = settings().scheduler
            if address is None:
                if self._local is None:
                    from nnlab.jobs.cluster import LocalProcess

                    self._local = LocalProcess()
                address = self._local.address
            from distributed import Client

            connect: Any = Client
            self._client = connect(address, set_as_default=False, timeout=5, name="nnlab")
        return self._client

    def _forget(self) -> None:
        """Let go of the connection; runs go on."""
        self._tickets.clear()
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):
                client.close(timeout=1)

    @property
    def cluster_pid(self) -> int | None:
        """Of the local cluster's process."""
        return None if self._local is None else self._local.pid
