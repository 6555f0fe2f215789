"""Tables as CSV and Markdown, and a comparison with its table as JSON."""

import json
from typing import Any

import pandas as pd

from nnlab import __version__
from nnlab.spec import Comparison


def csv_text(frame: pd.DataFrame, spanish: bool = False) -> bytes:
    """A table as CSV (RFC 4180): UTF-8, lines end in CR LF, the index is left out, missing values are empty.

    Text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an
    apostrophe in front. Numbers keep all their digits. `spanish`: as a Spanish Excel opens it on a double click, with
    `;` between cells, decimal commas and a byte order mark; pandas reads it with `read_csv(..., sep=";", decimal=",")`.
    """
    separator, decimal, encoding = (";", ",", "utf-8-sig") if spanish else (",", ".", "utf-8")

    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return _no_formula(value)
        return repr(float(value)).replace(".", decimal) if isinstance(value, float) and value == value else value

    columns = [
        column if pd.api.types.is_numeric_dtype(column) else column.astype(object).map(cell)
        for _, column in frame.items()
    ]
    safe = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
    header = [_no_formula(str(name)) for name in frame.columns]
    text = safe.to_csv(index=False, header=header, lineterminator="\r\n", sep=separator, decimal=decimal)
    return text.encode(encoding)


def _no_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def markdown_table(frame: pd.DataFrame, digits: int = 4) -> str:
    """A table in Markdown; numbers to so many significant digits, missing values empty, | escaped."""

    def cell(value: Any) -> str:
        if pd.isna(value):
            return ""
        text = f"{value:.{digits}g}" if isinstance(value, float) else str(value)
        return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())

    rules = ["---:" if pd.api.types.is_numeric_dtype(column) else "---" for _, column in frame.items()]
    rows = [[cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    lines = [[cell(str(name)) for name in frame.columns], rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def comparison_file(comparison: Comparison, table: pd.DataFrame) -> bytes:
    """A comparison with its table as JSON; `Comparison.from_json` and `nnlab compare FILE` read it and train it again
    to the same numbers."""
    rows = json.loads(table.to_json(orient="records", double_precision=15))
    content = {"nnlab": __version__, "comparison": comparison.plain(), "table": rows}
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
