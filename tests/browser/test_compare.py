"""The Compare page in a browser: a comparison is submitted, trains through a reload, and its files are saved."""

import io
import json
import os
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Page, TimeoutError, expect

from benchmarks.serving import Server
from nnlab import Comparison, Experiment, presets
from nnlab.spec import StartFrom

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


def test_two_knobs_are_compared_extended_tested_saved_and_trained_again(server, visit, tmp_path):
    page = visit()
    one = Comparison(GRID.experiment, vary="depth", values=(1, 2), seeds=2)
    page.goto(f"{server.url}/compare?{urlencode({**one.to_query(), 'lang': 'en'})}")
    page.locator(".st-key-compare-add-by button").first.click()
    expect(page.locator(".st-key-compare-by")).to_be_visible()
    expect(page.get_by_text("6 cells")).to_be_visible()  # sigmoid, tanh and ReLU are offered first
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

    file = tmp_path / "grid.json"
    file.write_bytes(download(page, "json"))
    table = pd.DataFrame(json.loads(file.read_text())["table"])
    assert table["test_accuracy"].between(0.5, 1).all()
    again = subprocess.run(
        [sys.executable, "-m", "nnlab", "compare", str(file), "--open-test"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NNLAB_HOME": str(tmp_path / "home")},
    )
    rerun = pd.read_csv(io.StringIO(again.stdout))
    for column in ("depth", "activation", "validation_accuracy", "test_accuracy", "p"):
        assert list(rerun[column]) == pytest.approx(list(table[column]), nan_ok=True), column


def test_the_language_switch_and_a_deep_link_keep_the_question(server, visit):
    page = visit()
    question = Comparison(presets["binary"], vary="lr", values=(0.001, 0.03), seeds=(2, 4))
    page.goto(f"{server.url}/compare?{urlencode({**question.to_query(), 'lang': 'en'})}")
    expect(page.locator("h1")).to_have_text("Compare")
    page.get_by_role("radio", name="ES").click()
    expect(page.locator("h1")).to_have_text("Comparar")
    page.wait_for_url(re.compile("lang=es"))
    held = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert Comparison.from_query(held) == question
    other = visit()
    other.goto(page.url)
    expect(other.locator("h1")).to_have_text("Comparar")
    other.wait_for_url(re.compile("seeds="))
    seen = {name: values[0] for name, values in parse_qs(urlsplit(other.url).query).items()}
    assert Comparison.from_query(seen) == question


@pytest.mark.usefixtures("mnist_source")
def test_depths_on_real_mnist_are_compared(server, visit):
    page = visit()
    small = presets["mnist"].set({"data.n_samples": 2000, "data.validation": 0.2, "train.epochs": 2})
    ask(page, server, Comparison(small, vary="depth", values=(1, 2), seeds=2))
    wait_until_done(page)
    table = pd.read_csv(io.BytesIO(download(page, "csv")))
    assert table["validation_accuracy"].between(0.5, 0.95).all()


def test_starting_weights_are_compared_with_folds(server, visit):
    """5 to 9 from nothing, and from a network that has learned 0 to 4, trained first; every seed in three folds."""
    first = Experiment().set({"data.name": "digits", "data.labels": [0, 1, 2, 3, 4], "model.hidden": [16]})
    few = first.set({"data.labels": [5, 6, 7, 8, 9], "data.n_samples": 150, "data.folds": 3, "train.epochs": 3})
    starts = (None, StartFrom(experiment=first.set({"train.epochs": 5}), layers=1, frozen=1))
    question = Comparison(few, vary="start_from", values=starts, seeds=2)
    page = visit()
    ask(page, server, question)
    wait_until_done(page)
    table = pd.read_csv(io.BytesIO(download(page, "csv")))
    assert list(table["seeds"]) == [2, 2]
    assert table["validation_accuracy"].between(0, 1).all()
    assert table["difference"].notna().sum() == 1
    expect(page.locator(".st-key-finding")).to_be_visible()
    assert Comparison.from_json(download(page, "json").decode()) == question
