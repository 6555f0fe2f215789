"""A class with a few students who have trained something."""

import pytest

from benchmarks.class_data import fill
from nnlab.jobs.dispatcher import Dispatcher
from nnlab.lab import open_lab
from nnlab.store.backup import backup, restore


@pytest.fixture
def lab(with_codes, monkeypatch):
    """A lab whose workers never start."""
    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
    return open_lab()


@pytest.fixture(scope="session")
def backup_of_a_class(tmp_path_factory):
    """The class that `filled` has made for the first test, once there is one, and the file of its backup."""
    return [], tmp_path_factory.mktemp("class") / "class.db"


@pytest.fixture
def filled(lab, backup_of_a_class):
    """Ms Rivera's class of five: one has not started, the last four of eleven tries wait."""
    made, file = backup_of_a_class
    if made:
        restore(lab.store, file)
    else:
        made.append(fill(lab, students=5, tries=11, teacher="Ms Rivera", epochs=2))
        backup(lab.store, file)
    return made[0]
