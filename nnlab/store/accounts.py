"""The people of an installation as whoever runs it sees them: what they store, and how they are removed."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from nnlab.store.deletion import hide
from nnlab.store.people import Role, as_person, readable_name
from nnlab.store.schema import (
    classes_table,
    comparisons_table,
    guesses_table,
    members_table,
    now,
    participants_table,
    people_table,
    runs_table,
    sign_ins_table,
    tickets_table,
    tries_table,
    utc,
)
from nnlab.store.sign_in import SignInStore

col, run, made = people_table.c, runs_table.c, comparisons_table.c
AT_ONCE = 1.0  # the time of a deletion so long ago that the next clean-up removes what was deleted


class Account(NamedTuple):
    """Somebody, and what their runs take."""

    id: str
    name: str
    role: Role
    email: str | None  # verified by the provider of the login
    created: datetime
    seen: datetime
    runs: int
    bytes: int


class AccountStore(SignInStore):
    """The accounts of a data base."""

    def accounts(self) -> list[Account]:
        """Everybody, newest first, with the number and size of their runs; deleted ones and drafts do not count."""
        counted = (run.owner == col.id) & run.deleted.is_(None) & ~run.draft
        figures = sa.func.count(run.id).label("runs"), sa.func.coalesce(sa.func.sum(run.size), 0).label("bytes")
        query = sa.select(people_table, *figures).outerjoin(runs_table, counted)
        rows = self._rows(query.group_by(*people_table.c).order_by(col.created.desc(), col.id))
        return [
            Account(*as_person(row), row.email, utc(row.created), utc(row.seen), row.runs, int(row.bytes))
            for row in rows
        ]

    def rename_person(self, person_id: str, name: str) -> None:
        """Give somebody another name. Raises ValueError if nothing of it can be read."""
        self._change(people_table.update().where(col.id == person_id).values(name=readable_name(name)))

    def remove_person(self, person_id: str) -> None:
        """Remove somebody with all that is known of them. Their runs are hidden at once and removed by the next
        clean-up; their classes are closed."""
        theirs = (sign_ins_table, tickets_table, members_table, participants_table, tries_table)
        with self._write() as db:
            for table in theirs:
                db.execute(table.delete().where(table.c.person == person_id))
            db.execute(guesses_table.delete().where(guesses_table.c.owner == person_id))
            closed = classes_table.update().where(classes_table.c.teacher == person_id)
            db.execute(closed.where(classes_table.c.closed.is_(None)).values(closed=now()))
            db.execute(comparisons_table.update().where(made.owner == person_id).values(name="", deleted=AT_ONCE))
            hide(db, run.owner == person_id, AT_ONCE)
            db.execute(runs_table.update().where(run.owner == person_id).values(name=""))
            db.execute(people_table.delete().where(col.id == person_id))
