"""All that a class has handed in as one table: a row for each epoch and seed of every try, in blocks."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from nnlab.comparison.cell_runs import CellRun, ComparisonRun
from nnlab.engines.base import METRICS
from nnlab.jobs.assignments import Try
from nnlab.spec import FIELDS, KNOBS, Experiment
from nnlab.spec.assignment import Assignment
from nnlab.spec.text import value_text
from nnlab.store import Participant, Run

WHO = ("student", "place", "started", "guess")
WHAT = ("try", "item", "handed_in", "late", "state")
EPOCHS = ("seed", "fold", "epoch", *METRICS, "lr")
Metrics = Callable[[Run | CellRun], Iterable[pd.DataFrame]]
"""The metrics of a run or a cell, in blocks."""


def table_blocks(
    assignment: Assignment,
    participants: Sequence[Participant],
    tries: Iterable[Try],
    metrics: Metrics,
    not_started: Iterable[str] = (),
) -> Iterator[pd.DataFrame]:
    """The table of an assignment.

    Parameters
    ----------
    not_started : iterable of str
        The names of who is in the class and no participant.

    Yields
    ------
    DataFrame
        `student` (nickname), `place` (from 0: it gives the student's seeds), `started`, `guess`; `try` (from 1 for
        every student), `item` (the id of the run or comparison), `handed_in`, `late`, `state`; the fields in which
        tries may differ; `seed`, `fold`, `epoch` and its metrics. What has no epoch yet is one row, as is a student
        without tries or who has not started. Times are UTC. All blocks have the same columns, in text where a value
        may be missing.
    """
    fields, own = varied_fields(assignment), {one.person: one for one in participants}
    numbers: dict[str, int] = {}
    for one in tries:
        who = own.get(one.person)
        if who is None:
            continue
        numbers[one.person] = numbers.get(one.person, 0) + 1
        about = {**_who(who), "try": str(numbers[one.person]), "item": one.run.id, "handed_in": _time(one.created)}
        about["late"] = "true" if one.late else "false"
        for part in one.run.cells if isinstance(one.run, ComparisonRun) else [one.run]:
            settings = {"state": part.state, **_settings(part.experiment, fields)}
            empty = True
            for frame in metrics(part):
                empty &= not len(frame)
                if len(frame):
                    yield _rows({**about, **settings}, fields, frame)
            if empty:
                yield _rows({**about, **settings}, fields)
    for who in participants:
        if who.person not in numbers:
            yield _rows(_who(who), fields)
    for name in not_started:
        yield _rows({"student": name}, fields)
    yield _rows({}, fields).iloc[:0]  # at least the names of the columns


def varied_fields(assignment: Assignment) -> tuple[str, ...]:
    """The fields in which the tries of an assignment may differ."""
    if "vary" in assignment.open_fields:
        return FIELDS
    names = set(assignment.open_fields)
    task: Any = assignment.task
    names |= {knob for knob in (getattr(task, "vary", None), getattr(task, "by", None)) if knob}
    paths = {KNOBS.get(name, name) for name in names}
    return tuple(field for field in FIELDS if field in paths)


def _settings(experiment: Experiment, fields: Sequence[str]) -> dict[str, str]:
    return {field: value_text(experiment.knob(field)) for field in fields}


def _who(one: Participant) -> dict[str, str]:
    return dict(zip(WHO, (one.name, str(one.place), _time(one.started), one.guess or ""), strict=True))


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _rows(values: Mapping[str, str], fields: Sequence[str], frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of some epochs with the same values before them."""
    index = pd.RangeIndex(1 if frame is None else len(frame))
    columns: dict[str, Any] = {name: values.get(name, "") for name in (*WHO, *WHAT, *fields)}
    given = {} if frame is None else {name: frame[name].to_numpy() for name in EPOCHS if name in frame}
    for name in EPOCHS:
        kind: Any = "Int64" if name in ("seed", "fold", "epoch") else "float64"
        columns[name] = pd.Series(given.get(name, math.nan), index).astype(kind)
    return pd.DataFrame(columns, index=index)
