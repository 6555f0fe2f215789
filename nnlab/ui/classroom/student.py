"""The student's side of the Class page."""

import streamlit as st

from nnlab.store import StoredAssignment
from nnlab.ui.shell.frame import Page


def student_page(page: Page) -> None:
    """Draws the student's classes and their open assignments."""
    st.title(page.t("Class"), anchor=False)


def assignment_page(page: Page, stored: StoredAssignment | None) -> None:
    """Draws an assignment: the question, the guess, the student's tries."""
    st.title(page.t("Class"), anchor=False)
