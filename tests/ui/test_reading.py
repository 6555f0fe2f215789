"""What pages show alike is read once for all of them."""

import gc
import weakref
from itertools import count
from time import monotonic

import pytest

from nnlab.ui.shared.reading import read_once
from nnlab.ui.shell.ticks import pace


@pytest.fixture
def read():
    """Counts how often it was called."""
    return count(1).__next__


def test_pages_that_look_at_the_same_time_share_one_reading(read):
    assert [read_once("shared", 3600, read) for _ in range(3)] == [1, 1, 1]


def test_what_was_read_before_a_button_was_pressed_is_read_again(read):
    assert read_once("pressed", 3600, read) == 1
    assert read_once("pressed", 3600, read, since=monotonic()) == 2


def test_each_key_has_a_reading_of_its_own(read):
    assert (read_once("one", 3600, read), read_once("other", 3600, read)) == (1, 2)


def test_of_each_key_only_the_latest_reading_is_held(monkeypatch):
    class Large:
        pass

    readings = []
    for period in (1, 2, 3):
        monkeypatch.setattr(pace, "shared", lambda least, now=period: now)
        readings.append(weakref.ref(read_once("large", 2, Large)))
        assert read_once("large", 2, Large) is readings[-1]()
    gc.collect()
    assert [one() is not None for one in readings] == [False, False, True]
