"""The memory of a worker: one budget for what is refused before it is queued and for what a worker may allocate."""

import math
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from nnlab.settings import settings

WEB_PROCESS = 1e9  # bytes that the web process may take, but on a small machine no more than
WEB_SHARE = 0.25  # of the memory
LEAST = 0.5e9  # bytes: less is not enough for a worker that has imported PyTorch
_SHORTAGES = ("can't allocate memory", "not enough memory", "Cannot allocate memory")
BELOW = 0.9  # of the memory at which a process is ended; Dask does so at 0.95
_budgets: list[float] = []  # of a run, if this process is a worker
_CGROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@cache
def machine_bytes() -> int:
    """The memory of this machine, or the least that a control group allows which this process is in."""
    limits = [int(text) for text in _of_control_groups("memory.max", "memory.limit_in_bytes") if text.isdigit()]
    return min([int(psutil.virtual_memory().total), *limits])


def worker_bytes() -> float:
    """What one worker may take; infinite if the workers are on other machines and NNLAB_WORKER_MEMORY_MB is not set."""
    if settings().worker_memory_mb:
        return 1e6 * settings().worker_memory_mb
    return math.inf if settings().scheduler is not None else _share()


def _share() -> float:
    """A worker's part of this machine."""
    machine = machine_bytes()
    return max(LEAST, (machine - min(WEB_PROCESS, WEB_SHARE * machine)) / settings().workers)


def here_bytes() -> float:
    """What a training in this process may take: in a worker its budget, elsewhere the whole memory."""
    return _budgets[-1] if _budgets else machine_bytes()


def limit_process(threads: int = 1, killed_at: float | None = None) -> None:
    """From now on this process is a worker, in which more than the budget raises MemoryError; where the system knows no
    such limit, nothing does.

    threads : how many runs the process may train at once.
    killed_at : the bytes at which Dask would end the process, if it looks after that; the budget is below them."""
    allowed = worker_bytes() * threads
    if math.isinf(allowed):  # the server has no limit for workers elsewhere; here it is known what this one may take
        allowed = _share() * threads
    if killed_at:
        allowed = min(allowed, BELOW * killed_at)
    _budgets.append(allowed / threads)
    with suppress(ImportError, OSError, ValueError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (int(allowed + _reserved_bytes()), hard))


def _reserved_bytes() -> int:
    """What counts as data of this process without being in memory: most of all the stacks of its threads."""
    found = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    data, resident = (1024 * int(found[name].split()[0]) for name in ("VmData", "RssAnon"))
    return max(0, data - resident)


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory could not be allocated; PyTorch raises a RuntimeError."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _SHORTAGES)


def kills() -> int:
    """How many processes the system has killed for want of memory: those of this process's control groups if they
    count them, else all."""
    counted = [text for text in _of_control_groups("memory.events", "memory.oom_control") if "oom_kill " in text]
    with suppress(OSError):
        counted.append(Path("/proc/vmstat").read_text())
    for text in counted:
        for line in text.splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _of_control_groups(*names: str) -> Iterator[str]:
    """The content of the files with these names in the control groups of this process, the innermost first."""
    with suppress(OSError):
        for line in _OWN.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):  # "": version 2
                continue
            top = _CGROUPS / controllers
            group = top / path.strip("/")
            for folder in (group, *group.parents):
                if folder.is_relative_to(top):
                    for name in names:
                        with suppress(OSError):
                            yield (folder / name).read_text().strip()
