"""What the store raises when it cannot be used, instead of the errors of SQLAlchemy and the operating system."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import sqlalchemy as sa

Reason = Literal["unreachable", "full", "newer", "damaged", "read_only"]

_SENTENCES: dict[Reason, str] = {
    "unreachable": "The store{place} cannot be reached: {detail}.",
    "full": "The store{place} is full: {detail}.",
    "newer": "The store{place} is of a newer nnlab: {detail}.",
    "damaged": "The store{place} is damaged: {detail}.",
    "read_only": "The store{place} cannot be written: {detail}.",
}
_SQLITE: dict[str, Reason] = {  # by the beginning of the error's name; the longest one counts
    "SQLITE_BUSY": "unreachable",
    "SQLITE_LOCKED": "unreachable",
    "SQLITE_PROTOCOL": "unreachable",
    "SQLITE_CANTOPEN": "unreachable",
    "SQLITE_IOERR": "unreachable",
    "SQLITE_IOERR_CORRUPTFS": "damaged",
    "SQLITE_IOERR_SHMSIZE": "full",
    "SQLITE_IOERR_WRITE": "full",  # over a quota
    "SQLITE_FULL": "full",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_NOTADB": "damaged",
    "SQLITE_READONLY": "read_only",
    "SQLITE_READONLY_DBMOVED": "unreachable",
}
_POSTGRESQL: dict[str, Reason] = {  # by the beginning of the SQLSTATE
    "08": "unreachable",  # connection exception
    "25006": "read_only",
    "25P03": "unreachable",  # silent for too long within a transaction
    "28": "unreachable",  # the user or the password is refused
    "3D000": "unreachable",  # no such data base
    "40": "unreachable",  # deadlock, serialization: another attempt may succeed
    "42501": "read_only",  # insufficient privilege
    "53": "unreachable",  # memory, connections
    "53100": "full",
    "55P03": "unreachable",  # locked for too long
    "57014": "unreachable",  # cancelled by a time limit
    "57P": "unreachable",  # shut down or starting
    "58": "unreachable",  # of the operating system
    "XX001": "damaged",
    "XX002": "damaged",
}
_SYSTEM: dict[int | None, Reason] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
    errno.EROFS: "read_only",
}


class StoreUnavailable(Exception):
    """The store cannot be read or written.

    Parameters
    ----------
    reason : {"unreachable", "full", "newer", "damaged", "read_only"}
        The first two may pass by themselves.
    sentence : str
        What happened, without passwords.
    """

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(reason, sentence)
        self.reason, self.sentence = reason, sentence

    def __str__(self) -> str:
        return self.sentence

    @property
    def may_pass(self) -> bool:
        """Whether the same call may succeed later without anybody's doing."""
        return self.reason in ("unreachable", "full")


def unavailable(reason: Reason, address: sa.URL, detail: object) -> StoreUnavailable:
    """A StoreUnavailable whose sentence names the data base without user and password."""
    place = "/".join(filter(None, (address.host, address.database)))
    text = next(iter(str(detail).splitlines()), "").strip().rstrip(".")
    if address.password:
        text = text.replace(str(address.password), "***")
    sentence = _SENTENCES[reason].format(place=place and f" {place}", detail=text)
    return StoreUnavailable(reason, sentence.encode(errors="replace").decode())  # a path may be in another encoding


def reason_of(error: BaseException) -> Reason | None:
    """Why the store cannot be used; None if the error is not about that, as a violated constraint."""
    if isinstance(error, sqlite3.Error):
        return _longest(_SQLITE, getattr(error, "sqlite_errorname", ""))
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno, "unreachable")
    if isinstance(error, ImportError | sa.exc.NoSuchModuleError | sa.exc.TimeoutError):
        return "unreachable"  # no driver; too many threads want a connection
    state: str | None = getattr(error, "sqlstate", None)
    if state is None:
        lost = type(error).__module__.startswith("psycopg") and type(error).__name__
        return "unreachable" if lost in ("OperationalError", "InterfaceError", "ConnectionTimeout") else None
    return _longest(_POSTGRESQL, state)


def watch(engine: sa.Engine) -> None:
    """Let the engine raise StoreUnavailable where the data base cannot be used."""

    @sa.event.listens_for(engine, "handle_error")
    def _handle(context: sa.engine.ExceptionContext) -> StoreUnavailable | None:
        error = context.original_exception
        reason = None if context.is_pre_ping else reason_of(error)  # after a failed ping SQLAlchemy connects again
        if reason is None:
            return None
        if reason == "damaged" or _name(error).startswith(("SQLITE_IOERR", "SQLITE_READONLY_DBMOVED")):
            context.is_disconnect = True  # the file may have been replaced: open it again
        return unavailable(reason, engine.url, error)


@contextmanager
def translated(address: sa.URL) -> Iterator[None]:
    """Raise StoreUnavailable for what the engine does not report: files, folders, drivers, too many connections."""
    try:
        yield
    except (OSError, ImportError, sqlite3.Error, sa.exc.NoSuchModuleError, sa.exc.TimeoutError) as error:
        if (reason := reason_of(error)) is None:
            raise
        raise unavailable(reason, address, getattr(error, "strerror", None) or error) from error


def _name(error: BaseException) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _longest(reasons: dict[str, Reason], name: str) -> Reason | None:
    return reasons.get(max((one for one in reasons if name.startswith(one)), key=len, default=""))
