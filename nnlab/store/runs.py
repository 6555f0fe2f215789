"""Runs, their curves and their weights: the one thing the web process and the workers share.

SQLAlchemy over SQLite (one file, WAL) or PostgreSQL, by URL. A worker owns a run by the token its claim gave it;
every write names the token, so that an attempt taken for dead, and replaced, cannot write any more.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import string
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import sqlalchemy as sa
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from sqlalchemy.dialects import postgresql, sqlite

from nnlab.engines.base import METRICS, Epoch, Weights
from nnlab.engines.costs import estimate_seconds
from nnlab.spec import Comparison, Experiment, Replicate, replicates

State = Literal["waiting", "running", "paused", "finished", "stopped", "failed", "interrupted"]
STATES: tuple[State, ...] = ("waiting", "running", "paused", "finished", "stopped", "failed", "interrupted")
UNFINISHED: tuple[State, ...] = ("waiting", "running")
Wish = Literal["pause", "stop"]
MAX_ATTEMPTS = 3
"""A run whose worker died so often is marked interrupted rather than tried again."""

VERSION = 2
"""Of the schema. A later change adds its step to `_MIGRATIONS`."""


class Lost(RuntimeError):
    """The run belongs to another attempt now, or to nobody: stop working on it, write nothing."""


class UnknownRun(KeyError):
    """There is no run of that id."""

    def __str__(self) -> str:
        return f"run: got '{self.args[0]}', allowed is the id of a run in the store."


# -- what comes out --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One experiment under some seeds, and how far it is."""

    id: str
    owner: str
    name: str
    experiment: Experiment
    seeds: tuple[int, ...]
    key: str
    state: State
    epoch: int
    """Epochs done."""
    epochs: int
    """Epochs wanted."""
    parameters: int
    """Of one replicate."""
    created: datetime
    started: datetime | None
    finished: datetime | None
    """When it came to its state, whatever that was."""
    seconds: float
    """Training time."""
    error: str | None
    """One sentence."""
    note: str | None
    """A code: "max_seconds" for why it ended where it did; "source" while what it starts from is being trained."""
    results: dict[str, Any] | None
    """`train`, `validation`, `test`: None, or figures by name, a list over the replicates each; `best_epoch`,
    `epochs`."""
    comparison: str | None
    wish: Wish | None
    """What it was asked to do and has not done yet."""
    progress: float
    """0 to 1; moves within an epoch too."""
    seconds_left: float | None
    """An estimate, while it runs."""
    loading: float | None
    """While its data is being downloaded, or what it starts from is being trained (see `note`): the share done."""
    deleted: bool
    extended: bool
    """Epochs were added to it, in a way that another run of the same experiment would not repeat."""
    attempts: int
    position: int | None = None
    """In the queue: 1 is next. Filled in by the lab."""

    @property
    def engine(self) -> str:
        return self.experiment.train.engine

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """The networks it trains, in the order of all lists and arrays over replicates."""
        return replicates(self.seeds, self.experiment.data.folds)

    @property
    def active(self) -> bool:
        """Waiting or running: worth looking again."""
        return self.state in UNFINISHED


@dataclass(frozen=True)
class MetricsTable:
    """The curves of a run as arrays."""

    seeds: tuple[int, ...]
    folds: int
    """0 for hold-out."""
    epochs: NDArray[np.int64]
    """(n,)"""
    values: NDArray[np.float64]
    """(n, 4, replicates), in the order of METRICS; nan where there is nothing."""
    lr: NDArray[np.float64]
    """(n,)"""
    seconds: NDArray[np.float64]
    """(n,) of each epoch, all replicates together."""


@dataclass(frozen=True)
class StoredComparison:
    """A comparison and the runs that answer it, in the order of its points."""

    id: str
    owner: str
    name: str
    comparison: Comparison
    created: datetime
    test_opened: datetime | None
    """When its owner looked at the test part, the first time."""
    cells: tuple[tuple[tuple[str, bool], ...], ...]
    """For every point its runs: id, and whether it had been there before."""

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run_id for cell in self.cells for run_id, _ in cell)


@dataclass(frozen=True)
class Counts:
    """How many runs there are in a state, of everybody and of one owner."""

    running: int
    waiting: int
    mine_running: int
    mine_waiting: int


# -- tables ----------------------------------------------------------------------------------------------------------

_meta = sa.MetaData()
_schema = sa.Table("nnlab_schema", _meta, sa.Column("version", sa.Integer, nullable=False))
_runs = sa.Table(
    "runs",
    _meta,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("data", sa.String(12), nullable=False, index=True),  # under which id curves and weights are filed
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("seeds", sa.Text, nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("wish", sa.String(8)),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("parameters", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False, default=0.0),
    sa.Column("error", sa.Text),
    sa.Column("note", sa.String(40)),
    sa.Column("results", sa.Text),
    sa.Column("comparison", sa.String(12)),
    sa.Column("extended", sa.Boolean, nullable=False, default=False),
    # times are seconds since 1970, UTC
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("queued", sa.Float(53), nullable=False),
    sa.Column("rank", sa.Integer, nullable=False, default=0),  # jobs its owner had under way when it was queued
    sa.Column("started", sa.Float(53)),
    sa.Column("finished", sa.Float(53)),
    sa.Column("deleted", sa.Float(53)),
    # the present attempt
    sa.Column("attempt", sa.String(32)),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("worker", sa.String(200)),
    sa.Column("heartbeat", sa.Float(53)),
    sa.Column("stepped", sa.Float(53)),  # when the last epoch was done
    sa.Column("pace", sa.Float(53)),  # seconds an epoch takes, writing included
    sa.Column("loading", sa.Float(53)),
    sa.Index("runs_by_owner", "owner", "created"),
    sa.Index("runs_by_state", "state"),
    sa.Index("runs_by_key", "key"),
)
_metrics = sa.Table(
    "metrics",
    _meta,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "figures", sa.LargeBinary, nullable=False
    ),  # float64 (4, replicates), little endian, in the order of METRICS
    sa.Column("lr", sa.Float(53), nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False),
    sqlite_with_rowid=False,
)
_snapshots = sa.Table(
    "snapshots",
    _meta,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("kind", sa.String(8), primary_key=True),  # step: kept on the way; live, last, best: one each
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("weights", sa.LargeBinary, nullable=False),  # safetensors
)
_checkpoints = sa.Table(
    "checkpoints",
    _meta,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
_comparisons = sa.Table(
    "comparisons",
    _meta,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("owner", sa.String(200), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("comparison", sa.Text, nullable=False),
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("test_opened", sa.Float(53)),
)
_cells = sa.Table(
    "cell_runs",
    _meta,
    sa.Column("comparison", sa.String(12), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),  # seeds added later have a run of their own
    sa.Column("run", sa.String(12), nullable=False, index=True),
    sa.Column("reused", sa.Boolean, nullable=False),
)

_MIGRATIONS: Mapping[int, Sequence[str]] = {
    2: (
        "ALTER TABLE comparisons ADD COLUMN test_opened DOUBLE PRECISION",
        "CREATE TABLE cell_runs (comparison VARCHAR(12) NOT NULL, place INTEGER NOT NULL, part INTEGER NOT NULL, "
        "run VARCHAR(12) NOT NULL, reused BOOLEAN NOT NULL, PRIMARY KEY (comparison, place, part))",
        "INSERT INTO cell_runs SELECT comparison, place, 0, run, reused FROM cells",
        "DROP TABLE cells",
        "CREATE INDEX ix_cell_runs_run ON cell_runs (run)",
    ),
}
"""Version n → the statements that make it of version n - 1."""


# -- the store -------------------------------------------------------------------------------------------------------


class Store:
    """All reading and writing of runs. May be used from many threads; other processes open one of their own.

    Parameters
    ----------
    url : `sqlite:///path` or `postgresql://user@host/name`. Tables are made where there are none.

    Raises
    ------
    RuntimeError
        If the data base was written by a newer nnlab.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        self._prepare()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # runs

    def create_run(
        self, experiment: Experiment, seeds: Sequence[int], owner: str, name: str = "", comparison: str | None = None
    ) -> Run:
        """A new run, waiting."""
        values = _new_run(experiment, seeds, owner, name, comparison)
        with self._write() as db:
            db.execute(_runs.insert().values(values | {"rank": self._jobs_of(db, owner)}))
        return self._require(values["id"])

    def create_claimed(self, experiment: Experiment, seeds: Sequence[int], owner: str, name: str) -> tuple[Run, str]:
        """A new run that this process works on at once, past the queue; with the attempt's token."""
        values = _new_run(experiment, seeds, owner, name, None)
        values |= _claimed(this_process())
        with self._write() as db:
            db.execute(_runs.insert().values(values))
        return self._require(values["id"]), values["attempt"]

    def copy_run(self, run: Run, owner: str, name: str = "", comparison: str | None = None) -> Run:
        """A finished run once more, for another owner. Both read the same curves and weights."""
        now, run_id = time.time(), new_id()
        with self._write() as db:
            row = db.execute(sa.select(_runs).where(_runs.c.id == run.id)).mappings().one()
            kept = ("data", "experiment", "seeds", "key", "state", "epoch", "epochs", "parameters", "seconds", "note")
            values = {column: row[column] for column in (*kept, "results", "extended")}
            times = {"created": now, "queued": now, "started": now, "finished": now}
            about = {"id": run_id, "owner": owner, "name": name[:200], "comparison": comparison}
            db.execute(_runs.insert().values(values | times | about))
        return self._require(run_id)

    def run(self, run_id: str) -> Run | None:
        """One run, deleted or not."""
        with self._read() as db:
            row = db.execute(sa.select(_runs).where(_runs.c.id == run_id)).mappings().one_or_none()
        return None if row is None else _run(row)

    def runs(
        self,
        owner: str | None = None,
        state: State | None = None,
        *,
        ids: Sequence[str] | None = None,
        include_deleted: bool = False,
        limit: int | None = None,
    ) -> list[Run]:
        """Runs, newest first."""
        query = sa.select(_runs).order_by(_runs.c.created.desc(), _runs.c.id)
        if owner is not None:
            query = query.where(_runs.c.owner == owner)
        if state is not None:
            query = query.where(_runs.c.state == state)
        if ids is not None:
            query = query.where(_runs.c.id.in_(list(ids)))
        if not include_deleted:
            query = query.where(_runs.c.deleted.is_(None))
        with self._read() as db:
            return [_run(row) for row in db.execute(query.limit(limit)).mappings()]

    def rename(self, run_id: str, name: str) -> None:
        self._change(run_id, name=name[:200])

    def delete(self, run_id: str) -> None:
        """Out of sight, and stopped if it was under way; `restore` undoes it until it is purged."""
        self._change(run_id, deleted=time.time())
        self.ask(run_id, "stop")

    def restore(self, run_id: str) -> None:
        self._change(run_id, deleted=None)

    def purge(self, older_than: float = 7 * 86400) -> int:
        """Removes for good what was deleted more than so many seconds ago; how many runs that was."""
        with self._write() as db:
            before = time.time() - older_than
            gone = db.execute(
                _runs.delete().where(
                    _runs.c.deleted < before,
                    _runs.c.state != "running",
                    _runs.c.id.not_in(sa.select(_cells.c.run)),  # a comparison still shows it
                )
            ).rowcount
            if gone:
                for table in (_metrics, _snapshots, _checkpoints):
                    db.execute(table.delete().where(table.c.data.not_in(sa.select(_runs.c.data))))
        return int(gone)

    def find_finished(self, key: str, seeds: Sequence[int], owner: str | None = None) -> Run | None:
        """A finished run of the same experiment (engine included) under the same seeds; of this owner if possible."""
        mine = sa.case((_runs.c.owner == owner, 0), else_=1)
        query = (
            sa.select(_runs)
            .where(
                _runs.c.key == key,
                _runs.c.seeds == _seeds_json(seeds),
                _runs.c.state == "finished",
                _runs.c.extended.is_(False),
                # what one person deleted is as good as new for the others
                sa.or_(_runs.c.deleted.is_(None), _runs.c.owner != owner),
            )
            .order_by(mine, _runs.c.finished.desc())
            .limit(1)
        )
        with self._read() as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else _run(row)

    def find_trained(self, key: str, seeds: Sequence[int]) -> Run | None:
        """A finished run of an experiment, whoever's, whose seeds hold all of these: the seeds alone count, as the
        weights are the same."""
        query = sa.select(_runs).where(_runs.c.key == key, _runs.c.state == "finished", _runs.c.extended.is_(False))
        with self._read() as db:
            rows = db.execute(query.order_by(_runs.c.finished.desc())).mappings()
            row = next((row for row in rows if set(seeds) <= set(json.loads(row["seeds"]))), None)
        return None if row is None else _run(row)

    def trained_weights(self, experiment: Experiment, seeds: Sequence[int]) -> Weights | None:
        """The final weights (seeds, ...) of an experiment that has been run under these seeds; else None."""
        run = self.find_trained(experiment.key, seeds)
        last = self.snapshot(run.id) if run else None
        if run is None or last is None:
            return None
        places = [i for seed in seeds for i, one in enumerate(run.replicates) if one.seed == seed]
        return {name: array[places] for name, array in last[1].items()}

    def find_coming(self, key: str, seeds: Sequence[int], owner: str) -> Run | None:
        """The owner's own run of the same experiment and seeds that waits or runs now."""
        query = sa.select(_runs).where(
            _runs.c.key == key,
            _runs.c.seeds == _seeds_json(seeds),
            _runs.c.owner == owner,
            _runs.c.state.in_(("waiting", "running")),
            _runs.c.wish.is_(None),
            _runs.c.extended.is_(False),
            _runs.c.deleted.is_(None),
        )
        with self._read() as db:
            row = db.execute(query.limit(1)).mappings().one_or_none()
        return None if row is None else _run(row)

    def find_parts(self, key: str, owner: str) -> list[Run]:
        """Finished runs of an experiment under whatever seeds, and the owner's own on their way; the owner's first."""
        mine = sa.case((_runs.c.owner == owner, 0), else_=1)
        coming = sa.and_(_runs.c.owner == owner, _runs.c.state.in_(UNFINISHED), _runs.c.wish.is_(None))
        query = (
            sa.select(_runs)
            .where(
                _runs.c.key == key,
                sa.or_(_runs.c.state == "finished", coming),
                _runs.c.extended.is_(False),
                sa.or_(_runs.c.deleted.is_(None), _runs.c.owner != owner),
            )
            .order_by(mine, _runs.c.created)
        )
        with self._read() as db:
            return [_run(row) for row in db.execute(query).mappings()]

    def counts(self, owner: str | None = None) -> Counts:
        """How much is going on: one query."""
        query = (
            sa.select(_runs.c.state, _runs.c.owner, sa.func.count())
            .where(_runs.c.state.in_(UNFINISHED))
            .group_by(_runs.c.state, _runs.c.owner)
        )
        running = waiting = mine_running = mine_waiting = 0
        with self._read() as db:
            for state, who, n in db.execute(query):
                mine = n if who == owner else 0
                if state == "running":
                    running, mine_running = running + n, mine_running + mine
                else:
                    waiting, mine_waiting = waiting + n, mine_waiting + mine
        return Counts(running, waiting, mine_running, mine_waiting)

    # the queue

    def queue(self) -> list[str]:
        """Waiting runs in the order in which they will be taken.

        Whoever has fewer jobs goes first: a run's rank is the number of jobs its owner had under way when it was put
        into the queue; among equals the one that has waited longer goes first."""
        query = (
            sa.select(_runs.c.id).where(_runs.c.state == "waiting").order_by(_runs.c.rank, _runs.c.queued, _runs.c.id)
        )
        with self._read() as db:
            return list(db.execute(query).scalars())

    def ask(self, run_id: str, wish: Wish) -> None:
        """Ask a run to pause or to stop. One that waits does so at once; one that runs, when it looks next."""
        now = time.time()
        with self._write() as db:
            mine = _runs.c.id == run_id
            row = db.execute(sa.select(_runs.c.state, _runs.c.epoch).where(mine).with_for_update()).one_or_none()
            if row is None:
                raise UnknownRun(run_id)
            if row.state == "running":
                changes: dict[str, Any] = {"wish": wish}
            elif wish == "pause" and row.state == "waiting":
                changes = {"state": "paused", "wish": None, "finished": now}
            elif wish == "stop" and row.state in ("waiting", "paused", "interrupted"):
                if row.epoch:  # a worker has to measure what it has learned so far
                    changes = {"state": "waiting", "wish": "stop", "queued": now, "rank": 0}
                else:
                    changes = {"state": "stopped", "wish": None, "finished": now}
            else:
                return
            db.execute(_runs.update().where(mine).values(changes))

    def requeue(self, run_id: str) -> bool:
        """Back into the queue, from paused, interrupted, stopped or failed; False where there is nothing to do."""
        with self._write() as db:
            done = db.execute(
                _runs.update()
                .where(_runs.c.id == run_id, _runs.c.state.in_(("paused", "interrupted", "stopped", "failed")))
                .values(_QUEUED | {"queued": time.time(), "rank": self._rank(db, run_id)})
            ).rowcount
            if not done:  # asked to pause a moment ago, and still running: go on
                db.execute(
                    _runs.update().where(_runs.c.id == run_id, _runs.c.state == "running", _runs.c.deleted.is_(None))
                    .values(wish=None)
                )  # fmt: skip
        return bool(done)

    def extend(self, run_id: str, experiment: Experiment) -> bool:
        """More epochs for a run that is not under way: the experiment says how many there shall be."""
        with self._write() as db:
            row = db.execute(sa.select(_runs).where(_runs.c.id == run_id).with_for_update()).mappings().one()
            if row["state"] in UNFINISHED:
                return False
            shared = db.execute(
                sa.select(_runs.c.id).where(_runs.c.data == row["data"], _runs.c.id != run_id).limit(1)
            ).first()
            data = row["data"]
            if shared:  # from here on the two differ
                data = new_id()
                for table in (_metrics, _snapshots, _checkpoints):
                    others = [column for column in table.c if column.name != "data"]
                    copied = sa.select(sa.literal(data), *others).where(table.c.data == row["data"])
                    db.execute(table.insert().from_select(["data", *(c.name for c in others)], copied))
            train = experiment.train
            other_way = row["epoch"] > 0 and (train.schedule != "constant" or train.patience > 0)
            changes = {
                "data": data,
                "experiment": experiment.to_json(),
                "key": experiment.key,
                "epochs": train.epochs,
                "extended": bool(row["extended"] or other_way),
                "queued": time.time(),
                "rank": self._rank(db, run_id),
            }
            db.execute(_runs.update().where(_runs.c.id == run_id).values(_QUEUED | changes))
        return True

    # working on a run

    def claim(self, run_id: str, worker: str = "") -> str | None:
        """Take a waiting run: the attempt's token, or None where somebody was quicker."""
        values = _claimed(worker or this_process())
        token: str = values["attempt"]
        values |= {"attempts": _runs.c.attempts + 1, "started": sa.func.coalesce(_runs.c.started, values["started"])}
        with self._write() as db:
            done = db.execute(
                _runs.update().where(_runs.c.id == run_id, _runs.c.state == "waiting").values(values)
            ).rowcount
        return token if done else None

    def heartbeat(
        self, run_id: str, attempt: str, *, loading: float | None = None, note: str | None = None
    ) -> Wish | None:
        """A sign of life, with what keeps it from training (see Run); what the run is asked to do. Raises Lost."""
        with self._write() as db:
            return self._beat(db, run_id, attempt, loading=loading, note=note)

    def append(
        self,
        run_id: str,
        attempt: str,
        epochs: Sequence[Epoch],
        *,
        epoch: int | None = None,
        seconds: float | None = None,
        pace: float | None = None,
        snapshots: Iterable[tuple[str, int, Weights]] = (),
        checkpoint: bytes | None = None,
    ) -> Wish | None:
        """What a worker has to tell, in one transaction: curves, progress, weights, a sign of life.

        Parameters
        ----------
        epochs : new ones; those that were told before (a repeated stretch after a crash) are left as they were
        epoch : epochs done now, where `epochs` does not say so
        seconds : training time so far
        pace : seconds an epoch takes
        snapshots : (kind, epoch, weights), kind being step, live, last or best; the last three replace their former
        checkpoint : of the same moment as `epoch`

        Returns
        -------
        What the run is asked to do.

        Raises
        ------
        Lost
        """
        rows = [
            {
                "epoch": one.epoch,
                "figures": np.stack([getattr(one, name) for name in METRICS]).astype("<f8").tobytes(),
                "lr": one.lr,
                "seconds": one.seconds,
            }
            for one in epochs
        ]
        epoch = epochs[-1].epoch if epoch is None and epochs else epoch
        blobs = [(kind, at, save_arrays(dict(weights))) for kind, at, weights in snapshots]
        changes: dict[str, Any] = {"loading": None, "note": None}
        if epochs:
            changes["stepped"] = time.time()
        if seconds is not None:
            changes["seconds"] = seconds
        if pace is not None:
            changes["pace"] = pace
        with self._write() as db:
            wish = self._beat(db, run_id, attempt, **changes)
            row = db.execute(sa.select(_runs.c.data, _runs.c.epoch).where(_runs.c.id == run_id)).one()
            data = row.data
            if epoch is not None and epoch > row.epoch:
                db.execute(_runs.update().where(_runs.c.id == run_id).values(epoch=epoch))
            if rows:
                db.execute(self._insert(_metrics).on_conflict_do_nothing(), [one | {"data": data} for one in rows])
            for kind, at, blob in blobs:
                former = _snapshots.delete().where(_snapshots.c.data == data, _snapshots.c.kind == kind)
                db.execute(former.where(_snapshots.c.epoch == at) if kind == "step" else former)
                db.execute(_snapshots.insert().values(data=data, kind=kind, epoch=at, weights=blob))
            if checkpoint is not None:
                db.execute(_checkpoints.delete().where(_checkpoints.c.data == data))
                db.execute(_checkpoints.insert().values(data=data, epoch=epoch or 0, content=checkpoint))
        return wish

    def finish(
        self,
        run_id: str,
        attempt: str,
        state: State,
        *,
        asked: Wish | None = None,
        error: str | None = None,
        note: str | None = None,
        results: Mapping[str, Any] | None = None,
    ) -> None:
        """The end of an attempt. Raises Lost.

        asked : the wish it ends for. Who changed it in the meantime is obeyed: the run goes back to the queue instead.
        """
        text = None if results is None else json.dumps(results, allow_nan=False)
        with self._write() as db:
            if asked is not None and self._beat(db, run_id, attempt) != asked:
                self._beat(db, run_id, attempt, state="waiting", attempts=0, worker=None, loading=None, note=None)
                return
            changes = {"state": state, "error": error, "note": note, "results": text, "finished": time.time()}
            self._beat(db, run_id, attempt, wish=None, worker=None, loading=None, **changes)
            if state in ("finished", "stopped"):  # "last" has taken its place
                db.execute(
                    _snapshots.delete().where(_snapshots.c.data == _data_of(run_id), _snapshots.c.kind == "live")
                )

    def release_dead(self, stale_after: float) -> list[str]:
        """Runs whose worker is gone go back to the queue, or are marked interrupted after too many attempts.

        A worker is gone where its process on this machine is, or after `stale_after` seconds without a sign of life.
        """
        with self._read() as db:
            query = sa.select(_runs.c.id, _runs.c.attempt, _runs.c.attempts, _runs.c.worker, _runs.c.heartbeat)
            rows = db.execute(query.where(_runs.c.state == "running")).all()
        now, released = time.time(), []
        for row in rows:
            if now - (row.heartbeat or 0) < stale_after and _alive(row.worker or ""):
                continue
            changes: dict[str, Any] = {"attempt": None, "worker": None, "loading": None, "note": None}
            if row.attempts >= MAX_ATTEMPTS:
                changes |= {"state": "interrupted", "wish": None, "finished": now}
            else:
                changes["state"] = "waiting"  # it keeps its place and what it was asked to do
            mine = (_runs.c.id == row.id, _runs.c.attempt == row.attempt)
            with self._write() as db:
                if db.execute(_runs.update().where(*mine).values(changes)).rowcount:
                    released.append(row.id)
        return released

    def _beat(self, db: sa.Connection, run_id: str, attempt: str, **changes: Any) -> Wish | None:
        """The one way a worker writes: only while the run is its own."""
        query = (
            _runs.update()
            .where(_runs.c.id == run_id, _runs.c.attempt == attempt, _runs.c.state == "running")
            .values({"heartbeat": time.time()} | changes)
            .returning(_runs.c.wish)
        )
        row = db.execute(query).one_or_none()
        if row is None:
            raise Lost(run_id)
        wish: Wish | None = row.wish
        return wish

    # curves and weights

    def metrics(self, run_id: str, after: int = 0, max_points: int | None = None) -> MetricsTable:
        """The epochs above `after`; evenly thinned to `max_points`, first and last kept, where there are more."""
        with self._read() as db:
            about = sa.select(_runs.c.data, _runs.c.seeds, _runs.c.experiment).where(_runs.c.id == run_id)
            run = db.execute(about).one_or_none()
            if run is None:
                raise UnknownRun(run_id)
            mine = (_metrics.c.data == run.data, _metrics.c.epoch > after)
            query = sa.select(_metrics.c.epoch, _metrics.c.figures, _metrics.c.lr, _metrics.c.seconds).where(*mine)
            if max_points is not None:
                last = db.execute(sa.select(sa.func.max(_metrics.c.epoch)).where(*mine)).scalar()
                if last is not None and last - after > max_points:
                    even = np.linspace(after + 1, last, max_points).round().astype(int).tolist()
                    query = query.where(_metrics.c.epoch.in_(even))
            rows = db.execute(query.order_by(_metrics.c.epoch)).all()
        return _metrics_table(run, rows)

    def metrics_of(self, run_ids: Sequence[str], max_points: int | None = None) -> dict[str, MetricsTable]:
        """The curves of many runs, each as `metrics` gives it; one query for all that are equally far."""
        found: dict[str, MetricsTable] = {}
        wanted = sa.select(_runs.c.id, _runs.c.data, _runs.c.seeds, _runs.c.experiment, _runs.c.epoch)
        wanted = wanted.where(_runs.c.id.in_(run_ids))
        with self._read() as db:
            runs = db.execute(wanted).all()
            alike: dict[int, list[Any]] = {}  # all in one where nothing is thinned
            for run in runs:
                alike.setdefault(0 if max_points is None or run.epoch <= max_points else run.epoch, []).append(run)
            for last, group in alike.items():
                columns = _metrics.c.data, _metrics.c.epoch, _metrics.c.figures, _metrics.c.lr, _metrics.c.seconds
                query = sa.select(*columns).where(_metrics.c.data.in_({run.data for run in group}))
                if last and max_points is not None:
                    even = np.linspace(1, last, max_points).round().astype(int).tolist()
                    query = query.where(_metrics.c.epoch.in_(even))
                rows: dict[str, list[Any]] = {}
                for row in db.execute(query.order_by(_metrics.c.data, _metrics.c.epoch)):
                    rows.setdefault(row.data, []).append(row)
                found |= {run.id: _metrics_table(run, rows.get(run.data, [])) for run in group}
        return found

    def snapshot_epochs(self, run_id: str) -> list[int]:
        """The epochs whose weights were kept, in order; 0 is before training."""
        query = (
            sa.select(_snapshots.c.epoch)
            .distinct()
            .where(_snapshots.c.data == _data_of(run_id), _snapshots.c.kind.in_(("step", "last")))
        )
        with self._read() as db:
            return sorted(db.execute(query).scalars())

    def snapshot(self, run_id: str, epoch: int | Literal["best"] | None = None) -> tuple[int, Weights] | None:
        """Weights (seeds, ...) and their epoch: the nearest kept at or before `epoch`; None is the latest there is,
        "best" those of every replicate's lowest validation loss. None where nothing is kept."""
        kinds = sa.case({"last": 0, "live": 1}, value=_snapshots.c.kind, else_=2)
        query = sa.select(_snapshots.c.epoch, _snapshots.c.weights).where(_snapshots.c.data == _data_of(run_id))
        if epoch == "best":
            query = query.where(_snapshots.c.kind == "best")
        elif epoch is None:
            query = query.where(_snapshots.c.kind != "best")
        else:
            query = query.where(_snapshots.c.kind.in_(("step", "last")), _snapshots.c.epoch <= epoch)
        with self._read() as db:
            row = db.execute(query.order_by(_snapshots.c.epoch.desc(), kinds).limit(1)).one_or_none()
        return None if row is None else (int(row.epoch), load_arrays(bytes(row.weights)))

    def checkpoint(self, run_id: str) -> bytes | None:
        """What Training goes on from."""
        with self._read() as db:
            content = db.execute(
                sa.select(_checkpoints.c.content).where(_checkpoints.c.data == _data_of(run_id))
            ).scalar_one_or_none()
        return None if content is None else bytes(content)

    # comparisons

    def create_comparison(self, comparison: Comparison, owner: str, name: str = "") -> str:
        """A comparison without runs yet; its id."""
        made = {"id": new_id(), "owner": owner, "name": name[:200], "comparison": comparison.to_json()}
        with self._write() as db:
            db.execute(_comparisons.insert().values(made | {"created": time.time()}))
        return made["id"]

    def set_cells(
        self, comparison_id: str, comparison: Comparison, cells: Sequence[Sequence[tuple[str, bool]]]
    ) -> None:
        """What a comparison asks now, and for every point its runs (id, whether it had been there before)."""
        rows = [
            {"comparison": comparison_id, "place": place, "part": part, "run": run_id, "reused": reused}
            for place, runs in enumerate(cells)
            for part, (run_id, reused) in enumerate(runs)
        ]
        with self._write() as db:
            mine = _comparisons.c.id == comparison_id
            db.execute(_comparisons.update().where(mine).values(comparison=comparison.to_json()))
            db.execute(_cells.delete().where(_cells.c.comparison == comparison_id))
            db.execute(_cells.insert(), rows)

    def open_test(self, comparison_id: str) -> None:
        """From now on the scores on the test part are shown; the first time counts."""
        mine = _comparisons.c.id == comparison_id
        with self._write() as db:
            db.execute(_comparisons.update().where(mine, _comparisons.c.test_opened.is_(None)).values(
                test_opened=time.time()))  # fmt: skip

    def with_closed_test(self, comparison_ids: Iterable[str]) -> set[str]:
        """Those of these comparisons whose test part has not been opened."""
        closed = sa.select(_comparisons.c.id).where(
            _comparisons.c.id.in_(sorted(comparison_ids)), _comparisons.c.test_opened.is_(None)
        )
        with self._read() as db:
            return set(db.execute(closed).scalars())

    def comparison(self, comparison_id: str) -> StoredComparison | None:
        found = self._comparisons(_comparisons.c.id == comparison_id)
        return found[0] if found else None

    def comparisons(self, owner: str | None = None, limit: int | None = None) -> list[StoredComparison]:
        """Newest first."""
        return self._comparisons(sa.true() if owner is None else _comparisons.c.owner == owner, limit)

    def _comparisons(self, which: sa.ColumnElement[bool], limit: int | None = None) -> list[StoredComparison]:
        found = sa.select(_comparisons).where(which).order_by(_comparisons.c.created.desc()).limit(limit)
        cells = sa.select(_cells).where(_cells.c.comparison.in_(found.with_only_columns(_comparisons.c.id)))
        runs: dict[str, dict[int, list[tuple[str, bool]]]] = {}
        with self._read() as db:
            rows = db.execute(found).mappings().all()
            for cell in db.execute(cells.order_by(_cells.c.place, _cells.c.part)):
                places = runs.setdefault(cell.comparison, {})
                places.setdefault(cell.place, []).append((cell.run, bool(cell.reused)))
        return [
            StoredComparison(
                id=row["id"],
                owner=row["owner"],
                name=row["name"],
                comparison=_comparison(row["comparison"]),
                created=_moment(row["created"]),
                test_opened=None if row["test_opened"] is None else _moment(row["test_opened"]),
                cells=tuple(tuple(one) for one in runs.get(row["id"], {}).values()),
            )
            for row in rows
        ]

    # inside

    def _jobs_of(self, db: sa.Connection, owner: str) -> int:
        query = sa.select(sa.func.count()).where(_runs.c.owner == owner, _runs.c.state.in_(UNFINISHED))
        return int(db.execute(query).scalar_one())

    def _rank(self, db: sa.Connection, run_id: str) -> int:
        owner = db.execute(sa.select(_runs.c.owner).where(_runs.c.id == run_id)).scalar()
        return 0 if owner is None else self._jobs_of(db, owner)

    def _require(self, run_id: str) -> Run:
        run = self.run(run_id)
        if run is None:
            raise UnknownRun(run_id)
        return run

    def _change(self, run_id: str, **changes: Any) -> None:
        with self._write() as db:
            if not db.execute(_runs.update().where(_runs.c.id == run_id).values(changes)).rowcount:
                raise UnknownRun(run_id)

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as db:
            yield db

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(nnlab_write=True) as db, db.begin():
            yield db

    def _prepare(self) -> None:
        """Make or update the tables, one process at a time."""
        with _alone(self._engine), self._write() as db:
            if self._engine.dialect.name == "postgresql":
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7245501)"))
            _schema.create(db, checkfirst=True)
            version = db.execute(sa.select(_schema.c.version)).scalar()
            if version is None:
                _meta.create_all(db)
                db.execute(_schema.insert().values(version=VERSION))
                return
            if version > VERSION:
                raise RuntimeError(
                    f"The data base has version {version}, this nnlab knows up to {VERSION}: install a newer nnlab."
                )
            for step in range(version + 1, VERSION + 1):
                for statement in _MIGRATIONS[step]:
                    db.execute(sa.text(statement))
            if version < VERSION:
                db.execute(_schema.update().values(version=VERSION))


def _new_run(
    experiment: Experiment, seeds: Sequence[int], owner: str, name: str, comparison: str | None
) -> dict[str, Any]:
    now, run_id = time.time(), new_id()
    return {
        "id": run_id,
        "data": run_id,
        "owner": owner,
        "name": name[:200],
        "experiment": experiment.to_json(),
        "seeds": _seeds_json(seeds),
        "key": experiment.key,
        "state": "waiting",
        "epochs": experiment.train.epochs,
        "parameters": experiment.parameters,
        "comparison": comparison,
        "created": now,
        "queued": now,
    }


def _claimed(worker: str) -> dict[str, Any]:
    now = time.time()
    fresh = {"state": "running", "attempt": secrets.token_hex(16), "attempts": 1, "worker": worker}
    return fresh | {"heartbeat": now, "stepped": now, "started": now, "finished": None, "loading": None, "pace": None}


_QUEUED: dict[str, Any] = {
    "state": "waiting",
    "wish": None,
    "error": None,
    "note": None,
    "results": None,
    "finished": None,
    "attempts": 0,
}


# -- connections -----------------------------------------------------------------------------------------------------


def _engine(url: str) -> sa.Engine:
    address = sa.make_url(url)
    if address.get_backend_name() == "postgresql":
        return sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_size=10, pool_pre_ping=True)
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, pool_size=10, max_overflow=40)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, below
        for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # a writer takes the lock first: a reader that becomes a writer halfway may be refused
        writes = connection.get_execution_options().get("nnlab_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """SQLite: one process at a time, and the journal in WAL mode (which is kept in the file)."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield
        return
    from filelock import FileLock

    with FileLock(f"{engine.url.database}.lock"):
        raw = engine.raw_connection()
        try:
            raw.driver_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
        finally:
            raw.close()
        yield


# -- rows and values -------------------------------------------------------------------------------------------------

_LETTERS = string.ascii_letters + string.digits


def new_id() -> str:
    """12 letters and digits nobody can guess (71 bits)."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


@lru_cache(maxsize=1)
def _machine() -> str:
    """This machine; a container with processes of its own counts as one."""
    try:
        return f"{socket.gethostname()}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def this_process() -> str:
    """What a worker signs with: machine, process, and when that began (process numbers come again)."""
    return f"{_machine()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def _alive(worker: str) -> bool:
    """Whether the process may be alive; that of another machine may."""
    machine, _, rest = worker.partition("/")
    pid, _, began = rest.partition("/")
    if machine != _machine() or not pid.isdigit():
        return True
    try:
        process = psutil.Process(int(pid))
        return bool(abs(process.create_time() - float(began)) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _data_of(run_id: str) -> sa.ScalarSelect[Any]:
    return sa.select(_runs.c.data).where(_runs.c.id == run_id).scalar_subquery()


def _metrics_table(run: Any, rows: Sequence[Any]) -> MetricsTable:
    seeds, experiment = tuple(json.loads(run.seeds)), _experiment(run.experiment)
    figures = np.frombuffer(b"".join(row.figures for row in rows), "<f8")
    return MetricsTable(
        seeds,
        experiment.data.folds,
        np.array([row.epoch for row in rows], np.int64),
        figures.reshape(len(rows), len(METRICS), experiment.replicates(len(seeds))),
        np.array([row.lr for row in rows], np.float64),
        np.array([row.seconds for row in rows], np.float64),
    )


def _seeds_json(seeds: Sequence[int]) -> str:
    return json.dumps(list(seeds), separators=(",", ":"))


@lru_cache(maxsize=512)
def _experiment(text: str) -> Experiment:
    return Experiment.from_json(text)


@lru_cache(maxsize=128)
def _comparison(text: str) -> Comparison:
    return Comparison.from_json(text)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _run(row: sa.RowMapping) -> Run:
    experiment, seeds = _experiment(row["experiment"]), tuple(json.loads(row["seeds"]))
    progress, left = row["epoch"] / row["epochs"], None
    if row["state"] == "finished":
        progress = 1.0
    elif row["state"] == "running":
        # within an epoch, by the time the last ones took: a bar that moves without a write
        pace = row["pace"] or estimate_seconds(experiment, len(seeds)) / row["epochs"]
        since = max(0.0, time.time() - row["stepped"]) if row["loading"] is None else 0.0
        part = min(0.95, since / pace) if pace > 0.5 else 0.0
        progress = min(1.0, (row["epoch"] + part) / row["epochs"])
        left = max(0.0, pace * (row["epochs"] - row["epoch"]) - since)
    return Run(
        id=row["id"],
        owner=row["owner"],
        name=row["name"],
        experiment=experiment,
        seeds=seeds,
        key=row["key"],
        state=row["state"],
        epoch=row["epoch"],
        epochs=row["epochs"],
        parameters=row["parameters"],
        created=_moment(row["created"]),
        started=None if row["started"] is None else _moment(row["started"]),
        finished=None if row["finished"] is None else _moment(row["finished"]),
        seconds=row["seconds"],
        error=row["error"],
        note=row["note"],
        results=None if row["results"] is None else json.loads(row["results"]),
        comparison=row["comparison"],
        wish=row["wish"],
        progress=progress,
        seconds_left=left,
        loading=row["loading"],
        deleted=row["deleted"] is not None,
        extended=bool(row["extended"]),
        attempts=row["attempts"],
    )


def with_positions(runs: Sequence[Run], queue: Sequence[str]) -> list[Run]:
    """The runs with their places in the queue."""
    places = {run_id: i for i, run_id in enumerate(queue, 1)}
    return [replace(run, position=places.get(run.id)) if run.state == "waiting" else run for run in runs]
