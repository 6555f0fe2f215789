"""Tables whose cells sort by a value and are shown as a text."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler


def sortable(frame: pd.DataFrame, texts: Mapping[Any, Sequence[str]]) -> Styler:
    """The frame with some columns shown as these texts, one a row; they sort by the frame's values."""
    formats: dict[Any, str | Callable[[object], str] | None] = {
        column: _in_turn(of_column) for column, of_column in texts.items()
    }
    return frame.style.format(formats)


def _in_turn(texts: Sequence[str]) -> Callable[[object], str]:
    rest = iter(texts)
    return lambda _: next(rest, "")


def rows_key(key: str, rows: object) -> str:
    """A widget key for exactly these rows: with other rows the selection is dropped."""
    return f"{key}-{hashlib.sha1(repr(rows).encode(), usedforsecurity=False).hexdigest()[:10]}"
