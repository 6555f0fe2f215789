"""A verdict on how well an experiment fits, in one word, with the rule that gave it and the figures it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.datasets import PartName, load_dataset, mnist
from nnlab.evaluation import PARTS, Floats, final_scores
from nnlab.spec import DataSpec, Experiment
from nnlab.statistics import interval

Verdict = Literal["", "underfits", "fits", "overfits", "diverged", "unstable"]


@dataclass(frozen=True)
class Diagnosis:
    """A verdict in one word, the rule that gave it, and every figure it rests on."""

    verdict: Verdict
    """Empty while there is no result."""
    reason: str = ""
    """Which rule spoke; see `diagnose`."""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Yardstick:
    """What can be had without a network, from the training part alone: the ruler `diagnose` measures with."""

    loss: float
    """Of an answer that knows nothing: the logarithm of the number of classes; for regression the error of always
    saying 0."""
    share: float
    """Accuracy of always saying the commonest class; 0 for regression."""
    variance: float
    """Of the targets (regression), else nan."""
    reference: float
    """Accuracy of 15 nearest neighbours, each sample left out in turn, on at most 1,000 samples; for regression R² of
    the least-squares line."""
    margin: float
    """One standard error of `reference`, at least 0.03: a network must be this far below it to be called worse."""


def diagnose(metrics: pd.DataFrame | None, results: Mapping[str, Any] | None, experiment: Experiment) -> Diagnosis:
    """Says how well an experiment fits, from its final scores and its curves.

    Parameters
    ----------
    metrics : DataFrame
        Tidy, a row an epoch and seed: `epoch`, `seed`, `train_loss`, `train_score`, `validation_loss`,
        `validation_score`.
    results : mapping
        `train`, `validation`, `test`: each None or a mapping from `loss`, `accuracy` or `mse`, to a list over the
        seeds (None or nan where the figure is not a number).

    Notes
    -----
    Fit is the accuracy, or for regression 1 - mse / variance of the training targets. The first rule that holds
    decides:

    1. **diverged**, when at least half the seeds ended with a training loss that is not finite
       (`loss_not_finite`), or above twice a blind guess's and twice its own lowest, or 1,000 blind guesses
       (`loss_ran_away`). Fewer than half: **unstable** (`some_seeds_diverged`).
    2. **unstable**, when with 3 seeds or more the training fit deviates by more than 0.1 between seeds
       (`seeds_disagree`); when for most seeds the training loss, in the last third of the epochs, rises in one
       step by more than a quarter of a blind guess's loss (`loss_jumps`); or when a classifier ends with a training
       loss above twice a blind guess's (`loss_above_guessing`).
    3. **overfits**, by the gap = training fit - validation fit (test fit where there is no validation part):
       above 0.05, above 1.5 standard errors of the two shares (few samples prove little), and with 3 seeds or more
       its 95 % interval above 0 (`gap`); or above 0.02 while the mean validation loss has risen 20 % above its
       lowest as the training loss fell on (`validation_turned`; not with early stopping, which goes back).
    4. **underfits**, when the training fit is no better than always saying the commonest class (`guesses`), or
       below what 15 nearest neighbours reach, for regression the least-squares line (`below_reference`); or when it
       still gained 0.02 in the last fifth of the epochs, for regression the loss still fell by a tenth
       above that of the line (`still_learning`).
    5. **fits** otherwise.
    """
    train = final_scores(results, "train", experiment.score)
    loss = final_scores(results, "train", "loss")
    if train.size == 0:
        return Diagnosis("")
    ruler = yardstick(experiment.data)
    curves = _Curves.of(metrics)

    def fit(score: Floats) -> Floats:
        return score if experiment.score == "accuracy" else 1 - score / max(ruler.variance, 1e-30)

    stops_early = experiment.train.patience > 0
    gone, lost = _diverged(loss, curves, ruler, stops_early)
    figures: dict[str, float] = {"seeds": len(train), "diverged": float(gone.sum())}
    if 2 * gone.sum() >= len(train):
        return Diagnosis("diverged", "loss_not_finite" if 2 * lost.sum() >= len(train) else "loss_ran_away", figures)
    kept = ~gone
    fitted = fit(train[kept])
    figures |= {"train": float(fitted.mean()), "reference": ruler.reference, "guess": ruler.share}
    if gone.any():
        return Diagnosis("unstable", "some_seeds_diverged", figures)

    if len(fitted) > 2:
        figures["deviation"] = float(fitted.std(ddof=1))
        if figures["deviation"] > 0.1:
            return Diagnosis("unstable", "seeds_disagree", figures)
    if (jump := curves.largest_late_rise()) is not None:
        figures["jump"] = float(np.median(jump) / ruler.loss)
        if figures["jump"] > 0.25:
            return Diagnosis("unstable", "loss_jumps", figures)
    if experiment.score == "accuracy" and np.mean(loss) > 2 * ruler.loss:
        return Diagnosis("unstable", "loss_above_guessing", figures | {"loss": float(np.mean(loss))})

    part, held_out = _held_out(results, experiment)
    if part is not None and np.isfinite(held_out).all():
        gap = interval(fitted - fit(held_out))
        error = _sampling_error(experiment, part, fitted.mean(), fit(held_out).mean())
        figures |= {part: float(fit(held_out).mean()), "gap": gap.mean, "gap_low": gap.low, "gap_error": error}
        sure = gap.low > 0 if len(fitted) > 2 else True
        if sure and gap.mean > max(0.05, 1.5 * error):
            return Diagnosis("overfits", "gap", figures)
        if gap.mean > 0.02 and not stops_early and (turn := curves.validation_turn()) is not None:
            figures["rise"], figures["turn"] = turn
            if figures["rise"] > 0.2:
                return Diagnosis("overfits", "validation_turned", figures)

    if (
        experiment.score == "accuracy"
        and figures["train"] <= ruler.share + 0.02
        and not ruler.reference <= ruler.share + 0.02
    ):
        return Diagnosis("underfits", "guesses", figures)
    if figures["train"] < ruler.reference - ruler.margin:
        return Diagnosis("underfits", "below_reference", figures)
    if not stops_early and (late := curves.late_gain()) is not None:
        gained, fell = late
        if experiment.score == "accuracy":
            figures["late_gain"] = gained
            still = gained > 0.02
        else:
            figures["late_fall"] = fell
            still = fell > 0.1 and 1 - figures["train"] > 1.5 * (1 - ruler.reference)
        if still:
            return Diagnosis("underfits", "still_learning", figures)
    return Diagnosis("fits", "", figures)


def yardstick(data: DataSpec) -> Yardstick:
    """The ruler for a data set; where its files are not at hand (the run was trained on another machine, and a
    verdict is no reason to download), what is known without them."""
    if data.name == "mnist" and not mnist.available():
        return Yardstick(math.log(data.classes), 1 / data.classes, math.nan, math.nan, math.nan)
    return _measured(data)


@lru_cache(maxsize=64)
def _measured(data: DataSpec) -> Yardstick:
    dataset = load_dataset(data)
    picked = np.random.default_rng(0).permutation(len(dataset.train))[:1000]
    x, y = dataset.scaling.apply(dataset.train.x[picked]), dataset.train.y[picked]
    if data.task == "regression":
        target = y.astype(float)
        design = np.column_stack([x.astype(float), np.ones(len(x))])
        error = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        variance = float(target.var())
        r2 = 1 - float((error**2).mean()) / variance if variance > 0 else math.nan
        return Yardstick(float((target**2).mean()), 0.0, variance, r2, 0.03)
    reached = _neighbours_accuracy(x.astype(float), y)
    margin = max(0.03, math.sqrt(reached * (1 - reached) / len(y)))
    return Yardstick(math.log(data.classes), float(np.bincount(y).max() / len(y)), math.nan, reached, margin)


def _neighbours_accuracy(x: Floats, y: NDArray[np.int64]) -> float:
    """Share of samples whose class most of their nearest neighbours (at most 15, itself left out) have."""
    near = max(1, min(15, len(y) // (2 * len(np.unique(y)))))
    squares = (x**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * x @ x.T  # (n, n)
    np.fill_diagonal(distance, np.inf)
    votes = y[np.argsort(distance, axis=1, kind="stable")[:, :near]]  # (n, near)
    counts = (votes[:, :, None] == np.arange(y.max() + 1)).sum(axis=1)  # (n, classes)
    return float((counts.argmax(axis=1) == y).mean())


@dataclass(frozen=True)
class _Curves:
    """The epoch metrics as arrays (epochs, seeds)."""

    epochs: NDArray[np.int64]
    train_loss: Floats
    train_score: Floats
    validation_loss: Floats

    @classmethod
    def of(cls, metrics: pd.DataFrame | None) -> _Curves:
        if metrics is None or len(metrics) == 0:
            nothing = np.empty((0, 0))
            return cls(np.empty(0, np.int64), nothing, nothing, nothing)
        wide = metrics.pivot(index="epoch", columns="seed", values=["train_loss", "train_score", "validation_loss"])
        each = (wide[name].to_numpy(float) for name in ("train_loss", "train_score", "validation_loss"))
        return cls(wide.index.to_numpy(), *each)

    def largest_late_rise(self) -> Floats | None:
        """Highest rise of the training loss from one epoch to the next in the last third, (seeds,)."""
        steps = np.diff(self.train_loss[-(len(self.epochs) // 3 + 1) :], axis=0)
        return np.nan_to_num(steps, nan=0.0).max(axis=0) if len(steps) >= 4 else None

    def validation_turn(self) -> tuple[float, float] | None:
        """How far the mean validation loss has risen above its lowest (0.2 is 20 %), and the epoch of the lowest;
        None where it has not, or where the training loss did not fall on."""
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


def _diverged(
    loss: Floats, curves: _Curves, ruler: Yardstick, stops_early: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Seeds whose training loss ran away in any manner, and those of them where it is no number, (seeds,) each."""
    lost = ~np.isfinite(loss)
    last, lowest = loss, loss
    if curves.train_loss.shape[1:] == loss.shape and len(curves.epochs):
        if not stops_early:  # with early stopping nan marks the epochs after the stop
            lost = lost | ~np.isfinite(curves.train_loss[-1])
            last = np.where(lost, loss, curves.train_loss[-1])
        lowest = np.nanmin(np.vstack([curves.train_loss, np.where(lost, np.inf, loss)]), axis=0)
    with np.errstate(invalid="ignore"):
        away = ((last > 2 * ruler.loss) & (last > 2 * lowest)) | (last > 1000 * ruler.loss)
    return lost | away, lost


def _held_out(results: Mapping[str, Any] | None, experiment: Experiment) -> tuple[PartName | None, Floats]:
    """Scores on samples the network was not trained on: the validation part, else the test part."""
    part: PartName
    for part in PARTS[1:]:
        scores = final_scores(results, part, experiment.score)
        if scores.size:
            return part, scores
    return None, np.empty(0)


def _sampling_error(experiment: Experiment, part: PartName, train: float, held_out: float) -> float:
    """Standard error of the difference of two shares measured on so few samples; 0 for regression."""
    if experiment.score != "accuracy":
        return 0.0
    sizes = dict(zip(PARTS, experiment.data.sizes, strict=True))
    return math.sqrt(train * (1 - train) / sizes["train"] + held_out * (1 - held_out) / sizes[part])
