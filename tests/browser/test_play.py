"""A student's first minutes in a real browser: Home, Play, another depth, the film, a weight, ten seeds, Compare."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from nnlab.ui.shell.text import text

FOCUSED = """() => {
  let one = document.activeElement;
  while (one && one.shadowRoot && one.shadowRoot.activeElement) one = one.shadowRoot.activeElement;
  return one;
}"""
MOST_TABS = 60
SURFACES = """([view, most]) => {
  const seen = (window.surfaces ??= new Set());
  seen.add(view.querySelector("canvas.main").toDataURL());
  return seen.size >= most;
}"""


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def add_layer(self, view: Locator, t: Callable[..., str]) -> None:
        view.get_by_role("button", name=t("One layer more"), exact=True).click()

    def change_weight(self, view: Locator, t: Callable[..., str]) -> None:
        """Drag a line upwards at the middle of its way."""
        first, second = (view.locator(f'[data-unit="{name}"]').bounding_box() for name in ("0/0", "1/0"))
        x, y = ((first[axis] + second[axis] + first[side]) / 2 for axis, side in (("x", "width"), ("y", "height")))
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x, y - 30)
        self.page.mouse.move(x, y - 60)
        self.page.mouse.up()
        self.page.mouse.move(0, 0)


class Keyboard:
    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, target: Locator) -> None:
        """Press Tab until the target has the focus."""
        wanted = target.element_handle()
        for _ in range(MOST_TABS):
            if self.page.evaluate_handle(FOCUSED).evaluate("(one, wanted) => one === wanted", wanted):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"the Tab key does not reach {target}")

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def add_layer(self, view: Locator, t: Callable[..., str]) -> None:
        self.reach(self.page.get_by_role("textbox", name=t("Layers"), exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type("3")
        self.page.keyboard.press("Enter")

    def change_weight(self, view: Locator, t: Callable[..., str]) -> None:
        """Walk to a neuron, pin it, and raise its first weight."""
        self.reach(view.locator('[data-unit][tabindex="0"]'))
        self.page.keyboard.press("ArrowRight")
        expect(view.locator('[data-unit="1/0"]')).to_be_focused()
        self.page.keyboard.press("Enter")
        self.reach(view.locator(".panel input").nth(1))
        for _ in range(9):
            self.page.keyboard.press("ArrowUp")


@pytest.mark.parametrize(("language", "hand", "width"), [("en", Mouse, 390), ("es", Keyboard, 1280)])
def test_the_first_five_minutes(server, visit, language, hand, width):
    page, t = visit(width, 900, motion=True), text(language)
    hand = hand(page)
    page.goto(f"{server.url}/?lang={language}")
    expect(page.locator("section.view")).to_have_attribute("data-epoch", re.compile(r"\d"))  # Home's film
    hand.press(page.locator(".st-key-go-play button"))

    page.wait_for_url(re.compile("/play"))
    view = page.locator(".st-key-play-film section.view")  # that of Home goes a moment later
    expect(view.locator('[data-unit^="2/"]')).to_have_count(4)
    hand.add_layer(view, t)
    expect(view.locator('[data-unit^="3/"]')).to_have_count(4)  # trained, and its film is here
    page.wait_for_function(SURFACES, arg=[view.element_handle(), 5])  # it moves

    expect(view).to_have_attribute("data-epoch", "100")
    expect(view.get_by_role("button", name=t("Play the film"), exact=True)).to_be_visible()  # at rest
    figures = view.locator(".curves .now").first
    at_rest = figures.text_content()
    hand.change_weight(view, t)
    expect(figures).not_to_have_text(at_rest)
    expect(view.get_by_role("status")).to_contain_text(
        t("You have changed weights here. The run itself is not touched.")
    )
    undo = view.get_by_role("button", name=t("Undo"), exact=True)
    hand.press(undo)
    expect(undo).to_be_hidden()
    expect(figures).to_have_text(at_rest)

    hand.press(page.get_by_role("button", name=t("How sure is this?")))
    expect(page.get_by_text(re.compile("10 (seeds|semillas)")).first).to_be_visible()
    hand.press(page.locator(".st-key-play-next a").first)
    page.wait_for_url(re.compile("/compare"))
    expect(page.locator(".st-key-question")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()  # though the link was at the end of Play
