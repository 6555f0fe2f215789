"""The figures of the course's systems, each with its preset just as it comes (the `scratch` system has a file of its
own)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnlab import presets, train
from nnlab.spec.layer_table import layer_table


def test_mnist_reaches_keras_s_mean(mnist_dir: Path) -> None:
    result = train("mnist", seeds=10).result()
    scores = result.evaluate("test")
    assert scores is not None
    assert presets["mnist"].parameters == 25_450
    assert scores["accuracy"].shape == (10,)
    assert len(result.dataset.test) == 10_000
    assert scores["accuracy"].mean() == pytest.approx(0.9610, abs=0.005)
    assert scores["accuracy"].std(ddof=1) < 0.006  # Keras: 0.003


def test_pytorch_gives_the_losses_of_the_compiled_engine_on_mnist(mnist_dir: Path) -> None:
    """Over 119 steps: what one engine reaches, the other reaches."""
    short = presets["mnist"].set({"data.n_samples": 4000, "train.epochs": 1})
    ours, theirs = (next(train(short.vary("engine", engine), 5)) for engine in ("auto", "torch"))
    for metric in ("train_loss", "validation_loss"):
        apart = np.abs(getattr(ours, metric) - getattr(theirs, metric))
        assert np.median(apart) < 1e-5, "of most seeds: in one of ten, rounding decides on which side of 0 a ReLU is"


def test_celsius_finds_the_least_squares_line_under_every_seed() -> None:
    result = train("celsius", seeds=8).result()
    scores = result.evaluate("train")
    assert scores is not None
    np.testing.assert_allclose(result.predict(np.array([[100.0]])), 211.747, atol=0.01)
    np.testing.assert_allclose(scores["mse"], 0.0630, atol=1e-4)
    assert [row.parameters for row in layer_table(presets["celsius"])] == [0, 6, 12, 4]


def test_binary_has_49_parameters_and_trains() -> None:
    experiment = presets["binary"]
    assert experiment.parameters == 49
    result = train(experiment, seeds=10).result()
    scores = result.evaluate("train")
    assert scores is not None
    for seed, own in enumerate(result.dataset.training_sets):  # every seed has samples of its own
        y = own.train.y
        assert scores["accuracy"][seed] > max(y.mean(), 1 - y.mean()) + 0.1  # more than always saying the same
        chances = train(experiment, seeds=[seed]).result().predict(own.train.x)  # (1, n, 1), cut at 0.5 into labels
        assert ((chances[0, :, 0] > 0.5) == y).mean() == pytest.approx(scores["accuracy"][seed], abs=1e-12)


def test_binary_overfits_as_its_depth_grows() -> None:
    experiment = presets["binary"].vary("engine", "auto")
    shallow, deep = (train(experiment.vary("depth", depth), seeds=30).result() for depth in (1, 4))
    score = {
        (name, part): result.evaluate(part)["accuracy"].mean()  # type: ignore[index, arg-type]
        for name, result in (("shallow", shallow), ("deep", deep))
        for part in ("train", "validation")
    }
    assert score["deep", "train"] > score["shallow", "train"] + 0.01
    gap = {name: score[name, "train"] - score[name, "validation"] for name in ("shallow", "deep")}
    assert gap["deep"] > gap["shallow"] + 0.01
    losses = {name: r.evaluate("validation") for name, r in (("shallow", shallow), ("deep", deep))}
    assert losses["deep"]["loss"].mean() > losses["shallow"]["loss"].mean() + 0.1  # type: ignore[index]


@pytest.mark.parametrize(("activation", "least"), [("sigmoid", 0.75), ("relu", 0.88), ("tanh", 0.88)])
def test_each_activation_trains(activation: str, least: float) -> None:
    """Two moons, half of each: saying always the same is right in 0.5; a straight line reaches about 0.87."""
    result = train(presets["activations"].vary("activation", activation), seeds=10).result()
    scores = result.evaluate("test")
    assert scores is not None
    assert (scores["accuracy"] > least).all()
