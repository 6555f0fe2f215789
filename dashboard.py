"""The server, and Home: Streamlit imports this file to get `app`, and runs it as a script for who opens Home."""

import streamlit as st

if __name__ == "__main__":
    from nnlab.ui.home.home_page import home_page

    home_page()
else:  # imports what a page needs in the background, so that the server answers soon
    from nnlab.ui.server.lifespan import lifespan
    from nnlab.ui.server.middleware import MIDDLEWARE

    app = st.App(__file__, lifespan=lifespan, middleware=MIDDLEWARE)
