"""The layer table: what a network consists of, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

from nnlab.spec.experiment import Experiment
from nnlab.spec.network import Layer

KINDS = {
    "batch": "BatchNorm",
    "layer": "LayerNorm",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
}
"""The parts of a layer, by their names in PyTorch."""


@dataclass(frozen=True)
class LayerRow:
    """One row of the table."""

    name: str
    """"Input", "Hidden 1", ..., "Output"."""
    kind: str
    """Its parts in order, as "Linear → BatchNorm → ReLU"."""
    output_shape: str
    """As "(batch, 8)"."""
    parameters: int
    """Numbers of one replicate: trainable unless the layer is frozen."""
    formula: str
    """Where they come from: inputs·width + biases, and a scale and a shift a unit where normalised."""
    skip: bool = False
    """Whether the layer's input is added to its output."""
    frozen: bool = False
    """Whether it keeps the weights it starts from."""


def layer_table(experiment: Experiment) -> list[LayerRow]:
    """The layers in order, the input first. The parameters of the rows add up to `experiment.parameters`, those of
    frozen ones to `experiment.frozen_parameters`."""
    *hidden, last = experiment.layers
    rows = [LayerRow("Input", "", f"(batch, {experiment.data.inputs})", 0, "")]
    rows += [_row(f"Hidden {i}", layer, ()) for i, layer in enumerate(hidden, 1)]
    into = {"bce": ("Sigmoid",), "cross_entropy": ("Softmax",), "mse": ()}[experiment.loss]
    return [*rows, _row("Output", last, into)]


def _row(name: str, layer: Layer, into: tuple[str, ...]) -> LayerRow:
    parts = ["Linear", *(KINDS[part] for part in (layer.norm, layer.activation) if part != "none")]
    if layer.dropout:
        parts.append(f"Dropout {layer.dropout:g}")
    formula = f"{layer.inputs}·{layer.width} + {layer.width}"
    if layer.norm != "none":
        formula += f" + 2·{layer.width}"
    kind = " → ".join([*parts, *into])
    return LayerRow(name, kind, f"(batch, {layer.width})", layer.parameters, formula, layer.residual, layer.frozen)
