"""How a server is: its workers and what they train, its queue, its disk and memory, what broke off, what is wrong."""

import http.client
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psutil

from nnlab.jobs.forecast import begins
from nnlab.jobs.memory import machine_bytes
from nnlab.jobs.trouble import Trouble
from nnlab.settings import settings
from nnlab.store import Run, State, Store
from nnlab.store.processes import host_of, resident_bytes

LATELY = 86_400.0  # seconds for which a run that broke off is shown
MOST = 20  # waiting runs, and runs that broke off, that are named
LONG_WAIT = 900.0  # seconds
LITTLE_DISK, LITTLE_MEMORY = 1e9, 0.3e9  # bytes below which what is left is said to be little
FULL = 0.9  # of what the data base may hold

Kind = Literal["no_workers", "few_workers", "workers", "wait", "disk", "store", "memory"]
SENTENCES: dict[Kind, str] = {
    "no_workers": "No worker is there, so nothing is trained. Runs stay in the queue and start by themselves.",
    "few_workers": "{there} of {wanted} workers are there. Runs wait longer until the others are back.",
    "wait": "A run has waited for {wait}. Ask for shorter runs or fewer seeds, or for more workers (NNLAB_WORKERS).",
    "disk": "Only {disk} of disk space is left. Whoever runs this server should remove old runs (nnlab admin prune) or "
    "give it more space.",
    "store": "The data base holds {store} of {most}; above that no new run is accepted. Delete runs that nobody needs, "
    "or ask whoever runs this server to raise NNLAB_MAX_STORE_MB.",
    "memory": "Only {memory} of memory is left. Large runs may fail; fewer workers (NNLAB_WORKERS) leave more.",
}
"""What is wrong and what to do; the dashboard translates these sentences. `Trouble` has those of "workers"."""


class WorkerState(NamedTuple):
    """A worker process: where it is, the bytes it takes, what it trains."""

    host: str
    memory: int | None  # None: unknown, as of a process on another machine that the scheduler does not know
    runs: tuple[Run, ...]
    known: bool  # to the scheduler of this server; others train too, as the command line does


class Waiting(NamedTuple):
    """A waiting run, and the seconds until it has probably begun."""

    run: Run
    begins: float


@dataclass(frozen=True)
class Machine:
    """A server at one moment. Sizes are in bytes, times in seconds."""

    wanted: int  # workers; 0 where they are not looked after by this process, or start with the first run
    workers: tuple[WorkerState, ...]
    trouble: Trouble | None
    states: Mapping[State, int]  # how many runs are in each
    waiting: tuple[Waiting, ...]  # the next ones
    oldest_wait: float
    broken_off: tuple[Run, ...]
    store: int
    store_limit: int
    disk_free: int
    memory: int  # of the whole machine
    memory_free: int

    @property
    def there(self) -> int:
        """How many workers the scheduler knows."""
        return sum(worker.known for worker in self.workers)

    @property
    def problems(self) -> list[Kind]:
        """What is wrong, the worst first."""
        serious = self.trouble is not None and self.trouble.kind != "missing"
        found: dict[Kind, bool] = {
            "no_workers": self.wanted > 0 and not self.there,
            "few_workers": 0 < self.there < self.wanted,
            "workers": serious,
            "disk": self.disk_free < LITTLE_DISK,
            "store": self.store > FULL * self.store_limit,
            "memory": self.memory_free < LITTLE_MEMORY,
            "wait": self.oldest_wait > LONG_WAIT,
        }
        return [kind for kind, wrong in found.items() if wrong]

    def sentence(self, kind: Kind) -> str:
        """A problem in English, and what to do."""
        if kind == "workers":
            return str(self.trouble)
        gigabytes = "{:.1f} GB".format
        return SENTENCES[kind].format(
            there=self.there,
            wanted=self.wanted,
            wait=f"{self.oldest_wait / 60:.0f} minutes",
            disk=gigabytes(self.disk_free / 1e9),
            store=gigabytes(self.store / 1e9),
            most=gigabytes(self.store_limit / 1e9),
            memory=gigabytes(self.memory_free / 1e9),
        )

    def plain(self) -> dict[str, Any]:
        """The same for JSON, without owners and experiments."""
        return {
            "problems": [self.sentence(kind) for kind in self.problems],
            "workers": {
                "wanted": self.wanted,
                "there": self.there,
                "each": [
                    {"host": one.host, "memory_mb": one.memory and one.memory // 1_000_000, "runs": _ids(one.runs)}
                    for one in self.workers
                ],
            },
            "runs": dict(self.states),
            "queue": {
                "oldest_wait_seconds": round(self.oldest_wait, 1),
                "next": [{"run": one.run.id, "begins_in_seconds": round(one.begins, 1)} for one in self.waiting],
            },
            "broken_off": [{"run": run.id, "state": run.state} for run in self.broken_off],
            "store_mb": {"used": self.store // 1_000_000, "allowed": self.store_limit // 1_000_000},
            "disk_free_mb": self.disk_free // 1_000_000,
            "memory_mb": {"all": self.memory // 1_000_000, "free": self.memory_free // 1_000_000},
        }


def read_machine(
    store: Store, described: Mapping[str, Mapping[str, Any]], wanted: int, trouble: Trouble | None
) -> Machine:
    """The server now.

    Parameters
    ----------
    described : mapping
        The workers by their addresses, as Dask's scheduler describes them.
    wanted : int
        How many there should be.
    trouble : Trouble, optional
        Why runs wait, as the dispatcher knows it.
    """
    states, jobs, memory = store.run_states(), store.jobs(), psutil.virtual_memory()
    starts = begins(jobs, max(1, wanted))
    order = [job.place.id for job in jobs if job.place.waits and not job.place.follows][:MOST]
    runs = {run.id: run for run in store.runs(ids=order, include_deleted=True)}
    return Machine(
        wanted,
        _workers(described, store.in_training()),
        trouble,
        states.by_state,
        tuple(Waiting(runs[one], starts[one]) for one in order if one in runs),
        states.oldest_wait,
        tuple(store.broken_off(LATELY, MOST)),
        store.bytes_on_disk(),
        settings().max_store_mb * 1_000_000,
        _free(settings().home),
        machine_bytes(),
        min(int(memory.available), machine_bytes()),
    )


def ask_server(address: str) -> dict[str, Any] | None:
    """What the server says that serves its health on `host:port`; None if none does."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host or "127.0.0.1", int(port), timeout=10)
    try:
        connection.request("GET", "/health")
        answer: dict[str, Any] = json.load(connection.getresponse())
        return answer
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _workers(described: Mapping[str, Mapping[str, Any]], running: list[tuple[Run, str]]) -> tuple[WorkerState, ...]:
    """The scheduler's workers, then the other processes that train."""
    by_process: dict[str, list[Run]] = {}
    for run, process in running:
        by_process.setdefault(process, []).append(run)
    known = []
    for address in sorted(described):
        one = described[address]
        name = str(one.get("process", one["host"]))
        memory = int(one["metrics"].get("memory", 0)) or None
        known.append(WorkerState(host_of(name), memory, tuple(by_process.pop(name, ())), True))
    others = [WorkerState(host_of(name), resident_bytes(name), tuple(runs), False) for name, runs in by_process.items()]
    return (*known, *others)


def _ids(runs: tuple[Run, ...]) -> list[str]:
    return [run.id for run in runs]


def _free(folder: Path) -> int:
    """What is free on the disk of a folder, which may not be there yet."""
    with suppress(OSError):
        return shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists())).free
    return 0
