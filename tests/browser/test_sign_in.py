"""A login for real: a server, an OpenID Connect provider and a browser; nobody sees anything before it."""

import json
import re
import urllib.error
import urllib.request
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import expect

from benchmarks.serving import Server
from nnlab.store import Store
from nnlab.ui.shell.visitors import COOKIE

SHORT = "data.name=moons&data.n_samples=100&train.epochs=4&train.engine=numpy"
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "nnlab"
client_secret = "of the test"
server_metadata_url = "http://localhost:{port}/.well-known/openid-configuration"
"""
ADA, BEN = (
    User(sub=name, claims={"name": name, "email": f"{name}@school.example", "email_verified": verified})
    for name, verified in (("Ada", True), ("Ben", False))
)


@pytest.fixture
def person(visit):
    """`person()` is a visitor's page, without what the provider's own pages would like to load from elsewhere."""
    pages = []

    def come():
        pages.append(page := visit())
        page.route(re.compile(r"jsdelivr|localhost:\d+/favicon"), lambda route: route.fulfill(status=200, body=""))
        return page

    yield come
    for page in pages:
        page.unroute_all()


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A server with a login, and its provider."""
    home = tmp_path_factory.mktemp("school")
    teachers = "ada@school.example, ben@school.example"
    server = Server(home, NNLAB_AUTH="oidc", NNLAB_TEACHERS=teachers, NNLAB_LOG="json", NNLAB_WORKERS="1")
    with run_server_in_thread(user_claims=(ADA, BEN)) as provider:
        (home / ".streamlit").mkdir()
        secrets = SECRETS.format(url=server.url, port=provider.server_port)
        (home / ".streamlit" / "secrets.toml").write_text(secrets)
        server.start()
        yield server
        server.stop()


def log_in(page, name):
    """From the sign-in; what the account says of the person."""
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name=name).click()
    expect(page.locator(".st-key-account")).to_be_visible()
    page.locator(".st-key-account button").first.click()
    return page.get_by_text(re.compile(f"^{name} · "))


def leave(page):
    page.locator(".st-key-sign-out button >> visible=true").first.click()
    page.get_by_role("button", name="End session").click()  # at the provider too
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def cookie(page):
    (one,) = [one for one in page.context.cookies() if one["name"] == COOKIE]
    return one["value"]


def status(address, name=None):
    """What the server answers to who has a cookie, or none."""
    asked = urllib.request.Request(address, headers={"Cookie": f"{COOKIE}={name}"} if name else {})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_log_in_train_log_out_and_nobody_else_sees_it(school, person):
    ada, ben = person(), person()
    ada.goto(f"{school.url}/build?{SHORT}&lang=en")
    expect(ada.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(ada.locator(".st-key-train")).to_have_count(0)
    before = cookie(ada)
    expect(log_in(ada, "Ada")).to_have_text("Ada · Teacher")
    assert "data.n_samples=100" in ada.url, "back at the address"
    name = cookie(ada)
    assert name != before
    ada.locator(".st-key-train button").click()
    ada.wait_for_url(re.compile(r"/train\?.*run="))
    expect(ada.locator(".st-key-outcome")).to_be_visible()
    run = parse_qs(urlsplit(ada.url).query)["run"][0]
    file = f"{school.url}/download/runs/{run}/epochs.csv"
    assert [status(file, one) for one in (None, before, name)] == [401, 401, 200]

    with closing(Store(school.database_url)) as store:
        assert store.run(run).owner == store.person_of(name).id
    ben.goto(f"{school.url}/runs?lang=en")
    expect(log_in(ben, "Ben")).to_have_text("Ben · Student")  # his address is a teacher's, but nobody has verified it
    expect(ben.get_by_text("Nothing trained yet")).to_be_visible()

    ada.locator(".st-key-account button").first.click()
    leave(ada)
    ada.goto(f"{school.url}/train?run={run}&lang=en")
    expect(ada.get_by_role("heading", name="Sign in")).to_be_visible()
    assert status(file, name) == 401

    log = school.log.read_text()
    said = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"sign_in", "run_begun", "run_ended"} <= {line.get("event") for line in said}
    assert run in {line.get("run") for line in said}
    assert not [word for word in (before, name, "Ada", "Ben", "@", "n_samples", "ticket=") if word in log]


def test_a_ticket_that_somebody_sends_signs_nobody_in(school, visit):
    page = visit()
    with closing(Store(school.database_url)) as store:
        sender = store.find_or_create("https://evil.example\n1", "Eve")
        ticket = store.new_ticket("v-" + "e" * 22, sender.id, "runs")
        page.goto(f"{school.url}/enter?ticket={ticket}")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert store.person_of(cookie(page)) is None
