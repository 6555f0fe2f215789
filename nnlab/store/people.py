"""The people of an installation with a login, and the browsers they are signed in with."""

import re
import secrets
import unicodedata
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from nnlab.settings import settings
from nnlab.store.codes import PERSONAL, digest, new_code, typed_code
from nnlab.store.connect import Database
from nnlab.store.errors import StoreUnavailable
from nnlab.store.schema import now, people_table, sign_ins_table, tickets_table, wrong_codes_table

DAY = 86400
SIGNED_IN = 30 * DAY  # seconds since a browser was used last, as long as Streamlit keeps a login
SEEN_EVERY = 60  # seconds between two notes that somebody is there
LONGEST_NAME = 80
Role = Literal["visitor", "student", "teacher", "admin"]
col, signed = people_table.c, sign_ins_table.c


class NameTaken(ValueError):
    """Somebody in the class has this nickname, or a teacher this name."""


class Person(NamedTuple):
    """Who uses nnlab: the owner of their runs."""

    id: str
    name: str = ""
    role: Role = "visitor"  # without a login everybody is one

    @property
    def teaches(self) -> bool:
        """Whether they may have classes."""
        return self.role in ("teacher", "admin")


class PeopleStore(Database):
    """Who is there. A browser is known by its cookie, of which only a digest is stored."""

    def person(self, person_id: str) -> Person | None:
        """Somebody by their id."""
        return self._one(col.id == person_id)

    def find_or_create(self, subject: str, name: str, email: str | None = None) -> Person:
        """Who logs in with OpenID Connect: `subject` is issuer and subject, `email` is verified. The name and the
        address are those of the last login."""
        return self._logged_in(f"oidc:{digest(subject)}", name, email)

    def named(self, name: str) -> Person:
        """A teacher or administrator whose name is in the settings."""
        return self._logged_in(f"name:{tidy_name(name).casefold()}", name, None)

    def _logged_in(self, subject: str, name: str, email: str | None) -> Person:
        latest = {"name": tidy_name(name), "email": email and email[:320]}
        known = people_table.update().where(col.subject == subject).values(latest)
        if not self._change(known):
            with suppress(sa.exc.IntegrityError):  # another process has been faster
                self._change(people_table.insert().values(id=_new_id(), subject=subject, **latest))
        found = self._one(col.subject == subject)
        assert found is not None
        return found

    def new_code(self, person_id: str, here: str = "") -> str:
        """A new personal code for somebody, of which only the digest is stored. The one before ends, and so do the
        sign-ins of all browsers but `here`."""
        code = new_code(PERSONAL)
        with self._write() as db:
            db.execute(people_table.update().where(col.id == person_id).values(code=digest(code)))
            db.execute(sign_ins_table.delete().where(signed.person == person_id, signed.token != digest(here)))
        return code

    def sign_in(self, token: str, person_id: str) -> None:
        """Bind a browser's cookie to somebody."""
        with self._write() as db:
            db.execute(sign_ins_table.delete().where(signed.token == digest(token)))
            db.execute(sign_ins_table.insert().values(token=digest(token), person=person_id))

    def person_of(self, token: str, *, seen: bool = False) -> Person | None:
        """Who is signed in with a browser, by its cookie.

        Parameters
        ----------
        seen : bool
            They are doing something, which is noted at most once a minute, if the data base can be written.
        """
        here = (signed.token == digest(token)) & (signed.seen > now() - SIGNED_IN)
        stale = (signed.seen < now() - SEEN_EVERY).label("stale")
        found = self._rows(sa.select(people_table, stale).join(sign_ins_table, signed.person == col.id).where(here))
        if seen and found and found[0].stale:
            with suppress(StoreUnavailable), self._write() as db:
                db.execute(sign_ins_table.update().where(signed.token == digest(token)).values(seen=now()))
                db.execute(people_table.update().where(col.id == found[0].id).values(seen=now()))
        return as_person(found[0]) if found else None

    def sign_out(self, token: str) -> None:
        """End a browser's sign-in."""
        self._change(sign_ins_table.delete().where(signed.token == digest(token)))

    def sign_out_everywhere(self, person_id: str) -> None:
        """End somebody's sign-ins in all browsers."""
        self._change(sign_ins_table.delete().where(signed.person == person_id))

    def _one(self, which: sa.ColumnElement[bool]) -> Person | None:
        found = self._rows(sa.select(people_table).where(which))
        return as_person(found[0]) if found else None


def by_code(code: str) -> sa.Select[Any]:
    """Who has this personal code."""
    return sa.select(people_table).where(col.code == digest(typed_code(code)))


def as_person(row: sa.Row[Any]) -> Person:
    """A row of `people_table`; the settings give the role."""
    who = {(row.email or "").casefold(), (row.subject or "").partition("name:")[2]} - {""}
    given = settings()
    role: Role = "admin" if who & _folded(given.admins) else "teacher" if who & _folded(given.teachers) else "student"
    return Person(row.id, row.name, role)


def remove_sign_ins(db: sa.Connection) -> None:
    """Remove sign-ins of browsers that were not used for long, old tickets, and networks that nobody guesses from."""
    ages = {signed.seen: SIGNED_IN, tickets_table.c.created: DAY, wrong_codes_table.c.moment: DAY}
    for time, age in ages.items():
        db.execute(sa.delete(time.table).where(time < now() - age))


def new_person(db: sa.Connection, name: str) -> str:
    """Insert somebody; their id."""
    person_id = _new_id()
    db.execute(people_table.insert().values(id=person_id, name=name))
    return person_id


def tidy_name(name: str) -> str:
    """A name on one line, without characters that are not seen; empty if nothing of it can be read."""
    seen = "".join(" " if one.isspace() else one for one in unicodedata.normalize("NFC", name))
    seen = "".join(one for one in seen if not unicodedata.category(one).startswith("C"))
    tidy = " ".join(seen.split())[:LONGEST_NAME].strip()
    return tidy if re.search(r"\w", tidy) else ""


def readable_name(name: str) -> str:
    """As `tidy_name`. Raises ValueError if nothing of the name can be read."""
    if not (tidy := tidy_name(name)):
        raise ValueError(name)
    return tidy


def name_key(name: str) -> str:
    """A text that is the same for names that nobody could tell apart."""
    return unicodedata.normalize("NFKC", name).casefold()


def is_staff(name: str) -> bool:
    """Whether a teacher or administrator of the settings is called so."""
    given = settings()
    return name_key(name) in {name_key(tidy_name(one)) for one in given.teachers + given.admins}


def _folded(names: tuple[str, ...]) -> set[str]:
    return {tidy_name(name).casefold() for name in names}


def _new_id() -> str:
    return f"p-{secrets.token_urlsafe(16)}"
