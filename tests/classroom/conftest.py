"""A class with a few students who have trained something."""

import pytest

from benchmarks.class_data import fill
from nnlab.jobs.dispatcher import Dispatcher
from nnlab.lab import open_lab


@pytest.fixture
def lab(with_codes, monkeypatch):
    """A lab whose workers never start."""
    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
    return open_lab()


@pytest.fixture
def filled(lab):
    """Ms Rivera's class of five: one has not started, the last four of eleven tries wait."""
    return fill(lab, students=5, tries=11, teacher="Ms Rivera", epochs=2)
