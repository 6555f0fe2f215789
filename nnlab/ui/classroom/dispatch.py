"""Who sees what of the Class page: teachers their classes, students their assignments."""

import streamlit as st

from nnlab.store import Person, StoredAssignment
from nnlab.ui.classroom.machine import machine_page
from nnlab.ui.classroom.student import assignment_page, student_page
from nnlab.ui.classroom.teacher import teacher_page
from nnlab.ui.shell.frame import Page


def classroom(page: Page) -> None:
    """Draws the page of the address: an assignment, a class, or all of the visitor's."""
    query = page.query()
    if page.person.role == "visitor":
        _without_login(page)
        return
    if query.get("view") == "machine" and page.person.teaches:
        machine_page(page)
        return
    assignment = page.lab.assignment(query["assignment"]) if "assignment" in query else None
    if (assignment and query.get("view") == "student") or not _teaches(page, assignment):
        if "assignment" in query:
            assignment_page(page, assignment)
        else:
            student_page(page)
    else:
        teacher_page(page, assignment)


def _teaches(page: Page, assignment: StoredAssignment | None) -> bool:
    """Whether the teacher's side is shown: of an assignment only to the teacher of its class."""
    if assignment is None:
        return page.person.teaches and "assignment" not in page.query()
    return teaches_class(page, assignment.class_id)


def teaches_class(page: Page, class_id: str) -> bool:
    """Whether somebody teaches a class; administrators teach all."""
    person: Person = page.person
    return person.teaches and any(one.id == class_id for one in page.lab.store.taught(person))


def _without_login(page: Page) -> None:
    t = page.t
    st.title(t("Class"), anchor=False)
    st.markdown(
        t(
            "This server has no login, so there are no classes. Whoever runs it sets NNLAB_AUTH to code or oidc and "
            "names the teachers in NNLAB_TEACHERS; docs/classroom.md says how."
        )
    )
