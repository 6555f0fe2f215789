"""A verdict on how well an experiment fits, in one word, with the rule behind it and the figures the rule used."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from nnlab.analysis.curves import Curves
from nnlab.analysis.gradient_health import GradientHealth
from nnlab.analysis.scores import final_scores, reference_of
from nnlab.analysis.statistics import Design, interval
from nnlab.datasets import PARTS
from nnlab.engines.base import Floats
from nnlab.spec import Experiment

Verdict = Literal["", "underfits", "fits", "overfits", "diverged", "unstable"]
_Found = tuple[Verdict, str]  # with the rule

LIMITS: Mapping[str, float] = {
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
"""The thresholds of the rules in `diagnose`, by rule."""


@dataclass(frozen=True)
class Diagnosis:
    """A verdict, the rule behind it, and every figure the rules used."""

    verdict: Verdict  # empty while there is no result
    rule: str = ""  # the rule for scores and curves that gave the verdict; empty for `fits`
    figures: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""  # the finding on gradients or units that explains the verdict, if there is one
    notes: tuple[str, ...] = ()
    """The other findings: `vanishing_gradients`, `exploding_gradients`, `dead_units` as defined in `diagnose`;
    `dead_share` (a quarter of all units are dead), `dead_layers` (all units of a layer are dead, in some seeds)."""

    @property
    def reason(self) -> str:
        """The cause, or the rule where no cause was found."""
        return self.cause or self.rule


def diagnose(metrics: pd.DataFrame | None, results: Mapping[str, Any] | None, experiment: Experiment) -> Diagnosis:
    """Diagnose how well an experiment fits, and why it does not.

    Parameters
    ----------
    metrics : DataFrame or None
        As from `nnlab.analysis.curves.metrics_frame`.
    results : mapping or None
        As from `nnlab.analysis.scores.stored_results`; `signals` are optional, and a figure may be nan for None.

    Notes
    -----
    Fit is the accuracy, or for regression 1 - mse / variance of the training targets. The first rule that holds
    gives the verdict:

    1. **diverged**, when at least half the seeds ended with a training loss that is not finite
       (`loss_not_finite`), or above twice that of a blind guess and twice its own lowest, or above 1,000 times that of
       a blind guess without falling (`loss_ran_away`). Fewer than half: **unstable** (`some_seeds_diverged`).
    2. **unstable**, when with 3 seeds or more the standard deviation of the training fit is above 0.1
       (`seeds_disagree`); when for most seeds the training loss, in the last third of the epochs, rises in one
       epoch by more than a quarter of a blind guess's loss (`loss_jumps`); or when a classifier ends with a training
       loss above twice that of a blind guess (`loss_above_guessing`).
    3. **underfits**, when the training fit is at most 0.02 above always predicting the most common class (`guesses`),
       or clearly (0.03, or one standard error) below 15 nearest neighbours, for regression the least-squares line
       (`below_reference`). Where the fit is at least halfway from guessing to that reference, rule 4 comes first.
    4. **overfits**, by the gap = training fit - validation fit (test fit where there is no validation part):
       above 0.05, above 1.5 standard errors of the two shares (few samples prove little), and with 3 seeds or more
       its 95 % interval above 0 (`gap`); or above 0.02 while the mean validation loss has risen 20 % above its
       lowest and the training loss fell further (`validation_turned`; not with early stopping, which takes the
       weights of the lowest).
    5. **underfits** too, when, below an accuracy of 0.99, it still gained 0.02 in the last fifth of the epochs, for
       regression when the loss still fell by a tenth, above that of the line (`still_learning`).
    6. **fits** otherwise.

    Gradients and units never change the verdict. Where the network did not learn well they may explain it
    (medians over the seeds; docs/diagnosis.md has the trials behind the thresholds):

    - `vanishing_gradients`: before training the gradient with respect to the outputs of the first layer is less than
      a hundredth of that of the last one. Explains `guesses`, `below_reference`, and `seeds_disagree` below the
      reference.
    - `exploding_gradients`: before or after training the gradient with respect to the outputs of some layer is more
      than 100 times that of the last one. Explains the same, and everything diverged or unstable.
    - `dead_units`: after training at least three quarters of the units of a layer are dead. Explains the same as
      `vanishing_gradients`.
    """
    if final_scores(results, "train", experiment.score).size == 0:
        return Diagnosis("")
    evidence = _Evidence(metrics, results, experiment)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # figures of trainings that diverged
        found: _Found = _divergence(evidence) or _instability(evidence) or _misfit(evidence) or ("fits", "")
        health = _health(results, experiment)
    findings = _findings(health)
    cause = next((cause for cause in _causes(*found, evidence.figures) if cause in findings), "")
    notes = tuple(finding for finding in findings if finding != cause)
    return Diagnosis(*found, {**evidence.figures, **health}, cause, notes)


class _Evidence:
    """What the rules judge; each adds the figures it uses."""

    def __init__(self, metrics: pd.DataFrame | None, results: Mapping[str, Any] | None, experiment: Experiment) -> None:
        self.experiment, self.results, self.curves = experiment, results, Curves(metrics)
        self.train = final_scores(results, "train", experiment.score)  # (replicates,)
        self.loss = final_scores(results, "train", "loss")
        self.classes, self.stops_early = experiment.score == "accuracy", experiment.train.patience > 0
        self.reference = reference_of(experiment.data)
        self.figures: dict[str, float] = {}

    def fit(self, scores: Floats) -> Floats:
        return scores if self.classes else 1 - scores / max(self.reference.variance, 1e-30)


def _divergence(it: _Evidence) -> _Found | None:
    loss, curve, guess = it.loss, it.curves.train_loss, it.reference.guess_loss
    lost = ~np.isfinite(loss)  # (replicates,)
    last, lowest, falls = loss, loss, np.zeros(len(loss), bool)
    if curve.shape[1:] == loss.shape and len(curve):
        if not it.stops_early:  # with early stopping nan marks the epochs after the stop
            lost = lost | ~np.isfinite(curve[-1])
            last = np.where(lost, loss, curve[-1])
        lowest = np.nanmin(np.vstack([curve, np.where(lost, np.inf, loss)]), axis=0)
        falls = last < curve[0] / 2
    times = LIMITS["loss_ran_away"]
    diverged = lost | ((last > times * guess) & (last > times * lowest)) | ((last > 1000 * guess) & ~falls)

    it.figures |= {"seeds": len(it.train), "diverged": float(diverged.sum())}
    if not lost.all():
        it.figures["loss"] = float(np.median(loss[~lost]) / guess)
    if diverged.mean() >= LIMITS["loss_not_finite"]:
        return "diverged", "loss_not_finite" if lost.mean() >= LIMITS["loss_not_finite"] else "loss_ran_away"
    train = float(it.fit(it.train[~diverged]).mean())
    it.figures |= {"train": train, "reference": it.reference.score, "guess": it.reference.guess}
    return ("unstable", "some_seeds_diverged") if diverged.any() else None


def _instability(it: _Evidence) -> _Found | None:
    if len(it.train) > 2:
        it.figures["deviation"] = float(it.fit(it.train).std(ddof=1))
        if it.figures["deviation"] > LIMITS["seeds_disagree"]:
            return "unstable", "seeds_disagree"
    if (rise := it.curves.largest_late_rise()) is not None:
        it.figures["jump"] = float(np.median(rise) / it.reference.guess_loss)
        if it.figures["jump"] > LIMITS["loss_jumps"]:
            return "unstable", "loss_jumps"
    if it.classes and np.mean(it.loss) > LIMITS["loss_above_guessing"] * it.reference.guess_loss:
        return "unstable", "loss_above_guessing"
    return None


def _misfit(it: _Evidence) -> _Found | None:
    """Rules 3 to 5."""
    rule = _poor_fit(it)
    underfits: _Found | None = ("underfits", rule) if rule else None
    halfway = it.figures["train"] >= (it.reference.guess + it.reference.score) / 2
    return (None if halfway else underfits) or _overfit(it) or underfits or _late_learning(it)


def _poor_fit(it: _Evidence) -> str:
    """The rule by which the training fit is too low, if one holds."""
    reached, reference = it.figures["train"], it.reference
    guessing = reference.guess + LIMITS["guesses"]
    if it.classes and reached <= guessing and not reference.score <= guessing:
        return "guesses"
    margin = max(LIMITS["below_reference"], reference.error)
    return "below_reference" if reached < reference.score - margin else ""


def _overfit(it: _Evidence) -> _Found | None:
    score, data = it.experiment.score, it.experiment.data
    measured = {part: scores for part in PARTS[1:] if (scores := final_scores(it.results, part, score)).size}
    part = next(iter(measured), None)  # validation, else test
    if part is None or not np.isfinite(measured[part]).all():
        return None
    fit, held_out = it.fit(it.train), it.fit(measured[part])
    gap = interval(fit - held_out, replace(Design.of(it.experiment, part), samples=0, shared=False))
    error = 0.0  # standard error of the difference of two shares measured on so few samples
    if it.classes:
        sizes = dict(zip(PARTS, data.sizes, strict=True))
        shares = (fit.mean(), sizes["train"]), (held_out.mean(), sizes[part])
        error = math.sqrt(sum(share * (1 - share) / size for share, size in shares))
    it.figures |= {part: float(held_out.mean()), "gap": gap.mean, "gap_low": gap.low, "gap_error": error}
    sure = gap.low > 0 if len(fit) > 2 else True
    if sure and gap.mean > max(LIMITS["gap"], 1.5 * error):
        return "overfits", "gap"
    if gap.mean > 0.02 and not it.stops_early and (turn := it.curves.validation_turn()) is not None:
        it.figures["rise"], it.figures["turn"] = turn
        if it.figures["rise"] > LIMITS["validation_turned"]:
            return "overfits", "validation_turned"
    return None


def _late_learning(it: _Evidence) -> _Found | None:
    if it.stops_early or (late := it.curves.late_gain()) is None:
        return None
    gained, fell = late
    if it.classes:
        it.figures["late_gain"] = gained
        still = gained > LIMITS["still_learning"] and it.figures["train"] < 0.99
    else:
        it.figures["late_fall"] = fell
        still = fell > 0.1 and 1 - it.figures["train"] > 1.5 * (1 - it.reference.score)
    return ("underfits", "still_learning") if still else None


def _health(results: Mapping[str, Any] | None, experiment: Experiment) -> dict[str, float]:
    """Figures of gradients and units, for a network with hidden layers; medians over the seeds unless stated.

    Before training: `gradient_start`, the gradient of the first layer that is trained over that of the last one;
    `growth_start`, the largest gradient of a layer over that of the last one; `dead_start`, the share of dead units in
    the worst layer. After training: `growth_end`; `dead_share`, dead units of all hidden ones (mean over the seeds);
    `dead`, `units`, `layer`, how many of how many units are dead in the worst layer (from 1) of the median seed;
    `dead_layers`, seeds with a layer of dead units only."""
    stored, hidden = (results or {}).get("signals"), experiment.model.depth
    if not stored or not hidden:
        return {}
    before, after = GradientHealth.of(stored["before"]), GradientHealth.of(stored["after"])
    widths = np.array(experiment.model.widths, float)[:, None]
    first = sum(layer.frozen for layer in experiment.layers)  # frozen layers come first
    start, end = before.gradient / before.gradient[-1], after.gradient / after.gradient[-1]  # (layers, seeds)
    figures = {
        "gradient_start": _median(start[first]),
        # the weights before training are finite: a gradient that is nan was too large for a number
        "growth_start": _median(np.nan_to_num(start[:hidden], nan=math.inf).max(axis=0)),
        "growth_end": _median(end[:hidden].max(axis=0)),
        "dead_start": _median((before.dead[:hidden] / widths).max(axis=0)),
    }
    shares = (after.dead[:hidden] / widths)[:, np.isfinite(after.dead).all(axis=0)]  # (hidden, finite seeds)
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
    """The median of the values that are not nan; nan where there is none."""
    values = values[~np.isnan(values)]
    return float(np.median(values)) if values.size else math.nan


def _findings(health: Mapping[str, float]) -> tuple[str, ...]:
    """The rules on gradients and units that hold, the likelier cause first."""
    growth = max(health.get("growth_start", 0), health.get("growth_end", 0))
    dead = health.get("dead", 0) / health.get("units", 1) >= LIMITS["dead_units"]
    found = {
        "vanishing_gradients": health.get("gradient_start", 1) < LIMITS["vanishing_gradients"],
        "exploding_gradients": growth > LIMITS["exploding_gradients"],
        "dead_units": dead,
        "dead_share": not dead and health.get("dead_share", 0) >= 0.25,
        "dead_layers": not dead and health.get("dead_layers", 0) > 0,
    }
    return tuple(name for name, holds in found.items() if holds)


def _causes(verdict: Verdict, rule: str, figures: Mapping[str, float]) -> tuple[str, ...]:
    """Which findings would explain the verdict."""
    disagree_below = rule == "seeds_disagree" and figures["train"] < figures["reference"]
    if disagree_below or rule in ("guesses", "below_reference"):
        return "vanishing_gradients", "exploding_gradients", "dead_units"
    return ("exploding_gradients",) if verdict in ("diverged", "unstable") else ()
