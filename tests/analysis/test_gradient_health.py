"""Gradients, deviations and dead units against autograd, and on networks built for it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from nnlab import load_dataset, presets
from nnlab.analysis import gradient_health
from nnlab.analysis.gradient_health import GradientHealth, measure
from nnlab.comparison.api import results_of
from nnlab.engines import random_streams
from nnlab.scratch import activations
from nnlab.spec import Experiment
from nnlab.training.api import train
from tests.ordinary import ordinary

SEEDS = (0, 3, 4)
MOONS = Experiment().set({"data.n_samples": 100, "model.hidden": [6, 6, 5]})


def made(experiment):
    return random_streams.stacked_weights(experiment, SEEDS), load_dataset(experiment)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model.activation": "sigmoid"},
        {"model.activation": "tanh", "model.residual": True},
        {"model.norm": "batch"},
        {"model.norm": "layer", "train.loss": "cross_entropy"},
        {"data.name": "digits", "data.n_samples": 400},  # more samples than are used
        {"data.name": "celsius"},
    ],
    ids=str,
)
def test_gradients_are_those_of_autograd_and_deviations_those_of_the_outputs(changes):
    experiment = MOONS.set(changes)
    weights, dataset = made(experiment)
    got = measure(experiment, weights, dataset)
    rows = random_streams.scored_samples(experiment.data.seed, len(dataset.train), 256)
    x, y = torch.tensor(dataset.scaling.apply(dataset.train.x[rows])), torch.tensor(dataset.train.y[rows])
    for r in range(len(SEEDS)):
        network = ordinary(experiment, {name: array[r] for name, array in weights.items()}).train()
        outputs, values = [], x
        for block in network:
            values = block(values)
            values.retain_grad()
            outputs.append(values)
        if experiment.loss == "bce":
            loss = functional.binary_cross_entropy_with_logits(values[:, 0], y.float(), reduction="sum")
        elif experiment.loss == "cross_entropy":
            loss = functional.cross_entropy(values, y, reduction="sum")
        else:
            loss = functional.mse_loss(values, y, reduction="sum")
        loss.backward()
        gradient = [float(values.grad.square().mean().sqrt()) for values in outputs]
        deviation = [float(values.detach().var(dim=0, correction=0).mean().sqrt()) for values in outputs]
        assert got.gradient[:, r] == pytest.approx(gradient, rel=1e-3)
        assert got.deviation[:, r] == pytest.approx(deviation, rel=1e-3)


def test_layers_that_scale_by_a_tenth_scale_outputs_and_gradients_by_a_tenth():
    """Linear layers W = I/10: what goes forward and what comes back is a tenth after every layer."""
    experiment = MOONS.set({"model.hidden": [2, 2, 2, 2], "model.activation": "none"})
    weights, dataset = made(experiment)
    for i in range(4):
        weights[f"{i}.weight"][:], weights[f"{i}.bias"][:] = np.eye(2) / 10, 0
    got = measure(experiment, weights, dataset)
    assert got.gradient[1:4] / got.gradient[:3] == pytest.approx(np.full((3, 3), 10), rel=1e-4)
    assert got.deviation[1:4] / got.deviation[:3] == pytest.approx(np.full((3, 3), 0.1), rel=1e-4)


@pytest.mark.parametrize(("activation", "bias"), [("relu", -100), ("sigmoid", 8), ("sigmoid", -8), ("tanh", -5)])
def test_units_with_the_same_output_for_every_sample_are_dead(activation, bias):
    experiment = MOONS.set({"model.activation": activation, "model.init": "normal"})  # small weights: none is stuck
    weights, dataset = made(experiment)
    assert (measure(experiment, weights, dataset).dead == 0).all() or activation == "relu"
    weights["1.bias"][1, :4] = bias
    weights["1.bias"][[0, 2]] = 0.5
    dead = measure(experiment, weights, dataset).dead
    assert dead[1].tolist() == [0, 4, 0]
    assert dead[3].tolist() == [0, 0, 0]  # the output layer has no such units


def test_a_unit_without_a_flat_side_is_never_dead():
    experiment = MOONS.set({"model.activation": "leaky_relu"})
    weights, dataset = made(experiment)
    weights["0.bias"][:] = -100
    assert (measure(experiment, weights, dataset).dead == 0).all()


def test_measuring_changes_no_weights_and_ignores_dropout():
    experiment = MOONS.set({"model.norm": "batch"})
    weights, dataset = made(experiment)
    copies = {name: array.copy() for name, array in weights.items()}
    plain = measure(experiment, weights, dataset)
    for name, array in copies.items():
        np.testing.assert_array_equal(weights[name], array)
    dropped = measure(experiment.set({"model.dropout": 0.5}), weights, dataset)
    np.testing.assert_array_equal(dropped.gradient, plain.gradient)


def test_replicates_measured_in_groups_are_measured_as_together(monkeypatch):
    experiment = MOONS.set({"model.norm": "batch"})
    weights, dataset = made(experiment)
    together = measure(experiment, weights, dataset)
    monkeypatch.setattr(gradient_health, "_OUTPUTS", 1)
    alone = measure(experiment, weights, dataset)
    for name, array in vars(together).items():
        assert getattr(alone, name) == pytest.approx(array, rel=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_weights_that_are_not_finite_affect_only_their_replicate(value):
    weights, dataset = made(MOONS)
    well = measure(MOONS, weights, dataset)
    weights["1.weight"][1] = value
    got = measure(MOONS, weights, dataset)
    assert np.isnan(got.dead[:, 1]).all()
    for name, array in vars(got).items():
        np.testing.assert_allclose(array[:, [0, 2]], getattr(well, name)[:, [0, 2]], rtol=1e-5)
    text = json.dumps(got.as_lists(), allow_nan=False)
    again = GradientHealth.of(json.loads(text))
    assert again.gradient[:, 0] == pytest.approx(got.gradient[:, 0], rel=5e-3)
    assert np.isnan(again.gradient[0, 1])


def test_results_hold_the_health_before_and_after_training():
    experiment = MOONS.set({"train.epochs": 3})
    result = train(experiment, SEEDS).result()
    weights, dataset = made(experiment)
    stored = results_of(result)["signals"]
    assert stored["before"] == measure(experiment, weights, dataset).as_lists()
    assert stored["after"] == measure(experiment, result.stacked, dataset).as_lists()
    assert np.array(stored["after"]["gradient"]).shape == (4, len(SEEDS))


def test_without_hidden_layers_there_is_the_output_layer_alone():
    experiment = presets["binary"].vary("depth", 0)
    weights, dataset = made(experiment)
    got = measure(experiment, weights, dataset)
    assert got.gradient.shape == (1, len(SEEDS))
    outputs = activations(experiment.layers, weights, dataset.scaling.apply(dataset.train.x))[-1]
    assert got.deviation[0] == pytest.approx(outputs.std(axis=1)[:, 0], rel=1e-4)
