"""The network as a drawing: layers from left to right, a line a weight."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from nnlab.charts.axes import gradient_legend, no_axes
from nnlab.charts.base import ENGLISH, Labels, Spec, finish
from nnlab.charts.colours import CHOSEN, FAINT, INK, SOFT, diverging
from nnlab.charts.marks import either, expression, of_kind, text, tip, where
from nnlab.spec import Experiment
from nnlab.spec.layer_table import layer_table

MOST_UNITS = 8
"""Places in a column; a larger layer shows its first five units, dots, and its last two."""
MOST_LAYERS = 11
"""Columns of a network; a deeper one shows its first six layers, dots, and its last four."""

_TEXTS = ["text", "detail", "source", "target"]
_COLUMNS = ["kind", "layer", "unit", "x", "y", "x2", "y2", "value", *_TEXTS]
_CAPTION_Y, _SKIP_Y = 0.64, -0.56


class _Column(NamedTuple):
    """A layer as it is drawn; its units from top to bottom with their y, None for the dots in place of those left
    out."""

    layer: int
    x: float
    name: str
    places: list[tuple[int | None, float]]


def network_rows(
    experiment: Experiment,
    weights: Mapping[str, Any] | None = None,
    seed_index: int = 0,
    *,
    limit: float | None = None,
    feature_names: Sequence[str] = (),
    class_names: Sequence[str] = (),
    labels: Labels = ENGLISH,
) -> pd.DataFrame:
    """Nodes, edges and captions of a network, in one data frame.

    `kind`: "edge", "skip", "node" (a unit, or with `unit` -1 the dots of a condensed layer), "name", "layer" (the
    caption, `unit` -1) or "dots" (layers that are left out). `layer` counts from 0, the input. `x` in 0..1, `y` in
    about -0.5..0.5 (down). Edges have `value` (weight) and `share` (its size as part of the limit), nodes `value`
    (bias). `frozen`: belongs to a layer that is not trained.

    `weights` are stacked (seeds, ...); without them all lines are alike. `limit`: the weight for which a line is
    widest, by default the largest one that is drawn. The names are written beside the inputs and the outputs if there
    is one for each.
    """
    widths, last = [experiment.data.inputs, *(layer.width for layer in experiment.layers)], len(experiment.layers)
    numbers = _condense(len(widths), MOST_LAYERS, 6, 4)
    columns = _columns(numbers, widths, labels)
    arrays = {} if weights is None else {name: np.asarray(values)[seed_index] for name, values in weights.items()}
    rows: list[dict[str, Any]] = []
    for layer, column in columns.items():
        if before := columns.get(layer - 1):
            rows += _edges(before, column, arrays.get(f"{layer - 1}.weight"))
            if experiment.layers[layer - 1].residual:
                rows.append({"kind": "skip", "x": before.x, "x2": column.x, "y": _SKIP_Y, "y2": _SKIP_Y})
    table = layer_table(experiment)
    for layer, column in columns.items():
        names = {0: feature_names, last: class_names}.get(layer, ())
        rows += _nodes(column, arrays.get(f"{layer - 1}.bias"), names if len(names) == widths[layer] else ())
        parts = table[layer].kind.split(" → ")
        caption = {
            "text": labels("input") if layer == 0 else " → ".join(parts[1:] or parts),
            "detail": f"{widths[layer]:d}" + " 🔒" * table[layer].frozen,
            "target": labels("output") if 0 < layer == last else column.name,
        }
        rows.append({"kind": "layer", "layer": layer, "unit": -1, "x": column.x, "y": _CAPTION_Y, **caption})
    if None in numbers:
        x, left_out = numbers.index(None) / (len(numbers) - 1), len(widths) - len(columns)
        rows.append({"kind": "dots", "x": x, "y": 0.0, "text": "⋯", "detail": f"+{left_out}"})
    frame = pd.DataFrame(rows, columns=_COLUMNS).fillna({"layer": -1, "unit": -1, **dict.fromkeys(_TEXTS, "")})
    frame = frame.astype({"layer": int, "unit": int, **dict.fromkeys(("x2", "y2", "value"), float)})
    sizes = frame["value"].where(frame["kind"] == "edge").abs()
    frozen = [i for i, layer in enumerate(experiment.layers, 1) if layer.frozen]
    return frame.assign(
        share=(sizes / (limit or sizes.max() or 1.0)).clip(upper=1.0),
        columns=len(numbers),
        frozen=frame["layer"].isin(frozen),
    )


@cache
def network(
    limit: float | None = None, *, selectable: bool = False, labels: Labels = ENGLISH, height: int = 320
) -> Spec:
    """The network drawn. Rows: `network_rows`.

    `limit`: with weights, the end of the colour scale, which is symmetric about zero (see `nice_limit`). `selectable`
    adds the selection "node" (fields `layer`, `unit`; unit -1 is the whole layer) for `on_select="rerun"`.
    """
    chosen = alt.selection_point(name="node", fields=["layer", "unit"], on="click", empty=False)

    def marked(yes: Any, no: Any) -> Any:
        """One value for what is selected, another one for the rest."""
        return either(chosen, yes, no) if selectable else alt.value(no)

    is_layer = "datum.kind === 'layer'"
    nodes = where(f"datum.kind === 'node' || {is_layer}") if selectable else of_kind("node")
    nodes = nodes.mark_point(shape="circle", filled=True, fill=SOFT).encode(
        size=either(is_layer, 1600, 230),  # an invisible circle: a click on a caption is on its layer
        opacity=either(is_layer, 0, 1),
        strokeDash=_dashed_if_frozen(3, 2),
        stroke=marked(CHOSEN, FAINT),
        strokeWidth=marked(3.5, 1.2),
        tooltip=[tip("target", labels("unit")), *([] if limit is None else [tip("value", labels("bias"), ".3~r")])],
    )
    if selectable:
        nodes = nodes.add_params(chosen).properties(name="nodes")
    skip, name, caption, dots = of_kind("skip"), of_kind("name"), of_kind("layer"), of_kind("dots")
    room = {
        "limit": expression("0.9 * width / datum.columns"),
        "opacity": expression("width / datum.columns < 54 ? 0 : 1"),
    }
    chart = alt.layer(
        _lines(limit, labels).encode(x2="x2", y2="y2", strokeDash=_dashed_if_frozen(5, 4)),
        skip.mark_rule(color=FAINT, strokeDash=[4, 3], strokeWidth=1.4).encode(x2="x2"),
        skip.mark_text(text="+", dy=-1, color=FAINT, fontSize=15, fontWeight=600).encode(x="x2:Q"),
        nodes,
        text(of_kind("node").transform_filter("datum.unit < 0"), "text", fontSize=15),
        text(name.transform_filter("datum.layer === 0"), "text", align="right", dx=-13, limit=70),
        text(name.transform_filter("datum.layer > 0"), "text", align="left", dx=13, limit=70),
        text(caption, "detail", fontWeight=600).encode(color=marked(CHOSEN, INK)),
        text(caption, "text", color=FAINT, dy=16, **room),
        text(dots, "text", fontSize=22),
        text(dots, "detail", color=FAINT, dy=18),
    ).encode(**no_axes(-0.62, 0.78))
    return finish(chart, labels, height, padding=(20, 4, 20, 0), canvas=limit is not None)


def _lines(limit: float | None, labels: Labels) -> Any:
    edges = of_kind("edge")
    if limit is None:
        return edges.mark_rule(color=FAINT, strokeWidth=0.8, opacity=0.4)
    width, opacity = (alt.Scale(domain=[0, 1], range=list(ends)) for ends in ((0.4, 4.5), (0.25, 1)))
    weight = labels("weight")
    return edges.mark_rule(strokeCap="round").encode(
        color=alt.Color("value:Q", scale=diverging(limit), legend=gradient_legend(weight)),
        strokeWidth=alt.StrokeWidth("share:Q", scale=width, legend=None),
        opacity=alt.Opacity("share:Q", scale=opacity, legend=None),
        tooltip=[tip("source", labels("from")), tip("target", labels("to")), tip("value", weight, ".3~r")],
    )


def _dashed_if_frozen(on: int, off: int) -> Any:
    return either("datum.frozen", [on, off], [1, 0])


def _condense(n: int, most: int, first: int, last: int) -> list[int | None]:
    """0 to n-1, or the first and the last of them with None between."""
    return list(range(n)) if n <= most else [*range(first), None, *range(n - last, n)]


def _columns(numbers: list[int | None], widths: Sequence[int], labels: Labels) -> dict[int, _Column]:
    units = {layer: _condense(widths[layer], MOST_UNITS, 5, 2) for layer in numbers if layer is not None}
    tallest = max(4, *map(len, units.values()))
    columns = {}
    for layer, shown in units.items():
        x = numbers.index(layer) / (len(numbers) - 1)
        name = f"{labels('layer')} {layer}" if layer else labels("input")
        places = [(unit, (i - (len(shown) - 1) / 2) / tallest) for i, unit in enumerate(shown)]
        columns[layer] = _Column(layer, x, name, places)
    return columns


def _edges(left: _Column, right: _Column, matrix: Any) -> list[dict[str, Any]]:
    return [
        {
            "kind": "edge",
            "layer": right.layer,
            "unit": into,
            "x": left.x,
            "y": y,
            "x2": right.x,
            "y2": y2,
            "value": np.nan if matrix is None else float(matrix[out, into]),
            "source": f"{left.name} · {out + 1}",
            "target": f"{right.name} · {into + 1}",
        }
        for (out, y), (into, y2) in product(left.places, right.places)
        if out is not None and into is not None
    ]


def _nodes(column: _Column, bias: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for unit, y in column.places:
        node = {"kind": "node", "layer": column.layer, "x": column.x, "y": y}
        if unit is None:
            rows.append(node | {"unit": -1, "text": "⋮", "target": column.name})
            continue
        value = np.nan if bias is None else float(bias[unit])
        rows.append(node | {"unit": unit, "value": value, "target": f"{column.name} · {unit + 1}"})
        if names:
            rows.append(node | {"kind": "name", "unit": unit, "text": names[unit]})
    return rows
