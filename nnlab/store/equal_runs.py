"""Equal runs of several owners are trained once: how the others get the results."""

from typing import Any

import sqlalchemy as sa

from nnlab.engines.base import ALGORITHM
from nnlab.store.runs import COPIED, col
from nnlab.store.schema import now, runs_table
from nnlab.store.stored import drop_unused

LATE = 10.0  # seconds between the search for a finished run and the new run's row, at most


def finished_equal(run_id: str) -> sa.Select[Any]:
    """The id of an equal run of another owner that was finished since this one was queued; unless the owner has its
    results already, and trains it again on purpose."""
    this, mine = runs_table.alias().c, runs_table.alias().c
    new = col.data.not_in(sa.select(mine.data).where(mine.owner == this.owner, mine.key == this.key))
    same = (col.key == this.key) & (col.seeds == this.seeds) & (col.owner != this.owner) & ~this.extended
    usable = (col.state == "finished") & (col.algorithm == ALGORITHM) & ~col.extended
    return sa.select(col.id).where(this.id == run_id, same, usable, new, col.finished > this.created - LATE).limit(1)


def give_results(db: sa.Connection, run_id: str) -> None:
    """Finish the waiting runs of other owners that equal a finished one: all read the same curves and weights."""
    given = db.execute(
        sa.select(*(col[name] for name in COPIED), col.owner).where(col.id == run_id).with_for_update()
    ).one()
    others = (col.key == given.key) & (col.seeds == given.seeds) & (col.owner != given.owner) & ~col.extended
    follows = others & (col.state == "waiting") & (col.epoch == 0) & col.wish.is_(None) & col.deleted.is_(None)
    former = db.scalars(sa.select(col.data).where(follows)).all()
    if former and given.algorithm == ALGORITHM and not given.extended:
        same = {name: getattr(given, name) for name in COPIED}
        db.execute(runs_table.update().where(follows).values(same | {"started": now(), "finished": now()}))
        drop_unused(db, former)  # of an attempt without a whole epoch
