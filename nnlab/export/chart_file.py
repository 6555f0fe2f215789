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
DRAWS, WAITS = 30.0, 60.0  # seconds: that a chart may take, and that it waits for others


def chart_file(spec: Mapping[str, Any], rows: Any, form: Literal["svg", "png"]) -> bytes:
    """A chart and its rows as a picture, in the light theme and the language of its words: SVG, or PNG with two pixels
    a point. A RuntimeError if it cannot be drawn."""
    command = [sys.executable, "-P", str(_RENDER), form]
    if not _drawing.acquire(timeout=WAITS):
        raise RuntimeError("The chart could not be drawn: others are being drawn; try again in a minute.")
    try:
        text = json.dumps(on_paper(dict(spec), rows)).encode()
        done = subprocess.run(  # nosec B603: this Python, with arguments of our own
            command, input=text, capture_output=True, timeout=DRAWS
        )
    except subprocess.TimeoutExpired as error:  # the process is killed
        raise RuntimeError(f"The chart could not be drawn: it took more than {DRAWS:.0f} s.") from error
    finally:
        _drawing.release()
    if done.returncode != 0:
        raise RuntimeError(f"The chart could not be drawn: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout
