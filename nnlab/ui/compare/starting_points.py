"""Where a comparison begins: the questions that come with nnlab, and what this visitor asked before."""

from __future__ import annotations

import streamlit as st

from nnlab.catalogue.presets import preset_comparisons
from nnlab.ui.compare.question import (
    PRESETS,
    QUESTIONS,
    Question,
    comparison_seconds,
    comparison_words,
    knob_name,
)
from nnlab.ui.shared.naming import ago, value_name
from nnlab.ui.shell.frame import Page

SHOWN = 12


def preset_questions(page: Page, question: Question) -> None:
    """The preset comparisons, one click each."""
    t = page.t
    st.markdown(f"#### {t('Ask your own question above, or begin with one of these')}")
    columns = [column for _ in range(0, len(QUESTIONS), 3) for column in st.columns(3)]
    for column, (name, asked) in zip(columns, QUESTIONS.items(), strict=False):
        comparison = preset_comparisons[name]
        values = ", ".join(value_name(comparison.vary, value, t) for value in comparison.values)
        with column, st.container(border=True, key=f"ask-{name}", height="stretch"):
            st.markdown(f"**{t(asked)}**")
            st.caption(
                f"{t(PRESETS[name])} · {knob_name(comparison.vary, t)} {values} · "
                + t.many("{n} seed", "{n} seeds", len(comparison.seeds))
            )
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    t("Compare"),
                    icon=":material/play_arrow:",
                    key=f"ask-{name}-go",
                    on_click=question.ask,
                    args=(comparison,),
                )
                st.caption(t("about {time}", time=t.seconds(comparison_seconds(comparison))), width="content")


def earlier_comparisons(page: Page) -> None:
    """A menu of this visitor's comparisons, newest first."""
    t = page.t
    menu = st.popover(t("Earlier comparisons"), icon=":material/history:", key="earlier", on_change="rerun")
    if not menu.open:
        return
    with menu:
        mine = page.lab.comparisons(page.owner, limit=SHOWN)
        if not mine:
            st.caption(t("Nothing was compared yet."))
        for one in mine:
            state = t("in progress") if one.active else ago(one.created, t)
            page.link(
                "compare",
                f"{one.name or comparison_words(one.comparison, t)} · {state}",
                {"comparison": one.id},
                icon=":material/progress_activity:" if one.active else ":material/stacked_line_chart:",
            )
