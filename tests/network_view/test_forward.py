"""The browser's forward pass computes what the engines compute."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nnlab import Experiment
from nnlab.analysis.film import film
from nnlab.analysis.predictions import predict
from nnlab.analysis.scores import evaluate
from nnlab.datasets import load_dataset
from nnlab.engines.random_streams import initial_weights
from nnlab.scratch import activations
from nnlab.spec.network import Activation
from nnlab.ui.shared.pictures import judged_part

HERE = Path(__file__).parent
KINDS = (
    {"data.name": "moons", "model.norm": "none"},
    {"data.name": "gaussians", "data.classes": 3, "model.norm": "batch", "model.residual": True},
    {"data.name": "digits", "model.norm": "layer", "model.residual": True},
    {"data.name": "celsius", "data.scaling": "standard"},
    {"data.name": "circles", "data.terms": ["x2", "x1_squared", "x2_squared", "x1_times_x2", "sin_x1", "sin_x2"]},
)


def part(dataset):
    return getattr(dataset, judged_part(dataset))


def random_weights(experiment, seed):
    """Weights as large as trained ones, with running values and scales that change something."""
    rng = np.random.default_rng(seed)
    weights = initial_weights(experiment, seed)
    return {
        name: (2 * value + rng.uniform(0.1, 0.5, value.shape)).astype(np.float32) for name, value in weights.items()
    }


@pytest.fixture(scope="module")
def computed(tmp_path_factory, node):
    """Every experiment with its weights, and what JavaScript computes of them."""
    folder, cases = tmp_path_factory.mktemp("films"), []
    for i, activation in enumerate(Activation.__args__):
        for kind in KINDS:
            experiment = Experiment().set({**kind, "model.hidden": [7, 7, 5], "model.activation": activation})
            weights, dataset = random_weights(experiment, i), load_dataset(experiment, [0])
            file = folder / f"{len(cases)}"
            file.write_bytes(film(experiment, {0: initial_weights(experiment, 9), 3: weights}, dataset))
            cases.append((experiment, weights, dataset, file))
    command = [node, HERE / "forward.js", *(case[-1] for case in cases)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return [(*case[:-1], result) for case, result in zip(cases, json.loads(done.stdout), strict=True)]


def test_every_layer_has_the_outputs_of_the_numpy_engine(computed):
    for experiment, weights, dataset, result in computed:
        n = len(result["layers"][0]) // 7
        stacked = {name: value[None] for name, value in weights.items()}
        x = dataset.scaling.apply(part(dataset).x[:n])
        for ours, theirs in zip(activations(experiment.layers, stacked, x), result["layers"], strict=True):
            found = np.reshape(theirs, (-1, n)).T
            assert np.abs(found - ours[0]).max() <= 1e-5 * max(1, np.abs(ours).max()), experiment


def test_predictions_loss_and_score_are_those_of_the_run(computed):
    for experiment, weights, dataset, result in computed:
        stacked = {name: value[None] for name, value in weights.items()}
        n = len(result["layers"][0]) // 7
        theirs = np.reshape(result["predicted"], (-1, n)).T
        ours = predict(experiment, stacked, dataset, part(dataset).x[:n])[0]
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)
        if n == len(part(dataset)):
            figures = evaluate(experiment, stacked, dataset, judged_part(dataset))
            expected = [figures["loss"][0], figures[experiment.score][0]]
            np.testing.assert_allclose(result["figures"], expected, rtol=1e-5, atol=1e-6)
