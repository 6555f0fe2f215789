"""The cells of a comparison: cards for a few values of one knob, else one chart in which a cell can be clicked."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from nnlab.charts.comparison import SPARK_POINTS, grid_shape, matrix, matrix_rows
from nnlab.charts.curves import sparkline
from nnlab.comparison.cell_runs import CellRun
from nnlab.ui.compare.comparison_state import CURVES, Curve, View
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import preparing_words
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

MOST_CARDS = 12
CARD = 148  # pixels


def cells(view: View, table: pd.DataFrame, curves: Sequence[Curve]) -> None:
    """Every cell with its state, its loss curve and its latest score, from `table`."""
    t, loss = view.t, f"{view.part}_loss"
    scores = [t.score(value, view.score) for value in table[f"{view.part}_{view.score}"]]
    sparks = [curve[:: max(1, len(curve) // SPARK_POINTS), [0, CURVES.index(loss)]] for curve in curves]
    if not view.by and len(view.cells) <= MOST_CARDS:
        with st.container(horizontal=True, gap="small", key="cells"):
            for place in range(len(view.cells)):
                _card(view, place, scores[place], sparks[place])
    elif view.run.active:
        _chart(view, scores, sparks)
    else:  # the heat map shows the scores
        label = t("All cells and their runs")
        with st.expander(label, icon=":material/grid_view:", on_change="rerun", key="all-cells") as more:
            if more.open:
                _chart(view, scores, sparks)


def state_text(cell: CellRun, t: Text) -> str:
    if cell.run.loading is not None:
        if preparing_words(cell.run, t):
            return t("preparing the engine")
        return t("training what it starts from") if cell.run.note == "source" else t("loading data")
    if cell.state == "finished" and any(cell.reused):
        return t("reused") if cell.from_before else t("partly reused")
    return t(STATES[cell.state].word)


def _card(view: View, place: int, score: str, spark: Curve) -> None:
    t, cell = view.t, view.cells[place]
    rows = pa.table({"epoch": spark[:, 0], f"{view.part}_loss": spark[:, 1]})
    spec = sparkline("loss", parts=(view.part,), labels=view.page.words, height=34)
    with st.container(border=True, width=CARD, gap=None, key=f"cell-{place}"):
        st.markdown(f"**{view.values[place]}**")  # a long name takes several lines
        view.page.link("train", score, {"run": cell.run.id}, icon=STATES[cell.state].icon)
        st.vega_lite_chart(rows, spec, key=f"spark-cell-{place}", alt=f"{t('Loss by epoch')}: {view.full_name(place)}")
        st.progress(cell.progress, state_text(cell, t))


def _chart(view: View, scores: Sequence[str], sparks: Sequence[Curve]) -> None:
    t, run = view.t, view.run
    columns, _ = grid_shape(len(view.values), len(view.by_values))
    shown = pd.DataFrame(
        {
            "name": view.short_names(),
            "state": [cell.state for cell in run.cells],
            "sign": [STATES[cell.state].sign for cell in run.cells],
            "word": [state_text(cell, t) for cell in run.cells],
            "score": scores,
            "progress": [float(cell.progress) for cell in run.cells],
        }
    )
    rows = matrix_rows(columns, shown, sparks)
    validation, labels = view.part == "validation", view.page.words
    spec = matrix(view.values, view.by_values, view.knob, view.by, validation=validation, labels=labels)
    alt = t("Every cell with its state, loss curve and score")
    with st.container(key="cells"):
        clicked: Any = st.vega_lite_chart(rows, spec, key="matrix", on_select="rerun", selection_mode="cell", alt=alt)
    place = (clicked.selection.get("cell") or [{}])[0].get("place")
    look: dict[str, Any] = {"horizontal": True, "vertical_alignment": "center", "gap": "medium", "height": 52}
    with st.container(border=False, key="chosen-cell", **look):
        if not isinstance(place, (int, float)) or not 0 <= place < len(run.cells):
            states = [STATES[state] for state in dict.fromkeys(cell.state for cell in run.cells)]
            legend = " · ".join(f"{state.sign} {t(state.word)}" for state in states)
            st.caption(f"{legend}. {t('Click a cell to open its run.')}")
            return
        cell = run.cells[int(place)]
        text = f"**{view.full_name(int(place))}** · {state_text(cell, t)} · {scores[int(place)]}"
        st.markdown(text, width="content")
        run_links(view.page, cell)


def run_links(page: Page, cell: CellRun) -> None:
    """Links to the pages that show a cell's run."""
    page.link("train", page.t("Curves"), {"run": cell.run.id}, width="content")
    page.link("inspect", page.t("Look inside"), {"run": cell.run.id}, width="content")
