"""What the tests of all pages share."""

from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner

from nnlab.lab import close_labs, open_lab


@pytest.fixture
def lab(home, monkeypatch):
    """A lab whose workers never start: a submitted run keeps waiting, the tests train by themselves."""
    one = open_lab()
    monkeypatch.setattr(one._dispatcher, "start", lambda: None)
    yield one
    close_labs()


@pytest.fixture(scope="session", autouse=True)
def _packages_read_once():
    """Every AppTest looks through all installed packages for components: nearly half the time of these tests."""
    patch = pytest.MonkeyPatch()
    patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
    yield
    patch.undo()
