"""One place for the `NNLAB_*` settings. All are optional."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from platformdirs import user_data_path


class SettingsError(ValueError):
    """An invalid setting: its name, its value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """The settings of a deployment. Times are in seconds."""

    home: Path  # folder of the data base, of downloaded data sets and of the compiled engine
    data_dir: Path  # folder with one folder for each data set (`mnist/`)
    database_url: str = field(repr=False)  # it may contain a password
    scheduler: str | None  # address of a Dask scheduler; None starts a local cluster
    workers: int
    max_parameters: int = 2_000_000  # of one replicate
    max_samples: int = 60_000
    max_epochs: int = 5_000
    max_seeds: int = 100
    max_network_epochs: int = 20_000_000  # of a comparison: 40 cells × 100 seeds × 5,000 epochs, 640 MB of curves
    max_seconds: int = 1_800  # training time of one run
    worker_memory_mb: int = 0  # 0: this machine's memory, divided by the workers
    max_waiting: int = 500  # waiting and running runs of one visitor
    stale_after: int = 15  # a running job without a heartbeat for so long counts as interrupted
    max_visitor_mb: int = 2_000  # of the disk: runs of one visitor
    max_store_mb: int = 20_000  # the whole data base
    thin_after_days: int = 1  # runs that have not changed for so long keep fewer snapshots of their weights
    draft_days: int = 1  # so long what was trained on Play stays
    max_drafts: int = 50  # finished ones of a visitor
    purge_after_days: int = 7  # deleted runs are removed for good, stopped ones lose what more epochs need
    auth: Literal["none", "code", "oidc"] = "none"  # who a visitor is: a browser, a nickname with a code, or a login
    teachers: tuple[str, ...] = ()  # names (code) or e-mail addresses (oidc)
    admins: tuple[str, ...] = ()  # as teachers; they are teachers of all classes
    metrics: str | None = None  # `host:port` on which health and metrics are served
    log: Literal["text", "json"] = "text"
    warm: bool = True  # whether workers start with the first page; with NNLAB_WARM=0 they start with the first job


_LOWEST = {"worker_memory_mb": 500}  # PyTorch alone takes 400


def _whole(name: str, default: int, low: int = 1, high: int = 10**9) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise SettingsError(f"{name}: got {text[:60]!r}, allowed is a whole number from {low} to {high}.")
    return int(text)


def _choice(name: str, *allowed: str) -> Any:
    text = os.environ.get(name, "").strip() or allowed[0]
    if text not in allowed:
        raise SettingsError(f"{name}: got {text[:60]!r}, allowed is {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return text


def _names(name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in os.environ.get(name, "").split(",") if one.strip())


def _address(name: str) -> str | None:
    text = os.environ.get(name, "").strip()
    if text and not re.fullmatch(r"[^:\s]*:[0-9]{1,5}", text):
        raise SettingsError(f"{name}: got {text[:60]!r}, allowed is host:port, as 127.0.0.1:9100.")
    return text or None


def _folder(name: str, default: Callable[[], Path]) -> Path:
    text = os.environ.get(name, "")
    try:
        return Path(text or default()).expanduser().resolve()
    except (RuntimeError, OSError):  # no such user, links in a circle
        got = f"got {text[:60]!r}" if text else "this user has no home folder (HOME is not set)"
        raise SettingsError(f"{name}: {got}, allowed is the path of a folder.") from None


def sqlite_url(path: Path) -> str:
    """The address of a file; `nnlab.store.connect` reads it."""
    return "sqlite:///" + quote(str(path), errors="surrogateescape")


def load_settings() -> Settings:
    """The settings as the environment gives them now. Raises SettingsError."""
    home = _folder("NNLAB_HOME", lambda: user_data_path("nnlab"))
    data_dir = _folder("NNLAB_DATA_DIR", lambda: home / "data")
    return Settings(
        home=home,
        data_dir=data_dir,
        database_url=os.environ.get("NNLAB_DATABASE_URL") or sqlite_url(home / "nnlab.db"),
        scheduler=os.environ.get("NNLAB_SCHEDULER") or None,
        workers=_whole("NNLAB_WORKERS", max(1, min(4, os.cpu_count() or 1)), high=1000),
        **{
            field.name: _whole(f"NNLAB_{field.name.upper()}", field.default, _LOWEST.get(field.name, 1))
            for field in fields(Settings)
            if type(field.default) is int
        },
        auth=_choice("NNLAB_AUTH", "none", "code", "oidc"),
        teachers=_names("NNLAB_TEACHERS"),
        admins=_names("NNLAB_ADMINS"),
        metrics=_address("NNLAB_METRICS"),
        log=_choice("NNLAB_LOG", "text", "json"),
        warm=_whole("NNLAB_WARM", 1, low=0, high=1) == 1,
    )


settings = cache(load_settings)
"""The settings of this process, read once."""
