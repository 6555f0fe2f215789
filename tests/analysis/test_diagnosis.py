"""The verdict for every constructed case, and for real trainings."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nnlab import load_dataset, presets
from nnlab.analysis.diagnosis import LIMITS, Diagnosis, diagnose
from nnlab.analysis.scores import reference_of
from nnlab.comparison.api import results_of
from nnlab.spec import Experiment
from nnlab.training.api import train

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
BIG = presets["activations"].set({"data.n_samples": 2000, "data.per_seed": "weights"})  # 400 validation samples
ALONE = BIG.set({"data.validation": 0, "data.test": 0})


def verdict(experiment, metrics, final):
    said = diagnose(metrics, final, experiment)
    assert all(isinstance(value, float | int) for value in said.figures.values())
    return said.verdict, said.reason


def test_nothing_finished_has_no_verdict():
    assert verdict(BIG, None, None) == ("", "")
    assert verdict(BIG, curves(FALLING), {"train": None, "validation": None, "test": None}) == ("", "")


def test_good_scores_on_both_parts_fit():
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 0.98), results([0.98] * 3, [0.975] * 3)) == ("fits", "")
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 0.98), results(0.98, 0.975)) == ("fits", "")
    assert verdict(ALONE, curves(FALLING, FALLING * 0 + 0.98), results([0.98] * 3)) == ("fits", "")
    assert verdict(BIG, None, results([0.98] * 3, [0.975] * 3)) == ("fits", "")


def test_much_worse_on_new_samples_overfits():
    assert verdict(BIG, curves(FALLING), results([1.0] * 3, [0.85, 0.86, 0.87])) == ("overfits", "gap")
    assert verdict(BIG, curves(FALLING), results(1.0, 0.85)) == ("overfits", "gap")


def test_the_test_part_plays_no_role():
    for experiment in (BIG, BIG.set({"data.validation": 0})):
        said = diagnose(curves(FALLING), results([1.0] * 3, None, test=[0.5] * 3), experiment)
        assert (said.verdict, said.figures.get("gap")) == ("fits", None)
    perfect = results([1.0] * 3, [0.85, 0.86, 0.87], test=[1.0] * 3)
    assert verdict(BIG, curves(FALLING), perfect) == ("overfits", "gap")


def test_the_final_loss_is_told_in_losses_of_a_blind_guess_over_the_seeds_whose_loss_is_finite():
    guess = math.log(2)
    lost = results([0.5] * 3, loss=[300 * guess, math.nan, 500 * guess])
    said = diagnose(None, lost, ALONE)
    assert (said.verdict, said.rule) == ("diverged", "loss_ran_away")
    assert said.figures["loss"] == pytest.approx(400, rel=0.01)
    assert "loss" not in diagnose(None, results([0.5] * 2, loss=[math.nan] * 2), ALONE).figures


def test_half_of_the_seeds_diverged_is_diverged_and_fewer_unstable():
    for losses, expected in (([0.1, math.nan], "diverged"), ([0.1, 0.1, math.nan], "unstable")):
        assert verdict(ALONE, None, results([0.97] * len(losses), loss=losses))[0] == expected


def test_few_validation_samples_do_not_prove_a_gap():
    small = BIG.set({"data.n_samples": 50})  # 10 validation samples: one is a tenth
    assert verdict(small, curves(FALLING), results(1.0, 0.9))[0] == "fits"
    assert verdict(small, curves(FALLING), results(1.0, 0.6))[0] == "overfits"


def test_the_gap_of_one_seed_is_as_uncertain_as_its_validation_samples():
    right = np.repeat([True, False], [320, 80])
    packed = b64encode(np.packbits(right).tobytes()).decode()
    said = diagnose(curves(FALLING), results(0.95, 0.8) | {"outcomes": [packed]}, BIG)
    half = stats.t.ppf(0.975, 399) * np.std(right, ddof=1) / math.sqrt(400)
    assert said.figures["gap_low"] == pytest.approx(0.15 - half)
    assert diagnose(curves(FALLING), results(0.95, 0.8), BIG).figures == pytest.approx(said.figures)  # older results
    both = results([0.95] * 2, [0.8] * 2)
    assert diagnose(curves(FALLING), both, BIG).figures["gap_low"] == pytest.approx(0.15 - half)  # the same samples
    fresh = BIG.set({"data.per_seed": "samples"})
    assert diagnose(curves(FALLING), both, fresh).figures["gap_low"] > 0.15 - 0.75 * half  # twice as many


def test_a_gap_that_differs_between_seeds_is_not_proved():
    assert verdict(BIG, curves(FALLING), results([0.99, 0.98, 0.99], [0.99, 0.98, 0.80]))[0] == "fits"


def test_the_gap_of_seeds_that_share_their_validation_samples_has_an_interval_all_the_same():
    three = results([1.0] * 3, [0.94] * 3)
    assert verdict(BIG, curves(FALLING), three) == ("overfits", "gap")
    few = BIG.set({"data.n_samples": 200})  # 40 validation samples
    assert verdict(few, curves(FALLING), three) == ("fits", "")
    right = np.repeat([True, False], [32, 8])
    known = results([1.0] * 3, [0.8] * 3) | {"outcomes": [b64encode(np.packbits(right).tobytes()).decode()] * 3}
    assert verdict(few, curves(FALLING), known) == ("overfits", "gap")


@pytest.mark.parametrize("per_seed", ["samples", "split", "weights"])
def test_new_samples_that_score_better_leave_an_interval_of_the_gap(per_seed):
    better = results([0.95, 0.96, 0.95], [0.97, 0.98, 0.97])
    figures = diagnose(curves(FALLING), better, BIG.set({"data.per_seed": per_seed})).figures
    assert -0.2 < figures["gap_low"] < figures["gap"] < 0


def test_validation_that_still_gets_better_is_not_overfitting_yet():
    rising, falling = np.linspace(0.6, 0.9, 30), np.linspace(0.7, 0.2, 30)
    final = results([1.0] * 3, [0.9] * 3)
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 1, falling, rising), final) == ("fits", "")
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 1, falling, rising * 0 + 0.9), final) == ("overfits", "gap")
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 1, falling[::-1], rising), final) == ("overfits", "gap")
    slow = np.linspace(0.86, 0.9, 30)  # gains 0.008 in a fifth of the epochs
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 1, falling, slow), final) == ("overfits", "gap")


def test_a_rising_validation_loss_overfits_before_the_score_does():
    turned = np.concatenate([np.linspace(0.7, 0.2, 10), np.linspace(0.2, 0.5, 20)])
    metrics = curves(FALLING, FALLING * 0 + 0.99, turned)
    final = results([0.99] * 3, [0.96] * 3)
    assert verdict(BIG, metrics, final) == ("overfits", "validation_turned")
    stops = BIG.set({"train.patience": 5})  # it takes the weights of the lowest loss
    assert verdict(stops, metrics, final) == ("fits", "")
    a_little = np.concatenate([np.linspace(0.7, 0.2, 10), np.linspace(0.2, 0.23, 20)])
    assert verdict(BIG, curves(FALLING, FALLING * 0 + 0.99, a_little), final) == ("fits", "")
    assert verdict(BIG, metrics, results([0.99] * 3, [0.98] * 3)) == ("fits", "")  # no gap


def test_one_good_epoch_is_no_minimum_of_the_validation_loss():
    validation = np.where(np.arange(30) == 12, 0.05, 0.2)
    metrics = curves(FALLING, FALLING * 0 + 0.99, validation)
    assert verdict(BIG, metrics, results([0.99] * 3, [0.96] * 3)) == ("fits", "")


def test_a_minimum_of_the_validation_loss_is_told_with_its_epoch():
    turned = np.interp(np.arange(1, 61), [1, 20, 45, 60], [0.7, 0.2, 0.5, 0.5])
    falling = np.linspace(0.7, 0.1, 60)
    said = diagnose(curves(falling, falling * 0 + 0.99, turned), results([0.99] * 3, [0.96] * 3), BIG)
    assert said.figures["turn"] == pytest.approx(20, abs=1)
    assert said.figures["rise"] == pytest.approx(0.5 / 0.2 - 1, rel=0.2)


def test_worse_than_its_neighbours_underfits():
    assert verdict(BIG, curves(FALLING), results([0.85] * 3, [0.85] * 3)) == ("underfits", "below_reference")
    assert verdict(ALONE, curves(FALLING), results(0.85)) == ("underfits", "below_reference")


def test_guessing_underfits():
    flat = np.full(30, math.log(2))
    assert verdict(BIG, curves(flat), results([0.5] * 3, [0.5] * 3, loss=math.log(2))) == ("underfits", "guesses")


def test_noise_that_cannot_be_learned_is_not_underfitting():
    clouds = Experiment.of({"data": {"name": "gaussians", "noise": 3, "n_samples": 1000}})
    reached = reference_of(clouds.data).score
    assert 0.6 < reached < 0.75  # the best possible is Φ(√2 / √(3² + 0.35²)) = 0.68
    assert verdict(clouds, curves(FALLING), results([0.69] * 3, [0.68] * 3, loss=0.6)) == ("fits", "")


def test_a_verdict_downloads_nothing():
    digits = presets["mnist"]  # not on disk in the tests
    assert verdict(digits, curves(FALLING), results([0.97] * 3, [0.965] * 3)) == ("fits", "")
    assert verdict(digits, curves(FALLING), results([0.11] * 3, [0.1] * 3, loss=2.3)) == ("underfits", "guesses")


def test_still_gaining_at_the_end_underfits():
    score = np.linspace(0.7, 0.985, 20)
    still = ("underfits", "still_learning")
    final = results([0.985] * 3, [0.98] * 3)
    assert verdict(BIG, curves(FALLING[:20], score), final) == still
    patient = BIG.set({"train.patience": 50})  # which has not ended it: the weights are the same, and so is the verdict
    falling = np.linspace(0.7, 0.2, 20)
    assert verdict(patient, curves(FALLING[:20], score, falling), final) == still
    ended = np.where(np.arange(30) < 20, np.linspace(0.7, 0.985, 30), np.nan)
    turned = np.where(np.arange(30) < 10, np.linspace(0.7, 0.2, 30), np.where(np.arange(30) < 20, 0.6, np.nan))
    metrics = curves(np.where(np.arange(30) < 20, FALLING, np.nan), ended, turned)
    assert verdict(BIG.set({"train.patience": 10}), metrics, final) == ("fits", "")  # more epochs would change nothing


def test_one_bad_epoch_is_no_late_gain():
    score = np.full(30, 0.985)
    for dip in range(30):
        assert verdict(BIG, curves(FALLING, np.where(np.arange(30) == dip, 0.9, score)), GOOD) == ("fits", "")


def test_labels_that_cannot_be_learned_do_not_fit():
    """As many of either class, drawn at random: their reference is a guess, too."""
    coin = replace(reference_of(BIG.data), score=0.5, error=0.02)

    def said(train, validation):
        final = results([train] * 5, validation and [validation] * 5, loss=0.69)
        one = diagnose(curves(np.full(30, 0.69)), final, BIG, coin)
        return one.verdict, one.reason

    assert said(0.55, 0.50) == ("underfits", "hardly_learned")
    assert said(0.515, 0.56) == ("underfits", "guesses")
    assert said(0.51, None) == ("underfits", "guesses")
    assert said(0.55, None) == ("fits", "")  # nothing was held out
    assert said(0.75, 0.50) == ("overfits", "gap")
    assert said(0.64, 0.50) == ("overfits", "gap")
    assert said(0.55, 0.54) == ("fits", "")  # a little can be learned


def test_a_loss_that_is_not_finite_diverged():
    gone = np.where(np.arange(30) < 5, 0.5, np.nan)
    final = results([0.0] * 2, [0.0] * 2, loss=[None, None])
    assert verdict(BIG, curves(np.column_stack([gone, gone])), final) == ("diverged", "loss_not_finite")
    assert verdict(ALONE, None, results(0.0, loss=[math.inf])) == ("diverged", "loss_not_finite")


def test_a_loss_that_runs_away_diverged():
    growing = np.geomspace(0.7, 1e5, 30)
    assert verdict(BIG, curves(growing), results([0.5], [0.5], loss=1e5)) == ("diverged", "loss_ran_away")


def test_a_loss_far_above_guessing_at_the_accuracy_of_guessing_diverged_however_it_began():
    wild = np.linspace(80, 71, 30)
    tenth = np.full(30, 0.5)
    assert verdict(BIG, curves(wild, tenth), results(0.5, 0.5, loss=71)) == ("diverged", "loss_ran_away")
    final = results(0.5, 0.5, loss=1.3)
    assert verdict(BIG, curves(wild / 60, tenth), final) == ("underfits", "guesses")


def test_nan_after_early_stopping_is_no_divergence():
    stopped = np.where(np.arange(30) < 20, FALLING, np.nan)
    best = np.where(np.arange(30) == 14, 0.2, 0.3)  # the second seed ends after epoch 20, patience 5
    validation = np.column_stack([np.linspace(0.7, 0.2, 30), np.where(np.arange(30) < 20, best, np.nan)])
    stops = BIG.set({"train.patience": 5})
    metrics = curves(np.column_stack([FALLING, stopped]), np.full((30, 2), 0.98), validation)
    assert verdict(stops, metrics, results([0.98] * 2, [0.975] * 2)) == ("fits", "")


@pytest.mark.parametrize("finite", [0, 3])
def test_early_stopping_does_not_hide_divergence(finite):
    """The weights are those of the best epoch, or the first ones, and their loss is finite."""
    gone = np.where(np.arange(finite + 4) < finite, 0.69, np.nan)
    stops = BIG.set({"train.patience": 4})
    final = results([0.5] * 2, [0.5] * 2, loss=0.69)
    metrics = curves(np.column_stack([gone, gone]), None, np.column_stack([gone, gone]))
    assert verdict(stops, metrics, final) == ("diverged", "loss_not_finite")
    grows = np.array([0.69, 5, 50, 500, 5000])
    metrics = curves(grows, np.full(5, 0.5), grows)
    assert verdict(stops, metrics, results(0.5, 0.5, loss=0.69)) == ("diverged", "loss_ran_away")


def test_one_seed_of_four_that_diverged_is_unstable():
    some = np.column_stack([FALLING, FALLING, FALLING, FALLING * np.nan])
    final = results([0.98, 0.98, 0.98, 0.0], [0.97, 0.97, 0.97, 0.0], loss=[0.1, 0.1, 0.1, None])
    assert verdict(BIG, curves(some), final) == ("unstable", "some_seeds_diverged")


def test_seeds_that_end_far_apart_are_unstable_if_some_of_them_learn():
    apart = results([0.98, 0.97, 0.5], [0.97, 0.97, 0.5])
    assert verdict(BIG, curves(FALLING), apart) == ("unstable", "seeds_disagree")
    none_learns = results([0.88, 0.88, 0.5], [0.88, 0.88, 0.5])
    assert verdict(BIG, curves(FALLING), none_learns) == ("underfits", "below_reference")


def test_what_may_be_guessing_on_new_samples_does_not_fit():
    few = BIG.set({"data.n_samples": 100, "data.per_seed": "samples"})  # 20 validation samples a seed
    coins = [0.55, 0.35, 0.65, 0.45, 0.7]
    assert verdict(few, curves(FALLING), results([0.97] * 5, [0.95, 0.9, 1, 0.9, 1]))[0] == "fits"
    figures = results([0.97, 0.65, 0.97, 0.75, 0.97], coins)
    assert verdict(few, curves(FALLING), figures | {"train": {"loss": [0.6] * 5, "accuracy": [0.97] * 5}}) == (
        "overfits",
        "gap",
    )


def test_jumps_explain_seeds_that_end_far_apart():
    jumps = np.where(np.arange(60) % 2, 0.3, 0.8)
    apart = results([0.98, 0.7, 0.98, 0.6], [0.97, 0.7, 0.97, 0.6])
    assert verdict(BIG, curves(np.tile(jumps[:, None], 4)), apart) == ("unstable", "loss_jumps")


def test_a_loss_that_jumps_to_the_end_is_unstable():
    jumping = np.where(np.arange(30) % 2, 0.2, 0.6)
    assert verdict(BIG, curves(jumping), results([0.95] * 3, [0.95] * 3)) == ("unstable", "loss_jumps")
    rarely = np.where(np.arange(30) % 8, 0.2, 0.6)
    assert verdict(BIG, curves(rarely), results([0.97] * 3, [0.97] * 3)) == ("fits", "")


def test_a_jump_is_told_as_a_share_of_the_loss_itself_unless_that_is_low():
    def jump(low, high):
        loss = np.where(np.arange(33) % 2, low, high)
        return diagnose(curves(loss), results([0.95] * 3, [0.95] * 3), BIG).figures["jump"]

    assert jump(0.4, 0.6) == pytest.approx(0.2 / 0.5, rel=0.25)  # the median of few epochs is either
    assert jump(0.04, 0.06) == pytest.approx(0.02 / (0.3 * math.log(2)))
    assert verdict(BIG, curves(np.where(np.arange(33) % 2, 1e-4, 1e-3)), results([1.0] * 3, [1.0] * 3)) == ("fits", "")


def test_one_seed_of_five_that_jumps_makes_no_unstable_training():
    loss = np.full((30, 5), 0.2)
    loss[::2, 0] = 0.6
    assert verdict(BIG, curves(loss), results([0.97] * 5, [0.97] * 5)) == ("fits", "")
    loss[::2] = 0.6
    assert verdict(BIG, curves(loss), results([0.97] * 5, [0.97] * 5)) == ("unstable", "loss_jumps")


def test_rare_jumps_do_not_hide_a_gap():
    rarely = np.where(np.arange(30) % 8, 0.02, 0.3)
    assert verdict(BIG, curves(rarely), results([0.98] * 3, [0.78] * 3)) == ("overfits", "gap")


def test_a_loss_worse_than_guessing_is_unstable_whatever_the_score():
    high = np.linspace(9, 5, 30)
    assert verdict(BIG, curves(high), results([0.9] * 3, [0.9] * 3, loss=5.0)) == ("unstable", "loss_above_guessing")


def test_regression_is_measured_by_the_share_of_variance_left():
    variance = float(load_dataset(CELSIUS).train.y.var())
    line_left = (1 - reference_of(CELSIUS.data).score) * variance
    assert line_left == pytest.approx(0.063, abs=1e-3)  # REFERENCE.md: the least-squares optimum

    def said(mse, loss_curve, seeds=3):
        return verdict(CELSIUS, curves(loss_curve), results([mse] * seeds, score="mse", loss=mse))

    assert said(0.0631, np.geomspace(3000, 0.0631, 100)[[*range(50), *[99] * 50]]) == ("fits", "")
    assert said(500.0, np.linspace(3000, 500, 100)) == ("underfits", "below_reference")
    assert said(5.0, np.geomspace(3000, 5, 100)) == ("underfits", "still_learning")
    assert said(1e9, np.geomspace(3000, 1e9, 100)) == ("diverged", "loss_ran_away")
    assert said(3000.0, np.linspace(4000, 3000, 100), 1)[0] == "underfits"
    for epoch in (80, 66):  # where a peak lies in the second half matters no more
        peaks = np.where(np.arange(100) == epoch, 500.0, 5.0)
        assert said(5.0, peaks) == ("unstable", "loss_peaks")
    assert said(0.0631, np.where(np.arange(100) == 40, 500.0, 0.0631)) == ("fits", "")  # it has calmed down
    assert said(0.0631, np.where(np.arange(100) == 80, 0.6, 0.0631)) == ("fits", "")
    assert said(1e-9, np.where(np.arange(100) == 80, 1e-4, 1e-9)) == ("fits", "")  # the rounding of a perfect fit


def test_regression_with_a_validation_part_overfits_by_the_gap_in_variance_explained():
    variance = float(load_dataset(CELSIUS).train.y.var())
    final = results([0.07] * 3, [0.2 * variance] * 3, score="mse", loss=0.07)
    assert verdict(CELSIUS, curves(np.full(30, 0.07)), final) == ("overfits", "gap")


def test_a_diagnosis_holds_the_figures_of_its_rules():
    fresh = BIG.set({"data.per_seed": "samples"})
    said = diagnose(curves(FALLING), results([1.0] * 3, [0.80, 0.86, 0.92]), fresh)
    assert said.figures["gap"] == pytest.approx(0.14)
    assert said.figures["gap_low"] == pytest.approx(0.14 - stats.t.ppf(0.975, 2) * 0.06 / math.sqrt(3))
    assert said.figures["seeds"] == 3


def test_a_verdict_on_one_seed_is_tentative():
    one, three = (
        diagnose(curves(FALLING), final, BIG) for final in (results(1.0, 0.85), results([1.0] * 3, [0.85] * 3))
    )
    assert (one.tentative, three.tentative, diagnose(None, None, BIG).tentative) == (True, False, False)
    assert one.as_row() == {"verdict": "overfits", "reason": "gap, one seed"}
    assert three.as_row() == {"verdict": "overfits", "reason": "gap"}
    for said in (one, three, diagnose(curves(FALLING), results(0.98, 0.975), BIG)):
        again = Diagnosis.of(said.as_row())
        assert (again.verdict, again.reason, again.tentative) == (said.verdict, said.reason, said.tentative)


def test_a_loss_that_starts_sky_high_and_falls_has_not_run_away():
    falling = np.geomspace(1e6, 1e4, 30)
    assert verdict(BIG, curves(falling, FALLING * 0 + 0.9), results(0.9, 0.9, loss=1e4)) == (
        "unstable",
        "loss_above_guessing",
    )
    flat = np.full(30, 1e4)
    assert verdict(BIG, curves(flat), results(0.9, 0.9, loss=1e4)) == ("diverged", "loss_ran_away")


def test_a_network_that_has_hardly_learned_is_not_overfitting():
    """There is a gap, but the distance to the reference is much larger."""
    assert verdict(BIG, curves(FALLING), results([0.68] * 3, [0.55] * 3))[0] == "underfits"
    assert verdict(BIG, curves(FALLING), results([0.85] * 3, [0.72] * 3))[0] == "overfits"


@pytest.mark.parametrize(("gain", "rule"), [(0.018, ""), (0.022, "still_learning")])
def test_two_points_in_the_last_fifth_of_the_epochs_are_still_learning(gain, rule):
    score = 0.97 - np.arange(100)[::-1] * gain / 20
    said = diagnose(curves(np.linspace(0.7, 0.1, 100), score), results([0.97] * 3, [0.965] * 3), BIG)
    assert (said.rule, said.figures["late_gain"]) == (rule, pytest.approx(gain))


def test_a_perfect_score_is_not_still_learning():
    score = np.linspace(0.7, 1, 20)
    assert verdict(BIG, curves(FALLING[:20], score), results([1.0] * 3, [0.99] * 3)) == ("fits", "")


# -- gradients and units as the reason

DEEP = BIG.set({"model.hidden": [16] * 4})


def health_of(seeds=3, start=0.5, growth=1.0, dead=0, dead_before=0, layer=2):
    """Stored figures of a network 16-16-16-16: gradient of the first layer before training, the largest gradient after
    it (that of the last layer is 1), and dead units of one layer, the same for every seed or given by seed."""

    def look(first, largest, stuck):
        gradient = np.ones((5, seeds)) * 0.9
        gradient[0], gradient[1], gradient[-1] = first, largest, 1.0
        units = np.zeros((5, seeds))
        units[layer - 1] = stuck
        return {"gradient": gradient.tolist(), "deviation": np.ones((5, seeds)).tolist(), "dead": units.tolist()}

    return {"before": look(start, 0.9, dead_before), "after": look(0.5, growth, dead)}


GUESSES = results([0.5] * 3, [0.5] * 3, loss=math.log(2))
WEAK = results([0.85] * 3, [0.85] * 3)
GOOD = results([0.98] * 3, [0.975] * 3)
DISAGREE = results([0.98, 0.6, 0.6], [0.97, 0.6, 0.6])
LOST = results([0.0] * 3, [0.0] * 3, loss=[None] * 3)
FOUND = {
    "vanishing_gradients": health_of(start=1 / 200),
    "exploding_gradients": health_of(growth=500),
    "dead_units": health_of(dead=12),
}


@pytest.mark.parametrize("reason", FOUND)
@pytest.mark.parametrize("final", [GUESSES, WEAK, DISAGREE])
def test_findings_explain_why_a_network_did_not_learn(reason, final):
    expected = verdict(DEEP, curves(FALLING), final)[0]
    said = diagnose(curves(FALLING), final | {"signals": FOUND[reason]}, DEEP)
    assert (said.verdict, said.reason, said.notes) == (expected, reason, ())


@pytest.mark.parametrize("reason", FOUND)
def test_findings_on_a_network_that_learned_are_notes(reason):
    said = diagnose(curves(FALLING, FALLING * 0 + 0.98), GOOD | {"signals": FOUND[reason]}, DEEP)
    assert (said.verdict, said.reason, said.notes) == ("fits", "", (reason,))
    said = diagnose(curves(FALLING), results([1.0] * 3, [0.85] * 3) | {"signals": FOUND[reason]}, DEEP)
    assert (said.verdict, said.reason, said.notes) == ("overfits", "gap", (reason,))


def test_exploding_gradients_explain_divergence():
    for final in (LOST, results([0.98, 0.98, 0.98], [0.97] * 3, loss=[0.1, 0.1, None])):
        expected = verdict(DEEP, curves(FALLING), final)[0]
        said = diagnose(curves(FALLING), final | {"signals": FOUND["exploding_gradients"]}, DEEP)
        assert (said.verdict, said.reason) == (expected, "exploding_gradients")
    for sign in ("vanishing_gradients", "dead_units"):  # these stop learning, they do not make it diverge
        assert diagnose(None, LOST | {"signals": FOUND[sign]}, DEEP).reason == "loss_not_finite"


def test_a_gradient_too_large_for_numbers_before_training_explodes():
    inside = health_of()
    inside["before"]["gradient"][1] = [None] * 3
    inside["after"] = {name: [[None] * 3] * 5 for name in inside["after"]}
    assert diagnose(None, LOST | {"signals": inside}, DEEP).reason == "exploding_gradients"


def test_weights_that_are_not_finite_do_not_prove_exploding_gradients():
    inside = health_of()
    inside["after"] = {name: [[None] * 3] * 5 for name in inside["after"]}
    said = diagnose(None, LOST | {"signals": inside}, DEEP)
    assert (said.verdict, said.reason, said.notes) == ("diverged", "loss_not_finite", ())


def test_most_seeds_decide_and_a_dead_layer_in_one_is_a_note():
    one = health_of(dead=[16, 2, 0], start=[1e-6, 0.5, 0.5])
    said = diagnose(curves(FALLING), WEAK | {"signals": one}, DEEP)
    assert (said.verdict, said.reason, said.notes) == ("underfits", "below_reference", ("dead_layers",))
    assert said.figures["dead_layers"] == 1


def test_the_thresholds_of_the_findings():
    def reason(**inside):
        return diagnose(curves(FALLING), WEAK | {"signals": health_of(**inside)}, DEEP).reason

    assert reason(start=1.01 * LIMITS["vanishing_gradients"]) == "below_reference"
    assert reason(start=0.99 * LIMITS["vanishing_gradients"]) == "vanishing_gradients"
    assert reason(growth=0.99 * LIMITS["exploding_gradients"]) == "below_reference"
    assert reason(growth=1.01 * LIMITS["exploding_gradients"]) == "exploding_gradients"
    assert reason(dead=16 * LIMITS["dead_units"] - 1) == "below_reference"
    assert reason(dead=16 * LIMITS["dead_units"]) == "dead_units"


def test_a_quarter_of_all_units_dead_is_a_note():
    for dead, notes in ((8, ("dead_share",)), (7, ())):
        signals = health_of()
        signals["after"]["dead"][0] = signals["after"]["dead"][1] = [dead] * 3  # of 64 units in all
        assert diagnose(curves(FALLING), GOOD | {"signals": signals}, DEEP).notes == notes


def test_a_diagnosis_holds_the_figures_of_gradients_and_units():
    figures = diagnose(curves(FALLING), WEAK | {"signals": health_of(start=0.002, growth=7, dead=12)}, DEEP).figures
    assert figures["gradient_start"] == pytest.approx(0.002)
    assert figures["growth_end"] == pytest.approx(7)
    assert (figures["dead"], figures["units"], figures["layer"], figures["dead_share"]) == (12, 16, 2, 12 / 64)


def test_dead_units_are_those_of_the_seed_in_the_middle():
    signals = {"signals": health_of(dead=[14, 0, 4])}
    assert diagnose(curves(FALLING), WEAK | signals, DEEP).figures["dead"] == 4


# -- real trainings, one of each kind

TINY = presets["activations"].set({"data.n_samples": 300, "train.epochs": 30, "model.activation": "relu"})
REAL = {
    "fits": ({"model.hidden": [16, 16], "model.init": "kaiming", "train.epochs": 60}, ("fits", "")),
    "vanishing": ({"model.hidden": [8] * 10, "model.activation": "sigmoid"}, ("underfits", "vanishing_gradients")),
    "exploding": (
        {"model.hidden": [16] * 10, "model.init": "normal", "model.init_scale": 2.0, "train.optimizer": "sgd"},
        ("diverged", "exploding_gradients"),
    ),
    "dead": ({"model.hidden": [16] * 4, "train.lr": 3.0}, ("underfits", "dead_units")),
    "too_long_steps": (
        {"data.name": "celsius", "model.activation": "none", "train.optimizer": "sgd", "train.lr": 1.0},
        ("diverged", "loss_not_finite"),
    ),
    "too_few": ({"model.hidden": []}, ("underfits", "below_reference")),
}


@pytest.mark.parametrize("name", REAL)
def test_real_networks_get_the_right_reason(name):
    changes, expected = REAL[name]
    experiment = TINY.set(changes)
    result = train(experiment, 3).result()
    said = diagnose(result.metrics, results_of(result), experiment)
    assert (said.verdict, said.reason) == expected, said.figures


def test_the_remedies_for_vanishing_gradients_help():
    for changes in ({"model.activation": "relu", "model.init": "kaiming"}, {"model.norm": "batch"}):
        experiment = TINY.set({"model.hidden": [8] * 10, "model.activation": "sigmoid", **changes})
        result = train(experiment, 3).result()
        said = diagnose(result.metrics, results_of(result), experiment)
        assert "vanishing_gradients" not in (said.reason, *said.notes)
        assert said.figures["train"] > 0.8


# -- for any curves


@st.composite
def runs(draw):
    """Any curves, final scores and figures of gradients and units."""
    seeds, epochs = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    share = st.floats(0, 1)
    losses = st.one_of(st.floats(0, 2), st.floats(0, 1e9), st.just(math.nan), st.just(math.inf))

    def table(values):
        return np.array(draw(st.lists(values, min_size=seeds * epochs, max_size=seeds * epochs))).reshape(epochs, -1)

    def row(values):
        return draw(st.lists(values, min_size=seeds, max_size=seeds))

    metrics = curves(table(losses), table(share), table(losses), table(share)) if draw(st.booleans()) else None
    final = results(row(share), row(share) if draw(st.booleans()) else None, loss=row(losses))
    if draw(st.booleans()):
        sizes = st.floats(0, 1e12) | st.just(None)
        final["signals"] = {
            when: {name: [row(sizes) for _ in range(5)] for name in ("gradient", "deviation")}
            | {"dead": [row(st.integers(0, 16)) for _ in range(5)]}
            for when in ("before", "after")
        }
    return metrics, final


@settings(deadline=None)
@given(runs())
def test_a_verdict_never_contradicts_the_curves(run):
    metrics, final = run
    said = diagnose(metrics, final, DEEP)
    train_score, loss = np.array(final["train"]["accuracy"]), np.array(final["train"]["loss"])
    assert said.verdict in ("underfits", "fits", "overfits", "diverged", "unstable")
    assert not set(said.notes) & {said.reason}
    if not np.isfinite(loss).all():
        assert said.verdict in ("diverged", "unstable")
    if metrics is None and loss.max() <= math.log(2):
        assert said.verdict != "diverged"
    if (train_score == 1).all():
        assert said.verdict != "underfits"
    if said.verdict == "overfits":
        assert np.mean(train_score) > np.mean(final["validation"]["accuracy"])
    if said.verdict in ("fits", "overfits"):
        assert said.reason in ("", "gap", "validation_turned")
        assert np.isfinite(loss).all()
    if said.verdict == "fits":
        assert np.mean(train_score) > 0.9  # the accuracy of the neighbours on these moons, less the margin
