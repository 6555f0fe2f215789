"""The matrix of a comparison's cells while they train: state, course of the loss, score now, the way to the run.

The values of one knob are cards, each a link. Two knobs, or many values, are drawn in one chart, of which one chooses a
cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.comparison_grid import SPARK_POINTS, lines, matrix, matrix_rows
from nnlab.charts.curves import sparkline
from nnlab.comparison.cell_runs import CellRun
from nnlab.engines.base import Array
from nnlab.lab import ComparisonRun
from nnlab.ui.compare.comparison_state import CURVES, Known, by_names, cell_names, full_name, value_names
from nnlab.ui.compare.question import knob_name
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.run_table import MARKS
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

MOST_CARDS = 12
CARD = 148  # pixels
NO_ROWS = pd.DataFrame({"epoch": [], "validation_loss": [], "train_loss": []}, dtype=np.float32)


def cells(page: Page, run: ComparisonRun, frame: pd.DataFrame, it: Known, curves: Sequence[Array]) -> None:
    """Every cell with its state, the course of its loss and its score; `frame` holds the scores now."""
    t, kind = page.t, run.comparison.experiment.score
    part = it.part if it.reference is not None else _part(run)
    scores = [t.score(value, kind) for value in frame[f"{part}_{kind}"]]
    if not run.comparison.by and len(run.cells) <= MOST_CARDS:
        _cards(page, run, part, scores, curves)
    elif run.active:
        _drawn(page, run, part, scores, curves)
    else:  # the heat map tells the scores now
        more = st.expander(t("Every cell and its run"), icon=":material/grid_view:", on_change="rerun", key="all-cells")
        if more.open:
            with more:
                _drawn(page, run, part, scores, curves)


def _part(run: ComparisonRun) -> str:
    """Whose curves are shown before anything has results."""
    return "validation" if all(one.data.sizes[1] for one in run.comparison.experiments) else "train"


def state_words(cell: CellRun, t: Text) -> str:
    """How a cell stands, in a word or two."""
    if cell.run.loading is not None:
        return t("training what it starts from") if cell.run.note == "source" else t("fetching data")
    if cell.state == "finished" and cell.from_before:
        return t("from before")
    if cell.state == "finished" and any(cell.reused):
        return t("in part from before")
    return t(STATES[cell.state][0])


def _cards(page: Page, run: ComparisonRun, part: str, scores: Sequence[str], curves: Sequence[Array]) -> None:
    names = value_names(run.comparison, page.t)
    with st.container(horizontal=True, gap="small", key="cells"):
        for place, (cell, name) in enumerate(zip(run.cells, names, strict=True)):
            _card(page, cell, place, name, part, scores[place], curves[place])


def _card(page: Page, cell: CellRun, place: int, name: str, part: str, score: str, curve: Array) -> None:
    t, loss = page.t, f"{part}_loss"
    with st.container(border=True, width=CARD, gap=None, key=f"cell-{place}"):
        page.link("train", f"**{name}** · {score}", {"run": cell.run.id}, icon=STATES[cell.state][1])
        points = curve[:: max(1, len(curve) // SPARK_POINTS), [0, CURVES.index(loss)]]
        rows = pd.DataFrame(points, columns=["epoch", loss]) if len(points) else NO_ROWS
        st.vega_lite_chart(rows, sparkline("loss", parts=(part,), labels=page.words, height=34),
                           key=f"spark-cell-{place}", alt=t("Loss by epoch"))  # fmt: skip
        st.progress(cell.progress, state_words(cell, t))


def _drawn(page: Page, run: ComparisonRun, part: str, scores: Sequence[str], curves: Sequence[Array]) -> None:
    comparison, t = run.comparison, page.t
    first, second = value_names(comparison, t), by_names(comparison, t)
    columns, _ = lines(len(first), len(second))
    loss = CURVES.index(f"{part}_loss")
    rows = matrix_rows(
        columns,
        cell_names(run, t),
        [cell.state for cell in run.cells],
        [MARKS[cell.state] for cell in run.cells],
        [state_words(cell, t) for cell in run.cells],
        [score.removesuffix(" %") for score in scores],
        [cell.progress for cell in run.cells],
        [curve[:: max(1, len(curve) // SPARK_POINTS), [0, loss]] for curve in curves],
    )
    by = knob_name(comparison.by, t) if comparison.by else ""
    spec = matrix(first, second, knob_name(comparison.vary, t), by, validation=part == "validation", labels=page.words)
    with st.container(key="cells"):
        picked: Any = st.vega_lite_chart(
            rows, spec, key="matrix", on_select="rerun", selection_mode="cell",
            alt=t("Every cell with its state, the course of its loss and its score"),
        )  # fmt: skip
    chosen = picked.selection.get("cell") or [{}]
    place = chosen[0].get("place")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", height=52, border=False,
                      key="chosen-cell"):  # fmt: skip
        if not isinstance(place, (int, float)) or not 0 <= place < len(run.cells):
            signs = {cell.state: MARKS[cell.state] for cell in run.cells}
            legend = " · ".join(f"{sign} {t(STATES[state][0])}" for state, sign in signs.items())
            st.caption(f"{legend}. {t('Choose a cell to open its run.')}")
            return
        cell = run.cells[int(place)]
        st.markdown(f"**{full_name(comparison, cell.point, t)}** · {state_words(cell, t)} · {scores[int(place)]}",
                    width="content")  # fmt: skip
        page.link("train", t("Curves"), {"run": cell.run.id}, width="content")
        page.link("inspect", t("Look inside"), {"run": cell.run.id}, width="content")


def stop_menu(page: Page, run: ComparisonRun) -> None:
    """Stop all that is under way, or one cell of it; what has been learned stays."""
    t = page.t
    st.button(t("Stop"), icon=":material/stop:", key="stop", on_click=page.lab.stop_comparison,
              args=(run.id, page.owner))  # fmt: skip
    active = [place for place, cell in enumerate(run.cells) if cell.active]
    if len(active) > 1:
        st.menu_button(
            t("Stop one"), active, key="stop-one", on_click=_stop_one, args=(page, run), type="tertiary",
            format_func=lambda place: full_name(run.comparison, run.cells[place].point, t),
        )  # fmt: skip


def _stop_one(page: Page, run: ComparisonRun) -> None:
    place = st.session_state.get("stop-one")
    if place is not None:
        page.lab.stop_comparison(run.id, page.owner, place)
