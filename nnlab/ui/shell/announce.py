"""Says to screen readers what has changed on a page without the visitor's doing: that a training has ended."""

from datetime import UTC, datetime, timedelta

import streamlit as st

RECENT = timedelta(seconds=60)

_status = st.components.v2.component(
    "nnlab_announce",
    html='<p role="status"></p>',
    css="p { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }",
    js="""
export default function({ data, parentElement }) {
  const status = parentElement.querySelector("p");
  // later than the region itself appears: what it holds from the start is not read out
  setTimeout(() => { if (status.textContent !== data) status.textContent = data; }, 200);
}
""",
)


def announce(words: str, since: datetime | None) -> None:
    """Has `words` read out when nothing else is being read; nothing if they have been true for a minute."""
    recent = since is not None and datetime.now(UTC) - since < RECENT
    _status(key="announce", data=words if recent else "")
