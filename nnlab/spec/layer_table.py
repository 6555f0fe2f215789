"""The layer table: the layers of a network with their shapes and parameters."""

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
"""The parts of a layer, as PyTorch calls them."""


@dataclass(frozen=True)
class LayerRow:
    name: str  # "Input", "Hidden 1", ..., "Output"
    kind: str  # its parts in order, as "Linear → BatchNorm → ReLU"
    output_shape: str  # as "(batch, 8)"
    parameters: int  # of one replicate; trainable unless the layer is frozen
    formula: str  # inputs·width + biases, and a scale and a shift for each unit of a normalised layer
    skip: bool = False  # whether the layer's input is added to its output
    frozen: bool = False  # whether its weights stay as they are


def layer_table(experiment: Experiment) -> list[LayerRow]:
    """The layers in order, the input first."""
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
