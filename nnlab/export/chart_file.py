"""Charts as pictures."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from nnlab.charts.base import on_paper

_RENDER = Path(__file__).with_name("render.py")
_drawing = threading.Lock()  # one at a time: many pictures at once would fill the memory


def chart_file(spec: Mapping[str, Any], rows: Any, form: Literal["svg", "png"]) -> bytes:
    """A chart and its rows as a picture, in the light theme and the language of its words: SVG, or PNG with two pixels
    a point. A RuntimeError if it cannot be drawn."""
    command = [sys.executable, "-P", str(_RENDER), form]
    with _drawing:
        done = subprocess.run(command, input=json.dumps(on_paper(dict(spec), rows)).encode(), capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"The chart could not be drawn: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout
