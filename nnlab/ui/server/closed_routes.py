"""What Streamlit's server offers and nnlab does not: uploads, metrics, anything that takes a body, and pages on other
sites that connect in a visitor's name."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

READS = ("GET", "HEAD", "OPTIONS")
CORE = ("health", "host-config", "stream", "bidi-components")
"""Streamlit's own routes, under `_stcore`, that a page needs."""


class ClosedRoutes:
    """ASGI middleware: refuses a closed route, or a method that sends something, before a byte of the body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and _foreign(Headers(scope=scope)):
            # Streamlit would refuse it too, after it has asked another host for this server's address
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http" and (status := _refusal(scope["method"], scope["path"])):
            # the connection closes, so what the client still sends is not read either
            refused = PlainTextResponse("Not here.", status, {"Connection": "close"})
            await refused(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _foreign(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None or origin in config.get_option("server.corsAllowedOrigins"):
        return False
    return urlsplit(origin).netloc != headers.get("host")


def _refusal(method: str, path: str) -> int | None:
    _, core, route = path.partition("/_stcore/")
    name = route.split("/")[0]
    if core and name == "agent" and config.get_option("server.enableAgentApi"):  # tests and measurements
        return None
    if core and name not in CORE:
        return 404
    return None if method in READS else 405
