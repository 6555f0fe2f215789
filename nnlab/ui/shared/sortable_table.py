"""Tables whose cells sort by a value and are shown as a text."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler


def sortable(frame: pd.DataFrame, texts: Mapping[Any, Sequence[str]]) -> Styler:
    """The frame with some columns shown as these texts, one a row; they sort by the frame's values."""
    formats: dict[Any, Any] = {column: partial(_next, iter(rows)) for column, rows in texts.items()}
    return frame.style.format(formats)


def _next(texts: Iterator[str], _: object) -> str:
    return next(texts, "")


def rows_key(key: str, rows: object) -> str:
    """A widget key for exactly these rows: with other rows the selection is dropped."""
    return f"{key}-{hashlib.sha1(repr(rows).encode(), usedforsecurity=False).hexdigest()[:10]}"


def choose_row(table: Styler, key: str, ids: Sequence[str], **look: Any) -> int | None:
    """Draw a table with a row for each id, of which one can be chosen, also by a cell; its place."""
    chosen: Any = st.dataframe(
        table,
        hide_index=True,
        key=rows_key(key, ids),
        on_select="rerun",
        selection_mode=("single-row", "single-cell"),
        height=38 + 35 * min(40, len(ids)),
        **look,
    )
    picked = [*chosen.selection.rows, *(row for row, _ in chosen.selection.cells)]
    return next((place for place in picked if place < len(ids)), None)
