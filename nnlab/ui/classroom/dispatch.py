"""Who sees what of the Class page: teachers their classes, students their assignments."""

import streamlit as st

from nnlab.ui.classroom.machine import machine_page
from nnlab.ui.classroom.rights import not_your_class
from nnlab.ui.classroom.student import student_page
from nnlab.ui.classroom.student_assignment import assignment_page, no_assignment
from nnlab.ui.classroom.teacher import teacher_page
from nnlab.ui.shell.frame import Page


def classroom(page: Page) -> None:
    """Draws what the address names: an assignment, a class, or all of the visitor's."""
    query = page.query()
    if page.person.role == "visitor":
        _without_login(page)
    elif query.get("view") == "machine" and page.person.teaches:
        machine_page(page)
    elif wanted := query.get("assignment"):
        stored = page.lab.store.assignment(wanted)
        if stored is None:
            no_assignment(page)
        elif page.lab.store.teaches(page.person, stored.class_id) and query.get("view") != "student":
            teacher_page(page, stored)
        else:
            assignment_page(page, stored)
    elif page.person.teaches:
        teacher_page(page, None)
    else:
        student_page(page)
        if "class" in query:
            not_your_class(page)


def _without_login(page: Page) -> None:
    t = page.t
    st.title(t("Class"), anchor=False)
    words = t(
        "This server has no login, so there are no classes. Whoever runs it sets NNLAB_AUTH to code or oidc and names "
        "the teachers in NNLAB_TEACHERS; docs/classroom.md says how."
    )
    st.markdown(words.replace("_", r"\_"))
