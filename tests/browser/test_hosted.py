"""A class as compose.yaml hosts it, with the very commands of the files: nginx before two dashboards, workers of a Dask
scheduler over TLS, and PostgreSQL where NNLAB_TEST_POSTGRES_URL names one."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import NamedTuple

import psutil
import pytest
import sqlalchemy as sa
from containers import Machine, needs_nginx
from playwright.sync_api import Page, expect

from nnlab import presets
from nnlab.lab import Lab
from nnlab.spec.assignment import Assignment
from nnlab.spec.hidden import PARTS
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
    machine = Machine(tmp_path_factory.mktemp("hosted"), {"NNLAB_TEACHERS": "Ana"}, database_url)
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


class Profile:
    """A browser whose visitors come one after the other, so that it loads the front end once. The certificate is the
    test's own."""

    def __init__(self, chromium, url: str, errors: list[str]) -> None:
        small = {"viewport": {"width": 800, "height": 600}, "reduced_motion": "reduce"}
        self.context = chromium.new_context(locale="en-GB", ignore_https_errors=True, base_url=url, **small)
        self.page, self.errors = self.context.new_page(), errors
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: errors.append(str(error)))

    def leave(self) -> None:
        """The next visitor is a new one."""
        self.errors += self.page.locator('[data-testid="stException"]').all_inner_texts()
        if self.page.url != "about:blank":
            self.page.evaluate("localStorage.clear(), sessionStorage.clear()")
            self.page.goto("about:blank")
        self.context.clear_cookies()


@pytest.fixture(scope="module")
def profiles(chromium, hosted) -> Iterator[list[Profile]]:
    """Two browsers."""
    errors: list[str] = []
    made = [Profile(chromium, hosted.url, errors) for _ in range(2)]
    yield made
    for one in made:
        one.leave()
        one.context.close()
    assert errors == []


@pytest.fixture
def lab(hosted, database_url) -> Iterator[Lab]:
    """What a teacher's pages use, on the data base of the class."""
    with closing(Lab(Store(database_url))) as made:
        yield made


def sign_in(page: Page, code: str) -> None:
    """With a code, on whatever page is open."""
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()


class Student(NamedTuple):
    """Somebody who follows the link to an assignment."""

    name: str
    page: Page
    guess: str
    address: str  # of Build with another learning rate, as it is when the field is changed

    def arrive(self, code: str, link: str) -> None:
        self.page.goto(link)
        sign_in(self.page, code)

    def join(self) -> None:
        self.page.get_by_label("Nickname").fill(self.name)
        self.page.get_by_role("button", name="Join").click()

    def enter(self) -> None:
        self.page.get_by_role("button", name="I have written it down").click()

    def make_guess(self) -> None:
        self.page.locator(".st-key-assignment-guess").get_by_role("radio", name=self.guess, exact=True).click()

    def start(self) -> None:
        self.page.get_by_role("button", name="Start").click()
        self.page.wait_for_url(re.compile("/build"))

    def train(self) -> None:
        """Train, and leave when that is handed in."""
        if self.address:
            self.page.goto(self.address)
        self.page.locator(".st-key-train button").click()
        self.page.wait_for_url(re.compile("/train"))
        self.page.goto("about:blank")


def test_ten_students_go_from_the_link_to_their_teachers_table(hosted, profiles, lab):
    ana = lab.store.named("Ana")
    teacher_code, one = lab.store.new_code(ana.id), lab.store.create_class("1B", ana.id)
    task = presets["activations"].set({"data.n_samples": 100, "train.epochs": 2})
    given = {"title": "How fast?", "question": "Which rate?", "open_fields": ["train.lr"], "guess": ["0.01", "0.1"]}
    given |= {"hidden": PARTS, "task": task, "seeds": 2}  # what takes a browser long to draw is not what is tested here
    assignment = lab.create_assignment(Assignment.of(given), one.id)
    own = f"assignment={assignment}&lang=en"
    link = f"/classroom?{own}"

    for numbers in batched(range(10), len(profiles)):
        students = [
            Student(f"Student {n}", profile.page, given["guess"][n % 2], "" if n else f"/build?{own}&train.lr=0.1")
            for n, profile in zip(numbers, profiles, strict=False)
        ]
        for student in students:
            student.arrive(one.code, link)
        for step in (Student.join, Student.enter, Student.make_guess, Student.start, Student.train):
            for student in students:
                step(student)
        for profile in profiles:
            profile.leave()

    page = profiles[0].page
    page.goto(link)
    sign_in(page, teacher_code)
    expect(page.locator(".st-key-class-figures")).to_have_text(re.compile("Have started10 / 10Have a result10"))
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = list(csv.DictReader(file.value.path().read_text(encoding="utf-8").splitlines()))
    assert {row["student"] for row in rows} == {f"Student {n}" for n in range(10)}
    assert sorted({int(row["seed"]) for row in rows}) == list(range(20)), "two seeds each, which nobody else has"
    assert {row["student"] for row in rows if float(row["train.lr"]) == 0.1} == {"Student 0"}
    profiles[0].leave()


def test_a_page_goes_on_when_its_dashboard_ends(hosted, profiles, lab):
    page = profiles[0].page
    page.goto("/runs?lang=en")
    sign_in(page, lab.store.new_code(lab.store.named("Ana").id))
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert all(cookie["secure"] for cookie in page.context.cookies() if cookie["name"] == COOKIE)
    ended = next(name for name in DASHBOARDS if connected(hosted, name))
    with page.expect_websocket() as other:
        hosted.stop(ended)
    other.value.wait_for_event("framereceived")
    page.get_by_role("link", name="Build").first.click()
    expect(page.get_by_role("heading", name="Build a network")).to_be_visible()
    hosted.start(ended)


def batched(items: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    """`itertools.batched`, which Python 3.11 does not have."""
    left = iter(items)
    while some := tuple(islice(left, size)):
        yield some


def connected(machine: Machine, name: str) -> bool:
    """Whether nginx holds a connection to a dashboard, as for a page that is open."""
    found = psutil.Process(machine.running[name].pid).net_connections("tcp")
    port = machine.ports[name, "8501"]
    return any(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)
