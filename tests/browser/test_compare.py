"""The Compare page in a browser: a comparison is submitted, trains through a reload, and its files are saved."""

import io
import json
import re
from urllib.parse import urlencode

import pandas as pd
from playwright.sync_api import Page, TimeoutError, expect

from benchmarks.serving import Server
from nnlab import Comparison, presets

MOONS = Comparison(
    presets["activations"].set({"data.n_samples": 150, "train.epochs": 400}), vary="depth", values=(1, 2, 4), seeds=3
)
COLUMNS = (
    ["depth", "parameters", "seeds"]
    + [f"{part}_accuracy{end}" for part in ("train", "validation", "test") for end in ("", "_low", "_high")]
    + [
        "gap",
        "best_epoch",
        "seconds_per_epoch",
        "verdict",
        "reason",
        "difference",
        "difference_low",
        "difference_high",
        "p",
    ]
)
CURVES = "document.querySelector('.st-key-panel-curves :is(canvas, svg).marks')"


def ask(page: Page, server: Server, comparison: Comparison, lang: str = "en") -> None:
    page.goto(f"{server.url}/compare?{urlencode({**comparison.to_query(), 'lang': lang})}")
    page.locator(".st-key-compare button").click()
    page.wait_for_url(re.compile(r"comparison="))
    wait_until_drawn(page)  # the address changes before the button Stop is there


def wait_until_drawn(page: Page) -> None:
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")


def wait_until_done(page: Page) -> None:
    expect(page.locator(".st-key-stop")).to_have_count(0)
    wait_until_drawn(page)


def choose_margin(page: Page, points: str) -> None:
    """By its list, which closes when a chart that is drawn late moves the page."""
    for _ in range(4):
        page.locator(".st-key-table-margin").get_by_role("combobox").click()
        try:
            page.get_by_role("option", name=f"Margin: {points} points").click(timeout=5_000)
        except TimeoutError:
            page.keyboard.press("Escape")
            continue
        return
    raise AssertionError("the list of margins does not stay open")


def open_test_set(page: Page) -> None:
    """Confirm in the dialog; a rerun that follows the last cell may close it once."""
    confirm = page.locator(".st-key-open-test-now button")
    for _ in range(4):
        page.locator(".st-key-open-test button").click()
        try:
            confirm.click(timeout=20_000)
        except TimeoutError:
            continue
        return
    raise AssertionError("the dialog does not stay open")


def download(page: Page, key: str) -> bytes:
    button = page.locator(f".st-key-download-{key} :is(button, a)").first
    if not button.is_visible():
        page.locator(".st-key-save-menu button").first.click()
    with page.expect_download() as caught:
        button.click()
    return caught.value.path().read_bytes()


def test_a_comparison_trains_survives_a_reload_and_is_saved(server, visit):
    page = visit()
    ask(page, server, MOONS)
    expect(page.locator("[class*='st-key-cell-']")).to_have_count(3)
    page.reload()  # in the middle of it
    expect(page.locator("[class*='st-key-cell-']")).to_have_count(3)
    wait_until_done(page)
    expect(page.locator(".st-key-finding")).to_contain_text(re.compile("[Dd]epth"))
    expect(page.locator("[class*='st-key-panel-surface-']")).to_have_count(3)

    plain = pd.read_csv(io.BytesIO(download(page, "csv")))
    assert list(plain.columns) == COLUMNS
    assert plain["test_accuracy"].isna().all()  # nobody has opened the test set
    assert list(plain["depth"]) == [1, 2, 4]
    assert list(plain["parameters"]) == [one.parameters for one in MOONS.experiments]
    assert plain["validation_accuracy"].between(0.6, 1).all()
    assert (plain["train_accuracy_low"] <= plain["train_accuracy"]).all()
    spanish = download(page, "csv-es")
    assert spanish.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(io.BytesIO(spanish), sep=";", decimal=",", encoding="utf-8-sig")
    pd.testing.assert_frame_equal(read, plain)
    epochs = pd.read_csv(io.BytesIO(download(page, "epochs")))
    assert len(epochs) == 3 * 3 * 400
    assert set(epochs["seed"]) == {0, 1, 2}
    also = pd.read_csv(io.BytesIO(download(page, "epochs-es")), sep=";", decimal=",", encoding="utf-8-sig")
    pd.testing.assert_frame_equal(also, epochs)

    page.goto(f"{page.url}&margin=100")
    expect(page.locator(".st-key-finding")).to_contain_text("less than 100 points")
    wait_until_drawn(page)
    choose_margin(page, "0.2")
    expect(page.locator(".st-key-finding")).not_to_contain_text("less than 100 points")  # it is not in the fragment


def test_charts_are_not_rebuilt_while_a_comparison_ticks(server, visit):
    page = visit()
    long = MOONS.experiment.set(
        {"data.n_samples": 5000, "train.epochs": 3000}
    )  # half a minute, of which it sees a part
    ask(page, server, Comparison(long, vary="width", values=(64, 80), seeds=2))
    page.wait_for_function(f"() => {CURVES} && document.querySelectorAll('.st-key-cells [role=progressbar]').length")
    page.evaluate(f"() => {{ {CURVES}.nnlabTag = 'mine' }}")
    drawn = "() => document.querySelector('.st-key-finding').innerText"
    for _ in range(3):  # three different states of the page
        before = page.evaluate(
            "() => document.querySelector('.st-key-cells').innerText + "
            "[...document.querySelectorAll('.st-key-cells [role=progressbar]')]"
            ".map(bar => bar.getAttribute('aria-valuenow'))"
        )
        page.wait_for_function(
            "before => document.querySelector('.st-key-cells').innerText + "
            "[...document.querySelectorAll('.st-key-cells [role=progressbar]')]"
            ".map(bar => bar.getAttribute('aria-valuenow')) !== before",
            arg=before,
        )
    assert page.evaluate(drawn)
    assert page.evaluate(f"() => {CURVES}.nnlabTag") == "mine"
    page.locator(".st-key-stop button").click()
    wait_until_done(page)


GRID = Comparison(
    presets["activations"].set({"data.n_samples": 150, "train.epochs": 40}),
    vary="depth",
    values=(1, 2),
    by="activation",
    by_values=("relu", "tanh"),
    seeds=2,
)


def test_two_knobs_are_compared_extended_and_tested(server, visit):
    page = visit()
    ask(page, server, GRID)
    expect(page.locator(".st-key-panel-heat :is(canvas, svg).marks")).to_have_count(1)  # a chart may replace another
    wait_until_done(page)
    expect(page.locator(".st-key-panel-curves :is(canvas, svg).marks")).to_have_count(1)
    expect(page.locator(".st-key-panel-curves-1 :is(canvas, svg).marks")).to_have_count(1)
    expect(page.locator(".st-key-finding")).to_contain_text("activation")

    page.locator(".st-key-add-menu button").first.click()
    page.locator(".st-key-add-seeds input").fill("1")
    page.locator(".st-key-add-go button").click()
    expect(page.locator(".st-key-compare-seeds input")).to_have_value("3")
    expect(page.locator(".st-key-finding")).to_contain_text("3 seeds")
    wait_until_done(page)

    open_test_set(page)
    expect(page.locator(".st-key-test-part")).to_contain_text("Test set opened on")
    wait_until_done(page)  # the file to download is that of the whole page
    table = pd.DataFrame(json.loads(download(page, "json"))["table"])
    assert list(table["seeds"]) == [3] * 4
    assert table["test_accuracy"].between(0.5, 1).all()
