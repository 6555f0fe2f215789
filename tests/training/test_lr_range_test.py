"""The learning rate range test: what it suggests trains well, and it never suggests what goes up."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nnlab import presets, train
from nnlab.jobs.limits import LimitError
from nnlab.lab import open_lab
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.training.lr_range_test import RangeTest, range_test, subject_of

MOONS = presets["activations"]


def made(losses: Any, rates: Any = None) -> RangeTest:
    """A test with these losses (steps,) of one seed."""
    losses = np.asarray(losses, float)
    rates = np.geomspace(1e-6, 10, len(losses)) if rates is None else np.asarray(rates)
    return RangeTest(MOONS, (0,), rates, losses[:, None])


def final_loss(experiment: Experiment, rate: float) -> float:
    """The training loss at the end, mean of three seeds."""
    training = train(experiment.set({"train.lr": rate}), 3)
    training.result()
    return float(training.history[-1].train_loss.mean())


@pytest.mark.parametrize(
    "experiment",
    [
        MOONS,
        MOONS.vary("depth", 8).vary("activation", "relu"),
        MOONS.vary("depth", 0).vary("engine", "numpy"),
        MOONS.vary("norm", "batch").vary("optimizer", "sgd"),
        presets["binary"],
        presets["celsius"].set({"train.epochs": 300}),
        Experiment.of({"data": {"name": "digits"}, "model": {"hidden": [32]}, "train": {"epochs": 20}}),
    ],
    ids=["moons", "deep", "linear", "sgd", "binary", "celsius", "digits"],
)
def test_what_is_suggested_trains_about_as_well_as_the_best_of_a_grid(experiment: Experiment) -> None:
    suggested = range_test(experiment).suggested
    assert suggested is not None
    best = min(final_loss(experiment, rate) for rate in (1e-4, 1e-3, 1e-2, 0.1, 1))
    assert final_loss(experiment, suggested) < 3 * best


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("name", ["activations", "celsius"])
def test_no_optimizer_diverges_at_the_rate_suggested(name: str, optimizer: str) -> None:
    experiment = presets[name].set({"train.optimizer": optimizer, "train.epochs": 60})
    test = range_test(experiment)
    assert test.suggested is not None
    assert test.suggested < test.rates[np.argmin(test.smoothed)]
    assert final_loss(experiment, test.suggested) < test.losses[0].mean()


def test_a_network_that_cannot_learn_gets_no_suggestion() -> None:
    assert range_test(MOONS.vary("init", "zeros")).suggested is None
    assert range_test(MOONS.vary("init", "normal").set({"model.init_scale": 0})).suggested is None


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_the_same_call_gives_the_same_numbers(engine: str) -> None:
    experiment = MOONS.set({"model.dropout": 0.2, "model.norm": "batch", "train.engine": engine})
    one, other = range_test(experiment, seeds=[3, 5]), range_test(experiment, seeds=[3, 5])
    assert_array_equal(one.rates, other.rates)
    assert_array_equal(one.losses, other.losses)
    assert one.losses.shape == (len(one.rates), 2)


def test_both_engines_see_the_same_losses() -> None:
    one, other = (range_test(MOONS.set({"model.dropout": 0.2, "train.engine": e})) for e in ("torch", "numpy"))
    early = one.rates < 0.01  # later on rounding grows
    np.testing.assert_allclose(one.losses[early], other.losses[early], rtol=1e-3)
    assert one.suggested == other.suggested


@pytest.mark.parametrize("engine", ["torch", "numpy"])
@pytest.mark.parametrize("model", [{"dropout": 0.4}, {"norm": "batch"}])
def test_measuring_within_an_epoch_changes_nothing(engine: str, model: dict[str, Any]) -> None:
    experiment = Experiment.of({"data": {"n_samples": 60}, "model": model, "train": {"engine": engine, "epochs": 1}})
    alone, watched = train(experiment), train(experiment)
    rates, active = np.full(experiment.steps_per_epoch, 0.01), np.array([True])
    alone.engine.run_steps(1, 0, rates, active)
    for step in range(len(rates)):
        watched.engine.scores([watched.dataset.train], active)
        watched.engine.run_steps(1, step, rates[:1], active)
    for name, array in alone.engine.weights().items():
        assert_array_equal(array, watched.engine.weights()[name], err_msg=name)


def test_batch_normalisation_does_not_learn_from_standing_still() -> None:
    test = range_test(MOONS.vary("norm", "batch"), high=1e-5, steps=20)
    assert test.suggested is None


def test_the_test_ends_where_the_loss_goes_up() -> None:
    test = range_test(presets["celsius"].set({"train.optimizer": "sgd"}))
    mean = test.losses.mean(axis=1)
    assert len(test.rates) < 100
    assert (mean[:-1] <= 4 * np.minimum.accumulate(mean)[:-1]).all()
    assert not mean[-1] <= 4 * mean.min()


def test_few_samples_are_gone_over_again_and_again() -> None:
    test = range_test(presets["celsius"], seeds=1)  # seven samples: one step an epoch
    assert len(test.rates) > 50


def test_the_suggestion_is_where_a_known_curve_falls_most_steeply() -> None:
    place = np.log(np.geomspace(1e-6, 10, 100))
    fall = 1 / (1 + np.exp(2 * (place - np.log(1e-3))))  # from 1 to 0, steepest at 0.001
    rise = 1 / (1 + np.exp(-4 * (place - np.log(1))))
    assert made(fall + rise).suggested == pytest.approx(1e-3, rel=0.2)


def test_the_suggestion_keeps_away_from_the_edge() -> None:
    losses = [*np.ones(60), *np.linspace(1, 0.2, 10), *np.full(20, 0.75)]  # down a cliff, and up again
    test = made(losses)
    assert test.suggested is not None
    assert test.suggested <= 1.5 * test.rates[np.argmin(test.smoothed)] / 3  # one significant digit: half a one more


@pytest.mark.parametrize(
    "losses", [[np.nan], [np.inf], [1.0], [1.0, np.nan], [1, 1, 1, 5], [1, 1.2, 1.5, np.inf], np.ones(100)]
)
def test_a_loss_that_does_not_fall_suggests_nothing(losses: list[float]) -> None:
    assert made(losses).suggested is None


def test_an_infinite_end_leaves_the_suggestion_as_it_is() -> None:
    losses = [*np.ones(50), *np.linspace(1, 0.1, 30)]
    ends = [made([*losses, end], np.geomspace(1e-6, 1, 81)).suggested for end in (0.5, 1e30, np.inf, np.nan)]
    assert len(set(ends)) == 1
    assert ends[0] is not None


def test_rate_schedule_epochs_and_patience_make_no_difference() -> None:
    other = MOONS.set({"train.lr": 3.0, "train.schedule": "cosine", "train.epochs": 7, "train.patience": 2})
    assert subject_of(other) == subject_of(MOONS)
    assert subject_of(MOONS.set({"train.batch_size": 8})) != subject_of(MOONS)


def test_an_answer_travels_from_a_worker() -> None:
    test = range_test(MOONS, seeds=2, steps=30)
    back = pickle.loads(pickle.dumps(test))
    assert back.suggested == test.suggested


def test_mnist_is_answered_from_a_part_of_it(mnist_dir: Any) -> None:
    test = range_test(presets["mnist"])
    assert test.suggested is not None
    assert 1e-3 <= test.suggested <= 1e-2


# -- asked of the lab --------------------------------------------------------------------------------------------------


def test_the_lab_asks_a_worker_for_what_the_limits_allow(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, asked = open_lab(), []
    monkeypatch.setattr(lab._dispatcher, "submit", lambda question, *given: asked.append((question, given)))
    lab.rate_test(MOONS)
    ((question, given),) = asked
    assert (question.func, question.keywords, given) == (range_test, {"source": None}, (MOONS, (0, 1, 2)))
    with pytest.raises(LimitError, match="parameters"):
        lab.rate_test(MOONS.vary("width", 4096).vary("depth", 3))
    with pytest.raises(SpecError, match="not on this machine"):
        lab.rate_test(presets["mnist"])


def test_a_network_that_starts_from_another_is_tested_from_there(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, asked = open_lab(), []
    monkeypatch.setattr(lab._dispatcher, "submit", lambda question, *given: asked.append((question, given)))
    monkeypatch.setattr("nnlab.lab.LONGEST_SOURCE", 0.0)
    source = MOONS.set({"train.epochs": 5})
    start = MOONS.set({"train.start_from": {"experiment": source.plain(), "layers": 1, "frozen": 1}})
    with pytest.raises(SpecError, match="has not been trained under these seeds"):
        lab.rate_test(start, seeds=2)
    lab.train_here(source, 3)
    lab.rate_test(start, seeds=2)
    ((question, given),) = asked
    trained = train(source, 2).result().stacked
    for name, array in question.keywords["source"].items():
        np.testing.assert_allclose(array, trained[name], rtol=1e-4, atol=1e-5)
    assert question(*given).losses[0] != pytest.approx(range_test(MOONS, 2).losses[0], rel=1e-3)
