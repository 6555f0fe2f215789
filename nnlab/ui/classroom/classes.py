"""A teacher's classes: making one, its code, who is in it, its assignments."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

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

MEMBER = 150  # pixels of what can be done for one student


def classes_page(page: Page) -> None:
    """All classes of a teacher, and a field for a new one."""
    t, store = page.t, page.lab.store
    with title_row("classes-head"):
        st.title(t("Your classes"), anchor=False, width="content")
        page.link("classroom", t("The server"), {"view": "machine"}, icon=":material/dns:", width="content")
    mine = store.taught(page.person)
    for one in mine:
        students = t.many("{n} student", "{n} students", len(store.members(one.id)))
        given = t.many("{n} assignment", "{n} assignments", len(page.lab.store.assignments([one.id])))
        code = t("closed") if one.closed else shown_code(one.code)
        _row(page, f"class-{one.id}", one.name, {"class": one.id}, "group", f"{students} · {given} · {code}")
    if mine:
        _new_class(page, "secondary")
    else:
        _first_class(page)
    if new := st.session_state.pop("opened-class", None):
        page.go("classroom", {"class": new})


def _row(page: Page, key: str, name: str, link: dict[str, str], icon: str, about: str) -> None:
    """A class or an assignment in a list: its name, which leads to it, and what is to know about it."""
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=key
    ):
        page.link("classroom", f"**{in_markdown(name)}**", link, icon=f":material/{icon}:", width="content")
        st.caption(about, width="content")


def _first_class(page: Page) -> None:
    """The way to the first assignment, whose first step is at hand."""
    t = page.t
    steps = (
        ("group_add", t("Make a class"), t("It has a page and a code of its own.")),
        ("present_to_all", t("Show its code"), t("Students type it with a nickname, and are in.")),
        (
            "assignment_add",
            t("Give an assignment"),
            t("Students change what you leave open, and the whole class sees what comes out."),
        ),
    )
    for number, (column, (icon, title, about)) in enumerate(zip(st.columns(3), steps, strict=True), 1):
        with column, st.container(border=True, height="stretch", key=f"step-{number}"):
            st.markdown(f"#### {number} · {title} :material/{icon}:", anchors=False)
            st.markdown(about)
    _new_class(page, "primary")


def _new_class(page: Page, kind: Literal["primary", "secondary"]) -> None:
    t = page.t
    with st.form("new-class", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(t("Name of a new class"), key="new-class-name", max_chars=80, width=330)
        look: dict[str, Any] = {"icon": ":material/add:", "type": kind}
        st.form_submit_button(t("Make the class"), key="new-class-go", on_click=_create, args=(page,), **look)


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
        large = {"class": one.id, "view": "projector"}
        page.link("classroom", t("Projector"), large, icon=":material/present_to_all:", width="content")
    page.link("classroom", t("Your classes"), icon=":material/arrow_back:", width="content")
    _code(page, one)
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
            with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
                st.markdown(f"# {in_markdown(page.root)}", anchors=False, width="content")
                st.markdown(f"# {shown_code(one.code)}", anchors=False, width="content")
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
                help=t("The old code no longer lets anybody in."),
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
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"### {t('Assignments')}", anchors=False, width="content")
        look: dict[str, Any] = {"icon": ":material/assignment_add:", "type": "secondary" if given else "primary"}
        if st.button(t("Make an assignment"), key="make-assignment", **look):
            page.go("classroom", {"make": "1", "class": one.id})
    if not given:
        st.caption(
            t("None yet. An assignment is an experiment or a comparison of which students change what you leave open.")
        )
    for stored in given:
        title, due = stored.assignment.title, stored.assignment.due
        about = f"{_progress(page, stored)} · {until_words(due, t) if due else t('no due date')}"
        _row(page, f"assignment-{stored.id}", title, {"assignment": stored.id}, "assignment", about)


def _progress(page: Page, stored: StoredAssignment) -> str:
    """ "27 have started, 25 have a finished try"."""
    t, store = page.t, page.lab.store
    started = t.many("{n} has started", "{n} have started", store.started(stored.id))
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
    beside = st.container(border=True, height=MEMBER, key="member")  # of one height: the table keeps its place
    place = choose_row(
        sortable(frame, {head: [ago(at, t) for at in column] for head, column in times.items()}),
        "roster",
        [each.id for each in members],
        column_config={name: st.column_config.TextColumn(width=220)},
        alt=t("Students of the class"),
    )
    with beside:
        if place is None:
            st.caption(t("Choose a row to give a student a new code or to remove them."))
        else:
            _member(page, one, members[place])


def _member(page: Page, one: Class, member: Member) -> None:
    """What a teacher can do for one student."""
    t, name = page.t, in_markdown(member.name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{name}**", width="content")
        own_code = settings().auth == "code" and member.role == "student"  # of nobody with more rights
        asked = own_code and st.button(t("New personal code"), icon=":material/key:", key="member-code")
        look: dict[str, Any] = {"icon": ":material/person_remove:", "key": "remove-member"}
        st.button(t("Remove from the class"), on_click=_remove, args=(page, one, member), **look)
    if asked:
        words = t(
            "Write it down now: it is shown only once. The old code no longer works, and {name} is signed out "
            "everywhere.",
            name=name,
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"## {shown_code(page.lab.store.new_code(member.id))}", anchors=False, width="content")
            st.caption(words, width="content")


def _remove(page: Page, one: Class, member: Member) -> None:
    as_teacher(page, one.id, page.lab.store.leave, one.id, member.id)
    st.session_state["removed-member"] = one.id, member.id, member.name


def _put_back(page: Page) -> None:
    class_id, member_id, _ = st.session_state.pop("removed-member")
    as_teacher(page, class_id, partial(page.lab.store.join, also_closed=True), class_id, member_id)
