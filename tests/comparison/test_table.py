"""A comparison's table against its runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nnlab import Comparison, compare, presets, train
from nnlab.analysis.design import Design
from nnlab.analysis.scores import sample_outcomes
from nnlab.analysis.statistics import interval, paired
from nnlab.comparison.api import results_of
from nnlab.comparison.table import Cell, epochs_of, judge, table_of, worse_cells

SMALL = presets["binary"].set({"train.epochs": 4})
OWN = SMALL.set({"data.per_seed": "samples"})  # new samples for every seed
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
    ]
    assert compared.table["depth"].tolist() == [1, 3]
    assert compared.table["parameters"].tolist() == [49, 49 + 2 * 72]
    assert compared.table["seeds"].tolist() == [3, 3]


def test_a_row_says_what_the_run_of_its_value_says(compared):
    row, result = compared.table.iloc[1], train(SMALL.vary("depth", 3), [0, 4, 5]).result()
    for part in ("train", "validation", "test"):
        outcomes = sample_outcomes(results_of(result), SMALL) if part == "validation" else None
        want = interval(result.evaluate(part)["accuracy"], Design.of(SMALL, part), outcomes)
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

NEW = Design.of(OWN, "validation")


def cells_with(*scores, complete=True):
    """Finished cells with made-up validation scores."""
    parts = ({"train": {"loss": own, "accuracy": own}, "validation": {"accuracy": own}} for own in scores)
    return [Cell(results, None, complete) for results in parts]


def test_differences_are_paired_and_to_the_best():
    scores = [0.70, 0.72, 0.75], [0.80, 0.83, 0.84], [0.79, 0.83, 0.83]
    table = table_of(Comparison(OWN, values=[1, 2, 4], seeds=3), cells_with(*scores))
    want = paired(scores[0], scores[1], NEW)
    assert table["difference"].isna().tolist() == [False, True, False]
    assert table["difference"][0] == pytest.approx(want.mean)
    assert table["p"][0] >= want.p, "three pairs were looked at"
    assert (table["difference_high"][0] < 0, table["difference_high"][2] > 0) == (True, True)


def test_a_baseline_chosen_beforehand_is_compared_with_alone():
    comparison = Comparison(OWN, values=[1, 2], seeds=3)
    cells = cells_with([0.70, 0.72, 0.75], [0.80, 0.83, 0.84])
    table = table_of(comparison, cells, baseline=0)
    want = paired([0.80, 0.83, 0.84], [0.70, 0.72, 0.75], NEW)
    got = table.loc[1, ["difference", "difference_low", "difference_high", "p"]]
    assert got.tolist() == pytest.approx([want.mean, want.low, want.high, want.p])
    assert table["difference"].isna().tolist() == [True, False]


def test_cells_that_share_their_validation_part_are_compared_sample_by_sample():
    result = compare(Comparison(SMALL.set({"data.per_seed": "weights"}), values=[1, 3], seeds=3))
    experiments = result.comparison.experiments
    outcomes = [sample_outcomes(cell.results, one) for cell, one in zip(result.cells, experiments, strict=True)]
    one, other = (each.mean(axis=1) for each in outcomes)
    want = paired(one, other, Design.of(experiments[0], "validation"), outcomes)
    got = judge(result.comparison, result.cells, result.table["verdict"].tolist(), baseline=1).against[0]
    assert got == want
    assert got.error > paired(one, other, Design()).error, "these samples are not all there are"


def test_other_input_features_are_the_same_samples():
    squares = ["x1_squared", "x2_squared"]
    circles = SMALL.set({"data.name": "circles", "data.per_seed": "weights", "model.hidden": []})
    result = compare(Comparison(circles, vary="data.terms", values=[["x1", "x2"], squares], seeds=3))
    experiments = result.comparison.experiments
    outcomes = [sample_outcomes(cell.results, one) for cell, one in zip(result.cells, experiments, strict=True)]
    one, other = (each.mean(axis=1) for each in outcomes)
    want = paired(one, other, Design.of(experiments[0], "validation"), outcomes)
    assert judge(result.comparison, result.cells, result.table["verdict"].tolist(), baseline=1).against[0] == want
    assert result.table["data.terms"].tolist() == ["x1-x2", "x1_squared-x2_squared"]


@pytest.mark.parametrize("lost", ["stopped", "diverged", "waiting"])
def test_what_is_not_complete_takes_no_part_in_any_test(lost):
    comparison = Comparison(OWN, values=[1, 2, 4], seeds=3)
    cells = cells_with([0.70, 0.72, 0.75], [0.80, 0.83, 0.84], [0.99, 0.98, 0.99])
    if lost == "stopped":
        cells[2] = cells[2]._replace(complete=False)
    elif lost == "diverged":
        results = cells[2].results
        cells[2] = Cell({**results, "train": {"loss": [None] * 3, "accuracy": [0.5] * 3}}, None)
    else:
        cells[2] = Cell(None, None)
    table = table_of(comparison, cells)
    judged = judge(comparison, cells, table["verdict"].tolist())
    assert (judged.places, judged.reference) == ((0, 1), 1)
    assert np.isnan(table["p"][2])
    assert table["p"][0] == paired([0.70, 0.72, 0.75], [0.80, 0.83, 0.84], NEW).p, "one pair, one test"
    assert judge(comparison, cells, table["verdict"].tolist(), baseline=2).against == (None,) * 3


def test_worse_cells_have_a_lower_score_or_a_higher_error_or_diverged():
    comparison = Comparison(OWN, values=[1, 2, 4, 8], seeds=2)
    table = pd.DataFrame(
        {"validation_accuracy": [0.8, 0.7, np.nan, 0.9], "verdict": ["fits", "fits", "diverged", "fits"]}
    )
    assert worse_cells(comparison, table, "validation", 0) == [comparison.experiments[1], comparison.experiments[2]]
    rates = Comparison(presets["celsius"], vary="lr", values=[0.1, 1, 10], seeds=2)
    errors = pd.DataFrame({"train_mse": [0.06, 5.0, np.nan], "verdict": ["fits", "underfits", ""]})
    assert worse_cells(rates, errors, "train", 0) == [rates.experiments[1]], "what still trains has shown nothing"


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
