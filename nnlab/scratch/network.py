"""Builds the modules of an experiment from its layers and weights, and computes the forward pass alone.

Weights have the names of `nnlab.engines.random_streams` (`0.weight`, `0.bias`, `0.norm.scale`, ...) and a leading axis
of seeds.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nnlab.scratch.core import Array, Linear, Module, Sequential
from nnlab.scratch.modules import (
    ACTIVATIONS,
    BatchNorm,
    Dropout,
    IgnoredBias,
    InputLinear,
    LayerNorm,
    Residual,
)
from nnlab.spec import Layer

_CHUNK = 1 << 18  # numbers per layer: 1 MB of float32, which fits the processor's cache


def build(layers: Sequence[Layer], weights: Mapping[str, Array]) -> Sequential:
    """A Sequential with one module per layer, which uses the arrays in `weights` without a copy.

    Every layer is a Sequential of linear, normalisation, activation and dropout, inside a Residual where it has a skip
    connection."""
    return Sequential(*(_build_layer(i, layer, weights) for i, layer in enumerate(layers)))


def _build_layer(i: int, layer: Layer, weights: Mapping[str, Array]) -> Module:
    weight, bias = weights[f"{i}.weight"], weights[f"{i}.bias"]
    linear = Linear(weight, bias) if i or layer.residual or weight.ndim < 3 else InputLinear(weight, bias)
    modules: list[Module] = [linear]
    norm = {name.rpartition(".")[2]: value for name, value in weights.items() if name.startswith(f"{i}.norm.")}
    if layer.norm != "none":
        modules.append(BatchNorm(**norm) if layer.norm == "batch" else LayerNorm(**norm))
        if layer.norm == "batch" and not layer.frozen:
            modules.insert(0, IgnoredBias(linear))
        if layer.frozen:  # batch normalisation uses its running mean and variance without changing them
            _evaluation(modules[-1])
    activation = ACTIVATIONS[layer.activation]
    if activation is not None:
        modules.append(activation())
    if layer.dropout:
        modules.append(Dropout(layer.dropout))
    inner = Sequential(*modules)
    return Residual(inner) if layer.residual else inner


def named_arrays(network: Sequential) -> dict[str, Array]:
    """The arrays of a network by the names `build` takes them under: views with the leading axis of seeds."""
    arrays: dict[str, Array] = {}
    for i, layer in enumerate(network.modules):
        for part in layer.parts():
            own = dict(part.parameters)
            if isinstance(part, BatchNorm):
                own |= {"mean": part.mean, "variance": part.variance}
            arrays |= {full_name(i, part, name): value for name, value in own.items()}
    return arrays


def full_name(layer: int, part: Module, name: str) -> str:
    """The name in the network of a module's array: 0.weight, 0.norm.scale."""
    return f"{layer}.norm.{name}" if isinstance(part, LayerNorm) else f"{layer}.{name}"


def forward(layers: Sequence[Layer], weights: Mapping[str, Array], x: Array) -> Array:
    """The outputs of networks in evaluation mode: (seeds, n, outputs) logits (classes) or values (regression).

    x (n, inputs) scaled inputs, weights (seeds, ...)."""
    return _outputs([build(layers, weights)], layers, len(weights["0.bias"]), x)[0]


def activations(layers: Sequence[Layer], weights: Mapping[str, Array], x: Array) -> list[Array]:
    """The outputs of every layer in evaluation mode: an array (seeds, n, width) per layer, after activation and skip.

    x (n, inputs) scaled inputs. The last array equals `forward(layers, weights, x)`."""
    return _outputs(build(layers, weights).modules, layers, len(weights["0.bias"]), x)


def _outputs(modules: Sequence[Module], layers: Sequence[Layer], seeds: int, x: Array) -> list[Array]:
    """The output of every module in evaluation mode. The last module ends in the last layer, the one before it in the
    layer before that."""
    for module in modules:
        _evaluation(module)
    results = [np.empty((seeds, len(x), layer.width), np.float32) for layer in layers[-len(modules) :]]
    for part in chunks(layers, seeds, len(x)):
        values = x[part]
        for module, result in zip(modules, results, strict=True):
            values = result[:, part] = module.forward(values)
    return results


def _evaluation(network: Module) -> None:
    """Switch batch normalisation and dropout to evaluation mode."""
    for part in network.parts():
        if isinstance(part, (BatchNorm, Dropout)):
            part.training = False


def chunks(layers: Sequence[Layer], seeds: int, n: int) -> list[slice]:
    """Slices of n samples, small enough for the memory of every layer of all seeds."""
    width = max(layers[0].inputs, seeds * max(layer.width for layer in layers))
    size = max(1, min(n, _CHUNK // width))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
