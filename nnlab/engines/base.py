"""What every engine provides, and the values engines, training and the store exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets import Dataset, Part
from nnlab.spec import Experiment

METRICS = ("train_loss", "train_score", "validation_loss", "validation_score")
"""What every epoch measures. Score: accuracy (0 to 1) for classes, mean squared error for regression."""


Weights = dict[str, NDArray[np.float32]]
"""Arrays (seeds, ...) by the names of `nnlab.engines.random_streams`. With folds every axis of seeds is one of replicates, here and
everywhere: fold after fold, seed by seed."""


Floats = NDArray[np.float64]


class EngineProtocol(Protocol):
    """What an engine does for a Training. It keeps the replicates' weights and the optimizer's state. Where the data
    has folds, every seed trains one replicate a fold; the folds' parts are then of one size."""

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, weights: Weights) -> None: ...

    def run_epoch(self, epoch: int, rates: Iterable[float]) -> None:
        """One pass over the training part; the first epoch is 1. Order and dropout as in `draws`. The learning rate of
        a step is taken from `rates` just before it; what that raises ends the pass."""

    def scores(self, *parts: Part) -> tuple[Floats, Floats]:
        """Loss and score (seeds,) of a part that is not empty (of every fold, where there are folds), in evaluation
        mode. `rates` may ask for them too."""

    def weights(self) -> Weights:
        """Copies."""

    def state(self) -> dict[str, NDArray[Any]]:
        """The optimizer's state: copies."""

    def load(self, weights: Weights, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from here."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. Arrays are (seeds,), nan where there is no validation part or the replicate had
    stopped before."""

    epoch: int
    seeds: tuple[int, ...]
    train_loss: Floats
    """Measured after the epoch, in evaluation mode, on the training part (on 5,000 of it where it is larger), so
    that the gap to validation compares like with like."""
    train_score: Floats
    validation_loss: Floats
    validation_score: Floats
    lr: float
    """Of the epoch's last step."""
    seconds: float
    """All replicates together, measuring included."""
    folds: int = 0
    """Of every seed; 0 for hold-out."""
