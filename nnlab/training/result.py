"""The result of a finished training."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.analysis.curves import metrics_frame
from nnlab.analysis.predictions import predict
from nnlab.analysis.scores import evaluate
from nnlab.datasets import Dataset, PartName
from nnlab.engines.base import METRICS, Epoch, Floats, Weights
from nnlab.engines.choice import EngineName
from nnlab.spec import Experiment
from nnlab.spec.seeds import seeds_summary


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a finished training."""

    experiment: Experiment
    seeds: tuple[int, ...]
    dataset: Dataset
    engine: EngineName  # that trained it
    stacked: Weights  # the final weights (replicates, ...), see `Training.final_weights`
    best_epoch: NDArray[np.int64]  # (replicates,) of the lowest validation loss, as in `Training`
    epochs: int  # completed
    seconds: float  # training time of all replicates together
    history: tuple[Epoch, ...]

    def __repr__(self) -> str:
        return f"Result({self.experiment.summary}, {seeds_summary(self.seeds)}, epoch {self.epochs})"

    @property
    def folds(self) -> int:
        """Folds per seed; 0 for hold-out."""
        return self.experiment.data.folds

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """See `metrics_frame`."""
        figures = np.array([[getattr(epoch, name) for name in METRICS] for epoch in self.history])
        epochs, lr, seconds = ([getattr(epoch, name) for epoch in self.history] for name in ("epoch", "lr", "seconds"))
        return metrics_frame(self.seeds, self.folds, epochs, figures, lr, seconds)

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
        """Loss and scores (replicates,) on one part of the data, see `scores.evaluate`; None where it is empty."""
        return evaluate(self.experiment, self.stacked, self.dataset, part)

    def predict(self, x: ArrayLike) -> Floats:
        """Predictions (replicates, n, outputs) of every replicate for raw inputs x (n, inputs), as in the data set.

        They are probabilities of the classes (with one output: of class 1), or values in raw units for regression.
        Raises ValueError if x does not have one column per input."""
        return predict(self.experiment, self.stacked, self.dataset, x)
