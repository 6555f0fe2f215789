"""Who is signed in with the browser of a page."""

import math
from time import monotonic

import streamlit as st

from nnlab.lab import open_lab
from nnlab.settings import settings
from nnlab.store import Person
from nnlab.ui.shell.visitors import visitor

CHECK_EVERY = 5.0  # seconds between two looks whether somebody is still signed in


class SignedOut(Exception):
    """Somebody has signed out in another tab, or is no longer known."""


def current_person() -> Person | None:
    """Who visits; None if they have to sign in first."""
    if settings().auth == "none":
        return Person(visitor())
    store, state = open_lab().store, st.session_state
    person = store.person_of(visitor(), seen=True)
    login = logged_in() if settings().auth == "oidc" else person
    if person is not None and (login is None or login.id != person.id):
        store.sign_out(visitor())  # the login has ended, or is somebody else's now
        return None
    if person is not None:
        state["signed-in"], state["checked"] = True, monotonic()
    return person


def logged_in() -> Person | None:
    """Who has logged in at a provider (OpenID Connect), as Streamlit knows at the start of a session."""
    if not st.user.get("is_logged_in"):
        return None
    if "login" not in st.session_state:
        user = {name: str(st.user.get(name) or "") for name in ("iss", "sub", "name", "email", "preferred_username")}
        name = user["name"] or user["preferred_username"] or user["email"].partition("@")[0] or "?"
        email = user["email"] if st.user.get("email_verified") is True else None
        person = open_lab().store.find_or_create(f"{user['iss']}\n{user['sub']}", name, email)
        st.session_state["login"] = person.id
    return open_lab().store.person(st.session_state["login"])


def still_signed_in(person: Person) -> None:
    """Raise SignedOut if somebody is no longer signed in here: a tab that is still open shows and changes nothing."""
    state = st.session_state
    if monotonic() - state.get("checked", -math.inf) > CHECK_EVERY:
        now = open_lab().store.person_of(visitor())
        if now is None or now.id != person.id:
            raise SignedOut
        state["checked"] = monotonic()
