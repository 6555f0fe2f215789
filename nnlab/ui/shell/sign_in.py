"""What every page shows to who has to sign in first, in the place of all that it has.

With NNLAB_AUTH=code there is one field: a class's code asks for a nickname and then shows a personal code; a personal
code is enough. With NNLAB_AUTH=oidc there is a button for each provider in Streamlit's secrets. The end of both is a
ticket, with which the server gives the browser a new cookie (`nnlab.ui.server.enter`) and returns to the address.
"""

import logging
from collections.abc import Callable
from math import ceil
from time import time
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from nnlab.lab import open_lab
from nnlab.settings import settings
from nnlab.store import Class, ClassFull, NameTaken, Person, Wait
from nnlab.store.codes import shown_code
from nnlab.store.sign_in import LOGIN
from nnlab.ui.shell.address import network_of
from nnlab.ui.shell.browser_address import leave_for
from nnlab.ui.shell.counts import counts
from nnlab.ui.shell.signed_in import logged_in
from nnlab.ui.shell.text import Text, in_markdown, mark
from nnlab.ui.shell.visitors import has_cookie, visitor

log = logging.getLogger("nnlab.sign_in")
WIDTH = 420
CLOSED = mark("This class is closed or full. Ask your teacher.")


def sign_in(page: str, t: Text, head: Callable[[], None]) -> None:
    """Draw the sign-in instead of a page, to which it returns."""
    state = st.session_state
    if settings().auth == "oidc":
        _returned(page)
    if made := state.pop("ticket", None):
        leave_for(f"enter?ticket={made}")
        return
    if state.pop("left", False):
        leave_for(f"?lang={t.language}")
        return
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH):
        head()
        with st.container(border=True, key="sign-in"):
            if settings().auth == "oidc":
                _by_login(page, t)
            elif "new-student" in state:
                _personal_code(page, t, *state["new-student"])
            elif "class-to-join" in state:
                _nickname(t, state["class-to-join"])
            else:
                _code(page, t)
            if not has_cookie():
                words = t("This browser sends no cookies, and signing in needs one. Allow cookies for this site.")
                st.warning(words, icon=":material/cookie_off:")


def place_of(page: str) -> str:
    """The address of a page on this server as it is now, parameters included."""
    query = urlencode(st.query_params.to_dict())
    return ("" if page == "home" else page) + (f"?{query}" if query else "")


def ask_for_code(t: Text, field: str = "code") -> Person | Class | None:
    """Whose code stands in a field, in a callback; if nobody's, `refusal` shows why."""
    found = open_lab().store.try_code(st.session_state[field], network_of(st.context.ip_address))
    if found is None or isinstance(found, Wait):
        counts["sign_in_refused"] += 1
        log.info("a code was refused", extra={"event": "sign_in_refused"})
    if isinstance(found, Wait):
        seconds = max(1, ceil(found.seconds))  # whole ones, of which none is too few
        time = t.seconds(seconds) if seconds > 60 else f"{t.whole(seconds)} s"
        words = t("There were too many wrong codes from your network. Try again in {time}.", time=time)
        st.session_state[f"{field}-refused"] = words
        return None
    if found is None:
        st.session_state[f"{field}-refused"] = t(
            "There is no such code. Check it: it has 8 or 10 letters and digits, and no O, 0, I or 1."
        )
    return found


def refusal(field: str = "code") -> None:
    """Why the last code or nickname was refused."""
    if words := st.session_state.pop(f"{field}-refused", None):
        st.warning(words, icon=":material/error:")


def _code(page: str, t: Text) -> None:
    _title(t("Sign in"), t("With the code of your class, or with your personal code if you have been here before."))
    with st.form("sign-in-form", border=False):
        st.text_input(t("Code"), key="code", placeholder="K7M3-QXW9", max_chars=80, autocomplete="one-time-code")
        refusal()
        args = (page, t)
        st.form_submit_button(t("Continue"), type="primary", width="stretch", key="use-code", on_click=_use, args=args)


def _use(page: str, t: Text) -> None:
    found = ask_for_code(t)
    if isinstance(found, Class):
        st.session_state["class-to-join"] = found
    elif found is not None:
        _enter(found, page)


def _nickname(t: Text, one: Class) -> None:
    about = t("Choose a nickname. Your teacher sees it; it need not be your real name.")
    _title(in_markdown(one.name), about)
    with st.form("nickname-form", border=False):
        st.text_input(t("Nickname"), key="nickname", max_chars=40, autocomplete="nickname")
        refusal()
        st.form_submit_button(t("Join"), type="primary", width="stretch", key="join", on_click=_join, args=(t, one))
    args = ("class-to-join",)
    st.button(t("Use another code"), type="tertiary", key="other-code", on_click=st.session_state.pop, args=args)


def _join(t: Text, one: Class) -> None:
    store, name = open_lab().store, st.session_state["nickname"]
    words = None
    try:
        person = store.new_student(one.id, name)
        st.session_state["new-student"] = (person, store.new_code(person.id))
    except NameTaken:
        words = t(
            "Somebody here has this nickname already. If it is you, go back and type your personal code; otherwise "
            "choose another one."
        )
    except ClassFull:
        words = t(CLOSED)
    except ValueError:
        words = t("Type a nickname with at least one letter or digit.")
    if words:
        st.session_state["code-refused"] = words


def _personal_code(page: str, t: Text, person: Person, code: str) -> None:
    _title(t("Welcome, {name}", name=in_markdown(person.name)), t("This is your personal code:"))
    st.markdown(f"# {shown_code(code)}", anchors=False)
    st.markdown(t("Write it down. With it you return to your runs from another device, or after you have signed out."))
    label, args = t("I have written it down"), (person, page)
    st.button(label, type="primary", width="stretch", key="enter", on_click=_enter, args=args)


def _returned(page: str) -> None:
    """Sign in who has just returned from the provider, always to Home. That Streamlit still knows an earlier login is
    not enough: its owner may have signed out in another tab, or on all devices."""
    person = logged_in()
    if person is None or not has_cookie() or "signed-in" in st.session_state or time() - _login_time() > 2 * LOGIN:
        return
    if (place := open_lab().store.remembered(visitor())) is not None:
        st.session_state["signed-in"] = True
        _enter(person, page, place if page == "home" else None)


def _login_time() -> float:
    """When the provider made the login, by its own clock."""
    made = st.user.get("iat")
    return float(made) if isinstance(made, int | float) else 0.0


def _by_login(page: str, t: Text) -> None:
    _title(t("Sign in"), t("With the account of your school or institution."))
    providers = _providers()
    for name in providers:
        label = t("Continue with {provider}", provider=in_markdown(name.title())) if name else t("Continue")
        if st.button(label, type="primary", width="stretch", key=f"login-{name}"):
            if logged_in():  # it ends first: else the way back from the provider would be a way in
                st.logout()
                return
            open_lab().store.remember(visitor(), place_of(page))
            try:
                st.login(name or None)
            except StreamlitAuthError as error:
                log.warning("the login does not work: %s", error)
                providers = []
    if not providers:
        words = t("The login of this server is not set up. Whoever runs it finds the steps in docs/hosting.md.")
        st.error(words, icon=":material/key_off:")


def _providers() -> list[str]:
    """The names of the providers in the secrets, "" for the only one; none if there are no secrets."""
    try:
        found = st.secrets["auth"]
    except (StreamlitSecretNotFoundError, KeyError):
        log.warning("NNLAB_AUTH is oidc, but .streamlit/secrets.toml has no [auth]")
        return []
    named = [name for name, one in found.items() if hasattr(one, "items") and "client_id" in one]
    return named or ([""] if "client_id" in found else [])


def _enter(person: Person, page: str, place: str | None = None) -> None:
    """Sign in: the browser leaves for the ticket's address, at once or when the callback has ended."""
    st.session_state["ticket"] = open_lab().store.new_ticket(visitor(), person.id, place or place_of(page))


def _title(title: str, about: str) -> None:
    st.title(title, anchor=False)
    st.markdown(about)
