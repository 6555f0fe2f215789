"""The result of a finished training."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.analysis.predictions import predict
from nnlab.analysis.scores import evaluate
from nnlab.datasets import Dataset, PartName
from nnlab.engines.base import Epoch, Floats, Weights
from nnlab.spec import Experiment, replicates
from nnlab.spec.seeds import seeds_summary


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a finished training."""

    experiment: Experiment
    seeds: tuple[int, ...]
    dataset: Dataset
    stacked: Weights
    """The final weights (replicates, ...)."""
    best_epoch: NDArray[np.int64]
    """(replicates,) The epoch of the lowest validation loss, as in `Training`."""
    epochs: int
    """Completed epochs."""
    seconds: float
    """Training time of all replicates together."""
    history: tuple[Epoch, ...]

    def __repr__(self) -> str:
        return f"Result({self.experiment.summary}, {seeds_summary(self.seeds)}, epoch {self.epochs})"

    @property
    def folds(self) -> int:
        """Folds per seed; 0 for hold-out."""
        return len(self.dataset.folds)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row an epoch and replicate: `epoch`, `seed` (under k-fold also `fold`, from 0), `train_loss`,
        `train_score`, `validation_loss`, `validation_score`, `lr`, `seconds` (of all replicates together)."""
        return metrics_frame(self.history)

    def weights(self, seed: int, fold: int = 0) -> Weights:
        """The weights of one replicate. Raises ValueError if that seed or fold was not trained."""
        if seed not in self.seeds:
            raise ValueError(f"seed: got {seed}, allowed is one of {', '.join(map(str, self.seeds))}.")
        folds = max(1, self.folds)
        if not 0 <= fold < folds:
            raise ValueError(f"fold: got {fold}, allowed is from 0 to {folds - 1}.")
        place = self.seeds.index(seed) * folds + fold
        return {name: array[place] for name, array in self.stacked.items()}

    def evaluate(self, part: PartName = "test") -> dict[str, Floats] | None:
        """Loss and scores on one part of the data.

        Parameters
        ----------
        part : {"test", "validation", "train"}

        Returns
        -------
        dict of arrays (replicates,), or None
            `loss` and `accuracy`, or `loss`, `mse`, `mae` and `r2`. None where the part is empty.
        """
        return evaluate(self.experiment, self.stacked, self.dataset, part)

    def predict(self, x: ArrayLike) -> Floats:
        """Predictions of every replicate.

        Parameters
        ----------
        x : array_like (n, inputs)
            Raw inputs, as in the data set.

        Returns
        -------
        ndarray (replicates, n, outputs)
            Probabilities of the classes (with one output: of class 1), or values in raw units for regression.

        Raises
        ------
        ValueError
            If x does not have one column per input.
        """
        return predict(self.experiment, self.stacked, self.dataset, x)


def metrics_frame(epochs: Iterable[Epoch]) -> pd.DataFrame:
    """Epochs as a tidy table, see `Result.metrics`."""
    epochs = list(epochs)
    names = [f.name for f in fields(Epoch) if f.name not in ("epoch", "seeds", "folds")]
    each = [replicates(epoch.seeds, epoch.folds) for epoch in epochs]
    counts = [len(some) for some in each]
    columns: dict[str, Any] = {
        "epoch": np.repeat(np.array([epoch.epoch for epoch in epochs], np.int64), counts),
        "seed": np.array([one.seed for some in each for one in some], np.int64),
    }
    if any(epoch.folds for epoch in epochs):
        columns["fold"] = np.array([one.fold for some in each for one in some], np.int64)
    for name in names:
        values = [np.broadcast_to(getattr(epoch, name), count) for epoch, count in zip(epochs, counts, strict=True)]
        columns[name] = np.concatenate(values) if values else np.empty(0)
    return pd.DataFrame(columns)
