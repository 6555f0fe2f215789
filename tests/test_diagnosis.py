"""A verdict for every constructed case."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnlab import load_dataset, presets
from nnlab.diagnosis import diagnose, yardstick
from nnlab.spec import Experiment

CELSIUS = presets["celsius"]


def curves(train_loss, train_score=None, validation_loss=None, validation_score=None):
    """Epoch metrics from arrays (epochs,) or (epochs, seeds)."""
    columns = {"train_loss": train_loss, "train_score": train_score}
    columns |= {"validation_loss": validation_loss, "validation_score": validation_score}
    arrays = {n: np.atleast_2d(np.asarray(v, float).T).T for n, v in columns.items() if v is not None}
    epochs, seeds = arrays["train_loss"].shape
    frame = {"epoch": np.repeat(np.arange(1, epochs + 1), seeds), "seed": np.tile(np.arange(seeds), epochs)}
    return pd.DataFrame(
        frame | {name: arrays[name].ravel() if name in arrays else np.nan for name in columns},
    )


def results(train, validation=None, loss=0.1, test=None, score="accuracy"):
    parts = {}
    for name, values in {"train": train, "validation": validation, "test": test}.items():
        values = [values] if isinstance(values, (int, float)) else values
        own = loss if name == "train" else 0.1
        parts[name] = values and {"loss": own if isinstance(own, list) else [own] * len(values), score: values}
    return parts


FALLING = np.linspace(0.7, 0.1, 30)
BIG = presets["activations"].set({"data.n_samples": 2000})  # 400 validation samples
ALONE = BIG.set({"data.validation": 0, "data.test": 0})


def verdict(experiment, metrics, final):
    said = diagnose(metrics, final, experiment)
    assert all(isinstance(value, float | int) for value in said.figures.values())
    return said.verdict, said.reason


def test_nothing_finished_has_no_verdict():
    assert verdict(BIG, None, None) == ("", "")
    assert verdict(BIG, curves(FALLING), {"train": None, "validation": None, "test": None}) == ("", "")


def test_good_on_both_parts_fits():
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 0.98), results([0.98] * 3, [0.975] * 3)) == ("fits", "")
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 0.98), results(0.98, 0.975)) == ("fits", "")
    assert verdict(ALONE, curves(FALLING, FALLING * 0 + 0.98), results([0.98] * 3)) == ("fits", "")
    assert verdict(BIG, None, results([0.98] * 3, [0.975] * 3)) == ("fits", "")


def test_much_worse_on_new_samples_overfits():
    assert verdict(BIG, curves(FALLING), results([1.0] * 3, [0.85, 0.86, 0.87])) == ("overfits", "gap")
    assert verdict(BIG, curves(FALLING), results(1.0, 0.85)) == ("overfits", "gap")
    no_validation = BIG.set({"data.validation": 0})
    assert verdict(no_validation, curves(FALLING), results([1.0] * 3, None, test=[0.86] * 3)) == ("overfits", "gap")


def test_a_few_validation_samples_prove_no_gap():
    small = presets["activations"].set({"data.n_samples": 50})  # 10 validation samples: one is a tenth
    assert verdict(small, curves(FALLING), results(1.0, 0.9))[0] == "fits"
    assert verdict(small, curves(FALLING), results(1.0, 0.6))[0] == "overfits"


def test_seeds_that_disagree_on_the_gap_prove_none():
    assert verdict(BIG, curves(FALLING), results([0.99, 0.98, 0.99], [0.99, 0.98, 0.80]))[0] == "fits"


def test_validation_loss_that_turns_overfits_before_the_score_says_so():
    turned = np.concatenate([np.linspace(0.7, 0.2, 10), np.linspace(0.2, 0.5, 20)])
    metrics = curves(FALLING, FALLING * 0 + 0.99, turned)
    final = results([0.99] * 3, [0.96] * 3)
    assert verdict(BIG, metrics, final) == ("overfits", "validation_turned")
    stops = BIG.set({"train.patience": 5})  # went back to the lowest: cured
    assert verdict(stops, metrics, final) == ("fits", "")


def test_worse_than_its_neighbours_underfits():
    assert verdict(BIG, curves(FALLING), results([0.85] * 3, [0.85] * 3)) == ("underfits", "below_reference")
    assert verdict(ALONE, curves(FALLING), results(0.85)) == ("underfits", "below_reference")


def test_guessing_underfits():
    flat = np.full(30, math.log(2))
    assert verdict(BIG, curves(flat), results([0.5] * 3, [0.5] * 3, loss=math.log(2))) == ("underfits", "guesses")


def test_noise_that_nobody_can_learn_is_not_called_underfitting():
    clouds = Experiment.of({"data": {"name": "gaussians", "noise": 3, "n_samples": 1000}})
    reached = yardstick(clouds.data).reference
    assert 0.6 < reached < 0.75  # the best possible is Φ(√2 / √(3² + 0.35²)) = 0.68
    assert verdict(clouds, curves(FALLING), results([0.69] * 3, [0.68] * 3, loss=0.6)) == ("fits", "")


def test_a_verdict_downloads_nothing():
    digits = presets["mnist"]  # the test's home has no MNIST
    assert verdict(digits, curves(FALLING), results([0.97] * 3, [0.965] * 3)) == ("fits", "")
    assert verdict(digits, curves(FALLING), results([0.11] * 3, [0.1] * 3, loss=2.3)) == ("underfits", "guesses")


def test_still_gaining_at_the_end_underfits():
    score = np.linspace(0.7, 0.985, 20)
    assert verdict(BIG, curves(FALLING[:20], score), results([0.985] * 3, [0.98] * 3)) == (
        "underfits",
        "still_learning",
    )


def test_a_loss_that_is_no_number_diverged():
    gone = np.where(np.arange(30) < 5, 0.5, np.nan)
    final = results([0.0] * 2, [0.0] * 2, loss=[None, None])
    assert verdict(BIG, curves(np.column_stack([gone, gone])), final) == ("diverged", "loss_not_finite")
    assert verdict(ALONE, None, results(0.0, loss=[math.inf])) == ("diverged", "loss_not_finite")


def test_a_loss_that_runs_away_diverged():
    growing = np.geomspace(0.7, 1e5, 30)
    assert verdict(BIG, curves(growing), results([0.5], [0.5], loss=1e5)) == ("diverged", "loss_ran_away")


def test_the_rest_of_a_stopped_replicates_curve_is_no_divergence():
    stopped = np.where(np.arange(30) < 20, FALLING, np.nan)
    stops = BIG.set({"train.patience": 5})
    metrics = curves(np.column_stack([FALLING, stopped]), np.full((30, 2), 0.98))
    assert verdict(stops, metrics, results([0.98] * 2, [0.975] * 2)) == ("fits", "")


def test_one_seed_of_four_that_diverged_is_unstable():
    some = np.column_stack([FALLING, FALLING, FALLING, FALLING * np.nan])
    final = results([0.98, 0.98, 0.98, 0.0], [0.97, 0.97, 0.97, 0.0], loss=[0.1, 0.1, 0.1, None])
    assert verdict(BIG, curves(some), final) == ("unstable", "some_seeds_diverged")


def test_seeds_that_end_far_apart_are_unstable():
    assert verdict(BIG, curves(FALLING), results([0.98, 0.97, 0.5], [0.97, 0.97, 0.5])) == (
        "unstable",
        "seeds_disagree",
    )


def test_a_loss_that_jumps_to_the_end_is_unstable():
    jumping = np.where(np.arange(30) % 2, 0.2, 0.6)
    assert verdict(BIG, curves(jumping), results([0.95] * 3, [0.95] * 3)) == ("unstable", "loss_jumps")


def test_a_loss_worse_than_guessing_is_unstable_whatever_the_score():
    high = np.linspace(9, 5, 30)
    assert verdict(BIG, curves(high), results([0.9] * 3, [0.9] * 3, loss=5.0)) == ("unstable", "loss_above_guessing")


def test_regression_is_measured_by_the_share_of_variance_left():
    variance = float(load_dataset(CELSIUS).train.y.var())
    line_left = (1 - yardstick(CELSIUS.data).reference) * variance
    assert line_left == pytest.approx(0.063, abs=1e-3)  # REFERENCE.md: the least-squares optimum

    def said(mse, loss_curve, seeds=3):
        return verdict(CELSIUS, curves(loss_curve), results([mse] * seeds, score="mse", loss=mse))

    assert said(0.0631, np.geomspace(3000, 0.0631, 100)[[*range(50), *[99] * 50]]) == ("fits", "")
    assert said(500.0, np.linspace(3000, 500, 100)) == ("underfits", "below_reference")
    assert said(5.0, np.geomspace(3000, 5, 100)) == ("underfits", "still_learning")
    assert said(1e9, np.geomspace(3000, 1e9, 100)) == ("diverged", "loss_ran_away")
    assert said(3000.0, np.linspace(4000, 3000, 100), 1)[0] == "underfits"


def test_regression_with_a_validation_part_overfits_by_the_gap_in_variance_explained():
    variance = float(load_dataset(CELSIUS).train.y.var())
    final = results([0.07] * 3, [0.2 * variance] * 3, score="mse", loss=0.07)
    assert verdict(CELSIUS, curves(np.full(30, 0.07)), final) == ("overfits", "gap")


def test_every_figure_of_a_verdict_is_at_hand():
    said = diagnose(curves(FALLING), results([1.0] * 3, [0.85, 0.86, 0.87]), BIG)
    assert said.figures["gap"] == pytest.approx(0.14)
    assert said.figures["gap_low"] == pytest.approx(0.14 - stats.t.ppf(0.975, 2) * 0.01 / math.sqrt(3))
    assert said.figures["seeds"] == 3


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.lists(st.floats(0, 1e9) | st.just(math.nan) | st.just(math.inf), min_size=1, max_size=5),
    st.booleans(),
)
def test_any_scores_get_one_of_the_verdicts(scores, loss, alone):
    n = min(len(scores), len(loss))
    final = results(scores[:n], None if alone else scores[:n][::-1], loss=loss[:n])
    metrics = curves(np.tile(loss[:n], (7, 1)), np.tile(scores[:n], (7, 1)))
    said = diagnose(metrics, final, ALONE if alone else BIG)
    assert said.verdict in ("underfits", "fits", "overfits", "diverged", "unstable")
