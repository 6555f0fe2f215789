"""The results of a comparison, while it trains and after: what it says, a cell a value, charts, surfaces, the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.cells import CellRun
from nnlab.charts.compare import by_value, capacity, capacity_rows, cell_rows, cells, compare_curves
from nnlab.charts.data import Plane, point_rows, surface, surface_rows
from nnlab.comparison import Cell, epochs_of, table_of
from nnlab.costs import estimate_seconds
from nnlab.datasets import load_dataset
from nnlab.evaluation import surface as surface_of
from nnlab.export import csv_text, markdown_table
from nnlab.findings import Finding, finding
from nnlab.lab import ComparisonRun, Lab
from nnlab.settings import settings
from nnlab.statistics import interval
from nnlab.ui.findings import basis_words, finding_words
from nnlab.ui.frame import Page
from nnlab.ui.labels import STATES, VERDICTS
from nnlab.ui.question import is_number, knob_name, point_name, value_name
from nnlab.ui.text import MINUS, Text

MOST_CARDS = 12
"""Values shown as a card each; more are drawn as one chart."""
MOST_SURFACES = 12
POINTS = 1200
"""Of all curves together on the ticking path."""


# -- what is shown ---------------------------------------------------------------------------------------------------


def values_shown(run: ComparisonRun, t: Text) -> tuple[str, ...]:
    """The values as the reader's language writes them."""
    return tuple(point_name(run.comparison, point, t) for point in run.comparison.points)


def tick(run: ComparisonRun, seconds: float) -> float | None:
    """How often to look again: slower with many values, never once nothing is under way."""
    return max(seconds, len(run.cells) / 20) if run.active else None


def _reached(run: ComparisonRun) -> tuple[Any, ...]:
    """What the table depends on: the cells that have come to rest, and how."""
    return tuple(one.version if not one.active else one.run.id for one in run.cells)


def _cells(lab: Lab, run: ComparisonRun) -> list[Cell]:
    return [Cell(None, None) if one.active else Cell(one.results, lab.cell_metrics(one)) for one in run.cells]


@st.cache_data(max_entries=200, show_spinner=False)
def _table(_lab: Lab, _run: ComparisonRun, comparison_id: str, reached: tuple[Any, ...]) -> pd.DataFrame:
    return table_of(_run.comparison, _cells(_lab, _run))


def table(lab: Lab, run: ComparisonRun) -> pd.DataFrame:
    """The table of what is at rest, under its fixed English names."""
    return _table(lab, run, run.id, _reached(run))


def what_it_says(lab: Lab, run: ComparisonRun) -> Finding:
    """The finding so far."""
    results = [Cell(one.results, None) for one in run.cells]
    return finding(table(lab, run), run.comparison, results)


def live_table(lab: Lab, run: ComparisonRun) -> pd.DataFrame:
    """The table with the scores of the last epoch where a value is still training: for charts."""
    frame, kind = table(lab, run).copy(), run.comparison.experiment.score
    for place, cell in enumerate(run.cells):
        one = cell.run
        if cell.results or not one.epoch:
            continue
        last = lab.metrics(one.id, after=one.epoch - 1)
        last = last[last["epoch"] == last["epoch"].max()]
        for part in ("train", "validation"):
            scores = interval(last[f"{part}_score"]) if len(last) else interval([])
            ends = (f"{part}_{kind}", scores.mean), (f"{part}_{kind}_low", scores.low), (
                f"{part}_{kind}_high", scores.high)  # fmt: skip
            for column, value in ends:
                frame.loc[place, column] = value
    return frame


@st.cache_data(max_entries=400, show_spinner=False)
def _curves(_lab: Lab, _cell: CellRun, version: tuple[Any, ...], most: int) -> pd.DataFrame:
    return _lab.cell_curves(_cell, max_points=most)


@st.cache_data(max_entries=200, show_spinner=False)
def _surface(_lab: Lab, _cell: CellRun, version: tuple[Any, ...]) -> pd.DataFrame | None:
    """The mean over the seeds of what the networks of an epoch answer, and the data's points."""
    weights, experiment = _lab.cell_weights(_cell), _cell.experiment
    if weights is None:
        return None
    dataset = load_dataset(experiment.data)
    answers = surface_of(experiment, weights, dataset, size=36)
    return surface_rows(answers, point_rows(dataset, most=150), classes=experiment.data.classes)


def seconds_left(run: ComparisonRun) -> float:
    """Until all values are done: what is left is shared by the workers."""
    left = []
    for one in run.runs:
        if one.state == "running" and one.seconds_left is not None:
            left.append(one.seconds_left)
        elif one.active:
            left.append(estimate_seconds(one.experiment, len(one.seeds)))
    return max(sum(left) / settings().workers, *left) if left else 0.0


# -- the live part ---------------------------------------------------------------------------------------------------


def live(page: Page, comparison_id: str) -> None:
    """What it says, the cells, capacity and curves. Ticks while something of it is under way."""
    first = page.lab.comparison(comparison_id)
    if first is None:
        return

    @st.fragment(run_every=tick(first, 1.0))
    def draw() -> None:
        run = page.lab.comparison(comparison_id)
        if run is None:
            return
        _headline(page, run)
        _progress(page, run)
        left, right = st.columns(2)
        with left:
            _capacity(page, run)
        with right:
            _curves_by_value(page, run)
        if first.active and not run.active:
            st.rerun()  # stop ticking

    draw()


def _headline(page: Page, run: ComparisonRun) -> None:
    t = page.t
    said = what_it_says(page.lab, run)
    with st.container(key="finding", gap=None):
        if run.active:
            done = sum(not one.active for one in run.cells)
            st.markdown(
                "#### "
                + t(
                    "Training: {done} of {all} values done, {time} left",
                    done=done,
                    all=len(run.cells),
                    time=t.seconds(seconds_left(run)),
                )
            )
        else:
            st.markdown(f"#### {finding_words(said, t)}")
        st.caption(basis_words(said, t))


def _progress(page: Page, run: ComparisonRun) -> None:
    """A cell a value: how far, in what state, its score now; its name leads to its run."""
    t, kind = page.t, run.comparison.experiment.score
    names, frame = values_shown(run, t), live_table(page.lab, run)
    part = "train" if frame[f"validation_{kind}"].isna().all() else "validation"
    scores = [t.score(value, kind) for value in frame[f"{part}_{kind}"]]
    if len(run.cells) > MOST_CARDS:
        words = [f"{t(STATES[one.state][0])} {score}" for one, score in zip(run.cells, scores, strict=True)]
        knob = knob_name(run.comparison.vary, t)
        st.vega_lite_chart(
            cell_rows(names, [one.progress for one in run.cells], words), cells(names, knob, labels=page.words),
            key="cells", alt=t("Progress of every value"),
        )  # fmt: skip
        return
    with st.container(horizontal=True, gap="small", key="cells"):
        for place, (cell, name, score) in enumerate(zip(run.cells, names, scores, strict=True)):
            with st.container(border=True, width=158, gap="xxsmall", key=f"cell-{place}"):
                page.link("train", f"**{name}**", {"run": cell.run.id}, icon=STATES[cell.state][1])
                st.progress(cell.progress)
                st.caption(f"{_state_words(cell, t)} · {score}")


def _state_words(cell: CellRun, t: Text) -> str:
    if cell.run.loading is not None:
        return t("training what it starts from") if cell.run.note == "source" else t("fetching data")
    return t("from before") if cell.from_before and cell.state == "finished" else t(STATES[cell.state][0])


def _capacity(page: Page, run: ComparisonRun) -> None:
    t, comparison = page.t, run.comparison
    kind, names = comparison.experiment.score, values_shown(run, t)
    knob = knob_name(comparison.vary, t)
    st.markdown(f"**{t('What it can and what it keeps')}**", help=t(
        "Training: how well the network knows the samples it learned from. Validation: samples it has not seen. "
        "Where the two part, it learns by heart."))  # fmt: skip
    frame = live_table(page.lab, run).assign(**{comparison.vary: names})
    st.vega_lite_chart(
        capacity_rows(frame, comparison.vary, kind),
        capacity(names, knob, kind=kind, ordered=_ordered(run), labels=page.words, height=320),
        key="capacity",
        alt=t("Training and validation score against {knob}, with 95 % intervals", knob=knob),
    )


def _curves_by_value(page: Page, run: ComparisonRun) -> None:
    t, comparison = page.t, run.comparison
    kind, names, knob = comparison.experiment.score, values_shown(run, t), knob_name(comparison.vary, t)
    parts = ["validation", "train"] if all(one.data.sizes[1] for one in comparison.experiments) else ["train"]
    words = {"validation": t("validation"), "train": t("training"), "loss": t("Loss"), "log": t("Log scale"),
             "score": t("Accuracy") if kind == "accuracy" else t("Squared error")}  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="curves-head"):
        metric = _switch("compare-metric", t("Curves"), ["loss", "score"], words)
        part = _switch("compare-part", t("Part"), parts, words)
        log = st.toggle(words["log"], key="compare-log", persist_state="session")
    metric, part = metric or "loss", part if part in parts else parts[0]
    most = max(20, min(300, POINTS // len(run.cells)))
    rows = by_value([_curves(page.lab, one, one.version, most) for one in run.cells])
    field = f"{part}_{metric}"
    rows = rows.reindex(columns=["place", "epoch", field, f"{field}_low", f"{field}_high"])
    with st.container(key="panel-curves"):
        st.vega_lite_chart(
            rows,
            compare_curves(
                names, knob, metric, part=part, kind=kind, ordered=_ordered(run), log=log and (metric == "loss" or
                kind == "mse"), epochs=max(one.epochs for one in run.runs), labels=page.words, height=320,
            ),
            key="compare-curves",
            alt=t("Curves over epochs, one a value of {knob}", knob=knob),
        )  # fmt: skip


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


def _ordered(run: ComparisonRun) -> bool:
    return is_number(run.comparison.vary) and all(isinstance(value, (int, float)) for value in run.comparison.values)


# -- surfaces and the table ------------------------------------------------------------------------------------------


def results(page: Page, comparison_id: str) -> None:
    """Decision surfaces side by side and the table. Looks again every three seconds while something is under way."""
    first = page.lab.comparison(comparison_id)
    if first is None:
        return

    @st.fragment(run_every=tick(first, 3.0))
    def draw() -> None:
        run = page.lab.comparison(comparison_id)
        if run is None:
            return
        if all(one.data.inputs == 2 and one.task != "regression" for one in run.comparison.experiments):
            _surfaces(page, run)
        _show_table(page, run)

    draw()


def _surfaces(page: Page, run: ComparisonRun) -> None:
    t, names = page.t, values_shown(run, page.t)
    knob = knob_name(run.comparison.vary, t)
    st.markdown(f"**{t('What they decide')}**", help=t(
        "The class decided for at every point, averaged over the seeds; the fainter, the less sure. "
        "Filled points are for training, hollow ones for validation and test."))  # fmt: skip
    shown = run.cells[:MOST_SURFACES]
    across = 4 if len(shown) in (4, 7, 8) or len(shown) > 9 else max(2, min(3, len(shown)))
    columns = st.columns(across)
    for place, (cell, name) in enumerate(zip(shown, names, strict=False)):
        with columns[place % across], st.container(key=f"panel-surface-{place}"):
            plane = Plane.of(load_dataset(cell.experiment.data), 36)
            rows = _surface(page.lab, cell, cell.version)
            st.vega_lite_chart(
                point_rows(load_dataset(cell.experiment.data), most=150) if rows is None else rows,
                surface(plane, compact=True, labels=page.words, height=210),
                key=f"surface-{place}",
                alt=t("Decisions with {what}", what=f"{knob} {name}"),
            )
            page.link("inspect", f"{knob} **{name}**", {"run": cell.run.id}, width="content")


def _show_table(page: Page, run: ComparisonRun) -> None:
    """Numbers sort as numbers; what stands in the cells is written as the language writes it."""
    t, frame = page.t, table(page.lab, run)
    heads = table_heads(run, t)
    shown = frame[list(heads)].astype({"verdict": object})
    shown["verdict"] = [f"{VERDICTS[verdict][1]} {t(VERDICTS[verdict][0])}".strip() for verdict in frame["verdict"]]
    if not _ordered(run):
        shown[run.comparison.vary] = values_shown(run, t)
    shown = shown.rename(columns=heads)
    written = shown.style
    for place, row in enumerate(frame.to_dict("records")):
        for column, head in heads.items():
            if column != "verdict":
                text = _cell_text(run, column, row, t)
                written.format(lambda _, text=text: text, subset=pd.IndexSlice[[place], [head]])  # type: ignore[misc]
    helps = {heads[column]: text for column, text in _helps(run, t).items() if column in heads}
    st.markdown(f"**{t('The table')}**")
    st.dataframe(
        written,
        hide_index=True,
        key="compare-table",
        height=min(38 + 35 * len(shown), 560),
        column_config={head: st.column_config.Column(help=text) for head, text in helps.items()},
        alt=t("One row a value: parameters, scores with 95 % intervals, gap, best epoch, time, verdict"),
    )


def _cell_text(run: ComparisonRun, column: str, row: Mapping[Any, Any], t: Text) -> str:
    """What stands in a cell of the table."""
    kind, value = run.comparison.experiment.score, row[column]
    if column == run.comparison.vary:
        return value_name(column, value, t) if _ordered(run) else str(value)
    if column == f"{column.partition('_')[0]}_{kind}":
        return t.interval(value, row[f"{column}_low"], row[f"{column}_high"], kind)
    if pd.isna(value):
        return "–"
    if column == "gap":
        return t.interval(value, math.nan, math.nan, kind).replace("-", MINUS)
    if column == "seconds_per_epoch":
        return t.seconds(value) if value >= 1 else f"{t.number(1000 * value, 2)} ms"
    return t.whole(value)


def table_heads(run: ComparisonRun, t: Text) -> dict[str, str]:
    """The table's columns as the reader sees them."""
    kind = run.comparison.experiment.score
    unit = " (%)" if kind == "accuracy" else ""
    parts = {"train": t("Training"), "validation": t("Validation"), "test": t("Test")}
    knob = knob_name(run.comparison.vary, t)
    sizes = np.max([one.data.sizes for one in run.comparison.experiments], axis=0)
    scores = {f"{part}_{kind}": word + unit for size, (part, word) in zip(sizes, parts.items(), strict=True) if size}
    return {
        run.comparison.vary: knob[0].upper() + knob[1:],
        "parameters": t("Parameters"),
        **scores,
        "gap": t("Gap (points)") if kind == "accuracy" else t("Gap"),
        "best_epoch": t("Best epoch"),
        "seconds_per_epoch": t("Time an epoch"),
        "verdict": t("Verdict"),
    }


def _helps(run: ComparisonRun, t: Text) -> dict[str, str]:
    over = t("Mean and 95 % interval over the seeds.")
    kind = run.comparison.experiment.score
    return {
        "parameters": t("Numbers the training adjusts, for one seed."),
        **{f"{part}_{kind}": over for part in ("train", "validation")},
        f"test_{kind}": over + " " + t("Measured once, at the end."),
        "gap": t("How much better the network knows its training samples than new ones."),
        "best_epoch": t("Where the validation loss was lowest: the median over the seeds."),
        "seconds_per_epoch": t("All seeds together."),
        "verdict": t("From the scores, the gap and the shape of the curves; the rules stand in nnlab/diagnosis.py."),
    }


# -- to take away ----------------------------------------------------------------------------------------------------


def take_away(page: Page, run: ComparisonRun) -> None:
    """Buttons with the table, every epoch, Markdown and the link. Files are made on the click."""
    t, lab, name = page.t, page.lab, f"nnlab-{run.comparison.experiment.data.name}-{run.comparison.vary}"

    def now() -> ComparisonRun:
        return lab.comparison(run.id) or run

    def table_csv(spanish: bool = False) -> bytes:
        return csv_text(table(lab, now()), spanish)

    def epochs_csv(spanish: bool = False) -> bytes:
        return csv_text(epochs_of(run.comparison, [lab.cell_metrics(one) for one in now().cells]), spanish)

    excel = t("For a Spanish Excel: semicolons and decimal commas.")
    every = t("Every epoch of every seed, one row each.")
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="take-away"):
        for key, label, help_text, end, make in (
            ("csv", t("CSV"), t("The table, for pandas, R or LibreOffice."), ".csv", table_csv),
            ("csv-es", t("CSV (Excel, es)"), excel, "-es.csv", lambda: table_csv(True)),
            ("epochs", t("Every epoch"), every, "-epochs.csv", epochs_csv),
            ("epochs-es", t("Every epoch (Excel, es)"), f"{every} {excel}", "-epochs-es.csv", lambda: epochs_csv(True)),
            ("markdown", "Markdown", t("The table, for a report."), ".md", lambda: markdown_table(table(lab, now()))),
        ):
            st.download_button(
                label,
                make,
                file_name=name + end,
                mime="text/markdown" if end == ".md" else "text/csv",
                key=f"download-{key}",
                help=help_text,
                on_click="ignore",
                icon=":material/download:",
            )
        with st.popover(t("Link"), icon=":material/link:"):
            st.write(t("Whoever opens this sees the question and these results."))
            link = {**run.comparison.to_query(), "comparison": run.id, "lang": t.language}
            st.code(page.address("compare", link), language=None, wrap_lines=True)
