"""What every request passes, in this order."""

from starlette.middleware import Middleware

from nnlab.ui.server.closed_routes import ClosedRoutes
from nnlab.ui.server.headers import SecurityHeaders
from nnlab.ui.server.identity import Identity
from nnlab.ui.server.imports import AfterImports
from nnlab.ui.server.session_limit import SessionLimit

MIDDLEWARE = [
    Middleware(SecurityHeaders),
    Middleware(ClosedRoutes),
    Middleware(SessionLimit),
    Middleware(Identity),
    Middleware(AfterImports),
]
