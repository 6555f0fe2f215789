"""What a request meets before Streamlit does: headers on every answer, closed routes, the visitor's cookie."""

import asyncio
import re
from http.cookies import SimpleCookie

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, WebSocketRoute
from streamlit import config, net_util

from nnlab.ui.server import imports, session_limit
from nnlab.ui.server.identity import YEAR
from nnlab.ui.server.middleware import MIDDLEWARE
from nnlab.ui.shell.visitors import COOKIE

NAME = "v-" + "o" * 22


class Site:
    """The middleware around an app that answers everything; `read` counts the messages of bodies it asked for."""

    def __init__(self) -> None:
        async def page(scope, receive, send):
            await PlainTextResponse("page")(scope, receive, send)

        async def stream(websocket):
            await websocket.accept()
            await websocket.receive()

        routes = [WebSocketRoute("/_stcore/stream", stream), Mount("/", page)]
        self.app = Starlette(routes=routes, middleware=MIDDLEWARE)
        self.read = 0

    def ask(self, path="/", method="GET", scheme="http", accept="text/html", **headers):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "scheme": scheme,
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(b"accept", accept.encode())]
            + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        sent = []

        async def receive():
            self.read += 1
            return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        assert sent[0]["type"] == "http.response.start"
        return sent[0]["status"], [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(imports, "imported", asyncio.Event())
    imports.imported.set()
    return Site()


def cookie_of(headers):
    """The visitor's cookie that an answer sets, or None."""
    found = [SimpleCookie(value)[COOKIE] for name, value in headers if name == "set-cookie"]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_new_visitor_gets_a_name_that_no_script_can_read(site):
    _, headers = site.ask()
    cookie = cookie_of(headers)
    assert re.fullmatch(r"v-[A-Za-z0-9_-]{22}", cookie.value)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert int(cookie["max-age"]) == YEAR
    assert not cookie["secure"]
    assert cookie.value != cookie_of(site.ask()[1]).value


def test_a_name_is_kept_and_renewed(site):
    cookie = cookie_of(site.ask("/train", cookie=f"theme=dark; {COOKIE}={NAME}")[1])
    assert cookie.value == NAME
    assert cookie["httponly"]
    assert int(cookie["max-age"]) == YEAR


@pytest.mark.parametrize("made_up", ["", "v-short", NAME + "x", "w" + NAME[1:], "v-" + "é" * 22, "v-" + "\u0663" * 22])
def test_a_made_up_name_is_replaced(site, made_up):
    cookie = cookie_of(site.ask(cookie=f"{COOKIE}={made_up}".encode().decode("latin-1", "replace"))[1])
    assert re.fullmatch(r"v-[A-Za-z0-9_-]{22}", cookie.value, re.ASCII)
    assert cookie.value != made_up


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [("https", {}), ("http", {"x_forwarded_proto": "https"}), ("http", {"x_forwarded_proto": "https, http"})],
)
def test_under_https_the_name_travels_encrypted_only(site, scheme, headers):
    assert cookie_of(site.ask(scheme=scheme, **headers)[1])["secure"]


def test_only_a_document_sets_the_name_and_no_cache_shares_it(site):
    assert cookie_of(site.ask("/static/js/index.js", accept="*/*")[1]) is None
    _, headers = site.ask()
    assert [value for name, value in headers if name == "cache-control"] == ["private, no-cache"]


@pytest.mark.parametrize("path", ["/", "/train", "/static/js/index.js", "/_stcore/health", "/_stcore/metrics"])
def test_every_answer_says_what_a_page_may_load_and_where_it_may_show(site, path):
    headers = dict(site.ask(path)[1])
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert not re.search(r"https?:|\*", headers["content-security-policy"]), "no other host"
    assert "unsafe-inline" not in policy["script-src"]
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/upload_file/session/file",
        "/base/_stcore/metrics",
        "/_stcore/script-health-check",
        "/_stcore/agent/interact",
        "/_stcore/anything",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "OPTIONS"])
def test_what_no_page_needs_is_not_there(site, path, method):
    status, headers = site.ask(path, method)
    assert status == 404
    assert dict(headers)["connection"] == "close"
    assert site.read == 0, "a body was read"


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/train", "/_stcore/health", "/_stcore/stream", "/media/file", "/auth/login"])
def test_nothing_takes_a_body(site, path, method):
    assert site.ask(path, method)[0] == 405
    assert site.read == 0


@pytest.mark.parametrize(
    "path", ["/", "/train", "/_stcore/health", "/train/_stcore/host-config", "/_stcore/bidi-components/a.js"]
)
def test_what_a_page_needs_is_there(site, path):
    assert site.ask(path)[0] == 200


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("https://nnlab.example", "websocket.accept"),
        (None, "websocket.accept"),  # no browser
        ("https://other.example", "websocket.accept"),  # in the settings
        ("https://evil.example", "websocket.close"),
        ("https://nnlab.example:8443", "websocket.close"),
        ("http://localhost", "websocket.close"),
        ("null", "websocket.close"),
    ],
)
def test_a_page_of_another_site_is_refused_and_no_other_host_is_asked(site, monkeypatch, origin, answer):
    get, answers = config.get_option, []
    allowed = {"server.corsAllowedOrigins": ["https://other.example"]}
    monkeypatch.setattr(config, "get_option", lambda name: allowed.get(name) or get(name))
    monkeypatch.setattr(net_util, "get_external_ip", lambda: pytest.fail("another host is asked"))
    headers = [(b"host", b"nnlab.example")] + ([(b"origin", origin.encode())] if origin else [])
    messages = [{"type": "websocket.disconnect", "code": 1000}, {"type": "websocket.connect"}]

    async def receive():
        return messages.pop()

    async def send(message):
        answers.append(message["type"])

    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers, "client": None, "query_string": b""}
    asyncio.run(site.app(scope, receive, send))
    assert answers[0] == answer


def test_the_interface_for_measurements_opens_where_the_settings_say_so(site, monkeypatch):
    get = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: name == "server.enableAgentApi" or get(name))
    assert site.ask("/_stcore/agent/interact", "POST")[0] == 200


def test_one_address_cannot_hold_any_number_of_sessions(site, monkeypatch):
    monkeypatch.setattr(session_limit, "MOST", 2)
    get, kept = config.get_option, 0.0
    monkeypatch.setattr(
        config, "get_option", lambda name: kept if name == "server.disconnectedSessionTTL" else get(name)
    )

    async def connect(address, over):
        scope = {
            "type": "websocket",
            "path": "/_stcore/stream",
            "headers": [],
            "client": (address, 1),
            "query_string": b"",
        }
        messages, answers = [{"type": "websocket.connect"}], asyncio.Queue()

        async def receive():
            if messages:
                return messages.pop()
            await over.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        task = asyncio.create_task(site.app(scope, receive, answers.put))
        return (await answers.get())["type"], task

    async def visit():
        over = asyncio.Event()
        seen = [await connect("10.0.0.1", over) for _ in range(3)] + [await connect("10.0.0.2", over)]
        over.set()
        await asyncio.gather(*(task for _, task in seen))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        again, task = await connect("10.0.0.1", over)
        await task
        return [kind for kind, _ in seen], again

    accepted, refused = "websocket.accept", "websocket.close"
    assert asyncio.run(visit()) == ([accepted, accepted, refused, accepted], accepted)


@pytest.mark.parametrize(("kind", "path"), [("websocket", "/_stcore/stream"), ("http", "/download/runs/a/epochs.csv")])
def test_what_runs_our_code_waits_until_all_is_imported(monkeypatch, kind, path):
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["path"])

    async def visit():
        monkeypatch.setattr(imports, "imported", asyncio.Event())
        guard = imports.AfterImports(app)
        waiting = asyncio.create_task(guard({"type": kind, "path": path}, None, None))
        await guard({"type": "http", "path": "/"}, None, None)
        await asyncio.sleep(0)
        assert reached == ["/"]
        imports.imported.set()
        await waiting

    asyncio.run(visit())
    assert reached == ["/", path]
