"""A menu that adds values or seeds to a comparison: only what is new is trained."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.spec import MAX_SEEDS, Comparison
from nnlab.ui.compare.names import knob_name
from nnlab.ui.compare.question import Question
from nnlab.ui.compare.values import parsed, split_typed, suggested, value_texts, values_control
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shell.frame import Page

KEYS = {"values": "add-values", "by_values": "add-by-values"}


def extend_menu(page: Page, run: ComparisonRun, question: Question) -> None:
    """A menu with values and seeds to add."""
    t, comparison = page.t, run.comparison
    with (
        st.popover(t("Add values or seeds"), icon=":material/add:", key="add-menu"),
        st.form("add-form", border=False, enter_to_submit=False),
    ):
        for name, knob, values in _varied(comparison):
            present = value_texts(values)
            offered = [text for text in suggested(comparison.experiment, knob)[1] if text not in present]
            label = t("Values of {knob} to add", knob=knob_name(knob, t))
            values_control(knob, offered, t, label=label, key=KEYS[name], width=330)
        st.number_input(t("Seeds to add"), 0, MAX_SEEDS - len(comparison.seeds), 0, key="add-seeds", width=140)
        st.caption(t("Only new values and seeds are trained; the present results stay."))
        look: dict[str, Any] = {"icon": ":material/play_arrow:", "type": "primary", "key": "add-go"}
        st.form_submit_button(t("Add and train"), on_click=_extend, args=(page, run, question), **look)


def _varied(comparison: Comparison) -> list[tuple[str, str, Sequence[object]]]:
    """Field, knob and values of each knob."""
    first = ("values", comparison.vary, comparison.values)
    return [first, ("by_values", comparison.by, comparison.by_values)] if comparison.by else [first]


def add_seeds(seeds: Sequence[int], n: int) -> tuple[int, ...]:
    """The seeds and n more, the lowest that are not among them."""
    return (*seeds, *[seed for seed in range(len(seeds) + n) if seed not in seeds][:n])


def _extend(page: Page, run: ComparisonRun, question: Question) -> None:
    comparison, state = run.comparison, st.session_state
    with refusals(page, page.t("Only the owner of this comparison can add to it.")):
        wider = {
            name: parsed(split_typed([*value_texts(values), *state.get(KEYS[name], [])], knob), knob)
            for name, knob, values in _varied(comparison)
        }
        seeds = add_seeds(comparison.seeds, state["add-seeds"])
        extended = Comparison.of({**comparison.plain(), **wider, "seeds": seeds})
        if extended != comparison:
            page.lab.extend_comparison(run.id, extended, page.owner)
            question.show(extended)
