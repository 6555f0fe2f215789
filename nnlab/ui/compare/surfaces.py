"""What the networks of a comparison decide all over the plane, side by side; in a grid where there are two knobs."""

from __future__ import annotations

from itertools import product

import pyarrow as pa
import streamlit as st

from nnlab.analysis.predictions import surface as surface_of
from nnlab.charts.data import Plane, point_rows, surface, surface_rows
from nnlab.comparison.cell_runs import CellRun
from nnlab.datasets import load_dataset
from nnlab.lab import ComparisonRun, Lab
from nnlab.ui.compare.comparison_state import by_names, full_name, value_names
from nnlab.ui.compare.question import knob_name
from nnlab.ui.compare.results import spread
from nnlab.ui.compare.shown_charts import show
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shell.frame import Page

MOST, MOST_ACROSS, MOST_DOWN = 12, 6, 4
FOLDED = 16
"""Cells from which on they are shown when asked for."""
_surfaces: Cache[pa.Table] = Cache(200)


def has_surfaces(run: ComparisonRun) -> bool:
    """Whether every cell's data lies in a plane and has classes."""
    return all(one.data.inputs == 2 and one.task != "regression" for one in run.comparison.experiments)


def surfaces(page: Page, run: ComparisonRun) -> None:
    """A decision surface a cell; evenly spread ones, when asked for, where there are many."""
    t = page.t
    heading, help_text = t("What they decide"), t(
        "The class decided for at every point, averaged over the seeds; the fainter, the less sure. "
        "Filled points are for training, hollow ones for validation and test.")  # fmt: skip
    if len(run.cells) <= FOLDED:
        st.markdown(f"**{heading}**", help=help_text)
        _draw(page, run)
        return
    more = st.expander(heading, icon=":material/gradient:", on_change="rerun", key="all-surfaces")
    if more.open:
        with more:
            st.caption(help_text)
            _draw(page, run)


def _draw(page: Page, run: ComparisonRun) -> None:
    t, comparison = page.t, run.comparison
    first, second, n = value_names(comparison, t), by_names(comparison, t), len(comparison.values)
    knob = knob_name(comparison.vary, t)
    if second:
        columns, rows = spread(n, MOST_ACROSS), spread(len(second), MOST_DOWN)
        across, shown = len(columns), [row * n + column for row, column in product(rows, columns)]
    else:
        shown = spread(n, MOST)
        across = 4 if len(shown) in (4, 7, 8) or len(shown) > 9 else max(2, min(3, len(shown)))
    size = 36 if len(shown) <= MOST else 24
    for begin in range(0, len(shown), across):
        for column, place in zip(st.columns(across, gap="small"), shown[begin : begin + across], strict=False):
            cell = run.cells[place]
            name = f"**{first[place % n]}** · {second[place // n]}" if second else f"{knob} **{first[place]}**"
            with column, st.container(key=f"panel-surface-{place}", gap=None):
                show(
                    run, _rows(page.lab, cell, size),
                    surface(Plane.of(load_dataset(cell.experiment.data), size), compact=True, labels=page.words,
                            height=210 if size == 36 and across < 5 else 140),
                    key=f"surface-{place}",
                    alt=t("Decisions with {what}", what=full_name(comparison, cell.point, t)),
                )  # fmt: skip
                page.link("inspect", name, {"run": cell.run.id}, width="content")
    if len(shown) < len(run.cells):
        st.caption(t("{n} of {all} are drawn, evenly spread.", n=t.whole(len(shown)), all=t.whole(len(run.cells))))


def _rows(lab: Lab, cell: CellRun, size: int) -> pa.Table:
    """The mean over the seeds of what a cell's networks answer now, and the data's points."""
    return _surfaces.get((cell.version, cell.seeds, size), lambda: _make(lab, cell, size))


def _make(lab: Lab, cell: CellRun, size: int) -> pa.Table:
    dataset, experiment = load_dataset(cell.experiment.data), cell.experiment
    points = point_rows(dataset, most=150)
    weights = lab.cell_weights(cell) if cell.run.epoch else None
    if weights is not None:
        answers = surface_of(experiment, weights, dataset, size=size)
        points = surface_rows(answers, points, classes=experiment.data.classes)
    return pa.Table.from_pandas(points, preserve_index=False)
