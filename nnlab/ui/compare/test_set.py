"""The held-out test set of a comparison: its owner opens it once, on purpose, after choosing by validation scores."""

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.ui.shared.naming import moment
from nnlab.ui.shell.frame import Page


def test_set(page: Page, run: ComparisonRun) -> None:
    """When the test set was opened, or a button that opens it."""
    t, opened = page.t, run.test_opened
    if not any(one.data.sizes[2] for one in run.comparison.experiments):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-part"):
        if opened is not None:
            text = t("Test set opened on {when}.", when=moment(opened, t))
            if later := sum(any(one.created > opened for one in cell.runs) for cell in run.cells):
                text += " " + t.many(
                    "{n} cell was trained after that: do not choose by its test score.",
                    "{n} cells were trained after that: do not choose by their test scores.",
                    later,
                )
            st.markdown(f":material/lock_open: {text}")
        elif run.owner != page.owner:
            closed = t("The test set is not open yet; only the owner of this comparison can open it.")
            st.caption(f":material/lock: {closed}")
        else:
            if st.button(t("Open the test set"), icon=":material/lock:", key="open-test", disabled=run.active):
                st.dialog(t("Open the test set?"), icon=":material/lock_open:")(_confirm)(page, run)
            st.caption(t("Open it once, after you have chosen by validation score."), width="content")


def _confirm(page: Page, run: ComparisonRun) -> None:
    t = page.t
    purpose = t(
        "So far you have chosen by validation scores. The test set shows how good the chosen network is on samples "
        "that have played no part in any choice."
    )
    warning = t(
        "It can do this only once: if you go on choosing by test scores, they are no longer an honest estimate. This "
        "page will show when the test set was opened."
    )
    st.markdown(f"{purpose}\n\n{warning}")
    with st.container(horizontal=True, gap="small"):
        now, args = page.lab.open_test, (run.id, page.owner)
        if st.button(t("Open it now"), type="primary", key="open-test-now", on_click=now, args=args):
            st.rerun()
        if st.button(t("Not yet"), key="open-test-not"):
            st.rerun()
