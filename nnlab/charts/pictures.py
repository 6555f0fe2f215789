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
from nnlab.charts.marks import either, expression, text, tip

_INK, _SHEET = np.array([31, 41, 51]), np.array([246, 247, 249])
_BELOW, _ABOVE = np.array([31, 115, 179]), np.array([217, 117, 25])


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
    return _data_url(np.concatenate([np.where(share < 0, _BELOW, _ABOVE), 255 * np.abs(share)], axis=2))


def picture_places(n: int, columns: int) -> dict[str, Any]:
    """`column` and `row` of n pictures, row by row."""
    return {"column": np.arange(n) % columns, "row": np.arange(n) // columns}


def picture_rows(
    pictures: Sequence[Any],
    labels: Sequence[str],
    predicted: Sequence[str] | None = None,
    probability: Sequence[float] | None = None,
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
            **picture_places(len(pictures), columns),
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
    return tiles(columns, rows, tooltip, captions=captions, labels=labels, cell=cell)


def tiles(
    columns: int, rows: int, tooltip: list[Any], *, captions: bool, labels: Labels, cell: int, frame: bool = False
) -> Spec:
    """Square pictures in a grid: `column`, `row`, `url`, and with captions `text` and `wrong`."""
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
