"""What nnlab's processes log: lines of text, or with NNLAB_LOG=json one JSON object a line on standard error.

An object has `time`, `level`, `logger`, `process` (web, supervisor or worker), `message`, and where they apply `event`,
`run` and `error`. It has no personal data: no names, codes, cookies, addresses of visitors, and nothing of an
experiment. So of an exception it has the type and where it was raised, but not its text, which may repeat what somebody
typed; what other libraries log loses everything that looks like such a thing.
"""

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from nnlab.settings import settings

_IDS = re.compile(r"\b[vp]-[A-Za-z0-9_-]{16,}")  # of visitors and people
_MAIL = re.compile(r"[^\s@'\"<>()]+@[^\s@'\"<>()]+\.\w+")
_QUERY = re.compile(r"\?[^\s'\"]*")  # of an address: it may hold an experiment
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[?\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\]?(?::\d+)?", re.I)
_HIDDEN = "…"
_Error = tuple[type[BaseException], BaseException, TracebackType | None]


class Impersonal(JsonFormatter):
    """Writes records without personal data.

    Parameters
    ----------
    process : str
        What the process is: web, supervisor or worker.
    """

    def __init__(self, process: str) -> None:
        super().__init__("%(message)s", json_ensure_ascii=False)
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self.process,
            "event": getattr(record, "event", None),
            "run": getattr(record, "run", None),
            "message": _message(record),
            **(_error(record.exc_info) if record.exc_info and record.exc_info[0] else {}),
        }
        return str(self.serialize_log_record({name: value for name, value in fields.items() if value is not None}))


def _message(record: logging.LogRecord) -> str:
    arguments = record.args if isinstance(record.args, tuple) else ()
    told = tuple(_told(one) if isinstance(one, BaseException) else one for one in arguments)
    text = str(record.msg) % told if told else record.getMessage()
    for pattern in (_IDS, _MAIL, *(() if record.name.startswith("nnlab") else (_QUERY, _ADDRESS))):
        text = pattern.sub(_HIDDEN, text)
    return " ".join(text.split())


def _told(error: BaseException) -> str:
    """What may be said of an exception: its type, and the sentence of those that repeat nothing."""
    sentence = getattr(error, "sentence", None)  # of StoreUnavailable
    return f"{type(error).__name__}: {sentence}" if isinstance(sentence, str) else type(error).__name__


def _error(info: _Error) -> dict[str, Any]:
    frames = traceback.extract_tb(info[2])
    return {"error": _told(info[1]), "where": [f"{one.filename}:{one.lineno} {one.name}" for one in frames]}


def set_up(process: str) -> None:
    """Have this process log as the settings say; call it again after a library has set up its own logging."""
    if settings().log != "json":
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Impersonal(process))
    logging.root.handlers[:] = [handler]
    logging.captureWarnings(True)
    logging.getLogger("nnlab").setLevel(logging.INFO)
    for name in list(logging.root.manager.loggerDict):
        if (logger := logging.getLogger(name)).handlers:  # one without is silent on purpose, as uvicorn's of requests
            through_root(logger)


def through_root(logger: logging.Logger) -> None:
    """Have a logger write nothing by itself."""
    logger.handlers.clear()
    logger.propagate = True
