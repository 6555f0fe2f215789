"""A board to draw a digit on, and the drawing as a sample of the data."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import center_of_mass

from nnlab.datasets import Dataset
from nnlab.ui.shell.text import Text

SIDE = 56  # pixels a side that the browser sends

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
    """The drawing, (SIDE, SIDE), 255 where there is ink; None while the board is empty."""
    words = {"clear": t("Clear"), "label": t("Draw a digit here")}
    result = _board(key="drawing", data=words, default={"ink": ""}, on_ink_change=lambda: None)
    return from_hex(str(getattr(result, "ink", "") or ""))


def from_hex(text: str) -> NDArray[np.uint8] | None:
    """The drawing that the browser sends as two hexadecimal digits per pixel; None for any other text."""
    try:
        ink = np.frombuffer(bytes.fromhex(text), np.uint8)
    except ValueError:
        return None
    return ink.reshape(SIDE, SIDE) if ink.size == SIDE * SIDE and ink.any() else None


def as_sample(drawing: NDArray[np.uint8], dataset: Dataset) -> NDArray[np.float32]:
    """The drawing as a raw sample, (pixels,), prepared like the digits of the data set.

    For MNIST (LeCun et al. 1998) the ink is scaled into a box of 20 of the 28 pixels and its centre of mass is moved to
    the middle; 8×8 digits fill their height.
    """
    height, width = dataset.image_shape or (28, 28)
    by_mass = height > 8
    ink = Image.fromarray(drawing)
    ink = ink.crop(ink.getbbox()).convert("F")  # so that faint ink is not rounded away
    scale = (round(height * 20 / 28) if by_mass else height) / max(ink.size)
    columns, rows = (max(1, round(side * scale)) for side in ink.size)
    small = np.asarray(ink.resize((columns, rows), Image.Resampling.BOX), float) / 255
    top, left = (height - rows) // 2, (width - columns) // 2
    if by_mass:  # as far as the picture allows
        y, x = center_of_mass(small)
        top = int(np.clip(round(height / 2 - 0.5 - y), 0, height - rows))
        left = int(np.clip(round(width / 2 - 0.5 - x), 0, width - columns))
    picture = np.zeros((height, width))
    picture[top : top + rows, left : left + columns] = small
    return (picture * (255 if by_mass else 16)).round().astype(np.float32).reshape(-1)
