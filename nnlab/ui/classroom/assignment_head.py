"""What stands above the results of an assignment: its question, its link, its date, and the files."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from nnlab.store import StoredAssignment
from nnlab.ui.shared.downloads import stream_button
from nnlab.ui.shared.naming import moment
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
            page.link(
                "classroom",
                t("Projector"),
                {**own, "view": "projector"},
                icon=":material/present_to_all:",
                width="content",
            )
            page.link(
                "classroom",
                t("As a student sees it"),
                {**own, "view": "student"},
                icon=":material/visibility:",
                width="content",
            )
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
            on_click=page.lab.restore_assignment,
            args=(stored.id,),
        )
    if given.question:
        st.markdown(in_markdown(given.question))
    due = t("until {when}", when=moment(given.due, t)) if given.due else t("no date")
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
        st.button(t("Delete the assignment"), on_click=page.lab.delete_assignment, args=(stored.id,), **look)
        st.caption(t("The runs stay their owners'. You can bring the assignment back."))


def due_field(page: Page, key: str, now: datetime | None = None) -> None:
    """A field for a date and time in the visitor's time zone; empty: none."""
    value = now and now.astimezone(visitor_zone()).replace(tzinfo=None)
    form: Any = "DD/MM/YYYY" if page.t.language == "es" else "YYYY-MM-DD"
    st.datetime_input(page.t("Date, if there is one"), value, key=key, width=330, format=form)


def typed_due(key: str) -> datetime | None:
    """What stands in a `due_field`."""
    typed = st.session_state.get(key)
    return typed.replace(tzinfo=visitor_zone()) if isinstance(typed, datetime) else None


def visitor_zone() -> ZoneInfo | Any:
    """The visitor's time zone, UTC where no browser says one."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ValueError, KeyError, TypeError):
        return UTC


def _set_due(page: Page, stored: StoredAssignment) -> None:
    with refusals(page):
        page.lab.set_due(stored.id, typed_due("change-due"))
