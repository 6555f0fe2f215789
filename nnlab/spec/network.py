"""The network of an experiment: its hidden layers and their settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le
from pydantic import Field, field_validator, model_validator

from nnlab.spec.text import Value, at_most

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "none"]
Norm = Literal["none", "batch", "layer"]
Init = Literal["default", "xavier", "kaiming", "orthogonal", "zeros", "normal"]
Width = Annotated[int, Ge(1), Le(4096)]

MAX_DEPTH = 64


class LayerSpec(Value):
    """A hidden layer that differs from the network's common settings; None means "as the network"."""

    width: Width
    activation: Activation | None = None
    norm: Norm | None = None
    dropout: float | None = Field(None, ge=0, le=0.95)
    residual: bool | None = None


@dataclass(frozen=True)
class Layer:
    """A layer with all its settings. Order inside: linear, normalisation, activation, dropout, then + input."""

    inputs: int
    width: int
    activation: str
    norm: str = "none"
    dropout: float = 0.0
    residual: bool = False
    frozen: bool = False
    """Its weights never change. Batch normalisation uses its running mean and variance, as in evaluation; dropout stays
    on."""

    @property
    def parameters(self) -> int:
        return self.inputs * self.width + self.width + (0 if self.norm == "none" else 2 * self.width)


class ModelSpec(Value):
    """Hidden layers and their common settings. The output layer follows from the data."""

    hidden: Annotated[tuple[Width | LayerSpec, ...], at_most(MAX_DEPTH)] = (8,)
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, le=0.95)
    residual: bool = False
    """A skip connection around every hidden layer whose input and output have the same width (He et al. 2016)."""
    init: Init = "default"
    init_scale: float = Field(0.1, ge=0, le=10)  # standard deviation for init="normal"

    @field_validator("hidden", mode="before")
    @classmethod
    def _tidy(cls, hidden: Any) -> Any:
        return [_plain_layer(layer) for layer in hidden] if isinstance(hidden, (list, tuple)) else hidden

    @model_validator(mode="after")
    def _drop_init_scale(self) -> Self:
        if self.init != "normal":
            object.__setattr__(self, "init_scale", 0.1)  # without effect: one text for one network
        return self

    @property
    def depth(self) -> int:
        return len(self.hidden)

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(layer if isinstance(layer, int) else layer.width for layer in self.hidden)

    def layers(self, inputs: int, frozen: int = 0) -> tuple[Layer, ...]:
        """The hidden layers in order, with all their settings; the first ones are frozen."""
        made = []
        for i, layer in enumerate(self.hidden):
            chosen = {name: getattr(self, name) for name in ("activation", "norm", "dropout", "residual")}
            chosen |= {"width": layer} if isinstance(layer, int) else layer.plain()
            chosen["residual"] &= inputs == chosen["width"]
            made.append(Layer(inputs, frozen=i < frozen, **chosen))
            inputs = chosen["width"]
        return tuple(made)


def _plain_layer(layer: Any) -> Any:
    """A layer without settings of its own is written as its width."""
    if isinstance(layer, LayerSpec):
        layer = layer.plain()
    if isinstance(layer, Mapping) and "width" in layer and all(v is None for k, v in layer.items() if k != "width"):
        return layer["width"]
    return layer
