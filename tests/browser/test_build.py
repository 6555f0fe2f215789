"""Home and Build in a real browser: what is changed shows at once, and the address holds it."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from nnlab.catalogue.presets import presets
from nnlab.spec import Experiment

NETWORK = ".st-key-network-picture svg path"


def build(page: Page, server: Server, lang: str = "en", **link: str) -> None:
    page.goto(f"{server.url}/build?{urlencode({**link, 'lang': lang})}")
    expect(page.locator(NETWORK).first).to_be_visible()


def query(page: Page) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.url).query))


def wait_for_link(page: Page, **wanted: str) -> None:
    """Until the address bar says so; `__` stands for a dot."""
    for name, value in wanted.items():
        name = name.replace("__", ".")
        page.wait_for_function("([n, v]) => new URL(location).searchParams.get(n) === v", arg=[name, value])


def number(page: Page, label: str, value: str) -> None:
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(value)
    field.press("Enter")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_depth_and_activation_redraw_the_network_its_table_and_its_code_and_the_link_travels(server, visit):
    page = visit()
    build(page, server)
    drawn = page.locator(NETWORK).count()
    before = Experiment.from_query(query(page))
    expect(page.get_by_text(f"{before.parameters} trainable parameters in total")).to_be_visible()
    for widths in ("8-8", "8-8-8"):
        page.get_by_role("slider", name="Depth").press("ArrowRight")
        wait_for_link(page, model__hidden=widths)
    choose(page, "Activation", "tanh")
    wait_for_link(page, model__activation="tanh")
    after = Experiment.from_query(query(page))
    assert after == before.set({"model.hidden": [8, 8, 8], "model.activation": "tanh"})
    expect(page.get_by_text(f"{after.parameters} trainable parameters in total")).to_be_visible()
    page.wait_for_function(f"n => document.querySelectorAll('{NETWORK}').length > n", arg=drawn)
    page.get_by_role("tab", name="PyTorch code").click()
    code = page.get_by_role("tabpanel").filter(has_text="import torch")
    expect(code).to_contain_text("nn.Tanh()")
    assert code.inner_text().count("nn.Tanh()") == 3
    page.get_by_role("tab", name="Link").click()
    shown = page.get_by_role("tabpanel").filter(has_text="/build?").locator("code").first.inner_text()
    assert dict(parse_qsl(urlsplit(shown).query)) == query(page)

    page.goto(shown)
    expect(page.get_by_text(f"{after.parameters} trainable parameters in total")).to_be_visible()
    assert Experiment.from_query(query(page)) == after
    expect(page.get_by_role("slider", name="Depth")).to_have_value("3")
    expect(page.get_by_role("combobox", name=re.compile("Activation"))).to_have_value("tanh")


def test_an_invalid_value_is_explained_beside_its_field_and_a_switch_of_language_keeps_every_value(server, visit):
    page = visit()
    build(page, server, **{"data.name": "circles", "model.hidden": "6-4"})
    number(page, "Samples", "350")
    wait_for_link(page, data__n_samples="350")
    number(page, "Learning rate", "-3")
    beside = page.locator('[data-testid="stMarkdown"]').filter(has_text="−3 is out of range")
    expect(beside).to_be_visible()
    field = page.get_by_role("textbox", name="Learning rate", exact=True).bounding_box()
    assert 0 < beside.bounding_box()["y"] - field["y"] < 120, "right under the field"
    before = query(page)
    page.locator('[data-testid="stSidebar"]').get_by_role("radio", name="ES").click()
    expect(page.get_by_role("heading", name="Construye una red")).to_be_visible()
    expect(page.get_by_role("textbox", name="Muestras", exact=True)).to_have_value("350")
    expect(page.get_by_role("textbox", name="Tasa de aprendizaje", exact=True)).to_have_value("−3")
    expect(page.locator(".st-key-train button")).to_be_disabled()
    assert query(page) == {**before, "lang": "es"}
    number(page, "Tasa de aprendizaje", "0,02")
    wait_for_link(page, train__lr="0.02")
    assert query(page) == {**before, "train.lr": "0.02", "lang": "es"}


def test_the_cards_of_home_lead_to_build_and_to_a_training_on_a_narrow_screen(server, visit):
    page = visit(width=390)
    page.goto(f"{server.url}/?lang=en")
    page.locator(".st-key-card-binary").get_by_role("link", name="Two classes, 100 samples").click()
    expect(page.locator(NETWORK).first).to_be_visible()
    wait_for_link(page, data__name="synthetic", seeds="10")
    assert Experiment.from_query(query(page)) == presets["binary"]
    page.go_back()
    page.locator(".st-key-run-celsius button").click()
    page.wait_for_url(re.compile(r"/train\?.*run="))
    expect(page.get_by_role("heading", name="Celsius")).to_be_visible()
    expect(page.locator('[data-testid="stProgress"]')).to_be_visible()


def test_a_learning_rate_is_found_and_taken_over(server, visit):
    page = visit()
    build(page, server, **{"data.name": "moons", "train.lr": "1e-05"})
    page.get_by_role("button", name="Find a learning rate").click()
    page.get_by_role("button", name="Test learning rates").click()
    expect(page.locator('.st-key-rates-panel [data-testid="stVegaLiteChart"] svg')).to_be_visible()
    expect(page.get_by_text("learns more slowly")).to_be_visible()
    use = page.get_by_role("button", name=re.compile(r"Use 0\.\d+"))
    rate = use.inner_text().split()[-1]
    use.click()
    wait_for_link(page, train__lr=rate)
    expect(page.get_by_text("that is your current rate")).to_be_visible()
    expect(use).to_be_disabled()
