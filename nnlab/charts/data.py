"""Pictures of data and of what a network makes of it: points, surfaces, fitted lines, sample pictures, classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from nnlab.analysis import predictions
from nnlab.charts.base import (
    CLASS_SHAPES,
    ENGLISH,
    FAINT,
    HEIGHT,
    INK,
    PAPER,
    TEST,
    TRAIN,
    VALIDATION,
    Labels,
    Spec,
    axis,
    class_scale,
    finish,
    number_axis,
    quoted,
)
from nnlab.datasets import PARTS, Dataset

MAX_POINTS = 400
"""Of a part on a chart: nobody sees more."""


@dataclass(frozen=True)
class Plane:
    """What stands still while a surface changes: the axes of data with two inputs, its cells and its classes."""

    x: tuple[float, float]
    y: tuple[float, float]
    cell: float
    names: tuple[str, str] = ("x₁", "x₂")
    classes: tuple[str, ...] = ("0", "1")

    @classmethod
    def of(cls, dataset: Dataset, size: int = 48) -> Plane:
        """The plane `predictions.surface` fills."""
        across, up, cell = predictions.grid(dataset, size)
        half = cell / 2
        return cls(
            (float(across[0] - half), float(across[-1] + half)),
            (float(up[0] - half), float(up[-1] + half)),
            float(cell),
            (dataset.feature_names[0], dataset.feature_names[1]),
            tuple(dataset.class_names),
        )


# -- rows --------------------------------------------------------------------------------------------------------------


def point_rows(dataset: Dataset, parts: Sequence[str] = PARTS, most: int = MAX_POINTS) -> pd.DataFrame:
    """The points of data with two inputs: `kind` ("point"), `x`, `y`, `label` (class number), `part`.

    At most `most` a part, the first ones: parts are shuffled when they are made."""
    frames = []
    for name in parts:
        part = getattr(dataset, name)
        x = np.asarray(part.x[:most], np.float32)  # (n, 2)
        frames.append(
            pd.DataFrame(
                {"x": x[:, 0], "y": x[:, 1], "label": np.asarray(part.y[:most]).reshape(-1).astype(np.int64)}
            ).assign(part=name)
        )
    rows = pd.concat(frames, ignore_index=True)
    return rows.assign(kind="point")[["kind", "x", "y", "label", "part"]]


def surface_rows(cells: pd.DataFrame, points: pd.DataFrame | None = None, classes: int = 2) -> pd.DataFrame:
    """One set of rows for `surface`: the cells of `predictions.surface` and the points of `point_rows`.

    Columns: `kind` ("cell" or "point"), `x`, `y`, `label`, `value` (probability), `sure` (0 where all classes are as
    likely, 1 where one is certain), `part`.
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


def fit_rows(line: pd.DataFrame, dataset: Dataset, most: int = MAX_POINTS) -> pd.DataFrame:
    """One set of rows for `line_fit`: `predictions.line` (`x`, `value`, `low`, `high`) and the data's points."""
    points = [
        pd.DataFrame(
            {
                "kind": "point",
                "x": np.asarray(part.x[:most], float)[:, 0],
                "value": np.asarray(part.y[:most], float).reshape(-1),
                "part": name,
            }
        )
        for name in PARTS
        if len(part := getattr(dataset, name))
    ]
    return pd.concat([line.assign(kind="line", part=""), *points], ignore_index=True)


def balance_rows(dataset: Dataset) -> pd.DataFrame:
    """Samples of every class in every part: `class`, `label`, `part`, `samples`."""
    rows = [
        {"class": name, "label": label, "part": part, "samples": int((getattr(dataset, part).y == label).sum())}
        for part in PARTS
        for label, name in enumerate(dataset.class_names)
    ]
    return pd.DataFrame(rows, columns=["class", "label", "part", "samples"])


# -- charts ------------------------------------------------------------------------------------------------------------


@cache
def data_scatter(plane: Plane, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Data with two inputs: colour and shape by class, training filled, validation and test hollow.

    Rows: `point_rows`."""
    return finish(
        alt.layer(*_points(plane, labels)).encode(**_plane_axes(plane)), labels, height=height, config=_no_grid()
    )


@cache
def surface(
    plane: Plane, *, points: bool = True, compact: bool = False, labels: Labels = ENGLISH, height: int = HEIGHT
) -> Spec:
    """What the network answers all over the plane: the class's colour, the fainter the less sure.

    `compact`: without axes and legend, for several side by side. Rows: `surface_rows`.
    """
    column = f"round((datum.x - {plane.x[0]}) / {plane.cell} - 0.5)"
    line = f"round((datum.y - {plane.y[0]}) / {plane.cell} - 0.5)"
    cells = (
        alt.Chart()
        .transform_filter("datum.kind === 'cell'")
        .transform_calculate(
            left=f"{plane.x[0]} + {plane.cell} * {column}",
            right=f"{plane.x[0]} + {plane.cell} * ({column} + 1)",
            low=f"{plane.y[0]} + {plane.cell} * {line}",
            high=f"{plane.y[0]} + {plane.cell} * ({line} + 1)",
        )
        .mark_rect(tooltip=False, clip=True, strokeWidth=0)
        .encode(
            x=alt.X("left:Q", title=None),
            x2="right",
            y=alt.Y("low:Q", title=None),
            y2="high",
            color=alt.Color("label:N", scale=class_scale(plane.classes), legend=_class_legend(plane, compact)),
            opacity=alt.Opacity("sure:Q", scale=alt.Scale(domain=[0, 1], range=[0.03, 0.5]), legend=None),
        )
    )
    layers = [cells, *(_points(plane, labels, compact) if points else [])]
    spec = finish(
        alt.layer(*layers).encode(**_plane_axes(plane, compact)).resolve_scale(opacity="independent"),
        labels,
        height=height,
        config={**_no_grid(), "aria": False},
    )
    return {**spec, "usermeta": {"embedOptions": {"renderer": "canvas"}}}


@cache
def line_fit(x_name: str = "x", y_name: str = "y", *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Regression on one input: the points, the fitted line, a band over the seeds. Rows: `fit_rows`."""
    line = alt.Chart().transform_filter("datum.kind === 'line'")
    dots = alt.Chart().transform_filter("datum.kind === 'point'")
    y = alt.Scale(zero=False)
    chart = alt.layer(
        line.mark_area(color=FAINT, opacity=0.2, tooltip=False).encode(
            y=alt.Y("low:Q", title=None, scale=y), y2="high"
        ),
        line.mark_line(color=INK, strokeWidth=2.5).encode(
            y=alt.Y("value:Q", title=None),
            tooltip=[
                alt.Tooltip("x:Q", title=x_name, format=".3~r"),
                alt.Tooltip("value:Q", title=labels.predicted, format=".5~r"),
            ],
        ),
        dots.mark_point(filled=True, size=70, opacity=1, stroke=PAPER, strokeWidth=1.5).encode(
            y=alt.Y("value:Q", title=None),
            color=alt.Color(
                "part:N", scale=alt.Scale(domain=list(PARTS), range=[TRAIN, VALIDATION, TEST]), legend=None
            ),
            tooltip=[
                alt.Tooltip("x:Q", title=x_name, format=".5~r"),
                alt.Tooltip("value:Q", title=y_name, format=".5~r"),
                alt.Tooltip("part:N", title=labels.part),
            ],
        ),
    ).encode(
        x=alt.X(
            "x:Q",
            scale=alt.Scale(zero=False, nice=False),
            axis=number_axis("value", upright=False, title=x_name, grid=False),
        ),
        y=alt.Y(axis=number_axis("value", title=y_name)),
    )
    return finish(chart, labels, height=height, right=16)


@cache
def class_balance(*, labels: Labels = ENGLISH, height: int = 160) -> Spec:
    """How many samples each class has, by part. Rows: `balance_rows`."""
    chart = (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=alt.EncodingSortField("label", op="min"), axis=axis(title=None, labelAngle=0)),
            y=alt.Y("samples:Q", axis=axis(title=labels.samples, tickCount=3, format=",d", tickMinStep=1)),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=list(PARTS), range=[TRAIN, VALIDATION, TEST]),
                legend=alt.Legend(orient="top", title=" ", labelExpr=_part_words(labels), titlePadding=0),
            ),
            order=alt.Order("part_order:Q"),
            tooltip=[
                alt.Tooltip("class:N", title=labels.true_class),
                alt.Tooltip("part:N", title=labels.part),
                alt.Tooltip("samples:Q", title=labels.samples, format=",d"),
            ],
        )
        .transform_calculate(part_order="indexof(['train', 'validation', 'test'], datum.part)")
    )
    return finish(chart, labels, height=height)


# -- parts -------------------------------------------------------------------------------------------------------------


def _class_names(plane: Plane, field: str) -> str:
    """The expression that names a class."""
    return " : ".join(f"datum.{field} === {i} ? {quoted(name)}" for i, name in enumerate(plane.classes)) + " : ''"


def _class_legend(plane: Plane, compact: bool) -> alt.Legend | None:
    if compact:
        return None
    return alt.Legend(
        orient="top",
        title=None,
        labelExpr=_class_names(plane, "value"),
        symbolOpacity=1,
        symbolSize=80,
        symbolStrokeWidth=0,
        columns=min(5, len(plane.classes)),
    )


def _points(plane: Plane, labels: Labels, compact: bool = False) -> list[Any]:
    legend = _class_legend(plane, compact)
    base = alt.Chart().transform_filter("datum.kind === 'point'")
    colour = alt.Color("label:N", scale=class_scale(plane.classes), legend=legend)
    shape = alt.Shape(
        "label:N",
        scale=alt.Scale(domain=list(range(len(plane.classes))), range=list(CLASS_SHAPES[: len(plane.classes)])),
        legend=legend,
    )
    tooltip = [
        alt.Tooltip("x:Q", title=plane.names[0], format=".3~f"),
        alt.Tooltip("y:Q", title=plane.names[1], format=".3~f"),
        alt.Tooltip("class:N", title=labels.true_class),
        alt.Tooltip("part_word:N", title=labels.part),
    ]
    base = base.transform_calculate(
        **{"class": _class_names(plane, "label"), "part_word": _part_words(labels).replace("datum.label", "datum.part")}
    )
    size = 22 if compact else 46
    filled = base.transform_filter("datum.part === 'train'").mark_point(
        filled=True, size=size, opacity=1, stroke=PAPER, strokeWidth=0.8
    )
    hollow = base.transform_filter("datum.part !== 'train'").mark_point(
        filled=False, size=size, opacity=1, strokeWidth=1.6, fill=PAPER
    )
    place: dict[str, Any] = {"x": alt.X("x:Q", title=None), "y": alt.Y("y:Q", title=None)}
    return [one.encode(**place, color=colour, shape=shape, tooltip=tooltip) for one in (filled, hollow)]


def _plane_axes(plane: Plane, compact: bool = False) -> dict[str, Any]:
    def scale(ends: tuple[float, float]) -> alt.Scale:
        return alt.Scale(domain=list(ends), nice=False, zero=False, round=True)  # whole pixels: no seams between cells

    if compact:
        return {"x": alt.X(axis=None, scale=scale(plane.x)), "y": alt.Y(axis=None, scale=scale(plane.y))}
    return {
        "x": alt.X(scale=scale(plane.x), axis=number_axis("value", upright=False, title=plane.names[0])),
        "y": alt.Y(scale=scale(plane.y), axis=number_axis("value", title=plane.names[1])),
    }


def _no_grid() -> Spec:
    return {"axis": {"grid": False}}


def _part_words(labels: Labels) -> str:
    """The expression that names a part in the reader's language."""
    words = " : ".join(f"datum.label === '{part}' ? {quoted(getattr(labels, part))}" for part in PARTS)
    return f"{words} : ''"
