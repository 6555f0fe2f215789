"""A verdict on how well an experiment fits, in one word, with the rule behind it and the figures the rule used."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from nnlab.analysis.curves import Curves
from nnlab.analysis.design import Design
from nnlab.analysis.gradient_health import GradientHealth
from nnlab.analysis.scores import Reference, final_scores, reference_of, sample_outcomes, score_interval
from nnlab.analysis.statistics import Difference, Interval, interval, paired
from nnlab.engines.base import Floats
from nnlab.spec import Experiment

Verdict = Literal["", "underfits", "fits", "overfits", "diverged", "unstable"]
_Found = tuple[Verdict, str]  # with the rule
_ONE_SEED = "one seed"

LIMITS: Mapping[str, float] = {
    "loss_not_finite": 0.5,
    "loss_ran_away": 2,
    "loss_jumps": 0.05,
    "loss_peaks": 10,
    "loss_above_guessing": 2,
    "seeds_disagree": 0.1,
    "gap": 0.05,
    "still_rising": 0.01,
    "validation_turned": 0.4,
    "guesses": 0.02,
    "hardly_learned": 0.1,
    "below_reference": 0.03,
    "still_learning": 0.02,
    "vanishing_gradients": 0.01,
    "exploding_gradients": 100,
    "dead_units": 0.75,
}
"""The thresholds of the rules in `diagnose`, by rule."""

LOW_LOSS = 0.3
"""Jumps count as shares of the loss, of so many times that of a blind guess where the loss is lower."""

RAN_AWAY = 1000
"""A loss so many times that of a blind guess has run away, whatever the network has learned."""


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

    @property
    def tentative(self) -> bool:
        """Whether it rests on a single network: another seed might get another verdict."""
        return self.figures.get("seeds") == 1

    def as_row(self) -> dict[str, str]:
        """The columns `verdict` and `reason` of a comparison's table."""
        parts = (self.reason, _ONE_SEED if self.tentative else "")
        return {"verdict": self.verdict, "reason": ", ".join(filter(None, parts))}

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """From the columns of a comparison's table, without figures."""
        reason, _, last = row["reason"].rpartition(", ")
        if last == _ONE_SEED:
            return cls(row["verdict"], reason, {"seeds": 1})
        return cls(row["verdict"], row["reason"])


def diagnose(
    metrics: pd.DataFrame | None,
    results: Mapping[str, Any] | None,
    experiment: Experiment,
    reference: Reference | None = None,
) -> Diagnosis:
    """Diagnose how well an experiment fits, and why it does not.

    Parameters
    ----------
    metrics : DataFrame or None
        As from `nnlab.analysis.curves.metrics_frame`.
    results : mapping or None
        As from `nnlab.analysis.scores.stored_results`; `signals` are optional, and a figure may be nan for None.
    reference : Reference, optional
        That of the data of the experiment, unless it was trained on others.

    Notes
    -----
    Fit is the accuracy, or for regression 1 - mse / variance of the training targets. The first rule that holds
    gives the verdict:

    1. **diverged**, when at least half the seeds ended with a training loss that is not finite (`loss_not_finite`), or
       above twice that of a blind guess where they do no better than guessing, or above 1,000 times that of a blind
       guess without falling (`loss_ran_away`). With early stopping, too, the last epoch counts, not the best. Fewer
       than half: **unstable** (`some_seeds_diverged`).
    2. **unstable**, when the training loss, in the last third of the epochs, rises in one epoch of four by more than
       0.05 of its median, or of 0.3 of a blind guess's loss if that is more (`loss_jumps`); for regression when, in
       the second half of the epochs, it is for most seeds 10 times as high in between as at both ends (`loss_peaks`);
       when a classifier ends with a training loss above twice that of a blind guess (`loss_above_guessing`); or when
       with 3 seeds or more the standard deviation of the training fit is above 0.1 and some seeds reach the reference
       (`seeds_disagree`).
    3. **underfits**, when the training fit is at most 0.02 above always predicting the most common class (`guesses`),
       or at most 0.1 above it while the validation fit is at most 0.02 above it (`hardly_learned`), or clearly (0.03,
       or one standard error) below 5 or 15 nearest neighbours, for regression the least-squares line
       (`below_reference`). Where the fit is at least halfway from guessing to that reference, rule 4 comes before the
       last.
    4. **overfits**, unless accuracy (by 0.01 in the last fifth of the epochs) and loss on the validation part still get
       better, by the gap = training fit - validation fit: above 0.05 with its 95 % interval above 0 (`gap`; the
       interval is over the seeds, with fewer than 3 over the validation samples; it may contain 0 where that of the
       validation fit contains guessing); or above 0.02 while the validation loss has risen 40 % above its lowest and
       the training loss fell further (`validation_turned`; not with early stopping, which takes the weights of the
       lowest).
    5. **underfits** too, when, below an accuracy of 0.99, it still gained 0.02 in the last fifth of the epochs, for
       regression when the loss still fell by a tenth, above that of the line (`still_learning`; not where early
       stopping ended most seeds).
    6. **fits** otherwise.

    The test part plays no role. Changes over epochs are between medians over a tenth of them.

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
    evidence = _Evidence(metrics, results, experiment, reference or reference_of(experiment.data))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # figures of trainings that diverged
        found: _Found = _divergence(evidence) or _instability(evidence) or _misfit(evidence) or ("fits", "")
        health = _health(results, experiment)
    findings = _findings(health)
    cause = next((cause for cause in _causes(*found, evidence.figures) if cause in findings), "")
    notes = tuple(finding for finding in findings if finding != cause)
    return Diagnosis(*found, {**evidence.figures, **health}, cause, notes)


class _Evidence:
    """What the rules judge; each adds the figures it uses."""

    def __init__(
        self,
        metrics: pd.DataFrame | None,
        results: Mapping[str, Any] | None,
        experiment: Experiment,
        reference: Reference,
    ) -> None:
        self.experiment, self.results, self.reference = experiment, results, reference
        self.curves = Curves(metrics, experiment.train.patience)
        self.train = final_scores(results, "train", experiment.score)  # (replicates,)
        self.loss = final_scores(results, "train", "loss")
        self.validation = final_scores(results, "validation", experiment.score)
        self.classes = experiment.score == "accuracy"
        self.margin = max(LIMITS["below_reference"], reference.error)
        self.figures: dict[str, float] = {}

    @property
    def may_guess(self) -> bool:
        """Whether three seeds or more do not show that the network does better than guessing on new samples."""
        over = score_interval(self.experiment, self.results, "validation", self.experiment.score)
        return self.classes and len(self.validation) > 2 and over.low <= self.reference.guess

    def fit(self, scores: Floats) -> Floats:
        return scores if self.classes else 1 - scores / max(self.reference.variance, 1e-30)


def _divergence(it: _Evidence) -> _Found | None:
    """Rule 1. Early stopping takes the weights of the best epoch: the curves show how the training went on."""
    loss, score, curve, guess = it.loss, it.train, it.curves.train_loss, it.reference.guess_loss
    falls = np.zeros(len(loss), bool)
    if len(curve) and curve.shape[1:] == loss.shape:
        (loss,), (score,) = it.curves.last(curve, 1), it.curves.last(it.curves.train_score, 1)
        falls = loss < curve[0] / 2
    lost = ~np.isfinite(loss) | ~np.isfinite(it.loss)  # (replicates,)
    guesses = it.fit(score) <= it.reference.guess + LIMITS["guesses"]
    diverged = lost | ((loss > LIMITS["loss_ran_away"] * guess) & guesses) | ((loss > RAN_AWAY * guess) & ~falls)

    it.figures |= {"seeds": len(it.train), "diverged": float(diverged.sum())}
    if not lost.all():
        it.figures["loss"] = float(np.median(loss[~lost]) / guess)
    if diverged.mean() >= LIMITS["loss_not_finite"]:
        return "diverged", "loss_not_finite" if lost.mean() >= LIMITS["loss_not_finite"] else "loss_ran_away"
    train = float(it.fit(it.train[~diverged]).mean())
    it.figures |= {"train": train, "reference": it.reference.score, "guess": it.reference.guess}
    return ("unstable", "some_seeds_diverged") if diverged.any() else None


def _instability(it: _Evidence) -> _Found | None:
    """Rule 2."""
    if it.classes and (rise := it.curves.late_rise(LOW_LOSS * it.reference.guess_loss)) is not None:
        it.figures["jump"] = rise
        if rise > LIMITS["loss_jumps"]:
            return "unstable", "loss_jumps"
    if not it.classes and (peak := it.curves.late_peak(1e-6 * it.reference.guess_loss)) is not None:
        it.figures["peak"] = peak
        if peak > LIMITS["loss_peaks"]:
            return "unstable", "loss_peaks"
    if it.classes and np.median(it.loss) > LIMITS["loss_above_guessing"] * it.reference.guess_loss:
        return "unstable", "loss_above_guessing"
    if len(it.train) > 2:
        fit = it.fit(it.train)
        it.figures["deviation"] = float(fit.std(ddof=1))
        learned = not fit.max() < it.reference.score - it.margin  # some seeds
        if learned and it.figures["deviation"] > LIMITS["seeds_disagree"]:
            return "unstable", "seeds_disagree"
    return None


def _misfit(it: _Evidence) -> _Found | None:
    """Rules 3 to 5."""
    if it.validation.size and np.isfinite(it.validation).all():
        it.figures["validation"] = float(it.fit(it.validation).mean())
    if it.classes and (rule := _guessing(it.figures)):
        return "underfits", rule
    low = it.figures["train"] < it.reference.score - it.margin
    underfits: _Found | None = ("underfits", "below_reference") if low else None
    halfway = it.figures["train"] >= (it.reference.guess + it.reference.score) / 2
    return (None if halfway else underfits) or _overfit(it) or underfits or _late_learning(it)


def _guessing(figures: Mapping[str, float]) -> str:
    """The rule for guessing that a classifier meets: on the training part, or on the validation part alone, having
    hardly learned the training part."""
    train, guess = figures["train"], figures["guess"]
    if train <= guess + LIMITS["guesses"]:
        return "guesses"
    new = figures.get("validation", 1) <= guess + LIMITS["guesses"]
    return "hardly_learned" if new and train <= guess + LIMITS["hardly_learned"] else ""


def _overfit(it: _Evidence) -> _Found | None:
    if "validation" not in it.figures:
        return None
    gap = _gap(it)
    it.figures |= {"gap": gap.mean, "gap_low": gap.low}
    if it.classes and _still_rising(it.curves):
        return None
    if gap.mean > LIMITS["gap"] and (gap.low > 0 or it.may_guess):
        return "overfits", "gap"
    if gap.mean > 0.02 and not it.experiment.train.patience and (turn := it.curves.validation_turn()):
        lowest, end, epoch = turn
        it.figures |= {"rise": end / max(lowest, 1e-12) - 1, "turn": epoch}
        if it.figures["rise"] > LIMITS["validation_turned"]:
            return "overfits", "validation_turned"
    return None


def _still_rising(curves: Curves) -> bool:
    """Whether both validation accuracy and validation loss still get better."""
    score, loss = curves.late_change(curves.validation_score), curves.late_change(curves.validation_loss)
    if curves.stopped or score is None or loss is None:
        return False
    return score[1] - score[0] > LIMITS["still_rising"] and loss[1] < loss[0]


def _gap(it: _Evidence) -> Interval | Difference:
    """Training fit minus validation fit. With fewer than three seeds, the interval is over the validation samples."""
    fit, held_out, design = it.fit(it.train), it.fit(it.validation), Design.of(it.experiment, "validation")
    if len(fit) > 2 and not design.shared:
        return paired(fit, held_out, design)
    each = sample_outcomes(it.results, it.experiment)
    if each is None and not it.classes:
        return interval(fit - held_out, Design())
    if each is None:
        n = it.experiment.data.sizes[1]  # so many right answers, in any order
        each = np.array([np.arange(n) < round(share * n) for share in held_out])
    gaps = fit[:, None] - it.fit(each)  # (replicates, n)
    if len(fit) > 2:
        return interval(gaps.mean(axis=1), design, gaps)
    return interval(gaps.mean(axis=0) if design.shared else gaps, Design())


def _late_learning(it: _Evidence) -> _Found | None:
    """Rule 5."""
    curve = it.curves.train_score if it.classes else it.curves.train_loss
    if it.curves.stopped or (change := it.curves.late_change(curve)) is None:
        return None
    then, now = change
    if it.classes:
        it.figures["late_gain"] = now - then
        still = now - then > LIMITS["still_learning"] and it.figures["train"] < 0.99
    else:
        it.figures["late_fall"] = 1 - now / then if then > 0 else 0.0
        still = it.figures["late_fall"] > 0.1 and 1 - it.figures["train"] > 1.5 * (1 - it.reference.score)
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
