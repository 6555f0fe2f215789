"""The colours and dashes of charts (Okabe and Ito 2008: distinct for colour-blind readers too)."""

from collections.abc import Sequence

import altair as alt

TRAIN, VALIDATION, TEST = "#0072B2", "#D55E00", "#009E73"
COLOURS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
CLASSES = (
    *("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442"),
    *("#8D96A1", "#7B5AA6", "#8C6239"),
)
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A828C")
"""For things without an order (runs, activations): at most seven are drawn."""
DASH = [6, 4]
DASHES: dict[str, list[int]] = {"train": [], "validation": DASH, "test": [2, 3]}


def themed(light: str, dark: str) -> alt.ExprRef:
    """A colour that follows the theme: Streamlit sets Vega's signal `background` to the page's background."""
    return alt.ExprRef(expr=f"luminance(background) > 0.4 ? '{light}' : '{dark}'")


INKS = {  # light, dark
    "ink": ("#0e1620", "#e6eaee"),
    "faint": ("#5c6773", "#a5afba"),
    "hair": ("#d9dfe6", "#36404b"),
    "soft": ("#e8ecf1", "#2a323b"),
    "wrong": ("#B8293D", "#FF8A95"),
    "chosen": ("#6440b0", "#b79cf0"),
    "train": ("#00639C", "#5FB2E2"),  # text in a role's colour needs more contrast than lines
    "validation": ("#B24E00", "#F0894A"),
    "test": ("#00765A", "#3CC69C"),
}
INK, FAINT, HAIR, SOFT, WRONG, CHOSEN = (
    themed(*INKS[name]) for name in ("ink", "faint", "hair", "soft", "wrong", "chosen")
)
PAPER = alt.ExprRef(expr="background")
ROLE_INK = {name: themed(*INKS[name]) for name in COLOURS}
_RAMP_LIGHT = ("#62B2DA", "#3F95C8", "#2377AE", "#145489", "#0A3159")
_RAMP_DARK = ("#DDF2FC", "#A6D8F2", "#6DB6E3", "#4191CB", "#2C6BA8")
DIVERGING = (  # light, dark
    ("#0B5394", "#6FAAD6", "#F4F5F6", "#F0A868", "#B25900"),
    ("#7CC0F2", "#3279B5", "#232A31", "#B46D20", "#FFB46E"),
)


def ramp(n: int) -> list[alt.ExprRef]:
    """n colours for ordered values: light = shallow, dark = deep, all visible in both themes."""
    places = [0.5] if n == 1 else [i / (n - 1) for i in range(n)]
    return [themed(_between(_RAMP_LIGHT, place), _between(_RAMP_DARK, place)) for place in places]


def diverging(limit: float) -> alt.Scale:
    """Blue below zero, orange above, the theme's own middle at zero; symmetric."""
    stops = [-limit, -limit / 2, 0, limit / 2, limit]
    colours = [themed(light, dark) for light, dark in zip(*DIVERGING, strict=True)]
    return alt.Scale(domain=stops, range=colours, clamp=True, interpolate="rgb")


def _between(colours: Sequence[str], place: float) -> str:
    at = place * (len(colours) - 1)
    i = min(int(at), len(colours) - 2)
    pair = [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours[i : i + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in zip(*pair, strict=True))
