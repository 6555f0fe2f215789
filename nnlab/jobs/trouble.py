"""Why runs wait though they are first in the queue, as a value that any language can put into one sentence."""

import errno
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "missing", "dying", "unreachable", "certificate", "store", "full", "other_store", "other_version", "broken"
]

_SENTENCES: dict[Kind, str] = {
    "missing": "{running} of {wanted} workers are running; the others are being started.",
    "dying": "The workers end again and again ({detail}); they are started again, with growing pauses.",
    "unreachable": "The workers cannot be reached: {detail}; this is tried again.",
    "certificate": "The scheduler lets nobody in without its certificate: {detail} Set "
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY on this server.",
    "store": "The data base cannot be used: {detail}",
    "full": "No space is left on the disk: {detail}",
    "other_store": "A worker uses another data base: {detail}",
    "other_version": "A worker has another version of nnlab: {detail}",
    "broken": "A worker cannot work: {detail}",
}


class Trouble(NamedTuple):
    """What is wrong with the workers; everything that can mend itself is tried again."""

    kind: Kind
    detail: str = ""  # in English, of the error
    running: int = 0  # workers
    wanted: int = 0

    def __str__(self) -> str:
        return _SENTENCES[self.kind].format(**self._asdict())


class WorkerError(RuntimeError):
    """A worker cannot work; `trouble` says why. It travels from the worker to the dispatcher."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.trouble = Trouble(kind, detail)

    def __reduce__(self) -> tuple[Any, ...]:
        return WorkerError, (self.trouble.kind, self.trouble.detail)


def trouble_of(error: BaseException, otherwise: Kind) -> Trouble:
    """What an error means for those who wait."""
    if isinstance(error, WorkerError):
        return error.trouble
    name = "" if otherwise == "store" else f"{type(error).__name__}: "
    detail = " ".join(f"{name}{error}".split())[:300]
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Trouble("full" if full else otherwise, detail)
