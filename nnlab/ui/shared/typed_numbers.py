"""Numbers as people type them: with a decimal comma or point, whatever the language of the page and of the browser."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shell.text import MINUS

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_SEPARATED = re.compile(r"[+-]?\d+([.,'’ ]\d+)+", re.ASCII)


def read_number(text: str, field: str = "", *, whole: bool = False) -> float:
    """The number of a text such as `0.03`, `0,03`, `−2`, `1e3`; an int where only whole numbers are allowed.

    A comma is a decimal mark, as a point is. What could be meant in two ways is refused: `1.000` for a whole number,
    `1.000,5` everywhere.

    Raises
    ------
    SpecError
        Names the field, the text and what is allowed.
    """
    plain = " ".join(text.replace(MINUS, "-").split())
    value = float(plain.replace(",", ".")) if _NUMBER.fullmatch(plain) else math.nan
    separated = _SEPARATED.fullmatch(plain) is not None
    if math.isfinite(value) and not whole:
        return value
    if math.isfinite(value) and value.is_integer() and not separated:
        return int(value)
    kind = "whole number" if whole else "number"
    raise SpecError([Problem(field, text, "type", expected=f"{kind} without separators" if separated else kind)])


class Typed(NamedTuple):
    """What was typed for a number and is none, as it was typed."""

    text: str
    whole: bool  # whether only whole numbers are allowed


def typed_problems(value: Any, field: str = "", depth: int = 4) -> Iterator[Problem]:
    """What is wrong with every `Typed` in a value, which may be a list or a mapping of values, `depth` levels deep."""
    if not depth:
        return
    if isinstance(value, Typed):
        try:
            read_number(value.text, field, whole=value.whole)
        except SpecError as error:
            yield from error.problems
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from typed_problems(part, f"{field}.{name}" if field else name, depth - 1)
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from typed_problems(part, f"{field}[{i}]", depth - 1)
