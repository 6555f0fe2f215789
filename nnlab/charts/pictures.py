"""Small pictures as data URLs: what image marks show. PNG (ISO/IEC 15948) is a header and a zlib stream."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.charts.base import ENGLISH, FAINT, HAIR, WRONG, Labels, Spec, finish

_INK, _SHEET = np.array([31, 41, 51]), np.array([246, 247, 249])
_BELOW, _ABOVE = np.array([31, 115, 179]), np.array([217, 117, 25])


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of (h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA bytes."""
    height, width = pixels.shape[:2]
    kind = {1: 0, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    lines = pixels.reshape(height, -1)
    raw = np.concatenate([np.zeros((height, 1), np.uint8), lines.astype(np.uint8)], axis=1)  # filter 0 before each line
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(raw.tobytes(), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def data_url(pixels: NDArray[np.uint8]) -> str:
    """The same as a URL that needs no server."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def picture_url(pixels: ArrayLike, full: float | None = None) -> str:
    """A grey picture (h, w), 0 is paper and `full` (default: 255 or 16 or 1, whichever holds the largest) is ink."""
    values: NDArray[Any] = np.asarray(pixels, float)
    if full is None:
        full = next((f for f in (1.0, 16.0) if values.max(initial=0) <= f), 255.0)
    share = np.clip(values / full, 0, 1)[..., None]
    return data_url(np.rint(_SHEET + (_INK - _SHEET) * share).astype(np.uint8))


def weights_url(weights: ArrayLike, limit: float) -> str:
    """Weights (h, w) as a picture: blue below zero, orange above, clear at zero so that the theme shows through."""
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
    """Pictures (h, w) laid out line by line: `column`, `row`, `url`, `text`, `wrong`, `class`, `predicted`,
    `probability`. The text is the class, or `3 → 8` where the network takes it for another."""
    guesses = list(labels) if predicted is None else list(predicted)
    sure = [float("nan")] * len(pictures) if probability is None else list(probability)
    rows = []
    for i, (pixels, label, guess, share) in enumerate(zip(pictures, labels, guesses, sure, strict=True)):
        wrong = label != guess
        rows.append(
            {
                "column": i % columns,
                "row": i // columns,
                "url": picture_url(pixels, full),
                "text": f"✗ {label} → {guess}" if wrong else ("" if predicted is None else "✓ ") + label,
                "wrong": wrong,
                "class": label,
                "predicted": guess,
                "probability": share,
            }
        )
    return pd.DataFrame(rows, columns=["column", "row", "url", "text", "wrong", "class", "predicted", "probability"])


@cache
def picture_grid(
    columns: int = 8, rows: int = 2, *, captions: bool = True, labels: Labels = ENGLISH, cell: int = 76
) -> Spec:
    """Pictures with what they are and what they are taken for; mistakes have a cross and a colour.

    Rows: `picture_rows` with the same number of columns."""
    tooltip = [
        alt.Tooltip("class:N", title=labels.true_class),
        *([alt.Tooltip("predicted:N", title=labels.predicted)] if captions else []),
        *([alt.Tooltip("probability:Q", title=labels.probability, format=".1%")] if captions else []),
    ]
    return tiles(columns, rows, tooltip, captions=captions, labels=labels, cell=cell)


def tiles(
    columns: int, rows: int, tooltip: list[Any], *, captions: bool, labels: Labels, cell: int, frame: bool = False
) -> Spec:
    """Square pictures in lines: `column`, `row`, `url`, and with captions `text` and `wrong`."""
    below = 18 if captions else 0
    side = f"min(bandwidth('x'), bandwidth('y') - {below})"
    place: dict[str, Any] = {
        "x": alt.X("column:O", axis=None, scale=alt.Scale(domain=list(range(columns)), padding=0.08)),
        "y": alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(rows)), padding=0.06)),
    }
    layers: list[Any] = []
    if frame:
        size = alt.ExprRef(expr=f"{side} + 2")
        layers.append(
            alt.Chart().mark_rect(
                width=size, height=size, fill=None, stroke=HAIR, strokeWidth=1, yOffset=-below / 2, tooltip=False
            )
        )
    layers.append(
        alt.Chart()
        .mark_image(width=alt.ExprRef(expr=side), height=alt.ExprRef(expr=side), smooth=False, yOffset=-below / 2)
        .encode(url="url:N", tooltip=tooltip)
    )
    if captions:
        layers.append(
            alt.Chart()
            .mark_text(
                dy=alt.ExprRef(expr=f"{side} / 2 + 3"), fontSize=12, fontWeight=600, baseline="middle", tooltip=False
            )
            .encode(text="text:N", color=alt.condition("datum.wrong", alt.value(WRONG), alt.value(FAINT)))
        )
    return finish(alt.layer(*layers).encode(**place), labels, height=rows * (cell + below))
