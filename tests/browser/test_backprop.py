"""Backpropagation in a real browser: every stage of a 2-3-2 net, forward and back, against a calculation by hand.

The calculation is written out here and uses nothing of nnlab: it starts from the points and weights the page shows.
"""

import re
from urllib.parse import urlencode

import numpy as np
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


def drawn(page: Page) -> list[float]:
    """Every number in the picture."""
    texts = page.locator(".st-key-step-picture svg text").all_text_contents()
    plain = [text.replace("−", "-").strip() for text in texts]
    return [float(text) for text in plain if re.fullmatch(r"-?[\d.]+", text)]


def slope(name: str) -> str:
    return rf"\tfrac{{\partial L}}{{\partial {name}}}"


def walk(page: Page) -> list[dict[str, np.ndarray]]:
    """All stages, one after the other: their arrays. At each the page names the file and line of its code, and nothing
    has changed its place."""
    arrays, places = [], set()
    for stage in range(len(STAGES)):
        settled(page, stage)
        arrays.append(shown(page) if stage < 11 else {})
        expect(page.get_by_text(re.compile(r"nnlab/scratch/core\.py, line \d+")).first).to_be_visible()
        boxes = [page.locator(f".st-key-{key}").bounding_box() for key in FIXED]
        places.add(tuple(round(box[side]) for box in boxes for side in ("x", "y", "width", "height")))
        if stage < len(STAGES) - 1:
            press(page, "step-next")
    assert len(places) == 1
    return arrays


def weights(arrays) -> tuple[np.ndarray, ...]:
    """x, t, W1, b1, W2, b2 as the page shows them: rounded as they are, they are exact."""
    first, second = arrays[1], arrays[3]
    return arrays[0]["x"], arrays[0]["t"], first["W"], first["b"][0], second["W"], second["b"][0]


def test_every_stage_of_a_2_3_2_net_shows_the_numbers_of_a_calculation_by_hand_and_its_code(visit, server):
    page = open_page(visit, server)
    relu = page.locator(".st-key-step-picture svg text").filter(has_text=re.compile("^ReLU$"))
    expect(relu).to_have_count(1)
    at_first = drawn(page)
    arrays = walk(page)
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

    # the picture shows values, weights and gradients, and nothing before it is computed
    numbers = drawn(page)
    for wanted in (hand["z1"][0], hand["a1"][0], hand["out"][0], hand["g_a1"][0], hand["g_x"][0], [hand["loss"]]):
        for value in wanted:
            assert any(abs(value - seen) <= 0.051 * abs(value) + 6e-4 for seen in numbers), value
    assert not any(abs(hand["loss"] - seen) < 1e-3 for seen in at_first)

    # a weight set by hand gives the loss of the calculation, and is in the link
    metric = page.locator('[data-testid="stMetricValue"]').first
    expect(metric).to_have_text(f"{hand['loss']:.4f}")
    field = page.locator(".st-key-step-value input")
    field.fill("1.5")
    field.press("Enter")
    changed = w1.copy()
    changed[0, 0] = 1.5
    loss = f"{by_hand(x, t, changed, b1, w2, b2)['loss']:.4f}"
    expect(metric).to_have_text(loss)
    page.wait_for_url(re.compile("edits="))
    page.reload()
    settled(page, 11)
    expect(metric).to_have_text(loss)
    press(page, "step-undo")
    expect(metric).to_have_text(f"{hand['loss']:.4f}")

    # the next step begins with the new weights
    press(page, "step-next")
    settled(page, 0, 1)
    press(page, "step-next")
    settled(page, 1, 1)
    same(shown(page)["W"], w1 - LR * hand["g_w1"])
    same(shown(page)["z_{1}"], x @ (w1 - LR * hand["g_w1"]) + b1 - LR * hand["g_b1"])


def test_pytorch_has_the_same_gradients_and_both_engines_draw_the_same_curve(visit, server):
    page = open_page(visit, server)
    page.get_by_text("Are these gradients right?").click()
    rows = page.locator(".st-key-step-slip tbody tr")
    expect(rows).to_have_count(9)
    for i in range(9):
        expect(rows.nth(i).get_by_text("✓", exact=True)).to_have_count(2)
    got, expected = (rows.locator(f"td:nth-last-child({i})").all_inner_texts() for i in (2, 1))
    assert got == expected

    press(page, "step-race")
    expect(page.locator('[data-testid="stMetric"]').filter(has_text="PyTorch")).to_contain_text(re.compile(r"\d m?s"))
    expect(page.locator('[data-testid="stMetric"]').filter(has_text="NumPy")).to_contain_text(re.compile(r"\d m?s"))
    lines = page.locator(".st-key-step-race-picture svg .mark-line path")
    for i in range(2):  # whole
        expect(lines.nth(i)).to_have_attribute("d", re.compile(r"^([ML]-?[\d.]+,-?[\d.]+){60,}$"))
    points = [np.array(re.findall(r"-?[\d.]+", lines.nth(i).get_attribute("d")), float) for i in range(2)]
    np.testing.assert_allclose(points[0], points[1], atol=0.5)  # pixels
    assert np.ptp(points[0][1::2]) > 50


def test_a_narrow_screen_shows_the_stage_in_spanish(visit, server):
    page = visit(width=390)
    page.goto(f"{server.url}/backprop?{urlencode({**NET, 'lang': 'es', 'stage': '8'})}")
    expect(page.get_by_text("Etapa 9 de 12 · paso 1")).to_be_visible()
    expect(page.get_by_text("Linear 2, hacia atrás")).to_be_visible()
    expect(page.get_by_text(re.compile(r"nnlab/scratch/core\.py, línea \d+")).first).to_be_visible()
    expect(page.locator(".st-key-step-picture svg text").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
