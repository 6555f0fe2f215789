"""Intervals and tests against SciPy and closed forms, and their promises (coverage, false alarms) by simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from nnlab import Experiment, presets
from nnlab.analysis.design import Design
from nnlab.analysis.statistics import Difference, detectable, differences, interval, paired

SIMULATIONS = 2000
CASES = [("normal", 5), ("normal", 10), ("accuracy", 5), ("accuracy", 10)]
NEW, RIGHT = Design(), Design(samples=100)  # new samples for every seed; of the second, shares of 100 right answers
SPLIT = Design("split", overlap=0.25)
ONE_PART = Design("weights", samples=40, shared=True)  # all seeds are scored on the same 40 samples
FOLDED = {per_seed: Design(per_seed, folds=5) for per_seed in ("samples", "split", "weights")}

shares = st.integers(0, 64).map(lambda hits: hits / 64)  # sums and differences of them are exact


@st.composite
def tables(draw, least=2):
    """Scores (values, replicates)."""
    values, replicates = draw(st.integers(least, 6)), draw(st.integers(2, 8))
    row = st.lists(shares, min_size=replicates, max_size=replicates)
    return draw(st.lists(row, min_size=values, max_size=values).map(np.array))


def simulated(kind, values, seeds, rng, worse=()):
    """Scores (values, seeds): all equally good but for the last `len(worse)`, and some seeds harder for all of them."""
    truth = 0.9 + 0.01 * rng.normal(size=seeds) - np.array([0] * (values - len(worse)) + [*worse])[:, None]
    if kind == "normal":
        return truth + 0.02 * rng.normal(size=truth.shape)
    return rng.binomial(100, np.clip(truth, 0, 1)) / 100


def one_fold_like_another(seeds, folds, share, rng):
    """Differences (replicates,) of two equals, deviation 1, as k-fold is modelled: any two correlate by the share of
    samples tested on; of the rest a share is what the fold adds, the same for every seed."""
    common = rng.normal() * math.sqrt(1 / folds)
    rest = math.sqrt(share) * rng.normal(size=folds) + math.sqrt(1 - share) * rng.normal(size=(seeds, folds))
    return (common + math.sqrt(1 - 1 / folds) * rest).ravel()


def half(interval):
    return (interval.high - interval.low) / 2


def others(found):
    return [difference for difference in found if difference is not None]


def students(values, variance, freedom):
    """Mean and ends of Student's interval, with a standard error from `variance`."""
    reach = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    return pytest.approx((np.mean(values), np.mean(values) - reach, np.mean(values) + reach))


def ends(interval):
    return interval.mean, interval.low, interval.high


# -- what the replicates share


def test_a_design_is_read_from_the_experiment_and_the_part():
    moons = Experiment()  # 120 training, 40 validation, 40 test samples
    assert Design.of(moons, "validation") == Design("weights", 0, 40, 40 / 120, shared=True)
    assert Design.of(moons, "train") == Design("weights", 0, 120, 40 / 120, shared=True, known=True)
    split = moons.set({"data.per_seed": "split"})
    assert not Design.of(split, "validation").shared
    assert Design.of(split, "test").shared, "the test part is one for all seeds"
    assert not Design.of(moons.set({"data.per_seed": "samples"}), "test").shared
    folded = Design.of(moons.set({"data.folds": 5}), "validation")
    assert (folded.folds, folded.samples, folded.shared) == (5, 32, False)
    assert Design.of(moons, "validation", "loss").samples == 0
    assert Design.of(presets["celsius"], "train").samples == 0


# -- the mean of one value


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_over_new_samples_the_interval_is_students(values):
    got = interval(values, NEW)
    error = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error) if error else (np.mean(values),) * 2
    assert ends(got) == pytest.approx((np.mean(values), low, high), rel=1e-6, abs=1e-6)


SCORES = np.array([0.81, 0.84, 0.79, 0.9, 0.86, 0.83, 0.8, 0.88, 0.85, 0.82])


def test_over_new_samples_in_folds_each_seed_counts_once():
    means = SCORES.reshape(2, 5).mean(axis=1)
    assert ends(interval(SCORES, FOLDED["samples"])) == students(SCORES, means.var(ddof=1) / 2, 1)


def test_over_splits_the_variance_is_that_of_nadeau_and_bengio():
    assert ends(interval(SCORES, SPLIT)) == students(SCORES, SCORES.var(ddof=1) * (1 / 10 + 0.25), 9)
    folded = students(SCORES, SCORES.var(ddof=1) * (1 / 10 + 1 / 4), 9)
    assert ends(interval(SCORES, FOLDED["split"])) == folded


@pytest.mark.parametrize("per_seed", FOLDED)
def test_one_seed_in_folds_is_one_split_whatever_seeds_draw(per_seed):
    one = SCORES[:5]
    assert ends(interval(one, FOLDED[per_seed])) == students(one, one.var(ddof=1) * (1 / 5 + 1 / 4), 4)


def test_seeds_on_the_same_folds_are_no_more_than_measurements_of_the_folds():
    by_fold = SCORES.reshape(2, 5).mean(axis=0)
    square = max(SCORES.var(ddof=1) * (1 / 10 + 1 / 4), by_fold.var(ddof=1) * (1 / 5 + 1 / 4))
    assert ends(interval(SCORES, FOLDED["weights"])) == students(SCORES, square, 4)
    same = np.tile(SCORES[:5], 20)
    assert half(interval(same, FOLDED["weights"])) == pytest.approx(half(interval(SCORES[:5], FOLDED["weights"])))


def right_answers(share, rng, seeds=6, samples=40):
    """Whether every sample is right under every seed (seeds, samples): some samples are hard for all seeds."""
    hard = rng.uniform(size=samples) < 0.2
    return (rng.uniform(size=(seeds, samples)) < np.where(hard, 0.3, share)).astype(float)


def welch(sampling, seeds, n, replicates, both=0.0):
    """Sum of two variances of the mean without what is in both, and its degrees of freedom (Satterthwaite)."""
    total, one, other = max(sampling + seeds - both, both), n - 1, replicates - 1
    return total, total**2 / (sampling**2 / one + seeds**2 / other + both**2 / (one * other))


def in_both(scores):
    """The residual mean square of scores (replicates, n) over their number, as a table of two-way variance has it."""
    replicates, n = scores.shape
    left = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    return (left**2).sum() / ((replicates - 1) * (n - 1)) / (replicates * n)


def test_over_weights_the_finite_validation_part_is_in_the_interval():
    each = right_answers(0.9, np.random.default_rng(1), seeds=3)
    values = each.mean(axis=1)
    want = welch(each.mean(axis=0).var(ddof=1) / 40, values.var(ddof=1) / 3, 40, 3)
    got = interval(values, ONE_PART, each)
    assert ends(got) == students(values, *want)
    share = values.mean()  # without the samples, as much as a share can vary
    want = welch(share * (1 - share) / 40, values.var(ddof=1) / 3, 40, 3)
    assert ends(interval(values, ONE_PART)) == students(values, *want)


@pytest.mark.parametrize(("per_seed", "freedom"), [("split", 9), ("weights", 4)])
def test_networks_of_all_folds_on_one_test_part_have_its_samples_in_the_interval(per_seed, freedom):
    folded, n = FOLDED[per_seed], 20
    over = half(interval(SCORES, folded)) / stats.t.ppf(0.975, freedom)
    share = SCORES.mean()
    total = share * (1 - share) / n + over**2
    degrees = total**2 / ((share * (1 - share) / n) ** 2 / (n - 1) + over**4 / freedom)
    assert ends(interval(SCORES, replace(folded, samples=n, shared=True))) == students(SCORES, total, degrees)


def test_nothing_is_claimed_of_a_loss_on_shared_samples_that_are_not_known_one_by_one():
    loss = replace(ONE_PART, samples=0)
    assert math.isnan(half(interval(SCORES, loss)))
    assert not paired(SCORES + 1, SCORES, loss).distinct
    assert half(interval(SCORES, replace(loss, known=True))) > 0


def test_a_single_validation_sample_proves_nothing():
    one = replace(ONE_PART, samples=1)
    assert half(interval([1.0, 1.0], one, [[1], [1]])) > 0.3
    assert paired([1.0, 1.0], [0.0, 0.0], one, [[[1], [1]], [[0], [0]]]).p > 0.05


def test_on_training_samples_only_the_seeds_vary():
    known = replace(ONE_PART, known=True)
    assert ends(interval(SCORES, known)) == students(SCORES, SCORES.var(ddof=1) / 10, 9)
    assert half(interval([1.0] * 5, known)) == pytest.approx(1.96 * math.sqrt(1 / 12) / 40, rel=1e-3)
    assert half(paired([1.0] * 5, [1.0] * 5, known)) == pytest.approx(1.96 * math.sqrt(1 / 6) / 40, rel=1e-3)


def test_equal_scores_are_no_more_certain_than_a_share_of_as_many_answers():
    share = (0.9 * 500 + 2) / 504  # Agresti and Coull
    want = stats.norm.ppf(0.975) * math.sqrt(share * (1 - share) / 504)
    assert half(interval([0.9] * 5, RIGHT)) == pytest.approx(want)
    assert half(interval([1.0] * 5, RIGHT)) > 0
    assert half(interval([1.0] * 5, ONE_PART)) > half(interval([1.0] * 5, Design(samples=40)))
    assert half(interval([0.25] * 5, NEW)) == 0, "a number that is no share"


@pytest.mark.parametrize("replicates", [1, 4, 1000])
def test_no_more_samples_were_scored_than_there_are(replicates):
    assert RIGHT.pool(replicates) == 100 * replicates
    assert ONE_PART.pool(replicates) == 40
    assert replace(FOLDED["weights"], samples=8).pool(5 * replicates) == 40
    split = replace(SPLIT, samples=40)  # 160 for training
    assert split.pool(replicates) == min(200, 40 * replicates)


def test_one_value_says_nothing_of_its_spread_and_a_lost_one_spoils_the_mean():
    assert interval([0.5], NEW).mean == 0.5
    assert math.isnan(interval([0.5], NEW).low)
    assert all(math.isnan(interval(values, NEW).mean) for values in ([], [0.5, math.nan], [0.5, math.inf]))


@pytest.mark.parametrize(("kind", "seeds"), CASES)
def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says(kind, seeds):
    rng, truth = np.random.default_rng(1), 0.9
    normal = kind == "normal"
    sizes = SIMULATIONS, seeds
    scores = rng.normal(truth, 0.02, sizes) if normal else rng.binomial(100, truth, sizes) / 100
    covered = [it.low <= truth <= it.high for it in (interval(one, NEW if normal else RIGHT) for one in scores)]
    assert 0.935 <= np.mean(covered) <= (0.965 if normal else 0.98)


# -- two values


@given(tables())
def test_a_pair_is_scipys_paired_t_test(table):
    one, other = table[:2]
    assume(np.ptp(one - other) > 0)
    got, want = paired(one, other, NEW), stats.ttest_rel(one, other)
    reach = want.confidence_interval(0.95)
    assert got.p == pytest.approx(want.pvalue, rel=1e-6)
    assert ends(got) == pytest.approx((np.mean(one - other), reach.low, reach.high), abs=1e-9)
    assert (got.freedom, got.pairs) == (len(one) - 1, 1)


@pytest.mark.parametrize(
    ("design", "variance", "freedom"),
    [
        (SPLIT, lambda d: d.var(ddof=1) * (1 / 10 + 1 / 4), 9),
        (FOLDED["split"], lambda d: d.var(ddof=1) * (1 / 10 + 1 / 4), 9),
        (FOLDED["samples"], lambda d: d.reshape(2, 5).mean(axis=1).var(ddof=1) / 2, 1),
        (
            FOLDED["weights"],
            lambda d: max(d.var(ddof=1) * 0.35, d.reshape(2, 5).mean(axis=0).var(ddof=1) * 0.45),
            4,
        ),
    ],
)
def test_a_pair_has_the_variance_of_its_design(design, variance, freedom):
    one, other = np.random.default_rng(2).normal([[0.9], [0.85]], 0.02, (2, 10))
    got, difference = paired(one, other, design), one - other
    assert ends(got) == students(difference, variance(difference), freedom)
    t = difference.mean() / math.sqrt(variance(difference))
    assert got.p == pytest.approx(2 * stats.t.sf(abs(t), freedom))


def test_a_pair_on_the_same_samples_is_compared_sample_by_sample():
    rng = np.random.default_rng(3)
    each = [right_answers(share, rng) for share in (0.95, 0.85)]
    one, other = (outcomes.mean(axis=1) for outcomes in each)
    seeds, by_sample = (one - other).var(ddof=1) / 6, (each[0] - each[1]).mean(axis=0)
    got = paired(one, other, ONE_PART, each)
    both = in_both(each[0] - each[1])
    assert ends(got) == students(one - other, *welch(by_sample.var(ddof=1) / 40, seeds, 40, 6, both))
    own = sum(outcomes.mean(axis=0).var(ddof=1) / 40 for outcomes in each)
    _, (other_samples, _) = differences([one, other], ONE_PART, 1, outcomes=each, same_samples=False)
    assert ends(other_samples) == students(one - other, *welch(own, seeds, 40, 6))
    shares = sum(share * (1 - share) / 40 for share in (one.mean(), other.mean()))
    assert ends(paired(one, other, ONE_PART)) == students(one - other, *welch(shares, seeds, 40, 6))


def test_on_one_validation_part_no_number_of_seeds_proves_anything_of_other_samples():
    each = np.tile(np.arange(40) % 4 > 0, (1000, 1))
    better = each | (np.arange(40) < 9)  # right for three more samples
    one, other = better.mean(axis=1), each.mean(axis=1)
    assert not paired(one, other, ONE_PART, [better, each]).distinct
    assert paired(one, other, NEW).distinct


def test_the_very_same_difference_in_all_seeds_is_as_good_as_so_many_answers():
    for seeds in (2, 3, 10):
        it = paired([0.98] * seeds, [0.95] * seeds, RIGHT)
        z = 3 * seeds / math.sqrt(3 * seeds + 1)  # 3 of every 100, and one
        assert it.p == pytest.approx(2 * stats.norm.sf(z), rel=1e-6)
    same = paired([0.95] * 10, [0.95] * 10, RIGHT)
    assert same.p == 1
    assert half(same) == pytest.approx(1.96 / 1000, rel=1e-3), "one answer of a thousand"


def test_equal_scores_are_equal_whatever_rounding_left_of_them():
    same = paired([0.1 + 0.2] * 5, [0.3] * 5, NEW)
    assert (same.mean, same.p) == (0, 1)
    assert half(same) < 1e-12


@pytest.mark.parametrize(("kind", "seeds"), CASES)
def test_the_interval_of_a_difference_covers_the_truth_and_a_pair_of_equals_is_told_apart_in_5_percent(kind, seeds):
    rng = np.random.default_rng(3)
    design = NEW if kind == "normal" else RIGHT
    pairs = [paired(*simulated(kind, 2, seeds, rng), design) for _ in range(SIMULATIONS)]
    assert np.mean([it.low <= 0 <= it.high for it in pairs]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([it.distinct for it in pairs]) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(("seeds", "share", "least"), [(1, 0.0, 0.035), (3, 0.0, 0.0), (3, 0.5, 0.0), (3, 1.0, 0.035)])
def test_folds_keep_both_promises(seeds, share, least):
    """With one seed exactly; with several, on the same folds, at worst."""
    rng, design = np.random.default_rng(4), FOLDED["weights"]
    scores = [one_fold_like_another(seeds, 5, share, rng) for _ in range(SIMULATIONS)]
    missed = np.mean([not it.low <= 0 <= it.high for it in (interval(x, design) for x in scores)])
    assert least <= missed <= 0.065
    alarms = np.mean([paired(x, np.zeros(len(x)), design).distinct for x in scores])
    assert alarms == pytest.approx(missed, abs=1e-3)


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_and_coarse_scores_raise_no_more_false_alarms(seeds):
    """40 samples, nearly all of them right: often all seeds differ by the very same number of samples."""
    right = np.random.default_rng(5).binomial(40, 0.97, (1000, 2, seeds))
    by = right[:, 0] - right[:, 1]
    assert ((np.ptp(by, axis=1) == 0) & (by[:, 0] != 0)).mean() > 0.01
    design = Design(samples=40)
    assert np.mean([paired(one, other, design).distinct for one, other in right / 40]) <= 0.05


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_seeds_and_samples_that_vary_by_themselves_are_not_counted_twice(shared):
    """Samples and seeds are crossed; of the variation a share is common to all seeds, or to all samples."""
    rng = np.random.default_rng(9)
    covered = []
    for _ in range(1000):
        sample, seed = rng.normal(size=(1, 40)), rng.normal(size=(8, 1)) / 6
        scores = shared * (sample + seed) + rng.normal(size=(8, 40))
        design = replace(ONE_PART, samples=40)
        it = paired(scores.mean(axis=1), np.zeros(8), design, [scores, np.zeros((8, 40))])
        covered.append(it.low <= 0 <= it.high)
    assert 0.93 <= np.mean(covered) <= (0.97 if shared else 0.99)


# -- smaller than a margin, and what would have been seen


@pytest.mark.parametrize("margin", [0.005, 0.012, 0.02, 0.05])
def test_within_a_margin_is_two_one_sided_tests(margin):
    one, other = np.random.default_rng(6).normal(0.9, 0.01, (2, 12))
    both = (
        stats.ttest_1samp(one - other, -margin, alternative="greater"),
        stats.ttest_1samp(one - other, margin, alternative="less"),
    )
    assert paired(one, other, NEW).within(margin) == (max(test.pvalue for test in both) < 0.05)


def test_within_a_margin_is_corrected_for_the_comparisons_and_never_certain_of_few_samples():
    rng = np.random.default_rng(7)
    table = rng.normal(0.9, 0.01, (4, 12))
    _, found = differences(table, NEW, reference=0)
    for row, it in zip(table[1:], found[1:], strict=True):
        reach = abs(it.mean) + stats.t.isf(0.05 / 3, 11) * stats.sem(row - table[0])
        assert it.within(reach + 1e-9)
        assert not it.within(reach - 1e-9)
    equal = paired([1.0] * 5, [1.0] * 5, ONE_PART)
    assert equal.within(0.1)
    assert not equal.within(0.01), "one of 40 samples is more"
    assert not paired([0.9], [0.9], NEW).within(1)


@pytest.mark.parametrize("values", [2, 6])
def test_what_would_have_been_seen_would_have_been_seen_in_four_of_five_cases(values):
    """By the noncentral t distribution, at the level of the strictest of the tests."""
    table = np.random.default_rng(8).normal(0.9, 0.02, (values, 8))
    _, found = differences(table, NEW)
    pairs = values * (values - 1) // 2
    assert {it.pairs for it in others(found)} == {pairs}
    error = math.sqrt(np.mean([it.error**2 for it in others(found)]))
    power = stats.nct.sf(stats.t.isf(0.025 / pairs, 7), 7, detectable(found) / error)
    assert power == pytest.approx(0.8, abs=0.005)


def test_what_would_have_been_seen_is_known_also_where_all_scores_are_equal():
    _, found = differences([[1.0] * 5, [1.0] * 5], RIGHT)
    assert detectable(found) == pytest.approx((1.960 + 0.842) / 500, rel=1e-3)
    assert math.isnan(detectable([None]))
    assert math.isnan(detectable(differences([[0.9], [0.8]], RIGHT)[1]))


# -- many values


def holm(p):
    """As Holm (1979) writes it, pair by pair."""
    adjusted, largest = list(p), 0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        adjusted[i] = largest = max(largest, min(1, (len(p) - rank) * p[i]))
    return adjusted


@given(tables(), st.integers(0, 1))
def test_the_correction_keeps_the_order_of_p_values_and_is_never_harsher_than_bonferroni(table, reference):
    got = np.array([it.p for it in others(differences(table, RIGHT, reference)[1])])
    plain = np.array([paired(row, table[reference], RIGHT).p for i, row in enumerate(table) if i != reference])
    rounding = 1 + 1e-9
    assert (got * rounding >= plain).all()
    assert (got <= np.minimum(1, plain * len(plain)) * rounding).all()
    assert (np.diff(got[np.argsort(plain)]) >= -1e-9).all()


def test_the_best_is_corrected_over_all_pairs_and_a_baseline_over_the_others():
    table = np.random.default_rng(6).normal([[0.7], [0.9], [0.8], [0.86]], 0.05, (4, 6))

    def p(one, other):
        return stats.ttest_rel(table[one], table[other]).pvalue

    best, found = differences(table, NEW)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    over_all = dict(zip(pairs, holm([p(*pair) for pair in pairs]), strict=True))
    assert (best, found[1]) == (1, None)
    assert [it.p for it in others(found)] == pytest.approx([over_all[0, 1], over_all[1, 2], over_all[1, 3]])
    assert [it.mean for it in others(found)] == pytest.approx([(table[i] - table[1]).mean() for i in (0, 2, 3)])

    baseline, found = differences(table, NEW, reference=2)
    assert (baseline, found[2]) == (2, None)
    assert [it.p for it in others(found)] == pytest.approx(holm([p(0, 2), p(1, 2), p(3, 2)]))
    assert [it.mean for it in others(found)] == pytest.approx([(table[i] - table[2]).mean() for i in (0, 1, 3)])


def test_the_best_has_the_highest_or_the_lowest_mean():
    assert differences([[0.7, 0.8], [0.9, 0.8]], NEW)[0] == 1
    assert differences([[3.0, 4.0], [1.0, 2.0]], NEW, better="lower")[0] == 1


@pytest.mark.parametrize(
    ("kind", "values", "seeds", "worse", "reference"),
    [
        ("normal", 5, 5, (), None),
        ("accuracy", 8, 10, (), None),
        ("accuracy", 6, 3, (0.1, 0.3, 0.3), None),
        ("accuracy", 8, 5, (), 0),
    ],
)
def test_equals_are_told_apart_anywhere_in_5_percent_of_comparisons(kind, values, seeds, worse, reference):
    rng = np.random.default_rng(7)
    equals, design = values - len(worse), NEW if kind == "normal" else RIGHT
    alarms = uncorrected = 0
    for _ in range(SIMULATIONS):
        table = simulated(kind, values, seeds, rng, worse)
        chosen, found = differences(table, design, reference)
        among = [it for it in found[:equals] if it is not None] if chosen < equals else []
        alarms += any(it.distinct for it in among)
        by = np.delete(table[:equals] - table[chosen], chosen, axis=0) if among else np.zeros((1, 2))
        spread = by.std(axis=1, ddof=1) * stats.t.isf(0.025, seeds - 1) / math.sqrt(seeds)
        uncorrected += (np.abs(by.mean(axis=1)) > spread).any()
    assert alarms / SIMULATIONS <= 0.065
    assert uncorrected / SIMULATIONS > 0.1


# -- what holds for any scores


@given(tables(), st.data())
def test_the_order_of_the_values_does_not_matter(table, data):
    means = np.sort(table.mean(axis=1))
    reference = data.draw(st.none() | st.integers(0, len(table) - 1))
    assume(reference is not None or means[-1] > means[-2])
    order = data.draw(st.permutations(range(len(table))))
    chosen, found = differences(table, RIGHT, reference)
    moved, again = differences(table[order], RIGHT, None if reference is None else order.index(reference))
    assert order[moved] == chosen
    assert again == [found[i] for i in order]


@given(tables(), st.integers(-640, 640), st.sampled_from(["higher", "lower"]))
def test_a_constant_added_to_all_scores_changes_no_difference(table, constant, better):
    moved, found = (differences(one, RIGHT, better=better)[1] for one in (table + constant / 64, table))
    for one, other in zip(others(moved), others(found), strict=True):
        assert (one.mean, one.p) == (other.mean, other.p)


@given(tables(), st.sampled_from([None, 0]))
def test_p_values_are_shares_no_smaller_than_uncorrected_and_agree_with_the_intervals(table, reference):
    chosen, found = differences(table, RIGHT, reference)
    for i, it in enumerate(found):
        if it is None:
            continue
        alone = paired(table[i], table[chosen], RIGHT)
        assert 0 <= alone.p <= it.p <= 1
        assert it.low <= alone.low <= alone.high <= it.high
        if abs(it.p - 0.05) > 1e-9:
            assert it.distinct == (it.low > 0 or it.high < 0)


# -- hardly any scores


@pytest.mark.parametrize("design", [NEW, RIGHT, ONE_PART])
def test_one_replicate_tells_nothing_apart(design):
    it = paired([0.9], [0.5], design)
    assert (it.mean, it.distinct) == (0.4, False)
    assert all(map(math.isnan, (it.low, it.high, it.p)))


@pytest.mark.parametrize("design", [NEW, SPLIT, ONE_PART, *FOLDED.values()])
def test_the_only_value_is_the_reference(design):
    assert differences([np.linspace(0.8, 0.9, 15)], design) == (0, [None])


@pytest.mark.parametrize(
    ("scores", "complaint"), [([[0.5, 0.6], [0.5, 0.6, 0.7]], "same replicates"), ([[0.5], [math.nan]], "not finite")]
)
def test_what_cannot_be_paired_is_refused(scores, complaint):
    with pytest.raises(ValueError, match=complaint):
        differences(scores, NEW)


def test_a_difference_is_a_plain_value():
    assert paired([0.9, 0.8], [0.5, 0.5], NEW) == Difference(**vars(paired([0.9, 0.8], [0.5, 0.5], NEW)))
