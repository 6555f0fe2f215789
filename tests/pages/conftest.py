"""What the tests of all pages share."""

from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import local_script_runner

from nnlab.lab import close_labs, open_lab


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

    patch = pytest.MonkeyPatch()
    patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
    patch.setattr(local_script_runner, "require_widgets_deltas", wait)
    yield
    patch.undo()
