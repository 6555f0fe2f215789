"""What only the teacher of a class may see and do."""

from collections.abc import Callable

import streamlit as st

from nnlab.ui.shared.problems import refusals
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import mark

NOT_YOURS = mark("This is not your class. Only its teacher sees it.")


def as_teacher(page: Page, class_id: str, act: Callable[..., object], *given: object) -> None:
    """Do something to a class or its assignment. The right is looked up again: a click may be forged or late."""
    with refusals(page):
        if page.lab.store.teaches(page.person, class_id):
            act(*given)
        else:
            st.session_state["refused"] = page.t(NOT_YOURS)


def not_your_class(page: Page) -> None:
    """What who does not teach a class is told instead of it."""
    st.warning(page.t(NOT_YOURS), icon=":material/lock:")
