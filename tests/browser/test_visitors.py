"""Several people at one server: each has runs of their own, and nobody's name is in a link."""

import re

from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from nnlab.ui.shell.visitors import COOKIE

SHORT = {"data.name": "moons", "data.n_samples": "100", "train.epochs": "4"}


def home(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?lang=en")
    expect(page.get_by_role("heading", name="Continue")).to_be_visible()


def visitor(page: Page) -> str:
    (name,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE]
    return name


def test_each_visitor_sees_their_own_runs_and_others_read_only(server, visit, trained):
    mine, theirs = visit(), visit()
    my_run = trained(mine, SHORT)
    their_run = trained(theirs, {**SHORT, "data.seed": "1"})
    home(mine, server)
    name = visitor(mine)
    assert name != visitor(theirs)
    mine.reload()
    expect(mine.locator(f".st-key-row-{my_run}")).to_be_visible()
    expect(mine.locator(f".st-key-row-{their_run}")).to_have_count(0)
    assert visitor(mine) == name, "after F5"
    tab = mine.context.new_page()
    home(tab, server)
    expect(tab.locator(f".st-key-row-{my_run}")).to_be_visible()
    expect(tab.locator(f".st-key-row-{their_run}")).to_have_count(0)
    assert visitor(tab) == name, "in a new tab"

    theirs.goto(f"{server.url}/train?run={my_run}&lang=en")
    expect(theirs.get_by_text("This is someone else's")).to_be_visible()
    expect(theirs.locator(".st-key-outcome")).to_be_visible()
    for key in ("stop", "more-epochs"):
        expect(theirs.locator(f".st-key-{key}")).to_have_count(0)
    theirs.get_by_role("link", name="Home", exact=True).click()
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
    page.get_by_role("link", name="Build", exact=True).click()
    expect(page.get_by_role("heading", name="Build a network")).to_be_visible()
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
