"""Epoch metrics as a table and as arrays, and what their course shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.engines.base import METRICS, Array, Floats
from nnlab.spec import replicates


def metrics_frame(
    seeds: Sequence[int], folds: int, epochs: ArrayLike, figures: Floats, lr: ArrayLike, seconds: ArrayLike
) -> pd.DataFrame:
    """Epochs as a tidy table.

    Parameters
    ----------
    figures : ndarray (n, 4, replicates)
        In the order of METRICS.
    epochs, lr, seconds : array_like (n,)

    Returns
    -------
    DataFrame
        A row an epoch and replicate: `epoch`, `seed` (under k-fold also `fold`, from 0), `train_loss`, `train_score`,
        `validation_loss`, `validation_score`, `lr`, `seconds` (of all replicates together).
    """
    each, epochs = replicates(seeds, folds), np.asarray(epochs, np.int64)
    columns: dict[str, Array] = {
        "epoch": np.repeat(epochs, len(each)),
        "seed": np.tile(np.array([one.seed for one in each], np.int64), len(epochs)),
    }
    if folds:
        columns["fold"] = np.tile(np.array([one.fold for one in each], np.int64), len(epochs))
    by_name = figures.reshape(len(epochs), len(METRICS), len(each)).swapaxes(0, 1)
    columns |= {name: values.reshape(-1) for name, values in zip(METRICS, by_name, strict=True)}
    columns |= {"lr": np.repeat(lr, len(each)), "seconds": np.repeat(seconds, len(each))}
    return pd.DataFrame(columns)


def by_epoch(metrics: pd.DataFrame, *names: str) -> tuple[Array, ...]:
    """The epochs (n,) of a table as from `metrics_frame`, then every named column (n, replicates)."""
    epochs = metrics["epoch"].to_numpy()
    count = int((epochs == epochs[0]).sum())
    # stored tables are sorted by epoch and complete: reshaping is fifty times faster than a pivot
    whole = len(epochs) % count == 0
    if not whole or (np.diff(epochs[::count]) <= 0).any() or (epochs.reshape(-1, count) != epochs[::count, None]).any():
        replicate = [name for name in ("seed", "fold") if name in metrics]
        wide = metrics.pivot(index="epoch", columns=replicate, values=list(names))
        return wide.index.to_numpy(), *(wide[name].to_numpy(float) for name in names)
    return epochs[::count], *(metrics[name].to_numpy(float).reshape(-1, count) for name in names)


@dataclass(frozen=True)
class Curves:
    """Losses and scores as arrays (epochs, replicates)."""

    epochs: NDArray[np.int64]
    train_loss: Floats
    train_score: Floats
    validation_loss: Floats

    @classmethod
    def of(cls, metrics: pd.DataFrame | None) -> Curves:
        """From a tidy table; without rows, arrays of size 0."""
        if metrics is None or len(metrics) == 0:
            nothing = np.empty((0, 0))
            return cls(np.empty(0, np.int64), nothing, nothing, nothing)
        return cls(*by_epoch(metrics, "train_loss", "train_score", "validation_loss"))

    def largest_late_rise(self) -> Floats | None:
        """The highest rise (replicates,) of the training loss from one epoch to the next in the last third; None where
        there are too few epochs."""
        steps = np.diff(self.train_loss[-(len(self.epochs) // 3 + 1) :], axis=0)
        return np.nan_to_num(steps, nan=0.0).max(axis=0) if len(steps) >= 4 else None

    def validation_turn(self) -> tuple[float, float] | None:
        """How far the mean validation loss has risen above its lowest (0.2 is 20 %), and the epoch of the lowest;
        None where it has not risen, or where the training loss did not fall further."""
        if len(self.epochs) < 5 or np.isnan(self.validation_loss).any() or np.isnan(self.train_loss).any():
            return None
        validation, train = self.validation_loss.mean(axis=1), self.train_loss.mean(axis=1)
        lowest = int(validation.argmin())
        tail = max(1, len(validation) // 10)  # the median of the last tenth: one bad epoch is no turn
        if lowest >= len(validation) - tail or np.median(train[-tail:]) >= train[lowest]:
            return None
        rise = float(np.median(validation[-tail:]) / max(validation[lowest], 1e-12) - 1)
        return rise, float(self.epochs[lowest])

    def late_gain(self) -> tuple[float, float] | None:
        """Gain of the mean training score and relative fall of the mean training loss over the last fifth."""
        if len(self.epochs) < 5 or np.isnan(self.train_loss).any():
            return None
        then = -math.ceil(len(self.epochs) / 5) - 1
        score, loss = self.train_score.mean(axis=1), self.train_loss.mean(axis=1)
        return float(score[-1] - score[then]), float(1 - loss[-1] / loss[then]) if loss[then] > 0 else 0.0
