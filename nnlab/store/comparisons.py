"""Comparisons and the runs of their cells."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa

from nnlab.spec import Comparison
from nnlab.store.connect import Database
from nnlab.store.schema import cells_table, comparisons_table, new_id, utc

col = comparisons_table.c


@dataclass(frozen=True)
class StoredComparison:
    """A comparison and the runs of its cells, in the order of its points."""

    id: str
    owner: str
    name: str
    comparison: Comparison
    created: datetime
    test_opened: datetime | None
    """When its owner first opened the test set."""
    cells: tuple[tuple[tuple[str, bool], ...], ...]
    """For every point its runs: id, and whether the run existed before the comparison."""

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run_id for cell in self.cells for run_id, _ in cell)


class ComparisonStore(Database):
    """The comparisons of a data base."""

    def create_comparison(self, comparison: Comparison, owner: str, name: str = "") -> str:
        """The id of a new comparison without runs."""
        values = {"id": new_id(), "owner": owner, "name": name[:200], "comparison": comparison.to_json()}
        with self._write() as db:
            db.execute(comparisons_table.insert().values(values | {"created": time.time()}))
        return values["id"]

    def set_cells(
        self, comparison_id: str, comparison: Comparison, cells: Sequence[Sequence[tuple[str, bool]]]
    ) -> None:
        """Set the values and seeds of a comparison, and for every point its runs (id, existed before)."""
        rows = [
            {"comparison": comparison_id, "place": place, "part": part, "run": run_id, "reused": reused}
            for place, runs in enumerate(cells)
            for part, (run_id, reused) in enumerate(runs)
        ]
        with self._write() as db:
            db.execute(
                comparisons_table.update().where(col.id == comparison_id).values(comparison=comparison.to_json())
            )
            db.execute(cells_table.delete().where(cells_table.c.comparison == comparison_id))
            db.execute(cells_table.insert(), rows)

    def open_test(self, comparison_id: str) -> None:
        """Show the scores on the test set from now on. Only the first time is stored."""
        this = (col.id == comparison_id, col.test_opened.is_(None))
        with self._write() as db:
            db.execute(comparisons_table.update().where(*this).values(test_opened=time.time()))

    def with_closed_test(self, comparison_ids: Iterable[str]) -> set[str]:
        """Those of these comparisons whose test set has not been opened."""
        closed = sa.select(col.id).where(col.id.in_(sorted(comparison_ids)), col.test_opened.is_(None))
        with self._read() as db:
            return set(db.execute(closed).scalars())

    def comparison(self, comparison_id: str) -> StoredComparison | None:
        found = self._comparisons(col.id == comparison_id)
        return found[0] if found else None

    def comparisons(self, owner: str | None = None, limit: int | None = None) -> list[StoredComparison]:
        """Newest first."""
        return self._comparisons(sa.true() if owner is None else col.owner == owner, limit)

    def _comparisons(self, which: sa.ColumnElement[bool], limit: int | None = None) -> list[StoredComparison]:
        found = sa.select(comparisons_table).where(which).order_by(col.created.desc()).limit(limit)
        cells = sa.select(cells_table).where(cells_table.c.comparison.in_(found.with_only_columns(col.id)))
        runs: dict[str, dict[int, list[tuple[str, bool]]]] = {}
        with self._read() as db:
            rows = db.execute(found).all()
            for cell in db.execute(cells.order_by(cells_table.c.place, cells_table.c.part)):
                places = runs.setdefault(cell.comparison, {})
                places.setdefault(cell.place, []).append((cell.run, cell.reused))
        return [
            StoredComparison(
                id=row.id,
                owner=row.owner,
                name=row.name,
                comparison=_comparison_from_json(row.comparison),
                created=utc(row.created),
                test_opened=row.test_opened and utc(row.test_opened),
                cells=tuple(tuple(one) for one in runs.get(row.id, {}).values()),
            )
            for row in rows
        ]


@lru_cache(maxsize=128)
def _comparison_from_json(text: str) -> Comparison:
    return Comparison.from_json(text)
