"""What the inside of a network says: how a gradient travels back through it, how much of the inputs its layers pass
on, and which units say nothing.

One forward and one backward pass of a few training samples through the NumPy engine, before training and after it,
for every layer and replicate.

By the gradient of a layer its outputs' is meant, ∂L/∂y of one sample, as Glorot and Bengio (2010, section 4.2) watch
it: it is handed from layer to layer, so how it grows or shrinks on the way is the layers' doing alone. The gradient
of a weight is that times what comes in: with small weights the one falls towards the first layer as the other rises,
so that their product hides both (their figures 7 and 8), and it sums over the samples, so that at a minimum it is 0
in a healthy network too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.predictions import by_fold, of_folds
from nnlab.datasets.base import Dataset, Part
from nnlab.engines import random_streams
from nnlab.engines.base import Array, Floats, Weights, targets
from nnlab.engines.threads import single_thread
from nnlab.scratch.core import LogSoftmax, Module, ReLU, Sequential
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.modules import Sigmoid, Tanh
from nnlab.scratch.network import build
from nnlab.spec import Experiment

SAMPLES = 256
"""Training samples looked at, at most."""

_NUMBERS = 1 << 21  # outputs of all layers at a time, 8 MB: replicates are looked at in groups


@dataclass(frozen=True, eq=False)
class Signals:
    """One look inside: arrays (layers, replicates), the output layer last; nan where weights are no numbers."""

    gradient: Floats
    """Root mean square, over samples and units, of the gradient of one sample's loss by the layer's outputs."""
    deviation: Floats
    """Standard deviation of the layer's outputs over the samples (root mean square over its units): near 0, all
    samples look alike from there on."""
    dead: Floats
    """Units that are stuck, whatever the sample: ReLU gives 0; sigmoid and tanh stay within 1 % of a bound. Of the
    other activations none counts: their slope is never that small on a whole side."""

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Signals:
        """From what `as_plain` gave."""
        return cls(**{name: np.array(plain[name], float) for name in ("gradient", "deviation", "dead")})

    def as_plain(self) -> dict[str, list[list[float | None]]]:
        """As JSON has it: three significant digits, None for what is no number."""
        return {name: [[_short(value) for value in row] for row in array] for name, array in vars(self).items()}


def before_and_after(experiment: Experiment, dataset: Dataset, start: Weights, final: Weights) -> dict[str, Any]:
    """The signals of a training, from its starting and its final weights, as they are stored with its results."""
    return {
        name: measure(experiment, weights, dataset).as_plain()
        for name, weights in (("before", start), ("after", final))
    }


def measure(experiment: Experiment, weights: Weights, dataset: Dataset) -> Signals:
    """Look inside networks with the given weights (replicates, ...), as they are in a training step, but without
    dropout: batch normalisation takes mean and variance of the samples looked at, and its running ones stay. With folds
    each looks at samples of its own."""
    if dataset.folds:
        each = [vars(measure(experiment, own, fold)) for own, fold in by_fold(weights, dataset)]
        return Signals(**{name: of_folds([one[name].T for one in each]).T for name in each[0]})
    samples = _samples(dataset, experiment)
    x, t = dataset.scaling.apply(samples.x), targets(experiment, samples.y)
    group = max(1, _NUMBERS // (len(x) * sum(layer.width for layer in experiment.layers)))
    with single_thread():  # weights that ran away give inf and nan, as they should
        looks = [
            _look(experiment, {name: array[first : first + group] for name, array in weights.items()}, x, t)
            for first in range(0, len(weights["0.bias"]), group)
        ]
    return Signals(*(np.concatenate(arrays, axis=1) for arrays in zip(*looks, strict=True)))


def _samples(dataset: Dataset, experiment: Experiment) -> Part:
    """Some of the training part, always the same."""
    rows = random_streams.scored_samples(experiment.data.seed, len(dataset.train), SAMPLES)
    return Part(dataset.train.x[rows], dataset.train.y[rows])


def _look(experiment: Experiment, weights: Weights, x: Array, t: Array) -> tuple[Floats, Floats, Floats]:
    """Gradient, deviation and dead units, each (layers, replicates)."""
    own = {name: array.copy() if ".norm." in name else array for name, array in weights.items()}  # running means move
    network = build([replace(layer, dropout=0.0) for layer in experiment.layers], own)
    ending = LogSoftmax() if experiment.loss == "cross_entropy" else Sequential()
    y, deviation, dead = x, [], []
    for module in network.modules:
        y = module.forward(y)  # (replicates, n, width)
        deviation.append(np.sqrt(y.var(axis=-2, dtype=float).mean(axis=-1)))
        dead.append(_dead(module, len(y)))
    g = ending.backward(LOSSES[experiment.loss]().backward(ending.forward(y), t)) * len(x)  # of one sample's loss
    gradient = []
    for module in reversed(network.modules):
        gradient.append(np.sqrt(np.square(g, dtype=float).mean(axis=(-2, -1))))
        g = module.backward(g)
    lost = ~np.isfinite(y).all(axis=(-2, -1))  # (replicates,): comparisons with nan would call its units alive
    return np.array(gradient[::-1]), np.array(deviation), np.where(lost, np.nan, np.array(dead, float))


def _dead(layer: Module, replicates: int) -> NDArray[np.int64]:
    """How many of a layer's units are stuck, (replicates,)."""
    count: NDArray[np.int64] = np.zeros(replicates, np.int64)
    for part in layer.parts():
        if isinstance(part, ReLU):
            count = (part.y == 0).all(axis=-2).sum(axis=-1)
        elif isinstance(part, Sigmoid):
            count = (np.abs(2 * part.y - 1) >= 0.98).all(axis=-2).sum(axis=-1)
        elif isinstance(part, Tanh):
            count = (np.abs(part.y) >= 0.99).all(axis=-2).sum(axis=-1)
    return count


def _short(value: float) -> float | None:
    return float(f"{value:.3g}") if np.isfinite(value) else None
