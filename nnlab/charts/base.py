"""From an Altair chart to a constant Vega-Lite spec.

The same arguments give the same bytes, and rows are never part of a spec. So the browser keeps a chart and only swaps
its rows while a run ticks.
"""

import re
from typing import Any

from babel.numbers import get_decimal_symbol, get_group_symbol

from nnlab.charts.labels import Labels

Spec = dict[str, Any]
HEIGHT = 280
"""Of every large chart, so that neighbours are equally high."""


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
    canvas : draws pixels instead of SVG elements, for charts of thousands of cells.
    """
    spec = _without_data(chart.to_dict())
    spec.pop("$schema", None)
    spec["width"], spec["height"] = "container", height
    spec["padding"] = dict(zip(("left", "top", "right", "bottom"), padding or (4, 8, right, 8), strict=True))
    decimal, thousands = get_decimal_symbol(labels.language), get_group_symbol(labels.language)
    numbers = {"decimal": decimal, "thousands": thousands, "grouping": [3], "currency": ["", ""], "percent": "\u00a0%"}
    spec["config"] = {
        "locale": {"number": numbers},
        "legend": {"padding": 0, "offset": 8, "labelFontSize": 12, "titleFontSize": 12, "labelPadding": 4},
        "mark": {"tooltip": False},  # marks have the tooltip they ask for; Streamlit's theme gives one to all
    }
    if canvas:
        spec["config"]["aria"] = False
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
