"""A chart of Compare on the page, remembered by what it shows so that the Save menu can put it on paper."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from nnlab.charts.base import Spec
from nnlab.lab import ComparisonRun


class Drawn(NamedTuple):
    """A chart as it was last drawn."""

    key: str
    spec: Spec
    rows: Any


def drawn_charts(run: ComparisonRun) -> dict[str, Drawn]:
    """The charts of the comparison that is open, by what they show."""
    whose, charts = st.session_state.get("compare-charts", ("", {}))
    if whose != run.id:
        charts = {}
        st.session_state["compare-charts"] = run.id, charts
    drawn: dict[str, Drawn] = charts
    return drawn


def show(run: ComparisonRun, rows: Any, spec: Spec, *, key: str, alt: str, paper: Spec | None = None) -> None:
    """Draws a chart; on paper as `paper`, where it has its legend elsewhere on the page."""
    drawn_charts(run)[alt] = Drawn(key, paper or spec, rows)
    st.vega_lite_chart(rows, spec, key=key, alt=alt)
