"""The result of a finished training."""

from __future__ import annotations

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


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a finished training."""

    experiment: Experiment
    seeds: tuple[int, ...]
    dataset: Dataset
    stacked: Weights
    """The final weights of all replicates, arrays (replicates, ...)."""
    best_epoch: NDArray[np.int64]
    """(replicates,) The epoch of the lowest validation loss; see Training."""
    epochs: int
    """Epochs done."""
    seconds: float
    history: tuple[Epoch, ...]

    @property
    def folds(self) -> int:
        """Folds per seed; 0 for hold-out."""
        return len(self.dataset.folds)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row an epoch and seed: epoch, seed (with folds also fold, from 0), the METRICS, lr, seconds (of all
        replicates together)."""
        return metrics_frame(self.history)

    def weights(self, seed: int, fold: int = 0) -> Weights:
        """One replicate's weights. Raises ValueError if that seed or fold was not trained."""
        if seed not in self.seeds:
            raise ValueError(f"seed: got {seed}, allowed is one of {', '.join(map(str, self.seeds))}.")
        folds = max(1, self.folds)
        if not 0 <= fold < folds:
            raise ValueError(f"fold: got {fold}, allowed is from 0 to {folds - 1}.")
        place = self.seeds.index(seed) * folds + fold
        return {name: array[place] for name, array in self.stacked.items()}

    def evaluate(self, part: PartName = "test") -> dict[str, Floats] | None:
        """Loss and accuracy, or loss, mse, mae and r2, each (seeds,), of a part; None where the part is empty."""
        return evaluate(self.experiment, self.stacked, self.dataset, part)

    def predict(self, x: ArrayLike) -> Floats:
        """Raw inputs (n, inputs) to (seeds, n, outputs): probabilities of the classes (of class 1 alone where one
        logit decides between two), or values in raw units."""
        return predict(self.experiment, self.stacked, self.dataset, x)


def metrics_frame(epochs: Iterable[Epoch]) -> pd.DataFrame:
    """Epochs as a tidy table: one row an epoch and seed (and fold), with columns epoch, seed, (fold,) the METRICS, lr,
    seconds."""
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
