"""What the Compare page knows of a comparison: its table, what it says, curves, time left.

What has come to rest is read once for everybody who looks on; a tick reads what moves.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from nnlab.analysis.statistics import interval
from nnlab.comparison.cell_runs import CellRun
from nnlab.comparison.findings import Finding, finding
from nnlab.comparison.table import Cell, cell_row, chosen_by, table_from
from nnlab.engines.base import METRICS, Array
from nnlab.engines.costs import estimate_seconds
from nnlab.lab import ComparisonRun, Lab
from nnlab.settings import settings
from nnlab.spec import Comparison, Point
from nnlab.ui.compare.question import is_number, knob_name, point_name
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

CURVES = ("epoch", *(f"{name}{end}" for name in METRICS for end in ("", "_low", "_high")))
"""Columns of a cell's curves."""
PACE = 50
"""Cells that may move in a second of a tick."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a comparison at one moment."""

    table: pd.DataFrame
    """Of the cells at rest, under its fixed English names."""
    finding: Finding
    """What it says so far."""
    reference: int | None
    """Place of the cell the others are compared with."""
    part: str
    """Whose scores decide: "validation", or "train" where there is none."""


_rows: Cache[dict[str, Any]] = Cache(2000)
_known: Cache[Known] = Cache(100)
_curves: Cache[Array] = Cache(4000)


def known(lab: Lab, run: ComparisonRun, baseline: int | None = None) -> Known:
    """What is known now; differences are to the cell in the place `baseline`, or to the best."""
    opened = run.test_opened is not None
    states = tuple(None if cell.active else cell.version for cell in run.cells)
    return _known.get(
        (run.id, _shape(run.comparison), states, baseline, opened), lambda: _learn(lab, run, baseline, opened)
    )


def _shape(comparison: Comparison) -> Hashable:
    """What can change of a comparison that goes on under the same id."""
    return comparison.values, comparison.by_values, comparison.seeds


def _learn(lab: Lab, run: ComparisonRun, baseline: int | None, opened: bool) -> Known:
    rows = _rows.many(
        [("waits", cell.experiment.key) if cell.active else (cell.version, cell.seeds) for cell in run.cells],
        lambda places: _make_rows(lab, [run.cells[place] for place in places]),
    )
    cells = [Cell(cell.results, None) for cell in run.cells]
    table = table_from(run.comparison, rows, cells, baseline=baseline, test=opened)
    part = chosen_by(cells, run.comparison.experiment.score)
    own = table[f"{part}_{run.comparison.experiment.score}"].notna() & table["difference"].isna()
    reference = int(own.to_numpy().argmax()) if own.any() else None
    if baseline is not None:
        reference = baseline if table["difference"].notna().any() else None
    return Known(table, finding(table, run.comparison, cells), reference, part)


def _make_rows(lab: Lab, cells: Sequence[CellRun]) -> list[dict[str, Any]]:
    resting = [cell for cell in cells if not cell.active]
    metrics = iter(lab.cells_metrics(resting))
    return [
        cell_row(cell.experiment, Cell(None, None) if cell.active else Cell(cell.results, next(metrics)))
        for cell in cells
    ]


def live_table(lab: Lab, run: ComparisonRun, it: Known) -> pd.DataFrame:
    """The table with the scores of the last epoch where a cell is still training: for charts."""
    frame, kind = it.table.copy(), run.comparison.experiment.score
    for place, cell in enumerate(run.cells):
        one = cell.run
        if cell.results or not one.epoch:
            continue
        last = lab.metrics(one.id, after=one.epoch - 1)
        last = last[last["epoch"] == last["epoch"].max()]
        for part in ("train", "validation"):
            scores = interval(last[f"{part}_score"], cell.experiment.data.folds) if len(last) else interval([])
            for end, value in (("", scores.mean), ("_low", scores.low), ("_high", scores.high)):
                frame.loc[place, f"{part}_{kind}{end}"] = value
    return frame


def curves(lab: Lab, run: ComparisonRun, most: int) -> list[Array]:
    """The curves of every cell (n, columns), columns as in CURVES, thinned to `most` points."""

    def read(places: list[int]) -> list[Array]:
        frames = lab.cells_curves([run.cells[place] for place in places], most)
        return [frame[list(CURVES)].to_numpy(np.float32) for frame in frames]

    nothing: Array = np.empty((0, len(CURVES)), np.float32)
    begun = [place for place, cell in enumerate(run.cells) if cell.run.epoch]
    keys = [(run.cells[place].version, run.cells[place].seeds, most) for place in begun]
    found = dict(zip(begun, _curves.many(keys, lambda missing: read([begun[i] for i in missing])), strict=True))
    return [found.get(place, nothing) for place in range(len(run.cells))]


def curve_rows(each: Sequence[Array], columns: Sequence[str], ends: Sequence[float] = ()) -> pa.Table:
    """Curves one under the other as rows for a chart: `place`, then the columns. `ends`: values of two rows of no curve
    (place -1), which stretch a chart's axis."""
    wanted = [CURVES.index(name) for name in columns]
    blocks = [one[:, wanted] for one in each] or [np.empty((0, len(wanted)), np.float32)]
    places = np.repeat(np.arange(len(blocks), dtype=np.float32), [len(block) for block in blocks])
    if len(ends):
        blocks.append(np.array([[1.0, *[end] * (len(wanted) - 1)] for end in ends], np.float32))
        places = np.append(places, np.full(len(ends), -1, np.float32))
    whole = np.concatenate(blocks)
    return pa.table({"place": places, **{name: whole[:, i] for i, name in enumerate(columns)}})


def seconds_left(run: ComparisonRun) -> float:
    """Until all cells are done: what is left is shared by the workers."""
    left = []
    for one in run.runs:
        if one.state == "running" and one.seconds_left is not None:
            left.append(one.seconds_left)
        elif one.active:
            left.append(estimate_seconds(one.experiment, len(one.seeds)))
    return max(sum(left) / settings().workers, *left) if left else 0.0


def tick(run: ComparisonRun, seconds: float) -> float | None:
    """How often to look again: slower with many cells, never once nothing is under way."""
    return max(seconds, len(run.cells) / PACE) if run.active else None


def following(page: Page, seen: ComparisonRun, seconds: float, draw: Callable[[ComparisonRun], None]) -> None:
    """Draws a comparison, and again as it goes on: every so many seconds or more."""
    fresh = [seen]  # the page has just read it

    def again() -> None:
        run = fresh.pop() if fresh else page.lab.comparison(seen.id)
        if run is not None:
            draw(run)

    st.fragment(again, run_every=tick(seen, seconds))()


# -- names -----------------------------------------------------------------------------------------------------------


def cell_names(run: ComparisonRun, t: Text) -> tuple[str, ...]:
    """What each cell is called."""
    return tuple(point_name(run.comparison, point, t) for point in run.comparison.points)


def full_name(comparison: Comparison, point: Point, t: Text) -> str:
    """A cell by knobs and values: "depth 4", "depth 4, activation ReLU"."""
    first = f"{knob_name(comparison.vary, t)} {value_name(comparison.vary, point.value, t)}"
    if not comparison.by:
        return first
    return f"{first}, {knob_name(comparison.by, t)} {value_name(comparison.by, point.by_value, t)}"


def value_names(comparison: Comparison, t: Text) -> tuple[str, ...]:
    """The first knob's values as they are read."""
    return tuple(value_name(comparison.vary, value, t) for value in comparison.values)


def by_names(comparison: Comparison, t: Text) -> tuple[str, ...]:
    """The second knob's, or none."""
    return tuple(value_name(comparison.by or "", value, t) for value in comparison.by_values)


def ordered(comparison: Comparison) -> bool:
    """Whether the first knob's values are numbers."""
    return is_number(comparison.vary) and all(isinstance(value, (int, float)) for value in comparison.values)
