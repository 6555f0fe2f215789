"""Data and what a network predicts from it: points, decision surfaces, fitted lines, classes, probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.analysis import predictions
from nnlab.charts.axes import axis, number_axis, number_colour, number_x, number_y
from nnlab.charts.base import ENGLISH, HEIGHT, Labels, Spec, finish, part_word, word_for
from nnlab.charts.colours import CLASSES, COLOURS, FAINT, INK, PAPER, themed
from nnlab.charts.marks import dots, either, of_kind, tip, where
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


def _part_points(dataset: Dataset, most: int, columns: Sequence[str], target: str) -> pd.DataFrame:
    """The points of every part, at most `most` of each: its first ones, for parts are shuffled when they are made."""
    frames = []
    for name in PARTS:
        part = getattr(dataset, name)
        points = pd.DataFrame(np.asarray(part.x[:most], np.float32), columns=list(columns))
        frames.append(points.assign(kind="point", part=name, **{target: np.asarray(part.y[:most]).reshape(-1)}))
    return pd.concat(frames, ignore_index=True)


def point_rows(dataset: Dataset, most: int = MAX_POINTS) -> pd.DataFrame:
    """The points of data with two inputs: `kind` ("point"), `x`, `y`, `label` (class number), `part`."""
    return _part_points(dataset, most, ("x", "y"), "label")


def surface_rows(cells: pd.DataFrame, points: pd.DataFrame | None = None, classes: int = 2) -> pd.DataFrame:
    """The rows of `surface`: the cells of `predictions.surface` and the points of `point_rows`.

    Columns: `kind` ("cell" or "point"), `x`, `y`, `label`, `value` (probability), `sure` (0: all classes are equally
    likely, 1: one is certain), `part`.
    """
    even = 1 / classes
    sure = ((cells["value"] - even) / (1 - even)).abs().clip(upper=1)
    rows = cells[["x", "y", "label", "value"]].assign(sure=sure, kind="cell", part="")
    rows = rows.astype(dict.fromkeys(("x", "y", "value", "sure"), np.float32))
    return rows if points is None else pd.concat([rows, points], ignore_index=True)


def fit_rows(line: pd.DataFrame | None, dataset: Dataset) -> pd.DataFrame:
    """The rows of `line_fit`: `predictions.line` (`x`, `value`, `low`, `high`), if there is one, and the points."""
    line = pd.DataFrame(columns=["x", "value", "low", "high"], dtype=float) if line is None else line
    points = _part_points(dataset, MAX_POINTS, ("x",), "value")
    return pd.concat([line.assign(kind="line", part=""), points], ignore_index=True)


def balance_rows(dataset: Dataset) -> pd.DataFrame:
    """Samples of every class in every part: `class`, `label`, `part`, `samples`."""
    rows = [
        (name, label, part, int((getattr(dataset, part).y == label).sum()))
        for part in PARTS
        for label, name in enumerate(dataset.class_names)
    ]
    return pd.DataFrame(rows, columns=["class", "label", "part", "samples"])


@cache
def data_scatter(plane: Plane, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Data with two inputs: colour and shape by class, training filled, validation and test hollow.

    Rows: `point_rows`."""
    return finish(alt.layer(*_points(plane, labels)).encode(**_plane_axes(plane)), labels, height)


@cache
def surface(plane: Plane, *, compact: bool = False, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """The network's prediction at every place of the plane: the class's colour, paler where it is less sure.

    `compact`: without axes and legend, for several side by side. Rows: `surface_rows`.
    """
    column = f"round((datum.x - {plane.x[0]}) / {plane.cell} - 0.5)"
    row = f"round((datum.y - {plane.y[0]}) / {plane.cell} - 0.5)"
    cells = of_kind("cell").transform_calculate(
        left=f"{plane.x[0]} + {plane.cell} * {column}",
        right=f"{plane.x[0]} + {plane.cell} * ({column} + 1)",
        low=f"{plane.y[0]} + {plane.cell} * {row}",
        high=f"{plane.y[0]} + {plane.cell} * ({row} + 1)",
    )
    sure = alt.Opacity("sure:Q", scale=alt.Scale(domain=[0, 1], range=[0.03, 0.5]), legend=None)
    colour = _class_channels(plane, compact)["color"]
    rectangles = cells.mark_rect(clip=True, strokeWidth=0).encode(
        x="left:Q", x2="right", y="low:Q", y2="high", color=colour, opacity=sure
    )
    chart = (
        alt.layer(rectangles, *_points(plane, labels, compact))
        .encode(**_plane_axes(plane, compact))
        .resolve_scale(opacity="independent")
    )
    return finish(chart, labels, height, canvas=True)


@cache
def line_fit(x_name: str = "x", y_name: str = "y", *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Regression on one input: the points, the fitted line, a band over the seeds. Rows: `fit_rows`."""
    line, points = of_kind("line"), dots(of_kind("point"), 70, opacity=1)
    colour = alt.Color("part:N", scale=_PART_COLOURS, legend=None)
    on_line = [tip("x", x_name, ".3~r"), tip("value", labels("predicted"), ".5~r")]
    on_point = [tip("x", x_name, ".5~r"), tip("value", y_name, ".5~r"), tip("part", labels("part"))]
    chart = alt.layer(
        line.mark_area(color=FAINT, opacity=0.2).encode(y="low:Q", y2="high"),
        line.mark_line(color=INK, strokeWidth=2.5).encode(y="value:Q", tooltip=on_line),
        points.encode(y="value:Q", color=colour, tooltip=on_point),
    ).encode(x=number_x("x:Q", x_name), y=number_y("value", y_name))
    return finish(chart, labels, height, right=16)


@cache
def class_balance(*, labels: Labels = ENGLISH, height: int = 160) -> Spec:
    """How many samples each class has, by part. Rows: `balance_rows`."""
    legend = alt.Legend(orient="top", title=" ", labelExpr=part_word("label", labels), titlePadding=0)
    samples = axis(title=labels("samples"), tickCount=3, format=",d", tickMinStep=1)
    bars = alt.Chart().transform_calculate(part_order=f"indexof({list(PARTS)}, datum.part)").mark_bar()
    chart = bars.encode(
        x=alt.X("class:N", sort=alt.EncodingSortField("label", op="min"), axis=axis(title=None, labelAngle=0)),
        y=alt.Y("samples:Q", axis=samples),
        color=alt.Color("part:N", scale=_PART_COLOURS, legend=legend),
        order=alt.Order("part_order:Q"),
        tooltip=[tip("class", labels("class")), tip("part", labels("part")), tip("samples", labels("samples"), ",d")],
    )
    return finish(chart, labels, height)


def _class_channels(plane: Plane, compact: bool) -> dict[str, Any]:
    """Colours and shapes of the classes, which share one legend."""
    n, legend = len(plane.classes), None
    if not compact:
        look: dict[str, Any] = {"symbolOpacity": 1, "symbolSize": 80, "symbolStrokeWidth": 0, "columns": min(5, n)}
        legend = alt.Legend(orient="top", title=None, labelExpr=word_for("value", plane.classes), **look)
    shapes = alt.Scale(domain=list(range(n)), range=list(_SHAPES[:n]))
    colour = number_colour("label:N", CLASSES[:n], legend)
    return {"color": colour, "shape": alt.Shape("label:N", scale=shapes, legend=legend)}


def _points(plane: Plane, labels: Labels, compact: bool = False) -> list[Any]:
    words = {"class": word_for("label", plane.classes), "part_word": part_word("part", labels)}
    rows = of_kind("point").transform_calculate(**words)
    training, others = (rows.transform_filter(f"datum.part {sign} 'train'") for sign in ("===", "!=="))
    look = {"size": 22 if compact else 46, "opacity": 1}
    x, y = (tip(field, name, ".3~f") for field, name in zip("xy", plane.names, strict=True))
    tooltip = [x, y, tip("class", labels("class")), tip("part_word", labels("part"))]
    encoding: dict[str, Any] = {"x": "x:Q", "y": "y:Q", "tooltip": tooltip, **_class_channels(plane, compact)}
    return [
        training.mark_point(filled=True, stroke=PAPER, strokeWidth=0.8, **look).encode(**encoding),
        others.mark_point(filled=False, fill=PAPER, strokeWidth=1.6, **look).encode(**encoding),
    ]


def _plane_axes(plane: Plane, compact: bool = False) -> dict[str, Any]:
    x_axis = y_axis = None
    if not compact:
        x_axis = number_axis("value", upright=False, title=plane.names[0], grid=False)
        y_axis = number_axis("value", title=plane.names[1], grid=False)
    x, y = (  # whole pixels: no seams between cells
        alt.Scale(domain=list(ends), nice=False, zero=False, round=True) for ends in (plane.x, plane.y)
    )
    return {"x": alt.X(scale=x, axis=x_axis), "y": alt.Y(scale=y, axis=y_axis)}


def confusion_rows(counts: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """A confusion matrix (classes, classes; row: true class, column: predicted class) as one row a cell: `truth`,
    `guess` (class numbers), `class`, `predicted` (names), `samples`, `share` (of the class's samples)."""
    matrix = np.asarray(counts, float)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    truth, guess = (index.ravel() for index in np.indices(matrix.shape))
    names = np.asarray(list(class_names), dtype=object)
    columns = {"truth": truth, "guess": guess, "class": names[truth], "predicted": names[guess]}
    return pd.DataFrame({**columns, "samples": matrix.ravel(), "share": share.ravel()})


@cache
def confusion(class_names: tuple[str, ...], *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """A row a true class, a column a predicted class; the stronger a cell's colour, the larger its share of the row.

    Rows: `confusion_rows`."""
    colours = [themed("#EDF1F5", "#232A31"), themed("#6FAAD6", "#3279B5"), themed("#0B5394", "#9CD0F5")]
    fill = alt.Scale(domain=[0, 0.5, 1], range=colours, interpolate="rgb")
    truth, guess = labels("class"), labels("predicted")
    tooltip = [
        tip("class", truth),
        tip("predicted", guess),
        tip("samples", labels("samples"), ",.1~f"),
        tip("share", " ", ".1%"),
    ]
    cells = alt.Chart().mark_rect(cornerRadius=3)
    numbers = where("datum.samples > 0").mark_text(fontSize=12)
    scale = alt.Scale(domain=list(range(len(class_names))), padding=0.04)
    look = {"labelExpr": word_for("value", class_names), "labelAngle": 0, "grid": False}
    chart = alt.layer(
        cells.encode(color=alt.Color("share:Q", scale=fill, legend=None), tooltip=tooltip),
        numbers.encode(text=alt.Text("samples:Q", format=",.0f"), color=either("datum.share > 0.45", PAPER, INK)),
    ).encode(
        x=alt.X("guess:O", scale=scale, axis=axis(title=guess, **look)),
        y=alt.Y("truth:O", scale=scale, axis=axis(title=truth, **look)),
    )
    return finish(chart, labels, height)


def probability_rows(shares: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """Probabilities of the classes, (classes,): `class`, `place` (its order), `probability`, `best`."""
    values = np.asarray(shares, float)
    best = np.arange(len(values)) == values.argmax()
    return pd.DataFrame({"class": list(class_names), "place": range(len(values)), "probability": values, "best": best})


@cache
def probability_bars(*, labels: Labels = ENGLISH, height: int = 220) -> Spec:
    """A bar a class, the likeliest dark. Rows: `probability_rows`."""
    name = labels("probability")
    share = axis(title=name, format=".0%", tickCount=3)
    bars = alt.Chart().mark_bar(cornerRadiusEnd=3)
    chart = bars.encode(
        x=alt.X("class:N", sort=alt.EncodingSortField("place", op="min"), axis=axis(title=None, labelAngle=0)),
        y=alt.Y("probability:Q", scale=alt.Scale(domain=[0, 1]), axis=share),
        color=either("datum.best", INK, FAINT),
        opacity=either("datum.best", 1, 0.5),
        tooltip=[tip("class", labels("class")), tip("probability", name, ".1%")],
    )
    return finish(chart, labels, height)
