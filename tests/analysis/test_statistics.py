"""Intervals and tests against SciPy and closed forms, and their promises (coverage, false alarms) by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from nnlab.analysis.statistics import Difference, differences, interval, paired

SIMULATIONS = 2000
CASES = [("normal", 5), ("normal", 10), ("accuracy", 5), ("accuracy", 10)]

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


def deviation_of(scores, folds):
    """What stands for the deviation of one replicate where the mean's error is that of the replicates or, with several
    seeds, of the folds' means."""
    plain, n = np.std(scores, ddof=1), len(scores)
    if n == folds:
        return plain
    by_fold = np.std(np.reshape(scores, (-1, folds)).mean(axis=0), ddof=1)
    return max(plain, by_fold * math.sqrt((1 / folds + 1 / (folds - 1)) / (1 / n + 1 / (folds - 1))))


def half(interval):
    return (interval.high - interval.low) / 2


def others(found):
    return [difference for difference in found if difference is not None]


# -- the mean of one value


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_interval_is_students(values):
    got = interval(values)
    error = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error) if error else (np.mean(values),) * 2
    assert (got.mean, got.low, got.high) == pytest.approx((np.mean(values), low, high), rel=1e-6, abs=1e-6)


def test_one_value_says_nothing_of_its_spread_and_a_lost_one_spoils_the_mean():
    assert interval([0.5]).mean == 0.5
    assert math.isnan(interval([0.5]).low)
    assert math.isnan(interval([]).mean)
    assert math.isnan(interval([0.5, math.nan]).mean)
    assert math.isnan(interval([0.5, math.inf]).mean)


def test_folds_widen_the_interval_by_the_samples_they_share():
    scores = [0.81, 0.84, 0.79, 0.9, 0.86]
    plain, corrected = interval(scores), interval(scores, folds=5)
    assert corrected.mean == plain.mean
    assert half(corrected) / half(plain) == pytest.approx(math.sqrt((1 / 5 + 1 / 4) / (1 / 5)))
    assert half(interval(scores, folds=5, level=0.9)) < half(corrected)


def test_more_seeds_on_the_same_folds_do_not_make_up_for_what_the_folds_add():
    folds = np.array([0.81, 0.84, 0.79, 0.9, 0.86])
    assert half(interval(np.tile(folds, 20), folds=5)) == pytest.approx(half(interval(folds, folds=5)))
    noise = np.random.default_rng(11).normal(0, 0.05, (20, 5))
    assert half(interval((0.84 + noise).ravel(), folds=5)) < half(interval(0.84 + noise[0], folds=5))


@pytest.mark.parametrize(("kind", "seeds"), CASES)
def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says(kind, seeds):
    rng = np.random.default_rng(1)
    truth = 0.9
    scores = (
        rng.normal(truth, 0.02, (SIMULATIONS, seeds))
        if kind == "normal"
        else rng.binomial(100, truth, (SIMULATIONS, seeds)) / 100
    )
    covered = [it.low <= truth <= it.high for it in map(interval, scores)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


# -- two values


@given(tables())
def test_a_pair_is_scipys_paired_t_test(table):
    one, other = table[:2]
    assume(np.ptp(one - other) > 0)
    got, want = paired(one, other), stats.ttest_rel(one, other)
    ends = want.confidence_interval(0.95)
    assert got.p == pytest.approx(want.pvalue, rel=1e-6)
    assert (got.mean, got.low, got.high) == pytest.approx((np.mean(one - other), ends.low, ends.high), abs=1e-9)
    assert got.n == len(one)


@pytest.mark.parametrize("seeds", [1, 3])
def test_folds_make_a_pair_less_certain_by_the_closed_form(seeds):
    rng = np.random.default_rng(2)
    one, other = rng.normal(0.9, 0.02, 5 * seeds), rng.normal(0.87, 0.02, 5 * seeds)
    difference = one - other
    t = difference.mean() / (deviation_of(difference, 5) * math.sqrt(1 / (5 * seeds) + 1 / 4))
    got = paired(one, other, folds=5)
    assert got.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert got.p > paired(one, other).p
    assert got.low == pytest.approx(got.mean - stats.t.ppf(0.975, 4) * got.mean / t)


@pytest.mark.parametrize(("kind", "seeds"), CASES)
def test_the_interval_of_a_difference_covers_the_truth_and_a_pair_of_equals_is_told_apart_in_5_percent(kind, seeds):
    rng = np.random.default_rng(3)
    pairs = [paired(*simulated(kind, 2, seeds, rng)) for _ in range(SIMULATIONS)]
    assert np.mean([it.low <= 0 <= it.high for it in pairs]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([it.distinct for it in pairs]) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(("seeds", "share", "least"), [(1, 0.0, 0.035), (3, 0.0, 0.0), (3, 0.5, 0.0), (3, 1.0, 0.035)])
def test_folds_keep_both_promises(seeds, share, least):
    """With one seed exactly; with several, on the same folds, at worst."""
    rng, folds = np.random.default_rng(4), 5
    scores = [one_fold_like_another(seeds, folds, share, rng) for _ in range(SIMULATIONS)]
    missed = np.mean([not it.low <= 0 <= it.high for it in (interval(x, folds) for x in scores)])
    assert least <= missed <= 0.065
    alarms = np.mean([paired(x, np.zeros(len(x)), folds).distinct for x in scores])
    assert alarms == pytest.approx(missed, abs=1e-3)


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_and_coarse_scores_raise_no_more_false_alarms(seeds):
    """40 samples, nearly all of them right: often all seeds differ by the very same number of samples."""
    right = np.random.default_rng(5).binomial(40, 0.97, (1000, 2, seeds))
    by = right[:, 0] - right[:, 1]
    assert ((np.ptp(by, axis=1) == 0) & (by[:, 0] != 0)).mean() > 0.01
    scores = right / 40
    assert np.mean([paired(one, other).distinct for one, other in scores]) <= 0.065


# -- many values


def holm(p):
    """As Holm (1979) writes it, pair by pair; pairs without a p value are no comparisons."""
    known, adjusted = sorted(i for i, value in enumerate(p) if value == value), list(p)
    largest = 0
    for rank, i in enumerate(sorted(known, key=lambda i: p[i])):
        adjusted[i] = largest = max(largest, min(1, (len(known) - rank) * p[i]))
    return adjusted


def test_the_p_values_of_a_baseline_are_corrected_by_holm():
    base = np.array([0.9, 0.7, 0.8, 0.6, 0.75])
    rng = np.random.default_rng(12)
    for _ in range(20):
        table = [base, *(base - rng.normal(0.05, 0.05, (4, 5))), [*[math.nan] * 4, 0.5]]
        got = [it.p for it in differences(table, 0)[1][1:]]
        plain = [paired(row, base).p for row in table[1:]]
        assert got == pytest.approx(holm(plain), nan_ok=True)
        assert math.isnan(got[-1])


@given(tables(), st.integers(0, 1))
def test_the_correction_keeps_the_order_of_p_values_and_is_never_harsher_than_bonferroni(table, reference):
    got = np.array([it.p for it in others(differences(table, reference)[1])])
    plain = np.array([paired(row, table[reference]).p for i, row in enumerate(table) if i != reference])
    rounding = 1 + 1e-9
    assert (got * rounding >= plain).all()
    assert (got <= np.minimum(1, plain * len(plain)) * rounding).all()
    assert (np.diff(got[np.argsort(plain)]) >= -1e-9).all()


def test_the_best_is_corrected_over_all_pairs_and_a_baseline_over_the_others():
    table = np.random.default_rng(6).normal([[0.7], [0.9], [0.8], [0.86]], 0.05, (4, 6))

    def p(one, other):
        return stats.ttest_rel(table[one], table[other]).pvalue

    best, found = differences(table, reference=None)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    over_all = dict(zip(pairs, holm([p(*pair) for pair in pairs]), strict=True))
    assert (best, found[1]) == (1, None)
    assert [it.p for it in others(found)] == pytest.approx([over_all[0, 1], over_all[1, 2], over_all[1, 3]])
    assert [it.mean for it in others(found)] == pytest.approx([(table[i] - table[1]).mean() for i in (0, 2, 3)])

    baseline, found = differences(table, reference=2)
    assert (baseline, found[2]) == (2, None)
    assert [it.p for it in others(found)] == pytest.approx(holm([p(0, 2), p(1, 2), p(3, 2)]))
    assert [it.mean for it in others(found)] == pytest.approx([(table[i] - table[2]).mean() for i in (0, 1, 3)])


def test_the_best_has_the_highest_or_the_lowest_mean_and_has_lost_no_replicate():
    scores = [[0.7, 0.8], [0.9, 0.8], [math.nan, 1.0], []]
    assert differences(scores, None)[0] == 1
    assert differences([[3.0, 4.0], [1.0, 2.0], [math.inf, 0.1]], None, better="lower")[0] == 1
    assert differences([[math.nan, 0.5], [math.nan, 0.6], []], None)[0] == 1  # all have lost some


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
    equals = values - len(worse)
    alarms = uncorrected = 0
    for _ in range(SIMULATIONS):
        table = simulated(kind, values, seeds, rng, worse)
        chosen, found = differences(table, reference)
        among = [it for it in found[:equals] if it is not None] if chosen < equals else []
        alarms += any(it.distinct for it in among)
        by = np.delete(table[:equals] - table[chosen], chosen, axis=0) if among else np.zeros((1, 2))
        spread = by.std(axis=1, ddof=1) * stats.t.isf(0.025, seeds - 1) / math.sqrt(seeds)
        uncorrected += (np.abs(by.mean(axis=1)) > spread).any()
    assert alarms / SIMULATIONS <= 0.065
    assert uncorrected / SIMULATIONS > 0.1


# -- seeds needed


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_needed_are_those_of_the_textbook(effect, seeds):
    """Two-sided paired t test at 5 %, power 80 %."""
    scores = np.array([-1, 0, 1]) + effect  # deviation 1
    assert paired(scores, np.zeros(3)).needed == seeds


@pytest.mark.parametrize("folds", [0, 5, 10])
@pytest.mark.parametrize("values", [2, 8])
def test_seeds_needed_are_the_fewest_with_80_percent_power_at_the_corrected_level(values, folds):
    """By the noncentral t distribution, to one seed; nearly always exactly."""
    rng = np.random.default_rng(10)
    shared = 1 / (folds - 1) if folds else 0
    counted = exact = 0
    for _ in range(20):
        table = rng.normal(size=(values, 2 * max(folds, 2))) + np.linspace(0, 3, values)[:, None]
        for row, it in zip(table[1:], differences(table, 0, folds=folds)[1][1:], strict=True):
            difference = row - table[0]
            spread = deviation_of(difference, folds) if folds else difference.std(ddof=1)
            freedom = folds - 1 if folds else it.n - 1
            level = 2 * stats.t.sf((it.high - it.mean) / (spread * math.sqrt(1 / it.n + shared)), freedom)
            assert 0.05 / (values - 1) <= level * (1 + 1e-9) <= 0.05 * (1 + 2e-9)
            effect = abs(it.mean) / spread

            def power(seeds, effect=effect, level=level):
                n = seeds * max(folds, 1)
                freedom = folds - 1 if folds else n - 1
                return stats.nct.sf(stats.t.isf(level / 2, freedom), freedom, effect / math.sqrt(1 / n + shared))

            if it.needed is None:
                assert power(999) < 0.8
                continue
            fewest = 1 if folds else 2
            near = 0.005 if folds else 0.0  # more seeds hardly bring more, so that a little power is many seeds
            assert power(it.needed + 1) >= 0.8 - near
            assert it.needed <= fewest + 1 or power(it.needed - 2) < 0.8 + near
            exact += power(it.needed) >= 0.8 and (it.needed == fewest or power(it.needed - 1) < 0.8)
            counted += 1
    assert exact >= 0.8 * counted > 0


def test_with_the_seeds_needed_the_difference_is_found_as_often_as_promised():
    needed = paired(np.array([-1, 0, 1]) + 0.7, np.zeros(3)).needed
    power = stats.nct.sf(stats.t.isf(0.025, needed - 1), needed - 1, 0.7 * math.sqrt(needed))
    rng = np.random.default_rng(8)
    found = [paired(rng.normal(0.7, 1, needed), np.zeros(needed)).distinct for _ in range(1000)]
    assert np.mean(found) == pytest.approx(power, abs=0.03)
    assert 0.8 <= power < 0.83


def test_seeds_needed_are_none_where_no_number_would_do():
    assert paired([0.5, 0.7, 0.6], [0.6, 0.6, 0.6]).needed is None  # no difference
    assert paired([0.1, -0.1, 0.001], [0, 0, 0]).needed is None  # more than 1000
    scores = np.array([0.0, 1, 2, 3, 4] * 2)  # more seeds bring no other samples than the folds' own
    assert paired(scores, np.zeros(10)).needed is not None
    assert paired(scores, np.zeros(10), folds=2).needed is None


@given(tables(), st.sampled_from([0, 2]))
def test_what_cannot_be_told_apart_needs_more_seeds_than_it_has(table, folds):
    table = np.tile(table, max(folds, 1))
    for it in others(differences(table, None, folds=folds)[1]):
        if not it.distinct and it.needed is not None:
            assert it.needed * max(folds, 1) > it.n


# -- what holds for any scores


@given(tables(), st.data())
def test_the_order_of_the_values_does_not_matter(table, data):
    means = np.sort(table.mean(axis=1))
    reference = data.draw(st.none() | st.integers(0, len(table) - 1))
    assume(reference is not None or means[-1] > means[-2])
    order = data.draw(st.permutations(range(len(table))))
    chosen, found = differences(table, reference)
    moved, again = differences(table[order], None if reference is None else order.index(reference))
    assert order[moved] == chosen
    assert again == [found[i] for i in order]


@given(tables(), st.integers(-640, 640), st.sampled_from(["higher", "lower"]))
def test_a_constant_added_to_all_scores_changes_no_difference(table, constant, better):
    assert differences(table + constant / 64, None, better) == differences(table, None, better)


@given(tables(), st.sampled_from([None, 0]))
def test_p_values_are_shares_no_smaller_than_uncorrected_and_agree_with_the_intervals(table, reference):
    chosen, found = differences(table, reference)
    for i, it in enumerate(found):
        if it is None:
            continue
        alone = paired(table[i], table[chosen])
        assert 0 <= alone.p <= it.p <= 1
        assert it.low <= alone.low <= alone.high <= it.high
        if abs(it.p - 0.05) > 1e-9:
            assert it.distinct == (it.low > 0 or it.high < 0)


# -- hardly any scores


def test_one_replicate_tells_nothing_apart():
    it = paired([0.9], [0.5])
    assert (it.mean, it.n, it.needed, it.distinct) == (0.4, 1, None, False)
    assert all(map(math.isnan, (it.low, it.high, it.p)))


def test_replicates_lost_on_either_side_are_left_out_of_that_pair_only():
    one, other, third = [0.5, math.nan, 0.9, 0.7], [0.4, 0.5, -math.inf, 0.5], [0.1, 0.2, 0.3, 0.5]
    assert paired(one, other) == paired([0.5, 0.7], [0.4, 0.5])
    _, found = differences([one, other, third], reference=2)
    assert [it.n for it in others(found)] == [3, 3]
    assert [it.mean for it in others(found)] == pytest.approx([1.2 / 3, 0.6 / 3])


@pytest.mark.parametrize("folds", [0, 5])
def test_the_only_value_is_the_reference(folds):
    assert differences([np.linspace(0.8, 0.9, 15)], None, folds=folds) == (0, [None])


def test_a_value_without_scores_is_no_comparison():
    rng = np.random.default_rng(9)
    table = [*rng.normal(size=(3, 5)), []]
    chosen, found = differences(table, None)
    assert found[:3] == differences(table[:3], None)[1]
    assert (found[3].n, found[3].needed, found[3].distinct) == (0, None, False)
    assert chosen < 3
    assert differences([[], []], None)[1][1].n == 0
    assert differences([[0.5, 0.6]], None) == (0, [None])


def test_equal_scores_are_equal_whatever_rounding_left_of_them():
    same = paired([0.1 + 0.2] * 5, [0.3] * 5)
    assert same == Difference(0, 0, 0, 1, 5, None)


def test_the_very_same_difference_in_all_seeds_is_proof_only_with_enough_of_them():
    """Its deviation is that of scores rounded in steps of the difference: t = sqrt(12 seeds)."""
    for seeds, distinct in ((2, False), (3, True), (10, True)):
        it = paired([1.0] * seeds, [0.5] * seeds)
        assert it.p == pytest.approx(2 * stats.t.sf(math.sqrt(12 * seeds), seeds - 1))
        assert it.distinct is distinct


def test_values_of_other_replicates_cannot_be_paired():
    with pytest.raises(ValueError, match="same replicates"):
        paired([0.5, 0.6], [0.5, 0.6, 0.7])
