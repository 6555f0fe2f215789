"""Assignments of classes, who takes part in them, and the runs and comparisons that are handed in."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa

from nnlab.spec.assignment import Assignment
from nnlab.store.classes import ClassStore
from nnlab.store.readable import readable
from nnlab.store.schema import (
    assignments_table,
    cells_table,
    comparisons_table,
    new_id,
    now,
    participants_table,
    people_table,
    runs_table,
    tries_table,
    utc,
)

col, part, handed = assignments_table.c, participants_table.c, tries_table.c
_assignment_from_json = lru_cache(maxsize=256)(Assignment.from_store)


class UnknownAssignment(KeyError):
    """No assignment has this id."""

    def __str__(self) -> str:
        return f"assignment: got '{self.args[0]}', allowed is the id of an assignment in the store."


@dataclass(frozen=True)
class StoredAssignment:
    """An assignment and the class it is for."""

    id: str
    class_id: str
    assignment: Assignment
    created: datetime
    deleted: bool


@dataclass(frozen=True)
class Participant:
    """Somebody who has started an assignment."""

    person: str
    name: str  # as in `ClassStore.class_names`
    place: int  # from 0: it gives the participant's own seeds
    started: datetime
    guess: str | None
    guessed: datetime | None


@dataclass(frozen=True)
class HandedIn:
    """The id of a run or comparison that a participant has handed in."""

    item: str
    person: str
    created: datetime


class AssignmentStore(ClassStore):
    """The assignments of a data base."""

    def create_assignment(self, assignment: Assignment, class_id: str) -> str:
        """The id of a new assignment."""
        new = {"id": new_id(), "class_id": class_id, "content": assignment.to_json()}
        self._change(assignments_table.insert().values(new))
        return new["id"]

    def assignment(self, assignment_id: str) -> StoredAssignment | None:
        """One assignment, deleted or not."""
        return next(iter(self._assignments(col.id == assignment_id)), None)

    def assignments(self, class_ids: Sequence[str]) -> list[StoredAssignment]:
        """Those of some classes, newest first, without deleted ones."""
        return self._assignments(col.class_id.in_(list(class_ids)) & col.deleted.is_(None))

    def set_due(self, assignment_id: str, due: datetime | None) -> None:
        """Change the date; what was handed in is late or not by the new one."""
        stored = self._known_assignment(assignment_id)
        content = Assignment.of({**dict(stored.assignment), "due": due}).to_json()
        self._change(assignments_table.update().where(col.id == assignment_id).values(content=content))

    def delete_assignment(self, assignment_id: str) -> None:
        """Hide an assignment: nothing more can be handed in. The runs stay their owners'."""
        this = assignments_table.update().where(col.id == assignment_id, col.deleted.is_(None))
        self._change(this.values(deleted=now()))

    def restore_assignment(self, assignment_id: str) -> None:
        """Undo `delete_assignment`."""
        self._change(assignments_table.update().where(col.id == assignment_id).values(deleted=None))

    def take_part(self, assignment_id: str, person: str) -> Participant:
        """The participant that a person is, who gets the next place the first time."""
        mine = (part.assignment == assignment_id) & (part.person == person)
        with self._write() as db:
            # locked: two who start at the same moment must not get one place
            if db.execute(sa.select(col.id).where(col.id == assignment_id).with_for_update()).first() is None:
                raise UnknownAssignment(assignment_id)
            if db.execute(sa.select(part.place).where(mine)).first() is None:
                last = db.scalar(sa.select(sa.func.max(part.place)).where(part.assignment == assignment_id))
                place = 0 if last is None else last + 1
                new = {"assignment": assignment_id, "person": person, "place": place}
                db.execute(participants_table.insert().values(new))
        return self._participants(mine, assignment_id)[0]

    def set_guess(self, assignment_id: str, person: str, guess: str) -> bool:
        """Store what a participant expects; False, and nothing is changed, once something is handed in."""
        mine = (part.assignment == assignment_id) & (part.person == person)
        tried = sa.exists().where(handed.assignment == assignment_id, handed.person == person)
        return self._change(participants_table.update().where(mine, ~tried).values(guess=guess, guessed=now())) > 0

    def participants(self, assignment_id: str) -> list[Participant]:
        """Who has started, by place."""
        here = (part.assignment == assignment_id) & people_table.c.id.is_not(None)
        return self._participants(here, assignment_id)

    def participant(self, assignment_id: str, person: str) -> Participant | None:
        """The participant that a person is; None before they start."""
        mine = (part.assignment == assignment_id) & (part.person == person)
        return next(iter(self._participants(mine, assignment_id)), None)

    def add_try(self, assignment_id: str, item: str, person: str) -> None:
        """Hand in a run or comparison; only the first time is stored."""
        with suppress(sa.exc.IntegrityError):
            self._change(tries_table.insert().values(assignment=assignment_id, item=item, person=person))

    def tries(self, assignment_id: str, person: str | None = None) -> list[HandedIn]:
        """What has been handed in, oldest first; `person`: by this one."""
        whose = sa.select(tries_table).join(people_table, people_table.c.id == handed.person)
        query = whose.where(handed.assignment == assignment_id).order_by(handed.created, handed.item)
        rows = self._rows(query if person is None else query.where(handed.person == person))
        return [HandedIn(row.item, row.person, utc(row.created)) for row in rows]

    def started(self, assignment_id: str) -> int:
        """How many have started."""
        there = participants_table.join(people_table, people_table.c.id == part.person)
        count = sa.select(sa.func.count()).select_from(there).where(part.assignment == assignment_id)
        return int(self._rows(count)[0][0])

    def finished(self, assignment_id: str) -> set[str]:
        """Who has a finished try: a run, or a comparison all of whose runs are finished."""
        run, compared, cell = runs_table.c, comparisons_table.c, cells_table.c
        done = run.state == "finished"
        of_cell = cell.comparison == handed.item
        runs = sa.exists().where(run.id == handed.item, run.deleted.is_(None), done)
        there = sa.exists().where(compared.id == handed.item, compared.deleted.is_(None)) & sa.exists().where(of_cell)
        undone = sa.exists().where(of_cell, cell.run == run.id, ~done)
        query = sa.select(handed.person).where(handed.assignment == assignment_id, runs | (there & ~undone))
        return {row.person for row in self._rows(query)}

    def tried(self, person: str) -> dict[str, int]:
        """By assignment that somebody has started, how much they have handed in and not deleted."""
        there = [
            sa.exists().where(one.c.id == handed.item, one.c.deleted.is_(None))
            for one in (runs_table, comparisons_table)
        ]
        count = sa.select(sa.func.count()).where(handed.assignment == part.assignment, handed.person == person)
        mine = count.where(sa.or_(*there)).scalar_subquery()
        query = sa.select(part.assignment, mine.label("n")).where(part.person == person)
        return {row.assignment: row.n for row in self._rows(query)}

    def handed_in(self, item: str) -> bool:
        """Whether a run or comparison is handed in."""
        return bool(self._rows(sa.select(handed.item).where(handed.item == item).limit(1)))

    def assignments_of(self, item: str) -> list[StoredAssignment]:
        """Those for which a run or comparison is handed in."""
        return self._assignments(col.id.in_(sa.select(handed.assignment).where(handed.item == item)))

    def _participants(self, which: sa.ColumnElement[bool], assignment_id: str) -> list[Participant]:
        people = participants_table.outerjoin(people_table, people_table.c.id == part.person)
        rows = self._rows(sa.select(people_table.c.name, participants_table).select_from(people).where(which))
        stored = self.assignment(assignment_id)
        names = self.class_names(stored.class_id) if stored else {}
        found = [_participant(row, names.get(row.person, row.name or "")) for row in rows]
        return sorted(found, key=lambda one: one.place)

    def _assignments(self, which: sa.ColumnElement[bool]) -> list[StoredAssignment]:
        rows = self._rows(sa.select(assignments_table).where(which).order_by(col.created.desc(), col.id))
        return readable(_assignment, rows)

    def _known_assignment(self, assignment_id: str) -> StoredAssignment:
        if (found := self.assignment(assignment_id)) is None:
            raise UnknownAssignment(assignment_id)
        return found


def remove_assignments(db: sa.Connection, before: sa.ColumnElement[float]) -> None:
    """Remove for good what was deleted earlier, and what refers to runs and comparisons that are gone."""
    gone = sa.select(col.id).where(col.deleted < before)
    there = sa.exists().where(runs_table.c.id == handed.item) | sa.exists().where(comparisons_table.c.id == handed.item)
    db.execute(tries_table.delete().where(handed.assignment.in_(gone) | ~there))
    db.execute(participants_table.delete().where(part.assignment.in_(gone)))
    db.execute(assignments_table.delete().where(col.deleted < before))


def _assignment(row: sa.Row[tuple[object, ...]]) -> StoredAssignment:
    content = _assignment_from_json(row.content)
    return StoredAssignment(row.id, row.class_id, content, utc(row.created), row.deleted is not None)


def _participant(row: sa.Row[tuple[object, ...]], name: str) -> Participant:
    guessed = row.guessed and utc(row.guessed)
    return Participant(row.person, name, row.place, utc(row.started), row.guess, guessed)
