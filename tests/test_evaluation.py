"""Scores against scikit-learn, intervals against SciPy, and a verdict for every constructed case."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from nnlab import draws, evaluation, load_dataset, presets
from nnlab.evaluation import confusion, diagnose, evaluate, interval, line, pictures, predict, surface, yardstick
from nnlab.spec import Experiment

SEEDS = (0, 3)
MOONS = presets["activations"].set({"data.n_samples": 100})
THREE = Experiment.of({"data": {"name": "synthetic", "classes": 3, "features": 2, "n_samples": 60}})
DIGITS = Experiment.of({"data": {"name": "digits", "n_samples": 100}})
CELSIUS = presets["celsius"]


def made(experiment):
    return draws.stacked_weights(experiment, SEEDS), load_dataset(experiment)


# -- scores


@pytest.mark.parametrize("experiment", [MOONS, THREE, DIGITS, CELSIUS])
def test_a_part_measured_in_pieces_is_measured_as_a_whole(experiment, monkeypatch):
    weights, dataset = made(experiment)
    classes = experiment.task != "regression"

    def measured():
        scores = evaluate(experiment, weights, dataset, "train")
        return scores, confusion(experiment, weights, dataset, "train") if classes else None

    whole = measured()
    monkeypatch.setattr(evaluation, "_ANSWERS", 7 * len(SEEDS) * experiment.outputs)
    pieces = measured()
    for name, values in whole[0].items():
        np.testing.assert_allclose(pieces[0][name], values, rtol=1e-6)
    np.testing.assert_array_equal(pieces[1], whole[1])


@pytest.mark.parametrize("experiment", [MOONS, MOONS.set({"train.loss": "cross_entropy"}), THREE, DIGITS])
def test_class_scores_are_those_of_scikit_learn(experiment):
    weights, dataset = made(experiment)
    for part in ("train", "validation", "test"):
        samples = dataset.part(part)
        got = evaluate(experiment, weights, dataset, part)
        probabilities = predict(experiment, weights, dataset, samples.x)
        assert set(got) == {"loss", "accuracy"}
        for i in range(len(SEEDS)):
            p = probabilities[i]
            full = np.column_stack([1 - p, p]) if p.shape[1] == 1 else p
            assert full.sum(axis=1) == pytest.approx(1)
            assert got["accuracy"][i] == pytest.approx(sk.accuracy_score(samples.y, full.argmax(axis=1)))
            every = list(range(experiment.data.classes))
            assert got["loss"][i] == pytest.approx(sk.log_loss(samples.y, full, labels=every), rel=1e-6)


def test_regression_scores_are_those_of_scikit_learn():
    weights, dataset = made(CELSIUS)
    got = evaluate(CELSIUS, weights, dataset, "train")
    answer = predict(CELSIUS, weights, dataset, dataset.train.x)
    for i in range(len(SEEDS)):
        truth, guess = dataset.train.y[:, 0], answer[i, :, 0]
        assert got["mse"][i] == got["loss"][i] == pytest.approx(sk.mean_squared_error(truth, guess))
        assert got["mae"][i] == pytest.approx(sk.mean_absolute_error(truth, guess))
        assert got["r2"][i] == pytest.approx(sk.r2_score(truth, guess))


def test_an_empty_part_has_no_scores():
    weights, dataset = made(CELSIUS)
    assert evaluate(CELSIUS, weights, dataset, "validation") is None
    assert evaluate(CELSIUS, weights, dataset, "test") is None


def test_the_loss_stays_exact_where_probabilities_are_0_and_1():
    experiment = MOONS.set({"model.hidden": []})
    weights, dataset = made(experiment)
    huge = {name: values * 1e6 for name, values in weights.items()}
    got = evaluate(experiment, huge, dataset, "train")["loss"]
    z = dataset.scaling.apply(dataset.train.x).astype(float) @ huge["0.weight"][0] + huge["0.bias"][0]  # (n, 1)
    wrong = np.where(dataset.train.y == 1, -z[:, 0], z[:, 0])
    assert got[0] == pytest.approx(np.maximum(wrong, 0).mean(), rel=1e-4)  # log(1 + e^z) is max(z, 0) far out


def test_weights_that_ran_away_are_never_right():
    weights, dataset = made(MOONS)
    weights["0.weight"][1] = np.nan
    got = evaluate(MOONS, weights, dataset, "train")
    assert got["accuracy"][1] == 0
    assert math.isnan(got["loss"][1])
    assert np.isfinite(got["loss"][0])


def test_predict_takes_one_sample_and_no_sample_and_names_a_wrong_shape():
    weights, dataset = made(MOONS)
    assert predict(MOONS, weights, dataset, [0.0, 1.0]).shape == (2, 1, 1)
    assert predict(MOONS, weights, dataset, np.empty((0, 2))).shape == (2, 0, 1)
    with pytest.raises(ValueError, match=r"x: got shape \(1, 3\), allowed is \(n, 2\)"):
        predict(MOONS, weights, dataset, [1, 2, 3])


def test_samples_beyond_one_chunk_are_answered_alike(monkeypatch):
    weights, dataset = made(DIGITS)
    whole = predict(DIGITS, weights, dataset, dataset.train.x)
    monkeypatch.setattr(evaluation, "_CHUNK", 7)
    assert predict(DIGITS, weights, dataset, dataset.train.x) == pytest.approx(whole, abs=1e-6)


def test_confusion_counts_every_sample_once():
    weights, dataset = made(DIGITS)
    guessed = predict(DIGITS, weights, dataset, dataset.validation.x).argmax(axis=2)
    each = [sk.confusion_matrix(dataset.validation.y, guess, labels=range(10)) for guess in guessed]
    assert (confusion(DIGITS, weights, dataset, seed_index=1) == each[1]).all()
    assert confusion(DIGITS, weights, dataset) == pytest.approx(np.mean(each, axis=0))
    with pytest.raises(ValueError, match="classes"):
        confusion(CELSIUS, *made(CELSIUS))


# -- intervals


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


# -- pictures


def test_the_surface_has_square_cells_over_all_the_data_and_does_not_move():
    weights, dataset = made(MOONS)
    cells = surface(MOONS, weights, dataset, size=40)
    across, up = np.unique(cells.x), np.unique(cells.y)
    assert len(across) == 40
    assert len(cells) == 40 * len(up)
    assert np.diff(across) == pytest.approx(np.diff(up)[0])
    assert across[0] < dataset.train.x[:, 0].min()
    assert across[-1] > dataset.train.x[:, 0].max()
    assert up[0] < dataset.train.x[:, 1].min()
    assert up[-1] > dataset.train.x[:, 1].max()
    later = surface(MOONS, {name: values + 1 for name, values in weights.items()}, dataset, size=40)
    assert (later[["x", "y"]] == cells[["x", "y"]]).all(axis=None)


def test_the_surface_is_the_mean_of_what_the_seeds_answer():
    for experiment in (MOONS, MOONS.set({"train.loss": "cross_entropy"})):
        weights, dataset = made(experiment)
        both = surface(experiment, weights, dataset, size=10)
        each = [surface(experiment, weights, dataset, size=10, seed_index=i).value.to_numpy() for i in range(2)]
        assert both.value.to_numpy() == pytest.approx((each[0] + each[1]) / 2)
        centres = both[["x", "y"]].to_numpy(np.float32)
        assert each[1] == pytest.approx(predict(experiment, weights, dataset, centres)[1, :, -1], abs=1e-6)
        assert (both.label == (both.value > 0.5)).all()


def test_with_three_classes_the_surface_shows_the_likeliest():
    weights, dataset = made(THREE)
    cells = surface(THREE, weights, dataset, size=10)
    assert set(cells.label) <= {0, 1, 2}
    assert (cells.value >= 1 / 3 - 1e-9).all()


def test_data_without_a_plane_has_no_surface():
    with pytest.raises(ValueError, match="got data with 64 inputs"):
        surface(DIGITS, *made(DIGITS))


def test_the_line_passes_through_what_is_predicted():
    weights, dataset = made(CELSIUS)
    fitted = line(CELSIUS, weights, dataset, size=5)
    answer = predict(CELSIUS, weights, dataset, fitted[["x"]].to_numpy(np.float32))[:, :, 0]
    assert fitted.value.to_numpy() == pytest.approx(answer.mean(axis=0), abs=1e-5)
    assert fitted.low.to_numpy() == pytest.approx(answer.min(axis=0), abs=1e-5)
    assert fitted.high.to_numpy() == pytest.approx(answer.max(axis=0), abs=1e-5)
    assert fitted.x.min() < -40 < 38 < fitted.x.max()


def test_pictures_come_with_what_they_are_taken_for():
    weights, dataset = made(DIGITS)
    shown = pictures(DIGITS, weights, dataset, count=5, seed_index=1)
    answer = predict(DIGITS, weights, dataset, dataset.validation.x[:5])[1]
    assert [picture.pixels.shape for picture in shown] == [(8, 8)] * 5
    assert [picture.label for picture in shown] == dataset.validation.y[:5].tolist()
    assert [picture.predicted for picture in shown] == answer.argmax(axis=1).tolist()
    assert [picture.probability for picture in shown] == pytest.approx(answer.max(axis=1))


# -- the verdict


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


# -- the package


def test_importing_nnlab_is_light_and_names_load_when_asked_for():
    code = (
        "import sys, nnlab; heavy = {'torch', 'streamlit', 'pandas', 'sklearn', 'numpy'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "from nnlab import Experiment, Comparison, presets, load_dataset, train, compare; "
        "from nnlab import evaluation, comparison, export; "
        "assert not {'torch', 'streamlit', 'sklearn'} & set(sys.modules); "
        "from nnlab import build_model; assert 'torch' in sys.modules; "
        "assert set(nnlab.__all__) <= set(dir(nnlab))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    import nnlab

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nnlab.nothing
