"""The guess of what an experiment costs: sane, and more of anything costs more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.catalogue.presets import presets
from nnlab.engines import choice
from nnlab.engines.costs import estimate_bytes, estimate_seconds
from nnlab.spec import Experiment


@pytest.mark.parametrize(
    ("preset", "least", "most"),
    [("binary", 0.02, 5), ("activations", 0.02, 5), ("mnist", 0.3, 30), ("celsius", 0.05, 10), ("scratch", 2, 90)],
)
def test_a_preset_takes_seconds_as_its_card_says(preset, least, most):
    assert least < estimate_seconds(presets[preset], 1) < most


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("train.epochs", (1, 10, 100)),
        ("data.n_samples", (100, 1000, 10_000)),
        ("model.hidden", ([], [8], [8, 8], [64, 64], [1024, 1024])),
        ("train.batch_size", (128, 32, 8, 1)),
    ],
)
def test_more_of_anything_costs_more(field, values):
    costs = [estimate_seconds(Experiment().set({field: value}), 1) for value in values]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_the_automatic_engine_costs_what_the_engine_that_trains_costs(monkeypatch):
    experiment = presets["activations"]
    monkeypatch.setattr(choice, "_numba_installed", lambda: False)
    by_name = experiment.vary("engine", "numpy")
    for estimate in (estimate_seconds, estimate_bytes):
        assert estimate(experiment, 10) == estimate(by_name, 10)
    monkeypatch.setattr(choice, "_numba_installed", lambda: True)
    assert 0 < estimate_seconds(experiment, 1) < estimate_seconds(by_name, 1)


def test_a_frozen_layer_costs_less_and_a_source_nothing():
    experiment = Experiment().set({"data.name": "digits", "model.hidden": [256, 64]})
    start = [{"experiment": experiment, "layers": 2, "frozen": frozen} for frozen in (0, 1, 2)]
    none, *costs = (estimate_seconds(experiment.vary("start_from", one), 3) for one in (None, *start))
    assert none == costs[0] > costs[1] > costs[2]


@given(st.integers(1, 100), st.integers(1, 4096), st.integers(0, 8), st.integers(1, 100_000), st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
def test_seeds_together_cost_more_than_one_but_less_than_one_after_the_other(seeds, width, depth, batch, epochs):
    experiment = Experiment().set({"model.hidden": [width] * depth, "train.batch_size": batch, "train.epochs": epochs})
    one, all_ = estimate_seconds(experiment, 1), estimate_seconds(experiment, seeds)
    assert 0 < one <= all_ <= seeds * one * (1 + 1e-9)


def test_more_of_anything_takes_more_memory_and_small_networks_hardly_any():
    small = Experiment()
    assert 300e6 < estimate_bytes(small, 1) < estimate_bytes(small, 100) < 500e6
    wide = small.set({"data.name": "digits", "model.hidden": [1000, 1000], "train.engine": "torch"})
    assert estimate_bytes(wide, 1) < estimate_bytes(wide, 10) < estimate_bytes(wide.set({"train.engine": "numpy"}), 10)
    assert estimate_bytes(wide, 10) > 1e9
    assert estimate_bytes(wide.set({"train.batch_size": 1000}), 10) > estimate_bytes(wide, 10)
    assert estimate_bytes(wide.set({"data.folds": 5}), 2) > 4 * (estimate_bytes(wide, 2) - 400e6)


@pytest.mark.parametrize("engine", ["auto", "numpy", "torch"])
@pytest.mark.parametrize("per_seed", ["samples", "split"])
def test_data_of_their_own_cost_more_time_and_memory_with_every_seed(engine, per_seed):
    shared = Experiment().set({"data.n_samples": 5000, "train.engine": engine})
    own = shared.set({"data.per_seed": per_seed})
    for estimate in (estimate_seconds, estimate_bytes):
        assert estimate(own, 1) == estimate(shared, 1)
        assert estimate(shared, 20) < estimate(own, 20) < estimate(own, 40)
