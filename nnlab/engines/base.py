"""What every engine provides, and the values that engines, training and the store exchange."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from nnlab.datasets import Dataset, Part
from nnlab.spec import Experiment

ALGORITHM = 3
"""Raise it when the same experiment and seeds train to other results than before. Results of an older algorithm are
shown, but not offered as those of the same experiment. 2: with patience every replicate ends with its best weights.
3: the compiled engine rounds exponentials alike on all processors."""

Array = NDArray[Any]
Floats = NDArray[np.float64]

Weights = dict[str, NDArray[np.float32]]
"""Arrays (replicates, ...) by the names of `random_streams.initial_weights`. Replicates are ordered by seed, and by
fold within a seed."""

METRICS = ("train_loss", "train_score", "validation_loss", "validation_score")
"""What every epoch measures. Score: accuracy (0 to 1) for classes, mean squared error for regression."""


class EngineProtocol(Protocol):
    """Trains all replicates of an experiment: one a seed or, under k-fold, one a seed and fold. Replicate r is trained
    on `dataset.training_sets` number r mod their number.

    An engine holds the weights and the optimizer's state, and takes as many steps at a time as it is told. Epochs,
    early stopping and checkpoints are up to `nnlab.training.loop.Training`.

    `active` (replicates,) of its methods is False for replicates that early stopping has ended. An engine may skip
    them: their weights then stay, and their scores are arbitrary. The caller computes within `single_thread`.

    Parameters
    ----------
    seeds : (replicates,)
        The seed of every replicate.
    dataset
        Its sets, where it has any, must be of one size.
    weights
        The starting weights (replicates, ...), which are copied.
    """

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, weights: Weights) -> None: ...

    def run_steps(self, epoch: int, first: int, rates: Floats, active: NDArray[np.bool_]) -> None:
        """Train for some steps of one pass over the training part. The pieces of a pass come in order.

        Parameters
        ----------
        epoch
            Its number, from 1. It selects the order of the samples and the dropout masks, see `random_streams`.
        first
            The number of the first step in its epoch, from 0, with which an epoch begins (again).
        rates : (steps,)
            The learning rate of every step.
        """

    def scores(self, parts: Sequence[Part], active: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Loss and score of every replicate, in evaluation mode, also in the middle of an epoch.

        Parameters
        ----------
        parts
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
    """What the loss compares the outputs with, from class numbers (n,) or values (n, 1).

    (n, outputs) float32: one-hot under cross-entropy, else 0 or 1, or the values."""
    if experiment.loss == "cross_entropy":
        return np.asarray(np.eye(experiment.outputs, dtype=np.float32)[y])
    return y.astype(np.float32).reshape(len(y), -1)


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread and without NumPy's warnings.

    Small matrix products gain nothing from a second thread. They lose much where the second core is busy, since the
    threads wait for each other in every step: MNIST takes ten times as long. Diverging weights become inf and nan and
    show in the loss, so NumPy need not warn of them.
    """
    torch = sys.modules.get("torch")
    libraries = [*_blas_libraries(), torch] if hasattr(torch, "get_num_threads") else _blas_libraries()
    more = [(library, count) for library in libraries if (count := library.get_num_threads()) > 1]
    for library, _ in more:
        library.set_num_threads(1)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        for library, count in more:
            library.set_num_threads(count)


@cache
def _blas_libraries() -> list[Any]:
    import scipy.linalg  # brings a BLAS of its own, which compiled code uses  # noqa: F401

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch. Arrays are (replicates,): nan without a validation part, and for a replicate that
    stopped in an earlier epoch.

    Training figures are of 5,000 samples where the part is larger. They are measured after the epoch and in evaluation
    mode, so that the gap to validation compares like with like."""

    epoch: int  # from 1
    seeds: tuple[int, ...]
    train_loss: Floats
    train_score: Floats
    validation_loss: Floats
    validation_score: Floats
    lr: float  # learning rate of the last step
    seconds: float  # time of all replicates together, measuring included
    folds: int = 0  # per seed; 0 for hold-out
