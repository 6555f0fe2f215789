"""What all charts share: their words, and the way from an Altair chart to a constant Vega-Lite spec.

The same arguments give the same bytes, and rows are never part of a spec. So the browser keeps a chart and only swaps
its rows while a run ticks.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from babel.numbers import get_decimal_symbol, get_group_symbol

from nnlab.datasets import PARTS

Spec = dict[str, Any]
HEIGHT = 280
"""Of every large chart, so that neighbours are equally high."""
WORDS = {
    **{"train": "training", "validation": "validation", "test": "test"},
    **{"loss": "loss", "accuracy": "accuracy", "mse": "mean squared error"},
}
"""The words for parts, and for what is measured."""


@dataclass(frozen=True)
class Labels:
    """The words of charts in one language, and the language for their numbers: `labels("epoch")`.

    The English text in the code is the message id."""

    language: str = "en"
    translate: Callable[[str], str] = str

    def __call__(self, word: str) -> str:
        """An English word, or a key of `WORDS`, in the language."""
        return self.translate(WORDS.get(word, word))


ENGLISH = Labels()
FORMATS = {"loss": ".3~r", "mse": ".3~r", "accuracy": ".1%"}


def quoted(text: str) -> str:
    """A text as a string inside a Vega expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def word_for(field: str, words: Mapping[str, str] | Sequence[str]) -> str:
    """The expression that gives a field's value its word (a sequence: 0, 1, ...); any other value gives ''."""
    pairs = words.items() if isinstance(words, Mapping) else enumerate(words)
    cases = [
        f"datum.{field} === {quoted(value) if isinstance(value, str) else value} ? {quoted(word)}"
        for value, word in pairs
    ]
    return " : ".join([*cases, "''"])


def part_word(field: str, labels: Labels) -> str:
    """The expression that gives a part its word."""
    return word_for(field, {part: labels(part) for part in PARTS})


def interval_text(kind: str) -> str:
    """The expression that writes `low` and `high` as an interval."""
    form = quoted(FORMATS[kind])
    return f"isValid(datum.low) ? format(datum.low, {form}) + ' – ' + format(datum.high, {form}) : '–'"


def finish(
    chart: Any,
    labels: Labels,
    height: int,
    *,
    right: int = 8,
    padding: tuple[int, int, int, int] | None = None,
    canvas: bool = False,
) -> Spec:
    """The chart as a constant Vega-Lite dict without data.

    right : pixels left free for labels beside the plot; or `padding` with all four sides: left, top, right, bottom.
    canvas : draws pixels instead of SVG elements, for charts of thousands of cells, and for charts with a colour scale:
    an SVG refers to a gradient by the page's address, and loses it when that changes.
    """
    spec = _without_data(chart.to_dict(validate=False))  # the tests validate all specs; it takes half the time here
    spec.pop("$schema", None)
    spec["width"], spec["height"] = "container", height
    spec["padding"] = dict(zip(("left", "top", "right", "bottom"), padding or (4, 8, right, 8), strict=True))
    decimal, thousands = get_decimal_symbol(labels.language), get_group_symbol(labels.language)
    numbers = {"decimal": decimal, "thousands": thousands, "grouping": [3], "currency": ["", ""], "percent": "\u00a0%"}
    spec["config"] = {
        "locale": {"number": numbers},
        "legend": {"padding": 0, "offset": 8, "labelFontSize": 12, "titleFontSize": 12, "labelPadding": 4},
        # marks have the tooltip they ask for; Streamlit's theme gives one to all
        "mark": {"tooltip": False, "aria": False},
        "aria": False,  # a chart has one name, its `alt`; screen readers need not walk through its marks
    }
    if canvas:
        spec["usermeta"] = {"embedOptions": {"renderer": "canvas"}}
    return spec


def _without_data(spec: Spec) -> Spec:
    """The spec without data, and with views numbered in each chart: Altair's numbers count through the process."""
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


# Charts on paper: on the screen Streamlit gives a chart its theme; here the same look is written down.
WIDTH = 720
_PAPER, _FAINT, _GRID = "#ffffff", "#5c6773", "#e4e8ed"
_WORDS = {"labelFontWeight": 400, "titleFontWeight": 400, "labelColor": _FAINT, "titleColor": _FAINT}
_CONFIG: Spec = {
    "font": "'Source Sans Pro', Arial, 'Liberation Sans', sans-serif",
    "background": _PAPER,
    "autosize": {"type": "fit", "contains": "padding"},
    "view": {"strokeWidth": 0},
    "axis": {
        **{"labelFontSize": 12, "titleFontSize": 14, "ticks": False, "domain": False, "domainColor": _GRID},
        **{"gridColor": _GRID, "labelFlush": True, "labelOverlap": True, "labelLimit": 100, **_WORDS},
    },
    "axisDiscrete": {"grid": False},
    "axisXPoint": {"grid": False},
    "axisXBand": {"grid": False},
    "legend": {"symbolStrokeWidth": 2, **_WORDS},
    "header": _WORDS,
}


def on_paper(spec: Spec, rows: Any) -> Spec:
    """The chart with its rows (a data frame, an Arrow table or a list of dictionaries), a size and the light theme, to
    be drawn outside a browser. What the spec decides by itself (numbers, sizes) stays as it is."""
    frame = rows.to_pandas() if hasattr(rows, "to_pandas") else pd.DataFrame(rows)
    values = json.loads(frame.to_json(orient="records", double_precision=15))
    config = {**_CONFIG, **spec.get("config", {})}
    for part in _CONFIG.keys() & spec.get("config", {}).keys():
        if isinstance(_CONFIG[part], dict):
            config[part] = {**_CONFIG[part], **spec["config"][part]}
    width = {"width": WIDTH} if spec.get("width") == "container" else {}
    # a constant spec asks for the colour of the page by the signal `background`
    return {**spec, **width, "background": _PAPER, "config": config, "data": {"values": values}}
