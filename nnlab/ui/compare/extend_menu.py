"""More values or seeds for a comparison of one's own: only what is new is trained."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from nnlab.lab import ComparisonRun, NotYours, UnknownRun
from nnlab.spec import MAX_SEEDS, Comparison
from nnlab.spec.errors import SpecError
from nnlab.ui.compare.question import (
    Question,
    in_link,
    is_number,
    knob_name,
    read_value,
    suggestions,
    typed,
    value_texts,
)
from nnlab.ui.shared.labels import problem_text
from nnlab.ui.shell.frame import Page


def add_menu(page: Page, run: ComparisonRun, question: Question) -> None:
    """A menu with values and seeds to add."""
    t, comparison = page.t, run.comparison
    with (
        st.popover(t("Add values or seeds"), icon=":material/add:", key="add-menu"),
        st.form("add-form", border=False, enter_to_submit=False),
    ):
        _values(page, comparison, comparison.vary, comparison.values, "add-values")
        if comparison.by:
            _values(page, comparison, comparison.by, comparison.by_values, "add-by-values")
        st.number_input(t("Seeds to add"), 0, MAX_SEEDS - len(comparison.seeds), 0, key="add-seeds", width=140)
        st.caption(t("Only what is new is trained; what is there stays as it is."))
        st.form_submit_button(t("Train what is new"), icon=":material/play_arrow:", type="primary", key="add-go",
                              on_click=_extend, args=(page, run, question))  # fmt: skip


def _values(page: Page, comparison: Comparison, knob: str, there: Sequence[object], key: str) -> None:
    t, have = page.t, value_texts(there)
    offered = [text for text in suggestions(comparison.experiment, knob)[1] if text not in have]
    st.multiselect(
        t("Values of {knob} to add", knob=knob_name(knob, t)),
        offered,
        key=key,
        format_func=lambda text: read_value(knob, text, t),
        accept_new_options=is_number(knob),
        placeholder=t("Choose or type values") if is_number(knob) else t("Choose values"),
        select_all=False,  # Streamlit's entry for it is in English
        width=330,
    )


def more_seeds(seeds: Sequence[int], n: int) -> tuple[int, ...]:
    """The seeds and n more, the lowest that are not among them."""
    free = (seed for seed in range(len(seeds) + n) if seed not in seeds)
    return (*seeds, *(seed for seed, _ in zip(free, range(n), strict=False)))


def _extend(page: Page, run: ComparisonRun, question: Question) -> None:
    comparison, state = run.comparison, st.session_state

    def all_of(knob: str, there: Sequence[object], key: str) -> list[str]:
        return typed([*value_texts(there), *state.get(key, [])], knob)

    link = {
        **comparison.to_query(),
        "values": in_link(all_of(comparison.vary, comparison.values, "add-values")),
    }
    if comparison.by:
        link["by_values"] = in_link(all_of(comparison.by, comparison.by_values, "add-by-values"))
    try:
        wider = Comparison.from_query(link)
        wider = Comparison.of({**wider.plain(), "seeds": more_seeds(comparison.seeds, state["add-seeds"])})
        if wider != comparison:
            page.lab.extend_comparison(run.id, wider, page.owner)
            question.asks(wider)
    except SpecError as error:
        state["refused"] = problem_text(error.problems[0], page.t)
    except (NotYours, UnknownRun):
        state["refused"] = page.t("Only who asked this question can add to it.")
