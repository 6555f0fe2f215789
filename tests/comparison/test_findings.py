"""The finding of a comparison: what its sentences claim is what the tests of the table support."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnlab import Comparison, Experiment, compare, presets
from nnlab.analysis.design import Design
from nnlab.analysis.statistics import paired
from nnlab.comparison.answers import Answer, Clause
from nnlab.comparison.findings import Finding, FindingText, finding
from nnlab.comparison.table import Cell, judge, table_of
from nnlab.spec import Point

OWN = presets["binary"].set({"train.epochs": 4, "data.per_seed": "samples"})  # 30 validation samples a seed


def cell(validation, train=0.95, loss=0.1, complete=True):
    n = len(validation)
    train = train if np.ndim(train) else [train] * n
    results = {"train": {"loss": [loss] * n, "accuracy": train}, "validation": {"accuracy": validation}}
    return Cell(results, None, complete)


def found(values, cells, *, knob="depth", verdicts=None, experiment=OWN, margin=None, seeds=None, **more):
    """The finding of made-up cells."""
    seeds = seeds or len(cells[0].results["validation"]["accuracy"])
    comparison = Comparison(experiment, vary=knob, values=values, seeds=seeds, **more)
    table = table_of(comparison, cells)
    table["verdict"] = verdicts or ["fits" if one.results else "" for one in cells]
    return finding(table, comparison, cells, margin)


def around(mean, seeds=10, spread=0.01, seed=0):
    """Scores with this mean."""
    scores = np.random.default_rng(seed).normal(0, spread, seeds)
    return (mean + scores - scores.mean()).tolist()


# -- best, among the best, or nothing that stands out


def test_the_best_is_claimed_where_every_other_is_significantly_worse():
    one = found([1, 2, 4], [cell(around(mean, seed=i)) for i, mean in enumerate((0.6, 0.9, 0.7))])
    assert (one.kind, one.value, one.rivals, one.edge) == ("best", 2, (), "")
    assert str(one).startswith("Depth 2 is best (90.0 ± ")


def test_cells_that_cannot_be_told_from_the_best_are_named_with_it():
    one = found([1, 2, 4], [cell(around(mean, seed=i, spread=0.05)) for i, mean in enumerate((0.5, 0.82, 0.81))])
    assert (one.kind, one.value, one.rivals) == ("best_among", 2, (Point(4),))
    assert "Depth 2 is among the best (82.0 ± " in str(one)
    assert "it cannot be told from 4 with 10 seeds." in str(one)


def test_where_nothing_stands_out_the_difference_that_would_have_is_told_and_no_number_of_seeds():
    cells = [cell(around(mean, seed=i, spread=0.05)) for i, mean in enumerate((0.80, 0.81, 0.82))]
    one = found([1, 2, 4], cells)
    assert (one.kind, one.rivals) == ("indistinguishable", (Point(1), Point(2)))
    points = math.ceil(1000 * one.detectable) / 10
    assert str(one) == (
        f"No depth stands out with 10 seeds: a difference of {points:g} points or more would have shown."
    )


def test_on_labels_that_are_coin_flips_nothing_stands_out():
    rng = np.random.default_rng(2)
    kinds = [
        found([1, 2, 4, 8], [cell((rng.binomial(20, 0.5, 10) / 20).tolist()) for _ in range(4)]).kind for _ in range(40)
    ]
    assert kinds.count("indistinguishable") >= 37


def test_a_difference_that_no_score_can_have_is_not_promised():
    one = found([1, 2], [cell([0.2, 0.9]), cell([0.9, 0.3])])
    assert str(one) == "No depth stands out: with 2 seeds no difference would have shown, however large."


def test_one_seed_tells_nothing_apart():
    one = found([1, 2], [cell([0.2]), cell([0.9])])
    assert (one.kind, str(one)) == ("indistinguishable", "No depth stands out: a single seed tells nothing apart.")


def test_the_highest_value_tried_may_not_be_the_best_there_is():
    low, high = cell(around(0.6)), cell(around(0.9, seed=1))
    assert "the highest tried; higher may be better still" in str(found([1, 2], [low, high]))
    assert found([1, 2], [high, low]).edge == "lowest"
    words = found(["sigmoid", "tanh"], [low, high], knob="activation")
    assert (words.kind, words.edge) == ("best", "")
    assert str(words).startswith("Activation tanh is best (90.0")


def test_the_finding_and_the_table_share_one_family_of_tests():
    cells = [cell(around(mean, seed=i, spread=0.03)) for i, mean in enumerate((0.7, 0.8, 0.82, 0.5))]
    comparison = Comparison(OWN, values=[1, 2, 4, 8], seeds=10)
    table = table_of(comparison, cells)
    table["verdict"] = ["fits", "fits", "fits", "diverged"]
    judged = judge(comparison, cells, table["verdict"].tolist())
    one = finding(table, comparison, cells)
    assert one.rivals == tuple(
        comparison.points[i] for i, difference in enumerate(judged.against) if difference and not difference.distinct
    )


# -- differences without importance


def test_cells_that_differ_by_less_than_the_margin_are_equal():
    cells = [cell(around(0.9, spread=0.003, seed=i)) for i in range(3)]
    one = found([1, 2, 4], cells)
    assert (one.kind, len(one.equal)) == ("indistinguishable", 2)
    assert "differs by less than 1 point from" in str(one)
    assert "No depth stands out: depth" in str(one)
    strict = found([1, 2, 4], cells, margin=0.001)
    assert strict.equal == ()
    assert "would have shown" in str(strict)
    assert "by less than 2.5 points from" in str(found([1, 2, 4], cells, margin=0.025))


def test_a_cell_may_be_worse_and_yet_without_importance():
    base = np.array(around(0.9, spread=0.02))
    cells = [cell((base - 0.005 + np.tile([0.001, -0.001], 5)).tolist()), cell(base.tolist())]
    one = found([1, 2], cells, knob="width", experiment=OWN.set({"data.n_samples": 5000}))
    assert (one.kind, one.equal) == ("best", (Point(1),))
    assert str(one).endswith("Width 2 differs by less than 1 point from 1.")


def test_squared_errors_are_equal_within_a_share_of_the_best():
    comparison = Comparison(presets["celsius"], vary="lr", values=[0.01, 0.1], seeds=4)
    scores = [2.0, 2.1, 2.05, 1.95], [2.01, 2.105, 2.06, 1.96]
    cells = [Cell({"train": {"loss": mse, "mse": mse}}, None) for mse in scores]
    table = table_of(comparison, cells)
    assert "differs by less than 5 % from 0.1" in str(finding(table, comparison, cells))
    assert finding(table, comparison, cells, margin=0.001).equal == ()


# -- overfitting


def growing(*gaps, spread=0.01, scores=(0.9, 0.8, 0.7)):
    """Cells with these gaps; the first has the best score."""
    return [
        cell(own := around(score, seed=i), train=(np.array(own) + around(gap, spread=spread, seed=10 + i)).tolist())
        for i, (score, gap) in enumerate(zip(scores, gaps, strict=True))
    ]


OVERFITS = ["fits", "overfits", "overfits"]


def test_a_gap_that_grows_significantly_up_to_the_top_is_told():
    one = found([1, 2, 4], growing(0.03, 0.08, 0.14), verdicts=OVERFITS)
    assert (one.overfits_at, one.gap_from, one.gap_to) == (Point(4), pytest.approx(0.03), pytest.approx(0.14))
    assert "Deeper networks overfit: from depth 1 to 4 the gap grows from 3.0 to 14.0 points." in str(one)


def test_a_gap_that_no_longer_grows_is_told_up_to_where_it_did():
    one = found([1, 8, 128], growing(0.12, 0.367, 0.368), knob="width", verdicts=OVERFITS)
    assert "Wider networks overfit: from width 1 to 8 the gap grows from 12.0 to 36.7 points." in str(one)


@pytest.mark.parametrize(
    ("gaps", "more"),
    [
        ((0.11, 0.112, 0.114), {"spread": 0.0001}),  # from 11 to 11
        ((0.11, 0.12, 0.13), {"spread": 0.1}),  # not significant
        ((0.11, 0.34, 0.20), {}),  # the peak is in between: double descent
    ],
)
def test_no_other_growth_is(gaps, more):
    one = found([1, 2, 4], growing(*gaps, **more), verdicts=OVERFITS)
    assert one.overfits_at is None
    assert "gap" not in str(one)


def test_nor_one_whose_top_does_not_overfit_or_that_validation_samples_cannot_show():
    assert found([1, 2, 4], growing(0.03, 0.08, 0.14), verdicts=["fits"] * 3).overfits_at is None
    for samples in (100, 10_000):  # however many, they are not known one by one
        shared = OWN.set({"data.per_seed": "weights", "data.n_samples": samples})
        assert found([1, 2, 4], growing(0.03, 0.08, 0.14), verdicts=OVERFITS, experiment=shared).overfits_at is None


# -- cells that take no part


def test_a_cell_that_was_stopped_is_never_the_best_and_is_named():
    cells = [cell(around(0.7)), cell(around(0.8, seed=1)), cell(around(0.95, seed=2), complete=False)]
    one = found([1, 2, 8], cells)
    assert (one.value, one.left_out) == (2, (Point(8),))
    assert str(one).endswith("Not trained as planned and left out: depth 8.")
    assert str(found([1, 2], [cells[2]] * 2)) == (
        "No cell has a score to compare. Not trained as planned and left out: depth 1 and 2."
    )


def test_what_diverged_is_left_out_and_named():
    one = found([0.01, 10.0], [cell([0.8, 0.81]), cell([0.9, 0.9])], knob="lr", verdicts=["fits", "diverged"])
    assert (one.kind, one.value, one.diverged) == ("single", 0.01, (Point(10.0),))
    assert str(one).startswith("Learning rate 0.01 reaches 80.5")
    assert str(one).endswith("Training diverged at 10.0.")
    assert found([1, 2], [cell([0.5])] * 2, verdicts=["diverged"] * 2).kind == "all_diverged"
    assert FindingText(one).best_so_far().startswith("Best so far: learning rate 0.01 (80.5")


def test_all_have_diverged_only_where_all_have_been_trained():
    gone, lost = cell([0.5, 0.5]), cell([0.9, math.nan])
    for other in (Cell(None, None), cell([0.9, 0.9], complete=False)):  # still training, or stopped
        verdicts = ["fits" if other.results else "", "diverged"]
        one = found([0.1, 10.0], [other, gone], knob="lr", verdicts=verdicts, seeds=2)
        assert one.kind == "incomplete"
        assert str(one).startswith("No cell has a score to compare. Training diverged at 10.0.")
        assert FindingText(one).best_so_far() == str(one)
    assert found([1, 2], [gone, lost], verdicts=["diverged", "unstable"]).kind == "all_diverged"


def test_the_highest_value_that_did_not_diverge_is_not_the_highest_tried():
    cells = [cell(around(0.6)), cell(around(0.9, seed=1)), cell(around(0.5, seed=2))]
    one = found([0.01, 0.1, 10.0], cells, knob="lr", verdicts=["fits", "fits", "diverged"])
    assert (one.kind, one.value, one.edge) == ("best", 0.1, "")


def test_an_error_that_ran_away_under_one_seed_is_not_among_the_best():
    comparison = Comparison(presets["celsius"], vary="lr", values=[0.01, 0.1, 100], seeds=3)
    errors = [0.063, 0.0631, 0.0632], [0.064, 0.065, 0.0635], [0.064, 0.065, 4e7]
    cells = [Cell({"train": {"loss": mse, "mse": mse}}, None) for mse in errors]
    one = finding(table_of(comparison, cells), comparison, cells)
    assert (one.rivals, one.diverged) == ((Point(0.1),), (Point(100.0),))


def test_nothing_finished_says_so():
    one = found([1, 2], [Cell(None, None)] * 2, seeds=2)
    assert one.kind == "incomplete"
    assert str(one) == FindingText(one).best_so_far() == "No cell has finished yet."


def test_while_others_train_nothing_may_stand_out_so_far():
    cells = [cell(around(0.8, spread=0.05)), cell(around(0.8, spread=0.05, seed=1)), Cell(None, None)]
    assert FindingText(found([1, 2, 4], cells)).best_so_far() == "So far nothing stands out."


# -- two settings, errors, what the figures are


def test_of_two_knobs_the_best_pair_is_named():
    cells = [*[cell(around(0.5, seed=i)) for i in range(3)], cell(around(0.9, seed=4))]
    one = found([1, 2], cells, by="norm", by_values=["none", "batch"])
    assert (one.kind, one.best) == ("best", Point(2, "batch"))
    assert str(one).startswith("Depth 2 with batch normalisation is best (90.0 ±")
    cells = [
        *[cell(around(0.5, seed=i)) for i in range(3)],
        *[cell(around(0.9, spread=0.05, seed=i)) for i in (3, 4, 5)],
    ]
    one = str(found([1, 2, 4], cells, by="norm", by_values=["none", "layer"]))
    assert "cannot be told from 2 and 4 with layer normalisation with 10 seeds." in one
    assert str(found([1, 2, 4], [cells[3]] * 6, by="norm", by_values=["none", "layer"])).startswith(
        "No combination of depth and norm stands out"
    )
    one = str(found([1, 2, 4], cells, by="dropout", by_values=[0.1, 0.2]))
    assert "cannot be told from 2 and 4 with dropout 0.2 with 10 seeds." in one


def test_an_error_is_best_where_it_is_lowest_and_judged_on_training_where_there_is_nothing_else():
    comparison = Comparison(presets["celsius"], vary="lr", values=[0.01, 0.1], seeds=2)
    cells = [Cell({"train": {"loss": mse, "mse": mse}}, None) for mse in ([5.0, 5.1], [0.06, 0.07])]
    one = finding(table_of(comparison, cells), comparison, cells)
    assert (one.part, one.value, one.score) == ("train", 0.1, "mse")
    assert "mean squared error 0.065" in str(one)
    assert "for these 7 training samples." in FindingText(one).basis()


def test_the_basis_says_what_the_interval_covers_and_how_coarse_the_score_is():
    basis = FindingText(found([1, 2], [cell(around(0.8)), cell(around(0.7))])).basis()
    assert basis == (
        "Accuracy in validation: mean over 10 seeds with a 95 % interval for new samples of this kind. "
        "30 validation samples: one is 3.3 points. The test set plays no role in the choice."
    )


def test_the_test_part_decides_nothing():
    comparison = Comparison(Experiment.of({"data": {"validation": 0}}), values=[1, 2], seeds=2)
    better_test = {"train": {"loss": [1, 1], "accuracy": [0.8, 0.81]}, "test": {"accuracy": [0.99, 0.99]}}
    better_train = {"train": {"loss": [1, 1], "accuracy": [0.98, 0.97]}, "test": {"accuracy": [0.7, 0.7]}}
    cells = [Cell(better_test, None), Cell(better_train, None)]
    assert finding(table_of(comparison, cells), comparison, cells).value == 2


def test_every_comparison_has_a_sentence_and_takes_a_margin():
    result = compare(Comparison(OWN, values=[1, 2], seeds=3), margin=0.5)
    assert isinstance(result.finding, Finding)
    assert result.finding.margin == 0.5
    assert "by less than 50 points" in str(result.finding)
    assert paired([0.5, 0.6], [0.5, 0.5], Design()).within(5)


def test_cells_with_other_samples_that_an_earlier_version_compared_are_not_tested():
    asked = Comparison(OWN, values=[1, 2], seeds=2).to_json()
    old = Comparison.from_store(asked.replace('"vary":"depth"', '"vary":"data.folds"').replace("[1,2]", "[0,5]"))
    cells = [cell([0.5, 0.6]), cell([0.8, 0.9] * 5)]
    table = table_of(old, cells)
    assert table["p"].isna().all()
    one = finding(table, old, cells)
    assert str(one) == "The cells were scored on different samples, so their scores cannot be compared."


def test_a_single_seed_has_no_interval_and_diverged_cells_have_no_figures():
    one = found([1, 2], [cell([0.8]), cell([0.7])])
    assert FindingText(one).basis().startswith("Accuracy in validation of a single seed, without an interval. 30 ")
    gone = found([1, 2], [cell([0.5, 0.5])] * 2, verdicts=["diverged"] * 2)
    assert FindingText(gone).basis() == "The test set plays no role in the choice."


def test_of_two_knobs_no_combination_stands_out():
    cells = [cell(around(0.8, seed=i, spread=0.1)) for i in range(4)]
    one = found([1, 2], cells, by="norm", by_values=["none", "batch"])
    assert str(one).startswith("No combination of depth and norm stands out with 10 seeds: a difference of ")
    one = found([1, 2], cells, by="norm", by_values=["none", "batch"], verdicts=["diverged"] * 4)
    assert str(one) == "Training diverged with every combination of depth and norm; try a lower learning rate."


# -- beside an answer


def test_beside_an_answer_that_says_which_is_best_only_limits_are_told():
    cells = [cell(around(mean, seed=i)) for i, mean in enumerate((0.6, 0.7, 0.9))]
    text = FindingText(found([1, 2, 4], cells, knob="depth"))
    best = Answer("depth", "", (Clause("best", {}),))
    assert text.sentence(best) == "It is the highest value tried; higher may be better still."
    assert text.basis(best).startswith("Depth 4: 90.0 ± ")
    assert text.basis(best).endswith(text.basis())
    lost = [*cells[:2], cell([math.nan] * 10)]
    assert "is best" not in FindingText(found([1, 2, 4], lost)).sentence(best)
    middle = FindingText(found([1, 2, 4], [cells[0], cells[2], cells[1]]))
    assert middle.sentence(best) == ""
    assert middle.sentence(Answer("depth", "", (Clause("loss_grows", {}),))) == middle.sentence() != ""


# -- what somebody guessed


@pytest.mark.parametrize(
    ("scores", "value", "says"),
    [
        ((0.6, 0.9, 0.7), 2, "You guessed depth 2, and it is best."),
        ((0.6, 0.9, 0.7), 1, "You guessed depth 1, but depth 2 is best."),
        ((0.5, 0.82, 0.81), 4, "You guessed depth 4, and it is among the best."),
        ((0.5, 0.82, 0.81), 1, "You guessed depth 1, but it is not among the best."),
        ((0.81, 0.8, 0.8), 1, "You guessed depth 1; no difference was found."),
        ((0.6, 0.9, 0.7), None, "You guessed that there is no difference, but there is one."),
        ((0.5, 0.82, 0.81), None, "You guessed that there is no difference, but there is one."),
        ((0.81, 0.8, 0.8), None, "You guessed that there is no difference, and none was found."),
    ],
)
def test_a_guess_is_told_beside_the_outcome(scores, value, says):
    spread = 0.01 if 0.6 in scores else 0.05
    text = FindingText(found([1, 2, 4], [cell(around(mean, seed=i, spread=spread)) for i, mean in enumerate(scores)]))
    assert (text.guessed_no_difference() if value is None else text.guessed(value)) == says


def test_a_guess_of_one_of_two_settings_is_right_where_a_pair_with_it_is_among_the_best():
    cells = [cell(around(mean, seed=i, spread=0.05)) for i, mean in enumerate((0.5, 0.82, 0.81, 0.5, 0.5, 0.5))]
    text = FindingText(found([1, 2, 4], cells, by="activation", by_values=["tanh", "relu"]))
    assert text.guessed(4) == "You guessed depth 4, and it is among the best."
    assert text.guessed(1) == "You guessed depth 1, but it is not among the best."


def test_a_guess_without_an_outcome_is_only_repeated():
    text = FindingText(Finding("incomplete", "depth"))
    assert text.guessed(2) == "You guessed depth 2."
    assert text.guessed_no_difference() == "You guessed that there is no difference."
