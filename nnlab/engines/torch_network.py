"""An experiment's network as a `torch.nn` module in which every parameter has a leading replicate axis, so that one
`torch.baddbmm` computes a layer of all replicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab.spec import Layer

EPS = 1e-5  # of both normalisations
MOMENTUM = 0.1  # of the running mean and variance of batch normalisation

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "none": lambda x: x,
}


class StackedNorm(nn.Module):
    """Batch or layer normalisation of (seeds, width, n), with a scale and a shift for every replicate and unit."""

    mean: Tensor
    variance: Tensor

    def __init__(self, kind: str, seeds: int, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.scale = nn.Parameter(torch.ones(seeds, width, 1))
        self.shift = nn.Parameter(torch.zeros(seeds, width, 1))
        if kind == "batch":
            self.register_buffer("mean", torch.zeros(seeds, width, 1))
            self.register_buffer("variance", torch.ones(seeds, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "layer":  # over the units of one sample (Ba et al. 2016)
            return F.layer_norm(x.transpose(1, 2), x.shape[1:2], eps=EPS).transpose(1, 2) * self.scale + self.shift
        mean, variance = self.mean.view(-1), self.variance.view(-1)
        if self.training and x.shape[2] == 1:  # the mean is the sample itself; PyTorch would divide by n - 1 = 0
            mean.lerp_(x.detach().reshape(-1), MOMENTUM)
            variance.mul_(1 - MOMENTUM)
            return self.shift.expand_as(x)
        # over the samples of the batch (Ioffe and Szegedy 2015), with the units of all replicates as channels
        scale, shift = self.scale.view(-1), self.shift.view(-1)
        y = torch.batch_norm(
            x.reshape(1, -1, x.shape[2]), scale, shift, mean, variance, self.training, MOMENTUM, EPS, False
        )
        return y.view_as(x)


class StackedLayer(nn.Module):
    """Linear, normalisation, activation and dropout, then + input if the layer is residual."""

    def __init__(self, layer: Layer, seeds: int) -> None:
        super().__init__()
        self.layer = layer
        self.weight = nn.Parameter(torch.zeros(seeds, layer.width, layer.inputs))
        self.bias = nn.Parameter(torch.zeros(seeds, layer.width, 1))  # the 1 is broadcast over the batch
        self.norm = None if layer.norm == "none" else StackedNorm(layer.norm, seeds, layer.width)
        self.activation = ACTIVATIONS[layer.activation]
        self.requires_grad_(not layer.frozen)

    def train(self, mode: bool = True) -> StackedLayer:
        """Set the mode; the normalisation of a frozen layer stays in evaluation mode."""
        super().train(mode)
        if self.norm is not None and self.layer.frozen:
            self.norm.eval()
        return self

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (seeds, inputs, n) to (seeds, width, n). `mask`, of the result's shape, is 0 where a unit is dropped and
        1 / (1 - dropout) elsewhere; without a mask, training uses PyTorch's own dropout."""
        # Batch normalisation subtracts the mean and with it the bias, so the bias has the gradient 0. Autograd would
        # find rounding noise instead, which Adam scales up to whole steps.
        cancelled = self.layer.norm == "batch" and self.norm is not None and self.norm.training
        y = torch.baddbmm(self.bias.detach() if cancelled else self.bias, self.weight, x)
        if self.norm is not None:
            y = self.norm(y)
        y = self.activation(y)
        if self.training and self.layer.dropout:
            y = F.dropout(y, self.layer.dropout) if mask is None else y * mask
        return x + y if self.layer.residual else y


class StackedModel(nn.Sequential):
    """The replicates of one network. Layer i is `model[i]`; the last one computes the logits (or the values).

    Internally a sample is a column, (seeds, width, n): kernels run along the samples, which outnumber the units of a
    small network. A batch of 32 is then 10 % faster, and a pass over hundreds of samples four times as fast."""

    def __init__(self, layers: Sequence[Layer], seeds: int) -> None:
        super().__init__(*(StackedLayer(layer, seeds) for layer in layers))
        self.seeds = seeds

    def forward(self, x: Tensor) -> Tensor:
        """Scaled inputs (n, inputs), shared by all replicates, or (seeds, n, inputs), to logits (seeds, n, outputs)."""
        return self.columns(x.transpose(-1, -2)).transpose(1, 2)

    def columns(self, x: Tensor, masks: Mapping[int, Tensor] | None = None) -> Tensor:
        """The same for samples that are columns: (inputs, n) or (seeds, inputs, n) to (seeds, outputs, n). `masks`:
        dropout masks by layer, see StackedLayer."""
        if x.dim() == 2:
            x = x.expand(self.seeds, *x.shape)
        for i, layer in enumerate(self):
            x = layer(x, masks.get(i) if masks else None)
        return x

    def named_arrays(self) -> dict[str, Tensor]:
        """Views of all parameters and running values, with the names and shapes of `random_streams.initial_weights`
        and a leading axis of seeds."""
        each = (*self.named_parameters(), *self.named_buffers())
        return {name: (t.mT if name.endswith(".weight") else t.squeeze(2)).detach() for name, t in each}

    def load_arrays(self, weights: Mapping[str, np.ndarray]) -> None:
        """Copy weights (seeds, ...) as `random_streams.stacked_weights` names them into the model."""
        for name, tensor in self.named_arrays().items():
            tensor.copy_(torch.from_numpy(np.asarray(weights[name], np.float32)))
