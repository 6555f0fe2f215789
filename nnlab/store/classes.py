"""Classes: their codes, their teachers and who is in them."""

import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from nnlab.store.codes import CLASS, new_code, typed_code
from nnlab.store.people import (
    NameTaken,
    PeopleStore,
    Person,
    Role,
    as_person,
    is_staff,
    name_key,
    new_person,
    readable_name,
)
from nnlab.store.schema import (
    assignments_table,
    classes_table,
    members_table,
    new_id,
    now,
    participants_table,
    people_table,
    utc,
)

MOST_MEMBERS = 500
col, member, people = classes_table.c, members_table.c, people_table.c


class ClassFull(ValueError):
    """The class is closed, or has as many members as a class may have."""


class Class(NamedTuple):
    """A class of one teacher."""

    id: str
    name: str
    code: str  # lets in who types it, until the class is closed
    teacher: str  # a person's id
    created: datetime
    closed: datetime | None


class Member(NamedTuple):
    """Somebody in a class."""

    id: str
    name: str  # as in `class_names`
    role: Role
    joined: datetime
    seen: datetime


class ClassStore(PeopleStore):
    """The classes of a data base."""

    def create_class(self, name: str, teacher_id: str) -> Class:
        """A new class of this teacher, with a new code. Raises ValueError if nothing of its name can be read."""
        class_id, readable = new_id(), readable_name(name)
        while True:
            values = {"id": class_id, "name": readable, "code": new_code(CLASS), "teacher": teacher_id}
            with suppress(sa.exc.IntegrityError):  # another class has this code
                self._change(classes_table.insert().values(values))
                return self._classes(col.id == class_id)[0]

    def class_(self, class_id: str) -> Class | None:
        """A class by its id."""
        return next(iter(self._classes(col.id == class_id)), None)

    def taught(self, person: Person) -> list[Class]:
        """The classes of a teacher, newest first; of an administrator all."""
        return self._classes(_taught_by(person))

    def joined(self, person: Person) -> list[Class]:
        """The classes that somebody is in, newest first."""
        return self._classes(col.id.in_(sa.select(member.class_id).where(member.person == person.id)))

    def teaches(self, person: Person, class_id: str) -> bool:
        """Whether somebody teaches a class; administrators teach all."""
        return person.teaches and bool(self._classes((col.id == class_id) & _taught_by(person)))

    def may_see(self, person: Person, other_id: str) -> bool:
        """Whether somebody is this person's student: in a class that they teach. Everybody is an administrator's."""
        if person.role == "admin":
            return True
        with_other = col.id.in_(sa.select(member.class_id).where(member.person == other_id))
        return person.teaches and bool(self._classes(with_other & _taught_by(person)))

    def class_names(self, class_id: str) -> dict[str, str]:
        """By id, what who is or was in a class is called there: no two the same, see `told_apart`."""
        tasks = sa.select(assignments_table.c.id).where(assignments_table.c.class_id == class_id)
        started = sa.select(participants_table.c.person).where(participants_table.c.assignment.in_(tasks))
        joined = people_table.outerjoin(members_table, (member.person == people.id) & (member.class_id == class_id))
        here = member.person.is_not(None) | people.id.in_(started)
        query = sa.select(people.id, people.name).select_from(joined).where(here)
        order = sa.func.coalesce(member.joined, people.created), people.id
        return told_apart((row.id, row.name) for row in self._rows(query.order_by(*order)))

    def members(self, class_id: str) -> list[Member]:
        """Who is in a class, by name."""
        joined = sa.select(people_table, member.joined).join(members_table, people.id == member.person)
        rows, names = self._rows(joined.where(member.class_id == class_id)), self.class_names(class_id)
        found = [
            Member(row.id, names.get(row.id, row.name), as_person(row).role, utc(row.joined), utc(row.seen))
            for row in rows
        ]
        return sorted(found, key=lambda one: (_alphabetical(one.name), one.id))

    def join(self, class_id: str, person_id: str, *, also_closed: bool = False) -> None:
        """Put somebody into a class, once. Raises ClassFull for who is not in it yet.

        also_closed : its teacher puts them back."""
        with self._write() as db:
            if person_id not in (there := _locked_members(db, class_id)):
                _add(db, class_id, person_id, len(there), also_closed)

    def leave(self, class_id: str, person_id: str) -> None:
        """Take somebody out of a class; their runs stay."""
        self._change(members_table.delete().where(member.class_id == class_id, member.person == person_id))

    def new_student(self, class_id: str, nickname: str) -> Person:
        """Somebody new in a class. Raises NameTaken, ClassFull, or ValueError if the nickname cannot be read."""
        name = readable_name(nickname)
        with self._write() as db:
            there = _locked_members(db, class_id)
            if name_key(name) in map(name_key, there.values()) or is_staff(name):
                raise NameTaken(name)
            person_id = new_person(db, name)
            _add(db, class_id, person_id, len(there))
        return Person(person_id, name, "student")

    def rename_class(self, class_id: str, name: str) -> None:
        """Give a class another name. Raises ValueError if nothing of it can be read."""
        self._change(classes_table.update().where(col.id == class_id).values(name=readable_name(name)))

    def renew_class_code(self, class_id: str) -> None:
        """Give a class a new code; the one before lets nobody in."""
        while True:
            with suppress(sa.exc.IntegrityError):  # another class has this code
                self._change(classes_table.update().where(col.id == class_id).values(code=new_code(CLASS)))
                return

    def close_class(self, class_id: str, closed: bool = True) -> None:
        """Let nobody in by the code from now on, or again."""
        moment = now() if closed else None
        self._change(classes_table.update().where(col.id == class_id).values(closed=moment))

    def _classes(self, which: sa.ColumnElement[bool]) -> list[Class]:
        return [as_class(row) for row in self._rows(sa.select(classes_table).where(which).order_by(col.created.desc()))]


def _taught_by(person: Person) -> sa.ColumnElement[bool]:
    return sa.true() if person.role == "admin" else col.teacher == person.id


def open_class(code: str) -> sa.Select[Any]:
    """The class that this code lets in to; a closed one lets nobody in."""
    return sa.select(classes_table).where(col.code == typed_code(code), col.closed.is_(None))


def as_class(row: sa.Row[Any]) -> Class:
    """A row of `classes_table`."""
    return Class(row.id, row.name, row.code, row.teacher, utc(row.created), row.closed and utc(row.closed))


def told_apart(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Ids and names as by id the names: of those that nobody could tell apart, the later ones have a number."""
    found, taken = dict[str, str](), set[str]()
    for person_id, name in names:
        shown, n = name, 1
        while name_key(shown) in taken:
            shown, n = f"{name} ({n + 1})", n + 1
        taken.add(name_key(shown))
        found[person_id] = shown
    return found


def _locked_members(db: sa.Connection, class_id: str) -> dict[str, str]:
    """By id, the names of who is in a class, which nobody joins before the transaction has ended."""
    db.execute(sa.select(col.id).where(col.id == class_id).with_for_update())
    joined = sa.select(people.id, people.name).join(members_table, people.id == member.person)
    return {row.id: row.name for row in db.execute(joined.where(member.class_id == class_id))}


def _add(db: sa.Connection, class_id: str, person_id: str, members: int, also_closed: bool = False) -> None:
    lets_in = sa.true() if also_closed else col.closed.is_(None)
    if members >= MOST_MEMBERS or db.execute(sa.select(col.id).where(col.id == class_id, lets_in)).first() is None:
        raise ClassFull(class_id)
    db.execute(members_table.insert().values(class_id=class_id, person=person_id))


def _alphabetical(name: str) -> str:
    """A name as it is sorted: letters with accents stand beside those without."""
    return "".join(one for one in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(one))
