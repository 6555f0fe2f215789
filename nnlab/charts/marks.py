"""Pieces of charts: rows of one kind, texts, tooltips, what follows the pointer."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from nnlab.charts.colours import FAINT, INK, PAPER


def where(condition: str) -> Any:
    """A chart of the rows for which a Vega expression holds."""
    return alt.Chart().transform_filter(condition)


def of_kind(kind: str) -> Any:
    """A chart of the rows of one `kind`."""
    return where(f"datum.kind === '{kind}'")


def either(test: Any, yes: Any, no: Any) -> Any:
    """One value where a Vega expression or a selection holds, another one elsewhere."""
    return alt.condition(test, alt.value(yes), alt.value(no))


def number_colour(field: str, colours: Sequence[Any], legend: alt.Legend | None = None) -> alt.Color:
    """The colours of things with the numbers 0, 1, ..."""
    return alt.Color(field, scale=alt.Scale(domain=list(range(len(colours))), range=list(colours)), legend=legend)


def tip(field: str, title: str, form: str | None = None) -> alt.Tooltip:
    """A line of a tooltip: a number where a format is given, else a text."""
    return (
        alt.Tooltip(field, type="quantitative", title=title, format=form)
        if form
        else alt.Tooltip(field, type="nominal", title=title)
    )


def text(rows: Any, field: str, **look: Any) -> Any:
    """A field's value as text, one a row."""
    return rows.mark_text(**{"color": INK, "fontSize": 12, **look}).encode(text=f"{field}:N")


def hover(**given: Any) -> alt.Parameter:
    """The selection of what is nearest to the pointer."""
    return alt.selection_point(name="hover", on="pointerover", nearest=True, clear="pointerout", empty=False, **given)


def hover_rule(rows: Any, tooltip: list[alt.Tooltip], dots: Mapping[str, str] | None = None) -> list[Any]:
    """A rule that follows the pointer along x with one tooltip for everything there, and a dot on each curve."""
    nearest = hover(encodings=["x"])
    rule = rows.mark_rule(color=FAINT, strokeWidth=1).encode(opacity=either(nearest, 0.7, 0), tooltip=tooltip)
    marks = [
        rows.mark_point(filled=True, color=colour, size=60, stroke=PAPER, strokeWidth=1.5).encode(
            y=f"{field}:Q", opacity=either(nearest, 1, 0)
        )
        for field, colour in (dots or {}).items()
    ]
    return [rule.add_params(nearest), *marks]
