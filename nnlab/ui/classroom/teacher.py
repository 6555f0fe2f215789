"""The teacher's side of the Class page."""

import streamlit as st

from nnlab.store import StoredAssignment
from nnlab.ui.classroom.assignment_head import assignment_head
from nnlab.ui.classroom.classes import class_page, classes_page
from nnlab.ui.classroom.live_view import live_view
from nnlab.ui.classroom.make_assignment import make_page
from nnlab.ui.classroom.projector import class_projector, projector
from nnlab.ui.classroom.rights import not_your_class
from nnlab.ui.shared.problems import show_refusal
from nnlab.ui.shell.frame import Page


def teacher_page(page: Page, assignment: StoredAssignment | None) -> None:
    """Draws the teacher's classes, one of them, or an assignment."""
    query = page.query()
    show_refusal()
    if assignment is not None:
        if query.get("view") == "projector":
            projector(page, assignment)
        else:
            assignment_head(page, assignment)
            live_view(page, assignment)
    elif "make" in query:
        make_page(page)
    elif "class" in query:
        _one_class(page, query["class"])
    else:
        classes_page(page)


def _one_class(page: Page, class_id: str) -> None:
    found = page.lab.store.class_(class_id)
    if found is None or not page.lab.store.teaches(page.person, class_id):
        st.title(page.t("Class"), anchor=False)
        not_your_class(page)
        page.link("classroom", page.t("Your classes"), width="content")
    elif page.query().get("view") == "projector":
        class_projector(page, found)
    else:
        class_page(page, found)
