"""A teacher's classes: making one, its code, who is in it, its assignments."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.settings import settings
from nnlab.store import Class, Member, StoredAssignment
from nnlab.store.codes import shown_code
from nnlab.ui.classroom.rights import as_teacher
from nnlab.ui.shared.due import until_words
from nnlab.ui.shared.naming import ago
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shared.sortable_table import choose_row, sortable
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown


def classes_page(page: Page) -> None:
    """All classes of a teacher, and a field for a new one."""
    t, store = page.t, page.lab.store
    with title_row("classes-head"):
        st.title(t("Your classes"), anchor=False, width="content")
        page.link("classroom", t("The server"), {"view": "machine"}, icon=":material/dns:", width="content")
    mine = store.taught(page.person)
    if not mine:
        st.markdown(t("Make a class, show it its code, and give it an assignment: students need nothing else."))
    for one in mine:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"class-{one.id}"):
            with st.container(width=360):
                page.link("classroom", f"**{in_markdown(one.name)}**", {"class": one.id})
            students = t.many("{n} student", "{n} students", len(store.members(one.id)))
            given = t.many("{n} assignment", "{n} assignments", len(page.lab.store.assignments([one.id])))
            st.caption(f"{students} · {given}", width="content")
            st.caption(t("closed") if one.closed else shown_code(one.code), width="content")
    with st.form("new-class", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(t("Name of a new class"), key="new-class-name", max_chars=80, width=330)
        look: dict[str, Any] = {"icon": ":material/add:", "type": "primary" if not mine else "secondary"}
        st.form_submit_button(t("Make the class"), key="new-class-go", on_click=_create, args=(page,), **look)
    if new := st.session_state.pop("opened-class", None):
        page.go("classroom", {"class": new})


def _create(page: Page) -> None:
    with refusals(page), _named(page):
        made = page.lab.store.create_class(st.session_state["new-class-name"], page.owner)
        st.session_state["opened-class"] = made.id


@contextmanager
def _named(page: Page) -> Iterator[None]:
    """Around what names a class."""
    try:
        yield
    except ValueError:
        st.session_state["refused"] = page.t("A class needs a name, with a letter or a digit at least.")


def class_page(page: Page, one: Class) -> None:
    """A class: how students come in, its assignments, who is in it."""
    t = page.t
    with title_row("class-head"):
        st.title(in_markdown(one.name), anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            large = {"class": one.id, "view": "projector"}
            page.link("classroom", t("Projector"), large, icon=":material/present_to_all:", width="content")
            link: dict[str, Any] = {"icon": ":material/assignment_add:", "width": "content"}
            page.link("classroom", t("Make an assignment"), {"make": "1", "class": one.id}, **link)
            page.link("classroom", t("Your classes"), icon=":material/arrow_back:", width="content")
    _code(page, one)
    st.markdown(f"### {t('Assignments')}", anchors=False)
    _assignments(page, one)
    st.markdown(f"### {t('Students')}", anchors=False)
    _roster(page, one)


def _code(page: Page, one: Class) -> None:
    """The code, large, and the address to write on the board."""
    t, store = page.t, page.lab.store
    with st.container(border=True, key="class-code"):
        if one.closed:
            st.markdown(f"### {t('Closed')}", anchors=False)
            st.caption(t("The code lets nobody in. Who is in the class stays in it."))
        else:
            st.markdown(t("Students open this address and type the code:"))
            with st.container(horizontal=True, vertical_alignment="center", gap="large"):
                st.markdown(f"## `{page.root}`", anchors=False, width="content")
                st.markdown(f"# :violet[**{shown_code(one.code)}**]", anchors=False, width="content")
        with st.container(horizontal=True, gap="small"):
            words, icon = (t("Open the class"), "lock_open") if one.closed else (t("Close the class"), "lock")
            look: dict[str, Any] = {"icon": f":material/{icon}:", "key": "close-class"}
            st.button(
                words, on_click=as_teacher, args=(page, one.id, store.close_class, one.id, not one.closed), **look
            )
            look = {"icon": ":material/autorenew:", "key": "new-class-code"}
            st.button(
                t("New code"),
                on_click=as_teacher,
                args=(page, one.id, store.renew_class_code, one.id),
                help=t("The code before lets nobody in any more."),
                **look,
            )
            with st.popover(t("Rename"), icon=":material/edit:", key="rename-menu"):
                st.text_input(t("Name"), one.name, key="class-name", max_chars=80)
                st.button(t("Rename"), key="rename-class", on_click=_rename, args=(page, one))


def _rename(page: Page, one: Class) -> None:
    with _named(page):
        as_teacher(page, one.id, page.lab.store.rename_class, one.id, st.session_state["class-name"])


def _assignments(page: Page, one: Class) -> None:
    t, given = page.t, page.lab.store.assignments([one.id])
    if not given:
        st.caption(
            t("None yet. An assignment is an experiment or a comparison of which students change what you leave open.")
        )
    for stored in given:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"assignment-{stored.id}"):
            with st.container(width=340):
                page.link("classroom", f"**{in_markdown(stored.assignment.title)}**", {"assignment": stored.id})
            st.caption(_progress(page, stored), width="content")
            due = stored.assignment.due
            st.caption(until_words(due, t) if due else t("no date"), width="content")


def _progress(page: Page, stored: StoredAssignment) -> str:
    """ "27 have started, 25 have a finished try"."""
    t, store = page.t, page.lab.store
    started = t.many("{n} has started", "{n} have started", len(store.participants(stored.id)))
    finished = t.many("{n} has a finished try", "{n} have a finished try", len(store.finished(stored.id)))
    return f"{started} · {finished}"


def _roster(page: Page, one: Class) -> None:
    t, members = page.t, page.lab.store.members(one.id)
    if (gone := st.session_state.get("removed-member")) and gone[0] == one.id:
        with st.container(horizontal=True, vertical_alignment="center", key="removed"):
            st.markdown(t("{name} is no longer in the class.", name=in_markdown(gone[2])), width="content")
            st.button(t("Undo"), icon=":material/undo:", key="undo-remove", on_click=_put_back, args=(page,))
    if not members:
        st.caption(t("Nobody yet."))
        return
    name, joined, seen = t("Name"), t("Joined"), t("Last seen")
    times = {joined: [each.joined for each in members], seen: [each.seen for each in members]}
    frame = pd.DataFrame({name: [each.name for each in members], **times})
    place = choose_row(
        sortable(frame, {head: [ago(at, t) for at in column] for head, column in times.items()}),
        "roster",
        [each.id for each in members],
        column_config={name: st.column_config.TextColumn(width=220)},
        alt=t("Students of the class"),
    )
    if place is None:
        st.caption(t("Choose a row to give a student a new code or to remove one."))
    else:
        _member(page, one, members[place])


def _member(page: Page, one: Class, member: Member) -> None:
    """What a teacher can do for one student."""
    t = page.t
    with st.container(border=True, key="member"):
        st.markdown(f"**{in_markdown(member.name)}**")
        with st.container(horizontal=True, gap="small"):
            own_code = settings().auth == "code" and member.role == "student"  # of nobody with more rights
            if own_code and st.button(t("New personal code"), icon=":material/key:", key="member-code"):
                code = shown_code(page.lab.store.new_code(member.id))
                st.markdown(f"## :violet[**{code}**]", anchors=False, width="content")
                words = t(
                    "Write it down now: it is shown this once. The code before no longer works, and {name} is signed "
                    "out everywhere.",
                    name=in_markdown(member.name),
                )
                st.caption(words)
            look: dict[str, Any] = {"icon": ":material/person_remove:", "key": "remove-member"}
            st.button(t("Remove from the class"), on_click=_remove, args=(page, one, member), **look)


def _remove(page: Page, one: Class, member: Member) -> None:
    as_teacher(page, one.id, page.lab.store.leave, one.id, member.id)
    st.session_state["removed-member"] = one.id, member.id, member.name


def _put_back(page: Page) -> None:
    class_id, member_id, _ = st.session_state.pop("removed-member")
    as_teacher(page, class_id, partial(page.lab.store.join, also_closed=True), class_id, member_id)
