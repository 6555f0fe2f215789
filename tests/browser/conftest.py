"""A real server and a real browser. Every page object fails its test on an exception shown or an error logged."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.serving import CHROMIUM, FLAGS, Server
from nnlab.lab import Lab
from nnlab.spec import Experiment
from nnlab.store import Store
from nnlab.ui.shell.browser import COOKIE

PATIENCE = 90_000  # ms: the machine may be busy with other things


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("home"), NNLAB_DATA_DIR=str(data_dir)).start()
    yield one
    one.stop()


@pytest.fixture
def server(one_server: Server) -> Iterator[Server]:
    """The one that all tests visit; what a test leaves under way makes no other wait."""
    yield one_server
    with closing(Store(f"sqlite:///{one_server.home / 'nnlab.db'}")) as store:
        for run in store.runs():
            if run.active:
                store.request(run.id, "stop")


@pytest.fixture
def trained(server: Server) -> Iterator[Callable]:
    """`trained(page, link)` trains what a link says for the visitor of a page, in this process; gives the run's id."""
    lab = Lab(Store(f"sqlite:///{server.home / 'nnlab.db'}"))

    def train(page, link: dict[str, str]) -> str:
        names = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE]
        if not names:
            names = [f"v-{secrets.token_urlsafe(16)}"]
            page.context.add_cookies([{"name": COOKIE, "value": names[0], "url": server.url}])
        return lab.train_here(Experiment.from_query(link), int(link.get("seeds", 1)), names[0]).id

    yield train
    lab.close()


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing; in CI nothing is skipped.")
        pytest.skip("no Chromium here: install Debian's `chromium`, or name one in NNLAB_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium) -> Iterator[Callable]:
    """`visit(**context options)` opens a fresh visitor's browser page; errors fail the test at its end."""
    opened, errors = [], []

    def open_one(width: int = 1280, height: int = 900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **{"locale": "en-GB", **options})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on(
            "console",
            lambda m: errors.append(f"console: {m.text} {m.location['url']}") if m.type == "error" else None,
        )
        page.on("pageerror", lambda e: errors.append(f"page: {e}"))
        opened.append((context, page))
        return page

    yield open_one
    for context, page in opened:
        if not page.is_closed():
            shown = page.locator('[data-testid="stException"]')
            errors += [f"exception shown: {text}" for text in shown.all_inner_texts()]
        context.close()
    assert [error for error in errors if not _of_the_machine(error)] == []


def _of_the_machine(error: str) -> bool:
    """Not ours: outside hosts that Streamlit's front end asks for small things and a closed network refuses; and the
    server it looks for under a deep link's own path (/train/_stcore/health) before it finds it at the root."""
    outside = "net::ERR" in error and "127.0.0.1" not in error
    return outside or re.search(r"404 .*:\d+/\w+/_stcore/(health|host-config)$", error) is not None
