"""Tables as CSV and Markdown, and a comparison with its table as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from nnlab import __version__
from nnlab.spec import Comparison


def csv_text(frame: pd.DataFrame, spanish: bool = False) -> bytes:
    """A table as CSV (RFC 4180): UTF-8, lines end in CR LF, the index is left out, missing values are empty.

    Parameters
    ----------
    spanish : bool
        As a Spanish Excel opens it on a double click: `;` between cells, decimal commas, a byte order mark in front.
        pandas reads it with `read_csv(..., sep=";", decimal=",")`.

    Notes
    -----
    Text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an
    apostrophe in front. Numbers keep all their digits.
    """
    decimal = "," if spanish else "."
    safe = pd.DataFrame({i: _cells(frame.iloc[:, i], decimal) for i in range(frame.shape[1])}, index=frame.index)
    safe.columns = pd.Index([_no_formula(str(name)) for name in frame.columns])
    text = safe.to_csv(index=False, lineterminator="\r\n", sep=";" if spanish else ",", decimal=decimal)
    return text.encode("utf-8-sig" if spanish else "utf-8")


def _cells(column: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(column):
        return column

    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return _no_formula(value)
        return repr(float(value)).replace(".", decimal) if isinstance(value, float) and value == value else value

    return column.astype(object).map(cell)


def _no_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def markdown_table(frame: pd.DataFrame, digits: int = 4) -> str:
    """A table in Markdown; numbers to so many significant digits, missing values empty, | escaped."""

    def cell(value: Any) -> str:
        if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            return ""
        text = f"{value:.{digits}g}" if isinstance(value, float) else str(value)
        return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())

    numeric = [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]
    rows = [[cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    lines = [
        [cell(str(name)) for name in frame.columns],
        ["---:" if is_number else "---" for is_number in numeric],
        *rows,
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def comparison_file(comparison: Comparison, table: pd.DataFrame) -> bytes:
    """A comparison with its table as JSON; `Comparison.from_json` and `nnlab compare FILE` read it and train it again
    to the same numbers."""
    rows = json.loads(table.to_json(orient="records", double_precision=15))
    content = {"nnlab": __version__, "comparison": comparison.plain(), "table": rows}
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
