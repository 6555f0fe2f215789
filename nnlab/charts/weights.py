"""Weights as pictures: heat maps, histograms, filters."""

import math
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.axes import axis, nice_limit, number_axis
from nnlab.charts.base import HEIGHT, Spec, finish
from nnlab.charts.colours import FAINT, diverging, themed
from nnlab.charts.labels import ENGLISH, Labels
from nnlab.charts.marks import either, tip
from nnlab.charts.pictures import picture_places, tiles, weights_url

MAX_CELLS = 4096
BELOW, ABOVE = themed("#1F73B3", "#4F9EDB"), themed("#D97519", "#DF8B30")


def weights_rows(matrix: ArrayLike, max_cells: int = MAX_CELLS) -> pd.DataFrame:
    """The cells of a weight matrix (inputs, outputs), or of a bias vector (outputs,).

    A matrix of more than `max_cells` numbers is cut into equal blocks; a cell is then its block's mean.

    Columns: `input`, `input_end`, `output`, `output_end` (from 0, the end not included), `weight`.
    """
    values = np.atleast_2d(np.asarray(matrix, float))
    rows, columns = values.shape
    across, down = _blocks(rows, columns, max_cells)
    starts, tops = np.arange(0, rows, across), np.arange(0, columns, down)
    sums = np.add.reduceat(np.add.reduceat(values, starts, axis=0), tops, axis=1)  # (input blocks, output blocks)
    i, o = (index.ravel() for index in np.indices(sums.shape))
    cells = pd.DataFrame({"input": starts[i], "output": tops[o]})
    cells["input_end"], cells["output_end"] = np.minimum(starts + across, rows)[i], np.minimum(tops + down, columns)[o]
    sizes = (cells["input_end"] - cells["input"]) * (cells["output_end"] - cells["output"])
    return cells.assign(weight=(sums.ravel() / sizes).astype(np.float32))


def histogram_rows(values: ArrayLike, limit: float, bins: int = 40) -> pd.DataFrame:
    """How often weights fall into `bins` (even) equal intervals of -limit..limit: `low`, `high`, `count`.

    Weights beyond the limit are counted in the outermost intervals."""
    numbers = np.asarray(values, float).ravel()
    numbers = numbers[np.isfinite(numbers)]
    counts, edges = np.histogram(np.clip(numbers, -limit, limit), bins=bins + bins % 2, range=(-limit, limit))
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": counts})


def filter_rows(
    matrix: ArrayLike, image_shape: tuple[int, int], limit: float | None = None, *, columns: int = 8, most: int = 64
) -> pd.DataFrame:
    """The weights of each unit of the first layer (inputs, units) as pictures of the input's shape.

    Columns: `column`, `row`, `url`, `text` (the unit, from 1), `wrong` (false), `unit`."""
    values = np.asarray(matrix, float)
    limit = nice_limit(values) if limit is None else limit
    unit = np.arange(min(most, values.shape[1]))
    return pd.DataFrame(
        {
            **picture_places(len(unit), columns),
            "url": [weights_url(values[:, i].reshape(image_shape), limit) for i in unit],
            "text": [str(i + 1) for i in unit],
            "wrong": False,
            "unit": unit,
        }
    )


@cache
def weights_heatmap(inputs: int, outputs: int, limit: float, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """A weight matrix (inputs, outputs): blue below zero, orange above, symmetric. Rows: `weights_rows`.

    The tooltip of a cell that stands for several weights gives their range."""

    def place(n: int, title: str) -> dict[str, Any]:
        ticks = axis(title=title, grid=False, tickMinStep=1, format=",d")
        return {"scale": alt.Scale(domain=[0.5, n + 0.5], nice=False, zero=False, round=True), "axis": ticks}

    span = "datum.{0}_end - datum.{0} > 1 ? format(datum.{0} + 1, 'd') + '–' + datum.{0}_end : datum.{0}_end"
    block = math.prod(_blocks(inputs, outputs, MAX_CELLS)) > 1
    weight = labels("mean of the weights in this cell") if block else labels("weight")
    legend = alt.Legend(orient="right", title=None, gradientThickness=10, gradientLength=height - 90, tickCount=3)
    cells = alt.Chart().transform_calculate(
        from_unit=span.format("input"),
        to_unit=span.format("output"),
        **{name: f"datum.{name} + 0.5" for name in ("input", "input_end", "output", "output_end")},
    )
    chart = cells.mark_rect(strokeWidth=0).encode(
        x=alt.X("input:Q", **place(inputs, labels("input"))),
        x2="input_end",
        y=alt.Y("output:Q", sort="descending", **place(outputs, labels("unit"))),
        y2="output_end",
        color=alt.Color("weight:Q", scale=diverging(limit), legend=legend),
        tooltip=[tip("from_unit", labels("input")), tip("to_unit", labels("unit")), tip("weight", weight, ".3~r")],
    )
    return finish(alt.layer(chart), labels, height, canvas=True)


def _blocks(rows: int, columns: int, most: int) -> tuple[int, int]:
    """Sides of the blocks a matrix is cut into: as square as possible, no more than `most` of them."""
    across = down = 1
    while math.ceil(rows / across) * math.ceil(columns / down) > most:
        if rows / across >= columns / down:
            across += 1
        else:
            down += 1
    return across, down


@cache
def histogram(limit: float, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """How the weights are distributed, on an axis symmetric about zero. Rows: `histogram_rows` with the same limit."""
    bars = (
        alt.Chart()
        .mark_rect()
        .encode(
            x=alt.X("low:Q", scale=alt.Scale(domain=[-limit, limit], nice=False)),
            x2="high",
            y=alt.Y("count:Q", axis=axis(title=labels("weights"), format=",d", tickCount=4, tickMinStep=1)),
            y2=alt.datum(0),
            color=either("datum.high <= 1e-12", BELOW, ABOVE),
            tooltip=[tip("low", "≥", ".3~r"), tip("high", "<", ".3~r"), tip("count", labels("weights"), ",d")],
        )
    )
    zero = alt.Chart().mark_rule(color=FAINT, strokeWidth=1).encode(x=alt.datum(0))
    ticks = number_axis("value", upright=False, title=labels("weight"), grid=False)
    return finish(alt.layer(bars, zero).encode(x=alt.X(axis=ticks)), labels, height, right=16)


@cache
def filters(columns: int = 8, rows: int = 4, *, labels: Labels = ENGLISH, cell: int = 68) -> Spec:
    """The first layer's weights as pictures, one a unit. Rows: `filter_rows` with the same number of columns."""
    return tiles(columns, rows, [tip("text", labels("unit"))], captions=True, labels=labels, cell=cell, frame=True)
