"""A real server and browser: nothing comes in that no page asked for."""

import contextlib
import http.client
import re
import socket
from urllib.parse import urlencode, urlsplit

import psutil
import pytest
from playwright.sync_api import expect

from nnlab.store import Store
from nnlab.ui.shell.visitors import COOKIE

GIGABYTE = 1 << 30
SHORT = {"data.name": "moons", "data.n_samples": "100", "train.epochs": "2"}


def test_two_first_tabs_that_open_at_once_are_one_visitor(server, visit):
    context = visit().context
    sent = []
    for _ in range(2):
        context.clear_cookies()
        sent.clear()
        tabs = [context.new_page() for _ in range(2)]
        for tab in tabs:
            wire = context.new_cdp_session(tab)
            wire.send("Network.enable")
            wire.on("Network.webSocketWillSendHandshakeRequest", lambda event: sent.append(event["request"]["headers"]))
        for tab in tabs:
            tab.evaluate("url => { location.href = url }", f"{server.url}/runs?lang=en")
        for tab in tabs:
            expect(tab.get_by_role("heading", name="Runs")).to_be_visible()
            tab.close()
        (kept,) = [cookie for cookie in context.cookies() if cookie["name"] == COOKIE]
        assert kept["httpOnly"]
        assert [re.search(f"{COOKIE}=([^;]+)", headers["Cookie"])[1] for headers in sent] == [kept["value"]] * 2


def test_a_name_from_before_is_kept_and_hidden_from_scripts(server, visit):
    page, name = visit(), "v-" + "o" * 22
    page.context.add_cookies([{"name": COOKIE, "value": name, "url": server.url, "httpOnly": False}])
    page.goto(f"{server.url}/?lang=en")
    expect(page.get_by_role("heading", name="Continue")).to_be_visible()
    assert [one["value"] for one in page.context.cookies() if one["name"] == COOKIE] == [name]
    assert COOKIE not in page.evaluate("document.cookie")


@pytest.mark.parametrize("size", [{"Content-Length": str(GIGABYTE)}, {"Transfer-Encoding": "chunked"}], ids=str)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_upload_of_a_gigabyte_is_refused_unread(server, method, size):
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.putrequest(method, "/_stcore/upload_file/session/file")
    for name, value in size.items():
        connection.putheader(name, value)
    connection.endheaders()
    block = b"x" * (1 << 20) if "Content-Length" in size else b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(1024):
            connection.send(block)
            sent += 1
    with contextlib.suppress(ConnectionResetError):  # with the rest unread, the answer may be lost
        assert connection.getresponse().status == 404
    connection.close()
    assert sent < 64, f"{sent} MB were taken"
    assert process.memory_info().rss - before < 50 << 20


def handshake(server, **headers):
    """A connection to the stream of a page, and the status the server answers it with."""
    host = urlsplit(server.url)
    connection = socket.create_connection((host.hostname, host.port), timeout=60)
    lines = ["GET /_stcore/stream HTTP/1.1", f"Host: {host.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection, int(connection.recv(12).split()[1])


def test_another_site_cannot_connect_in_a_visitors_name(server):
    for origin, status in ((server.url, 101), ("http://evil.example", 403), ("null", 403)):
        connection, answered = handshake(server, Origin=origin)
        connection.close()
        assert answered == status, origin


KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = new Proxy(window.WebSocket, {
  construct: (Socket, given) => { const made = new Socket(...given); window.sockets.push(made); return made; },
});
"""


def test_a_click_replayed_by_somebody_else_changes_nothing(server, visit, trained):
    mine, theirs = visit(), visit()
    run = trained(mine, SHORT)
    sent = []
    mine.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    link = f"{server.url}/train?{urlencode({'run': run, 'lang': 'en'})}"
    theirs.add_init_script(KEEP_SOCKETS)
    for page in (mine, theirs):
        page.goto(link)
        expect(page.locator(".st-key-outcome")).to_be_visible()
    expect(theirs.locator(".st-key-more-epochs")).to_have_count(0)
    sent.clear()
    mine.locator(".st-key-more-epochs button").click()
    expect(mine.get_by_text("epoch 7 / 7 · finished")).to_be_visible()  # the film writes the first half, too
    frames = [list(frame) for frame in sent if b"more-epochs" in frame]
    assert frames
    with contextlib.closing(Store(server.database_url)) as store:
        before = store.run(run)
        for frame in frames:
            theirs.evaluate("bytes => window.sockets.at(-1).send(new Uint8Array(bytes))", frame)
        theirs.get_by_role("radio", name="ES").click()  # is carried out after it
        expect(theirs.get_by_role("link", name="Inspeccionar").first).to_be_visible()
        assert store.run(run) == before


def test_a_huge_message_ends_its_connection_only(server, visit):
    """A frame that says it has a gigabyte is refused by its length."""
    connection, status = handshake(server)
    assert status == 101
    with connection:
        connection.sendall(b"\x82\xff" + GIGABYTE.to_bytes(8, "big") + b"mask")
        while connection.recv(1 << 16):  # until the server closes
            pass
    page = visit()
    page.goto(f"{server.url}/runs?lang=en")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
