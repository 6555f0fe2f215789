"""Signing in: codes that are tried, slower and slower for who guesses, and the ticket that a browser gets for one."""

import secrets
from contextlib import suppress
from typing import NamedTuple

import sqlalchemy as sa

from nnlab.store.classes import Class, ClassStore, as_class, open_class
from nnlab.store.codes import digest
from nnlab.store.people import Person, as_person, by_code
from nnlab.store.schema import now, sign_ins_table, tickets_table, wrong_codes_table

TICKET = 60  # seconds until it must have been used
LOGIN = 600  # seconds that a login at a provider may take
ticket, wrong = tickets_table.c, wrong_codes_table.c


class Wait(NamedTuple):
    """So many seconds no code of this network is looked at, right or wrong."""

    seconds: float


class Patience(NamedTuple):
    """How many wrong codes are taken at once, and the seconds until there may be one more."""

    most: int
    each: float

    def level(self, level: float, seconds: float) -> float:
        """What is left of so many wrong codes after some seconds."""
        return max(0.0, level - seconds / self.each)

    def wait(self, level: float) -> float:
        """The seconds until the next code is looked at."""
        return max(0.0, (level - self.most + 1) * self.each)


# a class that types at once behind one address makes fewer mistakes than that
NETWORK, ALL = Patience(30, 10.0), Patience(300, 1.0)


class SignInStore(ClassStore):
    """What the sign-in of several dashboards shares."""

    def try_code(self, code: str, network: str) -> Person | Class | Wait | None:
        """Whose personal code this is, or the class that it lets in to. Only wrong codes count, for the network they
        come from and for all."""
        limits = {digest(network): NETWORK, "": ALL}
        with suppress(sa.exc.IntegrityError):
            self._change(wrong_codes_table.insert().values(network="", level=0, moment=now()))
        with self._write() as db:
            # locked until the code is looked up and counted: many at once are no more than one after the other
            db.execute(sa.select(wrong.level).where(wrong.network == "").with_for_update())
            moment = float(db.scalar(sa.select(now())) or 0)
            rows = {
                row.network: row for row in db.execute(sa.select(wrong_codes_table).where(wrong.network.in_(limits)))
            }
            levels = {name: limits[name].level(row.level, moment - row.moment) for name, row in rows.items()}
            if seconds := max(limits[name].wait(level) for name, level in levels.items()):
                return Wait(seconds)
            if row := db.execute(by_code(code)).one_or_none():
                return as_person(row)
            if row := db.execute(open_class(code)).one_or_none():
                return as_class(row)
            for name in limits:
                count = {"level": levels.get(name, 0) + 1, "moment": moment}
                if not db.execute(wrong_codes_table.update().where(wrong.network == name).values(count)).rowcount:
                    db.execute(wrong_codes_table.insert().values(network=name, **count))
        return None

    def new_ticket(self, token: str, person_id: str, place: str) -> str:
        """A ticket with which the browser of this cookie is signed in and led to a place."""
        made = secrets.token_urlsafe(24)
        values = {"ticket": digest(made), "browser": digest(token), "person": person_id, "place": place}
        self._change(tickets_table.insert().values(values))
        return made

    def redeem(self, made: str, token: str, new_token: str) -> str | None:
        """Sign in with a ticket, once: the new cookie takes the place of the one that the ticket was made for.

        Returns
        -------
        str or None
            The place; None if there is no such ticket, or it is of another browser or too old."""
        this = (ticket.ticket == digest(made)) & (ticket.browser == digest(token)) & ticket.person.is_not(None)
        valid = this & (ticket.created > now() - TICKET)
        with self._write() as db:
            found = db.execute(tickets_table.delete().where(valid).returning(ticket.person, ticket.place)).one_or_none()
            db.execute(tickets_table.delete().where(ticket.created < now() - LOGIN))
            if found is None:
                return None
            db.execute(sign_ins_table.delete().where(sign_ins_table.c.token == digest(token)))
            db.execute(sign_ins_table.insert().values(token=digest(new_token), person=found.person))
        return str(found.place)

    def remember(self, token: str, place: str) -> None:
        """Where a browser wants to be after a login at a provider, which leads back to Home."""
        with self._write() as db:
            db.execute(tickets_table.delete().where(ticket.browser == digest(token)))
            values = {"ticket": digest(secrets.token_urlsafe()), "browser": digest(token), "place": place}
            db.execute(tickets_table.insert().values(values))

    def remembered(self, token: str) -> str | None:
        """What `remember` was told last."""
        wanted = (ticket.browser == digest(token)) & ticket.person.is_(None) & (ticket.created > now() - LOGIN)
        with self._read() as db:
            return db.scalar(sa.select(ticket.place).where(wanted))
