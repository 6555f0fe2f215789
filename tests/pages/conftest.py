"""What the tests of all pages share."""

import pytest
from page_app import lose_no_time

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
    with pytest.MonkeyPatch.context() as patch:
        lose_no_time(patch)
        yield
