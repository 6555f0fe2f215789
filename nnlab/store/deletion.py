"""Deleting runs, comparisons and drafts: they are hidden first, and removed for good by `retention`."""

from collections.abc import Sequence

import sqlalchemy as sa

from nnlab.store.connect import Database
from nnlab.store.runs import UnknownRun
from nnlab.store.schema import UNFINISHED, cells_table, comparisons_table, now, runs_table

col, cell, made = runs_table.c, cells_table.c, comparisons_table.c


class DeletionStore(Database):
    """What is deleted of a data base, and what comes back."""

    def delete(self, run_id: str) -> None:
        """Hide a run, and stop it if it is unfinished; `restore` undoes it until it is purged."""
        with self._write() as db:
            if not hide(db, col.id == run_id):
                raise UnknownRun(run_id)

    def restore(self, run_id: str) -> None:
        """Undo `delete`: a run that it has stopped continues."""
        with self._write() as db:
            if not _show(db, col.id == run_id):
                raise UnknownRun(run_id)

    def delete_comparison(self, comparison_id: str) -> None:
        """Hide a comparison with the runs that were queued for comparisons and that no other one shows."""
        ours = sa.select(cell.run).where(cell.comparison == comparison_id)
        others = sa.select(made.id).where(made.id != comparison_id, made.deleted.is_(None))
        elsewhere = sa.select(cell.run).where(cell.comparison.in_(others))
        only_here = col.id.in_(ours) & col.id.not_in(elsewhere) & col.comparison.is_not(None) & col.deleted.is_(None)
        with self._write() as db:
            moment = db.scalar(sa.select(now()))
            db.execute(comparisons_table.update().where(made.id == comparison_id).values(deleted=moment))
            hide(db, only_here, moment)

    def restore_comparison(self, comparison_id: str) -> None:
        """Undo `delete_comparison`; runs that were deleted before stay deleted."""
        with self._write() as db:
            moment = sa.select(made.deleted).where(made.id == comparison_id).scalar_subquery()
            cells = sa.select(cell.run).where(cell.comparison == comparison_id)
            _show(db, col.id.in_(cells) & (col.deleted == moment))
            db.execute(comparisons_table.update().where(made.id == comparison_id).values(deleted=None))

    def cancel_drafts(self, run_ids: Sequence[str], owner: str) -> None:
        """Hide and stop those of these runs that are unfinished drafts of this owner."""
        with self._write() as db:
            unfinished = col.draft & col.state.in_(UNFINISHED) & (col.owner == owner)
            hide(db, col.id.in_(run_ids) & unfinished)


def hide(db: sa.Connection, which: sa.ColumnElement[bool], moment: float | None = None) -> int:
    """Hide runs; those that have not begun stop at once, the other unfinished ones at their worker's next write."""
    moment = moment or db.scalar(sa.select(now()))
    not_begun = (col.state == "waiting") & (col.epoch == 0)
    stop = {
        "state": sa.case((not_begun, "stopped"), else_=col.state),
        "finished": sa.case((not_begun, moment), else_=col.finished),
        "wish": sa.case((not_begun, sa.null()), (col.state.in_(UNFINISHED), "stop"), else_=col.wish),
    }
    return db.execute(runs_table.update().where(which).values(deleted=moment, **stop)).rowcount


def _show(db: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """Show hidden runs again; those that were stopped as they were hidden return to their places in the queue."""
    stopped = which & (col.state == "stopped") & (col.finished >= col.deleted)
    again = dict.fromkeys(("error", "note", "results", "finished"))
    db.execute(runs_table.update().where(stopped).values(state="waiting", attempts=0, **again))
    return db.execute(runs_table.update().where(which).values(deleted=None, wish=None)).rowcount
