"""The names of worker processes, and whether one may be alive."""

import os
import socket
from functools import lru_cache

import psutil


@lru_cache(maxsize=1)
def _machine() -> str:
    """This machine; a container with its own process numbers counts as one."""
    try:
        return f"{socket.gethostname()}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def this_process() -> str:
    """The worker's name: machine, process number and start time (process numbers are used again)."""
    return f"{_machine()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def host_of(worker: str) -> str:
    """The name of its machine."""
    return worker.partition("/")[0].partition(":")[0]


def resident_bytes(worker: str) -> int | None:
    """The memory that a process of this machine takes; None of others."""
    machine, _, rest = worker.partition("/")
    try:
        return int(psutil.Process(int(rest.split("/")[0])).memory_info().rss) if machine == _machine() else None
    except (psutil.Error, ValueError):
        return None


def older(worker: str, than: float) -> bool:
    """Whether it is a process of this machine that began before."""
    machine, _, began = worker.split("/")
    return machine == _machine() and float(began) < than


def maybe_alive(worker: str) -> bool:
    """False if the process is on this machine and gone."""
    machine, pid, began = worker.split("/")
    if machine != _machine():
        return True
    try:
        process = psutil.Process(int(pid))
        return bool(abs(process.create_time() - float(began)) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
