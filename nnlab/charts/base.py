"""What all charts share: colours of roles, colours that follow the theme, words and numbers, the way to a spec.

A spec is a constant: the same arguments give the same bytes, and rows never enter it. That is what lets the browser
keep a chart and swap its rows while a run ticks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Self

import altair as alt
import numpy as np
from babel.numbers import get_decimal_symbol, get_group_symbol
from numpy.typing import ArrayLike

Spec = dict[str, Any]

# -- colours (Okabe and Ito 2008, told apart by the colour-blind too) --------------------------------------------------

TRAIN, VALIDATION, TEST = "#0072B2", "#D55E00", "#009E73"
CLASSES = (
    *("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442"),
    *("#8D96A1", "#7B5AA6", "#8C6239"),
)
CLASS_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left") * 2
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A828C")
"""Things without an order (runs, activations): at most seven by colour."""

DASH = [6, 4]
HEIGHT = 280
"""Of every large chart: neighbours are equally high."""


def themed(light: str, dark: str) -> alt.ExprRef:
    """A colour that follows the theme. Streamlit gives Vega the page's background; a constant spec can ask for it."""
    return alt.ExprRef(expr=f"luminance(background) > 0.4 ? '{light}' : '{dark}'")


INK = themed("#1f2933", "#e6eaee")
FAINT = themed("#5c6773", "#a5afba")
HAIR = themed("#d9dfe6", "#36404b")
SOFT = themed("#e8ecf1", "#2a323b")
PAPER = alt.ExprRef(expr="background")
WRONG = themed("#B8293D", "#FF8A95")
ROLE_INK = {  # words in a role's colour need more contrast than lines
    "train": themed("#00639C", "#5FB2E2"),
    "validation": themed("#B24E00", "#F0894A"),
    "test": themed("#00765A", "#3CC69C"),
}

_RAMP_LIGHT = ("#62B2DA", "#3F95C8", "#2377AE", "#145489", "#0A3159")
_RAMP_DARK = ("#DDF2FC", "#A6D8F2", "#6DB6E3", "#4191CB", "#2C6BA8")
_DIVERGING_LIGHT = ("#0B5394", "#6FAAD6", "#F4F5F6", "#F0A868", "#B25900")
_DIVERGING_DARK = ("#7CC0F2", "#3279B5", "#232A31", "#B46D20", "#FFB46E")


def ramp(n: int) -> list[alt.ExprRef]:
    """n colours for an ordered thing: light = shallow, dark = deep, all visible in both themes."""
    places = [0.5] if n == 1 else [i / (n - 1) for i in range(n)]
    return [themed(_between(_RAMP_LIGHT, place), _between(_RAMP_DARK, place)) for place in places]


def diverging(limit: float) -> alt.Scale:
    """Blue below zero, orange above, the theme's own middle at zero; symmetric."""
    stops = [-limit, -limit / 2, 0, limit / 2, limit]
    colours = [themed(light, dark) for light, dark in zip(_DIVERGING_LIGHT, _DIVERGING_DARK, strict=True)]
    return alt.Scale(domain=stops, range=colours, clamp=True, interpolate="rgb")


def class_scale(names: Sequence[str]) -> alt.Scale:
    """The colours of classes 0, 1, ...; the column holds the class's number."""
    return alt.Scale(domain=list(range(len(names))), range=list(CLASSES[: len(names)]))


def _between(colours: Sequence[str], place: float) -> str:
    at = place * (len(colours) - 1)
    i = min(int(at), len(colours) - 2)
    pair = [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours[i : i + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in zip(*pair, strict=True))


# -- words and numbers -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labels:
    """Every word a chart can show, and the language its numbers are written in. The English text is the message id."""

    language: str = "en"
    epoch: str = "epoch"
    train: str = "training"
    validation: str = "validation"
    test: str = "test"
    loss: str = "loss"
    accuracy: str = "accuracy"
    mse: str = "mean squared error"
    gap: str = "validation − training"
    gap_accuracy: str = "training − validation"
    lowest: str = "lowest seed"
    highest: str = "highest seed"
    run: str = "run"
    part: str = "part"
    true_class: str = "class"
    predicted: str = "predicted"
    probability: str = "probability"
    samples: str = "samples"
    count: str = "weights"
    value: str = "value"
    weight: str = "weight"
    bias: str = "bias"
    layer: str = "layer"
    unit: str = "unit"
    source: str = "from"
    target: str = "to"
    input: str = "input"
    output: str = "output"
    interval: str = "95 % interval"
    seeds: str = "seeds"
    state: str = "state"
    parameters: str = "parameters"
    mean_of: str = "mean of the weights in this cell"
    rate: str = "learning rate"
    suggested_rate: str = "suggested"
    present_rate: str = "present"
    difference: str = "difference"
    verdict: str = "verdict"

    @classmethod
    def of(cls, language: str, translate: Callable[[str], str]) -> Self:
        """The words in another language."""
        words = {f.name: translate(str(f.default)) for f in fields(cls) if f.name != "language"}
        return cls(language=language, **words)

    def gap_of(self, kind: str) -> str:
        """The difference by which validation is worse."""
        return self.gap_accuracy if kind == "accuracy" else self.gap

    def score(self, kind: str) -> str:
        """The axis title of "accuracy", "mse" or "loss"."""
        return str(getattr(self, kind))


ENGLISH = Labels()

FORMATS = {"loss": ".3~r", "mse": ".3~r", "accuracy": ".1%"}
PLAIN = (
    "datum.value === 0 ? '0' : abs(datum.value) >= 1e5 || abs(datum.value) < 1e-4"
    " ? format(datum.value, '.2~e') : format(datum.value, ',.6~r')"
)
"""Numbers on an axis as a person writes them: 0.002, 150, 3,000; powers of ten only far out."""


def number_axis(kind: str, *, upright: bool = True, **given: Any) -> alt.Axis:
    """The axis of a loss, a score or a plain number. Upright it keeps its width, so that the plot stays in place
    when its labels change."""
    if upright:
        given = {"minExtent": 42, **given}
    return axis(format=".0%", **given) if kind == "accuracy" else axis(labelExpr=PLAIN, **given)


def axis(**given: Any) -> alt.Axis:
    """An axis that does not crowd."""
    return alt.Axis(**{"tickCount": 5, "titlePadding": 8, "labelPadding": 6, **given})


def nice_limit(values: ArrayLike) -> float:
    """The first of ..., 0.1, 0.2, 0.5, 1, 2, 5, ... that no value exceeds in size; 1 where there is none but zero.

    A limit that moves in steps keeps a chart's spec, and so the chart, the same while weights change a little."""
    sizes = np.abs(np.asarray(values, float))
    largest = float(sizes[np.isfinite(sizes)].max(initial=0.0))
    if largest == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return float(f"{next(m for m in (1, 2, 5, 10) if largest <= m * power * (1 + 1e-9)) * power:.6g}")


# -- to a spec ---------------------------------------------------------------------------------------------------------


def finish(
    chart: Any, labels: Labels, *, height: int | None = HEIGHT, right: int = 8, config: Spec | None = None
) -> Spec:
    """The chart as a constant Vega-Lite dict without data. `right`: pixels kept free for labels beside the plot."""
    spec: Spec = chart.to_dict()
    spec.pop("$schema", None)
    spec.pop("config", None)
    spec = _tidied(spec)
    spec["width"] = "container"
    if height is not None:
        spec["height"] = height
    spec["padding"] = {"left": 4, "top": 8, "right": right, "bottom": 8}
    spec["config"] = {
        "locale": {"number": _number_locale(labels.language)},
        "legend": {"padding": 0, "offset": 8, "labelFontSize": 12, "titleFontSize": 12, "labelPadding": 4},
        **(config or {}),
    }
    return spec


@cache
def _number_locale(language: str) -> Spec:
    """How Vega writes numbers in a language; the space before % is nnlab's own in all of them."""
    return {
        "decimal": get_decimal_symbol(language),
        "thousands": get_group_symbol(language),
        "grouping": [3],
        "currency": ["", ""],
        "percent": "\u00a0%",
    }


def _tidied(spec: Spec) -> Spec:
    """Without data, whose place is outside, and with views counted in each chart: Altair counts a process's."""
    names: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in ("data", "datasets")}
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, str) and re.fullmatch(r"view_\d+", value):
            return names.setdefault(value, f"view_{len(names) + 1}")
        return value

    tidy: Spec = plain(spec)
    return tidy


def quoted(text: str) -> str:
    """A name as a string inside a Vega expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"
