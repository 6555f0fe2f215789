"""Small pictures as data URLs: what image marks show. PNG (ISO/IEC 15948) is a header and a zlib stream."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
