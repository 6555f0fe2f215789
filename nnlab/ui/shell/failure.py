"""What a page shows when the store cannot be used, or when something fails: one calm sentence, never a traceback.

Streamlit calls `show_failure` for every exception that no page has caught: in its script, a fragment or a callback.
"""

import logging
import math
import secrets
from time import monotonic

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nnlab.lab import open_lab
from nnlab.store import StoreUnavailable
from nnlab.ui.shell.signed_in import SignedOut
from nnlab.ui.shell.text import Text, Texts, text
from nnlab.ui.shell.ticks import live

log = logging.getLogger("nnlab.pages")
# a store that is away is one line in the log, not a traceback for every tick of every page; who has left is none
logging.getLogger("streamlit.error_util").addFilter(
    lambda record: not (record.exc_info and isinstance(record.exc_info[1], StoreUnavailable | SignedOut))
)

RETRY = 2.0  # seconds between two looks whether the store is back
LOG_EVERY = 60.0  # seconds between two equal lines in the log
_logged: dict[str, float] = {}  # when each was written
_NOTICE = "store-notice"  # in the session: the reason why the last callback was not carried out

_WHAT: Texts = {
    "unreachable": "The data base cannot be reached right now.",
    "full": "The server has no disk space left.",
    "newer": "The data base belongs to a newer version of nnlab than the one that runs here.",
    "damaged": "The data base is damaged.",
    "read_only": "nnlab is not allowed to write to its data base.",
}
_NEXT: Texts = {
    "unreachable": "You need not do anything: this page tries again every few seconds and continues by itself.",
    "full": "Whoever runs this server has to free some space; this page then continues by itself.",
    "newer": "Whoever runs this server has to update nnlab; this page then continues by itself.",
    "damaged": "Whoever runs this server has to restore a backup; this page then continues by itself.",
    "read_only": "Whoever runs this server has to allow it; this page then continues by itself.",
}


def not_carried_out(reason: str, t: Text) -> str:
    """Why a click had no effect."""
    return f"{t(_WHAT[reason])} {t('Your last action was not carried out; nothing else has changed.')}"


def show_failure(error: Exception) -> bool:
    """Show an exception of a page in the visitor's language; True, so that Streamlit does not show it too."""
    if isinstance(error, SignedOut):
        t = _text()
        st.warning(t("You have signed out. Reload the page to sign in again."), icon=":material/logout:")
    elif not show_unavailable(error):
        reference = secrets.token_hex(3)
        log.error("reference %s: %s: %s", reference, type(error).__name__, error)
        t = _text()
        said = t("Something failed on this page; nothing of yours is lost. Reload the page or go to another one.")
        told = t("If it happens again, tell whoever runs this server the reference {reference}.", reference=reference)
        with st.container(key="failure"):
            st.error(f"{said} {told}", icon=":material/error:")
    return True


def show_unavailable(error: Exception) -> bool:
    """Show why the store cannot be used, and continue when it is back; False if that is not what the error is about."""
    if not isinstance(error, StoreUnavailable):
        return False
    t, context, reason = _text(), get_script_run_ctx(), error.reason
    if monotonic() - _logged.get(error.sentence, -math.inf) > LOG_EVERY:
        _logged.clear()
        _logged[error.sentence] = monotonic()
        log.warning("%s", error)
    if context is not None and not context.has_script_started:  # in a callback
        st.session_state[_NOTICE] = reason
    if context is not None and context.fragment_ids_this_run:  # the rest of the page stays as it is
        st.caption(f":material/cloud_off: {t(_WHAT[reason])}")
    else:
        typed, all_kept = t("What you typed is kept."), t("Your runs and what you typed are kept.")
        kept = typed if reason == "damaged" else all_kept
        st.warning(f"**{t(_WHAT[reason])}** {kept} {t(_NEXT[reason])}", icon=":material/cloud_off:")
    live(_continue, RETRY)(monotonic())
    return True


def show_notice(t: Text) -> None:
    """Say once that the last callback was not carried out, if the store was the reason."""
    if reason := st.session_state.pop(_NOTICE, None):
        st.warning(not_carried_out(reason, t), icon=":material/cloud_off:")


def _continue(since: float) -> None:
    """Draw the page again once the store can be read; the first call, with the message, only starts the ticks."""
    if monotonic() - since < RETRY / 2:
        return
    try:
        open_lab().activity()
    except StoreUnavailable:
        return
    st.rerun()


def _text() -> Text:
    return text(st.session_state.get("language", ""))
