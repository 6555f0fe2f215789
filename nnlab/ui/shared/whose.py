"""Runs and comparisons of others: whose they are, a copy of one's own, and a teacher's right to stop them."""

from collections.abc import Callable

import streamlit as st

from nnlab.lab import ComparisonRun
from nnlab.store import Run
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown


def may_stop(page: Page, owner: str) -> bool:
    """Whether the visitor may stop a run of this owner: their own, and a teacher those of their classes."""
    return owner == page.owner or page.lab.store.may_see(page.person, owner)


def stop_anybodys(page: Page, owner: str, stop: Callable[[str], object]) -> None:
    """Stop what may be stopped; `stop` gets the owner. The right is looked up again: a click may be forged or late."""
    stop(owner if may_stop(page, owner) else page.owner)


def whose(page: Page, one: Run | ComparisonRun) -> str:
    """A sentence about somebody else's run or comparison: a teacher gets the name of their student."""
    student = page.lab.store.person(one.owner) if may_stop(page, one.owner) else None
    if student is not None:
        name = in_markdown(student.name)
        return (
            page.t("This belongs to {name}; you can look at it and stop it.", name=name)
            if one.active
            else page.t("This belongs to {name}.", name=name)
        )
    return page.t("This is someone else's: you can look at it, but not change it.")


def others(page: Page, one: Run | ComparisonRun) -> None:
    """Say whose a run or comparison is that is not the visitor's, with a button for a copy once it has finished."""
    if copied := st.session_state.pop("copied", None):
        page.go(page.name, copied)
    if one.owner == page.owner:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="whose"):
        st.caption(f":material/visibility: {whose(page, one)}", width="content")
        if one.state == "finished" if isinstance(one, Run) else not one.active:
            help = page.t("It costs nothing: what was trained is not trained again.")
            label, look = page.t("Copy into my space"), ":material/content_copy:"
            st.button(label, icon=look, key="copy", on_click=_copy, args=(page, one), help=help)


def _copy(page: Page, one: Run | ComparisonRun) -> None:
    with refusals(page):
        st.session_state["copied"] = (
            {"run": page.lab.copy(one.id, page.owner).id}
            if isinstance(one, Run)
            else {"comparison": page.lab.submit_comparison(one.comparison, page.owner).id}
        )
