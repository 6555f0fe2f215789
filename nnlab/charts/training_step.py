"""Pictures of one training step: the network with the numbers on it, the loss along one weight, two engines racing.

The specs are constants: colours are shares of a limit, from -1 to 1, and numbers come as text, written in the
visitor's language, so that stepping only swaps rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.base import (
    DASH,
    ENGLISH,
    FAINT,
    HAIR,
    INK,
    PAPER,
    SOFT,
    Labels,
    Spec,
    diverging,
    finish,
    nice_limit,
    number_axis,
    themed,
)
from nnlab.scratch.core import Linear
from nnlab.scratch.steps import Step

BELOW, ABOVE = themed("#0B5394", "#7CC0F2"), themed("#A64F00", "#FFB46E")
HERE = themed("#6440b0", "#b79cf0")
_COLUMNS = ["kind", "x", "y", "x2", "y2", "share", "text", "above", "below", "slope", "active", "name", "columns"]
_ONE_TO_ONE = ("ReLU", "LeakyReLU", "ELU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softplus")


# -- the network, with the numbers on it ------------------------------------------------------------------------------


def step_rows(step: Step, stage: int, sample: int, number: Callable[[float], str]) -> pd.DataFrame:
    """The network of a step as it is at one stage: a column of circles for the input, every module and the loss.

    Parameters
    ----------
    stage : which of `step.stages`; numbers that are not known yet are left out
    sample : which point of the batch the circles show
    number : how a number is written

    Returns
    -------
    DataFrame
        `kind`: "band" (where the stage is at work), "edge" (a weight, `share` of the largest), "wire" (numbers that
        pass without a weight), "node" (`text` its value, `above` its bias, `below` its gradient, `slope` the sign of
        that) and "column" (`text` the formula's letter, `below` what stands there, `name` the shape).
    """
    now, end = step.stages[stage], len(step.chain)
    forward = {"input": -1, "forward": now.part}.get(now.kind, end)  # the last column that has values
    backward = {"loss_backward": end, "backward": now.part, "update": 0}.get(now.kind, end + 2)
    columns = [*step.values, np.array([[step.loss]])]
    places = [i / (end + 1) for i in range(end + 2)]
    room = max(3, *(values.shape[1] for values in columns))
    heights = [_heights(values.shape[1], room) for values in columns]
    rows: list[dict[str, Any]] = []
    if now.kind in ("forward", "loss", "loss_backward", "backward"):
        rows.append({"kind": "band", "x": places[now.part], "x2": places[now.part + 1], "y": -0.6, "y2": 0.6})
    elif now.kind == "input":
        rows.append({"kind": "band", "x": places[0], "x2": places[0], "y": -0.6, "y2": 0.6})
    limit = nice_limit(np.concatenate([v.ravel() for n, v in step.before.items() if n.endswith(".weight")]))
    for k in range(end + 1):
        at = {"x": places[k], "x2": places[k + 1]}
        names = step.chain[k].names() if k < end else {}
        if "weight" not in names:
            straight = k < end and step.chain[k].name in _ONE_TO_ONE
            rows += [
                {"kind": "wire", "y": y, "y2": y2, **at}
                for i, y in enumerate(heights[k])
                for j, y2 in enumerate(heights[k + 1])
                if not straight or i == j
            ]
            continue
        shown = (step.after if now.kind == "update" else step.before)[names["weight"]]
        active = now.kind == "update" or now.part == k
        slopes = step.gradients[names["weight"]] if now.kind == "backward" and active else None
        share = np.clip(shown / limit, -1, 1) if slopes is None else slopes / max(1e-300, np.abs(slopes).max())
        for i, y in enumerate(heights[k]):
            for j, y2 in enumerate(heights[k + 1]):
                told = number(float(shown[i, j] if slopes is None else slopes[i, j]))
                if not active and shown.size > 9:
                    told = ""
                rows.append(
                    {"kind": "edge", "y": y, "y2": y2, **at, "share": share[i, j], "text": told, "active": active}
                    | {"name": f"W{i + 1}{j + 1}", "slope": 0 if slopes is None else np.sign(slopes[i, j])}
                )
    for c, (values, x) in enumerate(zip(columns, places, strict=True)):
        rows += _nodes(step, c, values, x, heights[c], sample, number, forward, backward)
        rows.append(_caption(step, c, x, values, now.kind != "update" and now.part == c - 1))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    frame["columns"] = len(columns)
    frame["active"] = frame["active"].fillna(False).astype(bool)
    frame[["share", "slope"]] = frame[["share", "slope"]].fillna(0.0).astype(float)
    return frame.fillna({"text": "", "above": "", "below": "", "name": ""})


def _nodes(
    step: Step,
    c: int,
    values: Any,
    x: float,
    heights: list[float],
    sample: int,
    number: Callable[[float], str],
    forward: int,
    backward: int,
) -> list[dict[str, Any]]:
    k, end = c - 1, len(step.chain)
    known = k <= forward
    bias = step.before.get(f"{step.chain[k].layer}.bias") if 0 <= k < end and _linear(step, k) else None
    if k == end:
        mine, slopes = values[0], np.ones(1)
    else:
        mine, slopes = values[sample], step.gradients[f"out.{k}"][sample]
    limit = nice_limit(values)
    felt = k + 1 >= backward
    return [
        {
            "kind": "node",
            "x": x,
            "y": y,
            "share": float(np.clip(mine[j] / limit, -1, 1)) if known and np.isfinite(mine[j]) else 0.0,
            "text": number(float(mine[j])) if known else "",
            "above": "" if bias is None else "b " + number(float(bias[j])),
            "below": number(float(slopes[j])) if felt else "",
            "slope": float(np.sign(slopes[j])) if felt else 0.0,
            "active": known,
            "name": f"{letter(step, k)}{j + 1}" if k < end else "L",
        }
        for j, y in enumerate(heights)
    ]


def _caption(step: Step, c: int, x: float, values: Any, active: bool) -> dict[str, Any]:
    k, end = c - 1, len(step.chain)
    name = "" if k < 0 else step.chain[k].name if k < end else type(step.loss_function).__name__
    shape = "×".join(map(str, values.shape)) if k < end else "1"
    text = letter(step, k) if k < end else "L"
    return {"kind": "column", "x": x, "y": 0.74, "text": text, "below": name, "name": shape, "active": active}


def letter(step: Step, k: int) -> str:
    """The letter of what module k gives: x for the input, then z₁, a₁, z₂, ... and ℓ for log-probabilities."""
    if k < 0:
        return "x"
    part = step.chain[k]
    if part.layer < 0:
        return "ℓ"
    sub = str(part.layer + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return {"Linear": "z", "BatchNorm": "u", "LayerNorm": "u"}.get(part.name, "a") + sub


def _linear(step: Step, k: int) -> bool:
    return isinstance(step.chain[k].module, Linear)


def _heights(n: int, room: int) -> list[float]:
    return [0.84 * (i - (n - 1) / 2) / (room - 1) for i in range(n)]


@cache
def step_network(*, labels: Labels = ENGLISH, height: int = 440) -> Spec:
    """The network of one step with its numbers. Rows: `step_rows`."""
    pitch = "width / datum.columns"
    small = alt.ExprRef(expr=f"clamp(0.125 * {pitch}, 7.5, 11.5)")
    inner = alt.ExprRef(expr=f"clamp(0.13 * {pitch}, 8, 12.5)")
    size = alt.ExprRef(expr=f"pow(clamp(0.5 * {pitch}, 24, 46), 2) * 0.8")
    wide = alt.ExprRef(expr=f"{pitch} < 66 ? 0 : 1")
    place: dict[str, Any] = {
        "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06], nice=False)),
        "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[0.94, -0.62], nice=False, zero=False)),
    }
    share = alt.Color("share:Q", scale=diverging(1.0), legend=None)
    sign = alt.condition("datum.slope < 0", alt.value(BELOW), alt.value(ABOVE))
    tooltip = [alt.Tooltip("name:N", title=" "), alt.Tooltip("text:N", title=labels.value)]
    halo: dict[str, Any] = {"stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round", "opacity": wide}

    plate: dict[str, Any] = {**halo, "color": PAPER, "opacity": 0.85}

    def words(kind: str, field: str, **look: Any) -> Any:
        return _kind(kind).mark_text(tooltip=False, **look).encode(text=f"{field}:N")

    edge_text = _kind("edge").transform_calculate(
        x="datum.x + 0.6 * (datum.x2 - datum.x)", y="datum.y + 0.6 * (datum.y2 - datum.y)"
    )
    layers = [
        _kind("band")
        .transform_calculate(x="datum.x - 0.42 / datum.wide", x2="datum.x2 + 0.42 / datum.wide")
        .mark_rect(fill=SOFT, cornerRadius=12, tooltip=False)
        .encode(x2="x2", y2="y2"),
        _kind("wire").mark_rule(color=HAIR, strokeWidth=1.2, tooltip=False).encode(x2="x2", y2="y2"),
        _kind("edge")
        .mark_rule(strokeCap="round")
        .encode(
            x2="x2",
            y2="y2",
            color=share,
            strokeWidth=alt.StrokeWidth("size:Q", scale=alt.Scale(domain=[0, 1], range=[0.8, 5]), legend=None),
            opacity=alt.condition("datum.active", alt.value(1), alt.value(0.45)),
            tooltip=tooltip,
        )
        .transform_calculate(size="abs(datum.share)"),
        edge_text.mark_text(fontSize=small, tooltip=False, **halo).encode(text="text:N", color=alt.value(PAPER)),
        edge_text.transform_filter("datum.slope === 0")
        .mark_text(fontSize=small, tooltip=False, opacity=wide, fontWeight=600)
        .encode(text="text:N", color=alt.condition("datum.active", alt.value(INK), alt.value(FAINT))),
        edge_text.transform_filter("datum.slope !== 0")
        .mark_text(fontSize=small, tooltip=False, opacity=wide, fontWeight=700)
        .encode(text="text:N", color=sign),
        _kind("node")
        .mark_point(shape="circle", filled=True, opacity=1, size=size, strokeWidth=1.4)
        .encode(
            fill=alt.Fill("share:Q", scale=diverging(1.0), legend=None),
            stroke=alt.condition("datum.active", alt.value(FAINT), alt.value(HAIR)),
            tooltip=[*tooltip, alt.Tooltip("below:N", title="∂L/∂ ")],
        ),
        words("node", "text", fontSize=inner, fontWeight=600).encode(
            color=alt.condition("abs(datum.share) > 0.62", alt.value(PAPER), alt.value(INK))
        ),
        *(
            words("node", "above", fontSize=small, dy=alt.ExprRef(expr=f"-clamp(0.3 * {pitch}, 18, 31)"), **look)
            for look in (plate, {"color": FAINT})
        ),
        words("node", "below", fontSize=inner, dy=alt.ExprRef(expr=f"clamp(0.31 * {pitch}, 18, 32)"), **plate),
        words(
            "node", "below", fontSize=inner, fontWeight=700, dy=alt.ExprRef(expr=f"clamp(0.31 * {pitch}, 18, 32)")
        ).encode(color=sign),
        words("column", "text", fontSize=15, fontStyle="italic", fontWeight=600).encode(
            color=alt.condition("datum.active", alt.value(HERE), alt.value(INK))
        ),
        words("column", "below", fontSize=small, dy=18).encode(
            color=alt.condition("datum.active", alt.value(HERE), alt.value(INK))
        ),
        words("column", "name", fontSize=small, color=FAINT, dy=33),
    ]
    chart = alt.layer(*layers).transform_calculate(wide="datum.columns * 1.05").encode(**place)
    spec = finish(chart, labels, height=height)
    return {**spec, "padding": {"left": 4, "top": 4, "right": 4, "bottom": 0}}


def _kind(kind: str) -> Any:
    return alt.Chart().transform_filter(f"datum.kind === '{kind}'")


# -- the loss along one weight ----------------------------------------------------------------------------------------


def along_rows(values: ArrayLike, losses: ArrayLike, here: float, loss: float, slope: float) -> pd.DataFrame:
    """The loss (n,) at values (n,) of one weight; where the weight stands, and the tangent there.

    Columns: `weight`, `loss`, `tangent` (nan outside its short piece), `here` (true in one row)."""
    x, y = np.asarray(values, float), np.asarray(losses, float)
    near = np.abs(x - here) <= 0.22 * (x.max() - x.min())
    tangent = np.where(near, loss + slope * (x - here), np.nan)
    rows = pd.DataFrame({"weight": x, "loss": y, "tangent": tangent, "here": False})
    point = pd.DataFrame({"weight": [here], "loss": [loss], "tangent": [loss], "here": [True]})
    return pd.concat([rows, point], ignore_index=True).sort_values("weight", ignore_index=True)


@cache
def along(*, labels: Labels = ENGLISH, height: int = 240) -> Spec:
    """The loss against one weight: its slope where the weight stands is the gradient. Rows: `along_rows`."""
    base = alt.Chart()
    tooltip = [
        alt.Tooltip("weight:Q", title=labels.weight, format=".3~r"),
        alt.Tooltip("loss:Q", title=labels.loss, format=".3~r"),
    ]
    layers = [
        base.mark_line(color=FAINT, strokeWidth=2.5).encode(y=alt.Y("loss:Q")),
        base.transform_filter("isValid(datum.tangent)")
        .mark_line(color=HERE, strokeWidth=2, strokeDash=DASH, clip=True)
        .encode(y=alt.Y("tangent:Q")),
        base.transform_filter("datum.here")
        .mark_point(filled=True, color=HERE, size=130, opacity=1, stroke=PAPER, strokeWidth=2)
        .encode(y=alt.Y("loss:Q"), tooltip=tooltip),
    ]
    chart = alt.layer(*layers).encode(
        x=alt.X(
            "weight:Q",
            scale=alt.Scale(zero=False, nice=False),
            axis=number_axis("value", upright=False, title=labels.weight, grid=False),
        ),
        y=alt.Y(scale=alt.Scale(zero=False), axis=number_axis("loss", title=labels.loss)),
    )
    return finish(chart, labels, height=height, right=16)


# -- two engines ------------------------------------------------------------------------------------------------------
