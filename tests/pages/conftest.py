"""What the tests of all pages share."""

import pytest

from nnlab.lab import close_labs, open_lab


@pytest.fixture
def lab(home, monkeypatch):
    """A lab whose workers never start: a submitted run keeps waiting, the tests train by themselves."""
    one = open_lab()
    monkeypatch.setattr(one._foreman, "start", lambda: None)
    yield one
    close_labs()
