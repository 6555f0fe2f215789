"""What stands above the results of an assignment: its question, its link, its date, and the files."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import streamlit as st

from nnlab.store import StoredAssignment
from nnlab.ui.classroom.student_assignment import as_written
from nnlab.ui.shared.assigned import teaches
from nnlab.ui.shared.downloads import stream_button
from nnlab.ui.shared.due import until_words
from nnlab.ui.shared.naming import visitor_zone
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown


def assignment_head(page: Page, stored: StoredAssignment) -> None:
    """Draws it, with what a teacher can do with the assignment."""
    t, given = page.t, stored.assignment
    one = page.lab.store.class_(stored.class_id)
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="class-head"
    ):
        st.title(in_markdown(given.title), anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            own = {"assignment": stored.id}
            views = (
                ("projector", t("Projector"), ":material/present_to_all:"),
                ("student", t("As a student sees it"), ":material/visibility:"),
            )
            for view, words, icon in views:
                page.link("classroom", words, {**own, "view": view}, icon=icon, width="content")
            _files(page, stored)
            _manage(page, stored)
    if one is not None:
        page.link("classroom", in_markdown(one.name), {"class": one.id}, icon=":material/arrow_back:", width="content")
    if stored.deleted:
        st.warning(t("This assignment was deleted; nothing more can be handed in."), icon=":material/delete:")
        st.button(
            t("Restore"),
            icon=":material/undo:",
            key="restore-assignment",
            on_click=as_teacher,
            args=(page, stored.class_id, page.lab.restore_assignment, stored.id),
        )
    if given.question:
        st.markdown(as_written(given.question))
    due = until_words(given.due, t) if given.due else t("no date")
    seeds = t.many("{n} seed for each student", "{n} seeds for each student", given.seeds)
    st.caption(f"{due} · {seeds}")
    st.code(page.address("classroom", own), language=None, wrap_lines=True)


def _files(page: Page, stored: StoredAssignment) -> None:
    t, path = page.t, f"assignments/{stored.id}/results.csv"
    look: dict[str, Any] = {"icon": ":material/download:"}
    with st.popover(t("Save"), icon=":material/download:", key="class-save"):
        st.caption(t("Every student, try, seed and epoch, with names and guesses."))
        stream_button(page, t("CSV"), path, "class-csv", **look)
        stream_button(page, t("CSV (Excel, es)"), path, "class-csv-es", params={"excel": "es"}, **look)


def _manage(page: Page, stored: StoredAssignment) -> None:
    t = page.t
    with st.popover(t("Change"), icon=":material/edit:", key="class-change"):
        due_field(page, "change-due", stored.assignment.due)
        st.button(t("Set the date"), key="set-due", on_click=_set_due, args=(page, stored))
        st.divider()
        look: dict[str, Any] = {"icon": ":material/delete:", "key": "delete-assignment", "disabled": stored.deleted}
        st.button(
            t("Delete the assignment"),
            on_click=as_teacher,
            args=(page, stored.class_id, page.lab.delete_assignment, stored.id),
            **look,
        )
        st.caption(t("The runs stay their owners'. You can bring the assignment back."))


def as_teacher(page: Page, class_id: str, act: Callable[..., object], *given: object) -> None:
    """Do something to a class or its assignment. The right is looked up again: a click may be forged or late."""
    with refusals(page):
        if teaches(page, class_id):
            act(*given)
        else:
            st.session_state["refused"] = page.t("This is no class of yours. Only its teacher sees it.")


def due_field(page: Page, key: str, now: datetime | None = None) -> None:
    """A field for a date and time in the visitor's time zone; empty: none."""
    value = now and now.astimezone(visitor_zone()).replace(tzinfo=None)
    form: Any = "DD/MM/YYYY" if page.t.language == "es" else "YYYY-MM-DD"
    st.datetime_input(page.t("Date, if there is one"), value, key=key, width=330, format=form)


def typed_due(key: str) -> datetime | None:
    """What stands in a `due_field`."""
    typed = st.session_state.get(key)
    if not isinstance(typed, datetime):
        return None
    zone = visitor_zone()
    return typed.replace(tzinfo=zone) if zone else typed.astimezone()


def _set_due(page: Page, stored: StoredAssignment) -> None:
    as_teacher(page, stored.class_id, page.lab.set_due, stored.id, typed_due("change-due"))
