"""The local Dask cluster, as a process of its own: `python -m nnlab.jobs.cluster`.

It prints the scheduler's address and ends when its standard input closes, which happens when its parent ends in any
way. It is a process of its own because workers started by the web process would import the page script again.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cached_property
from multiprocessing import forkserver

from nnlab.settings import settings


def _start_fork_server() -> str:
    """Start the process that workers are forked from, once it has imported what they need; how workers start."""
    os.environ["PYTHONWARNINGS"] = "ignore::UserWarning"  # multiprocessing warns because of os._exit below
    for library in ("OMP", "OPENBLAS", "MKL"):  # a training takes one thread, and a process with more cannot be forked
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    multiprocessing.set_forkserver_preload(["nnlab.jobs.preload"])
    forkserver.ensure_running()
    return "forkserver"


def serve() -> None:
    """Start the workers, print the scheduler's address and wait for the end of standard input."""
    import dask

    method = _start_fork_server()
    dask.config.set(
        {
            "distributed.worker.multiprocessing-method": method,
            "distributed.worker.preload": ["nnlab.jobs.worker"],  # see dask_setup there
            "distributed.scheduler.worker-saturation": 1.0,
            "distributed.logging": {"distributed": "error", "bokeh": "critical", "tornado": "critical"},
            "distributed.admin.large-graph-warning-threshold": "1GB",
            # a killed worker is started again; on a busy machine that takes longer than the default 15 s, after which
            # Dask removes it for good
            "distributed.deploy.lost-worker-timeout": "10 minutes",
            # by default Dask samples its workers' stacks every 10 ms and its own clock every 20, which slows training
            "distributed.worker.profile.enabled": False,
            "distributed.admin.tick.interval": "1s",
            "distributed.admin.system-monitor.interval": "5s",
        }
    )
    from distributed import LocalCluster

    with tempfile.TemporaryDirectory(prefix="nnlab-", ignore_cleanup_errors=True) as scratch:
        cluster = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=0,  # so that the address is printed before the workers are ready
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port for Dask's own page, not 8787
            local_directory=scratch,
            silence_logs=40,
        )
        print(cluster.scheduler_address, flush=True)
        cluster.scale(settings().workers)  # type: ignore[no-untyped-call]
        with suppress(OSError, KeyboardInterrupt):
            sys.stdin.buffer.read()
    # Running jobs are not waited for: they resume from their checkpoints. Worker processes end with this one.
    os._exit(0)


class LocalProcess(subprocess.Popen[bytes]):
    """A cluster process started by this one. Raises RuntimeError if it ends before its address is read."""

    def __init__(self) -> None:
        super().__init__(
            [sys.executable, "-m", "nnlab.jobs.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the parent only; this one ends with its standard input
        )

    @cached_property
    def address(self) -> str:
        """That of the scheduler; waits until it has started."""
        assert self.stdout
        found = self.stdout.readline().decode().strip()
        if not found:
            self.close()
            raise RuntimeError("The local workers could not be started; see the log above.")
        return found

    def close(self) -> None:
        """End the process and its workers."""
        assert self.stdin
        assert self.stdout
        with suppress(OSError):
            self.stdin.close()
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
        self.stdout.close()


_early: list[LocalProcess] = []


def start_early() -> None:
    """Start the local cluster before there is a dispatcher to use it, unless the workers are to start later or are
    elsewhere."""
    if settings().warm and settings().scheduler is None:
        _early.append(LocalProcess())


def local_process() -> LocalProcess:
    """The cluster that was started early, else a new one."""
    return _early.pop() if _early else LocalProcess()


if __name__ == "__main__":
    serve()
