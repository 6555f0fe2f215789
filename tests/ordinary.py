"""The network of one replicate as anyone would write it with `torch.nn`: what the stacked one is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from nnlab.spec import Experiment, Layer

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "none": nn.Identity,
}


class Block(nn.Module):
    def __init__(self, layer: Layer) -> None:
        super().__init__()
        norms = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        self.linear = nn.Linear(layer.inputs, layer.width)
        self.norm = norms[layer.norm]() if layer.norm == "none" else norms[layer.norm](layer.width)
        self.activation = ACTIVATIONS[layer.activation]()
        self.residual = layer.residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.norm(self.linear(x)))
        return x + y if self.residual else y


def ordinary(experiment: Experiment, weights: Mapping[str, np.ndarray]) -> nn.Sequential:
    """One replicate with the given weights (no leading axis). Without dropout."""
    model = nn.Sequential(*(Block(layer) for layer in experiment.layers))
    with torch.no_grad():
        for i, block in enumerate(model):
            block.linear.weight.copy_(torch.tensor(weights[f"{i}.weight"].T))
            block.linear.bias.copy_(torch.tensor(weights[f"{i}.bias"]))
            if not isinstance(block.norm, nn.Identity):
                block.norm.weight.copy_(torch.tensor(weights[f"{i}.norm.scale"]))
                block.norm.bias.copy_(torch.tensor(weights[f"{i}.norm.shift"]))
            if isinstance(block.norm, nn.BatchNorm1d):
                block.norm.running_mean.copy_(torch.tensor(weights[f"{i}.norm.mean"]))
                block.norm.running_var.copy_(torch.tensor(weights[f"{i}.norm.variance"]))
    return model
