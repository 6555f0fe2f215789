"""The test part of a comparison stays closed until its owner opens it: once, on purpose, when the choice is made."""

from __future__ import annotations

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.ui.shared.naming import moment, zone
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def test_part(page: Page, run: ComparisonRun) -> None:
    """When the test part was opened; the way to open it while it is closed."""
    t = page.t
    if not any(one.data.sizes[2] for one in run.comparison.experiments):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-part"):
        if run.test_opened is not None:
            when = moment(run.test_opened, t, zone())
            st.markdown(f":material/lock_open: {t('Test set opened on {when}.', when=when)} {_added_later(run, t)}")
        elif run.owner != page.owner:
            st.caption(f":material/lock: {t('The test set is closed; who asked this question can open it.')}")
        else:
            if st.button(t("Open the test set"), icon=":material/lock:", key="open-test", disabled=run.active):
                _confirm(page, run)
            st.caption(t("It is for one look, when the choice is made on validation."), width="content")


def _added_later(run: ComparisonRun, t: Text) -> str:
    late = [cell for cell in run.cells if any(one.created > (run.test_opened or one.created) for one in cell.runs)]
    if not late:
        return ""
    return t.many("{n} cell was trained after that: do not choose by its test score.",
                  "{n} cells were trained after that: do not choose by their test scores.", len(late))  # fmt: skip


def _confirm(page: Page, run: ComparisonRun) -> None:
    t = page.t

    @st.dialog(t("Open the test set?"), icon=":material/lock_open:")
    def ask() -> None:
        st.markdown(t("The choices so far were made on validation. The test set shows, once, how good the chosen "
                      "network is on samples that nothing was chosen by."))  # fmt: skip
        st.markdown(t("Afterwards this comparison is decided: whoever goes on choosing by the test scores has no test "
                      "any more. The table says when it was opened."))  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            if st.button(t("Open it now"), type="primary", key="open-test-now", on_click=page.lab.open_test,
                         args=(run.id, page.owner)):  # fmt: skip
                st.rerun()
            if st.button(t("Not yet"), key="open-test-not"):
                st.rerun()

    ask()
