"""The server, and Home: Streamlit imports this file to get `app`, and runs it as a script for who opens Home."""

import streamlit as st

if __name__ == "__main__":
    from nnlab.ui.home.home_page import home_page

    home_page()
else:  # what pages need is imported in the background, so that the server answers soon
    from nnlab.ui.server import logs
    from nnlab.ui.server.downloads import routes
    from nnlab.ui.server.enter import enter_route
    from nnlab.ui.server.lifespan import lifespan
    from nnlab.ui.server.middleware import MIDDLEWARE
    from nnlab.ui.server.script_errors import on_script_error

    logs.set_up()
    app = st.App(
        __file__,
        lifespan=lifespan,
        middleware=MIDDLEWARE,
        on_script_error=on_script_error,
        routes=[*routes(), enter_route()],
    )
