"""The visitor's name, set as a cookie with the document: before a script runs or a connection opens.

Two first tabs that open at once get one name. Each of the two documents is asked for without a cookie and answered
with another name, and the browser keeps the later one. Both answers are there before either page connects, since a
page first loads its scripts and asks two more questions (`health`, `host-config`), all after its own document.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nnlab.ui.shell.visitors import COOKIE, valid_name

YEAR = 365 * 24 * 60 * 60


class Identity:
    """ASGI middleware: answers every document with the visitor's name, kept for a year from now."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        cookie = cookie_header(asked, valid_name(asked.cookies.get(COOKIE)))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if not any(one.startswith(f"{COOKIE}=") for one in headers.getlist("Set-Cookie")):
                    headers.append("Set-Cookie", cookie)
                headers["Cache-Control"] = "private, no-cache"  # no cache between us gives the name to others
            await send(message)

        await self.app(scope, receive, answer)


def cookie_header(asked: HTTPConnection, name: str) -> str:
    """What gives the browser that asks a name."""
    secure = "https" in (asked.url.scheme, asked.headers.get("x-forwarded-proto", "").split(",")[0].strip())
    return f"{COOKIE}={name}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
