"""An assignment as a student sees it: the question, the date, the guess, Start, and what they have tried."""

from contextlib import suppress
from typing import Any

import streamlit as st

from nnlab.datasets.mnist import DatasetUnavailable
from nnlab.settings import settings
from nnlab.spec.assignment import Assignment
from nnlab.spec.errors import SpecError
from nnlab.store import ClassFull, Participant, StoredAssignment
from nnlab.ui.classroom.student import join_by_code
from nnlab.ui.classroom.tries import tries_list
from nnlab.ui.shared.assigned import Assigned, fixed_words, in_class, open_words, page_of
from nnlab.ui.shared.due import is_over, until_words
from nnlab.ui.shared.pictures import available_dataset, data_chart
from nnlab.ui.shared.problems import refusals, show_refusal
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.sign_in import CLOSED
from nnlab.ui.shell.text import Text, in_markdown, lines_in_markdown, mark

PICTURE = 190  # pixels
SEEDS_HELP = mark("A seed fixes the random numbers of a training. Several of them show how much is luck.")


def no_assignment(page: Page) -> None:
    """What stands in the place of an assignment that does not exist."""
    t = page.t
    st.title(t("Class"), anchor=False)
    st.warning(
        t("There is no assignment at this address; its teacher may have deleted it."), icon=":material/link_off:"
    )
    page.link("classroom", t("Your assignments"))


def assignment_page(page: Page, stored: StoredAssignment) -> None:
    """Draws the assignment."""
    if stored.deleted:
        no_assignment(page)
        return
    t, assignment, lab = page.t, stored.assignment, page.lab
    one = lab.store.class_(stored.class_id)
    participant = lab.store.participant(stored.id, page.owner)
    tried = participant is not None and bool(lab.store.tries(stored.id, page.owner))
    preview = lab.store.teaches(page.person, stored.class_id)
    member = preview or in_class(page, stored.class_id)
    st.title(in_markdown(assignment.title), anchor=False)
    st.caption(" · ".join(filter(None, (one and in_markdown(one.name), _date(assignment, t)))))
    show_refusal()
    if preview:
        page.link("classroom", t("Back to the teacher's view"), {"assignment": stored.id}, icon=":material/arrow_back:")
    if not member and settings().auth == "code":
        if assignment.question:
            st.markdown(lines_in_markdown(assignment.question))
        st.info(t("This assignment is for a class that you are not in. Type its code to join."), icon=":material/lock:")
        join_by_code(page)
        return
    with st.container(border=True, key="task"):
        words, picture = st.columns([3, 2], gap="medium", vertical_alignment="center")
        with words:
            if assignment.question:
                st.markdown(lines_in_markdown(assignment.question))
            if assignment.guess:
                _guess(page, stored, participant, tried, preview)
            st.markdown(f"{open_words(assignment, t)} {fixed_words(assignment, t)}")
            seeds = t.many(
                "You train with {n} seed of your own, which nobody else in the class has.",
                "You train with {n} seeds of your own, which nobody else in the class has.",
                assignment.seeds,
            )
            st.caption(seeds, help=t(SEEDS_HELP))
            _start_button(page, stored, participant, tried, preview)
        with picture:
            _data_picture(page, assignment)
    if participant:
        own = Assigned(stored, assignment.seeds_of(participant.place), True)
        tries_list(page, own, participant.guess)


def _data_picture(page: Page, assignment: Assignment) -> None:
    """What the network has to learn, at a glance; nothing where the assignment hides pictures."""
    if "pictures" in assignment.hidden:
        return
    with suppress(SpecError, DatasetUnavailable):
        dataset = available_dataset(assignment.experiment.data)
        if dataset is not None:
            rows, chart = data_chart(dataset, page.words, PICTURE, small=True)
            st.vega_lite_chart(rows, chart, key="task-data", alt=page.t("Samples of the data"))


def _date(assignment: Assignment, t: Text) -> str:
    if assignment.due is None:
        return ""
    words = until_words(assignment.due, t)
    return f"{words} · {t('what you hand in now is marked as late')}" if is_over(assignment.due) else words


def _start_button(
    page: Page, stored: StoredAssignment, participant: Participant | None, tried: bool, preview: bool
) -> None:
    """Start, later try again: it opens the page on which the assignment is trained."""
    t, assignment = page.t, stored.assignment
    preview = preview and participant is None
    first = bool(assignment.guess) and not preview and (participant is None or participant.guess is None)
    label = t("Try again") if tried else t("Start")
    look: dict[str, Any] = {"type": "primary", "key": "start", "disabled": first}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button(label, icon=":material/play_arrow:", **look) and (preview or _take_part(page, stored)):
            page.go(page_of(assignment), {"assignment": stored.id})
        if first:
            st.caption(t("Make your guess first: one click."), width="content")


def _take_part(page: Page, stored: StoredAssignment) -> bool:
    """Start, and with a login join the class; False, and the page says why, if that is not possible."""
    if not in_class(page, stored.class_id):
        if settings().auth == "code":  # taken out of it since the page was drawn
            return False
        try:
            page.lab.store.join(stored.class_id, page.owner)
        except ClassFull:
            st.session_state["refused"] = page.t(CLOSED)
            return False
    with refusals(page):
        page.lab.take_part(stored.id, page.owner)
        return True
    return False


def _guess(page: Page, stored: StoredAssignment, participant: Participant | None, tried: bool, preview: bool) -> None:
    """One click on the answer that the student expects; it counts until the first training."""
    t, assignment = page.t, stored.assignment
    mine = participant.guess if participant else None
    if tried:
        st.markdown(t("Your guess: {guess}", guess=f"**{in_markdown(mine)}**") if mine else "")
        return

    def take(choice: str | None) -> None:
        if choice is not None and not preview and _take_part(page, stored):
            with refusals(page):
                page.lab.guess_outcome(stored.id, choice, page.owner)

    st.pills(
        t("What do you expect? You can change your guess until you train."),
        list(assignment.guess),
        format_func=lambda choice: clickable(in_markdown(choice)),
        wrap=True,
        disabled=preview,
        **bound("assignment-guess", mine, take),
    )
