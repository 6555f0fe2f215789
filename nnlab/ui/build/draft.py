"""The draft behind the Build form: raw values by dotted field name, valid or not."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic_core import to_jsonable_python

from nnlab.spec import FIELDS, Experiment, parse_seeds, seeds_text
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shared.new_experiment import per_seed_of
from nnlab.ui.shared.typed_numbers import typed_problems

Draft = dict[str, Any]


def draft_of(experiment: Experiment, seeds: Sequence[int] = (0,)) -> Draft:
    """The draft of an experiment; its layers are dictionaries, also those without settings of their own."""
    fields = {path: to_jsonable_python(experiment.knob(path)) for path in FIELDS}
    layers = [{"width": layer} if isinstance(layer, int) else layer for layer in fields["model.hidden"]]
    return {**fields, "model.hidden": layers, "seeds": seeds_text(seeds)}


def read_draft(draft: Mapping[str, Any]) -> tuple[Experiment, tuple[int, ...]]:
    """The experiment and the seeds of a draft. Raises SpecError with every problem."""
    typed = {problem.field: problem for problem in typed_problems(draft)}
    try:
        return _both(str(draft["seeds"]), lambda: Experiment().set({path: draft[path] for path in FIELDS}))
    except SpecError as error:
        raise SpecError([typed.get(problem.field, problem) for problem in error.problems]) from None


def read_link(link: Mapping[str, str]) -> tuple[Experiment, tuple[int, ...]]:
    """The experiment and the seeds of a link. Raises SpecError with every problem."""
    return _both(link.get("seeds", "1"), lambda: Experiment.from_query(link))


def _both(seeds: str, make: Callable[[], Experiment]) -> tuple[Experiment, tuple[int, ...]]:
    if problems := [*_problems(parse_seeds, seeds), *_problems(make)]:
        raise SpecError(problems)
    return make(), parse_seeds(seeds)


def _problems(check: Callable[..., object], *given: object) -> Sequence[Problem]:
    try:
        check(*given)
    except SpecError as error:
        return error.problems
    return ()


def valid_part(link: Mapping[str, str]) -> tuple[Draft, list[Problem]]:
    """The draft of a link without its invalid fields, and what is wrong with them."""
    good, found = dict(link), dict[str, Problem]()
    while problems := _problems(read_link, good):
        for problem in problems:
            found.setdefault(problem.field, problem)
        invalid = {problem.field.partition("[")[0] for problem in problems}
        left = {name: value for name, value in good.items() if name not in invalid}
        if len(left) == len(good):  # a value contradicts a default: add one value after another while they agree
            left = {}
            for name, value in good.items():
                if not _problems(read_link, {**left, name: value}):
                    left[name] = value
        good = left
    return draft_of(*read_link(good)), list(found.values())


def with_data(experiment: Experiment, name: str) -> Experiment:
    """The experiment on another data set; what does not suit that data returns to its default."""
    data = {"data.name": name, "data.per_seed": per_seed_of(name, experiment.data)}
    random_start: dict[str, Any] = {"train.start_from": None}
    for changes in ({}, random_start, random_start | {"train.loss": "auto", "train.patience": 0}):
        with suppress(SpecError):
            return experiment.set({**data, **changes})
    train = experiment.train.model_copy(update={"loss": "auto", "patience": 0, "start_from": None})
    return Experiment(model=experiment.model, train=train).set(data)
