"""Tables as CSV and Markdown, and a comparison with its table as JSON."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from nnlab import __version__
from nnlab.spec import Comparison

EXCEL_TEXT = 40  # characters; longer text is no date or number


def csv_text(frame: pd.DataFrame, spanish: bool = False) -> bytes:
    """A table as CSV (RFC 4180): UTF-8, lines end in CR LF, the index is left out, missing values are empty.

    Text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an
    apostrophe in front. Numbers keep all their digits. `spanish`: as a Spanish Excel opens it on a double click, with
    `;` between cells, decimal commas and a byte order mark; pandas reads it with `read_csv(..., sep=";", decimal=",")`.
    There short text with a digit, such as `8-8-4`, is written as `="8-8-4"`: else Excel makes a date of it.
    """
    return b"".join(csv_blocks([frame], spanish))


def csv_blocks(frames: Iterable[pd.DataFrame], spanish: bool = False) -> Iterator[bytes]:
    """The parts of a table as `csv_text` writes the whole one, block by block; the first has the names of the columns.

    All frames have columns of the same names and types."""
    separator, decimal = (";", ",") if spanish else (",", ".")

    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return _excel_text(value) if spanish else _no_formula(value)
        return repr(float(value)).replace(".", decimal) if isinstance(value, float) and value == value else value

    for i, frame in enumerate(frames):
        columns = [
            column if pd.api.types.is_numeric_dtype(column) else column.astype(object).map(cell)
            for _, column in frame.items()
        ]
        safe = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
        header = False if i else [_no_formula(str(name)) for name in frame.columns]
        text = safe.to_csv(index=False, header=header, lineterminator="\r\n", sep=separator, decimal=decimal)
        yield text.encode("utf-8-sig" if spanish and i == 0 else "utf-8")


def in_blocks(table: pd.DataFrame, numbers: int = 100_000) -> Iterator[pd.DataFrame]:
    """The rows of a wide table, about so many numbers at a time."""
    each = max(1, numbers // table.shape[1])
    for start in range(0, len(table), each):
        yield table.iloc[start : start + each]


def _no_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _excel_text(text: str) -> str:
    """As Excel keeps it: `8-8-4`, `1/2` and `mar-3` would become dates, `1e5` and `007` other numbers."""
    safe, short = _no_formula(text), len(text) <= EXCEL_TEXT and text.isprintable()
    changes = any(map(str.isdecimal, text)) and not re.fullmatch("0|[1-9][0-9]{0,14}", text)
    could_change = safe == text and short and changes
    return f'="{text.replace(chr(34), 2 * chr(34))}"' if could_change else safe


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
    rows = [{name: _plain(value) for name, value in row.items()} for row in table.astype(object).to_dict("records")]
    content = {"nnlab": __version__, "comparison": comparison.plain(), "table": rows}
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _plain(value: Any) -> Any:
    """A cell as JSON holds it, numbers with all their digits; None where it is missing or not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value
