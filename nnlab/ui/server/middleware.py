"""What every request passes, in this order."""

from starlette.middleware import Middleware

from nnlab.ui.server.identity import Identity

MIDDLEWARE = [Middleware(Identity)]
