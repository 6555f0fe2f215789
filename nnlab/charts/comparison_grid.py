"""A comparison as a grid: the matrix of its cells while they train, and the heat map of their scores.

Places are counted in cells, so that one view holds the cells and the curve inside each of them.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.charts.axes import axis, gradient_legend
from nnlab.charts.base import Spec, finish
from nnlab.charts.colours import HAIR, INK, SOFT, TRAIN, VALIDATION, ramp, themed
from nnlab.charts.labels import ENGLISH, FORMATS, Labels, interval_text, word_for
from nnlab.charts.marks import either, of_kind, text, tip

ACROSS = 20
"""Cells in a row of the matrix of one setting."""
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


# -- the matrix of cells -----------------------------------------------------------------------------------------------


def grid_shape(values: int, by_values: int) -> tuple[int, int]:
    """(columns, rows) of the matrix: the first setting across, the second down; of one setting, row by row."""
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
    names, states, signs, words, scores, progress : one a cell, row by row
        Its name, its state (the id), the state as a sign and in the visitor's language, its score as text, 0..1.
    curves : one (n, 2) a cell: epoch, loss; about 16 points are enough
    """
    place = np.arange(len(names))
    texts = {"name": names, "state": states, "sign": signs, "word": words, "score": scores}
    cells = pd.DataFrame({"kind": "cell", "place": place, "x": place % columns, "y": place // columns, **texts})
    cells["progress"] = np.asarray(progress, float)
    points = [_spark(i, columns, curve) for i, curve in enumerate(curves)]
    inside = np.concatenate(points) if points else np.empty((0, 3))  # (points, 3): place, x, y
    sparks = pd.DataFrame(inside, columns=["place", "x", "y"]).assign(kind="point")
    return pd.concat([cells, sparks], ignore_index=True)


def _spark(place: int, columns: int, curve: NDArray[Any]) -> NDArray[Any]:
    """A curve inside its cell, (n, 3): place, x, y. It fills the cell's width and the middle of its height."""
    curve = curve[np.isfinite(curve).all(axis=1)]
    if len(curve) < 2:
        return np.empty((0, 3))
    epoch, loss = curve.T
    low, high = loss.min(), loss.max()
    level = (loss - low) / (high - low) if high > low else np.full(len(loss), 0.5)
    along = (epoch - epoch[0]) / max(epoch[-1] - epoch[0], 1)
    x, y = place % columns + 0.1 + 0.8 * along, place // columns + 0.92 - 0.44 * level
    return np.column_stack([np.full(len(loss), place), x, y])


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
    """Every cell of a comparison with its state (colour and sign), its score and its loss curve.

    A click selects a cell: parameter `cell`, field `place`. Rows: `matrix_rows`.
    """
    columns, rows = grid_shape(len(values), len(by_values))
    wide = f"(width / {columns})"
    height = min(52, max(26, 420 // rows)) * rows + (62 if by_values else 0)  # the axes are inside the height
    x_axis = y_axis = None
    if by_values:
        limit = alt.ExprRef(expr=f"width / {columns} - 4")
        x_axis = _names_axis(values, knob, f"width / {columns}", orient="top", labelLimit=limit)
        y_axis = _names_axis(by_values, by, f"height / {rows}", minExtent=42)
    cells = of_kind("cell").transform_calculate(
        left="datum.x + 0.04",
        right="datum.x + 0.96",
        top="datum.y + 0.05",
        bottom="datum.y + 0.95",
        filled="datum.x + 0.04 + 0.92 * datum.progress",
        middle="datum.x + 0.5",
        head="datum.y + 0.28",
    )
    tooltip = [
        tip("name", f"{knob} · {by}" if by else knob),
        tip("word", labels("state")),
        tip("score", labels("validation") if validation else labels("training")),
        tip("progress", " ", ".0%"),
    ]
    states = alt.Color("state:N", scale=alt.Scale(domain=list(_STATES), range=list(_STATES.values())), legend=None)
    shown = (
        f"datum.sign + ({wide} > 46 ? ' ' + datum.score : '')"
        if by_values
        else f"{wide} > 46 ? datum.name : datum.sign"
    )
    chosen = alt.selection_point(name="cell", fields=["place"], on="click", empty=False)
    box: dict[str, Any] = {"x": "left:Q", "y": "top:Q", "y2": "bottom"}
    layers = [
        cells.mark_rect(cornerRadius=4, color=SOFT).encode(**box, x2="right"),
        cells.mark_rect(cornerRadius=4).encode(**box, x2="filled", color=states),
        of_kind("point")
        .mark_line(color=VALIDATION if validation else TRAIN, strokeWidth=1.4)
        .encode(x="x:Q", y="y:Q", detail="place:N", order="x:Q"),
        text(
            cells.transform_calculate(shown=shown), "shown", fontSize=11, limit=alt.ExprRef(expr=f"0.88 * {wide}")
        ).encode(x="middle:Q", y="head:Q"),
        cells.mark_rect(cornerRadius=4, fillOpacity=0, fill=INK, strokeWidth=2, cursor="pointer")
        .encode(**box, x2="right", tooltip=tooltip, stroke=either(chosen, INK, "transparent"))
        .add_params(chosen),
    ]
    chart = alt.layer(*layers).encode(
        x=alt.X(scale=alt.Scale(domain=[0, columns], nice=False), axis=x_axis),
        y=alt.Y(scale=alt.Scale(domain=[rows, 0], nice=False), axis=y_axis),
    )
    return finish(chart, labels, height, canvas=True)


def _names_axis(names: Sequence[str], title: str, band: str, **more: Any) -> alt.Axis:
    """Cells are counted: each name is in the middle between two numbers."""
    look = {"labelOverlap": False, "labelAngle": 0, "grid": False, "ticks": False, "domain": False}
    offset = alt.ExprRef(expr=f"{band} / 2")
    words = word_for("value", names)
    return axis(title=title, tickCount=len(names), tickMinStep=1, labelExpr=words, labelOffset=offset, **look, **more)


# -- the heat map of scores --------------------------------------------------------------------------------------------


def heatmap_rows(
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
    """A comparison's table (by the second setting, then by the first) as one row a cell: `value`, `by`, `score`, `low`,
    `high`, `parameters`, and in the visitor's language `verdict`, `mark` and `difference`."""
    return pd.DataFrame(
        {
            "value": [value for _ in by_values for value in values],
            "by": [by for by in by_values for _ in values],
            "score": table[f"{part}_{kind}"].to_numpy(float),
            "low": table[f"{part}_{kind}_low"].to_numpy(float),
            "high": table[f"{part}_{kind}_high"].to_numpy(float),
            "parameters": table["parameters"].to_numpy(),
            "verdict": list(verdicts) or "",
            "mark": list(marks) or "",
            "difference": list(differences) or "",
        }
    )


@cache
def heatmap(
    values: tuple[str, ...],
    by_values: tuple[str, ...],
    knob: str = "depth",
    by: str = "width",
    *,
    part: str = "validation",
    kind: str = "accuracy",
    labels: Labels = ENGLISH,
    height: int = 300,
) -> Spec:
    """The score over two settings: the darker the better, with the number if it fits. Rows: `heatmap_rows`."""
    name = f"{labels(kind)}, {labels(part)}"
    number = "format(100 * datum.score, '.1f')" if kind == "accuracy" else "format(datum.score, '.2~g')"
    cells = alt.Chart().transform_calculate(
        interval=interval_text(kind),
        text=f"(isValid(datum.score) ? {number} : '') + (datum.mark ? ' ' + datum.mark : '')",
    )
    known = cells.transform_filter("isValid(datum.score)")
    legend = gradient_legend(
        name,
        gradientThickness=10,
        format=".0%" if kind == "accuracy" else ".2~g",
        labelExpr="isFinite(datum.value) ? datum.label : ''",
    )
    colours = ramp(5) if kind == "accuracy" else ramp(5)[::-1]
    colour = alt.Color(
        "score:Q", scale=alt.Scale(range=colours, zero=False, nice=False, interpolate="rgb"), legend=legend
    )
    tooltip = [
        tip("value", knob),
        tip("by", by),
        tip("score", name, FORMATS[kind]),
        tip("interval", labels("95 % interval")),
        tip("difference", labels("difference")),
        tip("parameters", labels("parameters"), ",d"),
        tip("verdict", labels("verdict")),
    ]
    ink = alt.ExprRef(expr="luminance(scale('color', datum.score)) > 0.3 ? '#12202c' : '#ffffff'")
    fits = alt.ExprRef(expr="bandwidth('x') > 34 && bandwidth('y') > 15 ? 1 : 0")
    look = {"grid": False, "domain": False, "ticks": False}
    chart = alt.layer(
        cells.mark_rect(fill=None, stroke=HAIR, strokeWidth=1),
        known.mark_rect(cornerRadius=3).encode(color=colour, tooltip=tooltip),
        cells.transform_filter("datum.mark === '★'").mark_rect(cornerRadius=3, fill=None, stroke=INK, strokeWidth=2.5),
        text(known, "text", fontWeight=600, color=ink, opacity=fits),
    ).encode(
        x=alt.X(
            "value:O",
            scale=alt.Scale(domain=list(values), paddingInner=0.04, paddingOuter=0),
            axis=axis(title=knob, labelAngle=0, **look),
        ),
        y=alt.Y(
            "by:O",
            scale=alt.Scale(domain=list(by_values), paddingInner=0.05, paddingOuter=0),
            axis=axis(title=by, minExtent=42, **look),
        ),
    )
    return finish(chart, labels, height)
