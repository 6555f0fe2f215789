"""Fields by their dotted names: which values a field allows, and the knobs that `vary` and a comparison set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel

KNOBS: Mapping[str, str] = {
    **dict.fromkeys(("depth", "depth_same_size", "width"), "model.hidden"),
    **{name: f"model.{name}" for name in ("activation", "norm", "dropout", "residual", "init")},
    **{name: f"train.{name}" for name in ("optimizer", "lr", "schedule", "batch_size", "epochs", "l2", "engine")},
    **{name: f"data.{name}" for name in ("noise", "n_samples", "scaling")},
    "start_from": "train.start_from",
}
"""Short names for what `vary` and a comparison set, and the field each one sets."""


class Bounds(NamedTuple):
    """The values a field allows: a range, or choices."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def bounds(root: type[BaseModel], place: Sequence[str | int]) -> Bounds:
    """The bounds of a field below `root`, or of the items of a field that is a list."""
    *above, name = [part for part in place if isinstance(part, str)] or [""]
    model = model_at(root, above)
    if model is None or name not in model.model_fields:
        return Bounds()
    field = model.model_fields[name]
    parts = [*field.metadata, *_parts(field.annotation)]
    low = next((float(part.ge) for part in parts if isinstance(part, Ge)), None)  # type: ignore[arg-type]
    high = next((float(part.le) for part in parts if isinstance(part, Le)), None)  # type: ignore[arg-type]
    return Bounds(low, high, tuple(part for part in parts if isinstance(part, str)))


def model_at(root: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that holds the fields below a place, None where there is no model."""
    model: type[BaseModel] | None = root
    for name in place:
        if isinstance(name, str):  # a number is an item of the list before it
            field = model.model_fields.get(name) if model else None
            parts = _parts(field.annotation) if field else ()
            model = next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)
    return model


def _parts(annotation: Any) -> Iterator[Any]:
    """An annotation, as `tuple[int | LayerSpec, ...]`, and all that it contains."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
