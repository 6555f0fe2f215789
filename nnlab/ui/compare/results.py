"""A comparison while it trains, and after: what it says, its cells, the score against the knobs, curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.comparison import capacity, capacity_rows, compare_curves, curves_key
from nnlab.charts.comparison_grid import heat, heat_rows
from nnlab.comparison.findings import FindingText
from nnlab.engines.base import Array
from nnlab.lab import ComparisonRun
from nnlab.ui.compare import comparison_state
from nnlab.ui.compare.cell_table import difference_words
from nnlab.ui.compare.comparison_state import CURVES, Known, curve_rows, following, known, ordered, seconds_left
from nnlab.ui.compare.matrix import cells
from nnlab.ui.compare.question import knob_name
from nnlab.ui.compare.shown_charts import show
from nnlab.ui.shared.labels import VERDICTS
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

POINTS = 1200
"""Of all curves together on the ticking path."""
MOST_FACETS = 8
MOST_BANDS = 5
"""Curves whose bands can be told apart."""
HEIGHT, FACET = 320, 190


def live(page: Page, first: ComparisonRun) -> None:
    """What it says, the cells, the scores and curves. Ticks while something of it is under way."""

    def draw(run: ComparisonRun) -> None:
        it = known(page.lab, run)
        frame = comparison_state.live_table(page.lab, run, it)
        curves = comparison_state.curves(page.lab, run, max(20, min(300, POINTS // len(run.cells))))
        _headline(page, run, it)
        cells(page, run, frame, it, curves)
        if run.comparison.by:
            _two_knobs(page, run, it, frame, curves)
        else:
            left, right = st.columns(2)
            with left:
                _capacity(page, run, frame)
            with right:
                _curves_by_value(page, run, curves)
        if first.active and not run.active:
            st.rerun()  # stop ticking

    following(page, first, 1.0, draw)


def _headline(page: Page, run: ComparisonRun, it: Known) -> None:
    t = page.t
    finding = FindingText(it.finding, t, knob_name, value_name)
    with st.container(key="finding", gap=None):
        if run.active:
            done = sum(not cell.active for cell in run.cells)
            left = t("Training: {done} of {all} cells done, {time} left", done=t.whole(done),
                     all=t.whole(len(run.cells)), time=t.seconds(seconds_left(run)))  # fmt: skip
            st.markdown(f"#### {left}")
            st.caption(finding.best_so_far())
        else:
            st.markdown(f"#### {finding.sentence()}")
            st.caption(finding.basis())


# -- one knob --------------------------------------------------------------------------------------------------------


def _capacity(page: Page, run: ComparisonRun, frame: pd.DataFrame) -> None:
    t, comparison = page.t, run.comparison
    kind, names = comparison.experiment.score, comparison_state.value_names(comparison, t)
    knob = knob_name(comparison.vary, t)
    with st.container(height=44, border=False, vertical_alignment="center"):
        st.markdown(f"**{t('What it can and what it keeps')}**", help=t(
            "Training: how well the network knows the samples it learned from. Validation: samples it has not seen. "
            "Where the two part, it learns by heart."))  # fmt: skip
    with st.container(key="panel-capacity"):
        show(
            run,
            capacity_rows(frame.assign(**{comparison.vary: names}), comparison.vary, kind),
            capacity(
                names,
                knob,
                kind=kind,
                ordered=ordered(comparison),
                labels=page.words,
                test=run.test_opened is not None,
                height=HEIGHT,
            ),
            key="capacity",
            alt=t("Training and validation score against {knob}, with 95 % intervals", knob=knob),
        )


def _curves_by_value(page: Page, run: ComparisonRun, curves: Sequence[Array]) -> None:
    t, comparison = page.t, run.comparison
    names, knob = comparison_state.value_names(comparison, t), knob_name(comparison.vary, t)
    metric, part, log = _curves_head(page, run)
    columns = _columns(metric, part)
    with st.container(key="panel-curves"):
        show(
            run, curve_rows(curves, columns),
            compare_curves(
                names, knob, metric, part=part, kind=comparison.experiment.score, ordered=ordered(comparison), log=log,
                epochs=max(one.train.epochs for one in comparison.experiments), labels=page.words, height=HEIGHT,
            ),
            key="compare-curves",
            alt=t("Curves over epochs, one a value of {knob}", knob=knob),
        )  # fmt: skip


def _columns(metric: str, part: str) -> list[str]:
    return ["epoch", *(f"{part}_{metric}{end}" for end in ("", "_low", "_high"))]


def _curves_head(page: Page, run: ComparisonRun) -> tuple[str, str, bool]:
    """Which curves: metric, part, logarithmic or not."""
    t, comparison = page.t, run.comparison
    kind = comparison.experiment.score
    parts = ["validation", "train"] if all(one.data.sizes[1] for one in comparison.experiments) else ["train"]
    words = {"validation": t("validation"), "train": t("training"), "loss": t("Loss"),
             "score": t("Accuracy") if kind == "accuracy" else t("Squared error")}  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="curves-head"):
        metric = _switch("compare-metric", t("Curves"), ["loss", "score"], words)
        part = _switch("compare-part", t("Part"), parts, words)
        log = st.toggle(t("Log scale"), key="compare-log", persist_state="session")
    metric, part = metric or "loss", part if part in parts else parts[0]
    return metric, part, log and (metric == "loss" or kind == "mse")


def _switch(key: str, label: str, options: Sequence[str], words: dict[str, str]) -> str | None:
    return st.segmented_control(
        label,
        options,
        default=options[0],
        format_func=words.__getitem__,
        key=key,
        label_visibility="collapsed",
        required=True,
        persist_state="session",
    )


# -- two knobs -------------------------------------------------------------------------------------------------------


def _two_knobs(page: Page, run: ComparisonRun, it: Known, frame: pd.DataFrame, curves: Sequence[Array]) -> None:
    """The score as a heat map beside the curves by the second knob; under each other where there are many."""
    few = len(run.comparison.by_values) <= 4 and len(run.comparison.values) <= 8
    if few:
        left, right = st.columns(2)
        with left:
            _heat_map(page, run, it, frame)
        with right:
            _facets(page, run, curves, 2)
    else:
        _heat_map(page, run, it, frame)
        _facets(page, run, curves, 4)


def _heat_map(page: Page, run: ComparisonRun, it: Known, frame: pd.DataFrame) -> None:
    t, comparison = page.t, run.comparison
    kind, by = comparison.experiment.score, comparison.by or ""
    values, by_values = comparison_state.value_names(comparison, t), comparison_state.by_names(comparison, t)
    table = it.table
    beaten = table["p"].to_numpy(float) < 0.05  # nan is not
    rivals = table["difference"].notna().to_numpy() & ~beaten
    marks = ["★" if place == it.reference else "≈" if rivals[place] else "" for place in range(len(table))]
    with st.container(height=44, border=False, vertical_alignment="center"):
        st.markdown(f"**{t('Score over both knobs')}**", help=t(
            "Mean over the seeds in every cell, the darker the better. ★ is the best; ≈ cannot be told from it with "
            "these seeds (paired differences, corrected for the number of comparisons)."))  # fmt: skip
    rows = heat_rows(
        frame, values, by_values, it.part, kind,
        verdicts=[f"{VERDICTS[verdict][1]} {t(VERDICTS[verdict][0])}".strip() or "–" for verdict in table["verdict"]],
        marks=marks,
        differences=[difference_words(row, kind, t) for row in table.to_dict("records")],
    )  # fmt: skip
    with st.container(key="panel-heat"):
        show(
            run, rows,
            heat(values, by_values, knob_name(comparison.vary, t), knob_name(by, t), part=it.part, kind=kind,
                 labels=page.words, height=_heat_height(len(by_values))),
            key="heat",
            alt=t("The score over {knob} and {by}, a cell each", knob=knob_name(comparison.vary, t),
                  by=knob_name(by, t)),
        )  # fmt: skip


def _heat_height(rows: int) -> int:
    return max(2 * FACET + 36, min(620, 26 * rows + 90))


def _facets(page: Page, run: ComparisonRun, curves: Sequence[Array], across: int) -> None:
    t, comparison = page.t, run.comparison
    kind, knob, by = comparison.experiment.score, knob_name(comparison.vary, t), knob_name(comparison.by or "", t)
    values, by_values = comparison_state.value_names(comparison, t), comparison_state.by_names(comparison, t)
    metric, part, log = _curves_head(page, run)
    columns, n = _columns(metric, part), len(values)
    shown = spread(len(by_values), MOST_FACETS)
    ends = _ends([curves[line * n + i] for line in shown for i in range(n)], columns, n <= MOST_BANDS)
    look: dict[str, Any] = {
        "part": part, "kind": kind, "ordered": ordered(comparison), "log": log, "band": n <= MOST_BANDS,
        "epochs": max(one.train.epochs for one in comparison.experiments), "labels": page.words,
    }  # fmt: skip
    spec = compare_curves(values, knob, metric, facet=True, height=FACET, **look)
    paper = compare_curves(values, knob, metric, **look)
    key = pd.DataFrame({"place": range(n)})
    st.vega_lite_chart(
        key,
        curves_key(values, knob, ordered=ordered(comparison), labels=page.words),
        key="curves-key",
        alt=t("The colours of the curves by {knob}", knob=knob),
    )
    for begin in range(0, len(shown), across):
        for column, line in zip(st.columns(across), shown[begin : begin + across], strict=False):
            with column, st.container(key=f"panel-curves-{line}" if line else "panel-curves", gap=None):
                st.caption(f"{by} **{by_values[line]}**")
                show(
                    run, curve_rows(curves[line * n : (line + 1) * n], columns, ends), spec, paper=paper,
                    key=f"compare-curves-{line}",
                    alt=t("Curves over epochs, one a value of {knob}", knob=knob) + f": {by} {by_values[line]}",
                )  # fmt: skip
    if len(shown) < len(by_values):
        st.caption(_some(len(shown), len(by_values), t))


def _some(shown: int, all_: int, t: Text) -> str:
    return t("{n} of {all} are drawn, evenly spread.", n=t.whole(shown), all=t.whole(all_))


def _ends(curves: Sequence[Array], columns: Sequence[str], band: bool) -> list[float]:
    """The lowest and the highest value that is drawn."""
    wanted = [CURVES.index(name) for name in (columns[2:] if band else columns[1:2])]
    values = np.concatenate([curve[:, wanted].reshape(-1) for curve in curves])
    values = values[np.isfinite(values)]
    return [float(values.min()), float(values.max())] if len(values) else []


def spread(n: int, most: int) -> list[int]:
    """At most so many of the places 0 to n - 1, evenly spread, first and last among them."""
    return sorted({round(place) for place in np.linspace(0, n - 1, min(n, most))})
