"""What stands above the results of an assignment: its question, its link, its date, and the files."""

from typing import Any

import streamlit as st

from nnlab.store import StoredAssignment
from nnlab.ui.classroom.rights import as_teacher
from nnlab.ui.shared.downloads import stream_button
from nnlab.ui.shared.due import due_field, typed_due, until_words
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown, lines_in_markdown


def assignment_head(page: Page, stored: StoredAssignment) -> None:
    """Draws it, with what a teacher can do with the assignment."""
    t, given = page.t, stored.assignment
    one = page.lab.store.class_(stored.class_id)
    with title_row("class-head"):
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
            args=(page, stored.class_id, page.lab.store.restore_assignment, stored.id),
        )
    if given.question:
        st.markdown(lines_in_markdown(given.question))
    due = until_words(given.due, t) if given.due else t("no due date")
    seeds = t.many("{n} seed for each student", "{n} seeds for each student", given.seeds)
    st.caption(f"{due} · {seeds}")
    st.markdown(t("Hand out this link:"))
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
        st.button(t("Set the due date"), key="set-due", on_click=_set_due, args=(page, stored))
        st.divider()
        look: dict[str, Any] = {"icon": ":material/delete:", "key": "delete-assignment", "disabled": stored.deleted}
        st.button(
            t("Delete the assignment"),
            on_click=as_teacher,
            args=(page, stored.class_id, page.lab.store.delete_assignment, stored.id),
            **look,
        )
        st.caption(t("Students keep their runs. You can bring the assignment back."))


def _set_due(page: Page, stored: StoredAssignment) -> None:
    as_teacher(page, stored.class_id, page.lab.store.set_due, stored.id, typed_due("change-due"))
