"""The comparison: one experiment with one or two knobs set to several values."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from nnlab.spec.data import OPTIONAL_FIELDS, DataSpec
from nnlab.spec.errors import Problem, SpecError, spec_error
from nnlab.spec.experiment import Experiment
from nnlab.spec.knobs import KNOBS
from nnlab.spec.seeds import as_seeds, parse_seeds, seeds_summary, seeds_text
from nnlab.spec.text import (
    Value,
    is_stored,
    link_parameters,
    link_text,
    list_parameter,
    list_text,
    stored_values,
    text_parameter,
    value_text,
)

MAX_CELLS = 200
_NOT_COMPARED: Mapping[str, str] = {  # fields whose values are scored on other samples, and why they are refused
    **dict.fromkeys(("data.name", "data.labels", "data.classes", "data.features"), "knob_other_data"),
    **dict.fromkeys(("data.folds", "data.validation", "data.test", "data.per_seed"), "knob_other_parts"),
    "data.seed": "knob_data_seed",
}


def not_compared(knob: str, data: DataSpec) -> str:
    """Why the values of a knob cannot be compared on these data, as a key of CONFLICTS; empty if they can."""
    path = KNOBS.get(knob, knob)
    if path == "data.n_samples" and data.per_seed == "split" and data.facts.generated:
        return "knob_splits_samples"
    return _NOT_COMPARED.get(path, "")


class Point(NamedTuple):
    """A cell of a comparison: its value of the knob, and of the second knob where there is one."""

    value: Any
    by_value: Any = None


class Comparison(Value):
    """One experiment with one or two knobs set to several values, all under the same seeds.

    Parameters
    ----------
    vary : str
        A name in KNOBS, or a dotted field name; not one whose values are scored on other samples, as `data.name`.
    by, by_values : str, sequence
        A second knob and its values, which make the comparison a grid.
    seeds : int or sequence of int
        `10` is seeds 0 to 9.

    Raises
    ------
    SpecError
        From `of`, `from_json` and `from_query`. The constructor raises pydantic's ValidationError instead, and
        SpecError for the seeds. All are ValueErrors.

    Examples
    --------
    >>> Comparison(Experiment(), vary="depth", values=[1, 2, 4], seeds=10)
    Comparison(depth 1, 2, 4 on moons 200, 2-8-1 relu, adam 0.01 × 50, 10 seeds)
    """

    omitted: ClassVar = ("by_values",)
    experiment: Experiment
    vary: str = "depth"
    values: tuple[Any, ...] = Field((1, 2, 4, 8), min_length=1, max_length=MAX_CELLS)
    by: str | None = None
    by_values: tuple[Any, ...] = Field((), max_length=MAX_CELLS)
    seeds: tuple[int, ...] = tuple(range(5))

    def __init__(self, experiment: Any = None, /, **values: Any) -> None:
        if experiment is not None:
            values["experiment"] = experiment
        if "seeds" in values:
            values["seeds"] = as_seeds(values["seeds"])
        for name in ("values", "by_values"):
            if hasattr(values.get(name), "tolist"):  # a NumPy array
                values[name] = values[name].tolist()
        super().__init__(**values)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not is_stored():
            self._check_comparable()
        for name, knob in (("values", self.vary), ("by_values", self.by)):
            # as the fields read them ("1" from a link is 1)
            read = (self.experiment.vary(knob, value).knob(knob) for value in getattr(self, name) if knob is not None)
            object.__setattr__(self, name, tuple(read))
        if self.by is not None:
            self._check_grid(self.by)
        if not is_stored():  # what is stored was checked before
            self._check_cells()
        return self

    def _check_cells(self) -> None:
        """That every cell can be trained and no two are the same."""
        problems = [problem for one in self.experiments if (problem := one.degenerate)]
        if problems:
            raise SpecError(problems[:1])
        if len(set(self.experiments)) < len(self.experiments):
            for field, knob, values in (("vary", self.vary, self.values), ("by", self.by or "", self.by_values)):
                name = KNOBS.get(knob, knob).removeprefix("data.")
                if len(values) > 1 and name in OPTIONAL_FIELDS - self.experiment.data.facts.uses:
                    raise SpecError.conflict(field, knob, "knob_without_effect")
            in_values = not self.by or len(set(map(link_text, self.values))) < len(self.values)
            repeated = "values" if in_values else "by_values"
            raise SpecError.conflict(repeated, list(getattr(self, repeated)), "values_repeat")

    def _check_comparable(self) -> None:
        for field, knob in (("vary", self.vary), ("by", self.by or "")):
            if code := not_compared(knob, self.experiment.data):
                raise SpecError.conflict(field, knob, code)

    @property
    def comparable(self) -> bool:
        """Whether the scores of the cells can be compared; False for some that were stored before they were refused."""
        return not any(not_compared(knob or "", self.experiment.data) for knob in (self.vary, self.by))

    def _check_grid(self, by: str) -> None:
        if not self.by_values:
            raise SpecError([Problem("by_values (how many)", 0, "range", 1, MAX_CELLS)])
        if (cells := len(self.values) * len(self.by_values)) > MAX_CELLS:
            field = "cells (values of the one knob times those of the other)"
            raise SpecError([Problem(field, cells, "range", 1, MAX_CELLS)])
        if KNOBS.get(self.vary, self.vary) == KNOBS.get(by, by) and {self.vary, by} != {"depth", "width"}:
            raise SpecError.conflict("by", by, "knobs_clash")

    @property
    def points(self) -> tuple[Point, ...]:
        """The cells, ordered by the second knob, then by the first."""
        return tuple(Point(value, by_value) for by_value in self.by_values or (None,) for value in self.values)

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """The experiment of every cell, in the order of `points`."""
        return _experiments(self)

    @classmethod
    def of(cls, values: Any) -> Self:
        """A comparison from plain values, or from those of a file that also holds its table. Raises SpecError."""
        if isinstance(values, Mapping) and values.get("comparison") is not None:
            values = values["comparison"]
        if not isinstance(values, Mapping):
            raise SpecError([Problem("comparison", values, "type", expected="object")])
        values = {str(name): value for name, value in values.items()}
        values["experiment"] = Experiment.of(values.get("experiment", {}))
        try:
            return cls(**values)  # model_validate would check all cells twice
        except ValidationError as error:
            raise spec_error(error, cls) from None

    def __repr__(self) -> str:
        values = ", ".join(map(value_text, self.values))
        second = f" by {self.by} {', '.join(map(value_text, self.by_values))}" if self.by else ""
        return f"Comparison({self.vary} {values}{second} on {self.experiment.summary}, {seeds_summary(self.seeds)})"

    __str__ = __repr__

    def to_query(self) -> dict[str, str]:
        """The experiment's link with `vary`, `values`, where there is a second knob `by` and `by_values`, and
        `seeds`."""
        first = {"vary": self.vary, "values": list_text(self.values)}
        second = {"by": self.by, "by_values": list_text(self.by_values)} if self.by else {}
        return {**self.experiment.to_query(), **first, **second, "seeds": seeds_text(self.seeds)}

    @classmethod
    def from_query(cls, params: Mapping[str, Any]) -> Self:
        """The comparison of a link. Raises SpecError."""
        params = link_parameters(params)
        vary, by = text_parameter(params, "vary", "depth"), text_parameter(params, "by", "")
        values: dict[str, Any] = {"vary": vary}
        if by:
            values |= {"by": by, "by_values": list_parameter(params, "by_values", by, "")}
        values["experiment"] = Experiment.from_query(params)
        values["values"] = list_parameter(params, "values", vary, "1,2,4,8")
        values["seeds"] = parse_seeds(text_parameter(params, "seeds", "5"))
        return cls.of(values)


@lru_cache(maxsize=128)  # by value: what a comparison held itself, a changed copy of it would hold too
def _experiments(of: Comparison) -> tuple[Experiment, ...]:
    with stored_values():  # whenever it is called: some were made before a rule
        bases = [of.experiment.vary(of.by, one) for one in of.by_values] if of.by else [of.experiment]
        return tuple(base.vary(of.vary, value) for base in bases for value in of.values)
