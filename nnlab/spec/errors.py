"""What can be wrong with an experiment, as values any language can put into one sentence."""

from __future__ import annotations

import contextlib
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field: enough for any language to say which field, what it was, what is allowed."""

    field: str
    got: Any
    kind: Literal["range", "choice", "type", "unknown", "conflict", "json"]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    expected: str = ""
    """For `type`: "number", "whole number", "text", "list", "object", "true or false".
    For `conflict`: a short code."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", _tidy(self.field) or "''")  # it may come from a link, with anything in it

    @property
    def shown(self) -> str:
        """What the field was, as at most 60 printable characters."""
        return _shown(self.got)

    def __str__(self) -> str:
        got = self.shown
        if self.kind == "range":
            return f"{self.field}: got {got}, allowed is from {_number(self.low)} to {_number(self.high)}."
        if self.kind == "choice":
            return f"{self.field}: got {got}, allowed is one of {', '.join(self.choices)}."
        if self.kind == "unknown":
            return f"{self.field}: there is no such field; allowed is one of {', '.join(self.choices)}."
        if self.kind == "conflict":
            return f"{self.field}: got {got}, but {CONFLICTS[self.expected]}."
        if self.kind == "json":
            return f"{self.field}: got {got}, allowed is the JSON text of an experiment or a comparison."
        article = "" if self.expected in ("text", "true or false") else "an " if self.expected[:1] in "aeiou" else "a "
        return f"{self.field}: got {got}, allowed is {article}{self.expected}."


CONFLICTS: Mapping[str, str] = MappingProxyType(
    {
        "early_stopping_needs_validation": "early stopping needs a validation share (data.validation) above 0",
        "shares_exceed_one": "the validation and test shares together must leave at least a tenth for training",
        "too_few_samples": "the training part would not hold a sample of every class; "
        "raise data.n_samples or lower the shares",
        "one_fold": "a single fold would leave nothing to train on; allowed is 0 (hold-out) or from 2 to 20 folds",
        "folds_need_split": "this data has too few samples to be split",
        "folds_exceed_class": "every fold needs a sample of every class that is not test; "
        "take fewer folds or raise data.n_samples",
        "loss_needs_binary": "binary cross-entropy (bce) needs data with two classes",
        "loss_needs_classes": "cross-entropy needs data with classes",
        "loss_needs_regression": "mean squared error (mse) is for data with numbers to predict",
        "seeds_repeat": "every seed may appear only once",
        "values_repeat": "every value may appear only once",
        "labels_repeat": "every class may appear only once",
        "sources_nested": "at most three experiments may start one from the other",
        "source_inputs": "the experiment it starts from must have as many inputs as this one",
        "source_needs_layers": "both networks need a hidden layer, for the first layers to be taken over",
        "source_differs": "the layers taken over must have the same width, activation, normalisation and skip "
        "connection in both networks",
        "knob_without_effect": "this data set has no such setting",
        "source_not_trained": "what it starts from has not been trained under these seeds, which would take long here; "
        "train it, or this experiment, first",
        "data_not_here": "the files are not on this machine yet; `nnlab data fetch mnist`, or Build, downloads them",
        "knobs_clash": "the other knob sets the same field",
    }
)


class SpecError(ValueError):
    """An experiment that cannot be: `problems` names every field, `str()` is one sentence for the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self.problems[0]))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        return SpecError, (self.problems,)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return _tidy(f"'{value[:100]}'")
    try:
        return _tidy(json.dumps(value, ensure_ascii=False, default=str))
    except (ValueError, TypeError, RecursionError):  # too long, too deep, or nothing JSON knows
        return "too much to show"


def _tidy(text: str) -> str:
    """At most 60 printable characters, on one line."""
    text = " ".join(text.split())
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


class Raised(ValueError):
    """Carries a Problem through pydantic."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds, from a number or its text. Raises SpecError."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    elif not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            value = operator.index(value)  # NumPy's whole numbers too
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or value % 1:
        raise SpecError([Problem(name, value, "type", expected="whole number")])
    if not low <= value <= high:
        raise SpecError([Problem(name, value, "range", low, high)])
    return int(value)
