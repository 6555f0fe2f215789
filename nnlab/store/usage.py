"""How much of the disk runs take: of one owner, and of all."""

import json
from functools import lru_cache

import sqlalchemy as sa

from nnlab.store.budget import stored_bytes
from nnlab.store.connect import Database
from nnlab.store.readable import readable
from nnlab.store.runs import experiment_from_json
from nnlab.store.schema import UNFINISHED, runs_table

col = runs_table.c


class UsageStore(Database):
    """What the runs of a data base take, in bytes."""

    def used(self, owner: str) -> int:
        """Bytes of an owner's curves, snapshots and checkpoints, in one cheap query.

        Deleted runs count as nothing from the moment they are deleted. What copies share counts for the owner of the
        run that was trained; when that run is removed for good, for the owner of its oldest copy."""
        sizes = sa.select(sa.func.sum(col.size)).where(col.owner == owner, col.deleted.is_(None))
        with self._read() as db:
            return int(db.scalar(sizes) or 0)

    def promised(self, owner: str) -> float:
        """Bytes that an owner's unfinished runs will store besides what they have, an estimate."""
        unfinished = sa.select(col.id, col.experiment, col.seeds, col.size).where(
            col.owner == owner, col.state.in_(UNFINISHED)
        )
        rows = self._rows(unfinished.where(col.deleted.is_(None)))
        left = readable(lambda row: _estimated(row.experiment, row.seeds) - row.size, rows)
        return float(sum(max(0.0, one) for one in left))


@lru_cache(maxsize=4096)
def _estimated(experiment: str, seeds: str) -> float:
    size: float = stored_bytes(experiment_from_json(experiment), len(json.loads(seeds)))
    return size
