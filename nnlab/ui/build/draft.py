"""The draft behind the Build form: raw values by dotted field name, valid or not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnlab.spec import FIELDS, DataSpec, Experiment, parse_seeds, seeds_text
from nnlab.spec.errors import Problem, SpecError

Draft = dict[str, Any]
_OMITTED: Mapping[str, Any] = {"data.labels": (), "data.folds": 0}
"""The value of a field that an experiment's plain values omit; None for all others."""
_FITS_ANY_DATA: Mapping[str, Any] = {"train.loss": "auto", "train.patience": 0, "train.start_from": None}


def draft_of(experiment: Experiment, seeds: Sequence[int] = (0,)) -> Draft:
    """The draft of an experiment."""
    parts = experiment.plain()
    draft: Draft = {}
    for path in FIELDS:
        part, _, name = path.partition(".")
        draft[path] = parts[part].get(name, _OMITTED.get(path))
    return {**draft, "seeds": seeds_text(seeds)}


def read_draft(draft: Mapping[str, Any]) -> tuple[Experiment, tuple[int, ...]]:
    """The experiment and the seeds of a draft. Raises SpecError with every problem."""
    parts: dict[str, dict[str, Any]] = {"data": {}, "model": {}, "train": {}}
    for path in FIELDS:
        part, _, name = path.partition(".")
        parts[part][name] = draft[path]
    return _both(str(draft["seeds"]), lambda: Experiment.of(parts))


def read_link(link: Mapping[str, str]) -> tuple[Experiment, tuple[int, ...]]:
    """The experiment and the seeds of a link. Raises SpecError with every problem."""
    return _both(link.get("seeds", "1"), lambda: Experiment.from_query(link))


def _both(seeds: str, make: Callable[[], Experiment]) -> tuple[Experiment, tuple[int, ...]]:
    try:
        parsed = parse_seeds(seeds)
    except SpecError as error:
        raise SpecError([*error.problems, *_problems(make)]) from None
    return make(), parsed


def _problems(check: Callable[..., object], *given: object) -> Sequence[Problem]:
    try:
        check(*given)
    except SpecError as error:
        return error.problems
    return ()


def valid_part(link: Mapping[str, str]) -> tuple[Draft, list[Problem]]:
    """The draft of a link without its invalid fields, and what is wrong with them."""
    good, found = dict(link), list[Problem]()
    while problems := _problems(read_link, good):
        found += [problem for problem in problems if problem.field not in {one.field for one in found}]
        invalid = {problem.field.partition("[")[0] for problem in problems}
        left = {name: value for name, value in good.items() if name not in invalid}
        if len(left) == len(good):  # a value contradicts a default: add one value after another while they agree
            left = {}
            for name, value in good.items():
                if not _problems(read_link, {**left, name: value}):
                    left[name] = value
        good = left
    return draft_of(*read_link(good)), found


def with_data(experiment: Experiment, name: str) -> Experiment:
    """The experiment on another data set; what does not suit that data returns to its default."""
    for changes in ({}, {"train.start_from": None}, _FITS_ANY_DATA):
        try:
            return experiment.set({"data.name": name, **changes})
        except SpecError:
            continue
    usual = Experiment(data=DataSpec(name=name), model=experiment.model)
    train = {f"train.{name}": value for name, value in experiment.plain()["train"].items()}
    return usual.set({path: value for path, value in train.items() if path not in _FITS_ANY_DATA})
