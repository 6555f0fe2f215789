"""An assignment's text is exact; an answer that differs in a locked field is refused by its name, no other."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnlab.spec import FIELDS, MAX_SEED, Comparison, Experiment
from nnlab.spec.assignment import LAYERS, OPEN_IN_COMPARISON, OPEN_IN_EXPERIMENT, Assignment
from nnlab.spec.errors import SpecError
from nnlab.spec.hidden import HIDEABLE, hidden_text, parse_hidden

TASK = Experiment().set({"data.n_samples": 120, "model.hidden": [6, 6], "train.lr": 0.03, "train.epochs": 20})
COMPARED = Comparison(TASK, vary="depth", values=[1, 2, 4], seeds=3)

_value = {  # some valid values of fields, each unlike the task's
    "data.name": st.sampled_from(["circles", "xor", "digits", "celsius"]),
    "data.n_samples": st.integers(200, 900),
    "data.noise": st.floats(0.3, 1),
    "data.terms": st.just(["x1", "x2", "x1_squared"]),
    "data.validation": st.floats(0.25, 0.3),
    "data.folds": st.integers(2, 5),
    "data.seed": st.integers(1, 99),
    "data.per_seed": st.sampled_from(["samples", "split"]),
    "model.hidden": st.lists(st.integers(1, 30), max_size=4).filter(lambda widths: widths != [6, 6]),
    "model.activation": st.sampled_from(["tanh", "sigmoid", "none"]),
    "model.norm": st.just("batch"),
    "model.dropout": st.floats(0.1, 0.5),
    "model.init": st.sampled_from(["normal", "xavier"]),
    "model.residual": st.just(True),
    "train.optimizer": st.sampled_from(["sgd", "momentum"]),
    "train.lr": st.floats(0.1, 1),
    "train.batch_size": st.integers(2, 20),
    "train.epochs": st.integers(21, 99),
    "train.l2": st.floats(0.001, 0.1),
    "train.patience": st.integers(1, 9),
}
_changes = st.sets(st.sampled_from(sorted(_value)), max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: _value[name] for name in sorted(names)})
)
_open = st.sets(st.sampled_from(OPEN_IN_EXPERIMENT)).map(sorted)


def valid(task: Experiment, changes: dict[str, Any]) -> Experiment:
    try:
        return task.set(changes)
    except SpecError:
        assume(False)
        raise


@given(_changes, _open)
def test_what_differs_only_in_open_fields_is_accepted(changes: dict[str, Any], more: list[str]) -> None:
    given_back = valid(TASK, changes)
    Assignment(title="x", task=TASK, open_fields=sorted({*changes, *more})).check(given_back)


@given(_changes, _open, st.sampled_from(sorted(_value)), st.data())
def test_what_differs_in_a_locked_field_is_refused_by_its_name(
    changes: dict[str, Any], opened: list[str], locked: str, data: Any
) -> None:
    opened = [name for name in opened if name != locked and not (locked == "model.hidden" and name in LAYERS)]
    changes = {name: value for name, value in changes.items() if name in opened}
    before = valid(TASK, changes)
    answer = valid(before, {locked: data.draw(_value[locked])})
    assume(answer != before)
    with pytest.raises(SpecError) as refused:
        Assignment(title="x", task=TASK, open_fields=opened).check(answer)
    (problem,) = refused.value.problems
    assert problem.kind == "fixed"
    assert problem.field in FIELDS
    assert problem.field not in opened
    assert str(problem).startswith(f"{problem.field}: got ")
    if locked != "data.name":  # which brings other defaults
        assert problem.field == locked


@given(st.integers(0, 6), st.integers(1, 20), st.sampled_from([["depth"], ["width"], ["depth", "width"]]))
def test_depth_and_width_can_be_open_alone(depth: int, width: int, opened: list[str]) -> None:
    assignment = Assignment(title="x", task=TASK, open_fields=opened)
    answer = TASK.set({"model.hidden": [width] * depth})
    allowed = ("depth" in opened or depth == 2) and ("width" in opened or depth == 0 or width == 6)
    if allowed:
        assignment.check(answer)
    else:
        with pytest.raises(SpecError, match=r"model\.hidden: got .*, but the assignment fixes it at "):
            assignment.check(answer)
    with pytest.raises(SpecError, match=r"model\.hidden"):
        assignment.check(TASK.set({"model.hidden": [6, 7]}))


@pytest.mark.parametrize(
    ("opened", "changes", "refused"),
    [
        ([], {}, None),
        ([], {"values": (1, 2)}, "values"),
        ([], {"vary": "width"}, "vary"),
        (["values"], {"values": (1, 2, 3, 8)}, None),
        (["values"], {"vary": "width"}, "vary"),
        (["values"], {"by": "activation", "by_values": ("relu", "tanh")}, "by"),
        (["vary"], {"vary": "width", "values": (3, 5)}, None),
        (["vary"], {"by": "activation", "by_values": ("relu", "tanh")}, None),
        (["vary"], {"experiment": TASK.set({"train.lr": 0.5})}, "train.lr"),
        ([], {"seeds": (7, 8)}, None),  # the lab gives every participant their own
    ],
)
def test_of_a_comparison_the_setting_or_its_values_can_be_open(
    opened: list[str], changes: dict[str, Any], refused: str | None
) -> None:
    answer = Comparison.of({**COMPARED.plain(), **changes})
    assignment = Assignment(title="x", task=COMPARED, open_fields=opened)
    if refused is None:
        assignment.check(answer)
    else:
        with pytest.raises(SpecError, match=f"^{re.escape(refused)}: got .*, but the assignment fixes it at "):
            assignment.check(answer)


def test_an_answer_of_the_other_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="task: got 'comparison', allowed is an experiment"):
        Assignment(title="x", task=TASK).check(COMPARED)
    with pytest.raises(SpecError, match="task: got 'experiment', allowed is a comparison"):
        Assignment(title="x", task=COMPARED).check(TASK)


@given(
    title=st.text(),
    question=st.text(),
    opened=_open,
    hidden=st.lists(st.sampled_from(HIDEABLE), max_size=5),
    seeds=st.integers(-1, 120),
    guess=st.lists(st.text(max_size=70), max_size=9),
    due=st.none() | st.datetimes(timezones=st.just(UTC)) | st.text(max_size=8),
)
def test_any_values_are_an_assignment_with_one_text_or_a_sentence(opened: list[str], **values: Any) -> None:
    made, sentence = None, ""
    try:
        made = Assignment.of({"task": TASK.plain(), "open_fields": opened, **values})
    except SpecError as error:
        sentence = str(error)
    if made is None:
        assert re.fullmatch(r"\w.*: got .*, (allowed is|but) .*\.", sentence)
        assert sentence.isprintable()
        return
    assert Assignment.from_json(made.to_json()) == made
    assert Assignment.from_json(made.to_json()).to_json() == made.to_json()
    assert 1 <= len(made.title) <= 120
    for text in (made.title, made.question, *made.guess):
        text.encode()  # no half characters
        assert not set(text) & set("\0\x1b\u202e\u2066")
    assert not any(map(made.is_open, made.hidden))


@pytest.mark.parametrize("opened", ["depth", "width", "model.hidden"])
def test_the_layers_are_not_hidden_where_a_part_of_them_is_open(opened: str) -> None:
    with pytest.raises(ValueError, match=r"hidden: got .* what is hidden cannot be changed"):
        Assignment(title="x", task=TASK, open_fields=[opened], hidden=["model.hidden"])
    Assignment(title="x", task=TASK, open_fields=["train.lr"], hidden=["model.hidden"])


def test_the_same_assignment_has_the_same_text_in_any_order() -> None:
    one = Assignment(title=" How  deep? ", task=COMPARED, open_fields=["values", "vary"], seeds=4, guess=["a", "b"])
    same = Assignment(title="How deep?", task=COMPARED, open_fields=["vary", "values"], seeds=4, guess=[" a", "b"])
    assert one.to_json() == same.to_json()
    assert one.task.seeds == (0, 1, 2, 3)
    assert "hidden" not in json.loads(one.to_json())


def test_a_question_keeps_its_lines_and_loses_what_cannot_be_shown() -> None:
    made = Assignment(title="a\nb", task=TASK, question="one\r\n\n two\tthree \0\x1b[31m\u202e")
    assert made.title == "a b"
    assert made.question == "one\n\ntwo three [31m"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"title": ""}, "title (characters): got 0, allowed is from 1 to 120."),
        ({"title": "x" * 121}, "title (characters): got 121, allowed is from 1 to 120."),
        ({"question": "x" * 2001}, "question (characters): got 2001, allowed is from 0 to 2000."),
        ({"guess": ["one"]}, "guess (how many): got 1, allowed is from 2 to 8."),
        ({"guess": ["one", "one"]}, 'guess: got ["one", "one"], but every value may appear only once.'),
        ({"guess": ["one", "x" * 61]}, "guess (characters): got 61, allowed is from 1 to 60."),
        ({"due": "tomorrow"}, "due: got 'tomorrow', allowed is a date and time with a time zone."),
        (
            {"due": datetime(2026, 12, 1)},
            "due: got '2026-12-01 00:00:00', allowed is a date and time with a time zone.",
        ),
        ({"seeds": 0}, "seeds: got 0, allowed is from 1 to 100."),
        ({"open_fields": ["seeds"]}, "open_fields: got 'seeds', allowed is one of data.name, "),
        ({"hidden": ["everything"]}, "hidden: got 'everything', allowed is one of data.name, "),
        ({"open_fields": ["train.lr"], "hidden": ["train.lr"]}, "hidden: got ['train.lr'], but what is hidden cannot"),
        ({"task": {"train": {"lr": -1}}}, "train.lr: got -1, allowed is from 1e-07 to 100."),
        ({"task": 3}, "task: got 3, allowed is an object."),
        ({"more": 1}, "more: there is no such field"),
    ],
)
def test_each_invalid_value_has_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SpecError) as refused:
        Assignment.of({"title": "x", "task": {}, **values})
    assert str(refused.value).startswith(sentence.replace("['train.lr']", '["train.lr"]'))


def test_a_date_is_a_moment_whatever_its_time_zone() -> None:
    here = datetime(2026, 12, 4, 18, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    made = Assignment(title="x", task=TASK, due=here)
    assert made.due == datetime(2026, 12, 4, 17, tzinfo=UTC)
    assert made.late(datetime(2026, 12, 4, 17, 0, 1, tzinfo=UTC))
    assert not made.late(datetime(2026, 12, 4, 17, tzinfo=UTC))
    assert not Assignment(title="x", task=TASK).late(here)


@given(st.integers(1, 100), st.integers(0, 500), st.integers(0, 500))
def test_no_two_participants_share_a_seed(seeds: int, one: int, other: int) -> None:
    assume(one != other)
    made = Assignment(title="x", task=TASK, seeds=seeds)
    assert len(made.seeds_of(one)) == seeds
    assert set(made.seeds_of(one)).isdisjoint(made.seeds_of(other))
    assert max(made.seeds_of(500)) <= MAX_SEED
    assert made.seeds_of(0) == tuple(range(seeds))


@pytest.mark.parametrize("name", [*OPEN_IN_EXPERIMENT, *OPEN_IN_COMPARISON, "by", "by_values"])
def test_a_part_is_open_with_the_whole(name: str) -> None:
    whole = {"depth": "model.hidden", "width": "model.hidden", "values": "vary", "by": "vary", "by_values": "values"}
    task = COMPARED if name in ("vary", "values", "by", "by_values") else TASK
    opened = whole.get(name, name)
    assert Assignment(title="x", task=task, open_fields=[opened]).is_open(name)
    assert not Assignment(title="x", task=task).is_open(name)


@given(st.sets(st.sampled_from(HIDEABLE)), st.sets(st.text(alphabet="abz._", max_size=5)))
def test_what_a_link_hides_is_read_back_and_unknown_names_are_named(known: set[str], unknown: set[str]) -> None:
    unknown = {name for name in unknown if name and name not in HIDEABLE}
    hidden, others = parse_hidden(",".join([hidden_text(known), *unknown]))
    assert hidden == known
    assert set(others) == unknown
