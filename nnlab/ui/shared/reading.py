"""Reading the store once for all pages that show the same at the same time."""

import math
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple, TypeVar

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
    reading = _reading(key, least, read)
    return reading.value if reading.at > since else read()


class _Reading(NamedTuple):
    value: Any
    least: float
    period: int
    at: float


def _is_current(reading: _Reading) -> bool:
    return reading.period == pace.shared(reading.least)


@st.cache_resource(max_entries=256, show_spinner=False, validate=_is_current)
def _reading(key: str, _least: float, _read: Callable[[], Any]) -> _Reading:
    """One for each key: a class with its tries takes megabytes."""
    period, at = pace.shared(_least), monotonic()
    return _Reading(_read(), _least, period, at)
