"""A chart on paper: the constant spec with its rows, a size and the light theme, ready to be drawn outside a browser.

On the screen Streamlit gives a chart its theme; here the same look is written down, in points and names of colours.
"""

import json
from typing import Any

import pandas as pd

from nnlab.charts.base import Spec

WIDTH = 720
PAPER, INK, FAINT, GRID = "#ffffff", "#1f2933", "#5c6773", "#e4e8ed"
FONT = "'Source Sans Pro', Arial, 'Liberation Sans', sans-serif"
_WORDS = {"labelFontWeight": 400, "titleFontWeight": 400, "labelColor": FAINT, "titleColor": FAINT}
CONFIG: Spec = {
    "font": FONT,
    "background": PAPER,
    "autosize": {"type": "fit", "contains": "padding"},
    "view": {"strokeWidth": 0},
    "axis": {
        **{"labelFontSize": 12, "titleFontSize": 14, "ticks": False, "domain": False, "domainColor": GRID},
        **{"gridColor": GRID, "labelFlush": True, "labelOverlap": True, "labelLimit": 100, **_WORDS},
    },
    "axisDiscrete": {"grid": False},
    "axisXPoint": {"grid": False},
    "axisXBand": {"grid": False},
    "legend": {"symbolStrokeWidth": 2, **_WORDS},
    "header": _WORDS,
}


def on_paper(spec: Spec, rows: Any) -> Spec:
    """The whole chart as one Vega-Lite value; `rows` are a data frame, an Arrow table or a list of dictionaries.

    What the spec decides by itself (numbers of the language, sizes) stays as it is."""
    frame = rows.to_pandas() if hasattr(rows, "to_pandas") else pd.DataFrame(rows)
    values = json.loads(frame.to_json(orient="records", double_precision=15))
    config = {**CONFIG, **spec.get("config", {})}
    for part in CONFIG.keys() & spec.get("config", {}).keys():
        if isinstance(CONFIG[part], dict):
            config[part] = {**CONFIG[part], **spec["config"][part]}
    width = {"width": WIDTH} if spec.get("width") == "container" else {}
    # a constant spec asks for the colour of the page by the signal `background`
    return {**spec, **width, "background": PAPER, "config": config, "data": {"values": values}}
