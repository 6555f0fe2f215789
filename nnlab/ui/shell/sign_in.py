"""What a page shows to who has to sign in first."""

import streamlit as st

from nnlab.ui.shell.text import Text


def sign_in(t: Text) -> None:
    """Draw the sign-in instead of a page."""
    st.title(t("Sign in"), anchor=False)
