"""Confidence intervals of mean scores, and paired tests of the difference between values of a setting.

What a mean over replicates says depends on what the replicates share: see `design.Design`. All intervals are Student's
t, mean ± t · SE. With S seeds, s² the variance of the scores over the replicates and k the folds of a seed:

======== ============================================== ======================================
per_seed SE² of the mean                                degrees of freedom
======== ============================================== ======================================
samples  s²/S; with folds, s² over the seeds' means     S - 1
split    s² (1/S + n_validation / n_train)              S - 1
         s² (1/(S k) + 1/(k - 1)) with folds            S k - 1
weights  V/n + s²/S; of a difference - E/(n S)          Welch and Satterthwaite
         folds: the larger of s² (1/(S k) + 1/(k - 1))  k - 1
         and of the same with the folds' means
======== ============================================== ======================================

On a test part that all replicates share V/n is added, with Satterthwaite's degrees of freedom.

Splits of the same data share most of their training samples, so their scores vary less than independent ones; the
second term corrects for that (Nadeau and Bengio 2003; with folds Bouckaert and Frank 2004). Seeds that share all data
say nothing of other samples, however many they are: V is the variance of the mean over seeds from one of the n
validation samples to the next. What is left of the scores (seeds, samples) without the means of seeds and samples, of
mean square E, is part of V/n and of s²/S, and so taken off once (analysis of variance of two crossed random effects,
Searle et al. 1992); not of a mean, whose interval would be too narrow with few samples. Seeds that share their folds
are no more than k measurements of the data.

No interval is narrower than the normal one of a share of right answers among as many samples (`least_variance`):
scores that are all equal are rounded to the same sample, not certain.

docs/statistics.md has the simulated coverage and error rates, from `benchmarks.calibration`.

References
----------
Nadeau, Bengio (2003). Inference for the generalization error. Machine Learning 52, 239-281.
Bouckaert, Frank (2004). Evaluating the replicability of significance tests for comparing learning algorithms.
    PAKDD 2004, LNAI 3056, 3-12.
Bouthillier et al. (2021). Accounting for variance in machine learning benchmarks. MLSys 2021.
Agresti, Coull (1998). Approximate is better than exact for interval estimation of binomial proportions. The American
    Statistician 52, 119-126.
Satterthwaite (1946). An approximate distribution of estimates of variance components. Biometrics Bulletin 2, 110-114.
Holm (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70.
Searle, Casella, McCulloch (1992). Variance components. Wiley, section 4.3.
Schuirmann (1987). A comparison of the two one-sided tests procedure. J. of Pharmacokinetics and Biopharmaceutics 15,
    657-680.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnlab.analysis.design import Design
from nnlab.engines.base import Floats

LEVEL = 0.05  # of a test: the rate of false alarms
POWER = 0.8


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval; `low` and `high` are nan with a single value."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean of one value's scores minus another's, replicate by replicate."""

    mean: float
    low: float
    """The interval, at the level that the correction leaves for this pair (95 % for a single pair): it excludes 0
    exactly where `p` is below 0.05. nan with one replicate."""
    high: float
    p: float  # two-sided paired t test, corrected for the number of comparisons; nan with one replicate
    error: float  # standard error of the mean, by the replicates
    freedom: float  # its degrees of freedom
    least: float  # standard error that it has at least, by the number of samples
    pairs: int  # comparisons made

    @property
    def distinct(self) -> bool:
        """Whether the difference is significant."""
        return self.p < LEVEL

    def within(self, margin: float) -> bool:
        """Whether the difference is significantly smaller than `margin`, in either direction: two one-sided tests
        (Schuirmann 1987), corrected for the number of comparisons."""
        half = half_width(2 * LEVEL / self.pairs, self.error**2, self.freedom, self.least**2)
        return bool(abs(self.mean) + half < margin)


def interval(values: ArrayLike, design: Design, outcomes: ArrayLike | None = None) -> Interval:
    """The mean of scores with its 95 % interval.

    Parameters
    ----------
    values : array_like (replicates,)
    outcomes : array_like (replicates, n), optional
        The scores of the single samples, where all replicates share them. Without them, a share of right answers is
        taken to vary from sample to sample as much as it can.

    Returns
    -------
    Interval
        All nan without values, or if one is not finite: a mean over the seeds that did not diverge would be too good.
        Without ends where replicates share samples whose own scores are not known, as a loss.
    """
    x = np.asarray(values, float).ravel()
    if len(x) == 0 or not np.isfinite(x).all():
        return Interval(math.nan, math.nan, math.nan)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, math.nan, math.nan)
    each, spread = None, np.zeros(1)
    if design.shared and not design.known:
        each = None if outcomes is None else np.asarray(outcomes, float).mean(axis=0)
        spread = np.array([_sample_variance(mean, each, design.samples)])
    variance = _variance(x[:, None], design, spread, np.zeros(1))
    half = float(half_width(LEVEL, *variance, least_variance(mean, each, design, len(x)))[0])
    return Interval(mean, mean - half, mean + half)


def paired(
    one: ArrayLike, other: ArrayLike, design: Design, outcomes: Sequence[ArrayLike | None] | None = None
) -> Difference:
    """The scores `one` minus the scores `other`, (replicates,) each, as the only comparison made."""
    _, (difference, _) = differences([one, other], design, 1, outcomes=outcomes)
    assert difference is not None
    return difference


def differences(
    scores: Sequence[ArrayLike],
    design: Design,
    reference: int | None = None,
    better: Literal["higher", "lower"] = "higher",
    outcomes: Sequence[ArrayLike | None] | None = None,
    same_samples: bool = True,
) -> tuple[int, list[Difference | None]]:
    """Compare every value's scores with those of a reference, by paired t tests with Holm's correction.

    All values share seeds and batches, so what makes a replicate hard for all of them cancels in the difference.

    Parameters
    ----------
    scores : sequence of array_like (replicates,)
        One a value, all finite, with the same replicates in the same order.
    reference : int or None
        Place of a baseline chosen beforehand: the correction is over the other values. None: the best mean. That choice
        depends on the scores, so the correction is over all pairs.
    better : {"higher", "lower"}
        Which scores are good, for the choice of the best.
    outcomes : sequence of array_like (replicates, n) or None, optional
        One a value, see `interval`.
    same_samples : bool
        Whether the values were scored on the same samples, if replicates share them.

    Returns
    -------
    reference : int
    differences : list of Difference or None
        One a value; None at the reference.

    Raises
    ------
    ValueError
        If values have different numbers of replicates, or one is not finite.
    """
    each = [np.asarray(values, float).ravel() for values in scores]
    if len({len(values) for values in each}) > 1:
        raise ValueError(f"scores: values must have the same replicates, not {[len(one) for one in each]} of them")
    table = np.array(each)  # (values, replicates)
    if not np.isfinite(table).all():
        raise ValueError("scores: got a value that is not finite, allowed are numbers.")
    first, second = np.triu_indices(len(table), 1)
    if reference is None:
        reference = int(np.argmax(table.mean(axis=1) * (1 if better == "higher" else -1)))
        one, other = np.where(first == reference, second, first), np.where(first == reference, first, second)
    else:
        one = np.delete(np.arange(len(table)), reference)
        other = np.full_like(one, reference)

    mean, variance, freedom, least = _pairs(table, one, other, design, outcomes, same_samples)
    p = np.maximum(two_sided(mean, variance, freedom), two_sided(mean, least, math.inf))
    corrected = holm(p)
    with np.errstate(invalid="ignore"):
        half = half_width(LEVEL * p / corrected, variance, freedom, least)  # the level below which p is significant
    columns = mean, mean - half, mean + half, np.minimum(corrected, 1), np.sqrt(variance), freedom, np.sqrt(least)
    shown = other == reference  # rows in the order of the values: triu_indices keeps it on both sides of the reference
    rows = np.array([column[shown] for column in columns]).T.tolist()
    found: list[Difference | None] = [Difference(*(*row, len(p))) for row in rows]
    found.insert(reference, None)
    return reference, found


def detectable(against: Sequence[Difference | None]) -> float:
    """The difference that these comparisons would have found significant in 80 % of cases, each at the level of the
    strictest test; from the mean square of their standard errors. nan where there is none."""
    found = [one for one in against if one is not None and math.isfinite(one.error)]
    if not found:
        return math.nan
    error, least = np.sqrt(np.mean([(one.error**2, one.least**2) for one in found], axis=0)).tolist()
    freedom, level = float(np.median([one.freedom for one in found])), LEVEL / found[0].pairs
    return float(max(_noncentrality(freedom, level) * error, _noncentrality(math.inf, level) * least))


def _pairs(
    table: Floats,
    one: NDArray[np.intp],
    other: NDArray[np.intp],
    design: Design,
    outcomes: Sequence[ArrayLike | None] | None,
    same_samples: bool,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the rows `one` of the table minus the rows `other`: the mean, its variance with degrees of freedom, and the
    variance that it has at least; (pairs,) each."""
    size = np.abs(table).max(axis=1)
    grain = 8 * np.finfo(float).eps * (size[one] + size[other])  # the rounding error of subtracting equal scores
    columns = np.ascontiguousarray(table.T)
    difference = columns[:, one] - columns[:, other]  # (replicates, pairs): sums over the first axis are the fast ones
    mean = difference.mean(axis=0)
    mean[np.abs(mean) <= grain] = 0
    spread = residual = np.zeros(len(one))
    if design.shared and not design.known:
        each = _paired_sample_variances(table, outcomes, same_samples, design)
        spread, residual = (square[one, other] for square in each)
    if len(table[0]) < 2:
        nothing = np.full(len(one), math.nan)
        return mean, nothing, nothing, nothing
    least = np.maximum(least_difference(mean, design, len(columns), measured=bool(residual.any())), grain**2)
    return mean, *_variance(difference, design, spread, residual), least


def _variance(values: Floats, design: Design, spread: Floats, residual: Floats) -> tuple[Floats, Floats]:
    """Variance of the mean of every column of `values` (replicates, columns), and its degrees of freedom: the table in
    the module's docstring. `spread` (columns,) is V/n, `residual` the mean of squares whose sum is that of E."""
    over_replicates, degrees = _replicate_variance(values, design)
    if not design.shared or design.known:
        return over_replicates, np.full(len(over_replicates), float(degrees))
    samples = max(2, design.samples)
    twice = residual / ((len(values) - 1) * (samples - 1))  # E / (n S)
    total = np.maximum(spread + over_replicates - twice, twice)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = spread**2 / (samples - 1) + over_replicates**2 / degrees + twice**2 / ((samples - 1) * degrees)
        freedom = total**2 / each
    return total, np.where(np.isfinite(freedom), np.maximum(freedom, 1), degrees)


def _replicate_variance(values: Floats, design: Design) -> tuple[Floats, int]:
    """The same for other replicates on the same samples, where all are scored on the same: without V/n."""
    n, k = len(values), max(1, design.folds)
    square = values.var(axis=0, ddof=1)
    if k == 1:
        return square * (1 / n + (design.overlap if design.per_seed == "split" else 0.0)), n - 1
    if n > k and design.per_seed == "samples":
        means = values.reshape(n // k, k, -1).mean(axis=1)  # (seeds, columns)
        return means.var(axis=0, ddof=1) / len(means), len(means) - 1
    share = 1 / n + 1 / (k - 1)
    if n == k or design.per_seed == "split":
        return square * share, n - 1
    means = values.reshape(n // k, k, -1).mean(axis=0)  # (folds, columns)
    return np.maximum(square * share, means.var(axis=0, ddof=1) * (1 / k + 1 / (k - 1))), k - 1


def _sample_variance(mean: float, each: Floats | None, n: int) -> float:
    """V/n of one mean, from the mean score `each` (n,) of every sample, or from the share of right answers alone; nan
    where neither is known."""
    if each is not None and len(each) > 1:
        return float(each.var(ddof=1) / len(each))
    return mean * (1 - mean) / n if n else math.nan


def _paired_sample_variances(
    table: Floats, outcomes: Sequence[ArrayLike | None] | None, same_samples: bool, design: Design
) -> tuple[Floats, Floats]:
    """Of the difference between every two values (values, values): V/n, and the mean of the squares left without the
    means of seeds and samples; 0 where they were not scored on the same samples."""
    means = table.mean(axis=1)
    single: list[Any] = list(outcomes or [None] * len(means))
    each = [None if one is None else _mean_by_sample(one) for one in single]
    known = [one for one in each if one is not None]
    alike = (
        len(known) == len(single)
        and len({(len(one), len(mean)) for one, mean in zip(single, known, strict=False)}) == 1
    )
    if same_samples and alike and len(known[0]) > 1:
        by_sample = np.array(known)  # (values, n)
        spread = np.atleast_2d(np.cov(by_sample)) / by_sample.shape[1]
        squares = np.zeros((len(single), len(single)))
        for replicate in range(len(single[0])):  # one at a time: all scores of 40 values may take a gigabyte
            left = np.array([np.asarray(one[replicate], float) for one in single]) - by_sample  # (values, n)
            left -= left.mean(axis=1, keepdims=True)
            squares += left @ left.T
        return _of_differences(spread), _of_differences(squares / (len(single[0]) * by_sample.shape[1]))
    own = np.array([_sample_variance(mean, values, design.samples) for mean, values in zip(means, each, strict=True)])
    return own[:, None] + own[None], np.zeros((len(own), len(own)))


def _mean_by_sample(scores: Sequence[ArrayLike]) -> Floats:
    """The mean score (n,) of every sample over the replicates."""
    total: Floats = np.zeros(np.shape(scores[0]))
    for replicate in range(len(scores)):
        total += np.asarray(scores[replicate], float)
    return total / len(scores)


def _of_differences(covariance: Floats) -> Floats:
    """The variance of the difference between every two variables, from their covariance matrix."""
    own = np.diag(covariance)
    return np.asarray(np.maximum(own[:, None] + own[None] - 2 * covariance, 0), float)


def least_variance(mean: float, each: Floats | None, design: Design, replicates: int) -> float:
    """The variance of a share of right answers among all samples that were scored, after two more right and two more
    wrong ones, so that it is above 0 (Agresti and Coull 1998); of training samples, that of rounding to one of them.
    0 for other scores. A sample's mean score `each` (n,) over the seeds counts as a part of a right answer."""
    n = design.pool(replicates)
    if not n or design.known:
        return 1 / (12 * design.samples**2) if design.samples else 0.0
    square = mean if each is None else float((each**2).mean())
    return ((square * n + 2) / (n + 4) - ((mean * n + 2) / (n + 4)) ** 2) / (n + 4)


def least_difference(mean: Floats, design: Design, replicates: int, measured: bool) -> Floats:
    """The variance of a difference of two such shares, if no more samples than needed, and one, are right in one of the
    two alone; that of rounding to a sample, where the variance over the samples is measured."""
    n = design.pool(replicates)
    if not n or design.known or measured:
        return np.full(len(mean), 1 / (6 * design.samples**2) if design.samples else 0.0)
    return (np.abs(mean) * n + 1) / n**2


def two_sided(mean: Floats, variance: Floats, freedom: Floats | float) -> Floats:
    """p of a two-sided t test; never 0, as it is divided by. nan with one replicate."""
    from scipy.special import stdtr  # here and below: a quarter of a second that no page need wait for at its start

    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(mean == 0, 0, np.abs(mean) / np.sqrt(variance))
    return np.where(np.isfinite(variance), np.maximum(2 * stdtr(freedom, -t), np.finfo(float).tiny), math.nan)


def half_width(level: Any, variance: Any, freedom: Any, least: Any) -> Any:
    """Half the width of the interval: Student's, or the normal one with the least variance where that is wider."""
    return np.maximum(_critical(freedom, level) * np.sqrt(variance), _critical(math.inf, level) * np.sqrt(least))


def holm(p: Floats) -> Floats:
    """Holm's step-down correction of p values (pairs,): the k-th smallest of m is multiplied by m - k + 1, and none
    ends below a smaller one. Not yet cut at 1. nan stays nan."""
    order = np.argsort(p)[: np.isfinite(p).sum()]  # nan sorts last
    corrected = np.full(len(p), math.nan)
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    return corrected


def _noncentrality(freedom: float, level: float) -> float:
    """The true mean over its standard error for which |t| exceeds its critical value c in 80 % of cases.

    t = (Z + it) / S, with Z normal and S = sqrt(chi2 / freedom), exceeds c where it > c S - Z, which is nearly normal;
    its mean and variance are exact. SciPy's nctdtr is slow in the tails and sometimes nan where the power is nearly 1.
    """
    from scipy.special import gammaln, ndtri

    critical = _critical(freedom, level)
    if math.isinf(freedom):
        return float(critical + ndtri(POWER))
    expected = np.sqrt(2 / freedom) * np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2))  # of S; of S^2: 1
    return float(critical * expected + ndtri(POWER) * np.sqrt(1 + critical**2 * (1 - expected**2)))


def _critical(freedom: Any, level: Any) -> Any:
    """The value that |t| exceeds with probability `level` where there is no difference."""
    from scipy.special import stdtrit

    return -stdtrit(freedom, level / 2)
