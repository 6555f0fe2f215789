"""All caches together stay within the budget, and what is under way at once stays within the other."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.ui.shared import budget, cache, network_view
from nnlab.ui.shared.cache import Cache

MB = 1_000_000


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    """Caches of their own, so that what other tests have cached does not count."""
    monkeypatch.setattr(cache, "_values", {})
    monkeypatch.setattr(cache, "_held", 0)
    monkeypatch.setattr(budget, "CACHED", 10 * MB)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(1, 12)), max_size=30))
def test_all_caches_together_hold_no_more_than_the_budget(asked):
    cache._values.clear()
    cache._held = 0
    caches = Cache(), Cache()
    for first, key, size in asked:
        value = caches[first].get((key, size), lambda size=size: b"x" * (size * MB))
        assert len(value) == size * MB  # one that is larger than the budget is made, and not kept
        assert sum(each for _, each in cache._values.values()) == cache._held <= budget.CACHED


def test_what_was_used_least_recently_goes_first():
    one, made = Cache(), []

    def get(key):
        one.get(key, lambda: made.append(key) or bytes(4 * MB))

    for key in "abacb":  # b is dropped when c comes, because a was used again
        get(key)
    assert made == ["a", "b", "c", "b"]


def test_many_who_ask_at_the_same_time_wait_for_one_computation():
    one, begun, go, made = Cache(), threading.Event(), threading.Event(), []

    def make():
        made.append(1)
        begun.set()
        assert go.wait(10)
        return "value"

    found = []
    threads = [threading.Thread(target=lambda: found.append(one.get("key", make))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert found == ["value"] * 5
    assert made == [1]


def test_an_error_is_not_cached_and_the_next_one_tries_again():
    one = Cache()

    def fail():
        raise ValueError("none")

    with pytest.raises(ValueError, match="none"):
        one.get("key", fail)
    assert one.get("key", lambda: 3) == 3


def test_what_is_under_way_fits_the_budget_and_the_largest_goes_alone(monkeypatch):
    monkeypatch.setattr(budget, "UNDER_WAY", 100 * MB)
    inside, most, lock = [], [], threading.Lock()

    def work(size):
        with budget.reserved(size * MB):
            with lock:
                inside.append(size)
                most.append(list(inside))
            with lock:
                inside.remove(size)

    threads = [threading.Thread(target=work, args=(size,)) for size in (40, 70, 30, 150, 90, 10, 60) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert all(sum(sizes) <= 100 or len(sizes) == 1 for sizes in most)
    assert budget._taken == 0


def test_who_holds_a_part_does_not_wait_for_another_who_waits_for_room(monkeypatch):
    monkeypatch.setattr(budget, "UNDER_WAY", 100 * MB)
    one, waiting = Cache(), threading.Event()

    def other():
        waiting.set()
        one.get("key", lambda: "other", 60 * MB)  # no room before the first is done

    thread = threading.Thread(target=other)
    with budget.reserved(60 * MB):
        thread.start()
        assert waiting.wait(10)
        assert one.get("key", lambda: "mine", 60 * MB) == "mine"
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "value",
    [
        bytes(MB),
        np.zeros(MB // 8),
        np.zeros((MB // 8, 1)).T,
        pd.DataFrame({"a": np.zeros(MB // 8)}),
        pa.table({"a": np.zeros(MB // 8)}),
        {"a": np.zeros(MB // 8)},
        [(np.zeros(MB // 16), "x"), np.zeros(MB // 16)],
    ],
)
def test_the_size_of_a_value_counts_its_arrays(value):
    assert MB <= budget.size_of(value) < 1.01 * MB


def test_the_film_of_a_run_that_trains_reads_each_frame_once():
    read = []

    class Lab:
        def frames(self, run_id, epochs, replicate):
            read.append(epochs)
            return [(epoch, {"weights": epoch + replicate}) for epoch in epochs if epoch != 4]

    lab, run = Lab(), SimpleNamespace(id="a run")
    assert [epoch for epoch, _ in network_view._growing(lab, run, [0, 1, 2], 0)] == [0, 1, 2]
    assert network_view._growing(lab, run, [0, 2, 3, 4], 0)[1:] == [(2, {"weights": 2}), (3, {"weights": 3})]
    assert network_view._growing(lab, run, [3], 7) == [(3, {"weights": 10})]
    assert read == [[0, 1, 2], [3, 4], [3]]
