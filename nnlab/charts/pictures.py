"""Small pictures as data URLs, laid out in a grid: samples, and weights in the shape of the input."""

import base64
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from nnlab.charts.base import Spec, finish
from nnlab.charts.colours import FAINT, HAIR, WRONG
from nnlab.charts.labels import ENGLISH, Labels
from nnlab.charts.marks import either, tip

_INK, _SHEET = np.array([31, 41, 51]), np.array([246, 247, 249])
_BELOW, _ABOVE = np.array([31, 115, 179]), np.array([217, 117, 25])


def data_url(pixels: NDArray[np.uint8]) -> str:
    """A PNG of (h, w, 3) RGB or (h, w, 4) RGBA bytes, as a URL."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def picture_url(pixels: ArrayLike, full: float | None = None) -> str:
    """A grey picture (h, w): 0 is paper and `full` is ink (default: 1, 16 or 255, the first that no pixel exceeds)."""
    values: NDArray[Any] = np.asarray(pixels, float)
    if full is None:
        full = next((f for f in (1.0, 16.0) if values.max(initial=0) <= f), 255.0)
    share = np.clip(values / full, 0, 1)[..., None]
    return data_url(np.rint(_SHEET + (_INK - _SHEET) * share).astype(np.uint8))


def weights_url(weights: ArrayLike, limit: float) -> str:
    """Weights (h, w) as a picture: blue below zero, orange above, transparent at zero."""
    values: NDArray[Any] = np.asarray(weights, float)
    share = np.clip(np.nan_to_num(values) / limit, -1, 1) if limit > 0 else np.zeros_like(values)
    colour = np.where((share < 0)[..., None], _BELOW, _ABOVE)
    return data_url(np.concatenate([colour, np.rint(255 * np.abs(share))[..., None]], axis=2).astype(np.uint8))


def picture_rows(
    pictures: Sequence[Any],
    labels: Sequence[str],
    predicted: Sequence[str] | None = None,
    probability: Sequence[float] | None = None,
    *,
    columns: int = 8,
    full: float | None = None,
) -> pd.DataFrame:
    """Pictures (h, w) in a grid, row by row: `column`, `row`, `url`, `text`, `wrong`, `class`, `predicted`,
    `probability`. The text is the class, or `3 → 8` where the prediction is another class."""
    guesses = list(labels if predicted is None else predicted)
    right = "" if predicted is None else "✓ "
    place = np.arange(len(pictures))
    return pd.DataFrame(
        {
            "column": place % columns,
            "row": place // columns,
            "url": [picture_url(pixels, full) for pixels in pictures],
            "text": [
                right + label if label == guess else f"✗ {label} → {guess}"
                for label, guess in zip(labels, guesses, strict=True)
            ],
            "wrong": [label != guess for label, guess in zip(labels, guesses, strict=True)],
            "class": labels,
            "predicted": guesses,
            "probability": np.nan if probability is None else probability,
        }
    )


@cache
def picture_grid(
    columns: int = 8, rows: int = 2, *, captions: bool = True, labels: Labels = ENGLISH, cell: int = 76
) -> Spec:
    """Pictures with their class and the predicted class; mistakes have a cross and a colour.

    Rows: `picture_rows` with the same number of columns."""
    tooltip = [tip("class", labels("class"))]
    if captions:
        tooltip += [tip("predicted", labels("predicted")), tip("probability", labels("probability"), ".1%")]
    return tiles(columns, rows, tooltip, captions=captions, labels=labels, cell=cell)


def tiles(
    columns: int, rows: int, tooltip: list[Any], *, captions: bool, labels: Labels, cell: int, frame: bool = False
) -> Spec:
    """Square pictures in a grid: `column`, `row`, `url`, and with captions `text` and `wrong`."""
    below = 18 if captions else 0
    side = f"min(bandwidth('x'), bandwidth('y') - {below})"
    inner, outer = alt.ExprRef(expr=side), alt.ExprRef(expr=f"{side} + 2")
    look: dict[str, Any] = {"width": outer, "height": outer, "fill": None, "stroke": HAIR, "strokeWidth": 1}
    picture = alt.Chart().mark_image(width=inner, height=inner, smooth=False, yOffset=-below / 2)
    layers = [alt.Chart().mark_rect(**look, yOffset=-below / 2)] if frame else []
    layers.append(picture.encode(url="url:N", tooltip=tooltip))
    if captions:
        caption: dict[str, Any] = {
            "dy": alt.ExprRef(expr=f"{side} / 2 + 3"),
            "fontSize": 12,
            "fontWeight": 600,
            "baseline": "middle",
        }
        layers.append(alt.Chart().mark_text(**caption).encode(text="text:N", color=either("datum.wrong", WRONG, FAINT)))
    chart = alt.layer(*layers).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(domain=list(range(columns)), padding=0.08)),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(rows)), padding=0.06)),
    )
    return finish(chart, labels, rows * (cell + below))
