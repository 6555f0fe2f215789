"""The thread that keeps the workers busy.

The queue is in the store. A Dask task is not a run: it makes one worker take the waiting runs, one after the other, in
the store's order. So the position that a page shows is the true one, a lost task loses no run, and no worker is idle
while a run waits.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from nnlab import __version__
from nnlab.jobs import memory
from nnlab.jobs.cleaning import Cleaning
from nnlab.jobs.cluster import LocalProcess, local_process
from nnlab.jobs.load import MORE, RUN, SHORT, Load, new_key
from nnlab.jobs.scheduler import open_client
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
MOST_MORE = 100  # workers that are asked for at once


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
        self._tasks: list[tuple[str, Any]] = []  # that train runs, with their workers' addresses
        self._failed: dict[str, tuple[Trouble, Pause]] = {}  # the workers whose last task raised an error
        self._answered = self._reached = time.monotonic()  # when the scheduler answered, and when it had a worker
        self._kills = memory.kills()
        self._short: list[Any] = []  # tasks that are no runs and have not ended
        self._more: list[Any] = []  # see `_ask_for_more`
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
                task = client.submit(run_short, function, *arguments, key=new_key(SHORT), priority=10)
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

    @property
    def threads(self) -> int:
        """How many runs are trained at the same time."""
        return sum(one["nthreads"] for one in self.workers.values()) or settings().workers

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
        self.workers = client.sync(client.scheduler.identity, callback_timeout=ANSWERS_WITHIN)["workers"]
        tasks = client.sync(client.scheduler.processing, callback_timeout=ANSWERS_WITHIN)  # of all servers
        self._answered = time.monotonic()
        killed = memory.kills() > self._kills
        began = self._local.began if self._local else -math.inf
        self.store.release_dead(settings().stale_after, began, note="memory" if killed else None)
        counts = self.store.counts()
        if self.workers:
            self._reached = time.monotonic()
        self._forget_ended()
        load = Load.of(tasks, {task.key: address for address, task in self._tasks}, {task.key for task in self._short})
        free = [
            address
            for address, one in self.workers.items()
            if not self._pauses(address)
            for _ in range(one["nthreads"] - load.runs[address])
        ]
        ready = self.store.queue() if counts.waiting else []
        if not free and self._short:
            self._lend(load.short)
        elif not free and ready:
            self.store.make_room()
        # a worker that failed is tried again, whether a run waits or not
        new = {address for address in free if address not in self._seen or address in self._failed}
        chosen = free[load.n_short :][: len(ready)]  # short tasks have the first ones
        for address in [*chosen, *(new - {*chosen})]:
            self._seen.add(address)
            errand = Errand(__version__, self.store.id)
            task = client.submit(work, errand, key=new_key(RUN), workers=[address])
            task.add_done_callback(lambda _: self._wake.set())  # a run may have been queued as the task ended
            self._tasks.append((address, task))
        if self._local is None:
            self._ask_for_more(client, len(ready) - len(chosen))
        return bool(counts.waiting or counts.running)

    def _forget_ended(self) -> None:
        """Drop the tasks that have ended and the workers that have gone."""
        for address, task in self._tasks:
            if task.done():
                self._note_end(address, task)
        self._tasks = [(a, task) for a, task in self._tasks if a in self.workers and not task.done()]
        self._seen &= self.workers.keys()
        self._failed = {address: one for address, one in self._failed.items() if address in self.workers}
        with self._lock:
            self._short = [task for task in self._short if not task.done()]

    def _lend(self, addresses: Collection[str]) -> None:
        """Let a run yield on a worker that has a short task waiting."""
        processes = {str(self.workers[one].get("process", "")) for one in addresses if one in self.workers}
        if processes:  # a worker without nnlab's preload does not say which one it is
            self.store.lend_worker(None if "" in processes else processes)

    def _ask_for_more(self, client: Any, n: int) -> None:
        """Show the scheduler that n runs wait, by tasks that no worker takes, so that an adaptive cluster grows.

        Several servers ask for the same ones."""
        wanted = range(max(0, min(n, MOST_MORE)))
        del self._more[len(wanted) :]
        for i in wanted[len(self._more) :]:
            self._more.append(client.submit(int, key=f"{MORE}-{i}", resources={MORE: 1}))

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
            address = settings().scheduler
            if address is None:
                self._local = self._local or local_process(self.store.url)
                self._client = open_client(self._local.address, self._local.contact)
            else:
                self._client = open_client(address)
        return self._client

    def _end_local(self) -> None:
        if self._local is not None:
            local, self._local = self._local, None
            self._answered = time.monotonic()  # the next one has as long
            local.close()

    def _disconnect(self) -> None:
        """Close the connection; runs continue."""
        self._tasks.clear()
        self._more.clear()
        self.workers = {}
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):
                client.close(timeout=1)
