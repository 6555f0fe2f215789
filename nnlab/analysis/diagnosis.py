"""A verdict on how well an experiment fits, in one word, with the rule that gave it and the figures it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.gradient_health import Signals
from nnlab.analysis.predictions import PARTS
from nnlab.analysis.scores import final_scores
from nnlab.analysis.statistics import interval
from nnlab.datasets import PartName, load_dataset, mnist
from nnlab.engines.base import Floats
from nnlab.spec import DataSpec, Experiment

Verdict = Literal["", "underfits", "fits", "overfits", "diverged", "unstable"]


LIMITS: Mapping[str, float] = MappingProxyType(
    {
        "loss_not_finite": 0.5,
        "loss_ran_away": 2,
        "seeds_disagree": 0.1,
        "loss_jumps": 0.25,
        "loss_above_guessing": 2,
        "gap": 0.05,
        "validation_turned": 0.2,
        "guesses": 0.02,
        "below_reference": 0.03,
        "still_learning": 0.02,
        "vanishing_gradients": 0.01,
        "exploding_gradients": 100,
        "dead_units": 0.75,
    }
)
"""The threshold of the rules that have one; what it is of, see `diagnose`."""


@dataclass(frozen=True)
class Diagnosis:
    """A verdict in one word, the rule that gave it, and every figure it rests on."""

    verdict: Verdict
    """Empty while there is no result."""
    rule: str = ""
    """Which rule of the curves spoke; see `diagnose`."""
    figures: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""
    """What the inside of the network says of the why, if it does."""
    notes: tuple[str, ...] = ()
    """What else the inside says, whatever the verdict: `vanishing_gradients`, `exploding_gradients`,
    `dead_units`, as they are defined there; else `dead_share` (a quarter of all units) and `dead_layers` (all units of
    a layer, in some seeds)."""

    @property
    def reason(self) -> str:
        """The cause where it is known, else the rule."""
        return self.cause or self.rule


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
    """Says how well an experiment fits, from its final scores and its curves, and where it does not, whether the
    inside of the network tells why.

    Parameters
    ----------
    metrics : DataFrame
        Tidy, a row an epoch and seed: `epoch`, `seed`, `train_loss`, `train_score`, `validation_loss`,
        `validation_score`.
    results : mapping
        `train`, `validation`, `test`: each None or a mapping from `loss`, `accuracy` or `mse`, to a list over the
        seeds (None or nan where the figure is not a number). `signals`, where it is there: see `nnlab.analysis.gradient_health`.

    Notes
    -----
    Fit is the accuracy, or for regression 1 - mse / variance of the training targets. The first rule that holds
    decides:

    1. **diverged**, when at least half the seeds ended with a training loss that is not finite
       (`loss_not_finite`), or above twice a blind guess's and twice its own lowest, or 1,000 blind guesses without
       falling (`loss_ran_away`). Fewer than half: **unstable** (`some_seeds_diverged`).
    2. **unstable**, when with 3 seeds or more the training fit deviates by more than 0.1 between seeds
       (`seeds_disagree`); when for most seeds the training loss, in the last third of the epochs, rises in one
       step by more than a quarter of a blind guess's loss (`loss_jumps`); or when a classifier ends with a training
       loss above twice a blind guess's (`loss_above_guessing`).
    3. **underfits**, when the training fit is no more than 0.02 above always saying the commonest class (`guesses`),
       or clearly (0.03, or one standard error) below what 15 nearest neighbours reach, for regression the
       least-squares line (`below_reference`); before all of 4 where it is not halfway there, else after it.
    4. **overfits**, by the gap = training fit - validation fit (test fit where there is no validation part):
       above 0.05, above 1.5 standard errors of the two shares (few samples prove little), and with 3 seeds or more
       its 95 % interval above 0 (`gap`); or above 0.02 while the mean validation loss has risen 20 % above its
       lowest as the training loss fell on (`validation_turned`; not with early stopping, which goes back).
    5. **underfits** too, when, below an accuracy of 0.99, it still gained 0.02 in the last fifth of the epochs, for
       regression when the loss still fell by a tenth, above that of the line (`still_learning`).
    6. **fits** otherwise.

    The verdict is the curves' alone. Where they say that it did not learn as it should, the inside may say why, and
    is then the reason (median over the seeds; trials behind the thresholds: docs/diagnosis.md):

    - `vanishing_gradients`: before training the gradient by the first layer's outputs is less than a hundredth of
      that by the last one's. Of `guesses`, `below_reference`, and `seeds_disagree` below the reference.
    - `exploding_gradients`: before or after training the gradient by some layer's outputs is more than 100 times
      that by the last one's. Of the same, and of everything diverged or unstable.
    - `dead_units`: after training at least three quarters of the units of a layer are stuck. Of the same as
      `vanishing_gradients`.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # figures of what ran away
        said = _by_curves(metrics, results, experiment)
        if not said.verdict:
            return said
        inside = _inside(results, experiment)
    findings = _findings(inside)
    cause = next((cause for cause in _causes(said) if cause in findings), "")
    notes = tuple(finding for finding in findings if finding != cause)
    return Diagnosis(said.verdict, said.rule, {**said.figures, **inside}, cause, notes)


def _by_curves(metrics: pd.DataFrame | None, results: Mapping[str, Any] | None, experiment: Experiment) -> Diagnosis:
    """The verdict, and the rule of the scores and curves that gave it."""
    train = final_scores(results, "train", experiment.score)
    loss = final_scores(results, "train", "loss")
    if train.size == 0:
        return Diagnosis("")
    ruler = yardstick(experiment.data)
    curves = _Curves.of(metrics)
    classes = experiment.score == "accuracy"

    def fit(score: Floats) -> Floats:
        return score if classes else 1 - score / max(ruler.variance, 1e-30)

    stops_early = experiment.train.patience > 0
    gone, lost = _diverged(loss, curves, ruler, stops_early)
    figures: dict[str, float] = {"seeds": len(train), "diverged": float(gone.sum())}
    if not lost.all():
        figures["loss"] = float(np.median(loss[~lost]) / ruler.loss)
    if gone.mean() >= LIMITS["loss_not_finite"]:
        reason = "loss_not_finite" if lost.mean() >= LIMITS["loss_not_finite"] else "loss_ran_away"
        return Diagnosis("diverged", reason, figures)
    fitted = fit(train[~gone])
    figures |= {"train": float(fitted.mean()), "reference": ruler.reference, "guess": ruler.share}
    if gone.any():
        return Diagnosis("unstable", "some_seeds_diverged", figures)

    if len(fitted) > 2:
        figures["deviation"] = float(fitted.std(ddof=1))
        if figures["deviation"] > LIMITS["seeds_disagree"]:
            return Diagnosis("unstable", "seeds_disagree", figures)
    if (jump := curves.largest_late_rise()) is not None:
        figures["jump"] = float(np.median(jump) / ruler.loss)
        if figures["jump"] > LIMITS["loss_jumps"]:
            return Diagnosis("unstable", "loss_jumps", figures)
    if classes and np.mean(loss) > LIMITS["loss_above_guessing"] * ruler.loss:
        return Diagnosis("unstable", "loss_above_guessing", figures)

    poor = ""
    level = ruler.share + LIMITS["guesses"]
    if classes and figures["train"] <= level and not ruler.reference <= level:
        poor = "guesses"
    elif figures["train"] < ruler.reference - ruler.margin:
        poor = "below_reference"
    if poor and not figures["train"] >= (ruler.share + ruler.reference) / 2:
        return Diagnosis("underfits", poor, figures)

    part, held_out = _held_out(results, experiment)
    if part is not None and np.isfinite(held_out).all():
        gap = interval(fitted - fit(held_out), folds=experiment.data.folds)
        error = _sampling_error(experiment, part, fitted.mean(), fit(held_out).mean())
        figures |= {part: float(fit(held_out).mean()), "gap": gap.mean, "gap_low": gap.low, "gap_error": error}
        sure = gap.low > 0 if len(fitted) > 2 else True
        if sure and gap.mean > max(LIMITS["gap"], 1.5 * error):
            return Diagnosis("overfits", "gap", figures)
        if gap.mean > 0.02 and not stops_early and (turn := curves.validation_turn()) is not None:
            figures["rise"], figures["turn"] = turn
            if figures["rise"] > LIMITS["validation_turned"]:
                return Diagnosis("overfits", "validation_turned", figures)

    if poor:
        return Diagnosis("underfits", poor, figures)
    if not stops_early and (late := curves.late_gain()) is not None:
        gained, fell = late
        if classes:
            figures["late_gain"] = gained
            still = gained > LIMITS["still_learning"] and figures["train"] < 0.99
        else:
            figures["late_fall"] = fell
            still = fell > 0.1 and 1 - figures["train"] > 1.5 * (1 - ruler.reference)
        if still:
            return Diagnosis("underfits", "still_learning", figures)
    return Diagnosis("fits", "", figures)


# -- what the inside says --------------------------------------------------------------------------------------------


def _inside(results: Mapping[str, Any] | None, experiment: Experiment) -> dict[str, float]:
    """Figures of the signals, for a network with hidden layers.

    Medians over the seeds: `gradient_start`: gradient by the outputs of the first layer that learns over that by the
    last one's, before training; `growth_start`, `growth_end`: the largest gradient of a layer over the last one's,
    before and after it; `dead_start`: share of stuck units in the worst layer before it. After training: `dead_share`:
    stuck units of all hidden ones, mean over the seeds; `dead`, `units`, `layer`: how many of how many units are stuck
    in the worst layer (the first is 1) of the middle seed; `dead_layers`: seeds with a layer of stuck units only."""
    signals = (results or {}).get("signals")
    hidden = experiment.model.depth
    if not signals or not hidden:
        return {}
    before, after = Signals.of(signals["before"]), Signals.of(signals["after"])
    widths = np.array(experiment.model.widths, float)[:, None]
    first = sum(getattr(layer, "frozen", False) for layer in experiment.layers)  # that learns
    start, end = before.gradient / before.gradient[-1], after.gradient / after.gradient[-1]  # (layers, seeds)
    figures = {
        "gradient_start": _median(start[first]),
        # the weights before training are numbers: a gradient that is none was too large for one
        "growth_start": _median(np.nan_to_num(start[:hidden], nan=math.inf).max(axis=0)),
        "growth_end": _median(end[:hidden].max(axis=0)),
        "dead_start": _median((before.dead[:hidden] / widths).max(axis=0)),
    }
    shares = (after.dead[:hidden] / widths)[:, np.isfinite(after.dead).all(axis=0)]  # (hidden, seeds left)
    if shares.size:
        worst = shares.max(axis=0)
        middle = int(np.argsort(worst, kind="stable")[(len(worst) - 1) // 2])
        layer = int(shares[:, middle].argmax())
        units = experiment.model.widths[layer]
        figures |= {
            "dead_share": float((shares * widths).sum(axis=0).mean() / widths.sum()),
            "dead": round(shares[layer, middle] * units),
            "units": units,
            "layer": layer + 1,
            "dead_layers": float((worst == 1).sum()),
        }
    return {name: value for name, value in figures.items() if not math.isnan(value)}


def _median(values: Floats) -> float:
    """Of those that are numbers; nan where none is."""
    values = values[~np.isnan(values)]
    return float(np.median(values)) if values.size else math.nan


def _findings(inside: Mapping[str, float]) -> tuple[str, ...]:
    """What stands out, the likelier cause first."""
    growth = max(inside.get("growth_start", 0), inside.get("growth_end", 0))
    dead = inside.get("dead", 0) / inside.get("units", 1) >= LIMITS["dead_units"]
    found = {
        "vanishing_gradients": inside.get("gradient_start", 1) < LIMITS["vanishing_gradients"],
        "exploding_gradients": growth > LIMITS["exploding_gradients"],
        "dead_units": dead,
        "dead_share": not dead and inside.get("dead_share", 0) >= 0.25,
        "dead_layers": not dead and inside.get("dead_layers", 0) > 0,
    }
    return tuple(name for name, holds in found.items() if holds)


def _causes(said: Diagnosis) -> tuple[str, ...]:
    """Which findings would explain what the curves say."""
    struggles = said.rule in ("guesses", "below_reference")
    if said.rule == "seeds_disagree":
        struggles = said.figures["train"] < said.figures["reference"]
    if struggles:
        return "vanishing_gradients", "exploding_gradients", "dead_units"
    return ("exploding_gradients",) if said.verdict in ("diverged", "unstable") else ()


# -- the ruler -------------------------------------------------------------------------------------------------------


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
        return Yardstick(float((target**2).mean()), 0.0, variance, r2, LIMITS["below_reference"])
    reached = _neighbours_accuracy(x.astype(float), y)
    margin = max(LIMITS["below_reference"], math.sqrt(reached * (1 - reached) / len(y)))
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


def by_epoch(metrics: pd.DataFrame, *names: str) -> tuple[NDArray[Any], ...]:
    """The epochs (n,) and the named columns of a tidy table, each (n, replicates).

    The tables of runs come epoch by epoch, every replicate in each: they are taken as they lie, which is fifty times
    faster than to sort them."""
    epochs = metrics["epoch"].to_numpy()
    count = int((epochs == epochs[0]).sum())
    whole = len(epochs) % count == 0
    if not whole or (np.diff(epochs[::count]) <= 0).any() or (epochs.reshape(-1, count) != epochs[::count, None]).any():
        replicate = [name for name in ("seed", "fold") if name in metrics]
        wide = metrics.pivot(index="epoch", columns=replicate, values=list(names))
        return wide.index.to_numpy(), *(wide[name].to_numpy(float) for name in names)
    return epochs[::count], *(metrics[name].to_numpy(float).reshape(-1, count) for name in names)


@dataclass(frozen=True)
class _Curves:
    """The epoch metrics as arrays (epochs, seeds); with folds (epochs, replicates)."""

    epochs: NDArray[np.int64]
    train_loss: Floats
    train_score: Floats
    validation_loss: Floats

    @classmethod
    def of(cls, metrics: pd.DataFrame | None) -> _Curves:
        if metrics is None or len(metrics) == 0:
            nothing = np.empty((0, 0))
            return cls(np.empty(0, np.int64), nothing, nothing, nothing)
        return cls(*by_epoch(metrics, "train_loss", "train_score", "validation_loss"))

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
    last, lowest, falls = loss, loss, np.zeros(len(loss), bool)
    if curves.train_loss.shape[1:] == loss.shape and len(curves.epochs):
        if not stops_early:  # with early stopping nan marks the epochs after the stop
            lost = lost | ~np.isfinite(curves.train_loss[-1])
            last = np.where(lost, loss, curves.train_loss[-1])
        lowest = np.nanmin(np.vstack([curves.train_loss, np.where(lost, np.inf, loss)]), axis=0)
        falls = last < curves.train_loss[0] / 2
    times = LIMITS["loss_ran_away"]
    away = ((last > times * ruler.loss) & (last > times * lowest)) | ((last > 1000 * ruler.loss) & ~falls)
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
