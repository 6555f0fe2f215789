"""Why runs wait though it is their turn, in words."""

import streamlit as st

from nnlab.jobs.trouble import Trouble
from nnlab.ui.shell.text import Text, Texts

_WORDS: Texts = {
    "missing": "{running} of {wanted} workers are running; the others are being started.",
    "dying": "The workers end again and again ({detail}). They are started again after ever longer pauses.",
    "unreachable": "The workers cannot be reached. The server tries again; what is queued stays queued.",
    "certificate": "The scheduler refuses this server, which has no valid certificate ({detail}). Whoever runs it sets "
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …CLIENT__CERT and …CLIENT__KEY; what is queued stays queued.",
    "store": "The data base cannot be used at the moment. What is queued stays queued.",
    "full": "No space is left on the server's disk. What is queued starts as soon as there is some.",
    "other_store": "A worker uses another data base than the server (NNLAB_DATABASE_URL).",
    "other_version": "A worker has another version of nnlab than the server.",
    "broken": "A worker cannot work ({detail}). The server tries again; what is queued stays queued.",
}


def trouble_text(trouble: Trouble, t: Text) -> str:
    """One sentence in the visitor's language, as Markdown."""
    detail = f"`{trouble.detail[:100].replace('`', ' ')}`"
    return t(_WORDS[trouble.kind], detail=detail, running=t.whole(trouble.running), wanted=t.whole(trouble.wanted))


def show_trouble(trouble: Trouble | None, t: Text) -> None:
    """The sentence, while workers are missing or cannot work."""
    if trouble:
        st.caption(f":material/build: {trouble_text(trouble, t)}")
