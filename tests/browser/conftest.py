"""A real server and a real browser. Every page object fails its test on an exception shown, on an error logged, and on
a page that asks another host for anything."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.serving import CHROMIUM, FLAGS, Server
from nnlab.lab import Lab
from nnlab.spec import Experiment
from nnlab.store import Store
from nnlab.ui.shell.visitors import COOKIE

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
    with closing(Store(one_server.database_url)) as store:
        for run in store.runs():
            if run.active:
                store.request(run.id, "stop")


@pytest.fixture
def trained(server: Server) -> Iterator[Callable]:
    """`trained(page, link)` trains what a link says for the visitor of a page, in this process; gives the run's id."""
    lab = Lab(Store(server.database_url))

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


class Visitor:
    """A page in a profile of its own. The next test takes it as a new visitor, without cookies: a new profile would
    compile the front end's megabytes of code again. Most ask for reduced motion: to draw films takes long here."""

    def __init__(self, chromium) -> None:
        self.context = chromium.new_context(locale="en-GB", reduced_motion="reduce")
        self.context.on("request", self._see)
        self.errors: list[str] = []
        self.page = None

    def arrive(self, width: int, height: int, color_scheme: str | None, motion: bool):
        if self.page is None or self.page.is_closed():
            self.page = self.context.new_page()
            self.page.set_default_timeout(PATIENCE)
            self.page.on("console", self._hear)
            self.page.on("pageerror", lambda e: self.errors.append(f"page: {e}"))
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion="no-preference" if motion else "reduce")
        return self.page

    def _see(self, request) -> None:
        """A page of the server asks its own server alone. A sign-in elsewhere, and its pages, are no concern."""
        to = urlsplit(request.url)
        if request.is_navigation_request() or to.scheme in ("data", "blob"):
            return
        by = urlsplit(request.frame.url)
        if by.hostname == "127.0.0.1" and (to.scheme, to.netloc) != (by.scheme, by.netloc):
            self.errors.append(f"asked another host: {request.url}")

    def _hear(self, message) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text} {message.location['url']}")

    def leave(self) -> list[str]:
        """Forget everything; the errors that were shown or logged."""
        for page in self.context.pages:
            shown = page.locator('[data-testid="stException"]')
            self.errors += [f"exception shown: {text}" for text in shown.all_inner_texts()]
            if page is not self.page:
                page.close()
            elif page.url != "about:blank":
                page.evaluate("localStorage.clear(), sessionStorage.clear()")
                page.goto("about:blank")
        self.context.clear_cookies()
        errors, self.errors = self.errors, []
        return [error for error in errors if not _of_the_machine(error)]


@pytest.fixture(scope="session")
def visitors() -> list[Visitor]:
    """Those that earlier tests have opened."""
    return []


@pytest.fixture
def visit(chromium, visitors) -> Iterator[Callable]:
    """`visit()` opens a fresh visitor's browser page; errors fail the test at its end."""
    count = 0

    def open_one(width: int = 1280, height: int = 900, color_scheme: str | None = None, motion: bool = False):
        nonlocal count
        if count == len(visitors):
            visitors.append(Visitor(chromium))
        count += 1
        return visitors[count - 1].arrive(width, height, color_scheme, motion)

    yield open_one
    assert [error for visitor in visitors[:count] for error in visitor.leave()] == []


def _of_the_machine(error: str) -> bool:
    """Not ours: the server that Streamlit's front end looks for under a deep link's own path (/train/_stcore/health)
    before it finds it at the root."""
    return re.search(r"404 .*:\d+/\w+/_stcore/(health|host-config)$", error) is not None
