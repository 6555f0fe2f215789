"""Runs: creating, listing, renaming, deleting and finding them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from nnlab.datasets import PARTS
from nnlab.engines.base import ALGORITHM
from nnlab.engines.choice import EngineName, engine_name
from nnlab.engines.costs import estimate_seconds
from nnlab.spec import Experiment, Replicate, replicates
from nnlab.store.connect import Database
from nnlab.store.readable import readable
from nnlab.store.schema import UNFINISHED, RequestedAction, State, new_id, now, outcomes_table, runs_table, utc

col = runs_table.c
SINCE = (now() - col.stepped).label("since")  # the last epoch, seconds
SCORED = sa.exists().where(outcomes_table.c.data == col.data).label("scored")  # single samples
COPIED = (  # what copies of a finished run share
    *("data", "experiment", "seeds", "key", "state", "epoch", "epochs", "parameters", "seconds", "note", "results"),
    *("extended", "engine", "algorithm"),
)
experiment_from_json = lru_cache(maxsize=512)(Experiment.from_store)
UNREQUESTED = col.wish.is_(None) | (col.wish == "yield")  # its owner wants it to be trained


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
    engine: EngineName | None  # that trained it; None before a worker has chosen one for `auto`
    algorithm: int  # that began it, see `engines.base.ALGORITHM`
    state: State
    epoch: int  # done
    epochs: int  # requested
    parameters: int  # of one replicate
    created: datetime
    started: datetime | None
    finished: datetime | None  # when it reached its present state, whichever that is
    seconds: float  # of training
    error: str | None  # one sentence
    note: str | None
    """"max_seconds": the time limit ended it; "yielded": it waits for short runs; see RunQueue.heartbeat for what
    delays the training."""
    results: dict[str, Any] | None
    """By part: None, or lists over the replicates by score; `best_epoch`, `epochs`, `final_epoch`."""
    comparison: str | None
    requested_action: RequestedAction | None  # by its owner, and not yet carried out
    progress: float  # 0 to 1; grows within an epoch too
    seconds_left: float | None  # an estimate, while it runs
    loading: float | None  # the share done of what delays the training
    deleted: bool
    draft: bool  # trained on Play and not kept: not listed
    extended: bool  # epochs were added in a way that a new run of the same experiment would not reproduce
    attempts: int  # since its last new epoch
    # only `with_positions` fills these in
    position: int | None = None  # in the queue: 1 is next
    follows: str | None = None  # the equal run of another owner that is trained for this one too

    def __repr__(self) -> str:
        data, network = self.experiment.summary.split(", ")[:2]
        seeds = "1 seed" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds"
        return f"Run({self.id}, {data}, {network}, {seeds}, {self.state} {self.epoch}/{self.epochs})"

    @property
    def without_numba(self) -> bool:
        """Whether the NumPy engine trained it because the compiled one could not be used."""
        return self.experiment.train.engine == "auto" and self.engine == "numpy"

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """The networks it trains, in the order of all lists and arrays over replicates."""
        return replicates(self.seeds, self.experiment.data.folds)

    @property
    def active(self) -> bool:
        """Waiting or running."""
        return self.state in UNFINISHED

    @property
    def final_epochs(self) -> tuple[int, ...]:
        """The epoch (replicates,) whose weights its results are of: with patience the best one. Empty without
        results."""
        results = self.results or {}
        if "final_epoch" in results:
            return tuple(results["final_epoch"])
        # earlier versions went back to the best weights only where early stopping had ended a replicate
        patience = self.experiment.train.patience
        ended = zip(*(results.get(name, ()) for name in ("epochs", "best_epoch")), strict=True)
        return tuple(best if patience and best and epoch - best >= patience else epoch for epoch, best in ended)


@dataclass(frozen=True, eq=False)
class StoredOutcomes:
    """Reads the scores of single samples of a run, see `analysis.scores.packed_outcomes`."""

    store: Database
    data: str

    def __call__(self) -> Sequence[str] | None:
        found = self.store._rows(sa.select(outcomes_table.c.content).filter_by(data=self.data))
        outcomes: list[str] | None = json.loads(found[0].content) if found else None
        return outcomes

    def __eq__(self, other: object) -> bool:
        """Whether the scores are the same, also of other runs."""
        if not isinstance(other, StoredOutcomes):
            return NotImplemented
        return (self.store, self.data) == (other.store, other.data) or self() == other()


class RunStore(Database):
    """The runs of a data base, without the queue."""

    def create_run(self, experiment: Experiment, seeds: Sequence[int], owner: str, name: str = "", **other: Any) -> Run:
        """A new run, waiting in the queue. `other` are values of other columns, as `comparison`."""
        run_id = new_id()
        values = {
            "id": run_id,
            "data": run_id,
            "owner": owner,
            "name": name[:200],
            "experiment": experiment.to_json(),
            "seeds": _seeds_text(seeds),
            "key": experiment.key,
            "epochs": experiment.train.epochs,
            "parameters": experiment.parameters,
        }
        self._change(runs_table.insert().values(values | other))
        return self._known(run_id)

    def copy_run(self, run: Run, owner: str, name: str = "", comparison: str | None = None) -> Run | None:
        """A copy of a run that is at rest. Both read the same curves and weights. None if the run has been removed or
        has changed since `run` was read, as one that was queued again."""
        copy_id = new_id()
        columns = [col[name] for name in COPIED]
        values = {"id": copy_id, "owner": owner, "name": name[:200], "comparison": comparison}
        with self._write() as db:
            times = dict.fromkeys(("created", "queued", "started", "finished"), db.scalar(sa.select(now())))
            same = (col.id == run.id) & (col.state == run.state) & (col.key == run.key) & col.state.not_in(UNFINISHED)
            # locked: what a copy shares must not be removed or trained further before the copy is there
            original = db.execute(sa.select(*columns).where(same).with_for_update()).mappings().one_or_none()
            if original is None:
                return None
            db.execute(runs_table.insert().values({**original, **values, **times}))
        return self._known(copy_id)

    def run(self, run_id: str) -> Run | None:
        """One run, deleted or not."""
        return next(iter(self.runs(ids=[run_id], include_deleted=True)), None)

    def runs(
        self,
        owner: str | None = None,
        state: State | None = None,
        *,
        ids: Sequence[str] | None = None,
        include_deleted: bool = False,
        alone: bool | None = None,
        trained: bool = False,
        limit: int | None = None,
    ) -> list[Run]:
        """Runs, newest first; without drafts, unless they are named by their ids. `alone`: not those that were queued
        for a comparison; False: only these. `trained`: for an epoch at least."""
        wanted = {name: value for name, value in (("owner", owner), ("state", state)) if value is not None}
        query = sa.select(runs_table).filter_by(**wanted).order_by(col.created.desc(), col.id).limit(limit)
        if ids is not None:
            query = query.where(col.id.in_(list(ids)))
        if not include_deleted:
            query = query.where(col.deleted.is_(None))
        if ids is None:
            query = query.where(~col.draft)
        if alone is not None:
            query = query.where(col.comparison.is_(None) if alone else col.comparison.is_not(None))
        if trained:
            query = query.where(col.epoch > 0)
        return self._select(query)

    def keep(self, run_id: str, comparison: str | None = None) -> Run | None:
        """Turn a draft into a new run like any other, or of a comparison; None if it was cancelled."""
        draft = runs_table.update().where(col.id == run_id, col.draft, col.deleted.is_(None))
        self._change(draft.values(draft=False, comparison=comparison, created=now()))
        run = self._known(run_id)
        return None if run.deleted else run

    def rename(self, run_id: str, name: str) -> None:
        self._update(run_id, name=name[:200])

    def find_finished(
        self, experiment: Experiment, seeds: Sequence[int], owner: str | None = None, *, or_unfinished: bool = False
    ) -> Run | None:
        """A finished run of the same experiment and seeds, preferably of this owner, by the engine and algorithm that
        would train it here now.

        With `or_unfinished`, where there is none, the owner's own waiting or running one."""
        query = _usable_runs(experiment, owner).where(col.seeds == _seeds_text(seeds)).limit(1)
        found = self._select(query if or_unfinished else query.where(col.state == "finished"))
        return next(iter(found), None)

    def find_parts(self, experiment: Experiment, owner: str | None = None) -> list[Run]:
        """The finished runs of an experiment under any seeds, the owner's first; then the owner's unfinished ones that
        are no drafts. All by the engine and algorithm that would train it here now."""
        return self._select(_usable_runs(experiment, owner).where(~col.draft | (col.state == "finished")))

    def _select(self, query: sa.Select[Any]) -> list[Run]:
        return readable(self._read_run, self._rows(query.add_columns(SINCE, SCORED)))

    def _read_run(self, row: sa.Row[Any]) -> Run:
        run = _run(row)
        if row.scored and run.results is not None:
            run.results["outcomes"] = StoredOutcomes(self, row.data)
        return run

    def _known(self, run_id: str) -> Run:
        run = self.run(run_id)
        if run is None:
            raise UnknownRun(run_id)
        return run

    def _update(self, run_id: str, **changes: Any) -> None:
        if not self._change(runs_table.update().where(col.id == run_id).values(changes)):
            raise UnknownRun(run_id)


def _usable_runs(experiment: Experiment, owner: str | None) -> sa.Select[Any]:
    unfinished = sa.and_(col.owner == owner, col.state.in_(UNFINISHED), UNREQUESTED)
    return (
        sa.select(runs_table)
        .where(col.key == experiment.key, sa.or_(col.engine == engine_name(experiment), col.engine.is_(None)))
        .where(col.algorithm == ALGORITHM, col.extended.is_(False), sa.or_(col.state == "finished", unfinished))
        .where(sa.or_(col.deleted.is_(None), col.owner != owner))  # other owners' deleted runs are still valid
        .order_by(col.state != "finished", col.owner != owner, col.finished.desc())
    )


def seconds_left(row: sa.RowMapping) -> float:
    """The seconds that an unfinished run will still train, an estimate; any error if it cannot be read."""
    seeds = len(json.loads(row["seeds"]))
    if row["state"] == "running":
        return _progress(row, experiment_from_json(row["experiment"]), seeds)[1] or 0.0
    left: float = _estimated(row["experiment"], seeds) * (1 - row["epoch"] / row["epochs"])
    return left


@lru_cache(maxsize=4096)
def _estimated(experiment: str, seeds: int) -> float:
    return estimate_seconds(experiment_from_json(experiment), seeds)


def _seeds_text(seeds: Sequence[int]) -> str:
    return json.dumps(list(seeds), separators=(",", ":"))


def _run(stored: sa.Row[Any]) -> Run:
    row = stored._mapping
    experiment, seeds = experiment_from_json(row["experiment"]), tuple(json.loads(row["seeds"]))
    progress, left = _progress(row, experiment, len(seeds))
    values = {name: row[name] for name in Run.__dataclass_fields__ if name in row}
    values |= {name: row[name] and utc(row[name]) for name in ("created", "started", "finished")}
    values |= {"experiment": experiment, "seeds": seeds, "results": row["results"] and _results(row["results"])}
    named = experiment.train.engine
    values["engine"] = row["engine"] or (None if named == "auto" else named)  # earlier versions stored none
    values |= {
        "requested_action": None if row["wish"] == "yield" else row["wish"],
        "deleted": row["deleted"] is not None,
    }
    return Run(**values, progress=progress, seconds_left=left)


def _results(text: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(text)
    if not all(results.get(part) is None or isinstance(results[part], dict) for part in PARTS):
        raise TypeError("the scores of a part are no table")
    return results


def _progress(row: sa.RowMapping, experiment: Experiment, seeds: int) -> tuple[float, float | None]:
    """The share done, and the seconds left while it runs."""
    if row["state"] != "running":
        return (1.0 if row["state"] == "finished" else row["epoch"] / row["epochs"]), None
    # within an epoch, estimated from the pace of the last ones, so that the bar moves without a write
    pace = row["pace"] or estimate_seconds(experiment, seeds) / row["epochs"]
    since = max(0.0, row["since"]) if row["loading"] is None else 0.0
    part = min(0.95, since / pace) if pace > 0.5 else 0.0
    left = max(0.0, pace * (row["epochs"] - row["epoch"]) - since)
    return min(1.0, (row["epoch"] + part) / row["epochs"]), left
