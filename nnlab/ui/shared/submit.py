"""Training an experiment from a page: the button's callback submits it, the page that follows opens it."""

from collections.abc import Sequence

import streamlit as st

from nnlab.lab import LimitError
from nnlab.spec import Experiment
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import Page


def submit(page: Page, experiment: Experiment, seeds: Sequence[int]) -> None:
    """Submits an experiment: a callback, in which Streamlit cannot turn to another page yet."""
    try:
        st.session_state["opened-run"] = page.lab.submit(experiment, seeds, owner=page.owner).id
    except LimitError as error:
        st.session_state["refused"] = problem_text(error.problems[0], page.t)


def open_submitted(page: Page) -> None:
    """Turns to the run that was submitted, or shows why it was refused."""
    if run_id := st.session_state.pop("opened-run", None):
        page.go("train", {"run": run_id})
    if refused := st.session_state.pop("refused", None):
        st.error(refused, icon=":material/block:")
