"""What can be wrong with an experiment, as values that any language can put into one sentence."""

from __future__ import annotations

import contextlib
import json
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, Self

from pydantic import BaseModel, ValidationError

from nnlab.spec.knobs import bounds, model_at

_JSON = json.JSONEncoder(ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Problem:
    """One invalid field: its name, the value it got and what is allowed."""

    field: str
    got: Any
    kind: Literal["range", "choice", "type", "unknown", "conflict", "json", "space", "memory", "fixed"]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    expected: str = ""
    """For `type`: "number", "whole number", "text", "list", "object", "true or false". For `conflict`: a key of
    CONFLICTS. For `fixed`: the value that an assignment fixes, as text. For `space`, where `got`, `low` and `high` are
    bytes needed, used and allowed: "visitor" or "store"."""

    needs: float = 0.0
    has: float = 0.0
    """For `memory`: the bytes that are needed, and those there are; `high` is the largest value with which they are
    enough."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", shortened(self.field) or "''")  # it may come from a link, with anything in it

    @property
    def shown(self) -> str:
        """The value as at most 60 printable characters."""
        if isinstance(self.got, str):
            return shortened(f"'{self.got[:100]}'")
        try:  # piece by piece: the whole may be too deep
            return shortened("".join(islice(_JSON.iterencode(self.got), 100)))
        except (ValueError, TypeError):  # too long, or not a JSON value
            return "too much to show"

    def __str__(self) -> str:
        if self.kind == "unknown":
            return f"{self.field}: there is no such field; allowed is one of {', '.join(self.choices)}."
        if self.kind == "conflict":
            sentence = CONFLICTS[self.expected]
            return f"{self.field}: got {self.shown}, but {sentence[0].lower()}{sentence[1:]}"
        if self.kind == "space":
            sizes = dict(zip(("need", "used", "most"), (self.got, self.low, self.high), strict=True))
            shown = {name: f"{(size or 0) / 1e6:,.0f} MB" for name, size in sizes.items()}
            return f"{self.field}: {SPACE[self.expected].format(**shown)}"
        if self.kind == "memory":
            needs, has = (f"{size / 1e6:,.0f} MB" for size in (self.needs, self.has))
            return f"{self.field}: got {self.shown}, which needs {needs} of memory; {has} are enough for {self.high:g}."
        if self.kind == "fixed":
            return f"{self.field}: got {self.shown}, but the assignment fixes it at {self.expected}."
        if self.kind == "range":
            allowed = f"from {_number(self.low)} to {_number(self.high)}"
        elif self.kind == "choice":
            allowed = f"one of {', '.join(self.choices)}"
        elif self.kind == "json":
            allowed = "the JSON text of an experiment or a comparison"
        elif self.expected in ("text", "true or false"):
            allowed = self.expected
        else:
            allowed = f"{'an' if self.expected[:1] in 'aeiou' else 'a'} {self.expected}"
        return f"{self.field}: got {self.shown}, allowed is {allowed}."


SPACE: Mapping[str, str] = {
    "visitor": "This needs {need}, and your runs take {used} of {most}. Delete some on the page Runs: that frees their "
    "space at once.",
    "store": "This needs {need}, and all runs on this server take {used} of {most}. Whoever runs it can free space.",
}
"""Where there is no room on the disk; the dashboard translates these sentences."""

CONFLICTS: Mapping[str, str] = {
    "early_stopping_needs_validation": "Early stopping needs a validation share above 0.",
    "shares_exceed_one": "Validation and test together must leave at least a tenth for training.",
    "too_few_samples": "The training part needs a sample of every class; use more samples or smaller shares.",
    "one_fold": "A single fold leaves nothing to train on; allowed is 0 (hold-out) or from 2 to 20.",
    "folds_need_split": "This data has too few samples to be split into folds.",
    "folds_exceed_class": "Every fold needs a sample of every class; use fewer folds or more samples.",
    "batch_norm_needs_two": "Batch normalisation needs batches of two samples or more: in a batch of one, every unit "
    "is its own mean, and nothing of the input is left.",
    "layer_norm_needs_two": "Layer normalisation needs layers of two units or more: a single unit is its own mean, and "
    "nothing of the input is left.",
    "loss_needs_binary": "Binary cross-entropy needs data with two classes.",
    "loss_needs_classes": "Cross-entropy needs data with classes.",
    "loss_needs_regression": "Mean squared error needs data with numbers to predict.",
    "parameter_repeats": "A link may give a field one value.",
    "field_repeats": "A field may appear only once.",
    "seeds_repeat": "Every seed may appear only once.",
    "values_repeat": "Every value may appear only once.",
    "terms_repeat": "Every input feature may appear only once.",
    "labels_repeat": "Every class may appear only once.",
    "sources_nested": "At most three experiments in a row may start from one another's weights.",
    "source_inputs": "The source experiment must have as many inputs as this one.",
    "source_needs_layers": "Both networks need a hidden layer, so that the first layers can be copied.",
    "source_differs": "The copied layers must have the same width, activation, normalisation and "
    "skip connection in both networks.",
    "knob_without_effect": "This data set has no such setting.",
    "source_not_trained": "The source experiment has not been trained under these seeds; train it, or "
    "this experiment, first.",
    "data_not_here": "The files are not on this machine yet; download them on the Build page or with "
    "`nnlab data fetch mnist`.",
    "engine_missing": "The compiled engine, which began this run, needs Numba and cannot use it here; repair Numba, or "
    "train the experiment again.",
    "run_in_training": "It is being trained already.",
    "run_deleted": "It was deleted.",
    "too_many_waiting": "With this you would have more waiting and running runs than this server allows; wait until "
    "some of them are finished, stop some, or ask for fewer.",
    "open_and_hidden": "What is hidden cannot be changed; take it out of one of the two lists.",
    "assignment_deleted": "Its teacher has deleted it; nothing more can be handed in.",
    "class_closed": "The class is closed; ask its teacher to open it again.",
    "guess_unknown": "It is none of the answers to choose from.",
    "guess_first": "Guess what will come out before you train.",
    "guess_too_late": "You can guess only before your first training; you have trained already.",
    "knobs_clash": "The other setting sets the same field.",
    "knob_other_data": "Scores on different data cannot be compared with each other; make a comparison for each.",
    "knob_other_parts": "Its values are scored on different samples, so the scores cannot be compared; set it in the "
    "experiment, for all cells.",
    "knob_data_seed": "The data seed does not choose between networks; take more seeds instead, each with data of its "
    "own.",
    "knob_splits_samples": "With a split for every seed, another number of samples changes the validation part too; "
    "let every seed draw new samples instead (What a seed varies, data.per_seed).",
}
"""Values that contradict others, by the code in `Problem.expected`; the dashboard translates these sentences."""


class SpecError(ValueError):
    """An invalid experiment: `problems` names every field, `str()` is one sentence for the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self.problems[0]))

    @classmethod
    def conflict(cls, field: str, got: Any, code: str) -> Self:
        """A value that contradicts others; `code` is a key of CONFLICTS."""
        return cls([Problem(field, got, "conflict", expected=code)])

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        return SpecError, (self.problems,)


def shortened(text: str) -> str:
    """At most 60 printable characters, on one line."""
    text = " ".join(text[:1000].split())
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(value: float | None) -> str:
    """A limit with all the digits of a whole number: 2000000, 0.001."""
    return f"{value:.0f}" if value is not None and 1 <= abs(value) < 1e15 and value == int(value) else f"{value:g}"


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


_SOURCES = re.compile(r"(train\.start_from\.experiment\.)*")
_EXPECTED = {
    "int": "whole number",
    "float": "number",
    "finite": "number",
    "string": "text",
    "tuple": "list",
    "list": "list",
    "bool": "true or false",
    "model": "object",
    "dict": "object",
}


def spec_error(error: ValidationError, root: type[BaseModel]) -> SpecError:
    """What pydantic found wrong with a value of the model `root`."""
    found: dict[str, Problem] = {}
    for item in error.errors(include_url=False):
        loc, got, raised = item["loc"], item["input"], item.get("ctx", {}).get("error")
        if len(loc) > 1 and isinstance(loc[-2], int) and (loc[-1] == "LayerSpec") != isinstance(got, Mapping):
            continue  # pydantic tried a layer as a width and as a LayerSpec; this error is about the other one
        # the name of the kind it tried comes after the layer's number
        place = [part for before, part in zip((None, *loc), loc, strict=False) if not isinstance(before, int)]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        if isinstance(raised, SpecError):
            source = _SOURCES.match(f"{path}.")
            problem = replace(raised.problems[0], field=f"{source[0] if source else ''}{raised.problems[0].field}")
        else:
            problem = _problem(item, path or root.__name__.lower(), place, root)
        found.setdefault(path, problem)
    return SpecError(list(found.values()))


def _problem(item: Any, path: str, place: Sequence[str | int], root: type[BaseModel]) -> Problem:
    got, kind, context = item["input"], item["type"], item.get("ctx", {})
    if kind == "recursion_loop":
        return Problem(path, got, "conflict", expected="sources_nested")
    allowed = bounds(root, place)
    if kind == "literal_error" and allowed.choices:
        return Problem(path, got, "choice", choices=allowed.choices)
    if kind in ("extra_forbidden", "invalid_key"):
        model = model_at(root, place[:-1]) or root
        return Problem(path, None, "unknown", choices=tuple(model.model_fields))
    if kind == "missing":
        return Problem(path, None, "type", expected="value (it is missing)")
    if kind in ("too_long", "too_short"):
        low, high = context.get("min_length", 0), context.get("max_length", 200)
        return Problem(f"{path} (how many)", context.get("actual_length"), "range", low, high)
    if allowed.low is not None and (
        kind.startswith(("greater", "less"))
        or (kind in ("int_parsing_size", "finite_number") and isinstance(got, (int, float, str)))
    ):
        return Problem(path, got, "range", allowed.low, allowed.high)
    return Problem(path, got, "type", expected=_EXPECTED.get(kind.split("_")[0], "value of another kind"))
