"""Data and what a network makes of it: points, decision surfaces, fitted lines, classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from nnlab.analysis import predictions
from nnlab.charts.axes import axis, number_axis, number_x
from nnlab.charts.base import HEIGHT, Spec, finish
from nnlab.charts.colours import CLASSES, COLOURS, FAINT, INK, PAPER
from nnlab.charts.labels import ENGLISH, Labels, part_word, word_for
from nnlab.charts.marks import number_colour, of_kind, tip
from nnlab.datasets import PARTS, Dataset

MAX_POINTS = 400
"""Of each part on a chart: more cannot be told apart."""
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left") * 2
_PART_COLOURS = alt.Scale(domain=list(PARTS), range=list(COLOURS.values()))


@dataclass(frozen=True)
class Plane:
    """What stays the same while a surface changes: the axes of data with two inputs, its cells and its classes."""

    x: tuple[float, float]
    y: tuple[float, float]
    cell: float
    names: tuple[str, str] = ("x₁", "x₂")
    classes: tuple[str, ...] = ("0", "1")

    @classmethod
    def of(cls, dataset: Dataset, size: int = 48) -> Plane:
        """The plane that `predictions.surface` fills."""
        across, up, cell = predictions.grid(dataset, size)
        x, y = ((float(centres[0] - cell / 2), float(centres[-1] + cell / 2)) for centres in (across, up))
        return cls(x, y, float(cell), (dataset.feature_names[0], dataset.feature_names[1]), tuple(dataset.class_names))


# -- rows --------------------------------------------------------------------------------------------------------------


def point_rows(dataset: Dataset, parts: Sequence[str] = PARTS, most: int = MAX_POINTS) -> pd.DataFrame:
    """The points of data with two inputs: `kind` ("point"), `x`, `y`, `label` (class number), `part`.

    At most `most` of each part, the first ones: parts are shuffled when they are made."""
    frames = []
    for name in parts:
        part = getattr(dataset, name)
        x = np.asarray(part.x[:most], np.float32)  # (n, 2)
        label = np.asarray(part.y[:most]).reshape(-1).astype(np.int64)
        frames.append(pd.DataFrame({"kind": "point", "x": x[:, 0], "y": x[:, 1], "label": label, "part": name}))
    return pd.concat(frames, ignore_index=True)


def surface_rows(cells: pd.DataFrame, points: pd.DataFrame | None = None, classes: int = 2) -> pd.DataFrame:
    """The rows of `surface`: the cells of `predictions.surface` and the points of `point_rows`.

    Columns: `kind` ("cell" or "point"), `x`, `y`, `label`, `value` (probability), `sure` (0: all classes are equally
    likely, 1: one is certain), `part`.
    """
    value = cells["value"].to_numpy(float)
    even = 1 / classes
    sure = np.abs(2 * value - 1) if classes == 2 else (value - even) / (1 - even)
    rows = pd.DataFrame(
        {
            "kind": "cell",
            "x": cells["x"].to_numpy(np.float32),
            "y": cells["y"].to_numpy(np.float32),
            "label": cells["label"].to_numpy(),
            "value": value.astype(np.float32),
            "sure": np.clip(sure, 0, 1).astype(np.float32),
            "part": "",
        }
    )
    return rows if points is None else pd.concat([rows, points], ignore_index=True)


def fit_rows(line: pd.DataFrame | None, dataset: Dataset, most: int = MAX_POINTS) -> pd.DataFrame:
    """The rows of `line_fit`: `predictions.line` (`x`, `value`, `low`, `high`), if there is one, and the points."""
    line = pd.DataFrame(columns=["x", "value", "low", "high"], dtype=float) if line is None else line
    frames = [line.assign(kind="line", part="")]
    for name in PARTS:
        if len(part := getattr(dataset, name)):
            x, value = np.asarray(part.x[:most], float)[:, 0], np.asarray(part.y[:most], float).reshape(-1)
            frames.append(pd.DataFrame({"kind": "point", "x": x, "value": value, "part": name}))
    return pd.concat(frames, ignore_index=True)


def balance_rows(dataset: Dataset) -> pd.DataFrame:
    """Samples of every class in every part: `class`, `label`, `part`, `samples`."""
    rows = [
        (name, label, part, int((getattr(dataset, part).y == label).sum()))
        for part in PARTS
        for label, name in enumerate(dataset.class_names)
    ]
    return pd.DataFrame(rows, columns=["class", "label", "part", "samples"])


# -- charts ------------------------------------------------------------------------------------------------------------


@cache
def data_scatter(plane: Plane, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Data with two inputs: colour and shape by class, training filled, validation and test hollow.

    Rows: `point_rows`."""
    return finish(alt.layer(*_points(plane, labels)).encode(**_plane_axes(plane)), labels, height)


@cache
def surface(
    plane: Plane, *, points: bool = True, compact: bool = False, labels: Labels = ENGLISH, height: int = HEIGHT
) -> Spec:
    """The network's prediction at every place of the plane: the class's colour, paler where it is less sure.

    `compact`: without axes and legend, for several side by side. Rows: `surface_rows`.
    """
    column = f"round((datum.x - {plane.x[0]}) / {plane.cell} - 0.5)"
    row = f"round((datum.y - {plane.y[0]}) / {plane.cell} - 0.5)"
    cells = (
        of_kind("cell")
        .transform_calculate(
            left=f"{plane.x[0]} + {plane.cell} * {column}",
            right=f"{plane.x[0]} + {plane.cell} * ({column} + 1)",
            low=f"{plane.y[0]} + {plane.cell} * {row}",
            high=f"{plane.y[0]} + {plane.cell} * ({row} + 1)",
        )
        .mark_rect(clip=True, strokeWidth=0)
        .encode(
            x="left:Q",
            x2="right",
            y="low:Q",
            y2="high",
            color=_class_colour(plane, compact),
            opacity=alt.Opacity("sure:Q", scale=alt.Scale(domain=[0, 1], range=[0.03, 0.5]), legend=None),
        )
    )
    layers = [cells, *(_points(plane, labels, compact) if points else [])]
    chart = alt.layer(*layers).encode(**_plane_axes(plane, compact)).resolve_scale(opacity="independent")
    return finish(chart, labels, height, canvas=True)


@cache
def line_fit(x_name: str = "x", y_name: str = "y", *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Regression on one input: the points, the fitted line, a band over the seeds. Rows: `fit_rows`."""
    line = of_kind("line")
    chart = alt.layer(
        line.mark_area(color=FAINT, opacity=0.2).encode(y="low:Q", y2="high"),
        line.mark_line(color=INK, strokeWidth=2.5).encode(
            y="value:Q", tooltip=[tip("x", x_name, ".3~r"), tip("value", labels("predicted"), ".5~r")]
        ),
        of_kind("point")
        .mark_point(filled=True, size=70, opacity=1, stroke=PAPER, strokeWidth=1.5)
        .encode(
            y="value:Q",
            color=alt.Color("part:N", scale=_PART_COLOURS, legend=None),
            tooltip=[tip("x", x_name, ".5~r"), tip("value", y_name, ".5~r"), tip("part", labels("part"))],
        ),
    ).encode(
        x=number_x("x:Q", x_name),
        y=alt.Y(scale=alt.Scale(zero=False), axis=number_axis("value", title=y_name)),
    )
    return finish(chart, labels, height, right=16)


@cache
def class_balance(*, labels: Labels = ENGLISH, height: int = 160) -> Spec:
    """How many samples each class has, by part. Rows: `balance_rows`."""
    legend = alt.Legend(orient="top", title=" ", labelExpr=part_word("label", labels), titlePadding=0)
    chart = (
        alt.Chart()
        .transform_calculate(part_order=f"indexof({list(PARTS)}, datum.part)")
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=alt.EncodingSortField("label", op="min"), axis=axis(title=None, labelAngle=0)),
            y=alt.Y("samples:Q", axis=axis(title=labels("samples"), tickCount=3, format=",d", tickMinStep=1)),
            color=alt.Color("part:N", scale=_PART_COLOURS, legend=legend),
            order=alt.Order("part_order:Q"),
            tooltip=[
                tip("class", labels("class")),
                tip("part", labels("part")),
                tip("samples", labels("samples"), ",d"),
            ],
        )
    )
    return finish(chart, labels, height)


# -- parts -------------------------------------------------------------------------------------------------------------


def _class_legend(plane: Plane, compact: bool) -> alt.Legend | None:
    look: dict[str, Any] = {
        "symbolOpacity": 1,
        "symbolSize": 80,
        "symbolStrokeWidth": 0,
        "columns": min(5, len(plane.classes)),
    }
    words = word_for("value", plane.classes)
    return None if compact else alt.Legend(orient="top", title=None, labelExpr=words, **look)


def _class_colour(plane: Plane, compact: bool) -> alt.Color:
    return number_colour("label:N", CLASSES[: len(plane.classes)], _class_legend(plane, compact))


def _points(plane: Plane, labels: Labels, compact: bool = False) -> list[Any]:
    n = len(plane.classes)
    rows = of_kind("point").transform_calculate(
        **{"class": word_for("label", plane.classes), "part_word": part_word("part", labels)}
    )
    look = {"size": 22 if compact else 46, "opacity": 1}
    filled = rows.transform_filter("datum.part === 'train'").mark_point(
        filled=True, stroke=PAPER, strokeWidth=0.8, **look
    )
    hollow = rows.transform_filter("datum.part !== 'train'").mark_point(
        filled=False, fill=PAPER, strokeWidth=1.6, **look
    )
    shapes = alt.Scale(domain=list(range(n)), range=list(_SHAPES[:n]))
    encoding: dict[str, Any] = {
        "x": "x:Q",
        "y": "y:Q",
        "color": _class_colour(plane, compact),
        "shape": alt.Shape("label:N", scale=shapes, legend=_class_legend(plane, compact)),
        "tooltip": [
            tip("x", plane.names[0], ".3~f"),
            tip("y", plane.names[1], ".3~f"),
            tip("class", labels("class")),
            tip("part_word", labels("part")),
        ],
    }
    return [filled.encode(**encoding), hollow.encode(**encoding)]


def _plane_axes(plane: Plane, compact: bool = False) -> dict[str, Any]:
    ends = (("x", plane.x, alt.X), ("y", plane.y, alt.Y))
    axes = [None if compact else number_axis("value", upright=i == 1, title=plane.names[i], grid=False) for i in (0, 1)]
    return {  # whole pixels: no seams between cells
        name: channel(scale=alt.Scale(domain=list(domain), nice=False, zero=False, round=True), axis=ticks)
        for (name, domain, channel), ticks in zip(ends, axes, strict=True)
    }
