"""The NumPy engine and PyTorch's give the same curves; all engines the same bits twice, pause and resume."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from nnlab.datasets import load_dataset
from nnlab.engines.compiled_engine import CompiledEngine
from nnlab.engines.numpy_engine import NumpyEngine
from nnlab.engines.random_streams import learning_rates, stacked_weights
from nnlab.engines.torch_engine import TorchEngine
from nnlab.scratch import network
from nnlab.scratch.core import LogSoftmax
from nnlab.scratch.losses import LOSSES
from nnlab.spec import Activation, DataSpec, Experiment, ModelSpec, Norm, Optimizer, TrainSpec
from nnlab.training.api import train

EVERYTHING = ModelSpec(hidden=(6, 6), activation="gelu", norm="batch", dropout=0.2, residual=True)


def experiment(data: str = "moons", n_samples: int = 60, model: ModelSpec = EVERYTHING, **training) -> Experiment:
    training = {"engine": "numpy", "batch_size": 16, "epochs": 4, **training}
    return Experiment(data=DataSpec(name=data, n_samples=n_samples), model=model, train=TrainSpec(**training))


BOTH = np.ones(2, np.bool_)
"""Two replicates, both active."""


def rates(spec: Experiment) -> np.ndarray:
    """Of the first epoch; of every epoch where they are constant."""
    return learning_rates(spec.train, spec.steps_per_epoch, 1)


def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


# -- both engines ----------------------------------------------------------------------------------------------------


def losses_by_epoch(engine: type, spec: Experiment, seeds: tuple[int, ...]) -> np.ndarray:
    """The training loss of every epoch and seed (epochs, seeds), as training itself sees it: with the mean and
    variance of the batch, in double precision, by one ruler for both engines."""
    data = load_dataset(spec)
    x = data.scaling.apply(data.train.x).astype(np.float64)
    classes = spec.loss == "cross_entropy"
    t = np.eye(spec.outputs)[data.train.y] if classes else data.train.y.astype(float).reshape(len(x), -1)
    runner, curve = engine(spec, seeds, data, stacked_weights(spec, seeds)), []
    for epoch in range(1, spec.train.epochs + 1):
        runner.run_steps(epoch, 0, rates(spec), BOTH)
        weights = {name: array.astype(np.float64) for name, array in runner.weights().items()}
        layers = [layer.__class__(**{**vars(layer), "dropout": 0.0}) for layer in spec.layers]
        y = network.build(layers, weights).forward(x)
        curve.append(LOSSES[spec.loss]().forward(LogSoftmax().forward(y) if classes else y, t))
    return np.array(curve)


# Both engines sum in an order of their own, and training enlarges the difference that rounding makes: after 200 steps
# it depends on the processor. After 20 small steps it is below 1e-7 with and without AVX. A bias before batch
# normalisation has the gradient 0, of which rounding leaves noise that Adam scales up to whole steps. These biases
# differ, and with them the running means, so losses are compared and not weights.
RATES = {"sgd": 0.05, "momentum": 0.005, "nesterov": 0.005, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_20_steps_of_both_engines_agree(optimizer, activation, norm):
    model = ModelSpec(hidden=(8, 8), activation=activation, norm=norm, init="xavier")
    spec = experiment("gaussians", 200, model, optimizer=optimizer, lr=RATES[optimizer], batch_size=24, epochs=4)
    assert spec.steps_per_epoch * spec.train.epochs == 20
    ours, theirs = (losses_by_epoch(engine, spec, (0, 1)) for engine in (NumpyEngine, TorchEngine))
    assert np.abs(ours - theirs).max() < 1e-6
    assert (ours[-1] < ours[0]).all()


@pytest.mark.parametrize("data", ["moons", "synthetic", "digits", "celsius"])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_both_engines_agree_on_every_task_with_dropout_skips_and_a_smaller_last_batch(data, l2, schedule):
    model = ModelSpec(hidden=(6, 6), activation="tanh", norm="layer", dropout=0.3, residual=True)
    spec = experiment(data, 100, model, optimizer="adamw", lr=0.002, l2=l2, schedule=schedule, batch_size=14, epochs=8)
    assert data == "celsius" or spec.data.sizes[0] % spec.train.batch_size
    ours, theirs = (train(spec.set({"train.engine": e}), 2).result().metrics for e in ("numpy", "torch"))
    for name in ("train_loss", "train_score", "validation_loss", "validation_score"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kept", [True, False])
def test_all_engines_take_the_input_features_of_every_seed(kept, monkeypatch):
    monkeypatch.setattr("nnlab.engines.numpy_engine._MAX_SCALED", 10**6 * kept)  # scaled once, or for every step
    spec = experiment("circles", 100, ModelSpec(hidden=(4,), activation="tanh"), optimizer="sgd", lr=0.05)
    spec = spec.set({"data.terms": ["x1_squared", "x2", "sin_x1"], "data.per_seed": "samples"})
    ours, *others = (train(spec.set({"train.engine": e}), 2).result() for e in ("numpy", "torch", "auto"))
    assert ours.stacked["0.weight"].shape == (2, 3, 4)
    for theirs in others:
        for name, array in ours.stacked.items():
            np.testing.assert_allclose(theirs.stacked[name], array, atol=1e-5)


@pytest.mark.parametrize("data", ["moons", "digits"])
@pytest.mark.parametrize("engine", [CompiledEngine, NumpyEngine, TorchEngine])
def test_an_epoch_in_pieces_equals_the_whole_epoch(engine, data):
    spec = experiment(data, 200)
    dataset, start, steps = load_dataset(spec), stacked_weights(spec, (0, 1)), rates(spec)
    whole, pieces = (engine(spec, (0, 1), dataset, start) for _ in range(2))
    for epoch in (1, 2):
        whole.run_steps(epoch, 0, steps, BOTH)
        for first, end in ((0, 1), (1, 4), (4, len(steps))):
            pieces.run_steps(epoch, first, steps[first:end], BOTH)
    assert same(pieces.weights(), whole.weights())
    assert same(pieces.state(), whole.state())


@pytest.mark.parametrize("engine", [CompiledEngine, NumpyEngine, TorchEngine])
def test_an_epoch_that_was_given_up_begins_again(engine):
    spec = experiment()
    dataset, start, steps = load_dataset(spec), stacked_weights(spec, (0, 1)), rates(spec)
    whole, again = (engine(spec, (0, 1), dataset, start) for _ in range(2))
    state = again.state()
    again.run_steps(1, 0, steps[:2], BOTH)
    again.load(start, state)
    for one in (whole, again):
        one.run_steps(1, 0, steps, BOTH)
    assert same(again.weights(), whole.weights())


# -- as a Training ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_a_resumed_run_equals_an_uninterrupted_one(engine, optimizer):
    spec = experiment(engine=engine, optimizer=optimizer, schedule="cosine", l2=0.01)
    whole = train(spec, (0, 7))
    list(whole)
    first = train(spec, (0, 7))
    next(first)
    next(first)
    second = train(spec, (0, 7), checkpoint=first.checkpoint())
    epochs = list(second)
    assert same(second.weights(), whole.weights())
    assert same(second.best_weights(), whole.best_weights())
    assert [epoch.epoch for epoch in epochs] == [3, 4]
    np.testing.assert_array_equal(epochs[-1].validation_loss, whole.history[-1].validation_loss)


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("data", ["moons", "digits", "celsius"])
def test_the_same_run_twice_gives_the_same_bits(engine, data):
    runs = [train(experiment(data, 100, engine=engine), 3).result() for _ in range(2)]
    assert same(runs[0].stacked, runs[1].stacked)


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("data", ["moons", "digits", "celsius"])
def test_a_seed_alone_is_that_seed_among_others(engine, data):
    spec = experiment(data, 100, engine=engine, optimizer="sgd", lr=1e-3)
    among, alone = train(spec, (0, 1, 2)).result(), train(spec, (1,)).result()
    for name, array in alone.weights(1).items():
        np.testing.assert_allclose(among.weights(1)[name], array, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_replicates_start_apart_and_stay_apart(engine):
    result = train(experiment(engine=engine), 3).result()
    assert not np.allclose(result.weights(0)["0.weight"], result.weights(1)["0.weight"])


@pytest.mark.parametrize("engine_class", [CompiledEngine, NumpyEngine])
def test_an_engine_works_on_copies_and_hands_out_copies(engine_class):
    spec = experiment()
    data, start = load_dataset(spec), stacked_weights(spec, (0, 1))
    kept = {name: array.copy() for name, array in start.items()}
    engine = engine_class(spec, (0, 1), data, start)
    before, state = engine.weights(), engine.state()
    assert same(before, start)
    engine.run_steps(1, 0, rates(spec), BOTH)
    assert same(start, kept)
    assert same(before, kept)
    assert not same(engine.weights(), kept)
    engine.load(before, state)
    assert same(engine.weights(), kept)
    assert same(engine.state(), state)


@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_weights_that_run_away_are_seen_in_the_loss_without_a_warning(engine, recwarn):
    spec = experiment(
        model=ModelSpec(hidden=(8,), activation="none"), engine=engine, optimizer="sgd", lr=100.0, epochs=30
    )
    spec = spec.set({"data.name": "celsius"})
    metrics = train(spec, 2).result().metrics
    assert not np.isfinite(metrics.train_loss.iloc[-1])
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_scores_are_measured_in_pieces_as_in_one(monkeypatch):
    spec = experiment("digits", 300)
    data = load_dataset(spec)
    engine = NumpyEngine(spec, (0, 1), data, stacked_weights(spec, (0, 1)))
    engine.run_steps(1, 0, rates(spec), BOTH)
    whole = engine.scores([data.train], BOTH)
    monkeypatch.setattr(network, "_CHUNK", 64 * 7)
    for ours, theirs in zip(engine.scores([data.train], BOTH), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("engine_class", [CompiledEngine, NumpyEngine])
def test_scores_are_those_of_the_common_ruler(engine_class):
    from nnlab.analysis.scores import evaluate

    for data, score in (("moons", "accuracy"), ("digits", "accuracy"), ("celsius", "mse")):
        spec = experiment(data, 100)
        part = load_dataset(spec)
        engine = engine_class(spec, (0, 1), part, stacked_weights(spec, (0, 1)))
        engine.run_steps(1, 0, rates(spec), BOTH)
        measured = evaluate(spec, engine.weights(), part, "train")
        assert measured is not None
        loss, value = engine.scores([part.train], BOTH)
        np.testing.assert_allclose(loss, measured["loss"], rtol=1e-5)
        np.testing.assert_allclose(value, measured[score], rtol=1e-5)


def test_a_seed_has_the_same_bits_alone_and_among_others_in_numpy():
    spec = Experiment().set({"train.engine": "numpy", "train.epochs": 20})
    for changes in ({}, {"data.name": "digits"}, {"model.norm": "batch", "model.dropout": 0.2}):
        together, alone = (train(spec.set(changes), seeds).result().weights(3) for seeds in (range(10), [3]))
        for name, array in alone.items():
            np.testing.assert_array_equal(together[name], array)
