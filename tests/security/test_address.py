"""Limits hold for one place on the network, also behind a proxy; nobody escapes them by a header of their own."""

import asyncio

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from nnlab.ui.shell.address import network_of, network_of_connection


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        (None, "127.0.0.1"),
        ("testclient", "testclient"),
    ],
)
def test_the_network_of_an_address(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("client", "forwarded", "seen"),
    [
        (("10.0.0.9", 1), "192.0.2.7", "192.0.2.7"),
        (("10.0.0.9", 1), "198.51.100.1, 192.0.2.7", "192.0.2.7"),  # the first one was the visitor's own header
        (("192.0.2.7", 1), "198.51.100.1", "192.0.2.7"),  # not through the proxy
        (None, "198.51.100.1", "127.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_says_who_the_client_is(kind, client, forwarded, seen):
    found = []

    async def app(scope, receive, send):
        found.append(network_of_connection(scope))

    scope = {"type": kind, "scheme": kind, "client": client, "headers": [(b"x-forwarded-for", forwarded.encode())]}
    asyncio.run(ProxyHeadersMiddleware(app, "10.0.0.0/24")(scope, None, None))
    assert found == [seen]
