"""Leading the browser to another address of this server, as no call of Streamlit does in the same tab."""

import streamlit as st

from nnlab.ui.shell.address import server_path

_go = st.components.v2.component(
    "nnlab_go",
    js="""
export default function({ data }) {
  location.replace(data.path);
}
""",
)


def leave_for(path: str) -> None:
    """Load a document of this server in the place of this one: a new session of its own."""
    _go(key="leave", data={"path": server_path(path)}, height=0)
