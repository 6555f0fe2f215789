"""The results of a comparison, while it trains and afterwards: its finding, its cells, scores, curves and surfaces."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from nnlab.analysis import predictions
from nnlab.analysis.curves import evenly_spaced
from nnlab.analysis.diagnosis import Diagnosis
from nnlab.analysis.statistics import LEVEL
from nnlab.catalogue.classics import classic_of
from nnlab.charts.axes import spans_decades
from nnlab.charts.base import Spec
from nnlab.charts.comparison import capacity, compare_curves, curves_key, heatmap, heatmap_rows
from nnlab.charts.data import Plane, point_rows, surface, surface_rows
from nnlab.comparison.cell_runs import CellRun
from nnlab.datasets import load_dataset
from nnlab.lab import ComparisonRun, Lab
from nnlab.spec import DataSpec
from nnlab.ui.compare.cell_table import difference_text
from nnlab.ui.compare.cells import cells
from nnlab.ui.compare.comparison_state import CURVES, TICK, Curve, View, auto_refresh, curve_rows, seconds_left
from nnlab.ui.shared.cache import Cache, weights_size
from nnlab.ui.shared.naming import preparing_words
from nnlab.ui.shared.pictures import own_data_note
from nnlab.ui.shared.verdict_text import verdict_words
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.announce import announce
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text
from nnlab.ui.shell.ticks import pace_words

POINTS = 1200  # of all curves together, while the page ticks
MOST_FACETS = 8
MOST_BANDS = 5  # curves whose bands can be told apart
FEW = 4  # curve charts that fit beside the heat map
HEIGHT, FACET = 320, 190
MOST_SURFACES, MOST_ACROSS, MOST_DOWN = 12, 6, 4
FOLDED = 16  # above this many cells the surfaces are drawn only on request
_predicted: Cache[pa.Table] = Cache()


class ShownChart(NamedTuple):
    """A chart as it was last drawn."""

    key: str
    spec: Spec
    rows: Any


def shown_charts(run: ComparisonRun) -> dict[str, ShownChart]:
    """The charts of the open comparison by their description, so that the Save menu can save them as pictures."""
    state = st.session_state
    if "compare-charts" not in state or state["compare-charts"][0] != run.id:
        state["compare-charts"] = run.id, {}
    charts: dict[str, ShownChart] = state["compare-charts"][1]
    return charts


def _draw_chart(run: ComparisonRun, rows: Any, spec: Spec, *, key: str, alt: str, saved: Spec | None = None) -> None:
    """Draw a chart; it is saved as `saved` where its legend stands elsewhere on the page."""
    shown_charts(run)[alt] = ShownChart(key, saved or spec, rows)
    st.vega_lite_chart(rows, spec, key=key, alt=alt)


def _note_left_out(shown: int, total: int, t: Text) -> None:
    if shown < total:
        st.caption(t("{n} of {all} are shown, evenly spaced.", n=t.whole(shown), all=t.whole(total)))


def results(page: Page, opened: ComparisonRun, margin: float | None = None) -> None:
    """The answer, the finding, the cells, scores and curves; drawn again while the comparison is active. Differences
    below the margin are without importance."""

    def draw(run: ComparisonRun) -> None:
        view = View(page, run, margin=margin)
        table, curves = view.latest_table, view.curves(max(20, min(300, POINTS // len(run.cells))))
        _finding(view)
        cells(view, table, curves)
        few = not view.by or (len(view.by_values) <= FEW and len(view.values) <= 2 * FEW)
        left, right = st.columns(2) if few else (st.container(), st.container())
        with left:
            if view.by:
                _heat_map(view, table)
            else:
                _capacity(view)
        with right:
            _curves(view, curves, 2 if few else FEW)
        if opened.active and not run.active:
            st.rerun()  # stop ticking

    auto_refresh(page, opened, TICK, draw)


def _finding(view: View) -> None:
    t, run = view.t, view.run
    finding, answer = view.text, view.results.answer
    heading, caption, general = finding.sentence(answer), finding.basis(answer), ""
    if view.answer:
        heading, general = view.answer, heading
    if run.active:
        done, every = t.whole(sum(not cell.active for cell in run.cells)), t.whole(len(run.cells))
        left = t.seconds(seconds_left(view.page.lab, run))
        heading = t("Training: {done} of {all} cells done, {time} left", done=done, all=every, time=left)
        if words := next(filter(None, (preparing_words(one, t) for one in run.runs)), ""):
            heading = words[0].upper() + words[1:]
        caption = " · ".join(filter(None, (finding.best_so_far(), pace_words(t, TICK))))
    with st.container(key="finding", gap=None):
        st.markdown(f"#### {heading}", anchors=False)
        if general:
            st.markdown(general)
        if guess := view.guess:
            st.markdown(guess)
        st.caption(caption)


def announce_outcome(page: Page, run: ComparisonRun) -> None:
    """Announces the finding to screen readers, once all cells have ended."""
    words, ends = "", [one.finished for one in run.runs if one.finished]
    if not run.active:
        view = View(page, run)
        found = (view.answer or view.text.sentence()).replace("*", "")
        words = page.t("Comparison finished: {finding}", finding=found)
    announce(words, max(ends, default=None))


def usual_outcome(page: Page, run: ComparisonRun) -> None:
    """What a classic usually shows, once it has finished; nothing for other comparisons."""
    classic, t = classic_of(run.comparison), page.t
    if classic is None or any(one.state != "finished" for one in run.runs):
        return
    with st.container(border=True, key="usual-outcome", gap="small"):
        st.markdown(f"**:material/school: {t('The usual outcome')}**")
        st.caption(t(classic.question))
        st.markdown(t(classic.outcome))


def _heading(text: str, help: str) -> None:
    with st.container(height=44, border=False, vertical_alignment="center"):
        st.markdown(f"**{text}**", help=help)


def _capacity(view: View) -> None:
    t = view.t
    help_text = t(
        "Training: the samples the network learned from. Validation: samples it has not seen. A growing distance "
        "between the two is overfitting."
    )
    _heading(t("Training and validation scores"), help_text)
    spec = capacity(view.values, view.knob, test=view.run.test_opened is not None, height=HEIGHT, **view.look)
    alt = t("Training and validation score against {knob}, with 95 % intervals", knob=view.knob)
    with st.container(key="panel-capacity"):
        _draw_chart(view.run, view.capacity_rows(), spec, key="capacity", alt=alt)


def _heat_map(view: View, table: pd.DataFrame) -> None:
    t, shown = view.t, view.results.table
    help_text = t(
        "Mean over the seeds in each cell; darker is better. ★ marks the best cell, ≈ cells that cannot be told from "
        "it with these seeds (paired differences, corrected for the number of comparisons)."
    )
    _heading(t("Score by both settings"), help_text)
    rivals = shown["difference"].notna() & ~(shown["p"] < LEVEL)  # p is nan with one seed
    look: dict[str, Any] = {"part": view.results.finding.part, "kind": view.score}
    rows = heatmap_rows(table, view.values, view.by_values, **look).assign(
        mark=np.select([shown.index == view.results.reference, rivals], ["★", "≈"], ""),
        verdict=[verdict_words(Diagnosis(verdict), t) or UNKNOWN for verdict in shown["verdict"]],
        difference=[difference_text(row, view.score, t) for row in shown.to_dict("records")],
    )
    height, labels = max(2 * FACET + 36, min(620, 26 * len(view.by_values) + 90)), view.page.words
    spec = heatmap(view.values, view.by_values, view.knob, view.by, labels=labels, height=height, **look)
    alt = t("The score by {knob} and {by}, one cell for each pair", knob=view.knob, by=view.by)
    with st.container(key="panel-heat"):
        _draw_chart(view.run, rows, spec, key="heat", alt=alt)


def _curves(view: View, curves: Sequence[Curve], across: int) -> None:
    """One chart of curves, or one for each value of the second knob."""
    metric, part, log = _curve_switches(view, curves)
    columns = ["epoch", *(f"{part}_{metric}{end}" for end in ("", "_low", "_high"))]
    epochs = max(cell.run.epochs if cell.active else cell.run.epoch for cell in view.cells)  # the axis ends there
    look = view.look | {"part": part, "log": log, "epochs": epochs, "band": len(view.values) <= MOST_BANDS}
    make = partial(compare_curves, view.values, view.knob, metric, **look)
    alt = view.t("Curves over epochs, one for each value of {knob}", knob=view.knob)
    if view.by:
        _curve_facets(view, curves, columns, make, across, alt)
        return
    with st.container(key="panel-curves"):
        _draw_chart(view.run, curve_rows(curves, columns), make(height=HEIGHT), key="compare-curves", alt=alt)


def _curve_switches(view: View, curves: Sequence[Curve]) -> tuple[str, str, bool]:
    """The metric and part of the curves, and whether the scale is logarithmic: by itself where they span decades."""
    t, state = view.t, st.session_state
    parts = ["validation", "train"] if view.has_validation else ["train"]
    score = t("Accuracy") if view.score == "accuracy" else t("Squared error")
    words = {"validation": t("validation"), "train": t("training"), "loss": t("Loss"), "score": score}
    look: dict[str, Any] = {"label_visibility": "collapsed", "required": True, "persist_state": "session"}
    look["format_func"] = lambda name: clickable(words[name])

    def switch(key: str, label: str, options: Sequence[str]) -> str:
        chosen = st.segmented_control(label, options, default=options[0], key=key, **look)
        return chosen if chosen in options else options[0]

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="curves-head"):
        metric = switch("compare-metric", t("Curves"), ["loss", "score"])
        part = switch("compare-part", t("Part"), parts)
        errors, this = metric == "loss" or view.score == "mse", (view.run.id, metric)
        chosen: dict[tuple[str, str], bool] = state.setdefault("log-chosen", {})
        drawn = np.concatenate([curve[:, CURVES.index(f"{part}_{metric}")] for curve in curves])
        log = errors and chosen.get(this, spans_decades(drawn))
        st.toggle(t("Log scale"), disabled=not errors, **bound("compare-log", log, partial(chosen.__setitem__, this)))
    return metric, part, log


def _curve_facets(
    view: View, curves: Sequence[Curve], columns: Sequence[str], make: Callable[..., Spec], across: int, alt: str
) -> None:
    """A chart for each value of the second knob, with the same axes; the legend stands above them."""
    n, shown = len(view.values), evenly_spaced(len(view.by_values), MOST_FACETS)
    groups = {line: curves[line * n : (line + 1) * n] for line in shown}
    drawn = [CURVES.index(name) for name in (columns[2:] if n <= MOST_BANDS else columns[1:2])]
    values = np.concatenate([curve[:, drawn] for group in groups.values() for curve in group])
    values = values[np.isfinite(values)]
    ends = [values.min(), values.max()] if values.size else []  # of all charts together
    spec, saved = make(facet=True, height=FACET), make()
    colours = curves_key(view.values, view.knob, ordered=view.ordered, labels=view.page.words)
    colours_alt = view.t("The colours of the curves by {knob}", knob=view.knob)
    st.vega_lite_chart(pd.DataFrame({"place": range(n)}), colours, key="curves-key", alt=colours_alt)
    for begin in range(0, len(shown), across):
        for column, line in zip(st.columns(across), shown[begin : begin + across], strict=False):
            name = view.by_values[line]
            with column, st.container(key=f"panel-curves-{line}" if line else "panel-curves", gap=None):
                st.caption(f"{view.by} **{name}**")
                rows, full_alt = curve_rows(groups[line], columns, ends), f"{alt}: {view.by} {name}"
                _draw_chart(view.run, rows, spec, saved=saved, key=f"compare-curves-{line}", alt=full_alt)
    _note_left_out(len(shown), len(view.by_values), view.t)


def surfaces(page: Page, run: ComparisonRun) -> None:
    """A decision surface for each cell; nothing where some data have no plane or no classes."""
    if any(one.data.raw_inputs != 2 or one.task == "regression" for one in run.comparison.experiments):
        return
    t, view = page.t, View(page, run)
    heading = t("Predicted classes")
    help_text = t(
        "The class predicted at each point, averaged over the seeds: the paler, the less certain. Filled points are "
        "training samples, hollow ones validation and test samples."
    )
    if note := own_data_note(run.comparison.experiment.data, run.comparison.seeds[0], t):
        help_text = f"{help_text} {note}"
    if len(run.cells) <= FOLDED:
        st.markdown(f"**{heading}**", help=help_text)
        _surfaces(view)
        return
    with st.expander(heading, icon=":material/gradient:", on_change="rerun", key="all-surfaces") as more:
        if more.open:
            st.caption(help_text)
            _surfaces(view)


def _surfaces(view: View) -> None:
    t, n = view.t, len(view.values)
    if view.by:
        columns, rows = evenly_spaced(n, MOST_ACROSS), evenly_spaced(len(view.by_values), MOST_DOWN)
        across, shown = len(columns), [row * n + column for row, column in product(rows, columns)]
    else:
        shown = evenly_spaced(n, MOST_SURFACES)
        across = 4 if len(shown) in (4, 7, 8) or len(shown) > 9 else max(2, min(3, len(shown)))
    size = 36 if len(shown) <= MOST_SURFACES else 24
    height = 210 if size == 36 and across < 5 else 140
    for begin in range(0, len(shown), across):
        for column, place in zip(st.columns(across, gap="small"), shown[begin : begin + across], strict=False):
            cell = view.cells[place]
            value, by_value = view.names[place]
            name = f"**{value}** · {by_value}" if view.by else f"{view.knob} **{value}**"
            plane = _plane(cell.experiment.data, cell.seeds[0], size)
            spec = surface(plane, compact=True, labels=view.page.words, height=height)
            alt = t("Predicted classes with {what}", what=view.full_name(place))
            with column, st.container(key=f"panel-surface-{place}", gap=None):
                _draw_chart(view.run, _surface_rows(view.page.lab, cell, size), spec, key=f"surface-{place}", alt=alt)
                view.page.link("inspect", name, {"run": cell.run.id}, width="content")
    _note_left_out(len(shown), len(view.cells), t)


@lru_cache(maxsize=256)
def _plane(data: DataSpec, seed: int, size: int) -> Plane:
    return Plane.of(load_dataset(data, (seed,)), size)


def _surface_rows(lab: Lab, cell: CellRun, size: int) -> pa.Table:
    """The mean over the seeds of the networks' present predictions, and the points of the data."""

    def compute() -> pa.Table:
        experiment, dataset = cell.experiment, load_dataset(cell.experiment, cell.seeds)
        rows = point_rows(dataset, most=150)
        if cell.run.epoch and (weights := lab.cell_weights(cell)) is not None:
            predicted = predictions.surface(experiment, weights, dataset, size=size)
            rows = surface_rows(predicted, rows, classes=experiment.data.classes)
        return pa.Table.from_pandas(rows, preserve_index=False)

    return _predicted.get((cell.version, cell.seeds, size), compute, sum(map(weights_size, cell.runs)))
