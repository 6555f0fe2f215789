"""A comparison's table against its runs, and its finding."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from nnlab import Comparison, compare, presets, train
from nnlab.analysis.statistics import interval, paired
from nnlab.comparison.api import results_of
from nnlab.comparison.findings import Finding, FindingText, finding
from nnlab.comparison.table import Cell, epochs_of, table_of
from nnlab.spec import Experiment, Point

SMALL = presets["binary"].set({"train.epochs": 4})
DEPTHS = Comparison(SMALL, vary="depth", values=[1, 3], seeds=[0, 4, 5])


@pytest.fixture(scope="module")
def compared():
    return compare(DEPTHS)


def test_a_result_reads_like_its_comparison(compared):
    assert repr(compared) == repr(DEPTHS).replace("Comparison(", "ComparisonResult(")


def test_the_table_has_one_row_a_value_and_the_columns_of_the_design(compared):
    assert list(compared.table.columns) == [
        "depth",
        "parameters",
        "seeds",
        "train_accuracy",
        "train_accuracy_low",
        "train_accuracy_high",
        "validation_accuracy",
        "validation_accuracy_low",
        "validation_accuracy_high",
        "test_accuracy",
        "test_accuracy_low",
        "test_accuracy_high",
        "gap",
        "best_epoch",
        "seconds_per_epoch",
        "verdict",
        "reason",
        "difference",
        "difference_low",
        "difference_high",
        "p",
        "seeds_needed",
    ]
    assert compared.table["depth"].tolist() == [1, 3]
    assert compared.table["parameters"].tolist() == [49, 49 + 2 * 72]
    assert compared.table["seeds"].tolist() == [3, 3]


def test_a_row_says_what_the_run_of_its_value_says(compared):
    row, result = compared.table.iloc[1], train(SMALL.vary("depth", 3), [0, 4, 5]).result()
    for part in ("train", "validation", "test"):
        want = interval(result.evaluate(part)["accuracy"])
        got = row[[f"{part}_accuracy", f"{part}_accuracy_low", f"{part}_accuracy_high"]]
        assert got.tolist() == pytest.approx([want.mean, want.low, want.high])
    assert row["gap"] == pytest.approx(row["train_accuracy"] - row["validation_accuracy"])
    assert row["best_epoch"] == int(np.median(result.best_epoch))
    assert row["seconds_per_epoch"] > 0
    assert row["verdict"] in ("underfits", "fits", "overfits", "unstable")


def test_epochs_hold_every_epoch_of_every_seed_of_every_value(compared):
    epochs = compared.epochs
    assert list(epochs.columns[:7]) == [
        "depth",
        "epoch",
        "seed",
        "train_loss",
        "train_score",
        "validation_loss",
        "validation_score",
    ]
    assert len(epochs) == 2 * 4 * 3
    assert not epochs.duplicated(["depth", "seed", "epoch"]).any()
    last = epochs[(epochs.depth == 3) & (epochs.epoch == 4)].set_index("seed")
    want = compared.results[3].evaluate("validation")["loss"]
    assert last.loc[[0, 4, 5], "validation_loss"].tolist() == pytest.approx(want.tolist(), rel=1e-5)


def test_regression_is_compared_by_mean_squared_error_and_misses_what_it_has_not():
    comparison = Comparison(presets["celsius"].set({"train.epochs": 3}), vary="lr", values=[0.01, 0.1], seeds=2)
    table = compare(comparison).table
    assert table["lr"].tolist() == [0.01, 0.1]
    assert table["train_mse"].notna().all()
    assert table[["validation_mse", "test_mse", "test_mse_low", "gap"]].isna().all(axis=None)
    assert table["best_epoch"].tolist() == [3, 3]
    assert table["verdict"].tolist() == ["underfits", "underfits"]


def test_the_gap_of_an_error_grows_as_new_samples_are_worse():
    comparison = Comparison(presets["celsius"], vary="lr", values=[0.1], seeds=2)
    cell = Cell({"train": {"loss": [1, 1], "mse": [1, 1]}, "validation": {"mse": [4, 6]}, "test": None}, None)
    assert table_of(comparison, [cell])["gap"].tolist() == [4]


def test_what_is_not_finished_is_missing():
    done = {"train": {"loss": [0.1], "accuracy": [1.0]}, "validation": {"loss": [0.1], "accuracy": [None]}}
    table = table_of(Comparison(SMALL, values=[1, 2, 4], seeds=1), [Cell(None, None), Cell(done, None), Cell({}, None)])
    assert table["verdict"].tolist() == ["", "fits", ""]
    assert table["train_accuracy"].isna().tolist() == [True, False, True]
    assert table["validation_accuracy"].isna().all()
    assert table["best_epoch"].isna().all()
    assert table["parameters"].tolist() == [49, 121, 265]


def test_metrics_of_nothing_make_an_empty_table():
    assert list(epochs_of(DEPTHS, [None, None]).columns) == ["depth"]
    assert len(epochs_of(DEPTHS, [None, pd.DataFrame()])) == 0


def test_a_knob_with_lists_is_written_as_widths():
    comparison = Comparison(SMALL, vary="model.hidden", values=[[8, 4], []], seeds=1)
    table = table_of(comparison, [Cell(None, None)] * 2)
    assert table["model.hidden"].tolist() == ["8-4", "0"]


def test_progress_goes_to_the_end_and_can_end_it():
    told = []
    compare(Comparison(SMALL, values=[1, 2], seeds=1), progress=lambda where, share: told.append((where, share)))
    assert told[0] == ("depth 1, epoch 1 of 4", 1 / 8)
    assert told[-1] == ("depth 2, epoch 4 of 4", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)

    def stop(where, share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        compare(DEPTHS, progress=stop)


def test_results_are_plain_lists_by_part():
    stored = results_of(train(presets["celsius"].set({"train.epochs": 1}), 2).result())
    assert stored["validation"] is None
    assert stored["test"] is None
    assert {name: len(values) for name, values in stored["train"].items()} == {"loss": 2, "mse": 2, "mae": 2, "r2": 2}


# -- differences


def cells_with(*scores):
    """Finished cells with made-up validation scores."""
    return [Cell({"train": {"loss": own, "accuracy": own}, "validation": {"accuracy": own}}, None) for own in scores]


def test_differences_are_paired_and_to_the_best():
    scores = [0.70, 0.72, 0.75], [0.80, 0.83, 0.84], [0.79, 0.83, 0.83]
    table = table_of(Comparison(SMALL, values=[1, 2, 4], seeds=3), cells_with(*scores))
    want = paired(scores[0], scores[1])
    assert table["difference"].isna().tolist() == [False, True, False]
    assert table["difference"][0] == pytest.approx(want.mean)
    assert table["p"][0] >= want.p, "three pairs were looked at"
    assert (table["difference_high"][0] < 0, table["difference_high"][2] > 0) == (True, True)
    assert table["seeds_needed"][2] > 3


def test_a_baseline_chosen_beforehand_is_compared_with_alone():
    comparison = Comparison(SMALL, values=[1, 2], seeds=3)
    cells = cells_with([0.70, 0.72, 0.75], [0.80, 0.83, 0.84])
    table = table_of(comparison, cells, baseline=0)
    want = paired([0.80, 0.83, 0.84], [0.70, 0.72, 0.75])
    got = table.loc[1, ["difference", "difference_low", "difference_high", "p"]]
    assert got.tolist() == pytest.approx([want.mean, want.low, want.high, want.p])
    assert table["difference"].isna().tolist() == [True, False]


def test_the_test_part_stays_closed_until_it_is_opened():
    cell = Cell({"train": {"loss": [1], "accuracy": [1]}, "test": {"accuracy": [0.5]}}, None)
    comparison = Comparison(SMALL, values=[1], seeds=1)
    assert table_of(comparison, [cell])["test_accuracy"].tolist() == [0.5]
    assert table_of(comparison, [cell], test=False)["test_accuracy"].isna().all()


# -- two knobs


def test_two_knobs_make_a_row_a_pair():
    comparison = Comparison(SMALL, vary="depth", values=[1, 2], by="activation", by_values=["relu", "tanh"], seeds=2)
    result = compare(comparison)
    assert result.table[["depth", "activation"]].to_numpy().tolist() == [
        [1, "relu"],
        [2, "relu"],
        [1, "tanh"],
        [2, "tanh"],
    ]
    alone = train(SMALL.set({"model.activation": "tanh", "model.hidden": [8, 8]}), 2).result()
    assert result.table["validation_accuracy"][3] == pytest.approx(alone.evaluate("validation")["accuracy"].mean())
    assert list(result.epochs.columns[:3]) == ["depth", "activation", "epoch"]
    assert len(result.epochs) == 4 * 4 * 2
    assert isinstance(str(result.finding), str)
    against = result.against(1, "tanh")
    assert against["difference"].isna().tolist() == [False, False, True, False]
    with pytest.raises(ValueError, match="baseline: got depth 9, activation relu, allowed is a cell"):
        result.against(9, "relu")


def test_of_two_knobs_the_best_pair_is_named():
    comparison = Comparison(SMALL, vary="depth", values=[1, 2], by="norm", by_values=["none", "batch"], seeds=4)
    low = [0.5, 0.51, 0.52, 0.5]
    cells = cells_with(low, low, low, [0.9, 0.91, 0.9, 0.92])
    one = finding(table_of(comparison, cells), comparison, cells)
    assert (one.kind, one.best) == ("best", Point(2, "batch"))
    assert str(one).startswith("Depth 2 with norm batch is best (90.8 ±")


# -- the sentence


def said(values, scores, *, knob="depth", verdicts=None, train=None, experiment=SMALL):
    """The finding of made-up validation scores (values, seeds)."""
    comparison = Comparison(experiment, vary=knob, values=values, seeds=len(scores[0]))
    cells = []
    for i, own in enumerate(scores):
        high = train[i] if train else 0.95
        cells.append(
            Cell(
                {"train": {"loss": [0.1] * len(own), "accuracy": [high] * len(own)}, "validation": {"accuracy": own}},
                None,
            )
        )
    table = table_of(comparison, cells)
    if verdicts:
        table["verdict"] = verdicts
    return finding(table, comparison, cells)


def test_the_best_stands_out_and_deeper_nets_overfit():
    one = said(
        [1, 2, 4],
        [[0.70, 0.71, 0.72], [0.80, 0.81, 0.82], [0.74, 0.76, 0.75]],
        train=[0.73, 0.84, 0.89],
        verdicts=["underfits", "fits", "overfits"],
    )
    assert (one.kind, one.value, one.rivals) == ("best_then_overfits", 2, ())
    assert (one.gap_from, one.gap_to) == pytest.approx((0.03, 0.14))
    assert str(one) == "Depth 2 is best (81.0 ± 2.5 %); deeper networks overfit: the gap grows from 3 to 14 points."


def test_values_that_nobody_can_tell_apart_favour_the_smallest():
    one = said([1, 2, 4], [[0.80, 0.81, 0.82], [0.81, 0.80, 0.83], [0.80, 0.83, 0.81]], verdicts=["fits"] * 3)
    assert (one.kind, one.value, one.rivals) == ("indistinguishable", 1, (Point(2), Point(4)))
    assert str(one).startswith("No depth stands out with 3 seeds; the smallest network, depth 1, reaches 81.0")
    assert one.needed is not None
    assert f"About {one.needed} seeds would be needed" in str(one)
    assert one.needed > 3


def test_paired_differences_tell_apart_what_intervals_cannot():
    wide = [0.6, 0.7, 0.8, 0.9]  # seeds differ much, the values always by 0.02
    better = [score + step for score, step in zip(wide, (0.019, 0.02, 0.021, 0.02), strict=True)]
    assert said([1, 2], [wide, better], verdicts=["fits"] * 2).kind == "best_at_edge"
    assert interval(wide).high > interval(better).low


def test_one_seed_tells_nothing_apart():
    assert said([1, 2], [[0.2], [0.9]], verdicts=["fits"] * 2).kind == "indistinguishable"


def test_the_highest_value_tried_may_not_be_the_best_there_is():
    one = said([1, 2], [[0.70, 0.71, 0.72, 0.70], [0.90, 0.91, 0.90, 0.92]], verdicts=["fits"] * 2)
    assert (one.kind, one.edge) == ("best_at_edge", "highest")
    assert "higher may be better still" in str(one)
    assert said([1, 2], [[0.90, 0.91, 0.90], [0.70, 0.71, 0.72]], verdicts=["fits"] * 2).edge == "lowest"


def test_some_that_cannot_be_told_from_the_best_are_named():
    one = said([1, 2, 4], [[0.5, 0.51, 0.52], [0.80, 0.82, 0.83], [0.81, 0.80, 0.82]], verdicts=["fits"] * 3)
    assert (one.kind, one.value, one.rivals) == ("best_among", 2, (Point(4),))
    assert "cannot be told from 4 with 3 seeds" in str(one)


def test_words_have_a_best_but_no_edge():
    one = said(["sigmoid", "tanh"], [[0.5, 0.51, 0.52], [0.80, 0.81, 0.80]], knob="activation", verdicts=["fits"] * 2)
    assert (one.kind, one.value, one.edge) == ("best", "tanh", "")
    assert str(one).startswith("Activation tanh is best (80.3")


def test_what_diverged_is_left_out_and_named():
    one = said([0.01, 10.0], [[0.8, 0.81], [0.9, 0.9]], knob="lr", verdicts=["fits", "diverged"])
    assert (one.kind, one.value, one.diverged) == ("single", 0.01, (Point(10.0),))
    assert str(one).startswith("Learning rate 0.01 reaches 80.5")
    assert str(one).endswith("Training diverged at 10.0.")
    assert said([1, 2], [[0.5], [0.5]], verdicts=["diverged"] * 2).kind == "all_diverged"
    assert FindingText(one).best_so_far().startswith("Best so far: learning rate 0.01 (80.5")


def test_nothing_finished_says_so():
    comparison = Comparison(SMALL, values=[1, 2], seeds=2)
    cells = [Cell(None, None)] * 2
    one = finding(table_of(comparison, cells), comparison, cells)
    assert one.kind == "incomplete"
    assert str(one) == FindingText(one).best_so_far() == "No cell has finished yet."


def test_an_error_is_best_where_it_is_lowest_and_judged_on_training_where_there_is_nothing_else():
    comparison = Comparison(presets["celsius"], vary="lr", values=[0.01, 0.1], seeds=2)
    cells = [Cell({"train": {"loss": mse, "mse": mse}}, None) for mse in ([5.0, 5.1], [0.06, 0.07])]
    one = finding(table_of(comparison, cells), comparison, cells)
    assert (one.part, one.value, one.score) == ("train", 0.1, "mse")
    assert "mean squared error 0.065" in str(one)


def test_every_kind_of_finding_is_a_sentence(compared):
    assert isinstance(compared.finding, Finding)
    assert str(compared.finding).endswith(".")
    assert math.isfinite(compared.finding.interval.mean)


def test_the_test_part_decides_nothing():
    experiment = Experiment.of({"data": {"validation": 0}})
    comparison = Comparison(experiment, values=[1, 2], seeds=2)
    better_test = {"train": {"loss": [1, 1], "accuracy": [0.8, 0.81]}, "test": {"accuracy": [0.99, 0.99]}}
    better_train = {"train": {"loss": [1, 1], "accuracy": [0.98, 0.97]}, "test": {"accuracy": [0.7, 0.7]}}
    cells = [Cell(better_test, None), Cell(better_train, None)]
    assert finding(table_of(comparison, cells), comparison, cells).value == 2
