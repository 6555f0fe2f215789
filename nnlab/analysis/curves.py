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


def evenly_spaced(n: int, most: int) -> list[int]:
    """At most `most` of the places 0 to n - 1, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, n - 1, min(n, most))})


def evenly(rows: pd.DataFrame, max_points: int | None) -> pd.DataFrame:
    """At most `max_points` of the rows, the first and the last among them."""
    if max_points is None or len(rows) <= max_points:
        return rows
    return rows.iloc[evenly_spaced(len(rows), max_points)].reset_index(drop=True)


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
    """Losses and scores of a tidy table as arrays (epochs, replicates); of size 0 without rows.

    Early stopping ends replicates at different epochs. What is said of the end of a curve is taken from each
    replicate's own last epochs.

    Parameters
    ----------
    patience : int
        Of early stopping: the epochs without a lower validation loss after which a replicate ends; 0 without it.
    """

    def __init__(self, metrics: pd.DataFrame | None, patience: int = 0) -> None:
        self.epochs: Array = np.empty(0, np.int64)
        nothing: Floats = np.empty((0, 0))
        self.train_loss = self.train_score = self.validation_loss = self.validation_score = nothing
        if metrics is not None and len(metrics):
            self.epochs, *curves = by_epoch(metrics, *METRICS)
            self.train_loss, self.train_score, self.validation_loss, self.validation_score = curves
        n, replicates = self.train_loss.shape
        self.trained = np.full(replicates, n)
        """(replicates,) The epochs that each has trained."""
        if patience and n:
            loss = np.where(np.isfinite(self.validation_loss), self.validation_loss, math.inf)
            best = np.where(np.isfinite(loss).any(axis=0), loss.argmin(axis=0) + 1, 0)
            self.trained = np.minimum(n, best + patience)
        self.stopped = bool(n) and bool(np.median(self.trained) < n)
        """Whether early stopping ended most replicates before the last epoch."""

    def last(self, values: Floats, n: int) -> Floats:
        """The last n epochs that each replicate trained, (n, replicates); nan where it trained for fewer."""
        rows = self.trained - n + np.arange(n)[:, None]
        return np.where(rows >= 0, np.take_along_axis(values, np.maximum(rows, 0), axis=0), math.nan)

    def late_rise(self, least: float) -> float | None:
        """The share of itself (its median) by which the training loss rises in one epoch of four (the upper quartile
        of the steps of all replicates) in the last third of the epochs. A loss below `least` counts as that. None
        where there are too few epochs."""
        n = int(np.median(self.trained)) // 3 if len(self.epochs) else 0
        if n < 4:
            return None
        loss = self.last(self.train_loss, n + 1)
        rises = np.diff(loss, axis=0) / np.maximum(np.nanmedian(loss, axis=0), least)
        return float(np.quantile(np.nan_to_num(rises, nan=0.0), 0.75))

    def late_peak(self, least: float) -> float | None:
        """How many times as high as at both ends of the last half the training loss is somewhere within it; median
        over the replicates. A loss below `least` counts as that. None where there are too few epochs."""
        n = int(np.median(self.trained)) // 2 if len(self.epochs) else 0
        loss, end = self.last(self.train_loss, n), max(1, n // 10)
        if n < 4:
            return None
        ends = np.maximum(np.median(loss[:end], axis=0), np.median(loss[-end:], axis=0))
        return float(np.median(loss.max(axis=0) / np.maximum(ends, least)))

    def late_change(self, values: Floats) -> tuple[float, float] | None:
        """A curve a fifth of the epochs before its end, and at its end: medians over a tenth of the epochs (three at
        least), means over the replicates. None where there are too few epochs, or one is not a number."""
        n = int(np.median(self.trained)) if len(self.epochs) else 0
        tenth = min(max(3, n // 10), n // 2)
        rows = self.last(values, tenth + max(tenth, math.ceil(n / 5)))
        if n < 5 or np.isnan(rows).any():
            return None
        then, now = (np.median(part, axis=0).mean() for part in (rows[:tenth], rows[-tenth:]))
        return float(then), float(now)

    def validation_turn(self) -> tuple[float, float, float] | None:
        """The lowest validation loss, that at the end and the epoch of the lowest (medians over the replicates and a
        tenth of the epochs); None where it ends at its lowest, or where the training loss did not fall further."""
        if len(self.epochs) < 5 or np.isnan(self.validation_loss).any() or np.isnan(self.train_loss).any():
            return None
        tenth = max(1, len(self.epochs) // 10)
        validation, train = (
            np.median(np.lib.stride_tricks.sliding_window_view(np.median(loss, axis=1), tenth), axis=1)
            for loss in (self.validation_loss, self.train_loss)
        )  # (n - tenth + 1,)
        lowest = int(validation.argmin())
        if lowest == len(validation) - 1 or train[-1] >= train[lowest]:
            return None
        return float(validation[lowest]), float(validation[-1]), float(self.epochs[lowest + tenth // 2])
