"""Who is signed in, in the sidebar: a new personal code, another class, and out again."""

from typing import Any

import streamlit as st

from nnlab.lab import open_lab
from nnlab.settings import settings
from nnlab.store import Class, ClassFull, Person
from nnlab.store.codes import shown_code
from nnlab.ui.shell.sign_in import CLOSED, ask_for_code, refusal
from nnlab.ui.shell.signed_in import still_signed_in
from nnlab.ui.shell.text import Text, Texts, in_markdown
from nnlab.ui.shell.visitors import visitor

ROLES: Texts = {"student": "Student", "teacher": "Teacher", "admin": "Administrator"}


def account_menu(person: Person, t: Text) -> None:
    """Draw a menu with the visitor's name."""
    name = in_markdown(person.name)
    with st.popover(name, icon=":material/account_circle:", width="stretch", key="account"):
        st.caption(f"{name} · {t(ROLES[person.role])}")
        if settings().auth == "code":
            _personal_code(person, t)
        join_class(person, t, t("Code of another class"))
        look: dict[str, Any] = {"icon": ":material/logout:", "width": "stretch"}
        st.button(t("Sign out"), key="sign-out", on_click=sign_out, **look)
        if settings().auth == "oidc":  # a new personal code does it where there are codes
            words = t("Sign out on all devices")
            st.button(words, key="sign-out-everywhere", on_click=sign_out, args=(person,), **look)


def sign_out(everywhere: Person | None = None) -> None:
    """End the sign-in of this browser, or all of somebody; all that the session holds is forgotten."""
    browser = visitor()
    if everywhere:
        still_signed_in(everywhere)
        open_lab().store.sign_out_everywhere(everywhere.id)
    else:
        open_lab().store.sign_out(browser)
    st.session_state.clear()
    st.session_state["visitor"] = browser
    if settings().auth == "oidc":
        st.session_state["signed-in"] = True  # Streamlit knows the login until the browser has left
        st.logout()
    else:
        st.session_state["left"] = True


def _personal_code(person: Person, t: Text) -> None:
    def renew() -> None:
        still_signed_in(person)
        st.session_state["new-code"] = open_lab().store.new_code(person.id, visitor())

    code = st.session_state.pop("new-code", None)
    if code:
        st.markdown(f"## {shown_code(code)}", anchors=False)
        st.caption(t("Write it down. Your old code no longer works."))
    st.button(t("New personal code"), icon=":material/key:", key="renew-code", width="stretch", on_click=renew)
    if not code:
        st.caption(t("For another device. It replaces the code you have and signs out your other devices."))


def join_class(person: Person, t: Text, label: str, field: str = "code") -> None:
    """A field for the code of a class, whose name in the session is `field`."""

    def join() -> None:
        still_signed_in(person)
        found = ask_for_code(t, field)
        if isinstance(found, Class):
            try:
                open_lab().store.join(found.id, person.id)
            except ClassFull:
                st.session_state[f"{field}-refused"] = t(CLOSED)
            else:
                st.toast(_joined(person, found, t), icon=":material/school:")
        elif found is not None:
            words = t("This is a personal code. A class has a code of 8 letters and digits.")
            st.session_state[f"{field}-refused"] = words

    with st.form(f"{field}-form", border=False, clear_on_submit=True):
        st.text_input(label, key=field, placeholder="K7M3-QXW9", max_chars=80)
        refusal(field)
        st.form_submit_button(t("Join"), key=f"{field}-join", width="stretch", on_click=join)


def _joined(person: Person, one: Class, t: Text) -> str:
    """That somebody is in a class, and what they are called there if another one has their name."""
    words = t("You are in the class {name} now.", name=in_markdown(one.name))
    shown = open_lab().store.class_names(one.id).get(person.id, person.name)
    if shown == person.name:
        return words
    return f"{words} {t('Somebody in it has your name: there you are {name}.', name=f'**{in_markdown(shown)}**')}"
