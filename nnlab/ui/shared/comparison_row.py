"""A comparison as one row: name, state, how many networks, time."""

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.ui.shared.comparison_naming import comparison_summary
from nnlab.ui.shared.naming import ago, in_markdown
from nnlab.ui.shell.frame import Page


def comparison_row(page: Page, one: ComparisonRun) -> None:
    """Draws the row, with the widths of `run_row`."""
    t = page.t
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-{one.id}", wrap=True):
        with st.container(width=300):
            name = one.name or comparison_summary(one.comparison, t)
            page.link("compare", in_markdown(name), {"comparison": one.id}, icon=":material/stacked_line_chart:")
        with st.container(width=120):
            if one.active:
                st.badge(t("running"), icon=":material/progress_activity:", color="blue")
            else:
                st.badge(t("finished"), icon=":material/check:", color="green")
        with st.container(width=292):
            st.caption(t.many("{n} network compared", "{n} networks compared", len(one.cells)))
        st.caption(ago(one.created, t), width="content")
