"""The charts of a comparison on the page, remembered so that the Save menu can save them as pictures."""

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from nnlab.charts.base import Spec
from nnlab.lab import ComparisonRun
from nnlab.ui.shell.text import Text


class ShownChart(NamedTuple):
    """A chart as it was last drawn."""

    key: str
    spec: Spec
    rows: Any


def shown_charts(run: ComparisonRun) -> dict[str, ShownChart]:
    """The charts of the open comparison, by their description."""
    owner, charts = st.session_state.get("compare-charts", ("", {}))
    if owner != run.id:
        charts = {}
        st.session_state["compare-charts"] = run.id, charts
    shown: dict[str, ShownChart] = charts
    return shown


def draw_chart(run: ComparisonRun, rows: Any, spec: Spec, *, key: str, alt: str, saved: Spec | None = None) -> None:
    """Draw a chart; it is saved as `saved` where its legend stands elsewhere on the page."""
    shown_charts(run)[alt] = ShownChart(key, saved or spec, rows)
    st.vega_lite_chart(rows, spec, key=key, alt=alt)


def evenly_spaced(n: int, most: int) -> list[int]:
    """At most `most` of the places 0 to n - 1, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, n - 1, min(n, most))})


def note_left_out(shown: int, total: int, t: Text) -> None:
    """A note where only some of them are shown."""
    if shown < total:
        st.caption(t("{n} of {all} are shown, evenly spaced.", n=t.whole(shown), all=t.whole(total)))
