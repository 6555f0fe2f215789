"""The thread that keeps the workers busy.

The queue is in the store. A Dask task is not a run: it makes one worker take the waiting runs, one after the other, in
the store's order. So the position that a page shows is the true one, a lost task loses no run, and no worker is idle
while a run waits.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nnlab.jobs.cluster import LocalProcess, local_process
from nnlab.jobs.worker import work
from nnlab.settings import settings
from nnlab.store import Store

log = logging.getLogger("nnlab.jobs.dispatcher")

# seconds between two queries of the store: while local workers start, while runs wait or run, and otherwise
STARTING_TICK, BUSY_TICK, IDLE_TICK = 0.1, 1.0, 5.0
PURGE_EVERY = 3600.0  # seconds between two removals of runs that were deleted more than a week ago


class Dispatcher:
    """A thread that starts the workers, submits `work` to them, and releases the runs of dead workers.

    Only this thread waits for Dask. Call `wake()` after a run was queued."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trouble: str | None = None  # one sentence while no worker is available
        self._local: LocalProcess | None = None
        self._client: Any = None
        self._tasks: dict[tuple[str, int], Any] = {}  # the current task of each (worker's address, thread)
        self._failed: str | None = None  # one sentence if the last task that ended raised an error
        self._seen: set[str] = set()  # workers that had a task; the first opens the store, before any run is queued
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="nnlab-dispatcher", daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._thread.ident is None and not self._over.is_set():
                self._thread.start()

    def wake(self) -> None:
        """Query the store now."""
        self._wake.set()
        self.start()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a short function in the next free worker: a Dask future; None while no worker can be reached."""
        self.start()
        client = self._client
        if client is not None and client.status == "running":
            with suppress(Exception):  # the thread may close the connection at this moment
                return client.submit(function, *arguments, pure=False, priority=10)
        return None

    def close(self) -> None:
        """End the thread and the local workers."""
        with self._lock:
            self._over.set()
            self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        purged = -math.inf
        while not self._over.is_set():
            self._wake.clear()
            busy = True
            try:
                busy = self._dispatch()
                if time.monotonic() - purged > PURGE_EVERY:
                    purged = time.monotonic()
                    self.store.purge()
                self.trouble = self._failed
            except Exception as error:
                if self._over.is_set():
                    break
                log.warning("no workers: %s", error)
                self.trouble = f"The workers cannot be reached: {type(error).__name__}: {error}"
                self._disconnect()
            self._wake.wait(STARTING_TICK if self._starting else BUSY_TICK if busy else IDLE_TICK)
        self._disconnect()
        if self._local is not None:
            self._local.close()

    @property
    def _starting(self) -> bool:
        return self._client is not None and self._local is not None and len(self._seen) < settings().workers

    def _dispatch(self) -> bool:
        """Submit `work` to free workers while runs wait; True if any run waits or runs."""
        client = self._connect()
        self.store.release_dead(settings().stale_after)
        counts = self.store.counts()
        threads = [(address, i) for address, n in client.nthreads().items() for i in range(n)]
        for thread, task in list(self._tasks.items()):
            if task.done():
                # an error: the worker cannot open the store, for example, or does not have nnlab
                error = task.exception() if task.status == "error" else None
                self._failed = error and f"A worker cannot work: {type(error).__name__}: {error}"
            if task.done() or thread not in threads:
                del self._tasks[thread]
        self._seen &= {address for address, _ in threads}
        free = [thread for thread in threads if thread not in self._tasks]
        new = [thread for thread in free if thread[0] not in self._seen]
        for thread in {*free[: counts.waiting], *new}:
            self._seen.add(thread[0])
            task = client.submit(work, self.store.url, workers=[thread[0]], pure=False)
            task.add_done_callback(lambda _: self._wake.set())  # a run may have been queued as the task ended
            self._tasks[thread] = task
        return bool(counts.waiting or counts.running)

    def _connect(self) -> Any:
        if self._local is not None and self._local.poll() is not None:
            log.warning("the local workers ended; starting new ones")
            self._disconnect()
            self._local.close()
            self._local = None
        if self._client is None or self._client.status not in ("running", "connecting"):
            self._disconnect()
            address = settings().scheduler
            if address is None:
                self._local = self._local or local_process()
                address = self._local.address
            from distributed import Client

            self._client = Client(address, set_as_default=False, timeout=5, name="nnlab")  # type: ignore[no-untyped-call]
        return self._client

    def _disconnect(self) -> None:
        """Close the connection; runs continue."""
        self._tasks.clear()
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):
                client.close(timeout=1)
