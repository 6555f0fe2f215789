"""What simple methods without a network reach on a data set, for comparison."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nnlab.datasets import load_dataset, mnist
from nnlab.engines.base import Array, Floats
from nnlab.spec import DataSpec


@dataclass(frozen=True)
class Reference:
    """Losses and scores without a network, from at most 1,000 samples of the training part."""

    guess_loss: float
    """The loss of a blind guess: the logarithm of the number of classes; for regression the error of predicting 0."""
    guess: float
    """Accuracy of always predicting the most common class; 0 for regression."""
    variance: float
    """Of the targets (regression), else nan."""
    score: float
    """Accuracy of 15 nearest neighbours, each sample left out in turn; for regression R² of the least-squares line."""
    error: float
    """One standard error of `score`; 0 for regression."""


def reference_of(data: DataSpec) -> Reference:
    """The reference of a data set.

    Parameters
    ----------
    data : DataSpec

    Returns
    -------
    Reference
        With nan for what needs the samples, where they are not on this machine: a diagnosis downloads nothing.
    """
    if data.name == "mnist" and not mnist.available():
        return Reference(math.log(data.classes), 1 / data.classes, math.nan, math.nan, math.nan)
    return _computed(data)


@lru_cache(maxsize=64)
def _computed(data: DataSpec) -> Reference:
    dataset = load_dataset(data)
    picked = np.random.default_rng(0).permutation(len(dataset.train))[:1000]
    x, y = dataset.scaling.apply(dataset.train.x[picked]).astype(float), dataset.train.y[picked]
    if data.task == "regression":
        target = y.astype(float)
        design = np.column_stack([x, np.ones(len(x))])
        residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        variance = float(target.var())
        r2 = 1 - float((residual**2).mean()) / variance if variance > 0 else math.nan
        return Reference(float((target**2).mean()), 0.0, variance, r2, 0.0)
    reached = _neighbours_accuracy(x, y)
    error = math.sqrt(reached * (1 - reached) / len(y))
    return Reference(math.log(data.classes), float(np.bincount(y).max() / len(y)), math.nan, reached, error)


def _neighbours_accuracy(x: Floats, y: Array) -> float:
    """Accuracy of the most common class among the nearest neighbours: at most 15, without the sample itself."""
    from sklearn.neighbors import NearestNeighbors  # takes a second: not at start-up

    near = max(1, min(15, len(y) // (2 * len(np.unique(y)))))
    votes = y[NearestNeighbors(n_neighbors=near).fit(x).kneighbors(return_distance=False)]  # (n, near)
    counts = (votes[:, :, None] == np.arange(y.max() + 1)).sum(axis=1)  # (n, classes)
    return float((counts.argmax(axis=1) == y).mean())
