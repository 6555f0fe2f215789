"""The faults: each happens, lasts and passes."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple

import psutil

from benchmarks.faults.machine import Machine, found, kill, signal_all

Hit = set[int] | None  # process numbers of the workers that a fault hits; None: everything


@contextmanager
def _kill_worker(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    yield kill([chance.choice(found(lambda: machine.workers))])


@contextmanager
def _kill_young_worker(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    """Also the worker that replaces it, within its first second, up to three times."""
    before = found(lambda: machine.workers)
    hit = kill([chance.choice(before)])
    for _ in range(chance.randint(1, 3)):
        young = found(partial(_others, machine, set(before)))
        before = machine.workers
        time.sleep(chance.uniform(0, 1))
        kill(young)
    yield hit


@contextmanager
def _kill_all_workers(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    kill(found(lambda: machine.workers))
    yield None


@contextmanager
def _kill_fork_server(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    """And a worker, which needs it to be replaced."""
    worker = found(lambda: machine.workers)[:1]
    kill(found(lambda: machine.fork_server))
    kill(worker)
    yield None


@contextmanager
def _kill_scheduler(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    kill(found(lambda: machine.supervisor))
    yield None


@contextmanager
def _kill_dashboard(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    machine.service.kill()
    yield None


@contextmanager
def _kill_everything(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    """Dashboard, scheduler and workers at once, as at a power cut."""
    others = [*machine.supervisor, *machine.fork_server, *machine.workers]
    machine.service.kill()
    kill(others)
    yield None


@contextmanager
def _suspend_worker(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    chosen = [chance.choice(found(lambda: machine.workers))]
    signal_all(chosen, signal.SIGSTOP)
    yield {one.pid for one in chosen}
    signal_all(chosen, signal.SIGCONT)


@contextmanager
def _fill_disk(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.disk
    machine.disk.fill()
    yield None
    machine.disk.free()
    if machine.postgres:
        machine.postgres.start()


@contextmanager
def _kill_postgres(machine: Machine, chance: random.Random) -> Iterator[Hit]:
    assert machine.postgres
    machine.postgres.kill()
    yield None
    machine.postgres.start()


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
    possible = [
        Fault("kill -9 of a worker", _kill_worker, weight=4),
        Fault("kill -9 of a worker and its young successors", _kill_young_worker, weight=3),
        Fault("kill -9 of all workers", _kill_all_workers),
        Fault("kill -9 of the fork server and a worker", _kill_fork_server),
        Fault("kill -9 of the scheduler", _kill_scheduler, weight=3),
        Fault("kill -9 of the dashboard", _kill_dashboard, weight=4, visited=False),
        Fault("kill -9 of everything", _kill_everything, visited=False),
        Fault("a worker suspended for 20 s", _suspend_worker, (20, 20), weight=1),
    ]
    if machine.disk:
        possible.append(Fault("a full disk", _fill_disk, (4, 15), weight=3))
    if machine.postgres:
        possible.append(Fault("kill -9 of PostgreSQL", _kill_postgres, (0, 10), weight=3))
        possible.append(Fault("the network cut", _cut_network, (2, 25), weight=3))
        possible.append(Fault("the network silent", _hold_network, (2, 25), weight=2))
        possible.append(Fault("all connections reset", _reset_connections, weight=2))
    return possible


def _others(machine: Machine, known: set[psutil.Process]) -> list[psutil.Process]:
    return [one for one in machine.workers if one not in known]
