"""The classics on Compare: their questions before anything is asked, and what is usually seen once one has run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from nnlab.catalogue.classics import classic_of, classics
from nnlab.lab import ComparisonRun
from nnlab.spec import Comparison
from nnlab.ui.compare.question import comparison_seconds
from nnlab.ui.shared.cards import cost_words
from nnlab.ui.shell.frame import Page


def gallery(page: Page, ask: Callable[[Comparison], None]) -> None:
    """A card a classic. `ask` submits a comparison and opens it."""
    t = page.t
    st.markdown(f"#### {t('The classics')}")
    st.caption(t("Settle on an answer before you press Compare: what is usually seen is told afterwards."))
    columns = [place for _ in range(0, len(classics), 3) for place in st.columns(3)]
    for place, classic in zip(columns, classics.values(), strict=False):
        with place, st.container(border=True, key=f"classic-{classic.name}", height="stretch"):
            with st.container(height="stretch"):
                st.markdown(f"**{t(classic.title)}**  \n{t(classic.question)}")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    t("Compare"),
                    icon=":material/play_arrow:",
                    key=f"classic-{classic.name}-go",
                    on_click=ask,
                    args=(classic.comparison,),
                )
                st.caption(cost_words(comparison_seconds(classic.comparison), t), width="content")


def told_afterwards(page: Page, run: ComparisonRun) -> None:
    """What is usually seen, where a classic has run to its end; nothing for other comparisons, or before."""
    classic = classic_of(run.comparison)
    if classic is None or any(one.state != "finished" for one in run.runs):
        return
    t = page.t
    with st.container(border=True, key="told-afterwards", gap="small"):
        st.markdown(f"**:material/school: {t('What is usually seen')}**")
        st.caption(t(classic.question))
        st.markdown(t(classic.outcome))
