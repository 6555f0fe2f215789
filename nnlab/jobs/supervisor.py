"""The local cluster, as a process of its own: `python -m nnlab.jobs.supervisor`.

It is the scheduler, and starts worker processes and replaces them whenever they end or do not answer. On its standard
output it writes one line of JSON with the scheduler's address and what a client needs to be let in, then one line
whenever workers are missing and when they are back. It ends when its standard input closes, which happens when its
parent ends in any way. It is a process of its own because workers started by the web process would import the page
script again.
"""

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing import forkserver
from typing import Any

from nnlab import logs
from nnlab.jobs.trouble import Trouble
from nnlab.jobs.webless import Webless
from nnlab.settings import settings

CONFIG: dict[str, Any] = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.logging": {"distributed": "error", "bokeh": "critical", "tornado": "critical"},
    "distributed.admin.large-graph-warning-threshold": "1GB",
    "distributed.worker.preload": ["nnlab.jobs.worker"],  # see dask_setup there
    "distributed.scheduler.worker-ttl": "1 minute",  # a worker that does not answer for so long is replaced
    # by default Dask samples its workers' stacks every 10 ms and its own clock every 20, which slows training
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}
LOOK_EVERY = 0.2  # seconds between two looks at a worker process
MISSED_AFTER = 3.0  # seconds without a worker until that is said
STARTS_WITHIN = 60.0  # seconds that a living worker may be unknown to the scheduler
SETTLED = 60.0  # seconds after which the end of a worker is not one of a series
LONGEST_PAUSE = 15.0  # seconds before a worker that ended again and again is started again
SERIES = 3  # workers that end one after the other are said to end again and again


def pause_after(failures: int) -> float:
    """Seconds until a worker is started again: at once after the first failure, then ever later."""
    return 0.0 if failures <= 1 else float(min(LONGEST_PAUSE, 2 ** (failures - 2)))


class Supervisor:
    """Keeps `wanted` workers running.

    Parameters
    ----------
    scheduler : distributed.Scheduler
    options : dict
        What every worker is started with.
    method : str
        How processes start, see `multiprocessing`.
    """

    def __init__(self, scheduler: Any, wanted: int, options: dict[str, Any], method: str) -> None:
        self.scheduler, self.wanted, self.options = scheduler, wanted, options
        self._context: Any = multiprocessing.get_context(method)
        self._failures = [0] * wanted  # of each place, one after the other
        self._reason = ""  # why the last worker ended
        self._complete = time.monotonic()  # when all workers were last there

    async def keep(self, place: int) -> None:
        """Start a worker, wait for its end, start the next; for ever."""
        number = 0
        while True:
            number, began = number + 1, time.monotonic()
            try:
                self._reason = await self._one(f"{place}-{number}")
            except Exception as error:  # no process can be started: too many, no memory, no disk
                self._reason = f"{type(error).__name__}: {error}"
            settled = time.monotonic() - began > SETTLED
            self._failures[place] = 1 if settled else self._failures[place] + 1
            await asyncio.sleep(pause_after(self._failures[place]))

    async def _one(self, name: str) -> str:
        """Start one worker and wait for its end; why it ended."""
        from nnlab.jobs.worker_process import run_worker

        errors, theirs = self._context.Pipe(duplex=False)
        arguments = (self.scheduler.address, name, self.options, CONFIG, theirs)
        process = self._context.Process(target=run_worker, args=arguments, name=name)
        await asyncio.to_thread(process.start)  # which waits until the fork server has imported what they need
        theirs.close()
        answered, hangs = time.monotonic(), False
        while process.exitcode is None and not hangs:
            await asyncio.sleep(LOOK_EVERY)
            if any(worker.name == name for worker in self.scheduler.workers.values()):
                answered = time.monotonic()
            hangs = time.monotonic() - answered > STARTS_WITHIN
        code = process.exitcode
        with suppress(ProcessLookupError):  # it lives if it hangs, or if the fork server ended, which looks the same
            os.kill(process.pid, signal.SIGKILL)
        with suppress(EOFError, OSError), errors:
            if errors.poll():
                return str(errors.recv())
        if hangs:
            return f"it did not answer for {STARTS_WITHIN:.0f} s"
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong now, if workers are missing for some seconds."""
        running = len(self.scheduler.workers)
        if running >= self.wanted:
            self._complete = time.monotonic()
            return None
        if time.monotonic() - self._complete < MISSED_AFTER:
            return None
        kind: Any = "dying" if max(self._failures) >= SERIES else "missing"
        return Trouble(kind, self._reason, running, self.wanted)

    async def report(self) -> None:
        """Write a line whenever `trouble` changes; for ever."""
        before = None
        while True:
            if (now := self.trouble) != before:
                before = now
                _say(now)
            await asyncio.sleep(LOOK_EVERY)


def _say(value: Any) -> None:
    with suppress(OSError):
        print(json.dumps(value), flush=True)


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
    """Run the scheduler and the workers until standard input ends."""
    scratch = tempfile.mkdtemp(prefix="nnlab-")
    threading.Thread(target=_end_with_input, args=(scratch,), daemon=True).start()
    method = _start_fork_server()
    import dask

    dask.config.set(CONFIG)
    asyncio.run(_serve(method, scratch))


async def _serve(method: str, scratch: str) -> None:
    from distributed import Scheduler
    from distributed.security import Security

    logs.set_up("supervisor")

    class LocalScheduler(Webless, Scheduler):
        pass

    # without its key, other accounts of this machine could have code executed
    security = Security.temporary()  # type: ignore[no-untyped-call]
    listen: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "protocol": "tls", "security": security}
    async with LocalScheduler(**listen, dashboard=False) as scheduler:
        _say([scheduler.address, security.tls_client_cert, security.tls_client_key])
        options = {"security": security, "local_directory": scratch, "host": "127.0.0.1"}
        supervisor = Supervisor(scheduler, settings().workers, options, method)
        await asyncio.gather(supervisor.report(), *map(supervisor.keep, range(supervisor.wanted)))


def _end_with_input(scratch: str) -> None:
    """Running jobs are not waited for: they resume from their checkpoints. Worker processes end with this one."""
    with suppress(OSError, KeyboardInterrupt):
        sys.stdin.buffer.read()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    serve()
