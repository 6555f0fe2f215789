"""Assignments, who takes part and what is handed in, over SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from nnlab.spec import Comparison, Experiment
from nnlab.spec.assignment import Assignment
from nnlab.store import Retention, Store, UnknownAssignment

pytestmark = pytest.mark.usefixtures("with_codes")
TASK = Assignment(title="How deep?", task=Experiment(), open_fields=["depth"], seeds=3)
NOW = Retention.older_than(-1)


@pytest.fixture
def lesson(store):
    return store.create_class("3 B", store.named("Ms Rivera").id)


@pytest.fixture
def task(store, lesson):
    return store.create_assignment(TASK, lesson.id)


def student(store: Store, lesson, name: str) -> str:
    return store.new_student(lesson.id, name).id


def handed_in(store: Store, task: str) -> list[str]:
    return [one.item for one in store.tries(task)]


def test_assignments_of_classes_are_listed_newest_first(store, lesson, task):
    other = store.create_class("4 A", lesson.teacher)
    later, elsewhere = (store.create_assignment(TASK, where) for where in (lesson.id, other.id))
    assert [one.id for one in store.assignments([lesson.id])] == [later, task]
    assert {one.id for one in store.assignments([lesson.id, other.id])} == {later, task, elsewhere}
    assert store.assignments([]) == []
    assert store.assignment(task).assignment == TASK
    assert store.assignment("nothing") is None
    store.delete_assignment(later)
    assert [one.id for one in store.assignments([lesson.id])] == [task]
    assert store.assignment(later).deleted
    store.restore_assignment(later)
    assert not store.assignment(later).deleted


def test_the_date_can_be_changed_and_nothing_else_changes(store, task):
    due = datetime(2026, 12, 4, 17, tzinfo=UTC)
    store.set_due(task, due)
    assert store.assignment(task).assignment == Assignment.of({**dict(TASK), "due": due})
    store.set_due(task, None)
    assert store.assignment(task).assignment == TASK
    with pytest.raises(UnknownAssignment):
        store.set_due("nothing", due)


def test_everybody_has_a_place_of_their_own_once(store, lesson, task):
    ana, luis = (student(store, lesson, name) for name in ("Ana", "Luis"))
    assert [store.take_part(task, person).place for person in (ana, luis, ana)] == [0, 1, 0]
    assert [(one.person, one.name, one.guess) for one in store.participants(task)] == [
        (ana, "Ana", None),
        (luis, "Luis", None),
    ]
    assert store.participant(task, luis) == store.participants(task)[1]
    with pytest.raises(UnknownAssignment):
        store.take_part("nothing", ana)


def test_a_class_that_starts_at_the_same_moment_gets_places_without_gaps(store, lesson, task):
    people = [student(store, lesson, f"Student {i}") for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda person: store.take_part(task, person).place, people * 2))
    assert sorted(places) == sorted([*range(8)] * 2)
    assert places[:8] == places[8:]


def test_the_last_guess_before_the_first_try_counts(store, lesson, task):
    ana, luis = (student(store, lesson, name) for name in ("Ana", "Luis"))
    store.take_part(task, ana)
    store.take_part(task, luis)
    assert store.set_guess(task, ana, "one")
    assert store.set_guess(task, ana, "two")
    store.add_try(task, "run", ana)
    assert not store.set_guess(task, ana, "three")
    assert store.set_guess(task, luis, "four")
    assert [one.guess for one in store.participants(task)] == ["two", "four"]
    assert store.participants(task)[0].guessed is not None


def test_a_try_is_handed_in_once_and_listed_in_order(store, lesson, task):
    ana, luis = (student(store, lesson, name) for name in ("Ana", "Luis"))
    runs = [store.create_run(Experiment(), [i], owner).id for i, owner in enumerate((ana, luis, ana))]
    for run, owner in zip(runs, (ana, luis, ana), strict=True):
        store.take_part(task, owner)
        store.add_try(task, run, owner)
        store.add_try(task, run, owner)
    assert handed_in(store, task) == runs
    assert [one.item for one in store.tries(task, ana)] == [runs[0], runs[2]]
    assert [one.id for one in store.assignments_of(runs[1])] == [task]
    assert store.handed_in(runs[1])
    assert not store.handed_in("nothing")
    assert store.tried(ana) == {task: 2}
    store.delete(runs[0])
    assert store.tried(ana) == {task: 1}
    store.restore(runs[0])
    assert store.tried(ana) == {task: 2}


def test_comparisons_are_tries_too(store, lesson, task):
    ana = student(store, lesson, "Ana")
    store.take_part(task, ana)
    made = store.create_comparison(Comparison(Experiment(), vary="depth", values=[1, 2], seeds=2), ana)
    store.add_try(task, made, ana)
    assert store.tried(ana) == {task: 1}
    store.delete_comparison(made)
    assert store.tried(ana) == {task: 0}


def test_what_is_removed_for_good_leaves_no_try_behind(store, lesson, task):
    ana = student(store, lesson, "Ana")
    store.take_part(task, ana)
    gone, stays = (store.create_run(Experiment(), [i], ana).id for i in range(2))
    for run in (gone, stays):
        store.add_try(task, run, ana)
    store.delete(gone)
    for _ in store.prune(NOW):
        pass
    assert handed_in(store, task) == [stays]


def test_a_deleted_assignment_goes_with_its_participants_and_the_runs_stay(store, lesson, task):
    ana = student(store, lesson, "Ana")
    store.take_part(task, ana)
    run = store.create_run(Experiment(), [0], ana).id
    store.add_try(task, run, ana)
    store.delete_assignment(task)
    for _ in store.prune(Retention.of_settings()):
        pass
    assert store.assignment(task) is not None, "it can be brought back for a while"
    for _ in store.prune(NOW):
        pass
    assert store.assignment(task) is None
    assert store.participants(task) == []
    assert handed_in(store, task) == []
    assert store.run(run) is not None


def test_an_assignment_that_a_newer_version_wrote_is_left_out_and_hides_no_other(store, lesson, task):
    from nnlab.store.schema import assignments_table

    newer = store.create_assignment(TASK, lesson.id)
    store._change(assignments_table.update().where(assignments_table.c.id == newer).values(content='{"new": 1}'))
    assert [one.id for one in store.assignments([lesson.id])] == [task]
    assert store.assignment(newer) is None
