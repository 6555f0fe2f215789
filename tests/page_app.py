"""Opening a page in an AppTest, and reading what it shows: what the tests of all pages share."""

from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

from nnlab.lab import open_lab
from nnlab.store import Person
from nnlab.ui.shared import network_view

ROOT = Path(__file__).parents[1]
OWNER = "v-" + "o" * 22
STRANGER = "v-" + "x" * 22
LANGUAGES = ("es", "en")
SPANISH = ("es",)  # where one language is enough: English runs through the same code, its texts are the ids


def lose_no_time(patch: pytest.MonkeyPatch) -> None:
    """Every AppTest looks through all installed packages for components, and asks every millisecond whether the page
    has run: more than half the time of these tests."""
    check = local_script_runner.require_widgets_deltas

    def wait(runner, timeout=3):
        runner._script_thread.join(timeout)
        check(runner, timeout)

    @cache
    def without_files():  # a component with files needs a server
        return st.components.v2.component("nnlab_network_view_here", html="<div></div>")

    patch.setattr(network_view, "_component", without_files)
    patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
    patch.setattr(local_script_runner, "require_widgets_deltas", wait)


def open_page(name, language="en", owner=OWNER, link=None, *, person: Person | None = None, **state):
    """A page as a visitor opens it by its link; `state` is put into the session before.

    With a login (the fixture `with_codes`) `person` is who is signed in with the browser."""
    if person is not None:
        owner = f"v-{person.id[2:]}"  # the browser's cookie
        open_lab().store.sign_in(owner, person.id)
    app = AppTest.from_file(ROOT / "dashboard.py", default_timeout=60)
    for key, value in {"visitor": owner, **state}.items():
        app.session_state[key] = value
    for key, value in {"lang": language, **(link or {})}.items():
        app.query_params[key] = value
    return go(app if name == "home" else app.switch_page(f"pages/{name}.py"))


def go(app):
    """Runs the page once more; it must not fail."""
    app.run()
    assert not app.exception
    return app


def press(app, key):
    app.button(key=key).click()
    return go(app)


def said(app):
    """Everything written on the page."""
    parts = [*app.title, *app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)


def address(app):
    """The parameters in the address bar."""
    return {k: v if isinstance(v, str) else v[-1] for k, v in dict(app.query_params).items()}


def links(app):
    """The links of the page by their labels."""
    return {link.proto.label: link.proto for link in app.get("page_link")}
