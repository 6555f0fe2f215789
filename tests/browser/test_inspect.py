"""Inspect in a real browser: weights by epoch and layer, as numbers too; a digit that is drawn."""

import io
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from nnlab.store import Store

MOONS = {"data.name": "moons", "data.n_samples": "200", "model.hidden": "6-4", "train.epochs": "8", "seeds": "2"}
MNIST = {"data.name": "mnist", "data.n_samples": "2000", "model.hidden": "32", "train.epochs": "1"}
HEAT = "document.querySelector('.st-key-inspect-heat-map :is(canvas, svg)')"


@pytest.fixture
def inspect(server, trained) -> Callable[[Page, dict[str, str]], str]:
    """`inspect(page, link)` opens Inspect with a run of what the link says; gives the run's id."""

    def open_page(page: Page, link: dict[str, str]) -> str:
        run_id = trained(page, link)
        page.goto(f"{server.url}/inspect?run={run_id}&lang=en")
        page.wait_for_function(f"() => {HEAT} !== null")
        return run_id

    return open_page


def wait_for_epoch(page: Page, epoch: int) -> None:
    page.wait_for_function("n => new URL(location).searchParams.get('epoch') === n", arg=str(epoch))


def csv_of(page: Page, name: str = "CSV", **how: str) -> pd.DataFrame:
    page.get_by_role("tab", name="Values").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).click()
    return pd.read_csv(io.BytesIO(download.value.path().read_bytes()), **how)


def weights_of(server: Server, run_id: str, epoch: int, layer: int) -> np.ndarray:
    kept = Store(server.database_url).snapshot(run_id, epoch)[1]
    return np.vstack([kept[f"{layer}.weight"][0], kept[f"{layer}.bias"][0]])


def test_the_slider_moves_the_epoch_the_csv_holds_its_weights_and_the_film_plays_to_the_last(server, visit, inspect):
    page = visit(motion=True)
    run_id = inspect(page, MOONS)
    epochs = Store(server.database_url).snapshot_epochs(run_id)
    wait_for_epoch(page, epochs[-1])
    thumb = page.get_by_role("slider", name="Epoch")
    thumb.press("ArrowLeft")
    wait_for_epoch(page, epochs[-2])
    page.get_by_role("radio", name="Hidden 2").click()
    expect(page.get_by_role("radio", name="Hidden 2")).to_have_attribute("aria-checked", "true")
    expected = weights_of(server, run_id, epochs[-2], 1)
    expect(page.get_by_text(f"Biases: {expected[-1][0]:.2g}"[:11].replace("-", "−"))).to_be_visible()
    np.testing.assert_array_equal(csv_of(page).iloc[:, 1:].to_numpy(np.float32), expected)
    spanish = csv_of(page, "CSV (Excel, es)", sep=";", decimal=",")
    np.testing.assert_array_equal(spanish.iloc[:, 1:].to_numpy(np.float32), expected)
    page.get_by_role("tab", name="Heat map").click()

    thumb.press("Home")
    wait_for_epoch(page, epochs[0])
    page.evaluate(f"{HEAT}.same = true")
    page.get_by_role("combobox", name="Speed").select_option("4")
    film = page.locator("section.view")
    film.evaluate("""film => {
      film.seen = new Set();
      const see = () => film.seen.add(Number(film.dataset.epoch));
      new MutationObserver(see).observe(film, {attributeFilter: ["data-epoch"]});
    }""")
    page.get_by_role("button", name="Play the film").click()
    wait_for_epoch(page, epochs[-1])
    expect(page.get_by_role("button", name="Play the film")).to_be_visible()
    seen = film.evaluate("film => [...film.seen]")
    assert seen == sorted(seen), "the film went back"
    assert set(seen) <= set(epochs), "every epoch it shows is stored"
    assert len(seen) > 2, "it jumped to the end"
    assert page.evaluate(f"{HEAT}.same === true"), "the heat map was built anew"


@pytest.mark.usefixtures("mnist_dir")
def test_real_digits_are_looked_into_and_one_is_drawn(server, visit, inspect):
    page = visit()
    inspect(page, MNIST)
    page.get_by_role("tab", name="Right and wrong").click()
    expect(page.get_by_text(re.compile(r"\d+ mistakes? in 100 validation images"))).to_be_visible()

    page.get_by_role("tab", name="Try it").click()
    board = page.locator("canvas[role=img]")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    x, y, side = box["x"], box["y"], box["width"]
    page.mouse.move(x + side / 2, y + 0.15 * side)
    page.mouse.down()
    page.mouse.move(x + side / 2, y + 0.85 * side, steps=8)
    page.mouse.up()
    says = page.locator('[data-testid="stMetric"]').filter(has_text="Prediction")
    expect(says).to_be_visible()
    expect(says).to_contain_text(re.compile(r"[0-9]\s*\d+\.\d %"))
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(says).to_have_count(0)
