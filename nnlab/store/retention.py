"""What is removed in the course of time, in small transactions, so that no page and no worker waits long."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from nnlab.analysis.curves import evenly_spaced
from nnlab.settings import settings
from nnlab.store import budget
from nnlab.store.assignments import remove_assignments
from nnlab.store.files import FileStore
from nnlab.store.people import remove_sign_ins
from nnlab.store.schema import (
    UNFINISHED,
    cells_table,
    checkpoints_table,
    comparisons_table,
    guesses_table,
    now,
    runs_table,
    snapshots_table,
    version_table,
)
from nnlab.store.stored import drop_unused, measure

DAY = 86400.0
AT_ONCE, BYTES_AT_ONCE = 10, 4e6  # runs in one transaction, and bytes of their data unless one run has more
col, cell, made, snapshot = runs_table.c, cells_table.c, comparisons_table.c, snapshots_table.c

What = Literal["deleted", "drafts", "checkpoints", "snapshots"]
Condition = sa.ColumnElement[bool]
Time = sa.ColumnElement[float]
Rows = Sequence[sa.RowMapping]
active = col.state.in_(UNFINISHED)


class Freed(NamedTuple):
    """What one step has removed: of so many runs so many bytes."""

    what: What
    runs: int
    bytes: int


@dataclass(frozen=True)
class Retention:
    """How long what stays, in seconds."""

    deleted: float  # runs and comparisons that were deleted, and runs of cells that their comparison has lost
    drafts: float  # what was trained on Play and not kept
    stopped: float  # the checkpoint of a run that was stopped
    snapshots: float  # all of a run that does not change
    max_drafts: int  # finished ones of an owner
    thin_above: float = budget.ROOMY  # bytes of the data base: below, snapshots stay

    @classmethod
    def of_settings(cls) -> "Retention":
        """As the settings of this installation say."""
        given = settings()
        purge, drafts, thin = given.purge_after_days, given.draft_days, given.thin_after_days
        return cls(purge * DAY, drafts * DAY, purge * DAY, thin * DAY, given.max_drafts)

    @classmethod
    def older_than(cls, seconds: float) -> "Retention":
        """One age for all, whatever the size of the data base."""
        return cls(seconds, seconds, seconds, seconds, settings().max_drafts, thin_above=0.0)


class RetentionStore(FileStore):
    """What a data base loses in the course of time."""

    def may_clean(self, every: float) -> bool:
        """Whether no server has begun to remove what is old for so many seconds; the caller then does."""
        last = version_table.c.cleaned
        due = last.is_(None) | (last < now() - every)
        return bool(self._change(version_table.update().where(due).values(cleaned=now())))

    def prune(self, keep: Retention | None = None, *, dry_run: bool = False) -> Iterator[Freed]:
        """Remove what is older than `keep` allows (by default the settings), a small transaction at each step of the
        iteration, and shrink the file.

        dry_run : remove nothing; the steps say what would be removed."""
        keep = keep or Retention.of_settings()
        if not dry_run:
            self._remove_comparisons(now() - keep.deleted)
        deleted = _deleted(now() - keep.deleted)
        yield from self._remove("deleted", deleted, deleted, dry_run)
        yield from self._remove("drafts", _drafts(now() - keep.drafts, keep.max_drafts), col.draft, dry_run)
        stopped = _with_checkpoint(now() - keep.stopped)
        yield from self._reduce("checkpoints", stopped, checkpoints_table, _checkpoint, dry_run)
        if self.bytes_on_disk() > keep.thin_above:
            still = _unthinned(now() - keep.snapshots)
            yield from self._reduce("snapshots", still, snapshots_table, _between, dry_run)
        if not dry_run:
            with self._write() as db:
                remove_assignments(db, now() - keep.deleted)
                remove_sign_ins(db)
            yield from (Freed("deleted", 0, 0) for _ in self.give_back())

    def _remove_comparisons(self, before: Time) -> None:
        """Deleted ones, and those without cells, which a failure of the store has left. Their runs are then free to be
        removed, unless another comparison shows them."""
        empty = made.id.not_in(sa.select(cell.comparison)) & (made.created < before)
        gone = sa.select(made.id).where(made.deleted < before)
        with self._write() as db:
            for table in (cells_table, guesses_table):
                db.execute(table.delete().where(table.c.comparison.in_(gone)))
            heir = sa.select(sa.func.min(cell.comparison)).where(cell.run == col.id).scalar_subquery()
            db.execute(runs_table.update().where(col.comparison.in_(gone)).values(comparison=heir))
            db.execute(comparisons_table.delete().where(made.id.in_(gone) | empty))

    def _remove(self, what: What, which: Condition, still: Condition, dry_run: bool) -> Iterator[Freed]:
        """Remove runs for good, and their data unless a copy shows them.

        still : what is asked of each run again, as it may have changed; it is quick, for other writers wait."""
        removable = (col.state != "running") & ~sa.exists().where(cell.run == col.id)
        for some in _batches(self._rows(sa.select(col.id, col.size).where(which, removable))):
            gone: Sequence[Any] = some
            if not dry_run:
                these = runs_table.delete().where(col.id.in_([row.id for row in some]), still, removable)
                with self._write() as db:
                    gone = db.execute(these.returning(col.data, col.size)).all()
                    drop_unused(db, [row.data for row in gone])
            yield Freed(what, len(gone), sum(row.size for row in gone))

    def _reduce(
        self,
        what: What,
        which: Condition,
        table: sa.Table,
        surplus: Callable[[sa.Connection, str], Rows],
        dry_run: bool,
    ) -> Iterator[Freed]:
        """Remove those rows of a table that runs no longer need; they are looked up before others have to wait."""
        of = sa.and_(*(column == sa.bindparam(f"of_{column.name}") for column in table.primary_key))
        for some in _batches(self._rows(sa.select(col.id, col.data, col.size).where(which, ~active))):
            with self._read() as db:
                gone = {row.id: surplus(db, row.data) for row in some}
            if not dry_run:
                with self._write() as db:
                    idle = set(db.scalars(sa.select(col.id).where(col.id.in_(gone), ~active).with_for_update()))
                    gone = {run_id: rows for run_id, rows in gone.items() if run_id in idle}
                    keys = [{f"of_{c.name}": row[c.name] for c in table.primary_key} for row in chain(*gone.values())]
                    if keys:
                        db.execute(table.delete().where(of), keys)
                    if what == "snapshots":
                        db.execute(runs_table.update().where(col.id.in_(gone)).values(thinned=True))
                    measure(db, *gone)
            yield Freed(what, len(gone), sum(row["size"] for row in chain(*gone.values())))


def _deleted(before: Time) -> Condition:
    """What its owner has deleted; and runs that were trained for a comparison which no longer shows them."""
    return (col.deleted < before) | (col.comparison.is_not(None) & ~active & (col.finished < before))


def _drafts(before: Time, most: int) -> Condition:
    """Old drafts, and the oldest finished ones of who has many."""
    newest = sa.func.row_number().over(partition_by=col.owner, order_by=(col.created.desc(), col.id))
    ranked = sa.select(col.id, newest.label("place")).where(col.draft, ~active).subquery()
    too_many = sa.select(ranked.c.id).where(ranked.c.place > most)
    return col.draft & ((col.created < before) | col.id.in_(too_many))


def _with_checkpoint(before: Time) -> Condition:
    """Runs that were stopped some time ago, and finished ones of earlier versions, whose checkpoints all stayed."""
    stored = checkpoints_table.c
    large = sa.select(stored.data).where(sa.func.length(stored.content) > budget.CHECKPOINT_BYTES)
    stopped = (col.state == "stopped") & (col.finished < before) & col.data.in_(sa.select(stored.data))
    return (col.size > 0) & (stopped | ((col.state == "finished") & col.data.in_(large)))


def _checkpoint(db: sa.Connection, data: str) -> Rows:
    stored = checkpoints_table.c
    query = sa.select(stored.data, sa.func.length(stored.content).label("size")).where(stored.data == data)
    return db.execute(query).mappings().all()


def _unthinned(before: Time) -> Condition:
    """Runs at rest with more than a few snapshots. Copies have the size 0."""
    return (col.size > budget.UNTHINNED_BYTES) & ~col.thinned & (col.state != "paused") & (col.finished < before)


def _between(db: sa.Connection, data: str) -> Rows:
    """Those of the snapshots on the way that lie between the evenly spread ones that stay."""
    stored = sa.select(snapshot.data, snapshot.kind, snapshot.epoch, sa.func.length(snapshot.weights).label("size"))
    steps = stored.where(snapshot.data == data, snapshot.kind == "step").order_by(snapshot.epoch)
    found = db.execute(steps).mappings().all()
    fit = int(min(budget.THINNED_STEPS, budget.THINNED_BYTES // max((row["size"] for row in found), default=1)))
    stay = set(evenly_spaced(len(found), fit)) if fit > 1 else set()
    return [row for place, row in enumerate(found) if place not in stay]


def _batches(rows: Sequence[Any]) -> Iterator[list[Any]]:
    """Some runs at a time, so that no transaction is long."""
    some: list[Any] = []
    total = 0
    for row in rows:
        if some and (len(some) == AT_ONCE or total + row.size > BYTES_AT_ONCE):
            yield some
            some, total = [], 0
        some.append(row)
        total += row.size
    if some:
        yield some
