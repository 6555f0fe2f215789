"""The stacked model is the ordinary one, several times over."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from ordinary import Block, ordinary
from torch import nn

from nnlab.engines import random_streams
from nnlab.engines.torch_network import StackedModel
from nnlab.spec import Activation, Experiment, Init, Layer
from nnlab.spec.errors import SpecError
from nnlab.training.api import build_model

SEEDS = (3, 0, 11)
ROUNDING = {"rtol": 1e-4, "atol": 1e-6}  # float32, sums in another order


def experiment(**model: object) -> Experiment:
    return Experiment.of({"model": {"hidden": [6, 6, 6], **model}})


def batch(experiment: Experiment, n: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (n, inputs) and some slope of a loss (n, outputs)."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, experiment.data.inputs)).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(rng.normal(size=(n, experiment.outputs)).astype(np.float32))


def assert_same_as_ordinary(experiment: Experiment, training: bool = True) -> None:
    x, slope = batch(experiment)
    stacked = build_model(experiment, SEEDS).train(training)
    out = stacked(x)
    out.backward(slope.expand_as(out))
    assert out.shape == (len(SEEDS), len(x), experiment.outputs)
    for i, seed in enumerate(SEEDS):
        alone = ordinary(experiment, random_streams.initial_weights(experiment, seed)).train(training)
        expected = alone(x)
        expected.backward(slope)
        torch.testing.assert_close(out[i], expected, **ROUNDING)
        for mine, block in zip(stacked, alone, strict=True):
            assert isinstance(mine, nn.Module)
            assert isinstance(block, Block)
            torch.testing.assert_close(mine.weight.grad[i], block.linear.weight.grad, **ROUNDING)
            if training and mine.layer.norm == "batch":  # cancelled: PyTorch finds rounding noise where nothing is
                assert mine.bias.grad is None
                assert block.linear.bias.grad.abs().max() < 1e-6
            else:
                torch.testing.assert_close(mine.bias.grad[i, :, 0], block.linear.bias.grad, **ROUNDING)
            if mine.norm is not None:
                torch.testing.assert_close(mine.norm.scale.grad[i, :, 0], block.norm.weight.grad, **ROUNDING)
                torch.testing.assert_close(mine.norm.shift.grad[i, :, 0], block.norm.bias.grad, **ROUNDING)
            if isinstance(block.norm, nn.BatchNorm1d):
                torch.testing.assert_close(mine.norm.mean[i, :, 0], block.norm.running_mean)
                torch.testing.assert_close(mine.norm.variance[i, :, 0], block.norm.running_var)


@pytest.mark.parametrize("activation", get_args(Activation))
def test_it_equals_a_sequential_with_the_same_weights_forward_and_backward(activation: str) -> None:
    assert_same_as_ordinary(experiment(activation=activation))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_it_equals_a_sequential_with_norms_and_skips(norm: str, residual: bool, training: bool) -> None:
    assert_same_as_ordinary(experiment(norm=norm, residual=residual, activation="tanh"), training)


@pytest.mark.parametrize("init", get_args(Init))
def test_it_equals_a_sequential_from_every_initialisation(init: str) -> None:
    assert_same_as_ordinary(experiment(init=init))


def test_batch_norm_takes_a_batch_of_one() -> None:
    model = build_model(experiment(norm="batch"), 2)
    x, _ = batch(experiment(), n=1)
    assert torch.isfinite(model(x)).all()
    assert all(torch.isfinite(buffer).all() for buffer in model.buffers())


def test_every_replicate_may_have_inputs_of_its_own() -> None:
    model, (x, _) = build_model(experiment(), 2), batch(experiment())
    together = model(torch.stack([x, x + 1]))
    torch.testing.assert_close(together[0], model(x)[0])
    torch.testing.assert_close(together[1], model(x + 1)[1])


def test_dropout_masks_are_applied_after_the_activation_in_training_alone() -> None:
    layer = Layer(2, 2, "none", dropout=0.5)
    model = StackedModel([layer], 1)
    model.load_arrays({"0.weight": np.eye(2, dtype=np.float32)[None], "0.bias": np.zeros((1, 2), np.float32)})
    x, mask = torch.tensor([[3.0, 5.0]]), torch.tensor([[[0.0, 2.0]]])
    assert model.train().columns(x.T, {0: mask.mT}).mT.tolist() == [[[0.0, 10.0]]]
    assert model.eval().columns(x.T, {0: mask.mT}).mT.tolist() == [[[3.0, 5.0]]]


def test_the_weights_a_model_starts_from_are_those_of_its_seeds() -> None:
    exp = experiment(norm="batch")
    arrays = build_model(exp, SEEDS).named_arrays()
    expected = random_streams.stacked_weights(exp, SEEDS)
    assert arrays.keys() == expected.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array.numpy(), expected[name])


def test_seeds_that_cannot_be_are_named() -> None:
    with pytest.raises(SpecError, match=r"^seeds: got 0"):
        build_model(experiment(), 0)
