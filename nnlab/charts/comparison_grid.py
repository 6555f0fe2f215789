"""A comparison as a grid: the matrix of its cells while they train, the heat map of their scores.

Places are counted in cells, so that one view holds the cells and the curve inside each of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.charts.base import (
    ENGLISH,
    FORMATS,
    HAIR,
    INK,
    SOFT,
    TRAIN,
    VALIDATION,
    Labels,
    Spec,
    axis,
    finish,
    quoted,
    ramp,
    themed,
)

ACROSS = 20
"""Cells in a line of the matrix of one knob."""
SPARK_POINTS = 16

_STATES: dict[str, Any] = {
    "waiting": SOFT,
    "running": themed("#CFE6F5", "#173F5C"),
    "paused": themed("#FBE3C0", "#5A4010"),
    "finished": themed("#D3EEE4", "#11483A"),
    "stopped": themed("#DDE2E8", "#39434E"),
    "failed": themed("#F7D0D4", "#5E2129"),
    "interrupted": themed("#FBE3C0", "#5A4010"),
}


def lines(values: int, by_values: int) -> tuple[int, int]:
    """(columns, rows) of the matrix: values across and those of the second knob down; of one knob, in lines."""
    if by_values:
        return values, by_values
    across = min(values, ACROSS)
    return across, math.ceil(values / across)


def matrix_rows(
    columns: int,
    names: Sequence[str],
    states: Sequence[str],
    signs: Sequence[str],
    words: Sequence[str],
    scores: Sequence[str],
    progress: Sequence[float],
    curves: Sequence[NDArray[Any]],
) -> pd.DataFrame:
    """The rows of `matrix`.

    Parameters
    ----------
    names, states, signs, words, scores, progress : one a cell, line by line
        What it is called, its state (the id), that state as a sign and in the reader's words, its score as text, 0..1.
    curves : one (n, 2) a cell: epoch, loss; at most about 16 points of it are wanted
    """
    place = np.arange(len(names))
    cells = pd.DataFrame(
        {"kind": "cell", "place": place, "x": place % columns, "y": place // columns, "name": names, "state": states,
         "sign": signs, "word": words, "score": scores, "progress": np.asarray(progress, float)}
    )  # fmt: skip
    points = [_spark(i, columns, curve) for i, curve in enumerate(curves)]
    inside = np.concatenate(points) if points else np.empty((0, 3))  # (points, 3): place, x, y
    sparks = pd.DataFrame(inside, columns=["place", "x", "y"]).assign(kind="point")
    return pd.concat([cells, sparks], ignore_index=True)


def _spark(place: int, columns: int, curve: NDArray[Any]) -> NDArray[Any]:
    """A curve inside its cell: (n, 3) place, x, y; from its lowest to its highest, between a fifth and four fifths."""
    curve = curve[np.isfinite(curve).all(axis=1)]
    if len(curve) < 2:
        return np.empty((0, 3))
    epoch, loss = curve.T
    low, high = loss.min(), loss.max()
    level = (loss - low) / (high - low) if high > low else np.full(len(loss), 0.5)
    along = (epoch - epoch[0]) / max(epoch[-1] - epoch[0], 1)
    return np.column_stack(
        [np.full(len(loss), place), place % columns + 0.1 + 0.8 * along, place // columns + 0.92 - 0.44 * level]
    )


@cache
def matrix(
    values: tuple[str, ...],
    by_values: tuple[str, ...] = (),
    knob: str = "depth",
    by: str = "",
    *,
    validation: bool = True,
    labels: Labels = ENGLISH,
) -> Spec:
    """Every cell of a comparison with its state (colour and sign), its score and the course of its loss.

    A click chooses a cell: parameter `cell`, field `place`. Rows: `matrix_rows`.
    """
    columns, rows = lines(len(values), len(by_values))
    wide = f"(width / {columns})"
    tall, heads = min(52, max(26, 420 // rows)), 62 if by_values else 0  # the axes stand inside the height

    def x(field: str) -> alt.X:
        axis = (
            _names_axis(
                values, knob, f"width / {columns}", orient="top", labelLimit=alt.ExprRef(expr=f"width / {columns} - 4")
            )
            if by_values
            else None
        )
        return alt.X(f"{field}:Q", scale=alt.Scale(domain=[0, columns], nice=False), axis=axis)

    def y(field: str) -> alt.Y:
        axis = _names_axis(by_values, by, f"height / {rows}", minExtent=42) if by_values else None
        return alt.Y(f"{field}:Q", scale=alt.Scale(domain=[rows, 0], nice=False), axis=axis)

    chosen = alt.selection_point(name="cell", fields=["place"], on="click", empty=False)
    cells = (
        alt.Chart()
        .transform_filter("datum.kind === 'cell'")
        .transform_calculate(left="datum.x + 0.04", right="datum.x + 0.96", top="datum.y + 0.05",
                             bottom="datum.y + 0.95", filled="datum.x + 0.04 + 0.92 * datum.progress",
                             middle="datum.x + 0.5", head="datum.y + 0.28")
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("name:N", title=f"{knob} · {by}" if by else knob),
        alt.Tooltip("word:N", title=labels.state),
        alt.Tooltip("score:N", title=labels.validation if validation else labels.train),
        alt.Tooltip("progress:Q", title=" ", format=".0%"),
    ]
    states = alt.Color("state:N", scale=alt.Scale(domain=list(_STATES), range=list(_STATES.values())), legend=None)
    text = f"datum.sign + ({wide} > 46 ? ' ' + datum.score : '')" if by_values else (
        f"{wide} > 46 ? datum.name : datum.sign")  # fmt: skip
    box: dict[str, Any] = {"x": x("left"), "y": y("top"), "y2": "bottom"}
    layers = [
        cells.mark_rect(cornerRadius=4, color=SOFT, tooltip=False).encode(**box, x2="right"),
        cells.mark_rect(cornerRadius=4, tooltip=False).encode(**box, x2="filled", color=states),
        alt.Chart()
        .transform_filter("datum.kind === 'point'")
        .mark_line(color=VALIDATION if validation else TRAIN, strokeWidth=1.4, tooltip=False)
        .encode(x=x("x"), y=y("y"), detail="place:N", order="x:Q"),
        cells.transform_calculate(shown=text)
        .mark_text(color=INK, fontSize=11, limit=alt.ExprRef(expr=f"0.88 * {wide}"), tooltip=False)
        .encode(x=x("middle"), y=y("head"), text="shown:N"),
        cells.mark_rect(cornerRadius=4, fillOpacity=0, fill=INK, strokeWidth=2, cursor="pointer")
        .encode(**box, x2="right", tooltip=tooltip,
                stroke=alt.condition(chosen, alt.value(INK), alt.value("transparent")))
        .add_params(chosen),
    ]  # fmt: skip
    spec = finish(alt.layer(*layers).encode(), labels, height=tall * rows + heads, config={"aria": False})
    return {**spec, "usermeta": {"embedOptions": {"renderer": "canvas"}}}


# -- heat map --------------------------------------------------------------------------------------------------------


def heat_rows(
    table: pd.DataFrame,
    values: Sequence[str],
    by_values: Sequence[str],
    part: str = "validation",
    kind: str = "accuracy",
    *,
    verdicts: Sequence[str] = (),
    marks: Sequence[str] = (),
    differences: Sequence[str] = (),
) -> pd.DataFrame:
    """A comparison's table (by the second knob, then by the first) as one row a cell: `value`, `by`, `score`, `low`,
    `high`, `parameters`, and in the reader's words `verdict`, `mark` and `difference`."""
    nothing = [""] * len(table)
    rows = pd.DataFrame(
        {
            "value": [value for _ in by_values for value in values],
            "by": [by for by in by_values for _ in values],
            "score": table[f"{part}_{kind}"].to_numpy(float),
            "low": table[f"{part}_{kind}_low"].to_numpy(float),
            "high": table[f"{part}_{kind}_high"].to_numpy(float),
            "parameters": table["parameters"].to_numpy(),
            "verdict": list(verdicts) or nothing,
            "mark": list(marks) or nothing,
            "difference": list(differences) or nothing,
        }
    )
    return rows


@cache
def heat(
    values: tuple[str, ...],
    by_values: tuple[str, ...],
    knob: str = "depth",
    by: str = "width",
    *,
    part: str = "validation",
    kind: str = "accuracy",
    labels: Labels = ENGLISH,
    height: int | None = None,
) -> Spec:
    """The score over two knobs: the darker the better, the number where it fits. Rows: `heat_rows`."""
    tall = height or min(560, max(220, 40 * len(by_values) + 90))
    name = f"{labels.score(kind)}, {getattr(labels, part)}"
    shown = "isValid(datum.score) ? " + (
        "format(100 * datum.score, '.1f')" if kind == "accuracy" else "format(datum.score, '.2~g')"
    )
    form = quoted(FORMATS[kind])
    base = alt.Chart().transform_calculate(
        interval=f"isValid(datum.low) ? format(datum.low, {form}) + ' – ' + format(datum.high, {form}) : '–'",
        text=f"({shown} : '') + (datum.mark ? ' ' + datum.mark : '')",
    )
    place: dict[str, Any] = {
        "x": alt.X("value:O", scale=alt.Scale(domain=list(values), paddingInner=0.04, paddingOuter=0),
                   axis=axis(title=knob, labelAngle=0, grid=False, domain=False, ticks=False)),
        "y": alt.Y("by:O", scale=alt.Scale(domain=list(by_values), paddingInner=0.05, paddingOuter=0),
                   axis=axis(title=by, grid=False, domain=False, ticks=False, minExtent=42)),
    }  # fmt: skip
    colours: list[Any] = ramp(5) if kind == "accuracy" else ramp(5)[::-1]
    colour = alt.Color(
        "score:Q",
        scale=alt.Scale(range=colours, zero=False, nice=False, interpolate="rgb"),
        legend=alt.Legend(
            orient="top", title=name, titleOrient="left", gradientLength=140, gradientThickness=10, tickCount=3,
            format=".0%" if kind == "accuracy" else ".2~g", labelExpr="isFinite(datum.value) ? datum.label : ''",
        ),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("value:N", title=knob),
        alt.Tooltip("by:N", title=by),
        alt.Tooltip("score:Q", title=name, format=FORMATS[kind]),
        alt.Tooltip("interval:N", title=labels.interval),
        alt.Tooltip("difference:N", title=labels.difference),
        alt.Tooltip("parameters:Q", title=labels.parameters, format=",d"),
        alt.Tooltip("verdict:N", title=labels.verdict),
    ]
    chart = alt.layer(
        base.mark_rect(fill=None, stroke=HAIR, strokeWidth=1, tooltip=False),
        base.transform_filter("isValid(datum.score)").mark_rect(cornerRadius=3).encode(color=colour, tooltip=tooltip),
        base.transform_filter("datum.mark === '★'").mark_rect(
            cornerRadius=3, fill=None, stroke=INK, strokeWidth=2.5, tooltip=False
        ),
        base.transform_filter("isValid(datum.score)")
        .mark_text(
            fontSize=12,
            fontWeight=600,
            color=alt.ExprRef(expr="luminance(scale('color', datum.score)) > 0.3 ? '#12202c' : '#ffffff'"),
            opacity=alt.ExprRef(expr="bandwidth('x') > 34 && bandwidth('y') > 15 ? 1 : 0"),
            tooltip=False,
        )
        .encode(text="text:N"),
    ).encode(**place)
    return finish(chart, labels, height=tall)


def _names_axis(names: Sequence[str], title: str, band: str, **more: Any) -> alt.Axis:
    """Cells are counted: each name stands in the middle between two numbers."""
    words = " : ".join(f"datum.value === {i} ? {quoted(name)}" for i, name in enumerate(names)) + " : ''"
    return alt.Axis(
        title=title, tickCount=len(names), tickMinStep=1, labelExpr=words, labelOffset=alt.ExprRef(expr=f"{band} / 2"),
        labelOverlap=False, labelAngle=0, labelPadding=6, titlePadding=8, grid=False, ticks=False, domain=False, **more,
    )  # fmt: skip
