"""Values and their text: canonical JSON, links, English."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_serializer, model_validator
from pydantic_core import PydanticCustomError, to_jsonable_python

from nnlab.spec.errors import Problem, SpecError, spec_error
from nnlab.spec.knobs import KNOBS

MOST_TEXT = 4_000_000
"""Bytes of JSON that are read: the file of a comparison of 200 cells has a tenth of it."""
MOST_ITEMS = 100
"""Fields of an object, and items of a list in a link, that are looked at one by one; no experiment has so many."""
compact = partial(json.dumps, separators=(",", ":"))  # JSON text without blanks
_LISTS = {
    "model.hidden": "list of widths as 8-8-4 (0 for none)",
    "data.labels": "list of classes as 5-6-9 (0 for all)",
    "data.terms": "list of input features as x1-x2-x1_squared",
}
"""Fields that are lists, and how a link writes them."""
_ESCAPED = re.compile(r"\A(amp;)+")


_stored: ContextVar[bool] = ContextVar("stored", default=False)


@contextmanager
def stored_values() -> Iterator[None]:
    """Read values that were valid when they were stored, though today they would be refused: see
    `Experiment.degenerate`."""
    token = _stored.set(True)
    try:
        yield
    finally:
        _stored.reset(token)


def is_stored() -> bool:
    """Whether values come from the store, within `stored_values`."""
    return _stored.get()


def too_many(got: int, low: int, high: int) -> PydanticCustomError:
    """That a value has more items than are allowed, to be raised by a validator."""
    about = {"min_length": low, "max_length": high, "actual_length": got}
    return PydanticCustomError("too_long", "too many", about)


def at_most(high: int, low: int = 0) -> BeforeValidator:
    """Refuses a longer list before its items are looked at: each wrong one would be a problem of its own."""

    def check(given: Any) -> Any:
        if isinstance(given, (list, tuple)) and len(given) > high:
            raise too_many(len(given), low, high)
        return given

    return BeforeValidator(check)


class Value(BaseModel):
    """A frozen model without unknown fields; equal values have equal text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    omitted: ClassVar[tuple[str, ...]] = ()
    """Newer fields. The text leaves them out where they have their default, so that older values keep their text and
    key."""

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and len(given) > MOST_ITEMS:  # each unknown one would be a problem of its own
            raise too_many(len(given), 0, len(cls.model_fields))
        return given

    @model_validator(mode="after")
    def _one_zero(self) -> Self:
        for name, value in self.__dict__.items():
            if isinstance(value, float) and value == 0:  # -0.0 equals 0.0 and must not have another text
                self.__dict__[name] = 0.0
        return self

    @model_serializer(mode="wrap")
    def _omit(self, serialize: Callable[[Self], dict[str, Any]]) -> dict[str, Any]:
        usual = {name: type(self).model_fields[name].default for name in self.omitted}
        written = serialize(self)
        return {k: v for k, v in written.items() if v is not None and (k not in usual or getattr(self, k) != usual[k])}

    @classmethod
    def of(cls, values: Any) -> Self:
        """From plain nested values; fields left out take their defaults. Raises SpecError."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise spec_error(error, cls) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From JSON text; fields left out take their defaults. Raises SpecError."""
        return cls.of(parse_json(text, cls.__name__.lower()))

    @classmethod
    def from_store(cls, text: str | bytes) -> Self:
        """From JSON text in the store, which may be older than a rule."""
        with stored_values():
            return cls.from_json(text)

    def plain(self) -> dict[str, Any]:
        """The value as nested dictionaries, lists, numbers and texts, as JSON has it."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """Canonical JSON text, with sorted keys and without blanks: the same value gives the same text."""
        return compact(self.plain(), sort_keys=True)

    @property
    def key(self) -> str:
        """sha256 of the canonical text, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def value_text(value: Any) -> str:
    """The value of a field or knob as text: `0.01`, `true`, `none`, and `8-8-4` for a list of layers."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "-".join(str(getattr(item, "width", item)) for item in value) or "0"
    return str(value)


def link_text(value: Any) -> str:
    """A value in a link; `from_link` reads it back."""
    value = to_jsonable_python(value)
    plain = not isinstance(value, list) or all(isinstance(item, (int, str)) for item in value)
    return value_text(value) if plain and not isinstance(value, dict) else compact(value)


def from_link(path: str, text: Any, knob: str = "") -> Any:
    """The value of a field (or of a knob that sets it) from a link; its model checks it and reads numbers in text."""
    if not isinstance(text, str) or path not in _LISTS or knob in ("depth", "depth_same_size", "width"):
        return text
    if text.startswith("["):
        return parse_json(text, path, _LISTS[path])
    parts = text.split("-")
    if path == "data.terms" or len(parts) > MOST_ITEMS:  # which the model refuses
        return parts
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        raise SpecError([Problem(path, text, "type", expected=_LISTS[path])]) from None
    return [] if numbers == [0] else numbers


def list_text(values: Sequence[Any]) -> str:
    """The values of a knob in a link; `list_parameter` reads them back."""
    texts = [link_text(value) for value in values]
    in_json = any("," in text for text in texts)  # layers with settings of their own
    return compact(to_jsonable_python(values)) if in_json else ",".join(texts)


def list_parameter(params: Mapping[str, Any], name: str, knob: str, default: str) -> Any:
    """The values of a knob from a link's parameter. Raises SpecError."""
    text = text_parameter(params, name, default).strip()
    if text.startswith("["):
        return parse_json(text, name, "list")
    path = KNOBS.get(knob, knob)
    return [from_link(path, value.strip(), knob) for value in text.split(",") if value.strip()]


def text_parameter(params: Mapping[str, Any], name: str, default: str) -> str:
    """A text from a link's parameter. Raises SpecError."""
    text = single(name, params.get(name, default))
    if not isinstance(text, str):
        raise SpecError([Problem(name, text, "type", expected="text")])
    return text


def link_parameters(params: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The parameters of a link by their names; one with several values has a list of them.

    A link that was copied from the source of a web page has `&amp;` for `&`, which is read as `&`."""
    found: dict[str, list[Any]] = {}
    for name, value in params.items() if isinstance(params, Mapping) else params:
        values = found.setdefault(_ESCAPED.sub("", str(name)), [])
        values += [one for one in (value if isinstance(value, (list, tuple)) else [value]) if one not in values]
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def single(name: str, value: Any) -> Any:
    """The value of a parameter from `link_parameters`. Raises SpecError where there are several."""
    if isinstance(value, list):
        raise SpecError.conflict(name, value, "parameter_repeats")
    return value


def parse_json(text: str | bytes, where: str, expected: str = "") -> Any:
    """What a JSON text holds. Raises SpecError, which names `where` and what is expected there."""
    try:
        if len(text) <= MOST_TEXT:
            return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except SpecError:
        raise
    except (ValueError, TypeError, RecursionError):
        pass
    raise SpecError([Problem(where, text[:100], "type" if expected else "json", expected=expected)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise SpecError.conflict(name, value, "field_repeats")
        found[name] = value
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON
