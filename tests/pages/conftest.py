"""What the tests of all pages share."""

from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import local_script_runner

from nnlab.lab import close_labs, open_lab
from nnlab.ui.shared import network_view


@pytest.fixture
def lab(home, monkeypatch):
    """A lab whose workers never start: a submitted run keeps waiting, the tests train by themselves."""
    one = open_lab()
    monkeypatch.setattr(one._dispatcher, "start", lambda: None)
    yield one
    close_labs()


@pytest.fixture(scope="session", autouse=True)
def _no_time_is_lost():
    """Every AppTest looks through all installed packages for components, and asks every millisecond whether the page
    has run: more than half the time of these tests."""
    check = local_script_runner.require_widgets_deltas

    def wait(runner, timeout=3):
        runner._script_thread.join(timeout)
        check(runner, timeout)

    @cache
    def without_files():  # a component with files needs a server
        return st.components.v2.component("nnlab_network_view_here", html="<div></div>")

    patch = pytest.MonkeyPatch()
    patch.setattr(network_view, "_component", without_files)
    patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
    patch.setattr(local_script_runner, "require_widgets_deltas", wait)
    yield
    patch.undo()
