"""The network as a drawing: layers from left to right, a line a weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from nnlab.charts.axes import gradient_legend, no_axis
from nnlab.charts.base import Spec, finish
from nnlab.charts.colours import CHOSEN, FAINT, INK, SOFT, diverging
from nnlab.charts.labels import ENGLISH, Labels
from nnlab.charts.marks import either, of_kind, text, tip, where
from nnlab.spec import Experiment
from nnlab.spec.layer_table import layer_table

MOST_UNITS = 8
"""Places in a column; a larger layer shows its first five units, dots, and its last two."""
MOST_LAYERS = 11
"""Columns of a network; a deeper one shows its first six layers, dots, and its last four."""

_NUMBERS = ["x", "y", "x2", "y2", "value", "share"]
_TEXTS = ["text", "detail", "source", "target"]
_COLUMNS = ["kind", "layer", "unit", *_NUMBERS, *_TEXTS, "columns", "frozen"]
_CAPTION_Y, _SKIP_Y = 0.64, -0.56


@dataclass(frozen=True)
class _Column:
    """A layer as it is drawn; its units from top to bottom, None for the dots in place of those left out."""

    layer: int
    x: float
    name: str
    units: list[int | None]
    room: int
    """Places in the tallest column."""

    def places(self) -> list[tuple[int | None, float]]:
        """The units with their heights."""
        return [(unit, (i - (len(self.units) - 1) / 2) / self.room) for i, unit in enumerate(self.units)]

    def unit_places(self) -> list[tuple[int, float]]:
        """The same without the dots."""
        return [(unit, y) for unit, y in self.places() if unit is not None]


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

    Parameters
    ----------
    weights : mapping, optional
        Stacked arrays as everywhere (seeds, ...). Without them all lines are alike.
    limit : float, optional
        The weight for which a line is widest; by default the largest weight that is drawn.
    feature_names, class_names : optional
        Written beside the inputs and the outputs if there is one for each.

    Returns
    -------
    DataFrame
        `kind`: "edge", "skip", "node" (a unit, or with `unit` -1 the dots of a condensed layer), "name", "layer" (the
        caption, `unit` -1) or "dots" (layers that are left out). `layer` counts from 0, the input. `x` in 0..1, `y` in
        about -0.5..0.5 (down). Edges have `value` (weight) and `share` (its size as part of the limit), nodes `value`
        (bias). `frozen`: belongs to a layer that is not trained.
    """
    widths = [experiment.data.inputs, *(layer.width for layer in experiment.layers)]
    numbers = _condense(len(widths), MOST_LAYERS, 6, 4)
    columns = _columns(numbers, widths, labels)
    rows: list[dict[str, Any]] = []
    for layer, column in columns.items():
        if before := columns.get(layer - 1):
            rows += _edges(before, column, _array(weights, f"{layer - 1}.weight", seed_index))
            if experiment.layers[layer - 1].residual:
                rows.append({"kind": "skip", "x": before.x, "x2": column.x, "y": _SKIP_Y, "y2": _SKIP_Y})
    table, last = layer_table(experiment), len(widths) - 1
    for layer, column in columns.items():
        bias = _array(weights, f"{layer - 1}.bias", seed_index) if layer else None
        names = {0: feature_names, last: class_names}.get(layer, ())
        rows += _nodes(column, bias, names if len(names) == widths[layer] else ())
        parts = table[layer].kind.split(" → ")
        caption = {
            "text": labels("input") if layer == 0 else " → ".join(parts[1:] or parts),
            "detail": f"{widths[layer]:d}" + " 🔒" * table[layer].frozen,
            "target": labels("output") if 0 < layer == last else column.name,
        }
        rows.append({"kind": "layer", "layer": layer, "unit": -1, "x": column.x, "y": _CAPTION_Y, **caption})
    if None in numbers:
        x, left_out = _place(numbers.index(None), len(numbers)), len(widths) - len(columns)
        rows.append({"kind": "dots", "x": x, "y": 0.0, "text": "⋯", "detail": f"+{left_out}"})
    frame = pd.DataFrame(rows, columns=_COLUMNS).fillna(dict.fromkeys(_TEXTS, ""))
    sizes = frame["value"].where(frame["kind"] == "edge").abs()
    widest = sizes.max() if limit is None else limit
    frame["share"] = (sizes / widest if widest and np.isfinite(widest) else sizes).clip(upper=1.0)
    frame["columns"] = len(numbers)
    frame["frozen"] = frame["layer"].isin([i for i, layer in enumerate(experiment.layers, 1) if layer.frozen])
    frame[["layer", "unit"]] = frame[["layer", "unit"]].fillna(-1).astype(int)
    frame[_NUMBERS] = frame[_NUMBERS].astype(float)
    return frame


@cache
def network(
    limit: float | None = None, *, selectable: bool = False, labels: Labels = ENGLISH, height: int = 320
) -> Spec:
    """The network drawn. Rows: `network_rows`.

    Parameters
    ----------
    limit : float, optional
        With weights: the end of the colour scale, which is symmetric about zero (see `nice_limit`).
    selectable : bool
        Adds the selection "node" (fields `layer`, `unit`; unit -1 is the whole layer) for `on_select="rerun"`.
    """
    chosen = alt.selection_point(name="node", fields=["layer", "unit"], on="click", empty=False)
    nodes = where("datum.kind === 'node' || datum.kind === 'layer'") if selectable else of_kind("node")
    nodes = nodes.mark_point(shape="circle", filled=True, fill=SOFT).encode(
        size=either("datum.kind === 'layer'", 1600, 230),  # an invisible circle: a click on a caption is on its layer
        opacity=either("datum.kind === 'layer'", 0, 1),
        strokeDash=_dashed_if_frozen(3, 2),
        stroke=either(chosen, CHOSEN, FAINT) if selectable else alt.value(FAINT),
        strokeWidth=either(chosen, 3.5, 1.2) if selectable else alt.value(1.2),
        tooltip=[tip("target", labels("unit")), *([tip("value", labels("bias"), ".3~r")] if limit is not None else [])],
    )
    if selectable:
        nodes = nodes.add_params(chosen).properties(name="nodes")
    skip, name, caption, dots = of_kind("skip"), of_kind("name"), of_kind("layer"), of_kind("dots")
    narrow = {
        "limit": alt.ExprRef(expr="0.9 * width / datum.columns"),
        "opacity": alt.ExprRef(expr="width / datum.columns < 54 ? 0 : 1"),
    }
    chart = alt.layer(
        _lines(limit, labels).encode(x2="x2", y2="y2", strokeDash=_dashed_if_frozen(5, 4)),
        skip.mark_rule(color=FAINT, strokeDash=[4, 3], strokeWidth=1.4).encode(x2="x2"),
        skip.mark_text(text="+", dy=-1, color=FAINT, fontSize=15, fontWeight=600).encode(x="x2:Q"),
        nodes,
        text(of_kind("node").transform_filter("datum.unit < 0"), "text", fontSize=15),
        text(name.transform_filter("datum.layer === 0"), "text", align="right", dx=-13, limit=70),
        text(name.transform_filter("datum.layer > 0"), "text", align="left", dx=13, limit=70),
        text(caption, "detail", fontWeight=600).encode(
            color=either(chosen, CHOSEN, INK) if selectable else alt.value(INK)
        ),
        text(caption, "text", color=FAINT, dy=16, **narrow),
        text(dots, "text", fontSize=22),
        text(dots, "detail", color=FAINT, dy=18),
    ).encode(**no_axis((-0.06, 1.06), (0.78, -0.62)))
    return finish(chart, labels, height, padding=(20, 4, 20, 0))


# -- parts -------------------------------------------------------------------------------------------------------------


def _lines(limit: float | None, labels: Labels) -> Any:
    if limit is None:
        return of_kind("edge").mark_rule(color=FAINT, strokeWidth=0.8, opacity=0.4)
    width, opacity = (alt.Scale(domain=[0, 1], range=list(ends)) for ends in ((0.4, 4.5), (0.25, 1)))
    return (
        of_kind("edge")
        .mark_rule(strokeCap="round")
        .encode(
            color=alt.Color("value:Q", scale=diverging(limit), legend=gradient_legend(labels("weight"))),
            strokeWidth=alt.StrokeWidth("share:Q", scale=width, legend=None),
            opacity=alt.Opacity("share:Q", scale=opacity, legend=None),
            tooltip=[
                tip("source", labels("from")),
                tip("target", labels("to")),
                tip("value", labels("weight"), ".3~r"),
            ],
        )
    )


def _dashed_if_frozen(on: int, off: int) -> Any:
    return either("datum.frozen", [on, off], [1, 0])


def _condense(n: int, most: int, first: int, last: int) -> list[int | None]:
    """0 to n-1, or the first and the last of them with None between."""
    return list(range(n)) if n <= most else [*range(first), None, *range(n - last, n)]


def _place(i: int, n: int) -> float:
    return 0.5 if n == 1 else i / (n - 1)


def _columns(numbers: list[int | None], widths: Sequence[int], labels: Labels) -> dict[int, _Column]:
    units = {layer: _condense(widths[layer], MOST_UNITS, 5, 2) for layer in numbers if layer is not None}
    room = max(4, *map(len, units.values()))
    return {
        layer: _Column(
            layer,
            _place(i, len(numbers)),
            f"{labels('layer')} {layer}" if layer else labels("input"),
            units[layer],
            room,
        )
        for i, layer in enumerate(numbers)
        if layer is not None
    }


def _array(weights: Mapping[str, Any] | None, name: str, seed_index: int) -> Any:
    return None if weights is None else np.asarray(weights[name])[seed_index]


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
        for out, y in left.unit_places()
        for into, y2 in right.unit_places()
    ]


def _nodes(column: _Column, bias: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for unit, y in column.places():
        node = {"kind": "node", "layer": column.layer, "x": column.x, "y": y}
        if unit is None:
            rows.append(node | {"unit": -1, "text": "⋮", "target": column.name})
            continue
        value = np.nan if bias is None else float(bias[unit])
        rows.append(node | {"unit": unit, "value": value, "target": f"{column.name} · {unit + 1}"})
        if names:
            rows.append(node | {"kind": "name", "unit": unit, "text": names[unit]})
    return rows
