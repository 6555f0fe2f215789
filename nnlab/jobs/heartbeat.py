"""A run's heartbeat while its worker trains, and how often something costly is done meanwhile."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nnlab.jobs.retry import Retry
from nnlab.store import Lost, RequestedAction, Store, StoreUnavailable

log = logging.getLogger("nnlab.jobs.heartbeat")

BEAT_EVERY = 0.5  # seconds
Made = TypeVar("Made")


@dataclass
class Throttle:
    """Allows something every `every` seconds, and more rarely if it is slow: it takes at most a tenth of the time."""

    every: float
    last: float = -math.inf
    cost: float = 0.0  # seconds it took the last time

    def when_due(self, make: Callable[[], Made]) -> Made | None:
        """What `make` returns; None if it is too early to call it."""
        began = time.monotonic()
        if began - self.last < max(self.every, 10 * self.cost):
            return None
        made = make()
        self.last, self.cost = began, time.monotonic() - began
        return made


class Heartbeat:
    """A thread that writes a run's heartbeat and reads the requested action while an epoch or a download is long."""

    def __init__(self, store: Store, run_id: str, attempt: str, retry: Retry) -> None:
        self.store, self.run_id, self.attempt, self.retry = store, run_id, attempt, retry
        self.action: RequestedAction | None = None
        self.loading: float | None = None
        self.note: str | None = None
        self.written = -math.inf  # when the job itself wrote last; that counts as a heartbeat
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="nnlab-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self.action = self.retry(self.store.heartbeat, self.run_id, self.attempt)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_EVERY):
            if time.monotonic() - self.written < BEAT_EVERY:
                continue
            try:
                self.action = self.store.heartbeat(self.run_id, self.attempt, loading=self.loading, note=self.note)
            except Lost:
                return  # the next write of the job raises it
            except StoreUnavailable:
                pass  # the next beat tries again; what the job writes is repeated and logged
            except Exception:
                log.exception("the heartbeat of run %s could not be written", self.run_id, extra={"run": self.run_id})
