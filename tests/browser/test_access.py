"""Every page can be used with the keyboard and with a screen reader, and keeps the visitor's name to itself."""

import re
from collections import Counter
from contextlib import closing
from itertools import cycle
from urllib.parse import urlencode

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from nnlab.lab import Lab
from nnlab.spec import Comparison, Experiment
from nnlab.store import Store
from nnlab.ui.shell.frame import PLACES
from nnlab.ui.shell.visitors import COOKIE

MOONS = {"data.name": "moons", "data.n_samples": "100", "train.epochs": "4", "model.hidden": "3"}
LONG = {**MOONS, "data.n_samples": "1000", "train.batch_size": "4", "train.epochs": "4000", "model.hidden": "64-64"}
MAIN = '[data-testid="stMainBlockContainer"]'
# presses of the tab key are counted where the focus arrives: the element, its name, and whether one can see it
LISTEN = """() => {
  window.stops = [];
  const stop = () => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    if (!at || at === document.body) return null;
    const drawn = at.closest("canvas") ?? at, box = drawn.getBoundingClientRect(); // the cells of a table are drawn
    const labels = [...(at.labels ?? [])].map((one) => one.innerText);
    let opacity = 1;
    for (let one = at; one; one = one.parentElement ?? one.getRootNode().host) opacity *= getComputedStyle(one).opacity;
    const name = at.ariaLabel || at.closest("[aria-label]")?.ariaLabel || labels.join(" ") || at.innerText || at.title;
    const good = opacity > 0.3 && box.width > 3 && box.height > 3 && name.trim() !== "";
    return { good, html: at.outerHTML.slice(0, 200) };
  };
  window.addEventListener("keyup", (event) => { if (event.key === "Tab") window.stops.push(stop()); }, true);
  document.activeElement.blur();
}"""
TABS = 25  # in a row, before the stops are read
NAMES = """(main) => {
  const below = (one) => [one, ...[...(one.shadowRoot ?? one).children].flatMap(below)];
  return below(main).filter((one) => one.tagName === "BUTTON" && one.tabIndex >= 0 && one.checkVisibility())
    .map((one) => (one.ariaLabel || one.innerText).trim());
}"""
STREAMLITS = "", "Help", "Copy to clipboard"  # names that Streamlit gives to many


def settled(page: Page) -> None:
    expect(page.locator(f"{MAIN} h1").first).to_be_visible()
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0)


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    rules = (
        Axe()
        .run(page, options={"runOnly": ["wcag2a", "wcag2aa"], "resultTypes": ["violations"]})
        .response["violations"]
    )
    nodes = [(rule, node) for rule in rules if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]
    return [f"{rule['id']}: {node['html'][:150]} {node['failureSummary']}" for rule, node in nodes]


def bad_stops(page: Page) -> list[str]:
    """Where the tab key stops, and nothing can be seen or nothing is named; on its way through the whole page."""
    page.evaluate(LISTEN)
    stops: list[dict | None] = []
    while None not in stops and len(stops) < 200:
        for _ in range(TABS):
            page.keyboard.press("Tab")
        stops = page.evaluate("window.stops")
    once = stops[: stops.index(None)]
    assert len(once) > len(PLACES)  # the links to them at least
    return [f"stop: {stop['html']}" for stop in once if stop and not stop["good"]]


def problems(page: Page, owner: str) -> list[str]:
    settled(page)
    found = serious(page) + bad_stops(page)
    links = page.evaluate("[...document.querySelectorAll('a')].map((link) => link.href)")
    if owner in " ".join([page.url, *links, page.locator("body").inner_text()]):
        found.append("the visitor's name, which stands for a login")
    names = Counter(page.locator(MAIN).evaluate(NAMES))
    found += [f"{n} buttons: {name}" for name, n in names.items() if n > 1 and name not in STREAMLITS]
    return found


def test_every_page_has_names_order_and_contrast_and_an_end_is_announced(server: Server, visit, trained):
    """What a page asks of another host fails every test; this one sees all pages."""
    page = visit(color_scheme="light")
    run = trained(page, MOONS)
    (owner,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE]
    comparison = Comparison(Experiment.from_query(MOONS), vary="width", values=(2, 3), seeds=1)
    trained(page, {**MOONS, "model.hidden": "2"})
    with closing(Lab(Store(server.database_url))) as lab:
        compared = lab.submit_comparison(comparison, owner).id  # its cells are trained

    own = {"backprop": "?stage=8", "train": f"?run={run}", "inspect": f"?run={run}"}
    own["compare"] = f"?comparison={compared}"
    links = [*(("" if name == "home" else name) + own.get(name, "") for name in PLACES), "compare"]
    found = {}
    for link, (theme, language) in zip(links, cycle((("light", "es"), ("dark", "en"))), strict=False):
        page.emulate_media(color_scheme=theme)
        page.goto(f"{server.url}/{link}{'&' if '?' in link else '?'}lang={language}")
        found[link] = problems(page, owner)
        assert page.evaluate("document.fonts.load('16px \"Material Symbols Rounded\"').then(found => found.length)")
    assert {link: some for link, some in found.items() if some} == {}

    page.goto(f"{server.url}/build?{urlencode({**LONG, 'lang': 'en'})}")
    settled(page)
    page.wait_for_function("() => document.nnlabKeyboard")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/train\?.*run="))
    expect(page.locator('[data-testid="stProgress"]')).to_be_visible()
    # WCAG exempts what is disabled; axe cannot tell that of a link of Streamlit
    assert [one for one in serious(page) if not any(link in one for link in ("Reuse its weights", "Inspect"))] == []
    status = page.locator('.st-key-announce [role="status"]')
    expect(status).to_have_text("")
    page.locator(".st-key-stop button").click()
    expect(status).to_have_text("Training: stopped")
