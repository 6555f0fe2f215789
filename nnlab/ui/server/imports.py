"""All modules are imported by one thread before the first page runs.

Where two threads import the same packages at once, Python may give one of them a module that is half there, as SciPy's,
and the page of that visitor fails.
"""

import asyncio
import importlib
import pkgutil

from starlette.types import ASGIApp, Receive, Scope, Send

import nnlab.ui
from nnlab.ui.shell.address import server_path

OURS = (server_path("download/"), server_path("enter"))
imported = asyncio.Event()
"""Set once pages may run."""


def import_all() -> None:
    """Import what pages and the dispatcher need."""
    for module in pkgutil.walk_packages(nnlab.ui.__path__, "nnlab.ui."):
        importlib.import_module(module.name)
    importlib.import_module("distributed")
    from nnlab.datasets import load_dataset

    load_dataset("digits")


class AfterImports:
    """ASGI middleware: what runs our code waits until `imported`; documents and scripts are sent meanwhile."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" or scope.get("path", "").startswith(OURS):
            await imported.wait()
        await self.app(scope, receive, send)
