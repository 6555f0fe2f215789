"""More losses: for two classes and for numbers. `Loss` itself and NLL, the loss for classes, are in `core.py`."""

import numpy as np

from nnlab.scratch.core import NLL, Array, Loss
from nnlab.scratch.modules import sigmoid


class BCE(Loss):
    """Binary cross-entropy, from logits: −log of the probability of the right answer.

        forward    L = −(1/n) Σ_n [t log σ(y) + (1 − t) log(1 − σ(y))]
                     = (1/n) Σ_n [max(y, 0) − t y + log(1 + e^−|y|)]       the same, and nothing can overflow
        backward   ∂L/∂y = (σ(y) − t) / n       predicted probability minus target

    This is so simple because log σ(y) has the slope 1 − σ, and log(1 − σ(y)) the slope −σ; t(σ − 1) + (1 − t)σ = σ − t.

    y (..., batch, 1) logits, t (batch, 1) 0 or 1 → L (...).
    """

    def forward(self, y: Array, t: Array) -> Array:
        return (np.maximum(y, 0) - t * y + np.log1p(np.exp(-np.abs(y)))).mean(axis=(-2, -1))

    def backward(self, y: Array, t: Array) -> Array:
        return (sigmoid(y) - t) / t.shape[-2]


class MSE(Loss):
    """Mean squared error.

        forward    L = (1/n) Σ_n (y_n − t_n)²      (1/(n·outputs) where there are several outputs)
        backward   ∂L/∂y_n = 2 (y_n − t_n) / n

    y (..., batch, outputs), t (batch, outputs) → L (...).
    """

    def forward(self, y: Array, t: Array) -> Array:
        return ((y - t) ** 2).mean(axis=(-2, -1))

    def backward(self, y: Array, t: Array) -> Array:
        return (y - t) * (2 / (t.shape[-2] * t.shape[-1]))


LOSSES: dict[str, type[Loss]] = {"bce": BCE, "cross_entropy": NLL, "mse": MSE}
"""By the names of `experiment.loss`. NLL takes log-probabilities, so the network then ends in a LogSoftmax."""
