"""The thread that keeps the workers busy.

The queue is in the store. A Dask task is not a run: it makes one worker take the waiting runs, one after the other, in
the store's order. So the position that a page shows is the true one, a lost task loses no run, and no worker is idle
while a run waits.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from nnlab import __version__
from nnlab.jobs import memory
from nnlab.jobs.cleaning import Cleaning
from nnlab.jobs.cluster import LocalProcess, local_process
from nnlab.jobs.trouble import Kind, Trouble, trouble_of
from nnlab.jobs.worker import Errand, run_short, work
from nnlab.settings import settings
from nnlab.store import Store, StoreUnavailable

log = logging.getLogger("nnlab.jobs.dispatcher")

# seconds between two queries of the store: while local workers start, while runs wait or run, while what is old is
# removed, and otherwise
STARTING_TICK, BUSY_TICK, CLEANING_TICK, IDLE_TICK = 0.1, 1.0, 0.1, 5.0
LONGEST_PAUSE = 15.0  # seconds, after workers or the store failed again and again
ANSWERS_WITHIN = 30.0  # seconds that the scheduler may take
REPLACED_AFTER = 90.0  # seconds without an answer after which a local cluster is replaced
MISSED_AFTER = 5.0  # seconds without any worker until that is said


class Pause:
    """The time until something is tried again: ever longer while it fails."""

    def __init__(self) -> None:
        self.failures, self.until = 0, -math.inf

    def failed(self) -> float:
        """It failed once more: the seconds until the next attempt."""
        seconds = float(min(LONGEST_PAUSE, 2**self.failures))
        self.failures, self.until = self.failures + 1, time.monotonic() + seconds
        return seconds


class Dispatcher:
    """A thread that starts the workers, submits `work` to them, and releases the runs of dead workers.

    Only this thread waits for Dask. Call `wake()` after a run was queued."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trouble: Trouble | None = None  # why runs wait, if workers are missing or cannot work
        self.workers: Mapping[str, Mapping[str, Any]] = {}  # by address, as the scheduler describes them
        self._cleaning = Cleaning(store)
        self._local: LocalProcess | None = None
        self._client: Any = None
        self._tasks: dict[tuple[str, int], Any] = {}  # the current task of each (worker's address, thread)
        self._failed: dict[str, tuple[Trouble, Pause]] = {}  # the workers whose last task raised an error
        self._answered = self._reached = time.monotonic()  # when the scheduler answered, and when it had a worker
        self._kills = memory.kills()
        self._short: list[Any] = []  # tasks that are no runs and have not ended
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
        """Call a short function in a worker: a Dask future; None while no worker can be reached.

        If all workers train, a run yields to it."""
        self.start()
        client = self._client
        if client is not None and client.status == "running":
            with suppress(Exception):  # the thread may close the connection at this moment
                task = client.submit(run_short, function, *arguments, pure=False, priority=10)
                with self._lock:
                    self._short.append(task)
                task.add_done_callback(lambda _: self._wake.set())
                self._wake.set()
                return task
        return None

    @property
    def wanted(self) -> int:
        """How many workers are to be there now."""
        if self._thread.ident is None:
            return 0
        return settings().workers if settings().scheduler is None else max(1, len(self.workers))

    def close(self) -> None:
        """End the thread and the local workers."""
        with self._lock:
            self._over.set()
            self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = Pause()
        while not self._over.is_set():
            self._wake.clear()
            try:
                busy, cleaning = self._dispatch(), self._cleaning.step()
                self._note(self._worker_trouble())
                pause = Pause()
                idle = CLEANING_TICK if cleaning else IDLE_TICK
                hurry = self._starting or self._short
                wait = STARTING_TICK if hurry else BUSY_TICK if busy else idle
            except StoreUnavailable as error:  # the workers go on with what they have
                self._note(Trouble("store", str(error)))
                wait = BUSY_TICK
            except Exception as error:
                if self._over.is_set():
                    break
                log.warning("no workers: %s", error)
                self._note(trouble_of(error, "unreachable"))
                wait = pause.failed()
                self._disconnect()
                if time.monotonic() - self._answered > REPLACED_AFTER:
                    self._end_local()
            self._wake.wait(wait)
        self._disconnect()
        self._end_local()

    def _note(self, trouble: Trouble | None) -> None:
        """Tell pages and the log what is wrong now."""
        kind = trouble.kind if trouble else None
        if kind != (self.trouble.kind if self.trouble else None):
            log.info("workers: %s", kind or "all is well", extra={"event": "workers"})
        self.trouble = trouble

    def _worker_trouble(self) -> Trouble | None:
        """What is wrong if a worker cannot work, or if there are fewer than wanted for some seconds."""
        for trouble, _ in self._failed.values():
            return trouble
        if self._local is not None:
            return self._local.trouble
        if time.monotonic() - self._reached > MISSED_AFTER:
            return Trouble("unreachable", f"the scheduler {settings().scheduler} has no worker")
        return None

    @property
    def _starting(self) -> bool:
        return self._client is not None and self._local is not None and len(self._seen) < settings().workers

    def _dispatch(self) -> bool:
        """Submit `work` to free workers while runs wait, and let runs yield if none is free; True if any run waits or
        runs."""
        client = self._connect()
        found = client.sync(client.scheduler.identity, callback_timeout=ANSWERS_WITHIN)
        self.workers = found["workers"]
        nthreads = {address: one["nthreads"] for address, one in self.workers.items()}
        self._answered = time.monotonic()
        killed = memory.kills() > self._kills
        began = self._local.began if self._local else -math.inf
        self.store.release_dead(settings().stale_after, began, note="memory" if killed else None)
        counts = self.store.counts()
        threads = [(address, i) for address, n in nthreads.items() for i in range(n)]
        if threads:
            self._reached = time.monotonic()
        for thread, task in list(self._tasks.items()):
            if task.done():
                self._note_end(thread[0], task)
            if task.done() or thread not in threads:
                del self._tasks[thread]
        self._seen &= nthreads.keys()
        self._failed = {address: one for address, one in self._failed.items() if address in nthreads}
        with self._lock:
            self._short = [task for task in self._short if not task.done()]
        free = [thread for thread in threads if thread not in self._tasks and not self._pauses(thread[0])]
        ready = self.store.queue() if counts.waiting else []
        if not free and self._short:
            self.store.lend_worker()
        elif not free and ready:
            self.store.make_room()
        # a worker that failed is tried again, whether a run waits or not
        new = [thread for thread in free if thread[0] not in self._seen or thread[0] in self._failed]
        errand = Errand(__version__, next(iter(ready), None))
        for thread in {*free[len(self._short) :][: len(ready)], *new}:  # short tasks have the first ones
            self._seen.add(thread[0])
            task = client.submit(work, errand, workers=[thread[0]], pure=False)
            task.add_done_callback(lambda _: self._wake.set())  # a run may have been queued as the task ended
            self._tasks[thread] = task
        return bool(counts.waiting or counts.running)

    def _note_end(self, address: str, task: Any) -> None:
        """Remember an error of a task: the worker cannot open the store, for example, or does not have nnlab."""
        failed = self._failed.pop(address, None)
        if task.status == "error":
            error, pause = task.exception(), failed[1] if failed else Pause()
            log.warning("the worker %s cannot work: %s", address, error)
            pause.failed()
            kind: Kind = "store" if isinstance(error, StoreUnavailable) else "broken"
            self._failed[address] = trouble_of(error, kind), pause

    def _pauses(self, address: str) -> bool:
        return address in self._failed and time.monotonic() < self._failed[address][1].until

    def _connect(self) -> Any:
        if self._local is not None and self._local.poll() is not None:
            log.warning("the local workers ended; starting new ones")
            self._disconnect()
            self._end_local()
        if self._client is None or self._client.status not in ("running", "connecting"):
            self._disconnect()
            address, security = settings().scheduler, None
            if address is None:
                self._local = self._local or local_process(self.store.url)
                address, security = self._local.address, self._local.contact.security()
            from distributed import Client

            options = {
                "set_as_default": False,
                "timeout": 30 if self._local else 5,
                "name": "nnlab",
                "security": security,
            }
            self._client = Client(address, **options)  # type: ignore[no-untyped-call]
        return self._client

    def _end_local(self) -> None:
        if self._local is not None:
            local, self._local = self._local, None
            self._answered = time.monotonic()  # the next one has as long
            local.close()

    def _disconnect(self) -> None:
        """Close the connection; runs continue."""
        self._tasks.clear()
        self.workers = {}
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):
                client.close(timeout=1)
