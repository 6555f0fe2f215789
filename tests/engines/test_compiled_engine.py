"""The compiled engine: gradients against autograd and finite differences, the numbers of the other engines, and a
replicate's bits whoever trains beside it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any, get_args

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nnlab import train
from nnlab.datasets import Part, load_dataset
from nnlab.engines import compiled_engine, compiled_layers, compiled_steps
from nnlab.engines.base import targets
from nnlab.engines.compiled_engine import CompiledEngine
from nnlab.engines.numpy_engine import NumpyEngine
from nnlab.engines.random_streams import learning_rates, stacked_weights
from nnlab.engines.torch_engine import TorchEngine
from nnlab.engines.torch_network import StackedModel
from nnlab.scratch import network
from nnlab.scratch.core import LogSoftmax
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.optimizers import OPTIMIZERS
from nnlab.spec import (
    DATASETS,
    Activation,
    DataSpec,
    Experiment,
    ModelSpec,
    Norm,
    Optimizer,
    StartFrom,
    TrainSpec,
    replicates,
)

Arrays = dict[str, np.ndarray]
EVERYTHING = ModelSpec(hidden=(6, 6), activation="gelu", norm="batch", dropout=0.2, residual=True)


def experiment(data: str = "moons", n_samples: int = 60, model: ModelSpec = EVERYTHING, **training) -> Experiment:
    training = {"batch_size": 16, "epochs": 4, **training}
    return Experiment(data=DataSpec(name=data, n_samples=n_samples), model=model, train=TrainSpec(**training))


def started(engine: type, spec: Experiment, seeds: tuple[int, ...] = (0,), weights: Arrays | None = None) -> Any:
    each = tuple(seed for seed, _ in replicates(seeds, spec.data.folds))
    return engine(spec, each, load_dataset(spec, seeds), stacked_weights(spec, each) if weights is None else weights)


def trained(engine: type, spec: Experiment, seeds: tuple[int, ...] = (0,), epochs: int | None = None) -> Any:
    runner = started(engine, spec, seeds)
    steps = -(-len(runner.sets[0].train) // spec.train.batch_size)
    for epoch in range(1, (epochs or spec.train.epochs) + 1):
        runner.run_steps(epoch, 0, learning_rates(spec.train, steps, epoch), np.ones(len(runner.seeds), bool))
    return runner


def scores(runner: Any, part: str = "train") -> np.ndarray:
    return np.array(runner.scores([getattr(one, part) for one in runner.sets], np.ones(len(runner.seeds), bool)))


def same(ours: Arrays, theirs: Arrays) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def farthest(ours: Arrays, theirs: Arrays) -> float:
    """The largest difference, as a share of the largest number where that is above 1."""
    largest = max(1.0, *(float(np.abs(array).max()) for array in theirs.values()))
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours) / largest


# -- one step --------------------------------------------------------------------------------------------------------


def gradients(spec: Experiment) -> Arrays:
    """What one step of plain gradient descent with the whole training part and rate 1 subtracts."""
    spec = spec.set({"train.optimizer": "sgd", "train.lr": 1.0, "train.batch_size": 1000, "train.l2": 0.0})
    before, after = started(CompiledEngine, spec).weights(), trained(CompiledEngine, spec, epochs=1).weights()
    return {name: before[name] - after[name] for name in before if not name.endswith(("mean", "variance"))}


def prepared(spec: Experiment) -> tuple[np.ndarray, np.ndarray, Arrays]:
    """Scaled inputs, targets and the first weights, in double precision."""
    data = load_dataset(spec)
    weights = {name: array.astype(np.float64) for name, array in stacked_weights(spec, (0,)).items()}
    x, t = data.scaling.apply(data.train.x).astype(np.float64), targets(spec, data.train.y).astype(np.float64)
    return x, t, weights


def loss_in_double(spec: Experiment, x: np.ndarray, t: np.ndarray, weights: Arrays) -> float:
    y = network.build(spec.layers, {name: array.copy() for name, array in weights.items()}).forward(x)
    return float(LOSSES[spec.loss]().forward(LogSoftmax().forward(y) if spec.loss == "cross_entropy" else y, t)[0])


@pytest.mark.parametrize("data", ["moons", "digits", "celsius"])
@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("activation", get_args(Activation))
def test_gradients_are_those_of_autograd(activation, norm, data):
    model = ModelSpec(hidden=(5, 5), activation=activation, norm=norm, residual=True, init="xavier")
    spec = experiment(data, 60, model)
    x, t, weights = prepared(spec)
    reference = StackedModel(spec.layers, 1).double()
    for name, tensor in reference.named_arrays().items():
        tensor.copy_(torch.from_numpy(weights[name]))
    y = reference.columns(torch.from_numpy(x.T.copy()))[0].T
    if spec.loss == "cross_entropy":
        loss = torch.nn.functional.cross_entropy(y, torch.from_numpy(t))
    elif spec.loss == "bce":
        loss = torch.nn.functional.binary_cross_entropy_with_logits(y, torch.from_numpy(t))
    else:
        loss = torch.nn.functional.mse_loss(y, torch.from_numpy(t))
    loss.backward()
    expected = {}
    for name, p in reference.named_parameters():
        gradient = torch.zeros_like(p) if p.grad is None else p.grad  # a bias before batch normalisation has none
        expected[name] = (gradient.mT if name.endswith(".weight") else gradient.squeeze(2)).numpy()
    # celsius has seven samples in large units, and batch normalisation divides by their small spread
    assert farthest(gradients(spec), expected) < (1e-5 if (data, norm) == ("celsius", "batch") else 1e-6)


@pytest.mark.parametrize("data", ["moons", "digits", "celsius"])
@pytest.mark.parametrize("norm", get_args(Norm))
def test_gradients_are_finite_differences_of_the_loss(norm, data):
    spec = experiment(data, 60, ModelSpec(hidden=(5, 4), activation="tanh", norm=norm))
    x, t, weights = prepared(spec)
    found, rng, h = gradients(spec), np.random.default_rng(0), 1e-5
    for name, gradient in found.items():
        for place in rng.integers(0, gradient.size, 4):
            shifted = [{**weights, name: weights[name].copy()} for _ in range(2)]
            for each, sign in zip(shifted, (1, -1), strict=True):
                each[name].flat[place] += sign * h
            up, down = (loss_in_double(spec, x, t, each) for each in shifted)
            assert gradient.flat[place] == pytest.approx((up - down) / (2 * h), abs=2e-6 * max(1, up), rel=1e-5), name


def test_the_exponential_is_that_of_numpy():
    @compiled_layers.entry_point
    def in_place(x):
        compiled_layers.exp(x)

    x = np.concatenate([np.linspace(-87, 88.5, 100_000), np.linspace(-1, 1, 10_001)]).astype(np.float32)
    ours = x.copy()
    in_place(ours)
    np.testing.assert_allclose(ours, np.exp(x.astype(np.float64)), rtol=3e-7)
    edge = np.array([0, -200, 89, 200, np.inf, -np.inf, np.nan], np.float32)
    in_place(edge)
    np.testing.assert_allclose(edge, [1, 0, np.inf, np.inf, np.inf, 0, np.nan], atol=2e-38)


ERROR_OF_EXP = """
import numba
import numpy as np
from nnlab.engines.compiled_layers import FAST, exp

@numba.njit(fastmath=FAST)
def in_place(x):
    exp(x)

x = np.linspace(-87, 88.5, 100_000, dtype=np.float32)
exact = np.exp(x.astype(np.float64))
in_place(x)
print(np.abs(x / exact - 1).max())
"""


def test_the_exponential_keeps_its_digits_on_a_processor_without_fused_multiply_add(tmp_path):
    old = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", ERROR_OF_EXP]
    done = subprocess.run(command, env=os.environ | old, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 3e-7


@compiled_layers.entry_point
def update(optimizer, l2, rate, step, w, g, m, s):
    compiled_steps.update(optimizer, l2, rate, step, w, g, m, s)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("name", compiled_steps.OPTIMIZERS)
def test_steps_are_those_of_the_optimizers_in_numpy_for_gradients_of_any_size(name, l2):
    rng = np.random.default_rng(0)
    w, m, s = rng.normal(size=200), np.zeros(200, np.float32), np.zeros(200, np.float32)
    ours, theirs, gradient = w.astype(np.float32), w.copy(), np.zeros(200)
    reference = OPTIMIZERS[name](theirs, gradient, l2)
    for step in range(1, 5):
        g = rng.normal(size=200) * 10.0 ** rng.integers(-10, 2, 200)
        gradient[:] = g
        reference.step(0.01)
        update(compiled_steps.OPTIMIZERS.index(name), l2, 0.01, step, ours, g.astype(np.float32), m, s)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


# -- the other engines -----------------------------------------------------------------------------------------------


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    """Any dense experiment on little data; small steps, since a chaotic training enlarges rounding without bound."""
    norm = draw(st.sampled_from(get_args(Norm)))
    hidden = draw(st.lists(st.integers(2 if norm == "layer" else 1, 9), max_size=3))
    optimizer = draw(st.sampled_from(get_args(Optimizer)))
    data = draw(st.sampled_from(["moons", "synthetic", "digits", "celsius", "gaussians"]))
    folds = 3 if data != "celsius" and draw(st.integers(0, 5)) == 0 else 0
    return Experiment.of(
        {
            "data": {"name": data, "per_seed": draw(st.sampled_from(DATASETS[data].per_seed))}
            | ({"n_samples": 60, "folds": folds} if data != "celsius" else {}),
            "model": {
                "hidden": hidden,
                "activation": draw(st.sampled_from(get_args(Activation))),
                "norm": norm,
                "dropout": draw(st.sampled_from([0.0, 0.3])),
                "residual": draw(st.booleans()),
                "init": draw(st.sampled_from(["xavier", "kaiming", "orthogonal"])),
            },
            "train": {
                "optimizer": optimizer,
                "lr": 1e-5 if data == "celsius" else 1e-3 if optimizer in ("sgd", "momentum", "nesterov") else 1e-4,
                "l2": draw(st.sampled_from([0.0, 0.01])),
                "schedule": draw(st.sampled_from(["constant", "step", "cosine", "one_cycle"])),
                "batch_size": draw(st.sampled_from([7, 16, 60])),
                "epochs": 50,
            },
        }
    )


@given(experiments())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_all_engines_agree_after_50_epochs(spec: Experiment):
    hypothesis.note(spec.to_json())
    ours, numpy, torch_ = (trained(engine, spec, (0, 3)) for engine in (CompiledEngine, NumpyEngine, TorchEngine))
    assume(farthest(numpy.weights(), torch_.weights()) < 1e-6)  # else this training enlarges rounding
    unit = max(1.0, float(np.var(targets(spec, load_dataset(spec).train.y))))  # of the loss: degrees squared
    for theirs in (numpy, torch_):
        assert farthest(ours.weights(), theirs.weights()) < 1e-5
        np.testing.assert_allclose(scores(ours)[0], scores(theirs)[0], rtol=1e-5, atol=1e-5 * unit)


@pytest.mark.parametrize("data", ["moons", "digits", "celsius"])
def test_scores_are_those_of_the_other_engines(data):
    spec = experiment(data, 700, optimizer="sgd", lr=1e-3)
    for name in ("train", "test") if data != "celsius" else ("train",):
        ours, theirs = (scores(trained(engine, spec, (0, 1)), name) for engine in (CompiledEngine, TorchEngine))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_frozen_layers_keep_their_weights_and_their_running_statistics():
    source = experiment(model=ModelSpec(hidden=(6, 5), norm="batch", dropout=0.2))
    spec = source.set({"train.start_from": StartFrom(experiment=source, layers=1, frozen=1)})
    ours, theirs = trained(CompiledEngine, spec), trained(NumpyEngine, spec)
    before = started(CompiledEngine, spec).weights()
    frozen = [name for name in before if name.startswith("0.")]
    assert all(np.array_equal(ours.weights()[name], before[name]) for name in frozen)
    assert farthest(ours.weights(), theirs.weights()) < 1e-5
    assert not np.allclose(ours.weights()["1.weight"], before["1.weight"])


def test_pictures_train_as_the_same_numbers_do():
    spec = experiment("moons", 100, ModelSpec(hidden=(6,), activation="tanh"), optimizer="sgd")
    data = load_dataset(spec)
    x = np.random.default_rng(0).integers(0, 256, data.train.x.shape, np.uint8)
    runs = []
    for kind in (np.uint8, np.float32):
        changed = replace(
            data, train=Part(x.astype(kind), data.train.y), validation=Part(x[:10].astype(kind), data.validation.y[:10])
        )
        engine = CompiledEngine(spec, (0, 1), changed, stacked_weights(spec, (0, 1)))
        engine.run_steps(1, 0, np.full(3, 0.01), np.ones(2, bool))
        runs.append((engine.weights(), scores(engine)))
    assert farthest(runs[0][0], runs[1][0]) < 1e-6
    np.testing.assert_allclose(runs[0][1], runs[1][1], rtol=1e-5)


# -- the same bits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_a_replicate_has_the_same_bits_whoever_trains_beside_it(optimizer, norm):
    model = ModelSpec(hidden=(32, 9), norm=norm, dropout=0.1)
    spec = experiment(model=model, optimizer=optimizer, lr=0.05, l2=0.01, batch_size=40)
    alone = trained(CompiledEngine, spec, (7,))
    for companions in (2, 5, 10, 64):
        among = trained(CompiledEngine, spec, (*range(100, 99 + companions), 7))
        assert same({name: array[-1:] for name, array in among.weights().items()}, alone.weights())
        np.testing.assert_array_equal(scores(among)[:, -1:], scores(alone))


@pytest.mark.parametrize("data", ["moons", "digits", "celsius"])
def test_the_same_training_twice_gives_the_same_bits(data):
    runs = [trained(CompiledEngine, experiment(data, 100), (0, 1)).weights() for _ in range(2)]
    assert same(*runs)


HASH = """
import hashlib
from nnlab import Experiment, train
spec = Experiment.from_json({text!r})
weights = train(spec, [0, 1]).result().stacked
print(hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights))).hexdigest())
"""


def test_a_process_with_two_threads_gives_the_same_bits():
    spec = experiment("digits", 200, ModelSpec(hidden=(64, 64), norm="layer"), batch_size=100, epochs=2)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", HASH.format(text=spec.to_json())]
    theirs = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    weights = train(spec, [0, 1]).result().stacked
    ours = hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights))).hexdigest()
    assert theirs.split() == [ours]


def test_a_replicate_that_is_not_active_keeps_its_weights_and_does_not_change_the_others():
    spec = experiment()
    both = trained(CompiledEngine, spec, (0, 1), epochs=1)
    rates, only_first = learning_rates(spec.train, spec.steps_per_epoch, 2), np.array([True, False])
    before = both.weights()
    both.run_steps(2, 0, rates, only_first)
    alone = trained(CompiledEngine, spec, (0,), epochs=2)
    for name, array in both.weights().items():
        np.testing.assert_array_equal(array[0], alone.weights()[name][0])
        np.testing.assert_array_equal(array[1], before[name][1])
    part = [one.train for one in both.sets]
    np.testing.assert_array_equal(np.array(both.scores(part, only_first))[:, 0], scores(alone)[:, 0])


def test_dropout_drawn_for_few_steps_at_a_time_gives_the_same_bits(monkeypatch):
    whole = trained(CompiledEngine, experiment(), (0, 1)).weights()
    monkeypatch.setattr(compiled_engine, "_DROPOUT_NUMBERS", 2 * 2 * 12 * 16)  # of two steps, with two replicates
    assert same(trained(CompiledEngine, experiment(), (0, 1)).weights(), whole)


def test_memory_grows_with_the_units_and_not_with_the_widest_layer_times_the_depth():
    narrow, wide = (ModelSpec(hidden=(first, *[2] * 60)) for first in (2, 1000))
    small, large = (started(CompiledEngine, experiment(model=model)) for model in (narrow, wide))
    assert large.work.size - small.work.size == 998 * compiled_steps.SLOTS * small.work.shape[1]
    trained(CompiledEngine, experiment(model=wide, batch_size=100), epochs=1)


def test_weights_that_run_away_are_seen_in_the_loss_and_never_count_as_right():
    spec = experiment("celsius", model=ModelSpec(hidden=(8,), activation="none"), optimizer="sgd", lr=100.0, epochs=30)
    assert not np.isfinite(scores(trained(CompiledEngine, spec))[0]).any()
    spec = experiment("digits", 100, model=ModelSpec(hidden=(8,)))
    engine = started(CompiledEngine, spec)
    engine.load({name: np.full_like(array, np.nan) for name, array in engine.weights().items()}, {})
    loss, score = scores(engine)
    assert np.isnan(loss).all()
    assert (score == 0).all()


def test_every_architecture_runs_the_functions_that_were_compiled_ahead():
    for spec in (experiment(), experiment("digits", 100, optimizer="sgd"), experiment("celsius")):
        scores(trained(CompiledEngine, spec, (0, 1), epochs=1))
    for function, types in compiled_steps.TYPES.items():
        assert set(function.signatures) <= {types}, function.py_func.__name__
    assert compiled_steps.train_steps.signatures
    assert compiled_steps.score.signatures


def test_scores_in_pieces_are_those_of_the_whole(monkeypatch):
    spec = experiment("digits", 300)
    engine = trained(CompiledEngine, spec, (0, 1))
    whole = scores(engine)
    monkeypatch.setattr(compiled_engine, "_SCORED", 17)
    np.testing.assert_allclose(scores(engine), whole, rtol=1e-6)
