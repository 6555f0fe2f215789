"""Samples as small pictures in a grid, and weights: as such pictures, as heat maps and as histograms."""

import base64
import math
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from nnlab.charts.axes import axis, nice_limit, number_axis
from nnlab.charts.base import ENGLISH, HEIGHT, Labels, Spec, finish
from nnlab.charts.colours import FAINT, HAIR, WRONG, diverging, themed
from nnlab.charts.marks import either, expression, text, tip

MAX_CELLS = 4096
BELOW, ABOVE = themed("#1F73B3", "#4F9EDB"), themed("#D97519", "#DF8B30")
_INK, _SHEET = np.array([31, 41, 51]), np.array([246, 247, 249])
_BELOW_RGB, _ABOVE_RGB = np.array([31, 115, 179]), np.array([217, 117, 25])


def _data_url(pixels: NDArray[Any]) -> str:
    """A PNG of RGB (h, w, 3) or RGBA (h, w, 4) values from 0 to 255, as a URL."""
    file = BytesIO()
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def picture_url(pixels: ArrayLike, full: float) -> str:
    """A grey picture (h, w): 0 is paper and `full` is ink."""
    share = np.clip(np.asarray(pixels, float) / full, 0, 1)[..., None]
    return _data_url(_SHEET + (_INK - _SHEET) * share)


def weights_url(weights: ArrayLike, limit: float) -> str:
    """Weights (h, w) as a picture: blue below zero, orange above, transparent at zero."""
    share = np.clip(np.nan_to_num(np.asarray(weights, float)) / limit, -1, 1)[..., None]
    return _data_url(np.concatenate([np.where(share < 0, _BELOW_RGB, _ABOVE_RGB), 255 * np.abs(share)], axis=2))


def _places(n: int, columns: int) -> dict[str, Any]:
    """`column` and `row` of n pictures, row by row."""
    return {"column": np.arange(n) % columns, "row": np.arange(n) // columns}


def picture_rows(
    pictures: Sequence[Any],
    labels: Sequence[str],
    predicted: Sequence[str] | None = None,
    probability: Sequence[float] | NDArray[Any] | None = None,
    *,
    columns: int = 8,
    full: float = 1.0,
) -> pd.DataFrame:
    """Pictures (h, w) in a grid, row by row: `column`, `row`, `url`, `text`, `wrong`, `class`, `predicted`,
    `probability`. The text is the class, or `3 → 8` where the prediction is another class."""
    guesses = list(labels if predicted is None else predicted)
    right = "" if predicted is None else "✓ "
    rows = pd.DataFrame(
        {
            **_places(len(pictures), columns),
            "url": [picture_url(pixels, full) for pixels in pictures],
            "class": labels,
            "predicted": guesses,
            "probability": np.nan if probability is None else probability,
        }
    )
    pairs = list(zip(labels, guesses, strict=True))
    captions = [right + label if label == guess else f"✗ {label} → {guess}" for label, guess in pairs]
    return rows.assign(text=captions, wrong=[label != guess for label, guess in pairs])


@cache
def picture_grid(
    columns: int = 8, rows: int = 2, *, captions: bool = True, labels: Labels = ENGLISH, cell: int = 76
) -> Spec:
    """Pictures with their class and the predicted class; mistakes have a cross and a colour.

    Rows: `picture_rows` with the same number of columns."""
    tooltip = [tip("class", labels("class"))]
    if captions:
        tooltip += [tip("predicted", labels("predicted")), tip("probability", labels("probability"), ".1%")]
    return _tiles(columns, rows, tooltip, captions=captions, labels=labels, cell=cell)


def _tiles(
    columns: int, rows: int, tooltip: list[Any], *, captions: bool, labels: Labels, cell: int, frame: bool = False
) -> Spec:
    """Square pictures in a grid: `column`, `row`, `url`, and with captions `text` and, if it is a mistake, `wrong`."""
    below = 18 if captions else 0
    side = f"min(bandwidth('x'), bandwidth('y') - {below})"
    inner, outer = expression(side), expression(f"{side} + 2")
    pictures = alt.Chart().mark_image(width=inner, height=inner, smooth=False, yOffset=-below / 2)
    layers = [pictures.encode(url="url:N", tooltip=tooltip)]
    if frame:
        look: dict[str, Any] = {"width": outer, "height": outer, "fill": None, "stroke": HAIR, "strokeWidth": 1}
        layers.insert(0, alt.Chart().mark_rect(**look, yOffset=-below / 2))
    if captions:
        under = text(alt.Chart(), "text", dy=expression(f"{side} / 2 + 3"), fontWeight=600, baseline="middle")
        layers.append(under.encode(color=either("datum.wrong", WRONG, FAINT)))
    chart = alt.layer(*layers).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(domain=list(range(columns)), padding=0.08)),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(rows)), padding=0.06)),
    )
    return finish(chart, labels, rows * (cell + below))


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

    Columns: `column`, `row`, `url`, `text` (the unit, from 1)."""
    values = np.asarray(matrix, float)
    limit = nice_limit(values) if limit is None else limit
    units = range(min(most, values.shape[1]))
    urls = [weights_url(values[:, i].reshape(image_shape), limit) for i in units]
    return pd.DataFrame({**_places(len(urls), columns), "url": urls, "text": [str(i + 1) for i in units]})


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
    bars = alt.Chart().mark_rect()
    counts = bars.encode(
        x=alt.X("low:Q", scale=alt.Scale(domain=[-limit, limit], nice=False)),
        x2="high",
        y=alt.Y("count:Q", axis=axis(title=labels("weights"), format=",d", tickCount=4, tickMinStep=1)),
        y2=alt.datum(0),
        color=either("datum.high <= 1e-12", BELOW, ABOVE),
        tooltip=[tip("low", "≥", ".3~r"), tip("high", "<", ".3~r"), tip("count", labels("weights"), ",d")],
    )
    zero = alt.Chart().mark_rule(color=FAINT, strokeWidth=1).encode(x=alt.datum(0))
    ticks = number_axis("value", upright=False, title=labels("weight"), grid=False)
    return finish(alt.layer(counts, zero).encode(x=alt.X(axis=ticks)), labels, height, right=16)


@cache
def filters(columns: int = 8, rows: int = 4, *, labels: Labels = ENGLISH, cell: int = 68) -> Spec:
    """The first layer's weights as pictures, one a unit. Rows: `filter_rows` with the same number of columns."""
    return _tiles(columns, rows, [tip("text", labels("unit"))], captions=True, labels=labels, cell=cell, frame=True)
