"""Gradients, activations and dead units of every layer, before and after training.

One forward and one backward pass of a few training samples through the NumPy network. The gradient of a layer is meant
with respect to its outputs, ∂L/∂y of one sample: how it grows or shrinks on the way back depends on the layers alone
(Glorot and Bengio 2010, section 4.2). The gradient of a weight is that times the input, which hides both: with small
weights one falls towards the first layer as the other rises (their figures 7 and 8). Summed over the samples, it is
also 0 at any minimum.

References
----------
Glorot, Bengio (2010). Understanding the difficulty of training deep feedforward neural networks. AISTATS, 249-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.predictions import by_set, join_sets
from nnlab.datasets import Dataset
from nnlab.engines import random_streams
from nnlab.engines.base import Array, Floats, Weights, single_thread, targets
from nnlab.scratch.core import LogSoftmax, Module, ReLU, Sequential
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.modules import Sigmoid, Tanh
from nnlab.scratch.network import build
from nnlab.spec import Experiment

SAMPLES = 256  # of the training part, at most
_OUTPUTS = 1 << 21  # outputs of all layers held at a time, 8 MB: replicates are measured in groups


@dataclass(frozen=True, eq=False)
class GradientHealth:
    """Figures (layers, replicates), the output layer last; nan where weights are not finite."""

    gradient: Floats
    """Root mean square, over samples and units, of the gradient of one sample's loss with respect to the outputs."""
    deviation: Floats
    """Standard deviation of the outputs over the samples (root mean square over the units). Near 0, the layer maps all
    samples to nearly the same outputs."""
    dead: Floats
    """Units with the same output for every sample: 0 for ReLU; within 1 % of a bound for sigmoid and tanh. Units of
    other activations are never counted: their slope is not that small on a whole side."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> GradientHealth:
        """From the lists of `as_lists`."""
        return cls(**{name: np.array(stored[name], float) for name in ("gradient", "deviation", "dead")})

    def as_lists(self) -> dict[str, list[list[float | None]]]:
        """As stored in JSON: three significant digits, None for what is not finite."""

        def short(value: float) -> float | None:
            return float(f"{value:.3g}") if np.isfinite(value) else None

        return {name: [[short(value) for value in row] for row in array] for name, array in vars(self).items()}


def measure(experiment: Experiment, weights: Weights, dataset: Dataset) -> GradientHealth:
    """Measure networks as in a training step without dropout: batch normalisation takes mean and variance of the
    samples, and its running ones do not change. Weights are (replicates, ...); under k-fold every replicate is measured
    on samples of its own fold."""
    if dataset.sets:
        each = [vars(measure(experiment, own, one)) for own, one in by_set(weights, dataset)]
        return GradientHealth(**{name: join_sets([one[name].T for one in each]).T for name in each[0]})
    rows = random_streams.scored_samples(experiment.data.seed, len(dataset.train), SAMPLES)
    x, t = dataset.scaling.apply(dataset.train.x[rows]), targets(experiment, dataset.train.y[rows])
    group = max(1, _OUTPUTS // (len(x) * sum(layer.width for layer in experiment.layers)))
    with single_thread():  # weights that diverged give inf and nan, as they should
        groups = [
            _measure(experiment, {name: array[first : first + group] for name, array in weights.items()}, x, t)
            for first in range(0, len(weights["0.bias"]), group)
        ]
    return GradientHealth(*(np.concatenate(arrays, axis=1) for arrays in zip(*groups, strict=True)))


def _measure(experiment: Experiment, weights: Weights, x: Array, t: Array) -> tuple[Floats, Floats, Floats]:
    """Gradient, deviation and dead units, each (layers, replicates)."""
    own = {name: array.copy() if ".norm." in name else array for name, array in weights.items()}  # running means change
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
    lost = ~np.isfinite(y).all(axis=(-2, -1))  # (replicates,): comparisons with nan would count its units as alive
    return np.array(gradient[::-1]), np.array(deviation), np.where(lost, np.nan, np.array(dead, float))


def _dead(layer: Module, replicates: int) -> NDArray[np.int64]:
    """How many of a layer's units are dead, (replicates,)."""
    for part in layer.parts():
        if isinstance(part, ReLU):
            flat = part.y == 0
        elif isinstance(part, Sigmoid):
            flat = np.abs(2 * part.y - 1) >= 0.98
        elif isinstance(part, Tanh):
            flat = np.abs(part.y) >= 0.99
        else:
            continue
        return np.asarray(flat.all(axis=-2).sum(axis=-1))
    return np.zeros(replicates, np.int64)
