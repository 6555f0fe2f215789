"""From the server's start to its end: the lab is open and its workers run, whether anybody visits or not."""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from anyio.to_thread import run_sync
from streamlit import config
from streamlit.cli_util import open_browser
from streamlit.net_util import get_internal_ip
from streamlit.web.server.server_util import get_url

from nnlab import logs
from nnlab.jobs.cluster import start_early
from nnlab.settings import settings
from nnlab.ui.server.imports import import_all, imported
from nnlab.ui.server.memory import return_freed_memory

log = logging.getLogger("nnlab.server")

RETRY = 5.0  # seconds between two attempts to open the lab


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Open the lab in the background, so that the server answers at once; close it and its workers at the end."""
    return_freed_memory()
    start_early()  # workers take as long to start as the rest takes to import
    # Every tick is a thread that hands over to the event loop a dozen times. With Python's turns of 5 ms, fifty live
    # pages wait 0.6 s (p95), with 0.2 ms 0.3 s (benchmarks/load.py).
    sys.setswitchinterval(0.0002)
    loop, ending = asyncio.get_running_loop(), threading.Event()

    def pages_may_run() -> None:
        loop.call_soon_threadsafe(imported.set)

    watching = _watch(settings().metrics)
    opening = threading.Thread(target=_open, args=(ending, pages_may_run), name="nnlab-open", daemon=True)
    opening.start()
    _show()
    yield
    ending.set()
    if watching:
        watching.close()
    await run_sync(_close, opening)


def _watch(address: str | None) -> Any:
    """Serve health and metrics if there is an address for them; what that needs takes a second to import."""
    if address is None:
        return None
    from nnlab.ui.server.watching import Watching

    return Watching.start(address)


def _open(ending: threading.Event, pages_may_run: Callable[[], None]) -> None:
    """Import what pages need, then open the lab; try that until it works."""
    try:
        import_all()
    finally:
        logs.set_up("web")  # Dask has set up its own when it was imported
        pages_may_run()
    from nnlab.lab import open_lab

    while not ending.is_set():
        try:
            open_lab().warm()
            break
        except Exception as error:  # every page says so too, until it works
            log.warning("the lab cannot be opened: %s", error)
            ending.wait(RETRY)
    gc.collect()
    gc.freeze()  # half a million imported objects: collecting them again would stop every page for 0.2 s
    gc.set_threshold(50_000, 20, 20)


def _close(opening: threading.Thread) -> None:
    from nnlab.lab import close_labs

    opening.join()
    close_labs()


def _show() -> None:
    """Print the address and open the browser, as Streamlit does for a script alone."""
    listens = config.get_option("server.address")
    everywhere = listens in (None, "0.0.0.0", "::")  # nosec B104: compared, not listened on
    public = config.get_option("browser.serverAddress") if config.is_manually_set("browser.serverAddress") else None
    url = get_url(public or ("localhost" if everywhere else str(listens)))
    print(f"nnlab: {url}", flush=True)
    if everywhere and public is None and (here := get_internal_ip()):
        print(f"On the network: {get_url(here)}", flush=True)
    if not config.get_option("server.headless"):
        open_browser(url)
