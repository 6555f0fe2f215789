"""Every gradient of the readable engine, against finite differences and against PyTorch; and its forward pass."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from nnlab.engines.random_streams import stacked_weights
from nnlab.scratch import activations, core, forward, losses, modules, network, optimizers
from nnlab.spec import DataSpec, Experiment, Layer, ModelSpec
from nnlab.training.api import build_model

repeatable = settings(derandomize=True, deadline=None, max_examples=25)
shapes = st.tuples(st.sampled_from([(), (1,), (3,)]), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4))
"""Leading axes (no seeds, one, three), batch, inputs, outputs."""


def parameter(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def linear(rng, lead, inputs, outputs):
    return modules.Linear(parameter(rng, *lead, inputs, outputs), parameter(rng, *lead, outputs))


def norm(kind, rng, lead, width):
    scale, shift = parameter(rng, *lead, width), parameter(rng, *lead, width)
    if kind == "layer":
        return modules.LayerNorm(scale, shift)
    return modules.BatchNorm(scale, shift, np.zeros((*lead, width)), np.ones((*lead, width)))


def dropout(rng, lead, batch, width):
    """Every forward pass of this module drops the same numbers, so that differences can be taken."""

    class Steady(modules.Dropout):
        def _uniform(self, x):
            return np.random.default_rng(5).random(x.shape, np.float32)

    return Steady(0.4)


def make(name: str, rng, lead, batch, inputs, outputs) -> core.Module:
    """A module that takes (..., batch, inputs)."""
    if name == "linear":
        return linear(rng, lead, inputs, outputs)
    if name in ("batch", "layer"):
        return norm(name, rng, lead, inputs)
    if name == "log_softmax":
        return core.LogSoftmax()
    if name == "dropout":
        return dropout(rng, lead, batch, inputs)
    if name == "residual":
        return modules.Residual(modules.Sequential(linear(rng, lead, inputs, inputs), modules.Tanh()))
    if name == "sequential":
        return modules.Sequential(
            linear(rng, lead, inputs, outputs), norm("batch", rng, lead, outputs), modules.GELU(), core.LogSoftmax()
        )
    return modules.ACTIVATIONS[name]()


ACTIVATIONS = [name for name, kind in modules.ACTIVATIONS.items() if kind is not None]
MODULES = [*ACTIVATIONS, "linear", "batch", "layer", "log_softmax", "dropout", "residual", "sequential"]


def off_the_kinks(x: np.ndarray) -> np.ndarray:
    """ReLU and its kin have no slope at 0: numbers near it are moved away."""
    return np.where(np.abs(x) < 1e-2, x + 0.1, x)


def differences(value: Callable[[], float], array: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """(L(a + h) − L(a − h)) / 2h for every number a of an array that `value` depends on."""
    slopes = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + h
        above = value()
        array[place] = kept - h
        slopes[place] = (above - value()) / (2 * h)
        array[place] = kept
    return slopes


def error(got: np.ndarray, expected: np.ndarray, g: np.ndarray) -> float:
    """Relative to the largest of both gradients and of the incoming one g: layer normalisation of one feature
    answers 0 to everything, and 0 has no relative error."""
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    return np.linalg.norm(got - expected) / max(np.linalg.norm(got), np.linalg.norm(expected), np.linalg.norm(g))


# -- modules ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
@repeatable
@given(shapes, st.integers(0, 1000))
def test_every_backward_is_the_slope_of_its_forward(name, shape, seed):
    lead, batch, inputs, outputs = shape
    rng = np.random.default_rng(seed)
    module = make(name, rng, lead, batch, inputs, outputs)
    x = off_the_kinks(rng.normal(size=(*lead, batch, inputs)))
    g = rng.normal(size=module.forward(x).shape)
    module.forward(x)
    gx = np.array(module.backward(g))
    found = {(i, name): np.array(a) for i, part in enumerate(module.parts()) for name, a in part.gradients.items()}

    def value() -> float:
        return float((g * module.forward(x)).sum())

    assert gx.shape == x.shape
    assert error(gx, differences(value, x), g) < 1e-6
    for i, part in enumerate(module.parts()):
        for name_, array in part.parameters.items():
            assert error(found[i, name_], differences(value, array), g) < 1e-6


TORCH = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "log_softmax": lambda x: F.log_softmax(x, -1),
}


def in_torch(name: str, module: core.Module, x: torch.Tensor, p: dict[str, torch.Tensor]) -> torch.Tensor:
    if name == "linear":
        return x @ p["weight"] + p["bias"][..., None, :]
    if name in ("batch", "layer"):
        axis = -2 if name == "batch" else -1
        variance, mean = torch.var_mean(x, axis, correction=0, keepdim=True)
        return (x - mean) / torch.sqrt(variance + 1e-5) * p["scale"][..., None, :] + p["shift"][..., None, :]
    return TORCH[name](x)


@pytest.mark.parametrize("name", [*TORCH, "linear", "batch", "layer"])
@repeatable
@given(shapes, st.integers(0, 1000))
def test_every_module_agrees_with_autograd_in_single_precision(name, shape, seed):
    lead, batch, inputs, outputs = shape
    rng = np.random.default_rng(seed)
    module = make(name, rng, lead, batch, inputs, outputs)
    for key, array in module.parameters.items():
        module.parameters[key] = array.astype(np.float32)
        module.gradients[key] = np.zeros_like(module.parameters[key])
    if name == "batch":
        module.mean, module.variance = module.mean.astype(np.float32), module.variance.astype(np.float32)
    x = rng.normal(0, 2, size=(*lead, batch, inputs)).astype(np.float32)
    y = module.forward(x)
    g = rng.normal(size=y.shape).astype(np.float32)
    gx = module.backward(g)

    their_x = torch.tensor(x, requires_grad=True)
    theirs = {key: torch.tensor(array, requires_grad=True) for key, array in module.parameters.items()}
    their_y = in_torch(name, module, their_x, theirs)
    their_y.backward(torch.tensor(g))
    assert y.dtype == gx.dtype == np.float32
    assert error(y, their_y.detach().numpy(), np.ones_like(y)) < 1e-5
    # a difference of numbers divided by a tiny deviation loses digits in either engine
    spread = 1 / np.min(module.s) if name in ("batch", "layer") else 1.0
    assert error(gx, their_x.grad.numpy(), g) < 1e-5 * max(1.0, spread)
    for key, tensor in theirs.items():
        assert error(module.gradients[key], tensor.grad.numpy(), g) < 1e-5


@repeatable
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.booleans(), st.integers(0, 1000))
def test_the_first_layer_is_a_linear_without_the_gradient_of_the_data(seeds, batch, inputs, outputs, own, seed):
    rng = np.random.default_rng(seed)
    plain = linear(rng, (seeds,), inputs, outputs)
    first = modules.InputLinear(**plain.parameters)
    x = rng.normal(size=(seeds, batch, inputs) if own else (batch, inputs))  # samples of their own, or the same ones
    g = rng.normal(size=(seeds, batch, outputs))
    np.testing.assert_array_equal(first.forward(x), plain.forward(x))
    assert first.backward(g).size == 0
    plain.backward(g)
    for name, gradient in plain.gradients.items():
        np.testing.assert_array_equal(first.gradients[name], gradient)


@pytest.mark.parametrize("loss", losses.LOSSES.values())
def test_networks_with_targets_of_their_own_have_each_its_own_loss_and_slope(loss):
    rng = np.random.default_rng(0)
    y, t = -rng.random((3, 7, 2)), rng.integers(0, 2, (3, 7, 2)).astype(float)
    one = loss()
    values, slopes = one.forward(y, t), one.backward(y, t)
    for i in range(3):
        np.testing.assert_allclose(values[i], one.forward(y[i], t[i]), atol=1e-12)
        np.testing.assert_allclose(slopes[i], one.backward(y[i], t[i]), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_softmax_is_finite_and_exact_at_enormous_inputs(dtype):
    x = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [1e4, 1e4, -1e4]], dtype)
    module = core.LogSoftmax()
    with np.errstate(all="raise", under="ignore"):
        y = module.forward(x)
        gx = module.backward(np.ones_like(x))
    log2, log3 = np.log(dtype(2)), np.log(dtype(3))
    expected = np.array([[0, -2e4, -1e4], [-log3] * 3, [-log3] * 3, [-log2, -log2, -2e4 - log2]], dtype)
    np.testing.assert_allclose(y, expected, rtol=np.finfo(dtype).eps)
    np.testing.assert_allclose(gx, 1 - 3 * np.exp(expected), atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh", "silu", "elu", "gelu"])
def test_activations_do_not_overflow(name):
    x = np.array([[-1e4, -100, 0, 100, 1e4]], np.float32)
    module = modules.ACTIVATIONS[name]()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = module.forward(x)
        gx = module.backward(np.ones_like(x))
    np.testing.assert_allclose(y, TORCH[name](torch.tensor(x)).numpy(), atol=1e-6)
    assert np.isfinite(gx).all()


def test_batch_normalisation_moves_its_running_figures_as_pytorch_does():
    rng = np.random.default_rng(0)
    ours = norm("batch", rng, (), 3)
    theirs = torch.nn.BatchNorm1d(3, dtype=torch.float64)
    for _ in range(5):
        x = rng.normal(2, 3, size=(7, 3))
        ours.forward(x)
        theirs(torch.tensor(x))
    np.testing.assert_allclose(ours.mean, theirs.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.variance, theirs.running_var.numpy(), rtol=1e-12)


def test_dropout_keeps_the_mean_and_does_nothing_in_evaluation():
    module = modules.Dropout(0.25, [np.random.default_rng(0)])
    x = np.ones((1000, 50), np.float32)
    y = module.forward(x)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 0.01
    np.testing.assert_array_equal(module.backward(x), y)
    module.training = False
    assert module.forward(x) is x


# -- losses ----------------------------------------------------------------------------------------------------------


def loss_case(name: str, rng, lead, batch, outputs):
    """A loss, outputs y and targets t."""
    if name == "cross_entropy":
        return losses.NLL(), rng.normal(size=(*lead, batch, outputs)), np.eye(outputs)[rng.integers(0, outputs, batch)]
    if name == "bce":
        return losses.BCE(), rng.normal(size=(*lead, batch, 1)), rng.integers(0, 2, (batch, 1)).astype(float)
    return losses.MSE(), rng.normal(size=(*lead, batch, outputs)), rng.normal(size=(batch, outputs))


@pytest.mark.parametrize("name", losses.LOSSES)
@repeatable
@given(shapes, st.integers(0, 1000))
def test_every_loss_begins_the_way_back_with_its_slope(name, shape, seed):
    lead, batch, _, outputs = shape
    loss, y, t = loss_case(name, np.random.default_rng(seed), lead, batch, outputs)
    g = np.broadcast_to(loss.backward(y, t), y.shape)
    assert loss.forward(y, t).shape == lead
    assert error(g, differences(lambda: float(loss.forward(y, t).sum()), y), g) < 1e-6


@pytest.mark.parametrize("name", losses.LOSSES)
@repeatable
@given(shapes, st.integers(0, 1000))
def test_every_loss_is_pytorchs(name, shape, seed):
    lead, batch, _, outputs = shape
    loss, y, t = loss_case(name, np.random.default_rng(seed), lead, batch, outputs)
    y, t = y.astype(np.float32), t.astype(np.float32)
    their_y = torch.tensor(y, requires_grad=True)
    target = torch.tensor(t).expand_as(their_y)
    if name == "bce":
        theirs = F.binary_cross_entropy_with_logits(their_y, target, reduction="none")
    elif name == "mse":
        theirs = (their_y - target) ** 2
    else:
        theirs = -(their_y * target) * outputs  # the mean below is over classes too
    theirs = theirs.mean((-2, -1))
    theirs.sum().backward()
    np.testing.assert_allclose(loss.forward(y, t), theirs.detach().numpy(), rtol=1e-5, atol=1e-6)
    g = np.broadcast_to(loss.backward(y, t), y.shape)
    assert error(g, their_y.grad.numpy(), g) < 1e-5


def test_binary_cross_entropy_is_finite_and_exact_at_enormous_logits():
    y, t = np.array([[1e4], [-1e4], [1e4], [0.0]], np.float32), np.array([[1], [0], [0], [1]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        assert losses.BCE().forward(y, t) == pytest.approx((1e4 + np.log(2)) / 4)
        np.testing.assert_allclose(losses.BCE().backward(y, t), np.array([[0], [0], [1], [-0.5]]) / 4)


# -- whole networks --------------------------------------------------------------------------------------------------


@st.composite
def networks(draw):
    """Experiments of every make, small."""
    depth = draw(st.integers(0, 3))
    data = draw(
        st.sampled_from(
            [
                DataSpec(name="moons"),
                DataSpec(name="synthetic", features=1),
                DataSpec(name="synthetic", features=3, classes=4),
                DataSpec(name="celsius"),
            ]
        )
    )
    norm = draw(st.sampled_from(["none", "batch", "layer"]))
    model = ModelSpec(
        hidden=tuple(draw(st.integers(2 if norm == "layer" else 1, 4)) for _ in range(depth)),
        activation=draw(st.sampled_from(list(modules.ACTIVATIONS))),
        norm=norm,
        residual=draw(st.booleans()),
        init="kaiming",
    )
    return Experiment(data=data, model=model)


@repeatable
@given(networks(), st.integers(1, 3), st.integers(1, 5), st.integers(0, 1000))
def test_whole_networks_have_the_gradients_of_autograd(experiment, seeds, batch, seed):
    rng = np.random.default_rng(seed)
    weights = stacked_weights(experiment, range(seeds))
    x = rng.normal(size=(batch, experiment.data.inputs))
    net = network.build(experiment.layers, {name: array.astype(np.float64) for name, array in weights.items()})
    parameters, gradients = core.flatten(net)
    y = np.array(net.forward(x))
    g = rng.normal(size=y.shape)
    net.backward(g)
    assert parameters.size == seeds * experiment.parameters

    theirs = build_model(experiment, seeds).double()
    theirs.train()
    their_y = theirs(torch.tensor(x))
    their_y.backward(torch.tensor(g))
    np.testing.assert_allclose(y, their_y.detach().numpy(), atol=1e-9)
    their_gradients = {}
    for name, p in theirs.named_parameters():
        grad = torch.zeros_like(p) if p.grad is None else p.grad  # none where a norm takes out again what went in
        their_gradients[name] = grad.mT if name.endswith(".weight") else grad.squeeze(2)
    parts = [(i, part) for i, layer in enumerate(net.modules) for part in layer.parts()]
    for i, part in parts:
        for name, array in part.gradients.items():
            key = f"{i}.norm.{name}" if isinstance(part, modules.LayerNorm) else f"{i}.{name}"
            assert error(array, their_gradients[key].numpy(), g) < 1e-6
    assert gradients.size == parameters.size


@repeatable
@given(networks(), st.integers(1, 3), st.integers(1, 9))
def test_the_forward_pass_is_pytorchs_in_evaluation(experiment, seeds, n):
    x = np.random.default_rng(n).normal(size=(n, experiment.data.inputs)).astype(np.float32)
    weights = stacked_weights(experiment, range(seeds))
    model = build_model(experiment, seeds).eval()
    with torch.no_grad():
        expected = model(torch.tensor(x)).numpy()
    logits = forward(experiment.layers, weights, x)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    every = activations(experiment.layers, weights, x)
    assert [a.shape for a in every] == [(seeds, n, layer.width) for layer in experiment.layers]
    np.testing.assert_array_equal(every[-1], logits)


def test_pieces_of_the_input_give_the_same_answer_as_the_whole(monkeypatch):
    layers = (Layer(5, 7, "relu", "batch", 0.5), Layer(7, 2, "none"))
    rng = np.random.default_rng(0)
    weights = {
        "0.weight": rng.normal(size=(2, 5, 7)),
        "0.bias": rng.normal(size=(2, 7)),
        "0.norm.scale": rng.normal(size=(2, 7)),
        "0.norm.shift": rng.normal(size=(2, 7)),
        "0.norm.mean": rng.normal(size=(2, 7)),
        "0.norm.variance": rng.random((2, 7)),
        "1.weight": rng.normal(size=(2, 7, 2)),
        "1.bias": rng.normal(size=(2, 2)),
    }
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    kept = {name: array.copy() for name, array in weights.items()}
    x = rng.normal(size=(101, 5)).astype(np.float32)
    whole = forward(layers, weights, x)
    monkeypatch.setattr(network, "_CHUNK", 14 * 10)
    np.testing.assert_allclose(forward(layers, weights, x), whole, rtol=1e-5, atol=1e-6)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, kept[name])  # asking changes nothing
    assert forward(layers, weights, x[:0]).shape == (2, 0, 2)


# -- optimizers ------------------------------------------------------------------------------------------------------

THEIR_OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda p, **kw: torch.optim.SGD(p, momentum=0.9, **kw),
    "nesterov": lambda p, **kw: torch.optim.SGD(p, momentum=0.9, nesterov=True, **kw),
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_every_optimizer_takes_pytorchs_steps(name, l2):
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=20), np.zeros(20)
    ours = optimizers.OPTIMIZERS[name](w, g, l2)
    their_w = torch.tensor(w.copy(), requires_grad=True)
    theirs = THEIR_OPTIMIZERS[name]([their_w], lr=0.01, weight_decay=l2)
    for step in range(50):
        lr = 0.01 / (1 + step)
        theirs.param_groups[0]["lr"] = lr
        g[:] = rng.normal(size=20)
        their_w.grad = torch.tensor(g.copy())
        ours.step(lr)
        theirs.step()
    np.testing.assert_allclose(w, their_w.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_an_optimizer_goes_on_from_its_state(name):
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=5), rng.normal(size=5)
    first = optimizers.OPTIMIZERS[name](w, g)
    first.step(0.1)
    other_w = w.copy()
    second = optimizers.OPTIMIZERS[name](other_w, g.copy())
    second.load(first.state())
    first.step(0.1)
    second.step(0.1)
    np.testing.assert_array_equal(w, other_w)


# -- as a text -------------------------------------------------------------------------------------------------------


def lines_of_code(source: str) -> int:
    """Lines that are neither blank, nor comments, nor docstrings."""
    lines = {n for n, line in enumerate(source.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def test_the_core_is_read_in_one_sitting():
    assert lines_of_code(inspect.getsource(core)) <= 110


@pytest.mark.parametrize("package", [core, modules, losses])
def test_every_module_and_loss_states_its_formulas(package):
    for name, kind in inspect.getmembers(package, inspect.isclass):
        own = kind.__module__ == package.__name__
        if own and issubclass(kind, (core.Module, core.Loss)) and kind not in (core.Module, core.Loss):
            words = inspect.getdoc(kind)
            stated = ("forward " in words and "backward " in words) or kind in (
                modules.BatchNorm,
                modules.InputLinear,
                core.Sequential,
            )  # those say whose formulas theirs are
            assert stated, name


def test_the_core_alone_learns():
    """The network of the course, put together by hand from the core."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)).astype(np.float32)
    t = np.eye(2, dtype=np.float32)[(x[:, 0] * x[:, 1] > 0).astype(int)]
    net = core.Sequential(core.xavier(2, 16, rng), core.ReLU(), core.xavier(16, 2, rng), core.LogSoftmax())
    loss = core.NLL()
    before = loss.forward(net.forward(x), t)
    core.train(net, loss, core.SGD(*core.flatten(net)), [(x, t)] * 500, [0.5] * 500)
    y = net.forward(x)
    assert loss.forward(y, t) < 0.2 < before
    assert (y.argmax(1) == t.argmax(1)).mean() > 0.95


def test_training_allocates_nothing_after_its_first_step():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(8, 2)).astype(np.float32), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 8)]
    net = core.Sequential(core.xavier(2, 4, rng), core.ReLU(), core.xavier(4, 2, rng), core.LogSoftmax())
    optimizer = core.SGD(*core.flatten(net))
    core.train(net, core.NLL(), optimizer, [(x, t)], [0.1])
    kept = [[id(array) for array in part.memory.values()] for part in net.parts()]
    core.train(net, core.NLL(), optimizer, [(x, t)] * 3, [0.1] * 3)
    assert [[id(array) for array in part.memory.values()] for part in net.parts()] == kept


def test_the_forward_pass_needs_numpy_alone():
    code = (
        "import sys, nnlab.scratch; heavy = {'torch', 'sklearn', 'scipy', 'pandas', 'streamlit'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
