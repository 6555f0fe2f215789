"""The held-out test set of a comparison: its owner opens it once, on purpose, after choosing by validation scores."""

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.ui.shared.naming import moment
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def test_set(page: Page, run: ComparisonRun) -> None:
    """When the test set was opened, or a button that opens it."""
    t = page.t
    if not any(one.data.sizes[2] for one in run.comparison.experiments):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-part"):
        if run.test_opened is not None:
            when = t("Test set opened on {when}.", when=moment(run.test_opened, t))
            st.markdown(f":material/lock_open: {when} {_trained_later(run, t)}")
        elif run.owner != page.owner:
            st.caption(
                f":material/lock: {t('The test set is not open yet; only the owner of this comparison can open it.')}"
            )
        else:
            if st.button(t("Open the test set"), icon=":material/lock:", key="open-test", disabled=run.active):
                _confirm(page, run)
            st.caption(t("Open it once, after you have chosen by validation score."), width="content")


def _trained_later(run: ComparisonRun, t: Text) -> str:
    later = [cell for cell in run.cells if any(one.created > (run.test_opened or one.created) for one in cell.runs)]
    if not later:
        return ""
    return t.many(
        "{n} cell was trained after that: do not choose by its test score.",
        "{n} cells were trained after that: do not choose by their test scores.",
        len(later),
    )


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

    @st.dialog(t("Open the test set?"), icon=":material/lock_open:")
    def dialog() -> None:
        st.markdown(purpose)
        st.markdown(warning)
        with st.container(horizontal=True, gap="small"):
            now, args = page.lab.open_test, (run.id, page.owner)
            if st.button(t("Open it now"), type="primary", key="open-test-now", on_click=now, args=args):
                st.rerun()
            if st.button(t("Not yet"), key="open-test-not"):
                st.rerun()

    dialog()
