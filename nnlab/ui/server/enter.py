"""Who is signed in, for requests that no page makes; and the end of every sign-in.

    /enter?ticket=…     gives the browser that asked for the ticket a new cookie, and returns to its page

Who knew the cookie from before, as somebody who had put it there, is not signed in.
"""

import logging

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from nnlab.settings import settings
from nnlab.ui.server.identity import cookie_header
from nnlab.ui.shell.address import server_path
from nnlab.ui.shell.counts import counts
from nnlab.ui.shell.visitors import COOKIE, valid_name

log = logging.getLogger("nnlab.sign_in")


async def signed_in(request: Request) -> bool:
    """Whether somebody is signed in with the browser that asks, or nobody has to be."""
    from nnlab.lab import open_lab

    token = request.cookies.get(COOKIE, "")
    return settings().auth == "none" or await run_sync(lambda: open_lab().store.person_of(token)) is not None


async def enter(request: Request) -> Response:
    """Redeem a ticket."""
    from nnlab.lab import open_lab

    ticket, token, new = request.query_params.get("ticket", ""), request.cookies.get(COOKIE, ""), valid_name(None)
    place = await run_sync(lambda: open_lab().store.redeem(ticket, token, new))
    answer = RedirectResponse(server_path(place or ""), 303, {"Cache-Control": "no-store"})
    if place is not None:
        counts["sign_in_accepted"] += 1
        log.info("somebody has signed in", extra={"event": "sign_in"})
        answer.headers.append("Set-Cookie", cookie_header(request, new))
    return answer


def enter_route() -> Route:
    """The route of tickets."""
    return Route(server_path("enter"), enter)
