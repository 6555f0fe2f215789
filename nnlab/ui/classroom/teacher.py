"""The teacher's side of the Class page."""

import streamlit as st

from nnlab.store import StoredAssignment
from nnlab.ui.shell.frame import Page


def teacher_page(page: Page, assignment: StoredAssignment | None) -> None:
    """Draws the teacher's classes, one of them, or an assignment."""
    st.title(page.t("Class"), anchor=False)
