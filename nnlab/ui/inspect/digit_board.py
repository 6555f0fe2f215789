"""A board to draw a digit on, and the drawing as the data has its digits."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from nnlab.datasets import Dataset
from nnlab.ui.shell.text import Text

SIDE = 56
"""Pixels a side that the browser sends."""

_board = st.components.v2.component(
    "nnlab_drawing",
    html='<canvas width="224" height="224" role="img"></canvas><button type="button"></button>',
    css="""
canvas { width: 224px; max-width: 100%; aspect-ratio: 1; touch-action: none; cursor: crosshair; display: block;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); background: #fff; }
button { font: inherit; font-size: 0.875rem; margin-top: 0.5rem; padding: 0.3rem 0.8rem; cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius); }
button:hover, button:focus-visible { border-color: var(--st-primary-color); outline: none; }
""",
    js=f"""
export default function({{ data, parentElement, setStateValue }}) {{
  const canvas = parentElement.querySelector("canvas"), clear = parentElement.querySelector("button");
  const pen = canvas.getContext("2d", {{ willReadFrequently: true }});
  canvas.ariaLabel = data.label;
  clear.textContent = data.clear;
  if (canvas.dataset.ready) return;
  canvas.dataset.ready = "yes";
  Object.assign(pen, {{ lineWidth: 18, lineCap: "round", lineJoin: "round", strokeStyle: "#000" }});
  let drawing = false;
  const place = (e) => {{
    const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
    return [(e.clientX - box.left) * scale, (e.clientY - box.top) * scale];
  }};
  canvas.onpointerdown = (e) => {{
    drawing = true;
    canvas.setPointerCapture(e.pointerId);
    pen.beginPath();
    pen.moveTo(...place(e));
    pen.lineTo(...place(e));
    pen.stroke();
  }};
  canvas.onpointermove = (e) => {{ if (drawing) {{ pen.lineTo(...place(e)); pen.stroke(); }} }};
  canvas.onpointerup = () => {{
    drawing = false;
    const small = new OffscreenCanvas({SIDE}, {SIDE}).getContext("2d");
    small.drawImage(canvas, 0, 0, {SIDE}, {SIDE});
    const ink = small.getImageData(0, 0, {SIDE}, {SIDE}).data.filter((_, i) => i % 4 === 3);
    setStateValue("ink", Array.from(ink, (v) => v.toString(16).padStart(2, "0")).join(""));
  }};
  clear.onclick = () => {{ pen.clearRect(0, 0, canvas.width, canvas.height); setStateValue("ink", ""); }};
}}
""",
)


def drawing_board(t: Text) -> NDArray[np.uint8] | None:
    """The drawing as (SIDE, SIDE) bytes, 255 is ink; None while the board is empty."""
    result = _board(
        key="drawing",
        data={"clear": t("Clear"), "label": t("Draw a digit here")},
        default={"ink": ""},
        on_ink_change=lambda: None,
    )
    return from_hex(str(getattr(result, "ink", "") or ""))


def from_hex(text: str) -> NDArray[np.uint8] | None:
    """What the browser sends, two hexadecimal digits a pixel; None where it is no drawing."""
    try:
        ink = np.frombuffer(bytes.fromhex(text), np.uint8)
    except ValueError:
        return None
    return ink.reshape(SIDE, SIDE) if ink.size == SIDE * SIDE and ink.any() else None


def as_sample(drawing: NDArray[np.uint8], dataset: Dataset) -> NDArray[np.float32]:
    """The drawing as a raw sample of the data, (inputs,): as MNIST was made (LeCun et al. 1998), the ink is scaled into
    a box of 20 of 28 pixels and its centre of mass put into the middle; 8×8 digits fill their height."""
    height, width = dataset.image_shape or (28, 28)
    box = round(height * 20 / 28) if height > 8 else height
    rows, columns = np.flatnonzero(drawing.max(axis=1)), np.flatnonzero(drawing.max(axis=0))
    ink = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64) / 255
    scale = box / max(ink.shape)
    small = _resized(ink, max(1, round(ink.shape[0] * scale)), max(1, round(ink.shape[1] * scale)))
    picture = np.zeros((height, width))
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    if height > 8:  # by mass, as far as the picture allows
        y, x = (np.average(np.arange(n), weights=small.sum(axis=1 - axis)) for axis, n in enumerate(small.shape))
        top = int(np.clip(round(height / 2 - 0.5 - y), 0, height - small.shape[0]))
        left = int(np.clip(round(width / 2 - 0.5 - x), 0, width - small.shape[1]))
    picture[top : top + small.shape[0], left : left + small.shape[1]] = small
    full = 16 if height == 8 else 255
    return (picture * full).round().astype(np.float32).reshape(-1)


def _resized(picture: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Area average, exact for any two sizes: each new pixel is the mean of what it covers."""
    return _cover(height, picture.shape[0]) @ picture @ _cover(width, picture.shape[1]).T


def _cover(new: int, old: int) -> NDArray[np.float64]:
    """How much of each old pixel each new one covers, (new, old), rows sum to one."""
    edges = np.linspace(0, old, new + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(old)
    covered = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return np.asarray(covered / covered.sum(axis=1, keepdims=True))
