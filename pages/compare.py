"""Compare: does this choice matter? One setting or two, several values, several seeds, and what they show."""

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.ui.compare.actions import earlier_comparisons, extend_menu, restore, save_menu, stop_menu, test_set
from nnlab.ui.compare.cell_table import cell_table
from nnlab.ui.compare.comparison_state import auto_refresh
from nnlab.ui.compare.question import Question
from nnlab.ui.compare.question_form import gallery, preset_questions, question_form
from nnlab.ui.compare.results import announce_outcome, results, surfaces, usual_outcome
from nnlab.ui.shared.assigned import banner, opened_assignment
from nnlab.ui.shared.comparison_naming import comparison_summary
from nnlab.ui.shared.handed_in import handed_in_line
from nnlab.ui.shared.lr_finder import rate_finder
from nnlab.ui.shared.problems import link_warning, show_refusal
from nnlab.ui.shared.run_links import assignment_link
from nnlab.ui.shared.whose import may_stop, others
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import open_page

page = open_page("compare")
t = page.t
task = opened_assignment(page)
question = Question(page, task)
page.set_query(question.query())  # before a fragment ticks: a tick reads the address as it was when it was asked for
opened = page.lab.comparison(question.opened) if question.opened else None


def surfaces_and_table(run: ComparisonRun) -> None:
    surfaces(page, run)
    cell_table(page, run, question)


with title_row("compare-head"):
    st.title(t("Compare"), anchor=False, width="content")
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        if opened and opened.active and may_stop(page, opened.owner):
            stop_menu(page, opened)
        if not task:
            earlier_comparisons(page)
            assignment_link(page, question.comparison)
if task:
    banner(page, task)
question_form(question, opened)
if not task:
    varies_rate = {question.input.vary, question.comparison.by} & {"lr", "train.lr"}
    rate_finder(page, question.input.experiment, None if varies_rate else question.use_rate)

if question.link_error:
    link_warning(page, question.link_error.problems[:1])
show_refusal()
if lost := question.state.pop("comparison-lost", None):
    st.info(lost, icon=":material/link_off:")

if opened is None and task:
    st.caption(t("Press Compare: the results appear here and are handed in."))
elif opened is None:
    preset_questions(page, question.forecast, question.submit)
    gallery(page, question.forecast, question.submit)
else:
    handed_in_line(page, opened, again=not task)
    if opened.comparison != question.comparison:
        st.caption(t("The results below are for: {question}", question=comparison_summary(opened.comparison, t)))
    if opened.deleted:
        st.warning(t("This comparison was deleted."), icon=":material/delete:")
        if opened.owner == page.owner:
            st.button(t("Restore"), icon=":material/undo:", key="restore", on_click=restore, args=(page, opened.id))
    others(page, opened)
    results(page, opened, question.margin)
    usual_outcome(page, opened)
    auto_refresh(page, opened, 5.0, surfaces_and_table)
    test_set(page, opened)
    with st.sidebar:
        announce_outcome(page, opened)
    with st.container(horizontal=True, gap="small", key="take-away"):
        if opened.owner == page.owner and not task:
            extend_menu(page, opened, question)
        save_menu(page, opened, question)
