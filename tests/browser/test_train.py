"""Train and Runs in a real browser: a run is followed, paused, left, found again, stopped, extended, shared."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from benchmarks.serving import Server

LONG = {"data.name": "moons", "data.n_samples": "1000", "model.hidden": "64-64", "train.batch_size": "4"}
LONG |= {"train.epochs": "4000", "seeds": "2"}
SHORT = {"data.name": "moons", "data.n_samples": "300", "train.epochs": "12", "seeds": "3"}
CHARTS = ("loss", "score", "gap")
FILM = ".st-key-panel-film section.view"

# the number of epochs done, from the line above the progress bar
DONE = """() => {
  const line = document.querySelector('[data-testid="stProgress"]');
  const found = line && line.innerText.match(/(?:epoch|época) ([\\d.,]+) \\//);
  return found ? Number(found[1].replace(/[.,]/g, "")) : 0;
}"""
# pixels from the first point of the training curve to its last
LENGTH = """() => Math.max(0, ...[...document.querySelectorAll('.st-key-panel-loss svg .mark-line path')]
  .map(path => path.getBBox().width))"""
MARKS = "document.querySelector('.st-key-panel-{name} :is(canvas, svg).marks')"


def train(page: Page, server: Server, link: dict[str, str], lang: str = "en") -> str:
    """Builds what the link says, presses Train and gives the id of the run."""
    page.goto(f"{server.url}/build?{urlencode({**link, 'lang': lang})}")
    page.locator(".st-key-train button").click()
    page.wait_for_url(re.compile(r"/train\?.*run="))
    return run_of(page)


def run_of(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query)["run"][0]


def done(page: Page) -> int:
    return int(page.evaluate(DONE))


def wait_for_epochs(page: Page, more_than: int) -> None:
    page.wait_for_function(f"n => ({DONE})() > n", arg=more_than)


def stop(page: Page) -> None:
    page.locator(".st-key-stop button").click()
    expect(page.locator(".st-key-train-head")).to_contain_text("stopped")


def test_a_run_is_watched_paused_left_found_again_stopped_and_extended(server, visit):
    page = visit()
    run_id = train(page, server, LONG)
    expect(page.locator('[data-testid="stProgress"]')).to_be_visible()
    wait_for_epochs(page, 0)
    for name in CHARTS:
        page.wait_for_function(f"() => {MARKS.format(name=name)} !== null")

    # charts and film stay while they grow: three ticks, three times more epochs, the same nodes
    for name in CHARTS:
        page.evaluate(f"{MARKS.format(name=name)}.same = true")
    film = page.locator(FILM)
    film.evaluate("film => { film.same = true; }")
    shown = film.get_attribute("data-epoch")
    length = page.evaluate(LENGTH)
    for _ in range(3):
        wait_for_epochs(page, done(page))
    page.wait_for_function(f"length => ({LENGTH})() > length", arg=length)
    for name in CHARTS:
        assert page.evaluate(f"{MARKS.format(name=name)}.same === true"), f"the {name} chart was built anew"
    expect(film).not_to_have_attribute("data-epoch", shown)
    assert film.evaluate("film => film.same === true"), "the film was built anew"

    page.locator(".st-key-pause button").click()
    expect(page.locator(".st-key-resume button")).to_be_visible(timeout=60_000)
    at_rest = done(page)
    page.locator(".st-key-resume button").click()
    expect(page.locator(".st-key-pause button")).to_be_visible()
    wait_for_epochs(page, at_rest)

    before = done(page)
    page.get_by_role("link", name="Home", exact=True).click()
    expect(page.locator(f".st-key-row-{run_id}")).to_be_visible()
    page.close()  # a closed tab changes nothing
    again = page.context.new_page()
    again.goto(f"{server.url}/train?lang=en")
    wait_for_epochs(again, before)
    assert run_of(again) == run_id, "the page without a run shows the one under way"

    stop(again)
    at_rest = done(again)
    expect(again.locator(".st-key-outcome")).to_be_visible()
    again.locator(".st-key-more-epochs button").click()
    expect(again.locator('[data-testid="stProgress"]')).to_contain_text("4,400")
    wait_for_epochs(again, at_rest)
    stop(again)


def test_a_finished_run_shows_its_scores_verdict_and_where_to_go(server, visit, trained):
    page = visit()
    page.goto(f"{server.url}/train?run={trained(page, SHORT)}&lang=en")
    for name in CHARTS:  # a chart that is drawn late would move the menus below from under the mouse
        page.wait_for_function(f"() => {MARKS.format(name=name)} !== null")
    outcome = page.locator(".st-key-outcome")
    expect(outcome).to_contain_text(re.compile(r"It (fits|underfits|overfits|diverged|is unstable)"))
    expect(outcome.get_by_role("link", name="Compare depths")).to_be_visible()
    outcome.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Every epoch, CSV", exact=True).click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("epoch,seed,train_loss")
    assert len(lines) == 1 + 12 * 3, "one line an epoch and seed"

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save: Loss").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG", exact=True).click()
    assert download.value.suggested_filename.endswith("-loss.svg")
    assert ">training</text>" in download.value.path().read_text(encoding="utf-8")


def test_another_language_keeps_the_run_its_scale_and_what_lies_over_it(server, visit, trained):
    page = visit()
    first, second = (trained(page, SHORT | {"data.seed": seed}) for seed in ("1", "2"))
    page.goto(f"{server.url}/train?run={second}&with={first}&lang=en")
    page.get_by_role("radio", name="log").click()
    page.wait_for_url(re.compile("scale=log"))
    page.locator('[data-testid="stSidebar"]').get_by_role("radio", name="ES").click()
    expect(page.locator(FILM)).to_contain_text("Qué dice la red")
    link = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert link == {"run": second, "with": first, "scale": "log", "lang": "es"}
    expect(page.get_by_role("radio", name="logarítmica")).to_have_attribute("aria-checked", "true")
    expect(page.locator(".st-key-overlay")).to_contain_text("Lunas")


def test_runs_are_listed_filtered_renamed_and_a_deleted_one_comes_back(server, visit, trained):
    page = visit()
    for seed in ("11", "12"):
        trained(page, SHORT | {"data.seed": seed})
    page.goto(f"{server.url}/runs?lang=en")
    expect(page.get_by_text("2 rows", exact=True)).to_be_visible()
    choose_first_row(page)
    page.get_by_role("button", name="Rename").click()
    field = page.get_by_role("textbox", name="Name")
    field.fill("second *try*")
    field.press("Enter")
    expect(page.locator(".st-key-actions")).to_contain_text("second *try*")
    page.get_by_role("textbox", name="Filter").fill("try")
    page.get_by_role("textbox", name="Filter").press("Enter")
    expect(page.get_by_text("1 row", exact=True)).to_be_visible()
    choose_first_row(page)
    page.locator(".st-key-delete button").click()
    expect(page.get_by_text("1 run deleted")).to_be_visible()
    expect(page.get_by_text("No run matches this filter.")).to_be_visible()
    page.locator(".st-key-undo button").click()
    expect(page.get_by_text("1 row", exact=True)).to_be_visible()
    choose_first_row(page)
    page.locator(".st-key-open button").click()
    page.wait_for_url(re.compile(r"/train\?.*run="))
    expect(page.get_by_role("heading", name="second *try*")).to_be_visible()


def choose_first_row(page: Page) -> None:
    """Clicks into the first row of the table, which is a canvas under a scrolling layer."""
    table = page.locator('[data-testid="stDataFrame"] .dvn-scroller')
    expect(table).to_be_visible()
    expect(page.locator(".st-key-actions")).to_be_visible()
    table.click(position={"x": 120, "y": 52})
    expect(page.locator(".st-key-actions").get_by_role("button", name="Open")).to_be_visible()


@pytest.mark.usefixtures("mnist_source")
def test_real_digits_are_read_while_the_network_learns(server, visit):
    page = visit()
    train(page, server, {"data.name": "mnist", "model.hidden": "32", "train.lr": "0.001", "train.epochs": "3"})
    page.wait_for_function(f"() => {MARKS.format(name='learned')} !== null")
    wait_for_epochs(page, 0)
    expect(page.locator(".st-key-panel-learned")).to_contain_text("✓")
    expect(page.locator(".st-key-outcome")).to_be_visible(timeout=120_000)
    expect(page.locator(".st-key-number-validation-score")).to_contain_text(re.compile(r"9\d\.\d %"))
