"""One training step: the network with the numbers on it, and the loss along one weight.

The specs are constants: colours are shares of a limit, from -1 to 1, and numbers are texts in the visitor's language,
so that stepping only swaps rows.
"""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.axes import nice_limit, no_axes, number_x, number_y
from nnlab.charts.base import ENGLISH, Labels, Spec, finish
from nnlab.charts.colours import CHOSEN, DASH, FAINT, HAIR, INK, PAPER, SOFT, diverging, themed
from nnlab.charts.marks import dots, either, expression, of_kind, text, tip, where
from nnlab.scratch.core import Linear
from nnlab.scratch.steps import Stage, Step

BELOW, ABOVE = themed("#0B5394", "#7CC0F2"), themed("#A64F00", "#FFB46E")
_TEXTS = ["text", "above", "below", "name"]
_ONE_TO_ONE = ("ReLU", "LeakyReLU", "ELU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softplus")

Rows = list[dict[str, Any]]
Number = Callable[[float], str]


def step_rows(step: Step, stage: int, sample: int, number: Number) -> pd.DataFrame:
    """The network of a step at one of its stages: a column of circles for the input, every module and the loss.

    The circles show one sample of the batch, without the numbers that are not computed yet; `number` writes a number.
    `kind`: "band" (behind the columns of the stage), "edge" (a weight, `share` of the largest), "wire" (numbers that
    pass without a weight), "node" (`text` its value, `above` its bias, `below` its gradient, `slope` the sign of that)
    and "column" (`text` the formula's letter, `below` the module, `name` the shape).
    """
    now, end = step.stages[stage], len(step.chain)
    forward = {"input": -1, "forward": now.part}.get(now.kind, end)  # the last column that has values
    backward = {"loss_backward": end, "backward": now.part, "update": 0}.get(now.kind, end + 2)
    widths = [*(values.shape[1] for values in step.values), 1]
    gap = 0.84 / (max(3, *widths) - 1)
    heights = [[gap * (i - (n - 1) / 2) for i in range(n)] for n in widths]
    places = [i / (end + 1) for i in range(end + 2)]
    rows: Rows = []
    if now.kind != "update":
        rows.append({"kind": "band", "x": places[max(now.part, 0)], "x2": places[now.part + 1], "y": -0.6, "y2": 0.6})
    for k in range(end + 1):
        line = {"x": places[k], "x2": places[k + 1]}
        rows += [line | row for row in _links(step, now, k, heights[k], heights[k + 1], number)]
    for k, x in enumerate(places, -1):
        known, active = k <= forward, now.kind != "update" and now.part == k
        nodes = _nodes(step, k, sample, number, known=known, gradient=k + 1 >= backward)
        circle = {"kind": "node", "x": x, "active": known}
        rows += [circle | {"y": y} | node for y, node in zip(heights[k + 1], nodes, strict=True)]
        rows.append({"kind": "column", "x": x, "y": 0.74, "active": active, **_caption(step, k)})
    blank = {"share": 0.0, "slope": 0.0, "active": False, **dict.fromkeys(_TEXTS, "")}
    frame = pd.DataFrame(rows, columns=["kind", "x", "y", "x2", "y2", *blank]).fillna(blank).assign(columns=len(places))
    return frame.astype({"share": float, "slope": float, "active": bool})


def _links(step: Step, now: Stage, k: int, left: list[float], right: list[float], number: Number) -> Rows:
    """The lines from column k to the next, those of module k: weights, or wires where a module has none."""
    part = step.chain[k] if k < len(step.chain) else None
    name = part.names().get("weight") if part else None
    pairs = list(product(range(len(left)), range(len(right))))
    if name is None:
        straight = part is not None and part.name in _ONE_TO_ONE
        return [{"kind": "wire", "y": left[i], "y2": right[j]} for i, j in pairs if i == j or not straight]
    values = (step.after if now.kind == "update" else step.before)[name]
    limit = nice_limit(np.concatenate([v.ravel() for n, v in step.before.items() if n.endswith(".weight")]))
    share, slope, active = np.clip(values / limit, -1, 1), np.zeros(values.shape), now.kind == "update" or now.part == k
    if now.kind == "backward" and active:
        values = step.gradients[name]
        share, slope = values / max(1e-300, np.abs(values).max()), np.sign(values)
    written = active or values.size <= 9
    return [
        {
            "kind": "edge",
            "y": left[i],
            "y2": right[j],
            "share": share[i, j],
            "slope": slope[i, j],
            "text": number(float(values[i, j])) if written else "",
            "active": active,
            "name": f"W{i + 1}{j + 1}",
        }
        for i, j in pairs
    ]


def _nodes(step: Step, k: int, sample: int, number: Number, *, known: bool, gradient: bool) -> Rows:
    """The circles of module k (-1: the input; after the last module: the loss)."""
    if k == len(step.chain):
        values, slopes, limit, names = np.array([step.loss]), np.ones(1), nice_limit(step.loss), ["L"]
    else:
        values, slopes = step.values[k + 1][sample], step.gradients[f"out.{k}"][sample]
        limit, names = nice_limit(step.values[k + 1]), [f"{letter(step, k)}{j + 1}" for j in range(len(values))]
    linear = 0 <= k < len(step.chain) and isinstance(step.chain[k].module, Linear)
    bias = step.before.get(f"{step.chain[k].layer}.bias") if linear else None
    return [
        {
            "share": float(np.clip(value / limit, -1, 1)) if known and np.isfinite(value) else 0.0,
            "text": number(float(value)) if known else "",
            "above": "" if bias is None else "b " + number(float(bias[j])),
            "below": number(float(slope)) if gradient else "",
            "slope": float(np.sign(slope)) if gradient else 0.0,
            "name": name,
        }
        for j, (value, slope, name) in enumerate(zip(values, slopes, names, strict=True))
    ]


def _caption(step: Step, k: int) -> dict[str, str]:
    if k == len(step.chain):
        return {"text": "L", "below": type(step.loss_function).__name__, "name": "1"}
    shape = "×".join(map(str, step.values[k + 1].shape))
    return {"text": letter(step, k), "below": step.chain[k].name if k >= 0 else "", "name": shape}


def letter(step: Step, k: int) -> str:
    """The letter of module k's output: x for the input, then z₁, a₁, z₂, ... and ℓ for log-probabilities."""
    if k < 0:
        return "x"
    part = step.chain[k]
    if part.layer < 0:
        return "ℓ"
    sub = str(part.layer + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return {"Linear": "z", "BatchNorm": "u", "LayerNorm": "u"}.get(part.name, "a") + sub


@cache
def step_network(*, labels: Labels = ENGLISH, height: int = 440) -> Spec:
    """The network of one step with its numbers. Rows: `step_rows`."""
    pitch = "width / datum.columns"
    small = expression(f"clamp(0.125 * {pitch}, 7.5, 11.5)")
    large = expression(f"clamp(0.13 * {pitch}, 8, 12.5)")
    size = expression(f"pow(clamp(0.5 * {pitch}, 24, 46), 2) * 0.8")
    above, below = expression(f"-clamp(0.3 * {pitch}, 18, 31)"), expression(f"clamp(0.31 * {pitch}, 18, 32)")
    on_edge: dict[str, Any] = {"fontSize": small, "opacity": expression(f"{pitch} < 66 ? 0 : 1")}
    halo: dict[str, Any] = {"color": PAPER, "stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round"}
    plate: dict[str, Any] = halo | {"opacity": 0.85}
    name, value, sign = tip("name", " "), tip("text", labels("value")), either("datum.slope < 0", BELOW, ABOVE)
    edges, nodes, columns = of_kind("edge"), of_kind("node"), of_kind("column")
    active_ink = either("datum.active", CHOSEN, INK)
    bands = of_kind("band").transform_calculate(x="datum.x - 0.42 / datum.wide", x2="datum.x2 + 0.42 / datum.wide")
    lines = edges.transform_calculate(size="abs(datum.share)").mark_rule(strokeCap="round")
    places = {axis: f"datum.{axis} + 0.6 * (datum.{axis}2 - datum.{axis})" for axis in ("x", "y")}
    numbers = edges.transform_calculate(**places)
    weights, gradients = (numbers.transform_filter(f"datum.slope {test} 0") for test in ("===", "!=="))
    layers = [
        bands.mark_rect(fill=SOFT, cornerRadius=12).encode(x2="x2", y2="y2"),
        of_kind("wire").mark_rule(color=HAIR, strokeWidth=1.2).encode(x2="x2", y2="y2"),
        lines.encode(
            x2="x2",
            y2="y2",
            color=alt.Color("share:Q", scale=diverging(1.0), legend=None),
            strokeWidth=alt.StrokeWidth("size:Q", scale=alt.Scale(domain=[0, 1], range=[0.8, 5]), legend=None),
            opacity=either("datum.active", 1, 0.45),
            tooltip=[name, value],
        ),
        text(numbers, "text", **on_edge, **halo),
        text(weights, "text", **on_edge, fontWeight=600).encode(color=either("datum.active", INK, FAINT)),
        text(gradients, "text", **on_edge, fontWeight=700).encode(color=sign),
        nodes.mark_point(shape="circle", filled=True, opacity=1, size=size, strokeWidth=1.4).encode(
            fill=alt.Fill("share:Q", scale=diverging(1.0), legend=None),
            stroke=either("datum.active", FAINT, HAIR),
            tooltip=[name, value, tip("below", "∂L/∂ ")],
        ),
        text(nodes, "text", fontSize=large, fontWeight=600).encode(color=either("abs(datum.share) > 0.62", PAPER, INK)),
        text(nodes, "above", fontSize=small, dy=above, **plate),
        text(nodes, "above", fontSize=small, dy=above, color=FAINT),
        text(nodes, "below", fontSize=large, dy=below, **plate),
        text(nodes, "below", fontSize=large, dy=below, fontWeight=700).encode(color=sign),
        text(columns, "text", fontSize=15, fontStyle="italic", fontWeight=600).encode(color=active_ink),
        text(columns, "below", fontSize=small, dy=18).encode(color=active_ink),
        text(columns, "name", fontSize=small, color=FAINT, dy=33),
    ]
    chart = alt.layer(*layers).transform_calculate(wide="datum.columns * 1.05").encode(**no_axes(-0.62, 0.94))
    return finish(chart, labels, height, padding=(4, 4, 4, 0))


def loss_along_rows(values: ArrayLike, losses: ArrayLike, here: float, loss: float, slope: float) -> pd.DataFrame:
    """The loss (n,) at values (n,) of one weight; the weight's present value `here`, and the tangent there.

    Columns: `weight`, `loss`, `tangent` (nan except near `here`), `here` (true in one row)."""
    x, y = np.asarray(values, float), np.asarray(losses, float)
    near = np.abs(x - here) <= 0.22 * (x.max() - x.min())
    tangent = np.where(near, loss + slope * (x - here), np.nan)
    rows = pd.DataFrame({"weight": x, "loss": y, "tangent": tangent, "here": False})
    point = pd.DataFrame({"weight": [here], "loss": [loss], "tangent": [loss], "here": [True]})
    return pd.concat([rows, point], ignore_index=True).sort_values("weight", ignore_index=True)


@cache
def loss_along(*, labels: Labels = ENGLISH, height: int = 240) -> Spec:
    """The loss by one weight: its slope at the weight's value is the gradient. Rows: `loss_along_rows`."""
    tangent = where("isValid(datum.tangent)").mark_line(color=CHOSEN, strokeWidth=2, strokeDash=DASH, clip=True)
    chart = alt.layer(
        alt.Chart().mark_line(color=FAINT, strokeWidth=2.5).encode(y="loss:Q"),
        tangent.encode(y="tangent:Q"),
        dots(where("datum.here"), 130, color=CHOSEN, opacity=1, strokeWidth=2).encode(y="loss:Q"),
    ).encode(
        x=number_x("weight:Q", labels("weight")),
        y=number_y("loss", labels("loss")),
        tooltip=[tip("weight", labels("weight"), ".3~r"), tip("loss", labels("loss"), ".3~r")],
    )
    return finish(chart, labels, height, right=16)
