"""Decision surfaces: the class that the networks of each cell predict at every point of the plane, side by side."""

from itertools import product

import pyarrow as pa
import streamlit as st

from nnlab.analysis.predictions import surface as surface_of
from nnlab.charts.data import Plane, point_rows, surface, surface_rows
from nnlab.comparison.cell_runs import CellRun
from nnlab.datasets import load_dataset
from nnlab.lab import ComparisonRun, Lab
from nnlab.ui.compare.comparison_state import View
from nnlab.ui.compare.shown_charts import draw_chart, evenly_spaced, note_left_out
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shell.frame import Page

MOST, MOST_ACROSS, MOST_DOWN = 12, 6, 4
FOLDED = 16
"""Above this many cells the surfaces are drawn only on request."""
_tables: Cache[pa.Table] = Cache(200)


def surfaces(page: Page, run: ComparisonRun) -> None:
    """A decision surface for each cell; nothing where some data have no plane or no classes."""
    if any(one.data.inputs != 2 or one.task == "regression" for one in run.comparison.experiments):
        return
    t, view = page.t, View(page, run)
    heading = t("Predicted classes")
    help_text = t(
        "The class predicted at each point, averaged over the seeds: the paler, the less certain. Filled points are "
        "training samples, hollow ones validation and test samples."
    )
    if len(run.cells) <= FOLDED:
        st.markdown(f"**{heading}**", help=help_text)
        _draw(view)
        return
    more = st.expander(heading, icon=":material/gradient:", on_change="rerun", key="all-surfaces")
    if more.open:
        with more:
            st.caption(help_text)
            _draw(view)


def _draw(view: View) -> None:
    t, n = view.t, len(view.values)
    if view.by:
        columns, rows = evenly_spaced(n, MOST_ACROSS), evenly_spaced(len(view.by_values), MOST_DOWN)
        across, shown = len(columns), [row * n + column for row, column in product(rows, columns)]
    else:
        shown = evenly_spaced(n, MOST)
        across = 4 if len(shown) in (4, 7, 8) or len(shown) > 9 else max(2, min(3, len(shown)))
    size = 36 if len(shown) <= MOST else 24
    height = 210 if size == 36 and across < 5 else 140
    for begin in range(0, len(shown), across):
        for column, place in zip(st.columns(across, gap="small"), shown[begin : begin + across], strict=False):
            cell = view.cells[place]
            name = f"{view.knob} **{view.values[place % n]}**"
            if view.by:
                name = f"**{view.values[place % n]}** · {view.by_values[place // n]}"
            plane = Plane.of(load_dataset(cell.experiment.data), size)
            spec = surface(plane, compact=True, labels=view.page.words, height=height)
            alt = t("Predicted classes with {what}", what=view.full_name(place))
            with column, st.container(key=f"panel-surface-{place}", gap=None):
                draw_chart(view.run, _rows(view.page.lab, cell, size), spec, key=f"surface-{place}", alt=alt)
                view.page.link("inspect", name, {"run": cell.run.id}, width="content")
    note_left_out(len(shown), len(view.cells), t)


def _rows(lab: Lab, cell: CellRun, size: int) -> pa.Table:
    """The mean over the seeds of the networks' present predictions, and the points of the data."""

    def compute() -> pa.Table:
        dataset, experiment = load_dataset(cell.experiment.data), cell.experiment
        points = point_rows(dataset, most=150)
        weights = lab.cell_weights(cell) if cell.run.epoch else None
        if weights is not None:
            predicted = surface_of(experiment, weights, dataset, size=size)
            points = surface_rows(predicted, points, classes=experiment.data.classes)
        return pa.Table.from_pandas(points, preserve_index=False)

    return _tables.get((cell.version, cell.seeds, size), compute)
