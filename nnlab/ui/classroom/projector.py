"""An assignment, and the code of a class, for a projector: large, and without any name."""

from time import monotonic

import streamlit as st

from nnlab.charts.classroom import big_numbers, large_text, number_rows, text_rows
from nnlab.store import Class, StoredAssignment
from nnlab.store.codes import shown_code
from nnlab.ui.classroom.class_picture import guesses, picture
from nnlab.ui.classroom.class_view import class_view, figures
from nnlab.ui.classroom.finding_text import finding_words
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown
from nnlab.ui.shell.ticks import live

TICK = 3.0  # seconds
ADDRESS, CODE = 64, 170  # pixels of a letter at most


def projector(page: Page, stored: StoredAssignment) -> None:
    """Question, counts, guesses and the picture."""
    given = stored.assignment
    st.title(in_markdown(given.title), anchor=False)
    if given.question:
        st.markdown(f"### {in_markdown(given.question)}", anchors=False)
    live(_board, TICK)(page, stored, monotonic())
    page.link(
        "classroom",
        page.t("Back to the page with names"),
        {"assignment": stored.id},
        icon=":material/group:",
        width="content",
    )


def class_projector(page: Page, one: Class) -> None:
    """The address and the code of a class, and how many are in."""
    t = page.t
    st.title(in_markdown(one.name), anchor=False)
    words = t("Closed") if one.closed else t("Open this address and type the code:")
    st.markdown(f"## {words}", anchors=False)
    if not one.closed:
        for key, shown, most in (("address", page.root, ADDRESS), ("code", shown_code(one.code), CODE)):
            spec = large_text(len(shown), most, labels=page.words)
            st.vega_lite_chart(text_rows(shown), spec, key=f"class-{key}-large", alt=shown)
    live(_present, TICK)(page, one)
    page.link(
        "classroom", t("Back to the page with names"), {"class": one.id}, icon=":material/group:", width="content"
    )


def _present(page: Page, one: Class) -> None:
    words = page.t.many("{n} student is in.", "{n} students are in.", len(page.lab.store.members(one.id)))
    st.markdown(f"## {words}", anchors=False)


def _board(page: Page, stored: StoredAssignment, since: float) -> None:
    t, view = page.t, class_view(page, stored, since)
    numbers = figures(view, t)
    spoken = ", ".join(f"{title}: {number}" for title, number in numbers.items())
    rows = number_rows(list(numbers.values()))
    st.vega_lite_chart(rows, big_numbers(tuple(numbers), labels=page.words), key="class-counts", alt=spoken)
    if view.found.settings:
        st.markdown(f"## {in_markdown(finding_words(view.found, t))}", anchors=False)
        picture(page, view, large=True)
    if stored.assignment.guess:
        st.markdown(f"### {t('What the class expected')}", anchors=False)
        guesses(page, view, large=True)
