"""Epoch metrics as a table and as arrays, and what their course shows."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

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


def curves_frame(epochs: ArrayLike, figures: Floats, patience: int) -> pd.DataFrame:
    """One row an epoch: `epoch`, the mean, lowest (`_low`) and highest (`_high`) of each of the METRICS over the
    replicates, and `training`, the number of replicates that early stopping has not ended.

    With patience a replicate that was ended counts with the figures of its best epoch, whose weights it ends with: so
    all rows are of the same replicates. `figures` is (n, 4, replicates), as in `metrics_frame`."""
    ended = np.asarray(np.isnan(figures).all(axis=1) & (patience > 0))  # (n, replicates)
    if ended.any():
        loss = figures[:, METRICS.index("validation_loss")]
        best = np.where(np.isnan(loss), np.inf, loss).argmin(axis=0)  # (replicates,)
        figures = np.where(ended[:, None], figures[best, :, np.arange(len(best))].T, figures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the mean, if every replicate is nan
        mean, low, high = (f(figures, axis=2) for f in (np.nanmean, np.nanmin, np.nanmax))  # (n, 4)
    over = {"": mean, "_low": low, "_high": high}
    columns = {f"{name}{end}": of[:, i] for i, name in enumerate(METRICS) for end, of in over.items()}
    return pd.DataFrame({"epoch": epochs, **columns, "training": (~ended).sum(axis=1)})


def by_epoch(metrics: pd.DataFrame, *names: str) -> tuple[Array, ...]:
    """The epochs (n,) of a table as from `metrics_frame`, then every named column (n, replicates)."""
    epochs, counts = np.unique(metrics["epoch"], return_counts=True)
    if metrics["epoch"].is_monotonic_increasing and (counts == counts[0]).all():
        # stored tables are sorted by epoch and complete: reshaping is fifty times faster than a pivot
        return epochs, *(metrics[name].to_numpy(float).reshape(len(epochs), -1) for name in names)
    replicate = [name for name in ("seed", "fold") if name in metrics]
    wide = metrics.pivot(index="epoch", columns=replicate, values=list(names))
    return epochs, *(wide[name].to_numpy(float) for name in names)


class Curves:
    """Losses and scores of a tidy table as arrays (epochs, replicates); of size 0 without rows."""

    def __init__(self, metrics: pd.DataFrame | None) -> None:
        self.epochs: Array = np.empty(0, np.int64)
        self.train_loss: Floats = np.empty((0, 0))
        self.train_score = self.validation_loss = self.train_loss
        if metrics is not None and len(metrics):
            names = "train_loss", "train_score", "validation_loss"
            self.epochs, self.train_loss, self.train_score, self.validation_loss = by_epoch(metrics, *names)

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
