"""Where a connection comes from, for limits that hold for one place on the network, and where it may go.

Uvicorn reads `X-Forwarded-For` of connections from the proxies that `FORWARDED_ALLOW_IPS` names (by default this
machine), and of no others; what it finds is the client's address here and in `st.context.ip_address`.
"""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope
from streamlit import config

LOCAL = "127.0.0.1"


def network_of(address: str | None) -> str:
    """The network behind an address.

    An IPv4 address stands for itself. Of an IPv6 address the first 64 bits count: whoever has one has all that share
    them. Streamlit's pages see None for this machine.
    """
    try:
        ip = ip_address(address or LOCAL)
    except ValueError:  # a Unix socket, a test
        return str(address)
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip  # a server that listens on both sees IPv4 like this
    if ip.is_loopback:
        return LOCAL
    return str(ip_network((ip, 64), strict=False) if isinstance(ip, IPv6Address) else ip)


def network_of_connection(scope: Scope) -> str:
    """`network_of` the client of a request or a websocket."""
    return network_of((scope.get("client") or (None,))[0])


def server_path(path: str) -> str:
    """The path of an address of this server, below the one it is configured to answer at."""
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/{path}" if base else f"/{path}"
