"""The state of a comparison: its table, finding and curves, and the time left.

The results of finished cells are computed once for all visitors; a tick reads only what has changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from nnlab.analysis.statistics import interval
from nnlab.comparison.cell_runs import CellRun
from nnlab.comparison.findings import Finding, finding
from nnlab.comparison.table import Cell, cell_row, chosen_by, table_of
from nnlab.engines.base import METRICS
from nnlab.engines.costs import estimate_seconds
from nnlab.lab import ComparisonRun, Lab
from nnlab.settings import settings
from nnlab.ui.compare.names import by_names, knob_name, value_names
from nnlab.ui.compare.values import is_number
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shell.frame import Page

CURVES = ("epoch", *(f"{name}{end}" for name in METRICS for end in ("", "_low", "_high")))
"""Columns of a cell's curves."""
CELLS_PER_SECOND = 50
"""A tick takes longer where there are more cells."""

Curve = NDArray[np.float32]  # (epochs, columns of CURVES)


@dataclass(frozen=True, eq=False)
class Results:
    """What the finished cells of a comparison show."""

    table: pd.DataFrame
    """Of all cells, under its English names; nan where a cell has not finished."""
    finding: Finding
    reference: int | None
    """Place of the cell that the others are compared with."""
    part: str
    """The part whose scores decide: "validation", or "train" where there is none."""


_rows: Cache[dict[str, Any]] = Cache(2000)
_results: Cache[Results] = Cache(100)
_curves: Cache[Curve] = Cache(4000)


def results_of(lab: Lab, run: ComparisonRun, baseline: int | None = None) -> Results:
    """The results so far; differences are to the cell in the place `baseline`, or to the best cell."""
    grows = run.comparison.values, run.comparison.by_values, run.comparison.seeds  # under the same id
    finished = tuple(None if cell.active else cell.version for cell in run.cells)
    key = run.id, grows, finished, baseline, run.test_opened is not None
    return _results.get(key, lambda: _compute_results(lab, run, baseline))


def _compute_results(lab: Lab, run: ComparisonRun, baseline: int | None) -> Results:
    keys = [("active", cell.experiment.key) if cell.active else (cell.version, cell.seeds) for cell in run.cells]
    rows = _rows.many(keys, lambda places: _compute_rows(lab, [run.cells[place] for place in places]))
    cells = [Cell(cell.results, None) for cell in run.cells]
    table = table_of(run.comparison, cells, baseline=baseline, test=run.test_opened is not None, rows=rows)
    score = run.comparison.experiment.score
    part = chosen_by(cells, score)
    own = table[f"{part}_{score}"].notna() & table["difference"].isna()
    reference = int(own.to_numpy().argmax()) if own.any() else None
    if baseline is not None:
        reference = baseline if table["difference"].notna().any() else None
    return Results(table, finding(table, run.comparison, cells), reference, part)


def _compute_rows(lab: Lab, cells: Sequence[CellRun]) -> list[dict[str, Any]]:
    metrics = iter(lab.cells_metrics([cell for cell in cells if not cell.active]))
    return [
        cell_row(cell.experiment, Cell(None, None) if cell.active else Cell(cell.results, next(metrics)))
        for cell in cells
    ]


class View:
    """A comparison as one visitor sees it at one moment, with its names in the visitor's language."""

    def __init__(self, page: Page, run: ComparisonRun, baseline: int | None = None) -> None:
        self.page, self.run, self.baseline = page, run, baseline
        self.t, self.comparison, self.cells = page.t, run.comparison, run.cells
        self.score = self.comparison.experiment.score
        self.knob = knob_name(self.comparison.vary, self.t)
        self.by = knob_name(self.comparison.by, self.t) if self.comparison.by else ""
        self.values, self.by_values = value_names(self.comparison, self.t), by_names(self.comparison, self.t)

    @cached_property
    def results(self) -> Results:
        return results_of(self.page.lab, self.run, self.baseline)

    @property
    def ordered(self) -> bool:
        """Whether the first knob's values are numbers."""
        numbers = all(isinstance(value, (int, float)) for value in self.comparison.values)
        return is_number(self.comparison.vary) and numbers

    @property
    def look(self) -> dict[str, Any]:
        """What the charts of the first knob have in common."""
        return {"kind": self.score, "ordered": self.ordered, "labels": self.page.words}

    @property
    def part(self) -> str:
        """The part whose scores and curves are shown first."""
        if self.results.reference is not None:
            return self.results.part
        return "validation" if self.has_validation else "train"

    @property
    def has_validation(self) -> bool:
        return all(one.data.sizes[1] for one in self.comparison.experiments)

    def short_names(self) -> list[str]:
        """The values of each cell: `4`, or `4 · ReLU` with a second knob."""
        ends = [f" · {name}" for name in self.by_values] or [""]
        return [f"{value}{end}" for end in ends for value in self.values]

    def full_name(self, place: int) -> str:
        """A cell with knobs and values: "depth 4", "depth 4, activation ReLU"."""
        n = len(self.values)
        return f"{self.knob} {self.values[place % n]}" + (
            f", {self.by} {self.by_values[place // n]}" if self.by else ""
        )

    def latest_table(self) -> pd.DataFrame:
        """The table, with the scores of the last epoch for cells that still train: for charts."""
        table = self.results.table.copy()
        for place, cell in enumerate(self.cells):
            if cell.results or not cell.run.epoch:
                continue
            last = self.page.lab.metrics(cell.run.id, after=cell.run.epoch - 1)
            last = last[last["epoch"] == last["epoch"].max()]
            for part in ("train", "validation"):
                scores = interval(last[f"{part}_score"], cell.experiment.data.folds) if len(last) else interval([])
                for end, value in (("", scores.mean), ("_low", scores.low), ("_high", scores.high)):
                    table.loc[place, f"{part}_{self.score}{end}"] = value
        return table

    def curves(self, points: int) -> list[Curve]:
        """The curve of each cell, with at most so many points."""
        begun = [place for place, cell in enumerate(self.cells) if cell.run.epoch]

        def read(missing: Sequence[int]) -> list[Curve]:
            frames = self.page.lab.cells_curves([self.cells[begun[i]] for i in missing], points)
            return [frame[list(CURVES)].to_numpy(np.float32) for frame in frames]

        found = _curves.many([(self.cells[place].version, self.cells[place].seeds, points) for place in begun], read)
        every: list[Curve] = [np.empty((0, len(CURVES)), np.float32)] * len(self.cells)
        for place, curve in zip(begun, found, strict=True):
            every[place] = curve
        return every


def curve_rows(curves: Sequence[Curve], columns: Sequence[str], ends: Sequence[float] = ()) -> pa.Table:
    """The rows of a chart of curves: `place`, then the columns. `ends` are values of two rows that belong to no curve
    (place -1) and stretch the chart's axis."""
    wanted = [CURVES.index(name) for name in columns]
    blocks = [curve[:, wanted] for curve in curves] or [np.empty((0, len(wanted)), np.float32)]
    places = np.repeat(np.arange(len(blocks), dtype=np.float32), [len(block) for block in blocks])
    if len(ends):
        blocks.append(np.array([[1.0, *[end] * (len(wanted) - 1)] for end in ends], np.float32))
        places = np.append(places, np.full(len(ends), -1, np.float32))
    whole = np.concatenate(blocks)
    return pa.table({"place": places, **{name: whole[:, i] for i, name in enumerate(columns)}})


def seconds_left(run: ComparisonRun) -> float:
    """Time until all cells have finished, with their runs spread over the workers."""
    left = []
    for one in run.runs:
        if one.state == "running" and one.seconds_left is not None:
            left.append(one.seconds_left)
        elif one.active:
            left.append(estimate_seconds(one.experiment, len(one.seeds)))
    return max(sum(left) / settings().workers, *left) if left else 0.0


def auto_refresh(page: Page, opened: ComparisonRun, seconds: float, draw: Callable[[ComparisonRun], None]) -> None:
    """Draw a comparison, and again every so many seconds while it is active."""
    fresh = [opened]  # the page has just read it

    def again() -> None:
        run = fresh.pop() if fresh else page.lab.comparison(opened.id)
        if run is not None:
            draw(run)

    every = max(seconds, len(opened.cells) / CELLS_PER_SECOND) if opened.active else None
    st.fragment(again, run_every=every)()
