"""The network drawn as a network: layers from left to right, a line a weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.base import ENGLISH, FAINT, INK, SOFT, Labels, Spec, diverging, finish, themed
from nnlab.spec import Experiment
from nnlab.spec.layer_table import layer_table

MOST_UNITS = 8
"""Slots a layer has; a larger layer shows its first five units, dots, and its last two."""
MOST_LAYERS = 11
"""Columns of a network; a deeper one shows its first six layers, dots, and its last four."""

_COLUMNS = [
    *("kind", "layer", "unit", "x", "y", "x2", "y2", "value", "share", "text", "detail", "source", "target", "columns"),
    "frozen",
]
_CAPTION_Y, _SKIP_Y = 0.64, -0.56


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
    """Nodes, edges and captions of a network, in one set of rows.

    Parameters
    ----------
    weights : mapping, optional
        Stacked arrays as everywhere (seeds, ...). Without them the lines are all alike.
    limit : float, optional
        The size of weight at which a line is widest; the largest weight drawn where it is left out.
    feature_names, class_names : optional
        Written beside the inputs and the outputs where there is room for each.

    Returns
    -------
    DataFrame
        `kind`: "edge", "skip", "node" (a unit, or with `unit` -1 the dots of a condensed layer), "name", "layer" (the
        caption, `unit` -1) or "dots" (left out layers). `layer` counts from 0, the input. `x` in 0..1, `y` in about
        -0.5..0.5 (down). Edges have `value` (weight) and `share` (its size as part of the limit), nodes `value` (bias).
        `frozen`: what belongs to a layer that is not trained.
    """
    widths = [experiment.data.inputs, *(layer.width for layer in experiment.layers)]
    columns = _condense(len(widths), MOST_LAYERS, 6, 4)
    places = {layer: _place(i, len(columns)) for i, layer in enumerate(columns) if layer is not None}
    slots = {layer: _condense(widths[layer], MOST_UNITS, 5, 2) for layer in places}
    room = max(4, *(len(shown) for shown in slots.values()))
    heights = {layer: _heights(shown, room) for layer, shown in slots.items()}
    rows: list[dict[str, Any]] = []
    for layer in places:
        if layer - 1 in places:
            rows += _edges(layer, places, slots, heights, weights, seed_index, labels)
            if experiment.layers[layer - 1].residual:
                rows.append({"kind": "skip", "x": places[layer - 1], "x2": places[layer], "y": _SKIP_Y, "y2": _SKIP_Y})
    table = layer_table(experiment)
    for layer, x in places.items():
        biases = None if weights is None or layer == 0 else np.asarray(weights[f"{layer - 1}.bias"])[seed_index]
        names = {0: feature_names, len(widths) - 1: class_names}.get(layer, ())
        rows += _nodes(
            layer, x, slots[layer], heights[layer], biases, names if len(names) == widths[layer] else (), labels
        )
        parts = table[layer].kind.split(" → ")
        title = labels.input if layer == 0 else " → ".join(parts[1:] or parts)
        rows.append(
            {"kind": "layer", "layer": layer, "unit": -1, "x": x, "y": _CAPTION_Y, "text": title}
            | {
                "detail": f"{widths[layer]:d}" + " 🔒" * table[layer].frozen,
                "target": _layer_name(layer, len(widths), labels),
            }
        )
    if None in columns:
        left_out = len(widths) - len(places)
        x = _place(columns.index(None), len(columns))
        rows.append({"kind": "dots", "x": x, "y": 0.0, "text": "⋯", "detail": f"+{left_out}"})
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    sizes = frame["value"].where(frame["kind"] == "edge").abs()
    widest = sizes.max() if limit is None else limit
    frame["share"] = (sizes / widest if widest and np.isfinite(widest) else sizes).clip(upper=1.0)
    frame["columns"] = len(columns)
    still = {place for place, layer in enumerate(experiment.layers, 1) if layer.frozen}
    frame["frozen"] = frame["layer"].isin(still)
    frame[["layer", "unit"]] = frame[["layer", "unit"]].fillna(-1).astype(int)
    number = ["x", "y", "x2", "y2", "value", "share"]
    frame[number] = frame[number].astype(float)
    return frame.fillna({"text": "", "detail": "", "source": "", "target": ""})


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
    place: dict[str, Any] = {
        "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06], nice=False)),
        "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[0.78, -0.62], nice=False, zero=False)),
    }
    edges = _kind("edge")
    if limit is None:
        lines: Any = edges.mark_rule(color=FAINT, strokeWidth=0.8, opacity=0.4, tooltip=False)
    else:
        legend = alt.Legend(
            orient="top", title=labels.weight, gradientLength=140, gradientThickness=8, tickCount=3, titleOrient="left"
        )
        lines = edges.mark_rule(strokeCap="round").encode(
            color=alt.Color("value:Q", scale=diverging(limit), legend=legend),
            strokeWidth=alt.StrokeWidth("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.4, 4.5]), legend=None),
            opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1]), legend=None),
            tooltip=[
                alt.Tooltip("source:N", title=labels.source),
                alt.Tooltip("target:N", title=labels.target),
                alt.Tooltip("value:Q", title=labels.weight, format=".3~r"),
            ],
        )
    chosen = alt.selection_point(name="node", fields=["layer", "unit"], on="click", empty=False)
    violet = themed("#6440b0", "#b79cf0")
    nodes = (
        (_kind("node", "layer") if selectable else _kind("node"))  # a caption can be clicked too: it is the layer
        .mark_point(shape="circle", filled=True, fill=SOFT)
        .encode(
            size=alt.condition("datum.kind === 'layer'", alt.value(1600), alt.value(230)),
            opacity=alt.condition("datum.kind === 'layer'", alt.value(0), alt.value(1)),
            strokeDash=_dashed_where_frozen(3, 2),
            stroke=alt.condition(chosen, alt.value(violet), alt.value(FAINT)) if selectable else alt.value(FAINT),
            strokeWidth=alt.condition(chosen, alt.value(3.5), alt.value(1.2)) if selectable else alt.value(1.2),
            tooltip=[
                alt.Tooltip("target:N", title=labels.unit),
                *([alt.Tooltip("value:Q", title=labels.bias, format=".3~r")] if limit is not None else []),
            ],
        )
    )
    caption: Any = alt.value(INK)
    if selectable:
        nodes = nodes.add_params(chosen).properties(name="nodes")
        caption = alt.condition(chosen, alt.value(violet), alt.value(INK))
    skips = [
        _kind("skip").mark_rule(color=FAINT, strokeDash=[4, 3], strokeWidth=1.4, tooltip=False),
        _kind("skip")
        .mark_text(text="+", dx=0, dy=-1, align="center", color=FAINT, fontSize=15, fontWeight=600, tooltip=False)
        .encode(x="x2:Q"),
    ]
    wide = alt.ExprRef(expr="0.9 * width / datum.columns")
    fits = alt.ExprRef(expr="width / datum.columns < 54 ? 0 : 1")
    words: dict[str, Any] = {"color": INK, "tooltip": False, "fontSize": 12}
    texts = [
        _kind("node").transform_filter("datum.unit < 0").mark_text(**words | {"fontSize": 15}).encode(text="text:N"),
        _kind("name")
        .transform_filter("datum.layer === 0")
        .mark_text(**words, align="right", dx=-13, limit=70)
        .encode(text="text:N"),
        _kind("name")
        .transform_filter("datum.layer > 0")
        .mark_text(**words, align="left", dx=13, limit=70)
        .encode(text="text:N"),
        _kind("layer").mark_text(fontSize=12, fontWeight=600, tooltip=False).encode(text="detail:N", color=caption),
        _kind("layer")
        .mark_text(color=FAINT, fontSize=12, dy=16, limit=wide, opacity=fits, tooltip=False)
        .encode(text="text:N"),
        _kind("dots").mark_text(**words | {"fontSize": 22}).encode(text="text:N"),
        _kind("dots").mark_text(**words | {"color": FAINT}, dy=18).encode(text="detail:N"),
    ]
    lines = lines.encode(x2="x2", y2="y2", strokeDash=_dashed_where_frozen(5, 4))
    chart = alt.layer(lines, skips[0].encode(x2="x2"), skips[1], nodes, *texts).encode(**place)
    spec = finish(chart, labels, height=height)
    return {**spec, "padding": {"left": 20, "top": 4, "right": 20, "bottom": 0}}


# -- parts -------------------------------------------------------------------------------------------------------------


def _kind(*kinds: str) -> Any:
    return alt.Chart().transform_filter(" || ".join(f"datum.kind === '{kind}'" for kind in kinds))


def _dashed_where_frozen(on: int, off: int) -> Any:
    return alt.condition("datum.frozen", alt.value([on, off]), alt.value([1, 0]))


def _condense(n: int, most: int, first: int, last: int) -> list[int | None]:
    """0 to n-1, or the first and the last of them with None between."""
    return list(range(n)) if n <= most else [*range(first), None, *range(n - last, n)]


def _place(i: int, n: int) -> float:
    return 0.5 if n == 1 else i / (n - 1)


def _heights(slots: Sequence[int | None], room: int) -> list[float]:
    return [(i - (len(slots) - 1) / 2) / room for i in range(len(slots))]


def _layer_name(layer: int, layers: int, labels: Labels) -> str:
    if layer in (0, layers - 1):
        return labels.input if layer == 0 else labels.output
    return f"{labels.layer} {layer}"


def _edges(
    layer: int,
    places: Mapping[int, float],
    slots: Mapping[int, list[int | None]],
    heights: Mapping[int, list[float]],
    weights: Mapping[str, Any] | None,
    seed_index: int,
    labels: Labels,
) -> list[dict[str, Any]]:
    matrix = None if weights is None else np.asarray(weights[f"{layer - 1}.weight"])[seed_index]  # (in, out)
    return [
        {
            "kind": "edge",
            "layer": layer,
            "unit": into,
            "x": places[layer - 1],
            "y": y,
            "x2": places[layer],
            "y2": y2,
            "value": np.nan if matrix is None else float(matrix[out, into]),
            "source": f"{labels.input if layer == 1 else f'{labels.layer} {layer - 1}'} · {out + 1}",
            "target": f"{labels.layer} {layer} · {into + 1}",
        }
        for out, y in zip(slots[layer - 1], heights[layer - 1], strict=True)
        for into, y2 in zip(slots[layer], heights[layer], strict=True)
        if out is not None and into is not None
    ]


def _nodes(
    layer: int,
    x: float,
    slots: list[int | None],
    heights: list[float],
    biases: ArrayLike | None,
    names: Sequence[str],
    labels: Labels,
) -> list[dict[str, Any]]:
    where = labels.input if layer == 0 else f"{labels.layer} {layer}"
    given = None if biases is None else np.asarray(biases)
    rows: list[dict[str, Any]] = []
    for unit, y in zip(slots, heights, strict=True):
        shared = {"layer": layer, "x": x, "y": y}
        if unit is None:
            rows.append(shared | {"kind": "node", "unit": -1, "text": "⋮", "target": where})
            continue
        bias = np.nan if given is None else float(given[unit])
        rows.append(shared | {"kind": "node", "unit": unit, "value": bias, "target": f"{where} · {unit + 1}"})
        if names:
            rows.append(shared | {"kind": "name", "unit": unit, "text": names[unit]})
    return rows
