"""The faults: each happens, lasts and passes."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import NamedTuple

import psutil

from benchmarks.faults.machine import Machine, kill

Hit = set[int] | None  # process numbers of the workers that a fault hits; None: everything


@contextmanager
def _kill_worker(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    yield _kill_some([chance.choice(found)] if (found := machine.workers) else [])


@contextmanager
def _kill_young_worker(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    """Also the worker that replaces it, within its first second, up to three times."""
    before = machine.workers
    hit = _kill_some([chance.choice(before)] if before else [])
    for _ in range(chance.randint(1, 3)):
        known = {one.pid for one in before}
        before = machine.workers
        kill(machine.wait_for_new_worker(known))
    yield hit


@contextmanager
def _kill_all_workers(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    _kill_some(machine.workers)
    yield None


@contextmanager
def _kill_fork_server(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    """And one worker, which needs it to be replaced."""
    workers = machine.workers
    kill(machine.fork_server)
    yield _kill_some(workers[:1])


@contextmanager
def _kill_cluster(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    kill(machine.cluster)
    yield None


@contextmanager
def _kill_dashboard(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    machine.service.kill()
    yield None


@contextmanager
def _kill_everything(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    """Dashboard, scheduler and workers at once, as at a power cut."""
    others = [one for one in (machine.cluster, machine.fork_server, *machine.workers) if one]
    machine.service.kill()
    _kill_some(others)
    yield None


@contextmanager
def _suspend_worker(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    chosen = [chance.choice(found)] if (found := machine.workers) else []
    _signal(chosen, signal.SIGSTOP)
    yield {one.pid for one in chosen}
    _signal(chosen, signal.SIGCONT)


@contextmanager
def _fill_disk(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.disk
    machine.disk.fill()
    yield None
    machine.disk.free()
    if machine.postgres:
        machine.postgres.revive()


@contextmanager
def _kill_postgres(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.postgres
    machine.postgres.kill()
    yield None
    machine.postgres.revive()


@contextmanager
def _cut_network(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.proxy
    machine.proxy.cut()
    yield None
    machine.proxy.restore()


@contextmanager
def _hold_network(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.proxy
    machine.proxy.hold()
    yield None
    machine.proxy.restore()


@contextmanager
def _reset_connections(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.proxy
    machine.proxy.reset()
    yield None


class Fault(NamedTuple):
    """A kind of fault and how long it lasts, in seconds: a time is drawn between the two."""

    name: str
    happen: Callable[[Machine, random.Random], AbstractContextManager[Hit]]
    lasts: tuple[float, float] = (0.0, 0.0)
    weight: int = 2
    visited: bool = True  # whether pages are read meanwhile; not at the dashboard's end: it recovers without a visitor


def faults(machine: Machine) -> list[Fault]:
    """Those that this machine can have."""
    found = [
        Fault("kill -9 of a worker", _kill_worker, weight=4),
        Fault("kill -9 of a worker and its young successors", _kill_young_worker, weight=3),
        Fault("kill -9 of all workers", _kill_all_workers),
        Fault("kill -9 of the fork server and a worker", _kill_fork_server),
        Fault("kill -9 of the scheduler", _kill_cluster, weight=3),
        Fault("kill -9 of the dashboard", _kill_dashboard, weight=4, visited=False),
        Fault("kill -9 of everything", _kill_everything, visited=False),
        Fault("a worker suspended for 20 s", _suspend_worker, (20, 20), weight=1),
    ]
    if machine.disk:
        found.append(Fault("a full disk", _fill_disk, (4, 15), weight=3))
    if machine.postgres:
        found.append(Fault("kill -9 of PostgreSQL", _kill_postgres, (0, 10), weight=3))
        found.append(Fault("the network cut", _cut_network, (2, 25), weight=3))
        found.append(Fault("the network silent", _hold_network, (2, 25), weight=2))
        found.append(Fault("all connections reset", _reset_connections, weight=2))
    return found


def _kill_some(processes: list[psutil.Process]) -> set[int]:
    for process in processes:
        kill(process)
    return {one.pid for one in processes}


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
