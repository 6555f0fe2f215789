"""A comparison: scores and curves by the values of a setting, the matrix of its cells, the heat map over two settings.

Places in the matrix are counted in cells, so that one view holds the cells and the curve inside each of them.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.curves import evenly_spaced
from nnlab.charts.axes import axis, epochs_axis, gradient_legend, line_legend, number_colour, number_y
from nnlab.charts.base import (
    ENGLISH,
    FORMATS,
    HEIGHT,
    Labels,
    Spec,
    finish,
    interval_text,
    part_word,
    word_for,
)
from nnlab.charts.colours import COLOURS, DASHES, FAINT, HAIR, INK, SERIES, SOFT, TRAIN, VALIDATION, ramp, themed
from nnlab.charts.end_names import end_names, names_width
from nnlab.charts.marks import (
    dots,
    either,
    epoch_tip,
    expression,
    named_points,
    of_kind,
    text,
    tip,
    where,
)
from nnlab.datasets import PARTS


def scores(table: pd.DataFrame, part: str, kind: str) -> pd.DataFrame:
    """The scores of one part from a comparison's table: `score`, `low`, `high` (95 % interval), `parameters`."""
    columns = {f"{part}_{kind}": "score", f"{part}_{kind}_low": "low", f"{part}_{kind}_high": "high"}
    return table[list(columns)].astype(float).rename(columns=columns).assign(parameters=table["parameters"])


def capacity_rows(table: pd.DataFrame, knob: str, kind: str = "accuracy") -> pd.DataFrame:
    """A comparison's table (one row a value) as one row a value and part: `value` (text), `part`, `seeds` and the
    columns of `scores`."""
    own = {"value": table[knob].astype(str), "seeds": table["seeds"]}
    frames = [scores(table, part, kind).assign(part=part, **own) for part in PARTS]
    return pd.concat(frames).dropna(subset="score", ignore_index=True)


@cache
def capacity(
    values: tuple[str, ...],
    knob: str = "depth",
    *,
    kind: str = "accuracy",
    ordered: bool = True,
    test: bool = True,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """The score by the setting's value: training, validation and test with 95 % intervals. Rows: `capacity_rows`.

    The axis is complete before the first result arrives. `ordered`: numbers, as lines with bands; names (activations,
    optimizers) are points with intervals, side by side. `test`: only an opened test part is in the legend.
    """
    parts = list(PARTS if test else PARTS[:2])
    shapes = ["circle", "square", "diamond"][: len(parts)]
    legend = alt.Legend(orient="top", title=None, labelExpr=part_word("label", labels), symbolSize=70, symbolOpacity=1)
    colour = alt.Color("part:N", scale=alt.Scale(domain=parts, range=[COLOURS[part] for part in parts]), legend=legend)
    tooltip = [
        tip("value", knob),
        tip("part_word", labels("part")),
        tip("score", labels(kind), FORMATS[kind]),
        tip("interval", labels("95 % interval")),
        tip("parameters", labels("parameters"), ",d"),
        tip("seeds", labels("seeds"), ",d"),
    ]
    worded = alt.Chart().transform_calculate(part_word=part_word("part", labels), interval=interval_text(kind))
    shape = alt.Shape("part:N", scale=alt.Scale(domain=parts, range=shapes), legend=legend)
    points = dots(worded, 80, opacity=1).encode(y="score:Q", color=colour, shape=shape, tooltip=tooltip)
    most = 1 if kind == "accuracy" else "Infinity"  # the axis of accuracies ends at 0 and 100 %, not the interval
    known = where("isValid(datum.low)").transform_calculate(bottom="max(0, datum.low)", top=f"min({most}, datum.high)")
    interval: dict[str, Any] = {"y": "bottom:Q", "y2": "top", "color": colour}
    if ordered:
        lines = [
            where(f"datum.part === '{part}'")
            .mark_line(strokeWidth=2.5, strokeDash=DASHES[part])
            .encode(y="score:Q", color=colour)
            for part in PARTS
        ]
        band = known.transform_filter("datum.part !== 'test'").mark_area(opacity=0.16)
        bars = known.transform_filter("datum.part === 'test'").mark_rule(strokeWidth=1.5, opacity=0.8)
        layers = [band.encode(**interval), *lines, bars.encode(**interval), points]
        padding: dict[str, Any] = {"padding": 0.35}
    else:
        shift = alt.XOffset("part:N", scale=alt.Scale(domain=parts))
        bars = known.mark_rule(strokeWidth=2.2, opacity=0.75)
        layers = [bars.encode(**interval, xOffset=shift), points.encode(xOffset=shift)]
        padding = {"paddingInner": 0.5, "paddingOuter": 0.25}
    scale = alt.Scale(domain=list(values), **padding)
    x = alt.X("value:O", scale=scale, axis=axis(title=knob, labelAngle=0, domain=True, grid=False))
    return finish(alt.layer(*layers).encode(x=x, y=number_y(kind, labels(kind))), labels, height, right=16)


@cache
def compare_curves(
    values: tuple[str, ...],
    knob: str = "depth",
    metric: str = "loss",
    *,
    part: str = "validation",
    kind: str = "accuracy",
    ordered: bool = True,
    log: bool = False,
    epochs: int | None = None,
    facet: bool = False,
    band: bool = True,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """Curves by value with a band over the seeds: ordered values from light to dark, names in colours.

    Rows: `place` (0, 1, ... by value), `epoch`, `<part>_<metric>`, `_low`, `_high`. At most seven curves are strong
    and have their names at their ends (long names: in a legend); the others are faint. `facet`: one of several side by
    side, with the names in `curves_key`; rows of place -1 extend its axis, so that all axes have the same end.
    """
    kind = "loss" if metric == "loss" else kind
    strong, colours = _strong(len(values), ordered), _colours(len(values), ordered)
    names = [values[place] for place in strong]
    width = "" if facet else names_width(names)
    legend = line_legend(values, title=knob, titleOrient="left", columns=_columns(names), values=strong)
    colour = number_colour("place:N", colours, None if facet or width else legend)
    field, title = f"{part}_{metric}", f"{labels(kind)}, {labels(part)}"
    positive = f" && datum.{field}_low > 0" if log else ""
    rows = where(f"datum.place >= 0 && isFinite(datum.{field}_high){positive}")
    strong_rows = rows.transform_filter(_is_one(strong))
    tooltip = [
        tip("name", knob),
        epoch_tip(labels),
        tip(field, title, FORMATS[kind]),
        tip(f"{field}_low", labels("minimum over seeds"), FORMATS[kind]),
        tip(f"{field}_high", labels("maximum over seeds"), FORMATS[kind]),
    ]
    layers = [
        strong_rows.mark_line(strokeWidth=2.4, strokeDash=DASHES[part]).encode(y=f"{field}:Q", color=colour),
        named_points(rows, word_for("place", values), field, colour, tooltip),
    ]
    if len(strong) < len(values):
        faint = rows.transform_filter(f"!({_is_one(strong)})").mark_line(strokeWidth=1.2, opacity=0.3)
        layers.insert(0, faint.encode(y=f"{field}:Q", color=colour))
    if band:
        area = strong_rows.mark_area(opacity=0.12)
        layers.insert(0, area.encode(y=f"{field}_low:Q", y2=f"{field}_high", color=colour))
    if facet:
        layers.append(where(f"datum.place < 0{positive}").mark_point(opacity=0).encode(y=f"{field}:Q"))
    if width:
        layers += end_names(strong_rows, "place", field, word_for("place", values), width, colour, len(strong))
    y = number_y(kind, None if facet else title, zero=kind != "accuracy", log=log, labels=labels)
    chart = alt.layer(*layers).encode(x=epochs_axis(epochs, labels, width), y=y)
    return finish(chart, labels, height, right=8 if width else 16)


@cache
def curves_key(values: tuple[str, ...], knob: str = "depth", *, ordered: bool = True, labels: Labels = ENGLISH) -> Spec:
    """The legend of several `compare_curves` side by side. Rows: `place`, one row a value."""
    strong, colours = _strong(len(values), ordered), _colours(len(values), ordered)
    rows = where(_is_one(strong)).transform_calculate(name=word_for("place", values))
    lines = rows.mark_tick(orient="horizontal", thickness=3, width=22, xOffset=-26)
    title = where("datum.place === 0").mark_text(align="left", color=FAINT, fontSize=12, text=knob)
    chart = alt.layer(
        lines.encode(color=number_colour("place:N", colours)),
        text(rows, "name", align="left", xOffset=-10),
        title.encode(x=alt.value(0)),
    ).encode(x=alt.X("place:O", axis=None, scale=alt.Scale(domain=[-1, *strong], padding=0)))
    return finish(chart, labels, 20)


def _strong(n: int, ordered: bool) -> list[int]:
    """The places of at most seven of n curves: of ordered ones evenly spaced, else the first."""
    return evenly_spaced(n, len(SERIES)) if ordered else list(range(min(n, len(SERIES))))


def _colours(n: int, ordered: bool) -> list[Any]:
    """A colour for each of n curves; names beyond the seventh are grey."""
    return ramp(n) if ordered else [*SERIES, *[SERIES[-1]] * n][:n]


def _columns(names: Sequence[str]) -> int:
    """Columns of a legend that has room for its names."""
    return max(1, 60 // max(map(len, names), default=1))


def _is_one(places: Sequence[int]) -> str:
    """The expression for a row of one of these curves."""
    return f"indexof({list(places)}, datum.place) >= 0"


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


def grid_shape(values: int, by_values: int) -> tuple[int, int]:
    """(columns, rows) of the matrix: the first setting across, the second down; of one setting, row by row."""
    if by_values:
        return values, by_values
    across = min(values, ACROSS)
    return across, math.ceil(values / across)


def matrix_rows(columns: int, cells: pd.DataFrame, curves: Sequence[NDArray[Any]]) -> pd.DataFrame:
    """The rows of `matrix`: its cells, row by row, and a curve (n, 2) of epoch and loss for each.

    `cells` have a `name`, a `state` (the id), the state as a `sign` and as a `word` in the visitor's language, a
    `score` as text and a `progress` from 0 to 1."""
    place = np.arange(len(cells))
    cells = cells.assign(kind="cell", place=place, x=place % columns, y=place // columns)
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
    shown, x_axis, y_axis = f"{wide} > 46 ? datum.name : datum.sign", None, None
    if by_values:
        shown = f"datum.sign + ({wide} > 46 ? ' ' + datum.score : '')"
        limit = expression(f"width / {columns} - 4")
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
        shown=shown,
    )
    tooltip = [
        tip("name", f"{knob} · {by}" if by else knob),
        tip("word", labels("state")),
        tip("score", labels("validation") if validation else labels("training")),
        tip("progress", " ", ".0%"),
    ]
    states = alt.Color("state:N", scale=alt.Scale(domain=list(_STATES), range=list(_STATES.values())), legend=None)
    chosen = alt.selection_point(name="cell", fields=["place"], on="click", empty=False)
    box: dict[str, Any] = {"x": "left:Q", "y": "top:Q", "y2": "bottom"}
    sparks = of_kind("point").mark_line(color=VALIDATION if validation else TRAIN, strokeWidth=1.4)
    frames = cells.mark_rect(cornerRadius=4, fillOpacity=0, fill=INK, strokeWidth=2, cursor="pointer")
    chart = alt.layer(
        cells.mark_rect(cornerRadius=4, color=SOFT).encode(**box, x2="right"),
        cells.mark_rect(cornerRadius=4).encode(**box, x2="filled", color=states),
        sparks.encode(x="x:Q", y="y:Q", detail="place:N", order="x:Q"),
        text(cells, "shown", fontSize=11, limit=expression(f"0.88 * {wide}")).encode(x="middle:Q", y="head:Q"),
        frames.encode(**box, x2="right", tooltip=tooltip, stroke=either(chosen, INK, "transparent")).add_params(chosen),
    ).encode(
        x=alt.X(scale=alt.Scale(domain=[0, columns], nice=False), axis=x_axis),
        y=alt.Y(scale=alt.Scale(domain=[rows, 0], nice=False), axis=y_axis),
    )
    return finish(chart, labels, height, canvas=True)


def _names_axis(names: Sequence[str], title: str, band: str, **more: Any) -> alt.Axis:
    """Cells are counted: each name is in the middle between two numbers."""
    look: dict[str, Any] = {"labelOverlap": False, "labelAngle": 0, "grid": False, "ticks": False, "domain": False}
    look |= {"tickCount": len(names), "tickMinStep": 1, "labelOffset": expression(f"{band} / 2")}
    return axis(title=title, labelExpr=word_for("value", names), **look, **more)


def heatmap_rows(
    table: pd.DataFrame,
    values: Sequence[str],
    by_values: Sequence[str],
    part: str = "validation",
    kind: str = "accuracy",
) -> pd.DataFrame:
    """A comparison's table (by the second setting, then by the first) as one row a cell: `value`, `by` and the columns
    of `scores`. In the visitor's language the page adds `verdict`, `mark` and `difference`."""
    by = [name for name in by_values for _ in values]
    return scores(table, part, kind).assign(value=[*values] * len(by_values), by=by)


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
    name, is_share = f"{labels(kind)}, {labels(part)}", kind == "accuracy"
    number = "format(100 * datum.score, '.1f')" if is_share else "format(datum.score, '.2~g')"
    cells = alt.Chart().transform_calculate(
        interval=interval_text(kind),
        text=f"(isValid(datum.score) ? {number} : '') + (datum.mark ? ' ' + datum.mark : '')",
    )
    known, best = cells.transform_filter("isValid(datum.score)"), cells.transform_filter("datum.mark === '★'")
    finite = "isFinite(datum.value) ? datum.label : ''"
    legend = gradient_legend(name, gradientThickness=10, format=".1~%" if is_share else ".2~g", labelExpr=finite)
    colours = ramp(5) if is_share else ramp(5)[::-1]
    scale = alt.Scale(range=colours, zero=False, nice=False, interpolate="rgb")
    tooltip = [
        tip("value", knob),
        tip("by", by),
        tip("score", name, FORMATS[kind]),
        tip("interval", labels("95 % interval")),
        tip("difference", labels("difference")),
        tip("parameters", labels("parameters"), ",d"),
        tip("verdict", labels("verdict")),
    ]
    ink = expression("luminance(scale('color', datum.score)) > 0.3 ? '#12202c' : '#ffffff'")
    fits = expression("bandwidth('x') > 34 && bandwidth('y') > 15 ? 1 : 0")
    look = {"grid": False, "domain": False, "ticks": False}
    x_scale = alt.Scale(domain=list(values), paddingInner=0.04, paddingOuter=0)
    y_scale = alt.Scale(domain=list(by_values), paddingInner=0.05, paddingOuter=0)
    chart = alt.layer(
        cells.mark_rect(fill=None, stroke=HAIR, strokeWidth=1),
        known.mark_rect(cornerRadius=3).encode(color=alt.Color("score:Q", scale=scale, legend=legend), tooltip=tooltip),
        best.mark_rect(cornerRadius=3, fill=None, stroke=INK, strokeWidth=2.5),
        text(known, "text", fontWeight=600, color=ink, opacity=fits),
    ).encode(
        x=alt.X("value:O", scale=x_scale, axis=axis(title=knob, labelAngle=0, **look)),
        y=alt.Y("by:O", scale=y_scale, axis=axis(title=by, minExtent=42, **look)),
    )
    return finish(chart, labels, height, canvas=True)
