"""Confidence intervals of mean scores, and paired tests of the difference between values of a setting.

A replicate is one seed or, under k-fold, one fold of one seed (replicate = place of the seed * folds + fold).

All intervals are Student's t. With 3 to 10 seeds the bootstrap cannot show the true spread: on 20,000 samples of normal
scores, the 95 % percentile bootstrap (2,000 resamples) covers the mean in 75, 84 and 91 % of cases with 3, 5 and 10
seeds, the t interval in 95 %.

Replicates of one k-fold share most of their training samples, so their scores vary less than independent ones. The
variance of their mean is corrected for that (Nadeau & Bengio 2003), over all folds of all seeds (Bouckaert & Frank
2004). That correction assumes that every seed has folds of its own. Here the seeds share one partition, and the effect
of a fold does not average out over seeds. So the mean scores of the folds are used as well: the larger of the two
standard errors counts, with the degrees of freedom of the folds. Simulated with 5 and 10 folds, 3 and 10 seeds and 0 to
100 % of the variance between folds, the rate of false alarms is 1 to 6 %; with the correction alone, up to 23 %.

References
----------
Nadeau, Bengio (2003). Inference for the generalization error. Machine Learning 52, 239-281.
Bouckaert, Frank (2004). Evaluating the replicability of significance tests for comparing learning algorithms.
    PAKDD 2004, LNAI 3056, 3-12.
Holm (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnlab.engines.base import Floats

LEVEL = 0.05  # of a test: the rate of false alarms
POWER = 0.8
MOST_SEEDS = 1000  # a difference that needs more counts as out of reach


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
    n: int  # replicates in which both values have a score
    needed: int | None
    """Seeds for a power of 80 %, if this mean and this deviation were the true ones; None if 1000 are not enough."""

    @property
    def distinct(self) -> bool:
        """Whether the difference is significant."""
        return self.p < LEVEL


def interval(values: ArrayLike, folds: int = 0, level: float = 0.95) -> Interval:
    """The mean of scores with Student's t interval.

    Parameters
    ----------
    values : array_like (replicates,)
    folds : int
        Folds per seed; 0 for hold-out. The interval is corrected for the training samples that folds share.

    Returns
    -------
    Interval
        All nan without values, or if one is not finite: a mean over the seeds that did not diverge would be too good.
    """
    x = np.asarray(values, float).ravel()
    if len(x) == 0 or not np.isfinite(x).all():
        return Interval(math.nan, math.nan, math.nan)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, math.nan, math.nan)
    deviation = np.maximum(x.std(ddof=1), _deviation_by_fold(x[:, None], folds)[0])
    half = float(_critical(_freedom(len(x), folds), 1 - level) * deviation * math.sqrt(_share(len(x), folds)))
    return Interval(mean, mean - half, mean + half)


def paired(one: ArrayLike, other: ArrayLike, folds: int = 0) -> Difference:
    """The scores `one` minus the scores `other`, (replicates,) each, as the only comparison made."""
    _, (difference, _) = differences([one, other], reference=1, folds=folds)
    assert difference is not None
    return difference


def differences(
    scores: Sequence[ArrayLike], reference: int | None, better: Literal["higher", "lower"] = "higher", folds: int = 0
) -> tuple[int, list[Difference | None]]:
    """Compare every value's scores with those of a reference, by paired t tests with Holm's correction.

    All values share seeds and batches, so what makes a replicate hard for all of them cancels in the difference.

    Parameters
    ----------
    scores : sequence of array_like (replicates,)
        One a value, with the same replicates in the same order; empty for a value without scores. A replicate that is
        not finite in one of the two values is left out of that pair.
    reference : int or None
        Place of a baseline chosen beforehand: the correction is over the other values. None: the best mean among
        the values whose scores are all finite. That choice depends on the scores, so the correction is over all pairs.
    better : {"higher", "lower"}
        Which scores are good, for the choice of the best.

    Returns
    -------
    reference : int
    differences : list of Difference or None
        One a value; None at the reference. Where the differences of all replicates are the same d, their deviation
        is taken as |d| / sqrt(12), that of scores rounded in steps of d: otherwise two seeds that lose the same
        number of samples would be certain proof.

    Raises
    ------
    ValueError
        If values have different numbers of replicates.
    """
    table = _table(scores)  # (values, replicates)
    if reference is None:
        reference = _best(table, better)
        first, second = np.triu_indices(len(table), 1)
        one = np.where(first == reference, second, first)
        other = np.where(first == reference, first, second)
    else:
        one = np.delete(np.arange(len(table)), reference)
        other = np.full_like(one, reference)

    n, mean, deviation, p = _paired_tests(table, one, other, folds)
    corrected = _holm(p)
    level = LEVEL * p / corrected  # below it p is called distinct
    shown = other == reference  # rows in the order of the values: triu_indices keeps it on both sides of the reference
    found = _summaries(n[shown], mean[shown], deviation[shown], corrected[shown], level[shown], folds)
    found.insert(reference, None)
    return reference, found


def _table(scores: Sequence[ArrayLike]) -> Floats:
    """Scores (values, replicates), nan where there is none or it is not finite."""
    rows = [np.asarray(values, float).ravel() for values in scores]
    lengths = {len(row) for row in rows if len(row)}
    if len(lengths) > 1:
        raise ValueError(f"scores: values must have the same replicates, not {[len(row) for row in rows]} of them")
    missing = np.full(max(lengths, default=0), math.nan)
    table = np.array([row if len(row) else missing for row in rows])
    return np.where(np.isfinite(table), table, math.nan)


def _best(table: Floats, better: Literal["higher", "lower"]) -> int:
    """Place of the best mean; values with missing replicates count only where all have some."""
    scored = np.isfinite(table)
    n = scored.sum(axis=1)
    merit = np.where(scored, table, 0).sum(axis=1) / np.maximum(n, 1) * (1 if better == "higher" else -1)
    return int(np.lexsort((-merit, n < table.shape[1], n == 0))[0])


def _paired_tests(
    table: Floats, one: NDArray[np.intp], other: NDArray[np.intp], folds: int
) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Paired t tests of the rows `one` of the table minus the rows `other`: how many replicates, the mean and deviation
    of their differences, and p, (pairs,) each."""
    from scipy.special import stdtr

    size = np.abs(table).max(axis=1, initial=0, where=np.isfinite(table))
    grain = 8 * np.finfo(float).eps * (size[one] + size[other])  # the rounding error of subtracting equal scores
    columns = np.ascontiguousarray(table.T)
    difference = columns[:, one] - columns[:, other]  # (replicates, pairs): sums over the first axis are the fast ones
    present = np.isfinite(difference)
    n = present.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = difference.sum(axis=0, where=present) / n
        mean[np.abs(mean) <= grain] = 0
        deviation = np.sqrt(np.square(difference - mean).sum(axis=0, where=present) / (n - 1))
        deviation = np.maximum(deviation, _deviation_by_fold(difference, folds))
        deviation = np.where(deviation <= grain, np.abs(mean) / math.sqrt(12), deviation)
        t = np.where(mean == 0, 0, np.abs(mean) / (deviation * np.sqrt(_share(n, folds))))
    p = np.where(n > 1, 2 * stdtr(_freedom(n, folds), -t), math.nan)
    return n, mean, deviation, np.maximum(p, np.finfo(float).tiny)  # never 0: it is divided by


def _holm(p: Floats) -> Floats:
    """Holm's step-down correction of p values (pairs,): the k-th smallest of m is multiplied by m - k + 1, and none
    ends below a smaller one. Not yet cut at 1. nan is no comparison: it stays nan and is not counted."""
    order = np.argsort(p)[: np.isfinite(p).sum()]  # nan sorts last
    corrected = np.full(len(p), math.nan)
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    return corrected


def _summaries(
    n: NDArray[np.int64], mean: Floats, deviation: Floats, corrected: Floats, level: Floats, folds: int
) -> list[Difference | None]:
    """The differences of pairs; `corrected` are their p values, not yet cut at 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        half = _critical(_freedom(n, folds), level) * deviation * np.sqrt(_share(n, folds))
        effect = np.where(mean == 0, 0, np.abs(mean) / deviation)
    needed = _seeds_needed(effect, level, folds)
    columns = mean, mean - half, mean + half, np.minimum(corrected, 1), n
    return [Difference(*row) for row in zip(*(column.tolist() for column in columns), needed, strict=True)]


def _seeds_needed(effect: Floats, level: Floats, folds: int) -> list[int | None]:
    """Fewest seeds with which a test at `level` finds an `effect` (mean over deviation) in 80 % of cases, by bisection:
    power grows with the seeds."""
    least = np.full(len(effect), 1 if folds else 2)
    most = np.full(len(effect), MOST_SEEDS + 1)
    while (least < most).any():
        seeds = (least + most) // 2
        n = seeds * max(folds, 1)
        enough = effect / np.sqrt(_share(n, folds)) >= _noncentrality(_freedom(n, folds), level)
        most = np.where(enough, seeds, most)
        least = np.where(enough, least, np.minimum(seeds + 1, most))
    return [int(seeds) if seeds <= MOST_SEEDS else None for seeds in most]


def _noncentrality(freedom: Any, level: Any) -> Any:
    """The true mean over its standard error for which |t| exceeds its critical value c in 80 % of cases.

    t = (Z + it) / S, with Z normal and S = sqrt(chi2 / freedom), exceeds c where it > c S - Z, which is nearly normal;
    its mean and variance are exact. Compared with the noncentral t distribution, the seeds needed differ by one in
    about 1 % of cases; SciPy's nctdtr is slow in the tails and sometimes nan where the power is nearly 1.
    """
    from scipy.special import gammaln, ndtri

    critical = _critical(freedom, level)
    expected = np.sqrt(2 / freedom) * np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2))  # of S; of S^2: 1
    return critical * expected + ndtri(POWER) * np.sqrt(1 + critical**2 * (1 - expected**2))


def _share(n: Any, folds: int) -> Any:
    """Variance of the mean of n replicates over the variance of one: 1/n where they are independent, 1/n +
    1/(folds - 1) for folds, each tested on 1/(folds - 1) as many samples as it is trained on."""
    return 1 / n + (1 / (folds - 1) if folds else 0)


def _freedom(n: Any, folds: int) -> Any:
    """Degrees of freedom of n replicates."""
    return n - 1 if not folds else np.full_like(n, folds - 1)


def _deviation_by_fold(values: Floats, folds: int) -> Floats:
    """The deviation (columns,) of the replicates that corresponds to the deviation of the folds' means; 0 without folds
    or with one seed. `values` (replicates, columns) are nan where missing."""
    if not folds or len(values) <= folds:
        return np.zeros(values.shape[1])
    by_fold = values.reshape(len(values) // folds, folds, values.shape[1])
    present = np.isfinite(by_fold)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(present, by_fold, 0).sum(axis=0) / present.sum(axis=0)  # (folds, columns)
    spread = np.nan_to_num(means.std(axis=0, ddof=1))
    return np.asarray(spread * np.sqrt(_share(folds, folds) / _share(len(values), folds)))


def _critical(freedom: Any, level: Any) -> Any:
    """The value that |t| exceeds with probability `level` where there is no difference."""
    from scipy.special import stdtrit  # here and above: a quarter of a second that no page need wait for at its start

    return -stdtrit(freedom, level / 2)
