"""Pieces of charts: rows of one kind, texts, dots, tooltips, what follows the pointer."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from nnlab.charts.base import Labels
from nnlab.charts.colours import FAINT, INK, PAPER


def where(condition: str) -> Any:
    """A chart of the rows for which a Vega expression holds."""
    return alt.Chart().transform_filter(condition)


def of_kind(kind: str) -> Any:
    """A chart of the rows of one `kind`."""
    return where(f"datum.kind === '{kind}'")


def expression(text: str) -> alt.ExprRef:
    """A value that Vega computes."""
    return alt.ExprRef(expr=text)


def either(test: Any, yes: Any, no: Any) -> Any:
    """One value where a Vega expression or a selection holds, another one elsewhere."""
    return alt.condition(test, alt.value(yes), alt.value(no))


def text(rows: Any, field: str, **look: Any) -> Any:
    """A field's value as text, one a row."""
    return rows.mark_text(**{"color": INK, "fontSize": 12, **look}).encode(text=f"{field}:N")


def dots(rows: Any, size: int, **look: Any) -> Any:
    """Filled points with an edge in the colour of the page."""
    return rows.mark_point(**{"filled": True, "size": size, "stroke": PAPER, "strokeWidth": 1.5, **look})


def tip(field: str, title: str, form: str | None = None) -> alt.Tooltip:
    """A line of a tooltip: a number where a format is given, else a text."""
    if form is None:
        return alt.Tooltip(field, type="nominal", title=title)
    return alt.Tooltip(field, type="quantitative", title=title, format=form)


def epoch_tip(labels: Labels) -> alt.Tooltip:
    """The epoch in a tooltip."""
    return tip("epoch", labels("epoch"), ",d")


def hover(**given: Any) -> alt.Parameter:
    """The selection of what is nearest to the pointer."""
    return alt.selection_point(name="hover", on="pointerover", nearest=True, clear="pointerout", empty=False, **given)


def hover_rule(rows: Any, tooltip: list[alt.Tooltip], colours: Mapping[str, str] | None = None) -> list[Any]:
    """A rule that follows the pointer along x with one tooltip for everything there, and a dot on each curve: `colours`
    by the curve's field."""
    nearest = hover(encodings=["x"])
    rule = rows.mark_rule(color=FAINT, strokeWidth=1).encode(opacity=either(nearest, 0.7, 0), tooltip=tooltip)
    on_curves = [
        dots(rows, 60, color=colour).encode(y=f"{field}:Q", opacity=either(nearest, 1, 0))
        for field, colour in (colours or {}).items()
    ]
    return [rule.add_params(nearest), *on_curves]


def named_points(rows: Any, name: str, field: str, colour: Any, tooltip: list[alt.Tooltip]) -> Any:
    """A dot on the nearest of several curves, with a tooltip; `name` is the expression for the curve's name."""
    nearest = hover()
    points = dots(rows.transform_calculate(name=name), 60).add_params(nearest)
    return points.encode(y=f"{field}:Q", color=colour, opacity=either(nearest, 1, 0), tooltip=tooltip)
