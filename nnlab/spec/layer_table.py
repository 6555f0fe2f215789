"""The layer table: the layers of a network with their shapes and parameters."""

from dataclasses import dataclass

from nnlab.spec.experiment import Experiment

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
    rows = [LayerRow("Input", "", f"(batch, {experiment.data.inputs})", 0, "")]
    for i, layer in enumerate(experiment.layers, 1):
        name, formula = f"Hidden {i}", f"{layer.inputs}·{layer.width} + {layer.width}"
        parts = ["Linear", *(KINDS[part] for part in (layer.norm, layer.activation) if part != "none")]
        if layer.dropout:
            parts.append(f"Dropout {layer.dropout:g}")
        if layer.norm != "none":
            formula += f" + 2·{layer.width}"
        if i > experiment.model.depth:
            name = "Output"
            parts += {"bce": ["Sigmoid"], "cross_entropy": ["Softmax"]}.get(experiment.loss, [])
        shape, kind = f"(batch, {layer.width})", " → ".join(parts)
        rows.append(LayerRow(name, kind, shape, layer.parameters, formula, layer.residual, layer.frozen))
    return rows
