"""What training writes: curves (metrics per epoch), snapshots of the weights, checkpoints."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import safetensors.numpy
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite

from nnlab.analysis.curves import curves_frame, evenly, metrics_frame
from nnlab.engines.base import METRICS, Epoch, Floats, Weights
from nnlab.engines.choice import EngineName
from nnlab.spec import Experiment
from nnlab.store.queue import RunQueue
from nnlab.store.readable import readable
from nnlab.store.runs import UnknownRun, col, experiment_from_json
from nnlab.store.schema import RequestedAction, checkpoints_table, metrics_table, now, snapshots_table
from nnlab.store.stored import measure
from nnlab.store.weights import stored_weights


@dataclass(frozen=True)
class MetricsTable:
    """The curves of a run as arrays."""

    seeds: tuple[int, ...]
    folds: int  # 0 for hold-out
    patience: int  # 0 without early stopping
    epochs: NDArray[np.int64]  # (n,)
    values: Floats  # (n, 4, replicates), in the order of METRICS; nan where there is no value
    lr: Floats  # (n,)
    seconds: Floats  # (n,) per epoch, all replicates together

    def frame(self) -> pd.DataFrame:
        """See `metrics_frame`."""
        return metrics_frame(self.seeds, self.folds, self.epochs, self.values, self.lr, self.seconds)

    def curves(self) -> pd.DataFrame:
        """See `curves_frame`."""
        return curves_frame(self.epochs, self.values, self.patience)

    @property
    def lacks_best(self) -> bool:
        """Whether early stopping ended a replicate, and the epoch of its best weights may be one that is not here."""
        last = int(self.epochs[-1]) if len(self.epochs) else 0
        return self.patience > 0 and len(self.epochs) < last and bool(np.isnan(self.values).all(axis=1).any())


class CurveStore(RunQueue):
    """The runs of a data base, their queue, curves and weights."""

    def append(
        self,
        run_id: str,
        attempt: str,
        epochs: Sequence[Epoch],
        *,
        epoch: int | None = None,
        seconds: float | None = None,
        pace: float | None = None,
        engine: EngineName | None = None,
        snapshots: Iterable[tuple[str, int, Weights]] = (),
        checkpoint: bytes | None = None,
    ) -> RequestedAction | None:
        """Write a worker's progress and heartbeat in one transaction; the requested action. Raises Lost.

        epochs : those that are in the store already (repeated after a crash) stay as they are.
        epoch : epochs done; the last of `epochs` by default.
        seconds, pace : training time so far, seconds per epoch.
        engine : that trains the run.
        snapshots : (kind, epoch, weights) of kind step, live, last or best; one of the last three replaces the former,
            and "last" replaces "live" and "best" too. Where the best weights are the last ones, "best" is left out.
        checkpoint : of the same moment as `epoch`."""
        if epoch is None and epochs:
            epoch = epochs[-1].epoch
        rows = [_metrics_row(one) for one in epochs]
        blobs = [(kind, at, safetensors.numpy.save(weights)) for kind, at, weights in snapshots]
        new = {"seconds": seconds, "pace": pace, "engine": engine, "stepped": now() if epochs else None}
        changes: dict[str, Any] = {name: value for name, value in new.items() if value is not None}
        if epoch is not None:
            further = col.epoch < epoch
            changes["epoch"] = sa.case((further, epoch), else_=col.epoch)
            changes["attempts"] = sa.case((further, 1), else_=col.attempts)  # those before died without its doing
        with self._write() as db:
            action, data = self._update_claimed(db, run_id, attempt, loading=None, note=None, **changes)
            if epochs:
                db.execute(_insert(db, metrics_table).values(data=data).on_conflict_do_nothing(), rows)
            if blobs:
                _replace_snapshots(db, data, blobs)
            if checkpoint is not None:
                db.execute(checkpoints_table.delete().where(checkpoints_table.c.data == data))
                db.execute(checkpoints_table.insert().values(data=data, epoch=epoch or 0, content=checkpoint))
            if blobs or checkpoint is not None:
                measure(db, run_id)
        return action

    def metrics(
        self,
        run_id: str,
        after: int = 0,
        max_points: int | None = None,
        *,
        until: int | None = None,
        epochs: Sequence[int] | None = None,
    ) -> MetricsTable:
        """The epochs above `after`, up to `until`; if they are more than `max_points`, evenly thinned with the first
        and last. With `epochs` only these."""
        columns = metrics_table.c
        run = next(
            iter(self._rows(sa.select(col.data, col.seeds, col.experiment, col.epoch).filter_by(id=run_id))), None
        )
        if run is None:
            raise UnknownRun(run_id)
        query = sa.select(metrics_table).where(columns.data == run.data, columns.epoch > after).order_by(columns.epoch)
        if until is not None:
            query = query.where(columns.epoch <= until)
        if max_points is not None and run.epoch - after > max_points:
            epochs = np.linspace(after + 1, run.epoch, max_points).round().astype(int).tolist()
        if epochs is not None:
            query = query.where(columns.epoch.in_(epochs))
        return _metrics_table(run, self._rows(query))

    def curves(self, run_id: str, max_points: int | None = None, after: int = 0) -> pd.DataFrame:
        """The curves of a run, see `curves_frame`; its epochs as from `metrics`."""
        table = self.metrics(run_id, after, max_points)
        if not table.lacks_best:
            return table.curves()
        every = self.metrics(run_id).curves()
        return evenly(every[every["epoch"] > after], max_points).reset_index(drop=True)

    def snapshot_epochs(self, run_id: str) -> list[int]:
        """The epochs with stored weights, in order; 0 is before training."""
        columns = snapshots_table.c
        query = sa.select(columns.epoch).where(columns.data == _data_of(run_id), columns.kind.in_(("step", "last")))
        return sorted({row.epoch for row in self._rows(query)})

    def snapshot(
        self, run_id: str, epoch: int | Literal["best"] | None = None, replicate: int | None = None
    ) -> tuple[int, Weights] | None:
        """An epoch and its weights, arrays (replicates, ...); None if there are none.

        It is the nearest stored epoch at or before `epoch`; None means the latest, "best" the epoch of each
        replicate's lowest validation loss. `replicate`: the place of one, whose arrays (1, ...) alone are read."""
        columns = snapshots_table.c
        query = _snapshots_of(run_id)
        if epoch == "best":
            query = query.where(columns.kind.in_(("best", "last")))
        elif epoch is None:
            query = query.where(columns.kind != "best")
        else:
            query = query.where(columns.kind.in_(("step", "last")), columns.epoch <= epoch)
        kinds = sa.case({"best": 0, "last": 1, "live": 2}, value=columns.kind, else_=3)
        with self._read() as db:
            found = db.execute(query.order_by(columns.epoch.desc(), kinds).limit(1)).all()
            return next(iter(readable(partial(_weights, db, replicate), found)), None)

    def frames(self, run_id: str, epochs: Sequence[int], replicate: int | None = None) -> list[tuple[int, Weights]]:
        """The stored weights of these epochs, in order and as from `snapshot`; an epoch without any is left out."""
        columns = snapshots_table.c
        query = _snapshots_of(run_id).where(columns.kind.in_(("step", "last")), columns.epoch.in_(epochs))
        with self._read() as db:
            rows = db.execute(query.order_by(columns.epoch, columns.kind.desc())).all()
            found = {row.epoch: row for row in rows}
            return readable(partial(_weights, db, replicate), found.values())

    def checkpoint(self, run_id: str) -> bytes | None:
        """What Training resumes from."""
        query = sa.select(checkpoints_table.c.content).where(checkpoints_table.c.data == _data_of(run_id))
        return next((row.content for row in self._rows(query)), None)

    def trained_weights(self, experiment: Experiment, seeds: Sequence[int]) -> Weights | None:
        """The final weights (seeds, ...) of an experiment that was trained under these seeds; else None."""
        run = next((run for run in self.find_parts(experiment) if set(seeds) <= set(run.seeds)), None)
        last = self.snapshot(run.id) if run else None
        if run is None or last is None:
            return None
        places = [i for seed in seeds for i, one in enumerate(run.replicates) if one.seed == seed]
        return {name: array[places] for name, array in last[1].items()}


def _data_of(run_id: str) -> sa.ScalarSelect[Any]:
    """The id of a run's curves and weights, as a subquery."""
    return sa.select(col.data).where(col.id == run_id).scalar_subquery()


def _snapshots_of(run_id: str) -> sa.Select[tuple[str, str, int]]:
    columns = snapshots_table.c
    return sa.select(columns.data, columns.kind, columns.epoch).where(columns.data == _data_of(run_id))


def _weights(db: sa.Connection, replicate: int | None, row: Any) -> tuple[int, Weights]:
    return row.epoch, stored_weights(db, row, replicate)


def _metrics_row(epoch: Epoch) -> dict[str, Any]:
    figures = np.stack([getattr(epoch, name) for name in METRICS]).astype("<f8").tobytes()
    return {"epoch": epoch.epoch, "figures": figures, "lr": epoch.lr, "seconds": epoch.seconds}


def _metrics_table(run: Any, rows: Sequence[Any]) -> MetricsTable:
    seeds, experiment = tuple(json.loads(run.seeds)), experiment_from_json(run.experiment)
    replicates = experiment.replicates(len(seeds))
    rows = [row for row in rows if len(row.figures) == 8 * len(METRICS) * replicates]  # a damaged epoch is missing
    figures = np.frombuffer(b"".join(row.figures for row in rows), "<f8")
    return MetricsTable(
        seeds,
        experiment.data.folds,
        experiment.train.patience,
        np.array([row.epoch for row in rows], np.int64),
        figures.reshape(len(rows), len(METRICS), replicates),
        np.array([row.lr for row in rows], np.float64),
        np.array([row.seconds for row in rows], np.float64),
    )


def _replace_snapshots(db: sa.Connection, data: str, snapshots: Sequence[tuple[str, int, bytes]]) -> None:
    """Store weights by kind and epoch, in two statements whatever their number: a small network has hundreds."""
    columns, kept, replaced = snapshots_table.c, dict[tuple[str, int], bytes](), set[str]()
    for kind, at, blob in snapshots:
        if kind != "step":
            kinds = ("last", "live", "best") if kind == "last" else (kind,)
            replaced.update(kinds)
            kept = {key: one for key, one in kept.items() if key[0] not in kinds}
        kept[kind, at] = blob
    if replaced:
        db.execute(snapshots_table.delete().where(columns.data == data, columns.kind.in_(replaced)))
    insert = _insert(db, snapshots_table)
    again = insert.on_conflict_do_update(
        index_elements=list(snapshots_table.primary_key), set_={"weights": insert.excluded.weights}
    )
    rows = [{"data": data, "kind": kind, "epoch": at, "weights": blob} for (kind, at), blob in kept.items()]
    db.execute(again, rows)


def _insert(db: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that may say what is done about rows that are there."""
    return (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(table)
