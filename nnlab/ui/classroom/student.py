"""What a student finds on the Class page: their classes, the assignments of each, and a field to join another."""

from collections.abc import Mapping, Sequence

import streamlit as st

from nnlab.store import Class, StoredAssignment
from nnlab.ui.shared.due import is_over, until_words
from nnlab.ui.shell.account import join_class
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown


def student_page(page: Page) -> None:
    """Draws all that a student has."""
    t, store = page.t, page.lab.store
    st.title(t("Class"), anchor=False)
    classes = store.joined(page.person)
    assignments = page.lab.store.assignments([one.id for one in classes])
    tried = page.lab.store.tried(page.owner)
    for one in classes:
        _class(page, one, [each for each in assignments if each.class_id == one.id], tried)
    if not classes:
        st.markdown(
            t("You are in no class yet. Type the code that your teacher has shown, or open the link to an assignment.")
        )
    join_by_code(page, border=not classes)


def join_by_code(page: Page, border: bool = False) -> None:
    """A field for the code of a class."""
    with st.container(width=420, border=border):
        join_class(page.person, page.t, page.t("Join a class by its code"), "class-code")


def _class(page: Page, one: Class, assignments: Sequence[StoredAssignment], tried: Mapping[str, int]) -> None:
    t = page.t
    st.markdown(f"#### {in_markdown(one.name)}", anchors=False)
    if not assignments:
        st.caption(t("There is no assignment yet."))
    for each in assignments:
        due, done = each.assignment.due, tried.get(each.id)
        with st.container(border=True, gap="xsmall", key=f"assignment-{each.id}"):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                title = f"**{in_markdown(each.assignment.title)}**"
                page.link("classroom", title, {"assignment": each.id}, icon=":material/assignment:", width="content")
                if done:
                    words = t.many("{n} try handed in", "{n} tries handed in", done)
                    st.badge(words, icon=":material/check:", color="green")
                elif done is not None:
                    st.badge(t("started"), icon=":material/play_arrow:", color="blue")
                elif is_over(due):
                    st.badge(t("not started"), icon=":material/schedule:", color="orange")
                else:
                    st.badge(t("new"), icon=":material/radio_button_unchecked:", color="gray")
            if due:
                st.caption(until_words(due, t))
