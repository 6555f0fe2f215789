"""A bound on the sessions of one address: each holds memory, some time after its page has closed too."""

import asyncio
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

from nnlab.ui.shell.address import network_of_connection

MOST = 1000
"""Sessions of one address; a class behind one router, or everybody behind a proxy that is not trusted, shares one."""


class Sessions:
    """How many pages are connected."""

    open = 0


sessions = Sessions()


class SessionLimit:
    """ASGI middleware: refuses a connection of an address that has `MOST` sessions."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._sessions: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        address = network_of_connection(scope)
        if self._sessions[address] >= MOST:
            await receive()
            await send({"type": "websocket.close", "code": 1013})  # try again later
            return
        self._sessions[address] += 1
        sessions.open += 1
        try:
            await self.app(scope, receive, send)
        finally:
            sessions.open -= 1
            # so long Streamlit keeps the session for its page to return
            kept = config.get_option("server.disconnectedSessionTTL")
            asyncio.get_running_loop().call_later(kept, self._forget, address)

    def _forget(self, address: str) -> None:
        self._sessions[address] -= 1
        if not self._sessions[address]:
            del self._sessions[address]
