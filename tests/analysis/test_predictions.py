"""Scores against scikit-learn, and pictures against the predictions behind them."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as sk

from nnlab import load_dataset, presets
from nnlab.analysis import predictions
from nnlab.analysis.predictions import line, pictures, predict, surface
from nnlab.analysis.scores import confusion, evaluate
from nnlab.engines import random_streams
from nnlab.spec import Experiment

SEEDS = (0, 3)
MOONS = presets["activations"].set({"data.n_samples": 100})
THREE = Experiment.of({"data": {"name": "synthetic", "classes": 3, "features": 2, "n_samples": 60}})
DIGITS = Experiment.of({"data": {"name": "digits", "n_samples": 100}})
CELSIUS = presets["celsius"]


def made(experiment):
    return random_streams.stacked_weights(experiment, SEEDS), load_dataset(experiment)


# -- scores


@pytest.mark.parametrize("experiment", [MOONS, THREE, DIGITS, CELSIUS])
def test_a_part_measured_in_pieces_is_measured_as_a_whole(experiment, monkeypatch):
    weights, dataset = made(experiment)
    classes = experiment.task != "regression"

    def measured():
        scores = evaluate(experiment, weights, dataset, "train")
        return scores, confusion(experiment, weights, dataset, "train") if classes else None

    whole = measured()
    monkeypatch.setattr(predictions, "_OUTPUTS", 7 * len(SEEDS) * experiment.outputs)
    pieces = measured()
    for name, values in whole[0].items():
        np.testing.assert_allclose(pieces[0][name], values, rtol=1e-6)
    np.testing.assert_array_equal(pieces[1], whole[1])


@pytest.mark.parametrize("experiment", [MOONS, MOONS.set({"train.loss": "cross_entropy"}), THREE, DIGITS])
def test_class_scores_are_those_of_scikit_learn(experiment):
    weights, dataset = made(experiment)
    for part in ("train", "validation", "test"):
        samples = getattr(dataset, part)
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
    monkeypatch.setattr(predictions, "_CHUNK", 7)
    assert predict(DIGITS, weights, dataset, dataset.train.x) == pytest.approx(whole, abs=1e-6)


def test_confusion_counts_every_sample_once():
    weights, dataset = made(DIGITS)
    guessed = predict(DIGITS, weights, dataset, dataset.validation.x).argmax(axis=2)
    each = [sk.confusion_matrix(dataset.validation.y, guess, labels=range(10)) for guess in guessed]
    assert (confusion(DIGITS, weights, dataset, seed_index=1) == each[1]).all()
    assert confusion(DIGITS, weights, dataset) == pytest.approx(np.mean(each, axis=0))
    with pytest.raises(ValueError, match="classes"):
        confusion(CELSIUS, *made(CELSIUS))


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


def test_with_squares_alone_a_circle_needs_no_hidden_layer():
    from nnlab import train

    changes = {"data.name": "circles", "data.noise": 0.05, "model.hidden": [], "train.lr": 0.1, "train.engine": "numpy"}
    circles = Experiment().set({**changes, "data.terms": ["x1_squared", "x2_squared"]})
    result = train(circles, SEEDS).result()
    assert result.evaluate("validation")["accuracy"].min() == 1
    assert result.predict([[0, 0.2], [1, 0], [0, -1]])[..., 0] == pytest.approx(np.array([[1, 0, 0]] * 2), abs=0.1)
    cells = surface(circles, result.stacked, result.dataset, size=20)
    radius = np.hypot(cells["x"], cells["y"])
    assert (cells["label"][radius < 0.6] == 1).all()
    assert (cells["label"][radius > 0.9] == 0).all()
    straight = train(circles.set({"data.terms": ["x1", "x2"]}), SEEDS).result()
    assert straight.evaluate("train")["accuracy"].max() < 0.8
    with pytest.raises(ValueError, match=r"allowed is \(n, 2\)"):
        result.predict([[1.0]])


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
    pixels, labels, predicted, probability = pictures(DIGITS, weights, dataset, count=5, seed_index=1)
    answer = predict(DIGITS, weights, dataset, dataset.validation.x[:5])[1]
    assert pixels.tolist() == dataset.validation.x[:5].tolist()
    assert labels.tolist() == dataset.validation.y[:5].tolist()
    assert predicted.tolist() == answer.argmax(axis=1).tolist()
    assert probability == pytest.approx(answer.max(axis=1))


# -- the package


def test_importing_nnlab_is_light_and_names_load_when_asked_for():
    code = (
        "import sys, nnlab; heavy = {'torch', 'streamlit', 'pandas', 'sklearn', 'numpy'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "from nnlab import Experiment, Comparison, presets, load_dataset, train, compare; "
        "from nnlab.analysis import predictions; from nnlab.comparison import table; "
        "from nnlab.export import notebook, tables; "
        "import nnlab.spec.layer_table, nnlab.training.loop; "
        "assert not {'torch', 'streamlit', 'sklearn'} & set(sys.modules); "
        "from nnlab import build_model; assert 'torch' not in sys.modules; "
        "build_model(Experiment()); assert 'torch' in sys.modules; "
        "assert set(nnlab.__all__) <= set(dir(nnlab))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    import nnlab

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nnlab.nothing
