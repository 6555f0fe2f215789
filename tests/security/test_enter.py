"""Requests that no page makes: downloads ask for the sign-in, tickets sign in one browser once."""

import asyncio
from http.cookies import SimpleCookie

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from nnlab.lab import open_lab
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.ui.server import imports
from nnlab.ui.server.downloads import routes
from nnlab.ui.server.enter import enter_route
from nnlab.ui.server.middleware import MIDDLEWARE
from nnlab.ui.shell.visitors import COOKIE

QUICK = Experiment().set({"data.n_samples": 60, "train.epochs": 1, "train.engine": "numpy"})
BROWSER, OTHER = "v-" + "b" * 22, "v-" + "c" * 22
DOWNLOADS = [route for route in routes() if isinstance(route, Route)]


@pytest.fixture
def ask(home, monkeypatch):
    """`ask(path, cookie)` is the status of an answer, its headers and its body."""
    monkeypatch.setattr(imports, "imported", asyncio.Event())
    imports.imported.set()
    app = Starlette(routes=[*routes(), enter_route(), Mount("/", Starlette())], middleware=MIDDLEWARE)

    def one(address, cookie=None, **headers):
        path, _, query = address.partition("?")
        headers = {"accept": "text/html", **headers, **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}
        scope = {
            **{"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "scheme": "http"},
            **{"server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": ""},
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
        }
        sent = []

        async def receive():
            if any(not message.get("more_body", True) for message in sent):
                return {"type": "http.disconnect"}
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(app(scope, receive, send))
        given = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return sent[0]["status"], given, b"".join(message.get("body", b"") for message in sent[1:])

    return one


@pytest.fixture
def ana(with_codes):
    store = open_lab().store
    return store.new_student(store.create_class("A", store.named("Ms Rivera").id).id, "Ana")


def new_cookies(headers):
    return [SimpleCookie(value)[COOKIE] for name, value in headers if name == "set-cookie"]


@pytest.mark.parametrize("route", DOWNLOADS, ids=lambda route: route.path)
@pytest.mark.parametrize("auth", ["code", "oidc"])
def test_every_download_asks_for_the_sign_in(ask, ana, monkeypatch, route, auth):
    monkeypatch.setenv("NNLAB_AUTH", auth)
    settings.cache_clear()
    lab = open_lab()
    monkeypatch.setattr(lab._dispatcher, "start", lambda: None)
    run = lab.train_here(QUICK, 1, ana.id)
    comparison = lab.submit_comparison(Comparison(QUICK, vary="train.lr", values=[0.01], seeds=1), ana.id)
    lab.store.sign_in(BROWSER, ana.id)
    one = comparison.id if "comparisons" in route.path else run.id
    path = route.path.replace("{id}", one)
    for cookie in (None, OTHER, "", "x" * 5000):
        status, _, body = ask(f"{path}?replicate=0&layer=0&epoch=0&lang=en", cookie)
        assert (status, body) == (401, b"Sign in first, then ask for the file again.")
    assert ask(f"{path}?replicate=0&layer=0&epoch=0", BROWSER)[0] == (403 if "assignments" in path else 200)
    lab.store.sign_out(BROWSER)
    assert ask(f"{path}?replicate=0&layer=0&epoch=0", BROWSER)[0] == 401


def test_without_a_login_who_has_the_id_reads(ask, home):
    run = open_lab().train_here(QUICK, 1, "local")
    assert ask(f"/download/runs/{run.id}/epochs.csv")[0] == 200


def test_a_ticket_gives_its_browser_a_new_cookie_and_returns_to_its_page(ask, ana):
    store = open_lab().store
    ticket = store.new_ticket(BROWSER, ana.id, "train?run=1&lang=es")
    status, headers, _ = ask(f"/enter?ticket={ticket}", BROWSER)
    assert (status, dict(headers)["location"]) == (303, "/train?run=1&lang=es")
    (cookie,) = new_cookies(headers)
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert cookie.value not in (BROWSER, OTHER)
    assert store.person_of(cookie.value) == ana
    assert store.person_of(BROWSER) is None, "a cookie that was put there before is worth nothing"
    status, headers, _ = ask(f"/enter?ticket={ticket}", BROWSER)
    assert dict(headers)["location"] == "/"
    assert store.person_of(new_cookies(headers)[0].value) is None


def test_under_https_the_new_cookie_travels_encrypted_only(ask, ana):
    ticket = open_lab().store.new_ticket(BROWSER, ana.id, "")
    _, headers, _ = ask(f"/enter?ticket={ticket}", BROWSER, **{"x-forwarded-proto": "https"})
    assert new_cookies(headers)[0]["secure"]


@pytest.mark.parametrize("cookie", [None, OTHER])
@pytest.mark.parametrize("ticket", ["", "forged", "%00", "..%2F", "x" * 5000, None])
def test_a_forged_ticket_or_that_of_another_browser_signs_nobody_in(ask, ana, ticket, cookie):
    store = open_lab().store
    mine = store.new_ticket(BROWSER, ana.id, "runs")
    status, headers, _ = ask(f"/enter?ticket={mine if ticket is None else ticket}", cookie)
    assert (status, dict(headers)["location"]) == (303, "/")
    assert store.person_of(new_cookies(headers)[0].value) is None
    assert cookie is None or new_cookies(headers)[0].value == OTHER


@pytest.mark.parametrize(
    "path", ["/", "/_stcore/health", "/static/x.js", "/oauth2callback", "/auth/login", "/auth/logout"]
)
def test_what_the_sign_in_needs_is_open(ask, ana, path):
    assert ask(path)[0] not in (401, 403, 405)
