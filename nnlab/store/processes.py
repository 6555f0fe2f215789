"""The names of worker processes, and whether one may be alive."""

import os
import socket
from functools import lru_cache
from pathlib import Path

import psutil


@lru_cache(maxsize=1)
def _machine() -> str:
    """This machine since it was started; a container with its own process numbers counts as one. Machines may have the
    same name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()}:{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
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


def is_here(worker: str) -> bool:
    """Whether it is a process of this machine."""
    return worker.partition("/")[0] == _machine()


def older(worker: str, than: float) -> bool:
    """Whether it is a process of this machine that began before."""
    return is_here(worker) and float(worker.split("/")[2]) < than


def maybe_alive(worker: str) -> bool:
    """False if the process is on this machine and gone."""
    _, pid, began = worker.split("/")
    if not is_here(worker):
        return True
    try:
        process = psutil.Process(int(pid))
        return bool(abs(process.create_time() - float(began)) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
