"""Who visits: an unguessable name in a cookie, which without a login stands for one.

The server sets the cookie with the document, before anything else of a page runs (`nnlab.ui.server.identity`); no
script can read it. It is never put into a link, so whoever gets a link sees a run but cannot change it. With a login
(NNLAB_AUTH) the store knows who is signed in with which cookie (`nnlab.ui.shell.signed_in`).
"""

import re
import secrets

import streamlit as st

COOKIE = "nnlab_visitor"
_SHAPE = re.compile(r"v-[A-Za-z0-9_-]{22}", re.ASCII)


def valid_name(cookie: str | None) -> str:
    """The name in a cookie, or a new one if there is none or none that this server would have given."""
    return cookie if cookie and _SHAPE.fullmatch(cookie) else "v-" + secrets.token_urlsafe(16)


def visitor() -> str:
    """The name of this browser: the same after F5, on every page, in every tab.

    A browser without cookies gets a name for each session."""
    if "visitor" not in st.session_state:
        st.session_state["visitor"] = valid_name(st.context.cookies.get(COOKIE))
    return str(st.session_state["visitor"])


def has_cookie() -> bool:
    """Whether the browser has sent its name, or keeps no cookies."""
    return COOKIE in st.context.cookies
