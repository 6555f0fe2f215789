"""Settings compared over seeds of which none needs to have tried all settings, as a class tries them.

Students choose what to try next after they have seen results, so the seeds under which a setting was trained are no
random ones: where those with bad luck try something else, the plain mean of what they try next is too low, and the
mean difference seed by seed too high. What was tried depends on nothing but scores that are there, and then maximum
likelihood is not misled (Rubin 1976). The model is that of a randomised block design with seeds as random effects
(Laird and Ware 1982): score of setting g under seed s = mean_g + b_s + e_gs, with the variance `between` of b and
`within[g]` of e. Where every seed has tried every setting, the means are the plain ones.

Beyond the seeds, the variance of a mean has the parts that `statistics` names: splits of the same data, folds and
samples that are shared. docs/statistics.md has the simulated error rates, from `benchmarks.class_claims`.

References
----------
Rubin (1976). Inference and missing data. Biometrika 63, 581-592.
Laird, Ware (1982). Random-effects models for longitudinal data. Biometrics 38, 963-974.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from nnlab.analysis.design import Design
from nnlab.analysis.statistics import (
    LEVEL,
    Difference,
    Interval,
    half_width,
    holm,
    least_difference,
    least_variance,
    two_sided,
)
from nnlab.engines.base import Floats

LEAST_SEEDS = 3  # of a setting that takes part: fewer say nothing of how much its scores vary
_ROUNDS, _SAME = 500, 1e-6
_TINY = 1e-12


@dataclass(frozen=True)
class Estimated:
    """The means of settings over all seeds of a class."""

    means: Floats  # (settings,)
    covariance: Floats  # (settings, settings), of the means
    between: float  # variance that a seed has in common under all settings
    within: Floats  # (settings,), of the rest
    seeds: Floats  # (settings,), how many tried it

    def of(self, rows: Sequence[int]) -> Self:
        """Of some of the settings."""
        pairs = self.covariance[np.ix_(rows, rows)]
        return replace(self, means=self.means[rows], covariance=pairs, within=self.within[rows], seeds=self.seeds[rows])

    def interval(self, place: int, design: Design, spread: float = 0.0) -> Interval:
        """The mean of a setting with its 95 % interval.

        Parameters
        ----------
        place : int
            Which setting.
        spread : float
            The variance of the mean over samples that all seeds share.
        """
        mean, n = float(self.means[place]), int(self.seeds[place])
        variance = self.covariance[place, place] + _shared(self.between + self.within[place], design) + spread
        half = float(half_width(LEVEL, variance, n - 1, least_variance(mean, None, design, n)))
        return Interval(mean, mean - half, mean + half)

    def differences(
        self, design: Design, better: Literal["higher", "lower"] = "higher", spread: Floats | None = None
    ) -> tuple[int, list[Difference | None]]:
        """Compare every setting with the best, as `statistics.differences`: corrected for all pairs.

        Parameters
        ----------
        spread : ndarray (settings, settings), optional
            Of every two, the variance of their difference over samples that all seeds share.

        Returns
        -------
        (int, list of Difference)
            The place of the best, and the difference of each setting to it, None of the best itself.
        """
        one, other = np.triu_indices(len(self.means), 1)
        best = int(np.argmax(self.means * (1 if better == "higher" else -1)))
        one, other = np.where(one == best, other, one), np.where(one == best, best, other)
        mean = self.means[one] - self.means[other]
        own = np.diag(self.covariance)
        variance = own[one] + own[other] - 2 * self.covariance[one, other]
        variance = variance + _shared(self.within[one] + self.within[other], design)
        variance = variance + (0 if spread is None else spread[one, other])
        fewest = np.minimum(self.seeds[one], self.seeds[other])
        least = np.array([least_difference(mean[[i]], design, int(n), False)[0] for i, n in enumerate(fewest)])
        least = np.maximum(least, np.finfo(float).eps ** 2)
        p = np.maximum(two_sided(mean, variance, fewest - 1), two_sided(mean, least, math.inf))
        corrected = holm(p)
        half = half_width(LEVEL * p / corrected, variance, fewest - 1, least)
        columns = (
            mean,
            mean - half,
            mean + half,
            np.minimum(corrected, 1),
            np.sqrt(variance),
            fewest - 1,
            np.sqrt(least),
        )
        shown = other == best
        rows = np.array([column[shown] for column in columns]).T.tolist()
        order = np.argsort(one[shown])
        found: list[Difference | None] = [Difference(*(*rows[i], len(p))) for i in order]
        found.insert(best, None)
        return best, found


def estimate(scores: Floats) -> Estimated:
    """The means of settings, by maximum likelihood (expectation and maximisation).

    Parameters
    ----------
    scores : ndarray (settings, seeds)
        nan where a seed has not tried a setting; of each setting at least `LEAST_SEEDS` are there.
    """
    there = ~np.isnan(scores)
    n = there.sum(axis=1)  # (settings,)
    filled = np.where(there, scores, 0.0)
    means = filled.sum(axis=1) / n
    square = np.maximum((np.where(there, scores - means[:, None], 0) ** 2).sum(axis=1) / (n - 1), _TINY)
    between, within = 0.3 * float(square.mean()), 0.7 * square
    for _ in range(_ROUNDS):
        weight = there / within[:, None]
        left = np.where(there, scores - means[:, None], 0)
        uncertain = 1 / (weight.sum(axis=0) + 1 / between)  # variance of each seed's effect, given its scores
        effect = uncertain * (weight * left).sum(axis=0)  # (seeds,)
        moved = np.where(there, filled - effect, 0).sum(axis=1) / n
        left = np.where(there, scores - moved[:, None] - effect, 0)
        within = np.maximum(((left**2 + uncertain) * there).sum(axis=1) / (n - 1), _TINY)
        before, between = between, max(float((effect**2 + uncertain).mean()), _TINY)
        settled = np.abs(moved - means).max() < _SAME * math.sqrt(float(square.mean()))
        means = moved
        if settled and abs(between - before) < 100 * _SAME * before:
            break
    weight = there / within[:, None]
    shrunk = weight * (between / (1 + between * weight.sum(axis=0)))
    information = np.diag(weight.sum(axis=1)) - shrunk @ weight.T
    return Estimated(means, np.linalg.inv(information), between, within, n.astype(float))


def over_folds(scores: Floats, folds: int) -> Floats:
    """Scores (replicates,) of a run as one score a seed: the mean over its folds."""
    means: Floats = scores.reshape(-1, max(1, folds)).mean(axis=1)
    return means


def shared_samples(by_sample: Sequence[Floats]) -> Floats:
    """Of every two settings the variance of their difference over the samples that all seeds share (settings,
    settings), from the mean score of every sample (n,)."""
    table = np.array(by_sample)
    covariance = np.atleast_2d(np.cov(table)) / table.shape[1]
    own = np.diag(covariance)
    return np.asarray(np.maximum(own[:, None] + own[None] - 2 * covariance, 0), float)


def _shared(square: Floats | float, design: Design) -> Floats | float:
    """What splits of the same data add to the variance of a mean, `square` being that of one score: they overlap."""
    if design.known or design.per_seed == "samples":
        return 0.0 * square
    if design.folds:
        return square * (design.folds / (design.folds - 1))
    return square * design.overlap if design.per_seed == "split" else 0.0 * square
