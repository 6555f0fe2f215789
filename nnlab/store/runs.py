"""Runs: creating, listing, renaming, deleting and finding them."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from nnlab.engines.costs import estimate_seconds
from nnlab.spec import Experiment, Replicate, replicates
from nnlab.store.connect import Database
from nnlab.store.schema import (
    DATA_TABLES,
    UNFINISHED,
    RequestedAction,
    State,
    cells_table,
    new_id,
    runs_table,
    utc,
)

col = runs_table.c


class UnknownRun(KeyError):
    """No run has this id."""

    def __str__(self) -> str:
        return f"run: got '{self.args[0]}', allowed is the id of a run in the store."


@dataclass(frozen=True)
class Run:
    """One experiment trained under some seeds, and its progress."""

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
    """Epochs requested."""
    parameters: int
    """Of one replicate."""
    created: datetime
    started: datetime | None
    finished: datetime | None
    """When it reached its present state, whichever that is."""
    seconds: float
    """Training time."""
    error: str | None
    """One sentence."""
    note: str | None
    """A code: "max_seconds" if the time limit ended it; "source" while its source experiment is being trained."""
    results: dict[str, Any] | None
    """`train`, `validation`, `test`: None, or scores by name, each a list over the replicates; `best_epoch`,
    `epochs`."""
    comparison: str | None
    requested_action: RequestedAction | None
    """Requested and not yet carried out."""
    progress: float
    """0 to 1; grows within an epoch too."""
    seconds_left: float | None
    """An estimate, while it runs."""
    loading: float | None
    """The share done, while its data is downloaded or its source experiment is trained (see `note`)."""
    deleted: bool
    extended: bool
    """Epochs were added to it in a way that a new run of the same experiment would not reproduce."""
    attempts: int
    position: int | None = None
    """In the queue: 1 is next. Only `with_positions` fills it in."""

    def __repr__(self) -> str:
        data, network = self.experiment.summary.split(", ")[:2]
        seeds = "1 seed" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds"
        return f"Run({self.id}, {data}, {network}, {seeds}, {self.state} {self.epoch}/{self.epochs})"

    @property
    def engine(self) -> str:
        return self.experiment.train.engine

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """The networks it trains, in the order of all lists and arrays over replicates."""
        return replicates(self.seeds, self.experiment.data.folds)

    @property
    def active(self) -> bool:
        """Waiting or running."""
        return self.state in UNFINISHED


class RunStore(Database):
    """The runs of a data base, without the queue."""

    def create_run(
        self, experiment: Experiment, seeds: Sequence[int], owner: str, name: str = "", comparison: str | None = None
    ) -> Run:
        """A new run, waiting in the queue."""
        values = new_run_values(experiment, seeds, owner, name, comparison)
        with self._write() as db:
            db.execute(runs_table.insert().values(values | {"rank": self._unfinished(db, owner)}))
        return self._known(values["id"])

    def copy_run(self, run: Run, owner: str, name: str = "", comparison: str | None = None) -> Run:
        """A copy of a finished run for another owner. Both read the same curves and weights."""
        now, run_id = time.time(), new_id()
        same = (
            *("data", "experiment", "seeds", "key", "state", "epoch", "epochs", "parameters", "seconds", "note"),
            *("results", "extended"),
        )
        with self._write() as db:
            row = db.execute(sa.select(runs_table).where(col.id == run.id)).mappings().one()
            values = {name: row[name] for name in same} | dict.fromkeys(
                ("created", "queued", "started", "finished"), now
            )
            values |= {"id": run_id, "owner": owner, "name": name[:200], "comparison": comparison}
            db.execute(runs_table.insert().values(values))
        return self._known(run_id)

    def run(self, run_id: str) -> Run | None:
        """One run, deleted or not."""
        found = self.runs(ids=[run_id], include_deleted=True)
        return found[0] if found else None

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
        query = sa.select(runs_table).order_by(col.created.desc(), col.id)
        if owner is not None:
            query = query.where(col.owner == owner)
        if state is not None:
            query = query.where(col.state == state)
        if ids is not None:
            query = query.where(col.id.in_(list(ids)))
        if not include_deleted:
            query = query.where(col.deleted.is_(None))
        return self._select(query.limit(limit))

    def rename(self, run_id: str, name: str) -> None:
        self._update(run_id, name=name[:200])

    def restore(self, run_id: str) -> None:
        """Undo `delete`."""
        self._update(run_id, deleted=None)

    def purge(self, older_than: float = 7 * 86400) -> int:
        """Remove for good the runs deleted more than `older_than` seconds ago; their number."""
        with self._write() as db:
            removed = db.execute(
                runs_table.delete().where(
                    col.deleted < time.time() - older_than,
                    col.state != "running",
                    col.id.not_in(sa.select(cells_table.c.run)),  # comparisons still show these
                )
            ).rowcount
            if removed:
                for table in DATA_TABLES:
                    db.execute(table.delete().where(table.c.data.not_in(sa.select(col.data))))
        return int(removed)

    def find_finished(self, key: str, seeds: Sequence[int], owner: str | None = None) -> Run | None:
        """A finished run of the same experiment (engine included) and seeds, preferably of this owner."""
        found = self._select(
            _runs_of(key)
            .where(col.seeds == _seeds_text(seeds), col.state == "finished", _not_deleted_by(owner))
            .order_by(_own_first(owner), col.finished.desc())
            .limit(1)
        )
        return found[0] if found else None

    def find_trained(self, key: str, seeds: Sequence[int]) -> Run | None:
        """A finished run of an experiment, of any owner, whose seeds include all of these."""
        found = self._select(_runs_of(key).where(col.state == "finished").order_by(col.finished.desc()))
        return next((run for run in found if set(seeds) <= set(run.seeds)), None)

    def find_unfinished(self, key: str, seeds: Sequence[int], owner: str) -> Run | None:
        """The owner's own waiting or running run of the same experiment and seeds."""
        query = _runs_of(key).where(col.seeds == _seeds_text(seeds), _unfinished_of(owner), col.deleted.is_(None))
        found = self._select(query.limit(1))
        return found[0] if found else None

    def find_parts(self, key: str, owner: str) -> list[Run]:
        """Finished runs of an experiment under any seeds, and the owner's unfinished ones; the owner's first."""
        usable = sa.or_(col.state == "finished", _unfinished_of(owner))
        return self._select(
            _runs_of(key).where(usable, _not_deleted_by(owner)).order_by(_own_first(owner), col.created)
        )

    def _select(self, query: sa.Select[Any]) -> list[Run]:
        with self._read() as db:
            return [_run(row) for row in db.execute(query).mappings()]

    def _known(self, run_id: str) -> Run:
        run = self.run(run_id)
        if run is None:
            raise UnknownRun(run_id)
        return run

    def _update(self, run_id: str, **changes: Any) -> None:
        with self._write() as db:
            if not db.execute(runs_table.update().where(col.id == run_id).values(changes)).rowcount:
                raise UnknownRun(run_id)

    def _unfinished(self, db: sa.Connection, owner: str) -> int:
        """The number of the owner's waiting and running runs."""
        query = sa.select(sa.func.count()).where(col.owner == owner, col.state.in_(UNFINISHED))
        return int(db.execute(query).scalar_one())


def new_run_values(
    experiment: Experiment, seeds: Sequence[int], owner: str, name: str, comparison: str | None = None
) -> dict[str, Any]:
    """The columns of a new, waiting run."""
    now, run_id = time.time(), new_id()
    return {
        "id": run_id,
        "data": run_id,
        "owner": owner,
        "name": name[:200],
        "experiment": experiment.to_json(),
        "seeds": _seeds_text(seeds),
        "key": experiment.key,
        "state": "waiting",
        "epochs": experiment.train.epochs,
        "parameters": experiment.parameters,
        "comparison": comparison,
        "created": now,
        "queued": now,
    }


def data_of(run_id: str) -> sa.ScalarSelect[Any]:
    """The id of a run's curves and weights, as a subquery."""
    return sa.select(col.data).where(col.id == run_id).scalar_subquery()


@lru_cache(maxsize=512)
def experiment_from_json(text: str) -> Experiment:
    return Experiment.from_json(text)


def _runs_of(key: str) -> sa.Select[Any]:
    return sa.select(runs_table).where(col.key == key, col.extended.is_(False))


def _own_first(owner: str | None) -> sa.Case[Any]:
    return sa.case((col.owner == owner, 0), else_=1)


def _not_deleted_by(owner: str | None) -> sa.ColumnElement[bool]:
    return sa.or_(col.deleted.is_(None), col.owner != owner)  # other owners' deleted runs are still valid


def _unfinished_of(owner: str) -> sa.ColumnElement[bool]:
    return sa.and_(col.owner == owner, col.state.in_(UNFINISHED), col.wish.is_(None))


def _seeds_text(seeds: Sequence[int]) -> str:
    return json.dumps(list(seeds), separators=(",", ":"))


def _run(row: sa.RowMapping) -> Run:
    experiment, seeds = experiment_from_json(row["experiment"]), tuple(json.loads(row["seeds"]))
    progress, left = row["epoch"] / row["epochs"], None
    if row["state"] == "finished":
        progress = 1.0
    elif row["state"] == "running":
        # within an epoch, estimated from the pace of the last ones, so that the bar moves without a write
        pace = row["pace"] or estimate_seconds(experiment, len(seeds)) / row["epochs"]
        since = max(0.0, time.time() - row["stepped"]) if row["loading"] is None else 0.0
        part = min(0.95, since / pace) if pace > 0.5 else 0.0
        progress = min(1.0, (row["epoch"] + part) / row["epochs"])
        left = max(0.0, pace * (row["epochs"] - row["epoch"]) - since)
    same = (
        *("id", "owner", "name", "key", "state", "epoch", "epochs", "parameters", "seconds", "error", "note"),
        *("comparison", "loading", "extended", "attempts"),
    )
    return Run(
        **{name: row[name] for name in same},
        experiment=experiment,
        seeds=seeds,
        created=utc(row["created"]),
        started=row["started"] and utc(row["started"]),
        finished=row["finished"] and utc(row["finished"]),
        results=row["results"] and json.loads(row["results"]),
        requested_action=row["wish"],
        progress=progress,
        seconds_left=left,
        deleted=row["deleted"] is not None,
    )
