"""Parts of pages: a row for the title, widgets whose values belong to a page's own state."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def title_row(key: str) -> DeltaGenerator:
    """A container for the title on the left and what stands beside it on the right."""
    return st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key=key)


def clickable(words: str) -> str:
    """A choice's words in the colour of what can be clicked: Streamlit gives the chosen one the colour of a button's
    ground, which is too dark for words on the dark theme."""
    return f":violet[{words}]"


def bound(key: str, value: Any, take: Callable[[Any], None]) -> dict[str, Any]:
    """The options of a widget that shows `value` and passes a new one to `take`, before the script runs again."""
    st.session_state[key] = value
    return {"key": key, "on_change": lambda: take(st.session_state[key])}
