"""Fields by their dotted names: which values a field allows, and the knobs that `vary` and a comparison set."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel

KNOBS: Mapping[str, str] = MappingProxyType(
    {
        "depth": "model.hidden",
        "depth_same_size": "model.hidden",
        "width": "model.hidden",
        "activation": "model.activation",
        "norm": "model.norm",
        "dropout": "model.dropout",
        "residual": "model.residual",
        "init": "model.init",
        "optimizer": "train.optimizer",
        "lr": "train.lr",
        "schedule": "train.schedule",
        "batch_size": "train.batch_size",
        "epochs": "train.epochs",
        "l2": "train.l2",
        "engine": "train.engine",
        "noise": "data.noise",
        "n_samples": "data.n_samples",
        "scaling": "data.scaling",
        "start_from": "train.start_from",
    }
)
"""Short names for what `vary` and a comparison set, and the field each one sets."""


@dataclass(frozen=True)
class Bounds:
    """The values a field allows: a range, or choices."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def place_of(path: str) -> list[str | int]:
    """`model.hidden[2].width` as a list of names and numbers."""
    return [int(part) if part.isdecimal() else part for part in re.findall(r"[^.\[\]]+", path)]


def bounds(root: type[BaseModel], place: Sequence[str | int]) -> Bounds:
    """The bounds of a field below `root`, or of an item of a field that is a list."""
    item = bool(place) and isinstance(place[-1], int)
    field = place[:-1] if item else place
    model = model_at(root, field[:-1])
    if model is None or not field or field[-1] not in model.model_fields:
        return Bounds()
    info = model.model_fields[str(field[-1])]
    kinds, limits = get_args(info.annotation), info.metadata
    first = kinds[0] if kinds else None
    if item:
        limits = [limit for kind in (first, *get_args(first)) for limit in getattr(kind, "__metadata__", ())]
    elif type(None) in kinds:  # Literal | None
        kinds = get_args(first)
    low = next((float(limit.ge) for limit in limits if isinstance(limit, Ge)), None)  # type: ignore[arg-type]
    high = next((float(limit.le) for limit in limits if isinstance(limit, Le)), None)  # type: ignore[arg-type]
    return Bounds(low, high, tuple(kinds) if all(isinstance(kind, str) for kind in kinds) else ())


def model_at(root: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that holds the fields below a place, None where there is no model."""
    model: type[BaseModel] | None = root
    for name in place:
        if isinstance(name, str):  # a number is an item of the list before it
            info = model.model_fields.get(name) if model else None
            model = _model_in(info.annotation) if info else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `StartFrom | None` or `tuple[int | LayerSpec, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
