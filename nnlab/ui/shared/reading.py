"""Reading the store once for all pages that show the same at the same time."""

import math
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import streamlit as st

from nnlab.ui.shell.ticks import pace

Value = TypeVar("Value")


def read_once(key: str, least: float, read: Callable[[], Value], since: float = -math.inf) -> Value:
    """What `read` returns now, or has returned to another page a moment ago: all draw the same.

    Parameters
    ----------
    key : str
        What is read: the id of a run, for example.
    least : float
        The least seconds between two ticks of the pages.
    since : float
        A moment of the monotonic clock, as of a button that was pressed: what was read earlier is not returned.
    """
    at, value = _reading(key, pace.shared(least), read)
    return value if at > since else read()


@st.cache_resource(max_entries=512, show_spinner=False)
def _reading(key: str, period: int, _read: Callable[[], Any]) -> tuple[float, Any]:
    return monotonic(), _read()
