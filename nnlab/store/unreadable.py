"""What of an owner cannot be read: it is named, and may be deleted."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nnlab.store.comparisons import ComparisonStore
from nnlab.store.deletion import DeletionStore
from nnlab.store.runs import RunStore, UnknownRun
from nnlab.store.schema import comparisons_table, runs_table, utc


@dataclass(frozen=True)
class Unreadable:
    """A run or comparison that was stored by a newer nnlab, or is damaged."""

    id: str
    owner: str
    name: str
    created: datetime | None


class UnreadableStore(RunStore, ComparisonStore, DeletionStore):
    """The rows of a data base that other methods leave out."""

    def unreadable(self, owner: str | None = None) -> list[Unreadable]:
        """The runs, then the comparisons of an owner (None: of all) that cannot be read and are not deleted."""
        stored: list[sa.Row[Any]] = []
        for table in (runs_table, comparisons_table):
            query = sa.select(table.c.id, table.c.owner, table.c.name, table.c.created).where(table.c.deleted.is_(None))
            query = query.where(~table.c.draft) if table is runs_table else query
            stored += self._rows(query if owner is None else query.where(table.c.owner == owner))
        fine = {run.id for run in self.runs(owner)} | {one.id for one in self.comparisons(owner)}
        return [_unreadable(row) for row in stored if row.id not in fine]

    def delete_unreadable(self, item: str, owner: str) -> None:
        """Delete an unreadable run or comparison of this owner; of another nothing happens."""
        if item in {one.id for one in self.unreadable(owner)}:
            self.delete_comparison(item)  # no run has the id of a comparison
            with suppress(UnknownRun):
                self.delete(item)


def _unreadable(row: sa.Row[Any]) -> Unreadable:
    try:
        created = utc(row.created)
    except (TypeError, ValueError, OverflowError, OSError):
        created = None
    return Unreadable(row.id, row.owner, str(row.name), created)
