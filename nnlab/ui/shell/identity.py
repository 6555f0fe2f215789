"""Who is looking: without a login every browser gets an unguessable name of its own, kept in a cookie.

The cookie is written by a component of ours (Streamlit can read cookies, not set them). Its name is a secret: it is
never put into a link, so whoever gets a link sees a run but cannot change it.
"""

from __future__ import annotations

import re
import secrets

import streamlit as st

COOKIE = "nnlab_visitor"
_SHAPE = re.compile(r"v-[A-Za-z0-9_-]{22}")

# One invisible element: keeps the visitor's name in a cookie for a year.
_keeper = st.components.v2.component(
    "nnlab_visitor",
    html="<span hidden></span>",
    js=f"""
export default function({{ data }}) {{
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `{COOKIE}=${{data}}; path=/; max-age=31536000; SameSite=Lax${{secure}}`;
}}
""",
)


def visitor() -> str:
    """The owner under which this browser's runs are kept: the same after F5, on every page, in every tab."""
    known = st.session_state.get("visitor")
    if known is None:
        sent = st.context.cookies.get(COOKIE, "")
        known = sent if _SHAPE.fullmatch(sent) else "v-" + secrets.token_urlsafe(16)
        st.session_state["visitor"] = known
    return str(known)


def keep_visitor(owner: str) -> None:
    """Writes the cookie. Call once a page, where an element of no height does no harm."""
    _keeper(key="visitor-cookie", data=owner, height="content")
