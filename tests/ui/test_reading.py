"""What pages show alike is read once for all of them."""

from itertools import count
from time import monotonic

import pytest

from nnlab.ui.shared.reading import read_once


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
