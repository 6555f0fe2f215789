"""A worker process of the local cluster. `nnlab.jobs.supervisor` starts it and replaces it when it ends."""

import asyncio
import logging
import multiprocessing
import os
import threading
from multiprocessing.connection import Connection
from typing import Any

from nnlab import logs
from nnlab.jobs.webless import Webless


def run_worker(scheduler: str, name: str, options: dict[str, Any], config: dict[str, Any], errors: Connection) -> None:
    """Work until the scheduler or the parent ends; an error of the start is sent through `errors`."""
    threading.Thread(target=_end_with_parent, name="nnlab-parent", daemon=True).start()
    logs.set_up("worker")
    import dask

    dask.config.set(config)
    logging.getLogger("distributed").setLevel(logging.ERROR)
    code = 0
    try:
        asyncio.run(_work(scheduler, name, options))
    except Exception as error:
        errors.send(" ".join(f"{type(error).__name__}: {error}".split())[:300])
        code = 1
    os._exit(code)  # a training is not waited for: it resumes from its checkpoint


async def _work(scheduler: str, name: str, options: dict[str, Any]) -> None:
    from distributed import Worker

    class LocalWorker(Webless, Worker):
        pass

    async with LocalWorker(scheduler, name=name, nthreads=1, memory_limit=0, dashboard=False, **options) as worker:
        await worker.finished()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
