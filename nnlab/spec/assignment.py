"""The assignment: what a class is asked to train, and what each student may change of it."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from nnlab.spec.comparison import Comparison
from nnlab.spec.errors import Problem, SpecError
from nnlab.spec.experiment import FIELDS, Experiment
from nnlab.spec.hidden import HIDEABLE
from nnlab.spec.text import Value, at_most, list_text, value_text

MOST_TITLE, MOST_QUESTION, MOST_CHOICE = 120, 2_000, 60  # characters
MOST_CHOICES = 8
LAYERS = ("depth", "width")
"""Parts of `model.hidden` that can be open by themselves: the number of layers, or their one width."""
_AFTER = FIELDS.index("model.hidden") + 1
OPEN_IN_EXPERIMENT = (*FIELDS[:_AFTER], *LAYERS, *FIELDS[_AFTER:])
OPEN_IN_COMPARISON = ("vary", "values")
"""`vary` is which settings are varied, and over which values; `values` only the values."""


class Assignment(Value):
    """A question to a class, and the experiment or comparison that answers it.

    Parameters
    ----------
    task : Experiment or Comparison
        What a student starts with. Of a comparison, the seeds are `range(seeds)`.
    open_fields : sequence of str
        What a student may change: names in FIELDS, `depth` or `width`; of a comparison `vary` or `values`. All other
        fields are locked.
    hidden : sequence of str
        Fields and parts of the page that are not shown, see HIDEABLE. They keep their values.
    seeds : int
        Each participant trains so many seeds, which nobody else of the class has.
    guess : sequence of str
        The answers to choose from before the first training; none if no guess is asked for.
    due : datetime, optional
        With a time zone. What is handed in later is marked.

    Raises
    ------
    SpecError
        From `of`, `from_json` and `check`. The constructor raises pydantic's ValidationError instead. Both are
        ValueErrors.

    Examples
    --------
    >>> Assignment(title="How deep?", task=Experiment(), open_fields=["depth"], seeds=3)
    Assignment('How deep?': depth of Experiment(moons 200, 2-8-1 relu, adam 0.01 × 50), 3 seeds each)
    """

    omitted: ClassVar = ("hidden", "guess")
    title: str
    question: str = ""
    task: Experiment | Comparison
    open_fields: Annotated[tuple[str, ...], at_most(len(OPEN_IN_EXPERIMENT))] = ()
    hidden: Annotated[tuple[str, ...], at_most(len(HIDEABLE))] = ()
    seeds: int = Field(10, ge=1, le=100)
    guess: Annotated[tuple[str, ...], at_most(MOST_CHOICES)] = ()
    due: datetime | None = None

    @field_validator("title", "question", mode="before")
    @classmethod
    def _tidy(cls, given: Any, info: Any) -> Any:
        title = info.field_name == "title"
        return _text(info.field_name, given, 1 if title else 0, MOST_TITLE if title else MOST_QUESTION, lines=not title)

    @field_validator("guess", mode="before")
    @classmethod
    def _tidy_choices(cls, given: Any) -> Any:
        if not isinstance(given, (list, tuple)) or len(given) > MOST_CHOICES:
            return given
        choices = [_text("guess", one, 1, MOST_CHOICE) for one in given]
        if len(choices) == 1:
            raise SpecError([Problem("guess (how many)", 1, "range", 2, MOST_CHOICES)])
        if len(set(choices)) < len(choices):
            raise SpecError.conflict("guess", choices, "values_repeat")
        return choices

    @field_validator("task", mode="before")
    @classmethod
    def _read_task(cls, given: Any) -> Any:
        if isinstance(given, (Experiment, Comparison)):
            return given
        if not isinstance(given, Mapping):
            raise SpecError([Problem("task", given, "type", expected="object")])
        return Comparison.of(given) if "experiment" in given or "comparison" in given else Experiment.of(given)

    @field_validator("due", mode="before")
    @classmethod
    def _read_due(cls, given: Any) -> Any:
        moment = given
        if isinstance(given, str):
            try:
                moment = datetime.fromisoformat(given)
            except ValueError:
                moment = None
        if given is None:
            return None
        if not isinstance(moment, datetime) or moment.tzinfo is None or not 2000 <= moment.year <= 2200:
            raise SpecError([Problem("due", str(given), "type", expected="date and time with a time zone")])
        return moment.astimezone(UTC).replace(microsecond=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        of_task = OPEN_IN_COMPARISON if isinstance(self.task, Comparison) else OPEN_IN_EXPERIMENT
        for field, allowed in (("open_fields", of_task), ("hidden", HIDEABLE)):
            given = getattr(self, field)
            if unknown := [name for name in given if name not in allowed]:
                raise SpecError([Problem(field, unknown[0], "choice", choices=tuple(allowed))])
            object.__setattr__(self, field, tuple(name for name in allowed if name in given))  # one text for one value
        if both := sorted(filter(self.is_open, self.hidden)):
            raise SpecError.conflict("hidden", both, "open_and_hidden")
        if isinstance(self.task, Comparison) and self.task.seeds != (seeds := tuple(range(self.seeds))):
            object.__setattr__(self, "task", self.task.model_copy(update={"seeds": seeds}))
        return self

    @property
    def experiment(self) -> Experiment:
        """What a student starts with; of a comparison its experiment."""
        return self.task.experiment if isinstance(self.task, Comparison) else self.task

    def seeds_of(self, place: int) -> tuple[int, ...]:
        """The seeds of the participant at a place, from 0 on: no two participants share any."""
        return tuple(range(place * self.seeds, (place + 1) * self.seeds))

    def is_open(self, field: str) -> bool:
        """Whether a student may change a field, or a part of it: `model.hidden` where `depth` is open."""
        if field == "model.hidden":
            return not {field, *LAYERS}.isdisjoint(self.open_fields)
        above = {"depth": "model.hidden", "width": "model.hidden", "values": "vary"}.get(field)
        parts = {"by": "vary", "by_values": "values"}
        return field in self.open_fields or above in self.open_fields or (field in parts and self.is_open(parts[field]))

    def late(self, moment: datetime) -> bool:
        """Whether a moment is after the date."""
        return self.due is not None and moment > self.due

    def check(self, given: Experiment | Comparison) -> None:
        """Raise SpecError where a student's answer differs from the task in a locked field; the seeds do not count."""
        if isinstance(given, Comparison) and isinstance(self.task, Comparison):
            self._check_comparison(given, self.task)
        elif isinstance(given, Experiment) and isinstance(self.task, Experiment):
            self._check_experiment(given)
        else:
            kind = type(self.task).__name__.lower()
            raise SpecError([Problem("task", type(given).__name__.lower(), "type", expected=kind)])

    def changed(self, changes: Mapping[str, Any]) -> Experiment:
        """The experiment with other values in open fields; those in locked ones are ignored. Raises SpecError."""
        return self.experiment.set({path: value for path, value in changes.items() if self.is_open(path)})

    def _check_experiment(self, given: Experiment) -> None:
        task = self.experiment
        changes = {path: given.knob(path) for path in self.open_fields if path in FIELDS}
        if "model.hidden" not in changes and self.is_open("model.hidden"):
            changes["model.hidden"] = self._layers(given)
        try:
            allowed = task.set(changes)
        except SpecError:  # what is open agrees with other values of what is locked
            allowed = task
        locked = [path for path in FIELDS if path not in self.open_fields]
        for path in locked:
            if (got := given.knob(path)) != (fixed := allowed.knob(path)):
                raise _fixed(path, list(got) if isinstance(got, tuple) else got, value_text(fixed))

    def _layers(self, given: Experiment) -> Sequence[Any]:
        """The hidden layers with the open parts of the given ones."""
        task = self.experiment
        if given.model.hidden == task.model.hidden:
            return task.model.hidden
        width = (given if "width" in self.open_fields else task).knob("width")
        depth = given.model.depth if "depth" in self.open_fields else max(1, task.model.depth)
        return [width] * depth

    def _check_comparison(self, given: Comparison, task: Comparison) -> None:
        if given.experiment != task.experiment:
            Assignment(title=self.title, task=task.experiment)._check_experiment(given.experiment)
        for field in ("vary", "by", "values", "by_values"):
            got, fixed = getattr(given, field), getattr(task, field)
            if got != fixed and not self.is_open(field):
                texts = isinstance(fixed, tuple)
                raise _fixed(field, list(got) if texts else got, list_text(fixed) if texts else value_text(fixed))

    def __repr__(self) -> str:
        opened = ", ".join(self.open_fields) or "nothing open"
        return f"Assignment({self.title!r}: {opened} of {self.task!r}, {self.seeds} seeds each)"

    __str__ = __repr__


def _fixed(field: str, got: Any, fixed: str) -> SpecError:
    return SpecError([Problem(field, got, "fixed", expected=fixed)])


def _text(field: str, given: Any, low: int, high: int, lines: bool = False) -> str:
    """A text without control characters, of at most so many characters; `lines`: of several lines."""
    if not isinstance(given, str):
        raise SpecError([Problem(field, given, "type", expected="text")])
    kept = given[: 4 * MOST_QUESTION]
    rows = kept.splitlines() if lines else [kept]
    text = "\n".join(" ".join("".join(map(_shown, row)).split()) for row in rows).strip()
    if not low <= len(text) <= high:
        raise SpecError([Problem(f"{field} (characters)", len(text), "range", low, high)])
    return text


def _shown(character: str) -> str:
    """A character as it is; a blank for one that cannot be shown or stored, or that changes the direction of others."""
    kind = unicodedata.category(character)
    return " " if kind in ("Cc", "Cs", "Cn", "Co") or unicodedata.bidirectional(character) in _DIRECTIONS else character


_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
