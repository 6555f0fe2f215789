"""The queue: its order, who works on which run, and what a run is requested to do.

`claim` gives a worker the attempt's token. Every write of a worker names the token, so that an attempt that was
replaced, because its worker seemed dead, cannot write any more.
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import psutil
import sqlalchemy as sa

from nnlab.spec import Experiment
from nnlab.store.runs import Run, RunStore, UnknownRun, col, data_of, new_run_values
from nnlab.store.schema import (
    DATA_TABLES,
    UNFINISHED,
    RequestedAction,
    State,
    new_id,
    runs_table,
    snapshots_table,
)

MAX_ATTEMPTS = 3
"""A run whose worker died this often is marked interrupted and not tried again."""

_QUEUED: dict[str, Any] = {
    "state": "waiting",
    "wish": None,
    "error": None,
    "note": None,
    "results": None,
    "finished": None,
    "attempts": 0,
}


class Lost(RuntimeError):
    """The attempt no longer owns its run: stop working, write nothing."""


@dataclass(frozen=True)
class Counts:
    """The number of running and waiting runs, of all owners and of one."""

    running: int
    waiting: int
    mine_running: int
    mine_waiting: int


class RunQueue(RunStore):
    """The runs of a data base and their queue."""

    def queue(self) -> list[str]:
        """The ids of the waiting runs, next one first.

        Owners with fewer runs go first: a run's rank is the number of unfinished runs its owner had when it was
        queued. Among equal ranks the one that has waited longest goes first."""
        query = sa.select(col.id).where(col.state == "waiting").order_by(col.rank, col.queued, col.id)
        with self._read() as db:
            return list(db.execute(query).scalars())

    def with_positions(self, runs: Sequence[Run]) -> list[Run]:
        """The same runs with their positions in the queue."""
        if not any(run.state == "waiting" for run in runs):
            return list(runs)
        positions = {run_id: i for i, run_id in enumerate(self.queue(), 1)}
        return [replace(run, position=positions.get(run.id)) if run.state == "waiting" else run for run in runs]

    def counts(self, owner: str | None = None) -> Counts:
        """How many runs wait and run, in one query."""
        query = sa.select(col.state, col.owner, sa.func.count()).where(col.state.in_(UNFINISHED))
        with self._read() as db:
            rows = db.execute(query.group_by(col.state, col.owner)).all()
        running, waiting = (sum(n for state, _, n in rows if state == one) for one in ("running", "waiting"))
        mine = {state: n for state, who, n in rows if who == owner}
        return Counts(running, waiting, mine.get("running", 0), mine.get("waiting", 0))

    def request(self, run_id: str, action: RequestedAction) -> None:
        """Request a run to pause or stop. A waiting run does so at once, a running one at its next write."""
        now = time.time()
        with self._write() as db:
            this = col.id == run_id
            row = db.execute(sa.select(col.state, col.epoch).where(this).with_for_update()).one_or_none()
            if row is None:
                raise UnknownRun(run_id)
            if row.state == "running":
                changes: dict[str, Any] = {"wish": action}
            elif action == "pause" and row.state == "waiting":
                changes = {"state": "paused", "wish": None, "finished": now}
            elif action == "stop" and row.state in ("waiting", "paused", "interrupted"):
                if row.epoch:  # a worker has to evaluate what was trained so far
                    changes = {"state": "waiting", "wish": "stop", "queued": now, "rank": 0}
                else:
                    changes = {"state": "stopped", "wish": None, "finished": now}
            else:
                return
            db.execute(runs_table.update().where(this).values(changes))

    def delete(self, run_id: str) -> None:
        """Hide a run, and stop it if it is unfinished; `restore` undoes it until it is purged."""
        self._update(run_id, deleted=time.time())
        self.request(run_id, "stop")

    def requeue(self, run_id: str) -> bool:
        """Queue a paused, interrupted, stopped or failed run again; False if it is in another state."""
        with self._write() as db:
            done = db.execute(
                runs_table.update()
                .where(col.id == run_id, col.state.in_(("paused", "interrupted", "stopped", "failed")))
                .values(_QUEUED | {"queued": time.time(), "rank": self._rank(db, run_id)})
            ).rowcount
            if not done:  # a pause was requested and has not happened yet: withdraw it
                this = (col.id == run_id, col.state == "running", col.deleted.is_(None))
                db.execute(runs_table.update().where(*this).values(wish=None))
        return bool(done)

    def extend(self, run_id: str, experiment: Experiment) -> bool:
        """Queue a run again with the epochs of `experiment`; False while it is waiting or running."""
        with self._write() as db:
            row = db.execute(sa.select(runs_table).where(col.id == run_id).with_for_update()).mappings().one()
            if row["state"] in UNFINISHED:
                return False
            data = row["data"]
            shared = sa.select(col.id).where(col.data == data, col.id != run_id).limit(1)
            if db.execute(shared).first():  # from now on this run's curves and weights differ from those of its copies
                data = new_id()
                for table in DATA_TABLES:
                    others = [column for column in table.c if column.name != "data"]
                    copied = sa.select(sa.literal(data), *others).where(table.c.data == row["data"])
                    db.execute(table.insert().from_select(["data", *(c.name for c in others)], copied))
            train = experiment.train
            differs = row["epoch"] > 0 and (train.schedule != "constant" or train.patience > 0)
            changes = {
                "data": data,
                "experiment": experiment.to_json(),
                "key": experiment.key,
                "epochs": train.epochs,
                "extended": bool(row["extended"] or differs),
                "queued": time.time(),
                "rank": self._rank(db, run_id),
            }
            db.execute(runs_table.update().where(col.id == run_id).values(_QUEUED | changes))
        return True

    def create_claimed(self, experiment: Experiment, seeds: Sequence[int], owner: str, name: str) -> tuple[Run, str]:
        """A new run that this process trains at once, without the queue; and the attempt's token."""
        values = new_run_values(experiment, seeds, owner, name) | _claim_values(this_process())
        with self._write() as db:
            db.execute(runs_table.insert().values(values))
        return self._known(values["id"]), values["attempt"]

    def claim(self, run_id: str, worker: str = "") -> str | None:
        """Take a waiting run: the attempt's token, or None if another worker was faster."""
        values = _claim_values(worker or this_process())
        token: str = values["attempt"]
        values |= {"attempts": col.attempts + 1, "started": sa.func.coalesce(col.started, values["started"])}
        this = (col.id == run_id, col.state == "waiting")
        with self._write() as db:
            done = db.execute(runs_table.update().where(*this).values(values)).rowcount
        return token if done else None

    def heartbeat(
        self, run_id: str, attempt: str, *, loading: float | None = None, note: str | None = None
    ) -> RequestedAction | None:
        """Show that the worker is alive, and what delays the training (see Run); the requested action. Raises Lost."""
        with self._write() as db:
            return self._update_claimed(db, run_id, attempt, loading=loading, note=note)

    def finish(
        self,
        run_id: str,
        attempt: str,
        state: State,
        *,
        requested: RequestedAction | None = None,
        error: str | None = None,
        note: str | None = None,
        results: Mapping[str, Any] | None = None,
    ) -> None:
        """End an attempt. Raises Lost.

        requested : the action that ends it. If another was requested meanwhile, the run returns to the queue instead.
        """
        text = None if results is None else json.dumps(results, allow_nan=False)
        with self._write() as db:
            if requested is not None and self._update_claimed(db, run_id, attempt) != requested:
                changes: dict[str, Any] = {"state": "waiting", "attempts": 0, "worker": None}
                self._update_claimed(db, run_id, attempt, **changes, loading=None, note=None)
                return
            changes = {"state": state, "error": error, "note": note, "results": text, "finished": time.time()}
            self._update_claimed(db, run_id, attempt, wish=None, worker=None, loading=None, **changes)
            if state in ("finished", "stopped"):  # the snapshot "last" replaces it
                live = (snapshots_table.c.data == data_of(run_id), snapshots_table.c.kind == "live")
                db.execute(snapshots_table.delete().where(*live))

    def release_dead(self, stale_after: float) -> list[str]:
        """Queue the runs of dead workers again, or mark them interrupted after MAX_ATTEMPTS; their ids.

        A worker is dead if its process on this machine is gone, or `stale_after` seconds after its last heartbeat."""
        with self._read() as db:
            query = sa.select(col.id, col.attempt, col.attempts, col.worker, col.heartbeat)
            rows = db.execute(query.where(col.state == "running")).all()
        now, released = time.time(), []
        for row in rows:
            if now - (row.heartbeat or 0) < stale_after and _maybe_alive(row.worker or ""):
                continue
            changes: dict[str, Any] = {"attempt": None, "worker": None, "loading": None, "note": None}
            if row.attempts >= MAX_ATTEMPTS:
                changes |= {"state": "interrupted", "wish": None, "finished": now}
            else:
                changes["state"] = "waiting"  # its rank and its requested action stay
            this = (col.id == row.id, col.attempt == row.attempt)
            with self._write() as db:
                if db.execute(runs_table.update().where(*this).values(changes)).rowcount:
                    released.append(row.id)
        return released

    def _update_claimed(self, db: sa.Connection, run_id: str, attempt: str, **changes: Any) -> RequestedAction | None:
        """Every write of a worker starts here: it fails with Lost unless the attempt owns the run."""
        query = (
            runs_table.update()
            .where(col.id == run_id, col.attempt == attempt, col.state == "running")
            .values({"heartbeat": time.time()} | changes)
            .returning(col.wish)
        )
        row = db.execute(query).one_or_none()
        if row is None:
            raise Lost(run_id)
        action: RequestedAction | None = row.wish
        return action

    def _rank(self, db: sa.Connection, run_id: str) -> int:
        owner = db.execute(sa.select(col.owner).where(col.id == run_id)).scalar()
        return 0 if owner is None else self._unfinished(db, owner)


def _claim_values(worker: str) -> dict[str, Any]:
    now = time.time()
    values = {"state": "running", "attempt": secrets.token_hex(16), "attempts": 1, "worker": worker}
    return values | {"heartbeat": now, "stepped": now, "started": now, "finished": None, "loading": None, "pace": None}


@lru_cache(maxsize=1)
def _machine() -> str:
    """This machine; a container with its own process numbers counts as one."""
    try:
        return f"{socket.gethostname()}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def this_process() -> str:
    """The worker's name: machine, process number and start time (process numbers are used again)."""
    return f"{_machine()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def _maybe_alive(worker: str) -> bool:
    """False if the process is on this machine and gone."""
    machine, _, rest = worker.partition("/")
    pid, _, began = rest.partition("/")
    if machine != _machine() or not pid.isdigit():
        return True
    try:
        process = psutil.Process(int(pid))
        return bool(abs(process.create_time() - float(began)) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
