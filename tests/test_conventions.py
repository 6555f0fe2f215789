"""What docs/conventions.md says of nnlab is what the code does; where it says "as nnlab", PyTorch's defaults agree."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import erf

from nnlab.engines import random_streams
from nnlab.engines.torch_network import EPS, MOMENTUM
from nnlab.scratch.losses import MSE
from nnlab.scratch.modules import ACTIVATIONS, BatchNorm, LayerNorm
from nnlab.scratch.optimizers import OPTIMIZERS, Adam, Momentum, RMSprop

LINES = (Path(__file__).parents[1] / "docs" / "conventions.md").read_text().splitlines()
ROWS = {cells[1]: cells[2:-1] for line in LINES if len(cells := [cell.strip() for cell in line.split("|")]) == 7}


def default(of, name):
    return inspect.signature(of).parameters[name].default


@pytest.mark.parametrize(
    ("row", "ours", "theirs"),
    [
        ("Adam, ε", Adam.eps, default(torch.optim.Adam, "eps")),
        ("RMSprop, ρ", 1 - RMSprop.new, default(torch.optim.RMSprop, "alpha")),
        ("RMSprop, ε", RMSprop.eps, default(torch.optim.RMSprop, "eps")),
        ("batch norm, ε", BatchNorm.eps, default(torch.nn.BatchNorm1d, "eps")),
        ("layer norm, ε", LayerNorm.eps, default(torch.nn.LayerNorm, "eps")),
        ("leaky ReLU, slope", -ACTIVATIONS["leaky_relu"]().forward(-np.ones(1))[0], 0.01),
    ],
)
def test_a_constant_is_that_of_the_code_and_of_pytorch(row, ours, theirs):
    assert float(ROWS[row][0].split(",")[0]) == ours == theirs
    assert ROWS[row][1].endswith("as nnlab")


def test_both_normalisations_of_the_pytorch_engine_have_these_constants():
    assert BatchNorm.eps == LayerNorm.eps == EPS
    norm = BatchNorm(np.ones(1), np.zeros(1), np.zeros(1), np.ones(1))
    assert f"{norm.momentum} of the way" in ROWS["batch norm, momentum"][0]
    assert norm.momentum == MOMENTUM == default(torch.nn.BatchNorm1d, "momentum")
    norm.forward(np.array([[1.0], [3.0]]))  # mean 2, variance 1, unbiased 2
    assert (norm.mean[0], norm.variance[0]) == pytest.approx((0.2, 0.9 + 0.1 * 2))


def stepped(name, l2=0.0, rates=(0.1,), gradients=(1.0,)):
    w, g = np.array([2.0]), np.zeros(1)
    optimizer = OPTIMIZERS[name](w, g, l2)
    for rate, gradient in zip(rates, gradients, strict=True):
        g[:] = gradient
        optimizer.step(rate)
    return w[0]


def test_l2_and_momentum_are_as_written():
    assert stepped("sgd", l2=0.5) == pytest.approx(2 - 0.1 * (1 + 0.5 * 2))
    assert stepped("adamw", l2=0.5) == pytest.approx(2 - 0.1 * 0.5 * 2 - 0.1)
    assert Momentum.momentum == 0.9
    assert stepped("momentum", rates=(0.1, 0.5), gradients=(1, 0)) == pytest.approx(2 - 0.1 - 0.5 * 0.9)


def test_the_losses_and_gelu_are_as_written():
    assert MSE().forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2))) == (1 + 4 + 9 + 16) / 4
    x = np.linspace(-3, 3, 13)
    assert ACTIVATIONS["gelu"]().forward(x) == pytest.approx(x * (1 + erf(x / np.sqrt(2))) / 2)


@pytest.mark.parametrize("init", ["default", "xavier", "kaiming", "orthogonal"])
def test_the_initialisations_are_as_written(init):
    weight, bias = random_streams.draw_layer(np.random.default_rng(0), 200, 100, init, 0.1)
    assert (init == "default") == bias.any()
    spread = {"default": 1 / np.sqrt(3 * 200), "xavier": np.sqrt(2 / 300), "kaiming": np.sqrt(2 / 200)}
    if init == "orthogonal":
        assert np.abs(weight.T @ weight - np.eye(100)).max() < 1e-12
    else:
        assert weight.std() == pytest.approx(spread[init], rel=0.02)
