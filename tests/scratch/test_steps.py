"""One training step taken apart: against a calculation by hand, the engine, finite differences and autograd."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nnlab.datasets import load_dataset
from nnlab.engines.autograd_check import autograd
from nnlab.engines.base import targets
from nnlab.engines.numpy_engine import NumpyEngine
from nnlab.engines.random_streams import initial_weights, stacked_weights
from nnlab.scratch import core, losses, modules, steps
from nnlab.scratch.steps import Step, few_points, finite_differences, follow, relative_difference
from nnlab.spec import Experiment

ROOT = Path(__file__).parents[2]
DATA = {"cross_entropy": "xor", "bce": "moons", "mse": "celsius"}

X = np.array([[1.0, -1.0], [0.5, 2.0]])
T = np.array([[1.0, 0.0], [0.0, 1.0]])
WEIGHTS = {
    "0.weight": np.array([[0.5, -1.0, 0.2], [0.3, 0.4, -0.6]]),
    "0.bias": np.array([0.1, 0.0, -0.2]),
    "1.weight": np.array([[1.0, -0.5], [0.2, 0.8], [-0.7, 0.3]]),
    "1.bias": np.array([0.05, -0.05]),
}


def network(loss="cross_entropy", hidden=(3,), activation="relu", norm="none", **train):
    data = {"name": DATA[loss], "scaling": "standard"}
    model = {"hidden": list(hidden), "activation": activation, "norm": norm}
    return Experiment.of({"data": data, "model": model, "train": {"loss": loss, "optimizer": "sgd", **train}})


def some_step(experiment, seed=0, n=4, lr=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, experiment.data.inputs))
    labels = rng.normal(size=(n, 1)) if experiment.loss == "mse" else rng.integers(0, 2, n)
    return Step(experiment, initial_weights(experiment, seed), x, targets(experiment, labels), lr)


def test_every_number_of_a_2_3_2_net_is_that_of_a_calculation_by_hand():
    step = Step(network(), WEIGHTS, X, T, lr=0.5)
    # the first point, with pencil and paper: z1 = (1·0.5 − 1·0.3 + 0.1, −1 − 0.4, 0.2 + 0.6 − 0.2) = (0.3, −1.4, 0.6)
    z1, a1, z2, log_p = step.values[1:]
    np.testing.assert_allclose(z1[0], [0.3, -1.4, 0.6], atol=1e-12)
    np.testing.assert_allclose(a1[0], [0.3, 0.0, 0.6], atol=1e-12)
    # z2 = (0.3 − 0.42 + 0.05, −0.15 + 0.18 − 0.05)
    np.testing.assert_allclose(z2[0], [-0.07, -0.02], atol=1e-12)
    np.testing.assert_allclose(log_p[0, 0], -0.07 - np.log(np.exp(-0.07) + np.exp(-0.02)), atol=1e-12)
    assert step.loss == pytest.approx(-(log_p[0, 0] + log_p[1, 1]) / 2)
    # and back: softmax less truth, over two points; then the chain rule
    g2 = (np.exp(log_p) - T) / 2
    np.testing.assert_allclose(step.gradients["out.2"], g2, atol=1e-12)
    np.testing.assert_allclose(step.gradients["1.weight"], a1.T @ g2, atol=1e-12)
    np.testing.assert_allclose(step.gradients["1.bias"], g2.sum(axis=0), atol=1e-12)
    g1 = (g2 @ WEIGHTS["1.weight"].T) * (z1 > 0)
    np.testing.assert_allclose(step.gradients["out.0"], g1, atol=1e-12)
    np.testing.assert_allclose(step.gradients["0.weight"], X.T @ g1, atol=1e-12)
    np.testing.assert_allclose(step.gradients["out.-1"], g1 @ WEIGHTS["0.weight"].T, atol=1e-12)
    for name, value in WEIGHTS.items():
        np.testing.assert_allclose(step.after[name], value - 0.5 * step.gradients[name], atol=1e-12)


def test_the_stages_go_forward_through_every_module_and_back_in_reverse():
    step = Step(network(), WEIGHTS, X, T, lr=0.5)
    names = ["Linear", "ReLU", "Linear", "LogSoftmax"]
    assert [(stage.kind, stage.name) for stage in step.stages] == [
        ("input", "input"),
        *(("forward", name) for name in names),
        ("loss", "NLL"),
        ("loss_backward", "NLL"),
        *(("backward", name) for name in reversed(names)),
        ("update", "SGD"),
    ]


def test_a_stage_keeps_its_numbers_when_the_modules_go_on():
    step = Step(network(activation="sigmoid"), WEIGHTS, X, T, lr=0.5)
    for stage in step.stages:
        if stage.kind == "forward":
            np.testing.assert_array_equal(stage.values["x"], step.values[stage.part])
            np.testing.assert_array_equal(stage.values["y"], step.values[stage.part + 1])
        if stage.kind == "backward":
            np.testing.assert_array_equal(stage.values["g"], step.gradients[f"out.{stage.part}"])
            np.testing.assert_array_equal(stage.values["gx"], step.gradients[f"out.{stage.part - 1}"])


@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "mse"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_a_step_is_the_engines_own_step(loss, norm):
    lr = 0.001 if loss == "mse" else 0.05  # degrees Fahrenheit have large gradients, and single precision its limits
    experiment = network(loss, (3, 2), "tanh", norm, lr=lr, batch_size=1000, epochs=1)
    dataset = load_dataset(experiment)
    engine = NumpyEngine(experiment, (0,), dataset, stacked_weights(experiment, (0,)))
    engine.run_steps(1, 0, np.array([lr]), np.array([True]))
    x = dataset.scaling.apply(dataset.train.x)
    step = Step(experiment, initial_weights(experiment, 0), x, targets(experiment, dataset.train.y), lr)
    for name, value in engine.weights().items():
        np.testing.assert_allclose(step.after[name], value[0], rtol=2e-4, atol=2e-5, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(
    loss=st.sampled_from(["cross_entropy", "bce", "mse"]),
    hidden=st.lists(st.integers(1, 4), max_size=2),
    activation=st.sampled_from(["tanh", "sigmoid", "softplus", "silu", "gelu", "elu", "none"]),
    norm=st.sampled_from(["none", "layer"]),
    n=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_every_gradient_equals_finite_differences_and_autograd(loss, hidden, activation, norm, n, seed):
    assume(norm == "none" or 1 not in hidden)
    experiment = network(loss, hidden, activation, norm)
    step = some_step(experiment, seed, n)
    tried, theirs = finite_differences(step), autograd(experiment, step.before, step.x, step.t)
    assert set(tried) == set(step.gradients) == set(theirs) - {"loss"}
    assert theirs["loss"] == pytest.approx(step.loss)
    for name, ours in step.gradients.items():
        assert relative_difference(ours, theirs[name]) < 1e-9, name
        if norm == "none":  # a norm over one or two features can be as steep as its eps is small
            assert relative_difference(ours, tried[name]) < 1e-6, name


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_gradients_with_a_corner_equal_finite_differences_beside_it(activation):
    step = Step(network(activation=activation), WEIGHTS, X, T, lr=0.5)
    for name, slopes in finite_differences(step).items():
        assert relative_difference(step.gradients[name], slopes) < 1e-6, name


def test_many_steps_are_one_step_after_the_other():
    experiment = network()
    weights = WEIGHTS
    for _ in range(5):
        weights = Step(experiment, weights, X, T, lr=0.3).after
    for name, value in follow(experiment, WEIGHTS, X, T, 0.3, 5).items():
        np.testing.assert_allclose(value, weights[name], atol=1e-14)
    assert Step(experiment, weights, X, T, 0.3).loss < Step(experiment, WEIGHTS, X, T, 0.3).loss


def test_the_loss_along_a_weight_passes_through_the_loss_with_the_gradient_as_its_slope():
    step = Step(network(), WEIGHTS, X, T, lr=0.5)
    at, h = WEIGHTS["1.weight"][2, 1], 1e-6
    low, here, high = step.loss_along("1.weight", (2, 1), [at - h, at, at + h])
    assert here == pytest.approx(step.loss)
    assert (high - low) / (2 * h) == pytest.approx(step.gradients["1.weight"][2, 1], rel=1e-6)


def test_a_wrong_gradient_is_seen():
    assert relative_difference(np.array([1.0, 2.0]), np.array([1.0, 2.02])) == pytest.approx(0.02 / 2.02)


@pytest.mark.parametrize("data", ["xor", "moons", "circles", "gaussians", "celsius"])
@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_the_few_points_are_of_the_training_part_and_spread_over_the_classes(data, n):
    experiment = Experiment.of({"data": {"name": data, "scaling": "standard"}})
    dataset = load_dataset(experiment)
    x, y = few_points(dataset, n)
    known = np.round(dataset.scaling.apply(dataset.train.x).astype(float), 1)
    assert len(x) == len(y) == n
    assert all((known == point).all(axis=1).any() for point in x)
    if n >= 2 and data != "celsius":
        assert set(y.tolist()) == {0, 1}


def test_four_points_of_xor_are_its_four_corners():
    x, y = few_points(load_dataset(Experiment.of({"data": {"name": "xor"}})), 4)
    assert {(a > 0, b > 0) for a, b in x.tolist()} == {(a, b) for a in (True, False) for b in (True, False)}
    assert [(a * b > 0) for a, b in x.tolist()] == [label == 1 for label in y.tolist()]


@pytest.mark.parametrize(
    "thing",
    [
        core.Linear,
        core.ReLU,
        core.LogSoftmax,
        core.NLL,
        losses.BCE,
        losses.MSE,
        modules.BatchNorm,
        modules.LayerNorm,
        *(module for module in modules.ACTIVATIONS.values() if module),
    ],
)
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_every_formula_and_every_method_is_found_where_the_page_says(thing, way):
    formula = steps.formula_line(thing, way)
    lines = (ROOT / formula.file).read_text(encoding="utf-8").splitlines()
    assert lines[formula.line - 1].strip() == formula.text
    assert formula.text.startswith(way)
    code = steps.source(getattr(thing, way))
    assert lines[code.line - 1].strip().startswith(f"def {way}(")
    assert code.text.splitlines()[0].startswith(f"def {way}(")


def test_the_code_of_a_sigmoid_brings_the_function_it_uses():
    stage = some_step(network(activation="sigmoid")).stages[2]
    assert [function.__name__ for function in stage.code] == ["forward", "sigmoid"]
    assert inspect.unwrap(stage.code[1]) is modules.sigmoid


def test_softmax_as_on_paper_overflows_where_log_sum_exp_is_exact():
    naive, stable, said = steps.overflow(np.array([1000.0, 999.0, 0.0]))
    assert np.isnan(naive[:2]).all()
    assert "overflow" in said
    np.testing.assert_allclose(stable, [-np.log1p(np.exp(-1)), -1 - np.log1p(np.exp(-1)), -1000 - np.log1p(np.exp(-1))])
    naive, stable, said = steps.overflow(np.array([2.0, 1.0, -1.0]))
    np.testing.assert_allclose(naive, stable, atol=1e-12)
    assert said == []


def test_a_network_that_is_no_plain_chain_is_refused():
    experiment = Experiment.of({"data": {"name": "xor"}, "model": {"hidden": [2], "residual": True}})
    with pytest.raises(ValueError, match="skip connections"):
        some_step(experiment)
