"""What every engine provides, and the values that engines, training and the store exchange."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets import Dataset, Part
from nnlab.spec import Experiment

Array = NDArray[Any]
"""An array of any type."""

Floats = NDArray[np.float64]
"""An array of losses, scores or other figures."""

Weights = dict[str, NDArray[np.float32]]
"""Arrays (replicates, ...) by the names of `random_streams.initial_weights`. Replicates are ordered by seed, and by
fold within a seed."""

METRICS = ("train_loss", "train_score", "validation_loss", "validation_score")
"""What every epoch measures. Score: accuracy (0 to 1) for classes, mean squared error for regression."""


class EngineProtocol(Protocol):
    """Trains all replicates of an experiment side by side: one a seed or, under k-fold, one a seed and fold.

    An engine holds the weights and the optimizer's state, and makes one pass over the data at a time. Epochs, early
    stopping and checkpoints are up to `nnlab.training.loop.Training`.

    Parameters
    ----------
    experiment
        Network, loss, optimizer and batch size.
    seeds
        One training per seed and fold.
    dataset
        The training data. Its folds, where it has any, must be of one size.
    weights
        The starting weights (replicates, ...), which are copied.
    """

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, weights: Weights) -> None: ...

    def run_epoch(self, epoch: int, rates: Iterable[float]) -> None:
        """Train for one pass over the training part.

        Parameters
        ----------
        epoch
            Its number, from 1. It selects the order of the samples and the dropout masks, see `random_streams`.
        rates
            The learning rate of every step, read just before the step. An exception it raises ends the pass.
        """

    def scores(self, *parts: Part) -> tuple[Floats, Floats]:
        """Loss and score of every replicate, in evaluation mode. `rates` may call it in the middle of an epoch.

        Parameters
        ----------
        *parts
            A part that is not empty; under k-fold that part of every fold.

        Returns
        -------
        loss, score : (replicates,) each
        """

    def weights(self) -> Weights:
        """A copy of the current weights (replicates, ...)."""

    def state(self) -> dict[str, Array]:
        """A copy of the optimizer's state."""

    def load(self, weights: Weights, state: Mapping[str, Array]) -> None:
        """Continue from the weights and the state of an earlier engine."""


def targets(experiment: Experiment, y: Array) -> Array:
    """What the loss compares the outputs with.

    Parameters
    ----------
    y : (n,) class numbers, or (n, 1) values

    Returns
    -------
    (n, outputs) float32: one-hot under cross-entropy, else 0 or 1, or the values
    """
    if experiment.loss == "cross_entropy":
        one_hot: Array = np.eye(experiment.outputs, dtype=np.float32)[y]
        return one_hot
    return y.astype(np.float32).reshape(len(y), -1)


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch. Arrays are (replicates,): nan without a validation part, and for a replicate that
    stopped in an earlier epoch."""

    epoch: int
    """From 1."""
    seeds: tuple[int, ...]
    train_loss: Floats
    """On the training part, or on 5,000 samples of a larger one. Measured after the epoch and in evaluation mode, so
    that the gap to validation compares like with like."""
    train_score: Floats
    validation_loss: Floats
    validation_score: Floats
    lr: float
    """Learning rate of the last step."""
    seconds: float
    """Time of all replicates together, measuring included."""
    folds: int = 0
    """Folds per seed; 0 for hold-out."""
