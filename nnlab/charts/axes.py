"""The axes, legends and colour scales of charts."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import ArrayLike

from nnlab.charts.base import ENGLISH, Labels, word_for
from nnlab.charts.colours import FAINT

PLAIN = (
    "datum.value === 0 ? '0' : abs(datum.value) >= 1e5 || abs(datum.value) < 1e-4"
    " ? format(datum.value, '.2~e') : format(datum.value, ',.6~r')"
)
"""Numbers on an axis as a person writes them: 0.002, 150, 3,000; powers of ten only for very large or small ones."""


_DECADES = "log(domain('y')[1] / domain('y')[0]) / LN10"
_LEADING = "round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))"
_ROUND = f"({_DECADES} < 1 || {_LEADING} === 1 || {_DECADES} < 3.5 && indexof([2, 5], {_LEADING}) >= 0)"
"""Whether a logarithmic axis names a number: of more than a decade 1, 2 and 5, of many powers of ten only."""


def nice_limit(values: ArrayLike) -> float:
    """The first of ..., 0.1, 0.2, 0.5, 1, 2, 5, ... that no absolute value exceeds; 1 if all are zero.

    The limit moves in steps, so a chart's spec stays the same while weights change a little."""
    sizes = np.abs(np.asarray(values, float))
    largest = float(sizes[np.isfinite(sizes)].max(initial=0.0))
    if largest == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return float(f"{next(m for m in (1, 2, 5, 10) if largest <= m * power * (1 + 1e-9)) * power:.6g}")


def spans_decades(values: ArrayLike) -> bool:
    """Whether positive values span more than two powers of ten, so that their axis should be logarithmic."""
    found = np.asarray(values, float)
    found = found[np.isfinite(found) & (found > 0)]
    return bool(found.size and found.max() > 100 * found.min())


def axis(**given: Any) -> alt.Axis:
    """An axis with few ticks. Streamlit's theme writes on it in a grey that is too pale on a white page."""
    words = {"labelColor": FAINT, "titleColor": FAINT}
    return alt.Axis(**{"tickCount": 5, "titlePadding": 8, "labelPadding": 6, **words, **given})


def number_axis(kind: str, *, upright: bool = True, **given: Any) -> alt.Axis:
    """The axis of a loss, a score or another number. An upright axis has a fixed width, so that the plot does not move
    when its labels change."""
    if upright:
        given = {"minExtent": 42, **given}
    return axis(format=".1~%", **given) if kind == "accuracy" else axis(**{"labelExpr": PLAIN, **given})


def number_x(field: str, title: str) -> alt.X:
    """The horizontal axis of numbers, from the lowest to the highest."""
    scale = alt.Scale(zero=False, nice=False)
    return alt.X(field, scale=scale, axis=number_axis("value", upright=False, title=title, grid=False))


def number_y(kind: str, title: str | None, *, zero: bool = False, log: bool = False, labels: Labels = ENGLISH) -> alt.Y:
    """The upright axis of losses, scores or other numbers; the title of a logarithmic one says so."""
    if not log:
        return alt.Y(scale=alt.Scale(zero=zero, nice=True), axis=number_axis(kind, title=title))
    ticks = number_axis(
        kind,
        title=title and f"{title} ({labels('log scale')})",
        labelExpr=f"{_ROUND} ? ({PLAIN}) : ''",
        gridOpacity=alt.condition(_ROUND, alt.value(1), alt.value(0)),
    )
    return alt.Y(scale=alt.Scale(type="log", nice=False), axis=ticks)


def no_axes(top: float, bottom: float) -> dict[str, Any]:
    """Places x from 0 to 1, with some room on both sides, and y from `bottom` up to `top` in a frame without axes."""
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06], nice=False))
    return {"x": x, "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[bottom, top], nice=False, zero=False))}


def line_legend(names: Sequence[str], **given: Any) -> alt.Legend:
    """A legend of lines with the numbers 0, 1, ..."""
    look: dict[str, Any] = {
        "orient": "top",
        "title": None,
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolOpacity": 1,
    }
    look["labelLimit"] = alt.ExprRef(expr="width")  # a name is cut only where the chart ends
    return alt.Legend(**look | given, labelExpr=word_for("value", names))


def gradient_legend(title: str, **given: Any) -> alt.Legend:
    """A colour scale above the chart."""
    look = {"gradientLength": 140, "gradientThickness": 8, "tickCount": 3}
    return alt.Legend(orient="top", title=title, titleOrient="left", **look | given)


def number_colour(field: str, colours: Sequence[Any], legend: alt.Legend | None = None) -> alt.Color:
    """The colours of things with the numbers 0, 1, ..."""
    return alt.Color(field, scale=alt.Scale(domain=list(range(len(colours))), range=list(colours)), legend=legend)


def epochs_axis(epochs: int | None, labels: Labels, label_width: int | str = 0) -> alt.X:
    """The axis of epochs; with `epochs` it does not move while curves grow. It leaves `label_width` pixels (a number or
    an expression) free at its end: labels that reach out of the plot would make it smaller when the first row comes."""
    ends: dict[str, Any] = {"zero": False} if epochs is None else {"domain": [1, max(2, epochs)]}
    if label_width:
        ends["range"] = [0, alt.ExprRef(expr=f"width - {label_width}")]
    ticks = axis(title=labels("epoch"), format=",d", tickMinStep=1, grid=False, domain=True)
    return alt.X("epoch:Q", scale=alt.Scale(nice=False, **ends), axis=ticks)
