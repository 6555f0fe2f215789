"""What of a visitor cannot be read: a sentence for each, and a button that deletes it."""

import streamlit as st

from nnlab.lab import Lab
from nnlab.store import Unreadable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown


def unreadable_lines(page: Page) -> None:
    """A line for everything of the visitor that cannot be read."""
    t = page.t
    for one in _unreadable(page.lab, page.lab.store.url, page.owner):
        with st.container(horizontal=True, vertical_alignment="center", key=f"unreadable-{one.id}"):
            name = in_markdown(one.name or one.id)
            words = t("{name} cannot be read: a newer nnlab stored it, or it is damaged.", name=name)
            st.markdown(f":material/broken_image: {words}", width="content")
            args = (page, one.id)
            st.button(t("Delete"), icon=":material/delete:", key=f"delete-{one.id}", on_click=_delete, args=args)


@st.cache_data(ttl=60, show_spinner=False)
def _unreadable(_lab: Lab, url: str, owner: str) -> list[Unreadable]:
    """Read once a minute: it takes all runs of the visitor."""
    return _lab.unreadable(owner)


def _delete(page: Page, item: str) -> None:
    page.lab.delete_unreadable(item, page.owner)
    _unreadable.clear()
