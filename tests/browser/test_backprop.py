"""Backpropagation in a real browser: every stage of a 2-3-2 net, forward and back, against a calculation by hand.

The calculation is written out here and uses nothing of nnlab: it starts from the points and weights the page shows.
"""

import re
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page, expect

NET = {"data": "xor", "hidden": "3", "activation": "relu", "loss": "cross_entropy", "points": "4", "lang": "en"}
STAGES = [
    "Input",
    "→ Linear 1",
    "→ ReLU 1",
    "→ Linear 2",
    "→ LogSoftmax",
    "Loss",
    "← Loss",
    "← LogSoftmax",
    "← Linear 2",
    "← ReLU 1",
    "← Linear 1",
    "Update",
]
LR = 0.5
FIXED = ("step-next", "step-picture", "step-put-in", "step-numbers-strip")


def open_page(visit, server, width=1280, **query) -> Page:
    page = visit(width=width, height=1000)
    page.goto(f"{server.url}/backprop?{urlencode({**NET, **query})}")
    settled(page, int(query.get("stage", 0)), int(query.get("step", 0)))
    return page


def settled(page: Page, stage: int, step: int = 0) -> None:
    """The page shows this stage, whole: the program that draws the network is fetched after the page has settled."""
    label = page.locator(".st-key-step-controls").get_by_text(f"Stage {stage + 1} of 12 · step {step + 1}", exact=True)
    expect(label).to_be_visible()
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator(".st-key-step-picture svg text").first).to_be_visible()


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def shown(page: Page) -> dict[str, np.ndarray]:
    """The arrays of the stage, by the TeX of their names."""
    # the program that sets formulas is fetched by the browser when the first one is needed, after the page has settled
    expect(page.locator(".st-key-step-numbers-strip annotation").first).to_be_attached()
    texts = page.locator(".st-key-step-numbers-strip annotation").all_text_contents()
    arrays = {}
    for text in texts:
        name = text.removeprefix(r"\displaystyle \footnotesize").partition(r" = \underset")[0].strip()
        body = re.search(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}", text)
        assert body, text
        arrays[name] = np.array([[number(cell) for cell in row.split("&")] for row in body[1].split(r"\\")])
    return arrays


def number(text: str) -> float:
    text = text.strip()
    if r"\cdot 10^" in text:
        mantissa, power = re.fullmatch(r"(.*)\\cdot 10\^\{(.*)\}", text).groups()
        return float(mantissa) * 10 ** float(power.replace("−", "-"))
    return float(text)


def same(seen: np.ndarray, wanted: np.ndarray) -> None:
    """To the two digits that small numbers are written with."""
    np.testing.assert_allclose(seen, np.atleast_2d(wanted), rtol=0.051, atol=6e-7)


def by_hand(x, t, w1, b1, w2, b2) -> dict[str, np.ndarray]:
    """Forward and backward of the net on pencil and paper, every number by name."""
    n = len(x)
    z1 = x @ w1 + b1
    a1 = np.where(z1 > 0, z1, 0)
    z2 = a1 @ w2 + b2
    p = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    out = np.log(p)
    loss = -(t * out).sum() / n
    g_out = -t / n
    g_z2 = (p - t) / n
    g_a1 = g_z2 @ w2.T
    g_z1 = np.where(z1 > 0, g_a1, 0)
    return {
        "z1": z1,
        "a1": a1,
        "z2": z2,
        "out": out,
        "loss": loss,
        "g_out": g_out,
        "g_z2": g_z2,
        "g_a1": g_a1,
        "g_z1": g_z1,
        "g_x": g_z1 @ w1.T,
        "g_w2": a1.T @ g_z2,
        "g_b2": g_z2.sum(axis=0),
        "g_w1": x.T @ g_z1,
        "g_b1": g_z1.sum(axis=0),
    }


def loss_of(*given) -> float:
    return float(by_hand(*given)["loss"])


def drawn(page: Page) -> list[float]:
    """Every number in the picture."""
    texts = page.locator(".st-key-step-picture svg text").all_text_contents()
    plain = [text.replace("−", "-").strip() for text in texts]
    return [float(text) for text in plain if re.fullmatch(r"-?[\d.]+", text)]


def slope(name: str) -> str:
    return rf"\tfrac{{\partial L}}{{\partial {name}}}"


def walk(page: Page, stages: int = len(STAGES)) -> tuple[list[dict[str, np.ndarray]], list[str]]:
    """The first stages, one after the other: their arrays and formulas. At each the page names the file and line of
    its code, and nothing has changed its place."""
    arrays, formulas, places = [], [], set()
    for stage in range(stages):
        settled(page, stage)
        arrays.append(shown(page) if stage < 11 else {})
        formulas.append(formula_texts(page))
        expect(page.get_by_text(re.compile(r"nnlab/scratch/core\.py, line \d+")).first).to_be_visible()
        boxes = [page.locator(f".st-key-{key}").bounding_box() for key in FIXED]
        places.add(tuple(round(box[side]) for box in boxes for side in ("x", "y", "width", "height")))
        if stage < stages - 1:
            press(page, "step-next")
    assert len(places) == 1
    return arrays, formulas


def formula_texts(page: Page) -> str:
    keys = ("step-words", "step-formula", "step-put-in", "step-numbers-strip")
    return "\n".join(page.locator(f".st-key-{key}").inner_text() for key in keys)


def weights(arrays) -> tuple[np.ndarray, ...]:
    """x, t, W1, b1, W2, b2 as the page shows them: rounded as they are, they are exact."""
    first, second = arrays[1], arrays[3]
    return arrays[0]["x"], arrays[0]["t"], first["W"], first["b"][0], second["W"], second["b"][0]


def test_every_stage_of_a_2_3_2_net_shows_the_numbers_of_a_calculation_by_hand_and_its_code(visit, server):
    page = open_page(visit, server)
    arrays, formulas = walk(page)
    x, t, w1, b1, w2, b2 = weights(arrays)
    assert (x.shape, w1.shape, w2.shape) == ((4, 2), (2, 3), (3, 2))
    hand = by_hand(x, t, w1, b1, w2, b2)
    forward = [("x", "z_{1}", "z1"), ("z_{1}", "a_{1}", "a1"), ("a_{1}", "z_{2}", "z2"), ("z_{2}", r"\ell", "out")]
    for stage, (_, name, wanted) in enumerate(forward, start=1):
        same(arrays[stage][name], hand[wanted])
    same(arrays[5]["L"], hand["loss"])
    same(arrays[6][slope(r"\ell")], hand["g_out"])
    backward = [("z_{2}", "g_z2"), ("a_{1}", "g_a1"), ("z_{1}", "g_z1"), ("x", "g_x")]
    for stage, (name, wanted) in enumerate(backward, start=7):
        same(arrays[stage][slope(name)], hand[wanted])
    for stage, layer in ((8, "2"), (10, "1")):
        same(arrays[stage][slope("W")], hand[f"g_w{layer}"])
        same(arrays[stage][slope("b")], hand[f"g_b{layer}"])

    # the picture shows values, weights and gradients
    numbers = drawn(page)
    for wanted in (hand["z1"][0], hand["a1"][0], hand["out"][0], hand["g_a1"][0], hand["g_x"][0], [hand["loss"]]):
        for value in wanted:
            assert any(abs(value - seen) <= 0.051 * abs(value) + 6e-4 for seen in numbers), value

    # and back again: the same at every stage, to the first
    for stage in reversed(range(len(STAGES) - 1)):
        press(page, "step-back")
        settled(page, stage)
        assert formula_texts(page) == formulas[stage]
    expect(page.locator(".st-key-step-back button")).to_be_disabled()
    relu = page.locator(".st-key-step-picture svg text").filter(has_text=re.compile("^ReLU$"))
    expect(relu).to_have_count(1)
    assert not any(abs(hand["loss"] - seen) < 1e-3 for seen in drawn(page))  # not shown before it is computed

    # the next step begins with the new weights
    page.goto(f"{server.url}/backprop?{urlencode({**NET, 'step': '1', 'stage': '1'})}")
    settled(page, 1, 1)
    same(shown(page)["W"], w1 - LR * hand["g_w1"])
    same(shown(page)["z_{1}"], x @ (w1 - LR * hand["g_w1"]) + b1 - LR * hand["g_b1"])


def test_a_weight_changed_by_hand_gives_the_loss_of_the_calculation_and_survives_f5(visit, server):
    page = open_page(visit, server)
    arrays, _ = walk(page, 4)
    x, t, w1, b1, w2, b2 = weights(arrays)
    page.locator(".st-key-step-controls").get_by_role("slider").press("End")
    settled(page, 11)
    metric = page.locator('[data-testid="stMetricValue"]').first
    expect(metric).to_have_text(f"{loss_of(x, t, w1, b1, w2, b2):.4f}")
    field = page.locator(".st-key-step-value input")
    field.fill("1.5")
    field.press("Enter")
    changed = w1.copy()
    changed[0, 0] = 1.5
    expect(metric).to_have_text(f"{loss_of(x, t, changed, b1, w2, b2):.4f}")
    settled(page, 11)
    page.reload()
    settled(page, 11)
    expect(metric).to_have_text(f"{loss_of(x, t, changed, b1, w2, b2):.4f}")
    press(page, "step-undo")
    expect(metric).to_have_text(f"{loss_of(x, t, w1, b1, w2, b2):.4f}")


def test_every_gradient_agrees_with_finite_differences_and_autograd(visit, server):
    page = open_page(visit, server)
    page.get_by_text("Are these gradients right?").click()
    rows = page.locator(".st-key-step-slip tbody tr")
    expect(rows).to_have_count(9)
    for i in range(9):
        expect(rows.nth(i).get_by_text("✓", exact=True)).to_have_count(2)
    got, expected = (rows.locator(f"td:nth-last-child({i})").all_inner_texts() for i in (2, 1))
    assert got == expected


def test_naive_softmax_overflows_beside_log_sum_exp(visit, server):
    page = open_page(visit, server)
    page.get_by_text("Logits of 1,000").click()
    expect(page.get_by_text("NumPy: overflow")).to_be_visible()
    formulas = page.locator("annotation").filter(has_text="aligned")
    expect(formulas.nth(-2)).to_contain_text(r"\mathrm{nan}")
    expect(formulas.last).to_contain_text("-1000.3133")


def test_both_engines_draw_the_same_curve(visit, server):
    page = open_page(visit, server)
    press(page, "step-race")
    expect(page.locator('[data-testid="stMetric"]').filter(has_text="PyTorch")).to_contain_text(re.compile(r"\d m?s"))
    expect(page.locator('[data-testid="stMetric"]').filter(has_text="NumPy")).to_contain_text(re.compile(r"\d m?s"))
    lines = page.locator(".st-key-step-race-picture svg .mark-line path")
    expect(lines).to_have_count(2)
    points = [np.array(re.findall(r"-?[\d.]+", lines.nth(i).get_attribute("d")), float) for i in range(2)]
    assert len(points[0]) >= 2 * 60
    np.testing.assert_allclose(points[0], points[1], atol=0.5)  # pixels
    assert np.ptp(points[0][1::2]) > 50
    page.reload()  # the race is in the link
    expect(lines).to_have_count(2)
    expect(page.locator('[data-testid="stMetric"]').filter(has_text="NumPy")).to_contain_text(re.compile(r"\d m?s"))


@pytest.mark.parametrize("width", [390, 1280])
def test_spanish_and_a_narrow_screen_show_the_same_stage(visit, server, width):
    page = visit(width=width, height=900)
    page.goto(f"{server.url}/backprop?{urlencode({**NET, 'lang': 'es', 'stage': '8'})}")
    expect(page.get_by_text("Etapa 9 de 12 · paso 1")).to_be_visible()
    expect(page.get_by_text("Linear 2, hacia atrás")).to_be_visible()
    expect(page.get_by_text(re.compile(r"nnlab/scratch/core\.py, línea \d+")).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
