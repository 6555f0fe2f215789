"""Comparisons and the runs of their cells."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from nnlab.spec import Comparison
from nnlab.store.connect import Database
from nnlab.store.readable import readable
from nnlab.store.schema import (
    PRECEDENCE,
    UNFINISHED,
    State,
    cells_table,
    comparisons_table,
    guesses_table,
    new_id,
    now,
    runs_table,
    utc,
)

col = comparisons_table.c
_comparison_from_json = lru_cache(maxsize=1024)(Comparison.from_store)  # 3 ms each: Runs lists hundreds


@dataclass(frozen=True)
class StoredComparison:
    """A comparison and the runs of its cells, in the order of its points."""

    id: str
    owner: str
    name: str
    comparison: Comparison
    created: datetime
    test_opened: datetime | None  # when its owner first opened the test set
    deleted: bool
    cells: tuple[tuple[tuple[str, bool], ...], ...]  # for every point its runs: id, existed before the comparison
    states: tuple[tuple[State, ...], ...]  # of these runs
    guesses: Mapping[str, str]  # by visitor: the value expected to be best, as in a link; empty: no difference

    @property
    def state(self) -> State:
        """The first in PRECEDENCE that one of its runs has."""
        return min((state for cell in self.states for state in cell), key=PRECEDENCE.index)

    @property
    def active(self) -> bool:
        """Whether one of its runs is waiting or running."""
        return self.state in UNFINISHED

    @property
    def done(self) -> int:
        """The number of cells whose runs have all finished."""
        return sum(set(cell) == {"finished"} for cell in self.states)


class ComparisonStore(Database):
    """The comparisons of a data base."""

    def create_comparison(self, comparison: Comparison, owner: str, name: str = "") -> str:
        """The id of a new comparison without runs."""
        new = {"id": new_id(), "owner": owner, "name": name[:200], "comparison": comparison.to_json()}
        self._change(comparisons_table.insert().values(new))
        return new["id"]

    def set_cells(
        self, comparison_id: str, comparison: Comparison, cells: Sequence[Sequence[tuple[str, bool]]]
    ) -> None:
        """Set the values and seeds of a comparison, and for every point its runs (id, existed before)."""
        rows = [
            {"place": place, "part": part, "run": run_id, "reused": reused}
            for place, runs in enumerate(cells)
            for part, (run_id, reused) in enumerate(runs)
        ]
        this = comparisons_table.update().where(col.id == comparison_id)
        with self._write() as db:
            db.execute(this.values(comparison=comparison.to_json()))
            db.execute(cells_table.delete().where(cells_table.c.comparison == comparison_id))
            db.execute(cells_table.insert().values(comparison=comparison_id), rows)

    def answers_comparison(self, run_id: str) -> bool:
        """Whether a cell of a comparison has this run."""
        return bool(self._rows(sa.select(cells_table.c.run).where(cells_table.c.run == run_id).limit(1)))

    def guess(self, comparison_id: str, owner: str, value: str) -> None:
        """Store what a visitor expects to be best. Only the first guess counts."""
        new = {"comparison": comparison_id, "owner": owner, "value": value}
        with suppress(sa.exc.IntegrityError):
            self._change(guesses_table.insert().values(new))

    def open_test(self, comparison_id: str) -> None:
        """Show the scores on the test set from now on. Only the first time is stored."""
        this = comparisons_table.update().where(col.id == comparison_id, col.test_opened.is_(None))
        self._change(this.values(test_opened=now()))

    def with_closed_test(self, comparison_ids: Iterable[str]) -> set[str]:
        """Those of these comparisons whose test set has not been opened."""
        closed = sa.select(col.id).where(col.id.in_(sorted(comparison_ids)), col.test_opened.is_(None))
        return {row.id for row in self._rows(closed)}

    def comparison(self, comparison_id: str) -> StoredComparison | None:
        """One comparison, deleted or not."""
        return next(iter(self._comparisons(col.id == comparison_id)), None)

    def comparisons(
        self, owner: str | None = None, limit: int | None = None, *, ids: Sequence[str] | None = None
    ) -> list[StoredComparison]:
        """Newest first, without deleted ones."""
        whose = sa.true() if owner is None else col.owner == owner
        named = sa.true() if ids is None else col.id.in_(list(ids))
        return self._comparisons(whose & named & col.deleted.is_(None), limit)

    def _comparisons(self, which: sa.ColumnElement[bool], limit: int | None = None) -> list[StoredComparison]:
        found = sa.select(comparisons_table).where(which).order_by(col.created.desc()).limit(limit)
        ids = found.with_only_columns(col.id).subquery()
        cells = (
            sa.select(cells_table, runs_table.c.state)
            .join(runs_table, runs_table.c.id == cells_table.c.run)
            .where(cells_table.c.comparison.in_(sa.select(ids.c.id)))
            .order_by(cells_table.c.place, cells_table.c.part)
        )
        guessed = sa.select(guesses_table).where(guesses_table.c.comparison.in_(sa.select(ids.c.id)))
        guesses: dict[str, dict[str, str]] = defaultdict(dict)
        runs: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
        with self._read() as db:
            rows = db.execute(found).all()
            for one in db.execute(guessed):
                guesses[one.comparison][one.owner] = one.value
            for cell in db.execute(cells):
                runs[cell.comparison][cell.place].append(cell)
        return readable(lambda row: _comparison(row, list(runs[row.id].values()), guesses[row.id]), rows)


def _comparison(
    row: sa.Row[Any], cells: Sequence[Sequence[sa.Row[Any]]], guesses: Mapping[str, str]
) -> StoredComparison:
    """A row of the comparisons and those of its cells; any error if they cannot be read."""
    comparison = _comparison_from_json(row.comparison)
    if cells and len(cells) != len(comparison.points):
        raise ValueError("a cell has no run")
    return StoredComparison(
        id=row.id,
        owner=row.owner,
        name=row.name,
        comparison=comparison,
        created=utc(row.created),
        test_opened=row.test_opened and utc(row.test_opened),
        deleted=row.deleted is not None,
        cells=tuple(tuple((cell.run, cell.reused) for cell in some) for some in cells),
        guesses=guesses,
        states=tuple(tuple(cell.state for cell in some) for some in cells),
    )
