"""Handing in: under one's own seeds, within what is open, after the guess; once, and whatever is deleted is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nnlab.jobs.limits import LimitError
from nnlab.jobs.worker import run_job, work
from nnlab.lab import open_lab
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.spec.assignment import Assignment
from nnlab.spec.errors import SpecError
from nnlab.store import UnknownAssignment

pytestmark = pytest.mark.usefixtures("with_codes")
BASE = Experiment().set({"data.n_samples": 60, "train.epochs": 2, "train.engine": "numpy"})
HOW_DEEP = {"title": "How deep?", "task": BASE, "open_fields": ["depth"], "seeds": 3}
COMPARED = Comparison(BASE, vary="depth", values=[1, 2], seeds=3)


@pytest.fixture
def lab(with_codes, monkeypatch):
    one = open_lab()
    monkeypatch.setattr(one._dispatcher, "start", lambda: None)
    return one


@pytest.fixture
def lesson(lab):
    return lab.store.create_class("3 B", lab.store.named("Ms Rivera").id)


@pytest.fixture
def ana(lab, lesson):
    return lab.store.new_student(lesson.id, "Ana").id


@pytest.fixture
def luis(lab, lesson):
    return lab.store.new_student(lesson.id, "Luis").id


@pytest.fixture
def ask(lab, lesson):
    return lambda **changes: lab.create_assignment(Assignment(**{**HOW_DEEP, **changes}), lesson.id)


def ids(tries):
    return [one.run.id for one in tries]


def test_each_participant_trains_seeds_of_their_own(lab, ask, ana, luis):
    task = ask()
    runs = [lab.submit_try(task, BASE, person) for person in (ana, luis)]
    assert [run.seeds for run in runs] == [(0, 1, 2), (3, 4, 5)]
    assert [run.owner for run in runs] == [ana, luis]
    assert ids(lab.tries(task)) == [run.id for run in runs]
    assert ids(lab.tries(task, luis)) == [runs[1].id]


def test_a_second_click_hands_in_once_and_an_equal_try_is_the_same_run(lab, ask, ana):
    task = ask()
    first = lab.submit_try(task, BASE, ana)
    assert lab.submit_try(task, BASE, ana).id == first.id
    deeper = lab.submit_try(task, BASE.vary("depth", 3), ana)
    assert ids(lab.tries(task)) == [first.id, deeper.id]


def test_a_comparison_is_handed_in_once_under_own_seeds(lab, ask, ana, luis):
    task = ask(task=COMPARED, open_fields=["values"])
    lab.submit_try(task, COMPARED, ana)
    mine = lab.submit_try(task, COMPARED, luis)
    assert mine.comparison.seeds == (3, 4, 5)
    assert lab.submit_try(task, COMPARED, luis).id == mine.id
    assert ids(lab.tries(task, luis)) == [mine.id]
    with pytest.raises(SpecError, match="vary: got 'width', but the assignment fixes it at depth"):
        lab.submit_try(task, Comparison(BASE, vary="width", values=[2, 3], seeds=3), luis)


@pytest.mark.parametrize("answer", [BASE, COMPARED], ids=["run", "comparison"])
def test_who_has_a_finished_try_is_who_has_finished_all_runs_of_one(lab, ask, ana, luis, answer):
    task = ask(task=answer, open_fields=[])
    handed = lab.submit_try(task, answer, ana)
    first, *others = lab.store.queue()
    assert lab.store.finished(task) == set()
    run_job(lab.store, first, lab.store.claim(first))
    assert lab.store.finished(task) == (set() if others else {ana})
    work()
    lab.submit_try(task, answer, luis)
    assert lab.store.finished(task) == {ana}
    assert lab.store.started(task) == len(lab.store.participants(task)) == 2
    (lab.delete if answer is BASE else lab.delete_comparison)(handed.id, ana)
    assert lab.store.finished(task) == set()


def test_what_is_locked_is_refused_and_nothing_is_queued(lab, ask, ana):
    task = ask()
    with pytest.raises(SpecError, match=r"train\.lr: got 0\.5, but the assignment fixes it at 0\.01"):
        lab.submit_try(task, BASE.set({"train.lr": 0.5}), ana)
    assert lab.runs(ana) == []
    assert lab.tries(task) == []


def test_a_guess_is_asked_for_before_the_first_training(lab, ask, ana):
    task = ask(guess=["one", "two"])
    with pytest.raises(SpecError, match="guess what will come out before you train"):
        lab.submit_try(task, BASE, ana)
    assert lab.runs(ana) == []
    with pytest.raises(SpecError, match="guess: got 'three', but it is none of the answers"):
        lab.guess_outcome(task, "three", ana)
    lab.guess_outcome(task, "one", ana)
    lab.guess_outcome(task, "two", ana)
    lab.submit_try(task, BASE, ana)
    with pytest.raises(SpecError, match="you have trained already"):
        lab.guess_outcome(task, "one", ana)
    assert lab.store.participant(task, ana).guess == "two"


def test_after_the_date_runs_train_and_are_late_by_the_date_that_holds_now(lab, ask, ana):
    past, future = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    task = ask(due=past)
    lab.submit_try(task, BASE, ana)
    assert [one.late for one in lab.tries(task)] == [True]
    lab.store.set_due(task, future)
    assert [one.late for one in lab.tries(task)] == [False]


def test_deleted_tries_leave_the_list_and_come_back_restored(lab, ask, ana):
    task = ask()
    run = lab.submit_try(task, BASE, ana)
    lab.delete(run.id, ana)
    assert lab.tries(task) == []
    lab.restore(run.id, ana)
    assert ids(lab.tries(task)) == [run.id]
    lab.delete(run.id, ana)
    again = lab.submit_try(task, BASE, ana)
    assert again.id != run.id
    assert ids(lab.tries(task)) == [again.id]


def test_to_a_deleted_assignment_nothing_is_handed_in(lab, ask, ana):
    task = ask()
    lab.store.delete_assignment(task)
    for change in (lab.take_part, lambda one, person: lab.submit_try(one, BASE, person)):
        with pytest.raises(SpecError, match="nothing more can be handed in"):
            change(task, ana)
    lab.store.restore_assignment(task)
    assert lab.submit_try(task, BASE, ana).owner == ana
    with pytest.raises(UnknownAssignment):
        lab.tries("nothing")


def test_limits_hold_and_an_assignment_that_nobody_could_train_is_not_made(lab, ask, ana, monkeypatch):
    with pytest.raises(LimitError, match=r"train\.epochs"):
        ask(task=BASE.set({"train.epochs": 90_000}))
    with pytest.raises(LimitError, match=r"train\.epochs"):
        ask(task=COMPARED.model_copy(update={"experiment": BASE.set({"train.epochs": 90_000})}), open_fields=[])
    task = ask(open_fields=["train.epochs", "depth"])
    with pytest.raises(LimitError, match=r"train\.epochs"):
        lab.submit_try(task, BASE.set({"train.epochs": 90_000}), ana)
    monkeypatch.setenv("NNLAB_MAX_WAITING", "1")
    settings.cache_clear()
    lab.submit_try(task, BASE, ana)
    with pytest.raises(LimitError, match="waiting"):
        lab.submit_try(task, BASE.vary("depth", 2), ana)
    assert len(lab.tries(task)) == 1


def test_more_epochs_train_a_copy_of_what_is_handed_in(lab, ask, ana):
    task = ask()
    run = lab.train_here(BASE, (0, 1, 2), ana)
    assert lab.submit_try(task, BASE, ana).id == run.id, "what was trained before is handed in"
    longer = lab.add_epochs(run.id, 2, ana)
    assert longer.id != run.id
    (one,) = lab.tries(task)
    assert (one.run.id, one.run.epochs) == (run.id, 2)


def test_what_is_handed_in_is_extended_only_where_it_is_open(lab, ask, ana):
    task = ask(task=COMPARED, open_fields=["values"])
    made = lab.submit_try(task, COMPARED, ana)
    more = Comparison(BASE, vary="depth", values=[1, 2, 4], seeds=3)
    assert lab.extend_comparison(made.id, more, ana).comparison.values == (1, 2, 4)
    with pytest.raises(SpecError, match="seeds: got '5', but the assignment fixes it at 3"):
        lab.extend_comparison(made.id, Comparison(BASE, vary="depth", values=[1, 2, 4], seeds=5), ana)
    closed = ask(task=COMPARED, open_fields=[])
    other = lab.submit_try(closed, COMPARED, ana)
    with pytest.raises(SpecError, match="values: got"):
        lab.extend_comparison(other.id, more, ana)
