"""Visitors: without a login every browser gets an unguessable name of its own, stored in a cookie.

The name is a secret: it is never put into a link, so whoever gets a link sees a run but cannot change it.
"""

import re
import secrets

import streamlit as st

COOKIE = "nnlab_visitor"
_SHAPE = re.compile(r"v-[A-Za-z0-9_-]{22}")

_document = st.components.v2.component(
    "nnlab_document",
    html="<span hidden></span>",
    js=f"""
export default function({{ data }}) {{
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `{COOKIE}=${{data.visitor}}; path=/; max-age=31536000; SameSite=Lax${{secure}}`;
  document.documentElement.lang = data.language;
}}
""",
)


def visitor() -> str:
    """The owner of this browser's runs: the same after F5, on every page, in every tab."""
    known = st.session_state.get("visitor")
    if known is None:
        sent = st.context.cookies.get(COOKIE, "")
        known = sent if _SHAPE.fullmatch(sent) else "v-" + secrets.token_urlsafe(16)
        st.session_state["visitor"] = known
    return str(known)


def set_document(owner: str, language: str) -> None:
    """Sets the cookie (for a year) and the language of the HTML document, neither of which Streamlit can set.

    It adds an invisible element: call it once a page, at the end of the sidebar."""
    _document(key="document", data={"visitor": owner, "language": language}, height="content")
