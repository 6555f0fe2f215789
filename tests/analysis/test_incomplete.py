"""Settings of which not every seed has a score: means, intervals and differences."""

import math

import numpy as np
import pytest

from benchmarks.class_claims import WAYS, a_class, alike, plain_claim
from nnlab.analysis.design import Design
from nnlab.analysis.incomplete import estimate, over_folds, shared_samples
from nnlab.analysis.statistics import differences

RNG = np.random.default_rng(0)


def blocks(settings=3, seeds=200, common=0.03):
    """Scores (settings, seeds) with what is common to a seed."""
    return (
        0.8
        + np.array([[0.0], [0.02], [0.01]])[:settings]
        + common * RNG.normal(size=seeds)
        + 0.03 * RNG.normal(size=(settings, seeds))
    )


def test_where_every_seed_tried_everything_the_means_are_the_plain_ones_and_the_tests_the_paired_ones():
    scores = blocks()
    found = estimate(scores)
    np.testing.assert_allclose(found.means, scores.mean(axis=1))
    best, against = found.differences(Design())
    same, paired = differences(scores, Design())
    assert best == same == 1
    for one, other in zip(against, paired, strict=True):
        if one is None or other is None:
            assert one is other
            continue
        assert one.mean == pytest.approx(other.mean)
        assert one.error == pytest.approx(other.error, rel=0.2)
        assert one.distinct == other.distinct


def test_the_variances_of_the_model_are_found():
    found = estimate(blocks(seeds=5000))
    assert found.between == pytest.approx(0.03**2, rel=0.1)
    np.testing.assert_allclose(found.within, 0.03**2, rtol=0.1)


def test_seeds_that_were_unlucky_do_not_make_the_next_setting_look_bad():
    scores = blocks(2, 4000)
    scores[1] -= 0.02  # both are alike
    truth = scores.mean(axis=1)
    seen = scores.copy()
    seen[1, seen[0] > np.median(seen[0])] = np.nan  # only the unlucky half goes on
    assert np.nanmean(seen[1]) < truth[1] - 0.01
    assert np.nanmean(seen[1] - seen[0]) > 0.005  # and seed by seed the next one looks too good
    np.testing.assert_allclose(estimate(seen).means, truth, atol=0.003)


def test_choices_by_what_was_seen_mislead_plain_means_and_not_these():
    rng, wrong, plain = np.random.default_rng(1), 0, 0
    bank = alike(rng, 0.8)
    for _ in range(60):
        seen = a_class(rng, bank, WAYS["until content"])
        wrong += any(one is not None and one.distinct for one in estimate(seen).differences(Design())[1])
        plain += plain_claim(seen, bank.mean(axis=1), by_seed=False)
    assert wrong <= 8  # 5 % are 3
    assert plain >= 15


def test_equal_scores_are_never_certain():
    found, design = estimate(np.ones((2, 10))), Design(samples=40)
    over = found.interval(0, design)
    assert 0.98 < over.low < 1
    _, (_, difference) = found.differences(design)
    assert not difference.distinct
    assert difference.high > 0


def test_splits_and_folds_of_the_same_data_widen_the_interval():
    found = estimate(blocks(2, 300))
    own = found.interval(0, Design())
    split = found.interval(0, Design(per_seed="split", overlap=0.25))
    folds = found.interval(0, Design(per_seed="split", overlap=0.25, folds=5))
    assert split.high - split.low > 3 * (own.high - own.low)
    assert folds.high - folds.low > split.high - split.low
    half = (split.high - split.low) / 2
    wanted = 1.968 * math.sqrt(found.covariance[0, 0] + 0.25 * (found.between + found.within[0]))
    assert half == pytest.approx(wanted, rel=1e-3)


def test_samples_that_all_seeds_share_are_part_of_the_variance():
    right = RNG.random((2, 100)).round(1)
    spread = shared_samples(list(right))
    assert spread[0, 1] == pytest.approx((right[0] - right[1]).var(ddof=1) / 100)
    assert spread[0, 0] == 0
    found, design = estimate(blocks(2, 300)), Design(per_seed="weights", shared=True)
    _, (one, _) = found.differences(design, spread=spread)
    _, (other, _) = found.differences(Design())
    assert one.error**2 == pytest.approx(other.error**2 + spread[0, 1])
    wide = found.interval(0, design, 0.01)
    assert wide.high - wide.mean > 1.96 * 0.1


def test_the_best_squared_error_is_the_lowest_one():
    best, (one, two, three) = estimate(blocks()).differences(Design(), "lower")
    assert best == 0
    assert one is None
    assert two.mean > three.mean > 0
    assert two.pairs == 3


def test_a_seed_counts_once_whatever_its_folds():
    np.testing.assert_allclose(over_folds(np.array([1.0, 3.0, 5.0, 7.0]), 2), [2.0, 6.0])
    np.testing.assert_allclose(over_folds(np.array([1.0, 3.0]), 0), [1.0, 3.0])
