"""The queue: its order, who works on which run, and what a run is requested to do.

`claim` gives a worker the attempt's token. Every write of a worker names the token, so that an attempt that was
replaced, because its worker seemed dead, cannot write any more.
"""

import json
import math
import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import sqlalchemy as sa

from nnlab.engines.base import ALGORITHM
from nnlab.spec import Experiment
from nnlab.store import schema
from nnlab.store.budget import CHECKPOINT_BYTES
from nnlab.store.equal_runs import finished_equal, give_results
from nnlab.store.order import Place, Unfinished, in_order, to_yield
from nnlab.store.processes import is_here, maybe_alive, older, this_process
from nnlab.store.readable import readable
from nnlab.store.runs import SINCE, Run, RunStore, UnknownRun, col, seconds_left
from nnlab.store.schema import UNFINISHED, RequestedAction, State, new_id, now, runs_table
from nnlab.store.stored import copied, drop_unused, has_checkpoint, last_becomes_step, measure

MANY = 100  # unfinished runs from which their order is not read anew for every page
MAX_ATTEMPTS = 3  # a run whose worker died this often without a further epoch is marked interrupted, not tried again


class Lost(RuntimeError):
    """The attempt no longer owns its run: stop working, write nothing."""


@dataclass(frozen=True)
class Counts:
    """The number of running and waiting runs, of all owners and of one."""

    running: int
    waiting: int
    mine_running: int
    mine_waiting: int


class QueuedJob(NamedTuple):
    """A waiting or running run, its place in the order and the seconds that are left of it."""

    place: Place
    seconds: float  # an estimate


class RunQueue(RunStore):
    """The runs of a data base and their queue."""

    _waiting: tuple[float, list[Place]] = (-math.inf, [])  # the waiting runs in their order, and until when it serves

    def queue(self) -> list[str]:
        """The ids of the waiting runs that a worker may take, next one first; see `in_order`."""
        with self._read() as db:
            return [one.id for one in _places(db) if one.waits and not one.follows]

    def jobs(self) -> list[QueuedJob]:
        """The running runs, then the waiting ones in their order."""
        names = ("id", "experiment", "seeds", "state", "epoch", "epochs", "pace", "loading")
        with self._read() as db:
            places = _places(db)
            rows = db.execute(sa.select(SINCE, *(col[name] for name in names)).where(col.state.in_(UNFINISHED)))
            left = dict(readable(lambda row: (row.id, seconds_left(row._mapping)), rows))
        return [QueuedJob(one, 0.0 if one.follows else left.get(one.id, 0.0)) for one in places]

    def served(self, owner: str) -> float:
        """When a worker last took a run of this owner; 0 if none did."""
        with self._read() as db:
            return _served(db, [owner]).get(owner, 0.0)

    def with_positions(self, runs: Sequence[Run]) -> list[Run]:
        """The same runs with their positions in the queue, or the runs that they follow."""
        if not any(run.state == "waiting" for run in runs):
            return list(runs)
        places = self._shown_order({run.id for run in runs if run.state == "waiting"})
        leaders = {one.id: one.leader for one in places if one.follows}
        positions = {one.id: i for i, one in enumerate((one for one in places if not one.follows), 1)}
        return [
            replace(run, position=positions.get(run.id), follows=leaders.get(run.id)) if run.state == "waiting" else run
            for run in runs
        ]

    def _shown_order(self, run_ids: set[str]) -> list[Place]:
        """The waiting runs, with these, in their order; of many that of a moment ago, read a tenth of the time."""
        until, places = self._waiting
        if time.monotonic() > until or not run_ids.issubset(one.id for one in places):
            began = time.monotonic()
            with self._read() as db:
                places = [one for one in _places(db) if one.waits]
            serves = 10 * (time.monotonic() - began) if len(places) > MANY else -math.inf
            self._waiting = time.monotonic() + serves, places
        return places

    def counts(self, owner: str | None = None, *, drafts: bool = True) -> Counts:
        """How many runs wait and run, in one query; with or without drafts."""
        query = sa.select(col.state, col.owner, sa.func.count().label("n")).where(col.state.in_(UNFINISHED))
        query = query if drafts else query.where(~col.draft)
        rows = self._rows(query.group_by(col.state, col.owner))
        running, waiting = (sum(row.n for row in rows if row.state == one) for one in ("running", "waiting"))
        mine = {row.state: row.n for row in rows if row.owner == owner}
        return Counts(running, waiting, mine.get("running", 0), mine.get("waiting", 0))

    def request(self, run_id: str, action: RequestedAction) -> None:
        """Request a run to pause or stop. A waiting run does so at once, a running one at its next write."""
        possible = ("waiting",) if action == "pause" else ("waiting", "paused", "interrupted")
        with self._write() as db:
            this = col.id == run_id
            row = db.execute(sa.select(col.state, col.epoch).where(this).with_for_update()).one_or_none()
            if row is None:
                raise UnknownRun(run_id)
            if row.state == "running":
                changes: dict[str, Any] = {"wish": action}
            elif row.state not in possible:
                return
            elif action == "stop" and row.epoch:  # a worker has to evaluate what was trained so far
                changes = {"state": "waiting", "wish": "stop", "queued": now()}
            else:
                changes = {"state": "paused" if action == "pause" else "stopped", "wish": None, "finished": now()}
                changes |= {"note": None}
            db.execute(runs_table.update().where(this).values(changes))

    def requeue(self, run_id: str) -> bool:
        """Queue a paused, interrupted, stopped or failed run again; False if it is in another state.

        It continues where it ended; where its checkpoint has been removed, it starts again."""
        with self._write() as db:
            this = runs_table.update().where(col.id == run_id)
            row = db.execute(sa.select(runs_table).where(col.id == run_id).with_for_update()).one_or_none()
            if row and row.state in ("paused", "interrupted", "stopped", "failed"):
                start_over = row.epoch > 0 and not has_checkpoint(db, row.data)
                start = {"data": new_id(), "epoch": 0, "extended": False, "size": 0} if start_over else {}
                db.execute(this.values(_queued_values() | start))
                if start_over:
                    drop_unused(db, [row.data])
                else:
                    _keep_on_the_way(db, row, row.data)
                return True
            # a pause was requested and has not happened yet: withdraw it
            db.execute(this.where(col.state == "running", col.deleted.is_(None)).values(wish=None))
        return False

    def can_continue(self, run_id: str) -> bool:
        """Whether a run has a checkpoint, or has not begun."""
        with self._read() as db:
            row = db.execute(sa.select(col.epoch, col.data).where(col.id == run_id)).one_or_none()
            return row is not None and (row.epoch == 0 or has_checkpoint(db, row.data))

    def extend(self, run_id: str, experiment: Experiment) -> bool:
        """Queue a run again with the epochs of `experiment`; False while it is waiting or running, and without a
        checkpoint."""
        with self._write() as db:
            row = db.execute(sa.select(runs_table).where(col.id == run_id).with_for_update()).one()
            if row.state in UNFINISHED or (row.epoch and not has_checkpoint(db, row.data)):
                return False
            data = row.data
            copies = sa.select(col.id).where(col.data == data, col.id != run_id).limit(1)
            if db.execute(copies).first():  # from now on this run's curves and weights differ from those of its copies
                data = copied(db, data)
            _keep_on_the_way(db, row, data)
            train = experiment.train
            differs = row.epoch > 0 and (train.schedule != "constant" or train.patience > 0)
            changes = {
                "data": data,
                "experiment": experiment.to_json(),
                "key": experiment.key,
                "epochs": train.epochs,
                "extended": row.extended or differs,
            }
            db.execute(runs_table.update().where(col.id == run_id).values(_queued_values() | changes))
            measure(db, run_id)
        return True

    def create_claimed(self, experiment: Experiment, seeds: Sequence[int], owner: str, name: str) -> tuple[Run, str]:
        """A new run that this process trains at once, without the queue; and the attempt's token."""
        claim = _claim_values(this_process()) | {"claimed": None}
        return self.create_run(experiment, seeds, owner, name, **claim), claim["attempt"]

    def claim(self, run_id: str, worker: str = "") -> str | None:
        """Take a waiting run: the attempt's token, or None if another worker was faster."""
        with self._write() as db:
            return _claim(db, run_id, worker)

    def claim_next(self, worker: str = "") -> tuple[str, str] | None:
        """Take the first waiting run: its id and the attempt's token; None if none waits.

        A run whose equal was finished since it was queued is not trained: it gets those results."""
        with self._write() as db:
            if db.dialect.name == "postgresql":  # one after the other, so that of two equal runs one is taken
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7245502)"))
            while head := next((one for one in _places(db) if one.waits and not one.follows), None):
                alone = head.run.begun or not head.run.equal
                if equal := None if alone else db.scalar(finished_equal(head.id)):
                    give_results(db, equal)
                elif token := _claim(db, head.id, worker):
                    return head.id, token
        return None

    def heartbeat(
        self, run_id: str, attempt: str, *, loading: float | None = None, note: str | None = None
    ) -> RequestedAction | None:
        """Show that the worker is alive, and what delays the training; the requested action. Raises Lost.

        loading : the share done of what delays it.
        note : None while data is downloaded, "source" while the source experiment is trained, "compiling 4" while
            the engine is compiled: seconds left."""
        with self._write() as db:
            return self._update_claimed(db, run_id, attempt, loading=loading, note=note)[0]

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
    ) -> RequestedAction | None:
        """End an attempt; the action that is requested at its end. Raises Lost.

        state : "waiting" if it yields, so that a worker continues it later.
        requested : the action that ends it. If another was requested meanwhile, the run is queued again."""
        outcomes = (results or {}).get("outcomes")
        kept = results and {name: value for name, value in results.items() if name != "outcomes"}
        text = None if results is None else json.dumps(kept, allow_nan=False)
        with self._write() as db:
            action, data = self._update_claimed(db, run_id, attempt, worker=None, loading=None)
            this = runs_table.update().where(col.id == run_id)
            if requested is not None and action != requested:
                wish = None if action == "yield" else action
                db.execute(this.values(state="waiting", attempts=0, note=None, wish=wish))
                return action
            if state == "waiting":
                once_less = sa.case((col.attempts > 0, col.attempts - 1), else_=0)
                db.execute(this.values(state=state, attempts=once_less, note="yielded", wish=None))
                return action
            end = {"state": state, "error": error, "note": note, "results": text, "finished": now()}
            db.execute(this.values(wish=None, **end))
            db.execute(schema.outcomes_table.delete().filter_by(data=data))
            if outcomes:
                db.execute(schema.outcomes_table.insert().values(data=data, content=json.dumps(outcomes)))
            if state == "finished":
                content = schema.checkpoints_table.c
                large = (content.data == data) & (sa.func.length(content.content) > CHECKPOINT_BYTES)
                db.execute(schema.checkpoints_table.delete().where(large))
                give_results(db, run_id)
            measure(db, run_id)
        return action

    def make_room(self) -> bool:
        """Request long runs to yield to waiting short ones; call it while no worker is free. True if any yields."""
        with self._read() as db:
            found = to_yield(*_order(db))
        return bool(found and self._request_yield(found, queued=now()))  # from now on behind their equals

    def lend_worker(self, workers: Collection[str] | None = None) -> bool:
        """Request one running run of these workers (None: of any) to yield to a task that is no run; it continues next.
        True if one does."""
        with self._read() as db:
            these = sa.select(col.id).where(col.state == "running", col.worker.in_(workers or ()))
            ours = None if workers is None else set(db.scalars(these))
            running = [
                one.run for one in _places(db) if one.run.claimed is not None and (ours is None or one.id in ours)
            ]
        if any(run.yielding for run in running):
            return True
        longest = max(running, key=lambda run: run.trained, default=None)
        return bool(longest and self._request_yield([longest.id]))

    def _request_yield(self, run_ids: Sequence[str], **changes: Any) -> int:
        free = runs_table.update().where(col.id.in_(run_ids), col.state == "running", col.wish.is_(None))
        return self._change(free.values(wish="yield", **changes))

    def release_dead(self, stale_after: float, server_began: float = -math.inf, note: str | None = None) -> list[str]:
        """Queue the runs of dead workers again, or mark them interrupted after MAX_ATTEMPTS; their ids.

        A worker is dead if its process on this machine is gone, or `stale_after` seconds after its last heartbeat. It
        has as long again after the store was unavailable here: it may not have reached the store either.

        server_began : seconds since 1970; workers of this machine that are older ended with an earlier server, which
            does not count against their runs.
        note : that of interrupted runs of this machine: "memory" if processes were killed for want of it."""
        released, silent = [], (now() - col.heartbeat).label("silent")
        query = sa.select(col.id, col.attempt, col.attempts, col.worker, col.heartbeat, silent)
        for row in self._rows(query.where(col.state == "running")):
            stale = row.silent >= stale_after and time.monotonic() - self._failed >= stale_after
            if not stale and maybe_alive(row.worker):
                continue
            attempts = row.attempts - older(row.worker, server_began)
            changes: dict[str, Any] = {"state": "waiting", "attempts": attempts, "note": None}
            changes["wish"] = sa.case((col.wish == "yield", None), else_=col.wish)
            if attempts >= MAX_ATTEMPTS:
                changes |= {"state": "interrupted", "wish": None, "finished": now()}
                changes["note"] = note if is_here(row.worker) else None
            # it may have ended, or shown that it is alive, since it was read
            same = (col.attempt == row.attempt) & (col.state == "running") & (col.heartbeat == row.heartbeat)
            this = runs_table.update().where(col.id == row.id, same)
            if self._change(this.values(attempt=None, worker=None, loading=None, **changes)):
                released.append(row.id)
        return released

    def _update_claimed(
        self, db: sa.Connection, run_id: str, attempt: str, **changes: Any
    ) -> tuple[RequestedAction | None, str]:
        """Every write of a worker starts here: the requested action and the id of the run's data.

        Raises Lost unless the attempt owns the run."""
        this = runs_table.update().where(col.id == run_id, col.attempt == attempt, col.state == "running")
        values = {"heartbeat": now()} | changes
        row = db.execute(this.values(values).returning(col.wish, col.data)).one_or_none()
        if row is None:
            raise Lost(run_id)
        return row.wish, row.data


def _keep_on_the_way(db: sa.Connection, row: sa.Row[Any], data: str) -> None:
    """Keep the last weights of a run that continues; with early stopping they may be those of another epoch."""
    if row.state in ("finished", "stopped") and not json.loads(row.experiment)["train"].get("patience"):
        last_becomes_step(db, data)


def _order(db: sa.Connection) -> tuple[list[Place], float]:
    """The waiting and running runs in their order, and the time."""
    names = ("id", "owner", "queued", "state", "claimed", "seconds", "stepped", "draft", "quick", "wish", "epoch")
    columns = [col[name] for name in (*names, "key", "seeds", "algorithm", "extended", "deleted")]
    time = sa.select(now()).scalar_subquery().label("time")  # a subquery, so that all rows have the same
    rows = db.execute(sa.select(time, *columns).where(col.state.in_(UNFINISHED))).all()
    moment, served = rows[0].time if rows else 0.0, _served(db, {row.owner for row in rows})
    return in_order((_unfinished(row, served.get(row.owner, 0.0)) for row in rows), moment), moment


def _places(db: sa.Connection) -> list[Place]:
    return _order(db)[0]


def _served(db: sa.Connection, owners: Iterable[str]) -> dict[str, float]:
    """When a worker last took a run of each owner, drafts aside."""
    taken = sa.select(sa.func.max(col.claimed)).where(~col.draft)
    return {owner: when for owner in owners if (when := db.scalar(taken.where(col.owner == owner)))}


def _unfinished(row: sa.Row[Any], served: float) -> Unfinished:
    running = row.state == "running"
    shared = not row.extended and row.deleted is None and row.wish in (None, "yield")
    shared = shared and (row.epoch == 0 or row.algorithm == ALGORITHM)
    return Unfinished(
        row.id,
        row.owner,
        row.queued,
        served,
        running=running,
        claimed=row.claimed if running else None,
        trained=row.seconds,
        stepped=row.stepped or 0.0,
        quick=row.draft and row.quick,
        ending=not running and row.wish is not None,
        yielding=row.wish == "yield",
        begun=row.epoch > 0,
        equal=f"{row.key} {row.seeds}" if shared else None,
    )


def _claim(db: sa.Connection, run_id: str, worker: str) -> str | None:
    """Take a waiting run: the attempt's token, or None if it does not wait any more."""
    values = _claim_values(worker or this_process())
    again = {"attempts": col.attempts + 1, "started": sa.func.coalesce(col.started, values["started"])}
    again["algorithm"] = sa.case((col.epoch == 0, ALGORITHM), else_=col.algorithm)  # that begins it
    this = runs_table.update().where(col.id == run_id, col.state == "waiting")
    token: str = values["attempt"]
    return token if db.execute(this.values(values | again)).rowcount else None


def _queued_values() -> dict[str, Any]:
    """The columns of a run that enters the queue again."""
    empty = dict.fromkeys(("wish", "error", "note", "results", "finished"))
    return empty | {"state": "waiting", "attempts": 0, "queued": now()}


def _claim_values(worker: str) -> dict[str, Any]:
    values = {"state": "running", "attempt": secrets.token_hex(16), "attempts": 1, "worker": worker, "thinned": False}
    times = dict.fromkeys(("heartbeat", "stepped", "started", "claimed"), now())
    return values | times | {"finished": None, "loading": None, "pace": None}
