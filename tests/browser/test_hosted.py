"""A class as compose.yaml hosts it, with the very commands of the files: nginx before two dashboards, workers of a Dask
scheduler over TLS, and PostgreSQL where NNLAB_TEST_POSTGRES_URL names one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing

import psutil
import pytest
import sqlalchemy as sa
from containers import Machine, needs_nginx
from playwright.sync_api import Page, expect

from nnlab import presets
from nnlab.store import Store, new_id
from nnlab.ui.shell.visitors import COOKIE

DASHBOARDS = ("dashboard-1", "dashboard-2")
PATIENCE = 90_000  # ms, as conftest.py


@pytest.fixture(scope="module")
def database_url(tmp_path_factory) -> Iterator[str]:
    """A new data base: of the server that the tests are given, else a file, which one machine's processes can share."""
    server = os.environ.get("NNLAB_TEST_POSTGRES_URL")
    if not server:
        yield f"sqlite:///{tmp_path_factory.mktemp('store') / 'nnlab.db'}"
        return
    address = sa.make_url(server).set(drivername="postgresql+psycopg")
    admin, name = sa.create_engine(address, isolation_level="AUTOCOMMIT"), f"nnlab_test_{new_id().lower()}"
    with admin.connect() as db:
        db.execute(sa.text(f"CREATE DATABASE {name}"))
    yield address.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    with admin.connect() as db:
        db.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="module")
def hosted(database_url, tmp_path_factory) -> Iterator[Machine]:
    """All services, each healthy."""
    needs_nginx()
    machine = Machine(tmp_path_factory.mktemp("hosted"), {"NNLAB_AUTH": "none"}, database_url)
    try:
        machine.run("certificate")
        assert database_url.startswith("sqlite") or machine.healthy("database")
        machine.start("scheduler")
        machine.start("workers", "dashboard-1", "dashboard-2")
        machine.start("nginx")
        assert {"certificate", "database", *machine.running} == set(machine.services)
        yield machine
    finally:
        machine.close()


@pytest.fixture
def browse(chromium, hosted) -> Iterator[Callable[[], Page]]:
    """`browse()` opens a new visitor's browser; the certificate is the test's own."""
    contexts, errors = [], []

    def open_one() -> Page:
        contexts.append(chromium.new_context(locale="en-GB", ignore_https_errors=True, base_url=hosted.url))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        for page in context.pages:
            errors += page.locator('[data-testid="stException"]').all_inner_texts()
        context.close()
    assert errors == []


def test_workers_train_what_is_queued_and_a_page_goes_on_when_its_dashboard_ends(hosted, database_url, browse):
    with closing(Store(database_url)) as store:
        run = store.create_run(presets["activations"].set({"train.epochs": 2}), [0], "v-" + "o" * 22)
    page = browse()
    page.goto(f"/train?run={run.id}&lang=en")
    expect(page.locator(".st-key-outcome")).to_be_visible()
    (cookie,) = [one for one in page.context.cookies() if one["name"] == COOKIE]
    assert cookie["secure"]
    ended = next(name for name in DASHBOARDS if connected(hosted, name))
    with page.expect_websocket() as other:
        hosted.stop(ended)
    other.value.wait_for_event("framereceived")
    page.get_by_role("link", name="Runs").first.click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    hosted.start(ended)


def connected(machine: Machine, name: str) -> bool:
    """Whether nginx holds a connection to a dashboard, as for a page that is open."""
    found = psutil.Process(machine.running[name].pid).net_connections("tcp")
    port = machine.ports[name, "8501"]
    return any(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)
