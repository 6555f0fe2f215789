"""The bytes of a film hold what a browser needs: a header, and the numbers that it names."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab import load_dataset, presets
from nnlab.analysis.film import film, thin
from nnlab.engines.random_streams import initial_weights
from nnlab.spec import Experiment

MOONS = presets["activations"].set({"data.n_samples": 100})


def read(content):
    """The header and the parts of a film."""
    length = int.from_bytes(content[:4], "little")
    header, numbers = json.loads(content[4 : 4 + length]), np.frombuffer(content[4 + length :], "<f4")
    ends = np.cumsum([count for _, count in header["parts"]])
    assert ends[-1] == len(numbers)
    return header, dict(zip([name for name, _ in header["parts"]], np.split(numbers, ends[:-1]), strict=True))


def test_points_stay_points_whatever_the_network_takes_of_them():
    experiment = MOONS.set({"data.terms": ["x1_squared", "x2", "sin_x1"]})
    weights, dataset = initial_weights(experiment, 0), load_dataset(experiment)
    header, parts = read(film(experiment, {0: weights}, dataset, others=[(weights, dataset)] * 2))
    assert header["features"] == ["x₂", "x₁²", "sin x₁"]
    assert header["terms"] == list(experiment.data.terms)
    assert header["axes"] == ["x₁", "x₂"]
    assert np.shape(header["extent"]) == (2, 2)
    np.testing.assert_array_equal(parts["train_x"].reshape(2, -1).T, dataset.train.x)
    for name in ("shift", "factor"):
        assert parts[name].shape == (3,)
        np.testing.assert_array_equal(parts[f"other_{name}"], np.tile(parts[name], 2))
    np.testing.assert_array_equal(parts["factor"], dataset.scaling.scale)
    assert read(film(MOONS, {0: initial_weights(MOONS, 0)}, load_dataset(MOONS)))[0]["terms"] == []


def test_every_frame_has_the_weights_of_its_epoch_and_the_curves_follow():
    frames = {epoch: initial_weights(MOONS, epoch) for epoch in (0, 2, 7)}
    curves = np.arange(15.0).reshape(3, 1, 5)
    header, parts = read(film(MOONS, frames, load_dataset(MOONS), curves, id="run-0"))
    assert (header["epochs"], header["id"], header["others"]) == ([0, 2, 7], "run-0", 0)
    for weights, got in zip(frames.values(), parts["weights"].reshape(3, -1), strict=True):
        ends = np.cumsum([size for _, size in header["arrays"]])[:-1]
        for (name, _), array in zip(header["arrays"], np.split(got, ends), strict=True):
            np.testing.assert_array_equal(array, weights[name].ravel().astype(np.float32))
    np.testing.assert_array_equal(parts["curves"], curves.ravel())
    assert read(film(MOONS, frames, load_dataset(MOONS)))[1]["curves"].size == 0


def test_arrays_have_one_order_however_they_were_stored():
    weights, dataset = initial_weights(MOONS, 0), load_dataset(MOONS)
    assert film(MOONS, {0: weights}, dataset) == film(MOONS, {0: dict(reversed(weights.items()))}, dataset)


def test_pictures_are_few_and_have_one_shift_for_all_pixels():
    digits = Experiment.of({"data": {"name": "digits"}})
    dataset = load_dataset(digits)
    header, parts = read(film(digits, {0: initial_weights(digits, 0)}, dataset))
    assert (header["image"], header["full"], header["extent"], header["features"]) == ([8, 8], 16, None, [])
    assert header["samples"] == {"train": [15, len(dataset.train)], "validation": [15, len(dataset.validation)]}
    np.testing.assert_array_equal(parts["shift"], np.full(64, dataset.scaling.shift[0]))


@pytest.mark.parametrize(
    ("epochs", "parameters", "budget", "kept"),
    [
        (range(5), 33, (), 5),
        (range(1001), 33, (), 200),
        (range(30), 25_000, (), 10),
        (range(200), 33, (40, 100_000), 40),
        (range(200), 5_000, (40, 100_000), 5),
        (range(200), 50_000, (40, 100_000), 2),
    ],
)
def test_a_film_keeps_the_first_and_the_last_epoch_within_its_budget(epochs, parameters, budget, kept):
    chosen = thin(list(epochs), parameters, *budget)
    assert (len(chosen), chosen[0], chosen[-1]) == (kept, epochs[0], epochs[-1])
    assert np.diff(np.diff(chosen)).max(initial=0) <= 1
