"""Compare: does this choice matter? One knob or two, their values, several seeds; it says what it found."""

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.ui.compare.cell_table import cell_table
from nnlab.ui.compare.comparison_state import following
from nnlab.ui.compare.extend_menu import add_menu
from nnlab.ui.compare.gallery import gallery, told_afterwards
from nnlab.ui.compare.matrix import stop_menu
from nnlab.ui.compare.question import Question, comparison_words
from nnlab.ui.compare.results import live
from nnlab.ui.compare.save_menu import save_menu
from nnlab.ui.compare.starting_points import earlier_comparisons, preset_questions
from nnlab.ui.compare.surfaces import has_surfaces, surfaces
from nnlab.ui.compare.test_set import test_part
from nnlab.ui.shared.labels import problem_text
from nnlab.ui.shared.lr_finder import rate_finder
from nnlab.ui.shell.frame import open_page

page = open_page("compare")
t = page.t
question = Question(page)
opened = page.lab.comparison(question.opened) if question.opened else None


def table(run: ComparisonRun) -> None:
    """Decision surfaces and the table."""
    if has_surfaces(run):
        surfaces(page, run)
    cell_table(page, run, question)


with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="compare-head"):
    st.title(t("Compare"), anchor=False, width="content")
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        if opened and opened.active and opened.owner == page.owner:
            stop_menu(page, opened)
        earlier_comparisons(page)
question.sentence()
varied = {question.asked.vary, question.comparison.by} & {"lr", "train.lr"}
rate_finder(page, question.asked.experiment, None if varied else question.use_rate)

if question.link_error:
    problem = problem_text(question.link_error.problems[0], t)
    st.warning(t("The link contains an invalid value; it was ignored. {problem}", problem=problem))
if refused := st.session_state.pop("refused", None):
    st.error(refused, icon=":material/block:")
if st.session_state.pop("comparison-lost", None):
    st.info(
        t("This server does not have the results of that link, but here is its question: press Compare."),
        icon=":material/link_off:",
    )

if opened is None:
    preset_questions(page, question)
    gallery(page, question.ask)
else:
    if opened.comparison != question.comparison:
        st.caption(t("Below is the answer to: {question}", question=comparison_words(opened.comparison, t)))
    if opened.owner != page.owner:
        st.caption(t("This comparison is somebody else's: look and download; press Compare to have it as your own."))
    live(page, opened)
    told_afterwards(page, opened)
    following(page, opened, 3.0, table)
    test_part(page, opened)
    with st.container(horizontal=True, gap="small", key="take-away"):
        if opened.owner == page.owner:
            add_menu(page, opened, question)
        save_menu(page, opened, question)

page.set_query(question.query())
