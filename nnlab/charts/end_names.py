"""Names at the ends of curves, in place of a legend."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from nnlab.charts.colours import INK
from nnlab.charts.marks import expression

APART = 14
"""Pixels between the middles of two names, at a font size of 12."""
LONGEST = 16
"""Letters of a name that has room beside its curve."""


def names_width(names: Sequence[str]) -> str:
    """The expression for the pixels that names beside their curves take; empty where one is too long for that."""
    longest = max(map(len, names), default=0)
    return f"min({22 + round(6.8 * longest)}, 0.45 * width)" if 0 < longest <= LONGEST else ""


def end_names(rows: Any, curve: str, field: str, name: str, width: str, colour: Any, most: int) -> list[Any]:
    """The names of up to `most` curves in the last `width` pixels, each with a line from the end of its curve.

    Names that would touch move apart: each is as far from the others as they need, half of it down, half of it up.
    `curve`, `field`: the fields of a curve's number and of its height. `name`: the expression for the name."""
    fields: list[tuple[str, dict[str, Any]]] = [("rank", {"op": "row_number"})]
    for k in range(1, most):
        fields += [(f"above{k}", {"op": "lag", "param": k}), (f"below{k}", {"op": "lead", "param": k})]
    window: Any = [{"field": field, "as": column, **given} for column, given in fields]
    last = (
        rows.transform_joinaggregate(last="max(epoch)", groupby=[curve])
        .transform_filter("datum.epoch === datum.last")
        .transform_joinaggregate(names="count()")
        .transform_window(window, sort=[alt.SortField(field, order="descending")], frame=[None, None])
        .transform_calculate(name=name)
    )
    at = f"scale('y', datum.{field})"

    def pushed(side: str, sign: str, limit: str) -> str:
        places = (
            f"isValid(datum.{side}{k}) ? scale('y', datum.{side}{k}) {sign} {APART * k} : {at}" for k in range(1, most)
        )
        return f"{limit}({', '.join([at, *places])})"

    middle = f"({pushed('above', '+', 'max')} + {pushed('below', '-', 'min')}) / 2"
    top, bottom = f"{APART} * (datum.rank - 0.5)", f"height - {APART} * (datum.names - datum.rank + 0.5)"
    y = alt.value(expression(f"clamp({middle}, {top}, {bottom})"))
    look = {"align": "left", "baseline": "middle", "fontSize": 12, "color": INK}

    def across(pixels: int) -> Any:
        return alt.value(expression(f"width - {width} + {pixels}"))

    names = last.mark_text(**look, limit=expression(f"{width} - 20")).encode(x=across(20), y=y, text="name:N")
    swatches = last.mark_rule(strokeWidth=3).encode(x=across(9), x2=across(16), y=y, color=colour)
    leads = last.mark_rule(strokeDash=[1, 2], strokeWidth=1.2).encode(
        x="epoch:Q", x2=across(9), y=f"{field}:Q", y2=y, color=colour
    )
    return [leads, swatches, names]
