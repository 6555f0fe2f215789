"""An experiment's network as a `torch.nn` module in which every parameter has a leading replicate axis.

The same network under several seeds is one module: `torch.baddbmm` computes a layer of all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab import draws
from nnlab.spec import Experiment, Layer, as_seeds

EPS = 1e-5  # of both normalisations
MOMENTUM = 0.1  # of batch normalisation's running figures

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
    """Batch or layer normalisation of (seeds, n, width), with a scale and a shift for every replicate and unit."""

    mean: Tensor
    variance: Tensor

    def __init__(self, kind: str, seeds: int, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.scale = nn.Parameter(torch.ones(seeds, 1, width))
        self.shift = nn.Parameter(torch.zeros(seeds, 1, width))
        if kind == "batch":
            self.register_buffer("mean", torch.zeros(seeds, 1, width))
            self.register_buffer("variance", torch.ones(seeds, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "layer":  # over the units of one sample (Ba et al. 2016)
            return F.layer_norm(x, x.shape[-1:], eps=EPS) * self.scale + self.shift
        if self.training:  # over the samples of the batch (Ioffe and Szegedy 2015)
            variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
            with torch.no_grad():
                n = x.shape[1]
                self.mean.lerp_(mean, MOMENTUM)
                self.variance.lerp_(variance * (n / max(1, n - 1)), MOMENTUM)
        else:
            variance, mean = self.variance, self.mean
        return (x - mean) * (torch.rsqrt(variance + EPS) * self.scale) + self.shift


class StackedLayer(nn.Module):
    """Linear, normalisation, activation, dropout, then + input where the layer is residual."""

    def __init__(self, layer: Layer, seeds: int) -> None:
        super().__init__()
        self.layer = layer
        self.weight = nn.Parameter(torch.zeros(seeds, layer.inputs, layer.width))
        self.bias = nn.Parameter(torch.zeros(seeds, 1, layer.width))  # the 1 spreads it over the batch
        self.norm = None if layer.norm == "none" else StackedNorm(layer.norm, seeds, layer.width)
        self.activation = ACTIVATIONS[layer.activation]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (seeds, n, inputs) to (seeds, n, width). `mask`, of the result's shape, is 0 where a unit is dropped and
        1 / (1 - dropout) elsewhere; without one a training module draws its own from PyTorch's generator."""
        # A batch less its mean has lost its bias, so the bias has the gradient 0. Autograd would find rounding noise
        # instead, which Adam scales up to whole steps.
        cancelled = self.training and self.layer.norm == "batch"
        y = torch.baddbmm(self.bias.detach() if cancelled else self.bias, x, self.weight)
        if self.norm is not None:
            y = self.norm(y)
        y = self.activation(y)
        if self.training and self.layer.dropout:
            y = F.dropout(y, self.layer.dropout) if mask is None else y * mask
        return x + y if self.layer.residual else y


class StackedModel(nn.Sequential):
    """The replicates of one network. Layer i is `model[i]`, the last one gives the logits (or the values)."""

    def __init__(self, layers: Sequence[Layer], seeds: int) -> None:
        super().__init__(*(StackedLayer(layer, seeds) for layer in layers))
        self.seeds = seeds

    def forward(self, x: Tensor, masks: Mapping[int, Tensor] | None = None) -> Tensor:
        """Scaled inputs (n, inputs), shared by all replicates, or (seeds, n, inputs), to logits (seeds, n, outputs).
        `masks`: dropout masks by layer, see StackedLayer."""
        if x.dim() == 2:
            x = x.expand(self.seeds, *x.shape)
        for i, layer in enumerate(self):
            x = layer(x, masks.get(i) if masks else None)
        return x

    def named_arrays(self) -> dict[str, Tensor]:
        """Every parameter and running figure under its name in `nnlab.draws`, as views (seeds, ...)."""
        each = (*self.named_parameters(), *self.named_buffers())
        return {name: (t if name.endswith(".weight") else t.squeeze(1)).detach() for name, t in each}

    def load_arrays(self, weights: Mapping[str, np.ndarray]) -> None:
        """Copy the weights of `nnlab.draws` (seeds, ...) in."""
        for name, tensor in self.named_arrays().items():
            tensor.copy_(torch.from_numpy(np.asarray(weights[name], np.float32)))


def build_model(experiment: Experiment, seeds: int | Iterable[int] = 1) -> StackedModel:
    """The experiment's network, one replicate a seed (`10` is seeds 0 to 9), with the weights it starts from.

    Returns
    -------
    StackedModel
        `model(x)` takes scaled inputs (n, inputs) or (seeds, n, inputs) and gives logits (seeds, n, outputs).

    Raises
    ------
    SpecError
        If the seeds cannot be.
    """
    chosen = as_seeds(seeds)
    model = StackedModel(experiment.layers, len(chosen))
    model.load_arrays(draws.stacked_weights(experiment, chosen))
    return model
