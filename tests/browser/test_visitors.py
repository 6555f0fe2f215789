"""Several people at one server: each has runs of their own, and nobody's name is in a link."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from nnlab.ui.shell.visitors import COOKIE

SHORT = {"data.name": "moons", "data.n_samples": "100", "train.epochs": "4"}


def train(page: Page, server: Server, **link: str) -> str:
    page.goto(f"{server.url}/build?{urlencode({**SHORT, **link, 'lang': 'en'})}")
    page.locator(".st-key-train button").click()
    page.wait_for_url(re.compile(r"/train\?.*run="))
    expect(page.locator(".st-key-outcome")).to_be_visible(timeout=120_000)
    return parse_qs(urlsplit(page.url).query)["run"][0]


def home(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?lang=en")
    expect(page.get_by_role("heading", name="Continue")).to_be_visible()


def visitor(page: Page) -> str:
    (name,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE]
    return name


def test_each_visitor_sees_their_own_runs_after_f5_and_in_a_new_tab(server, visit):
    mine, theirs = visit(), visit()
    my_run = train(mine, server)
    their_run = train(theirs, server, **{"data.seed": "1"})
    home(mine, server)
    name = visitor(mine)
    assert name != visitor(theirs)
    mine.reload()
    expect(mine.locator(f".st-key-row-{my_run}")).to_be_visible()
    expect(mine.locator(f".st-key-row-{their_run}")).to_have_count(0)
    assert visitor(mine) == name
    tab = mine.context.new_page()
    home(tab, server)
    expect(tab.locator(f".st-key-row-{my_run}")).to_be_visible()
    expect(tab.locator(f".st-key-row-{their_run}")).to_have_count(0)
    assert visitor(tab) == name
    home(theirs, server)
    expect(theirs.locator(f".st-key-row-{their_run}")).to_be_visible()
    expect(theirs.locator(f".st-key-row-{my_run}")).to_have_count(0)


def test_a_made_up_cookie_is_not_taken(server, visit):
    page = visit()
    page.context.add_cookies([{"name": COOKIE, "value": "v-short", "url": server.url}])
    home(page, server)
    assert re.fullmatch(r"v-[A-Za-z0-9_-]{22}", visitor(page))


def test_the_theme_switch_turns_the_page_dark_on_every_page_and_back(server, visit):
    page = visit(color_scheme="light")
    home(page, server)
    brightness = (
        "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        ".match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b)"
    )
    assert page.evaluate(brightness) > 600
    page.get_by_role("button", name="Dark theme").click()
    page.wait_for_function(f"() => document.querySelector('.stApp') && ({brightness})() < 200")
    page.get_by_role("button", name="Light theme").wait_for()
    page.reload()
    page.get_by_role("button", name="Light theme").wait_for()
    assert page.evaluate(brightness) < 200, "after F5"
    page.goto(f"{server.url}/build?lang=en")
    page.get_by_role("button", name="Light theme").wait_for()
    assert page.evaluate(brightness) < 200, "on another page"
    page.get_by_role("button", name="Light theme").click()
    page.wait_for_function(f"() => document.querySelector('.stApp') && ({brightness})() > 600")


def test_the_documents_language_follows_the_switch(server, visit):
    page = visit()
    page.goto(f"{server.url}/?lang=es")
    page.wait_for_function("() => document.documentElement.lang === 'es'")
    page.get_by_role("radio", name="EN").click()
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    page.get_by_role("link", name="Build", exact=True).click()
    expect(page.get_by_role("heading", name="Build")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("radio", name="ES").click()
    page.wait_for_function("() => document.documentElement.lang === 'es'")
