"""The table of a comparison: a row for each cell, filtered, compared with the best cell or a baseline, explained."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.analysis.coverage import covers, grain
from nnlab.analysis.diagnosis import Diagnosis
from nnlab.analysis.statistics import LEVEL, detectable
from nnlab.comparison.table import worse_cells
from nnlab.lab import ComparisonRun
from nnlab.ui.compare.cells import run_links
from nnlab.ui.compare.comparison_state import View
from nnlab.ui.compare.knobs import is_number
from nnlab.ui.compare.question import Question
from nnlab.ui.shared.cell_results import diagnosis_of
from nnlab.ui.shared.labels import VERDICTS
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.run_links import advice_link
from nnlab.ui.shared.sortable_table import rows_key, sortable
from nnlab.ui.shared.verdict_text import verdict_sentence, verdict_words
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import MINUS, Text, Texts

FILTERED = 10  # rows from which on there is a filter
MARGINS = {"accuracy": (0.002, 0.005, 0.01, 0.02, 0.05), "mse": (0.01, 0.02, 0.05, 0.1, 0.2)}
BEST = -1  # the option for the best cell, in place of a baseline's place
HELPS: Texts = {  # what a column is and how it is computed
    "samples": "Mean over the seeds. The 95 % interval (Student's t) is for {covered}: every seed has its own.",
    "split": "Mean over the seeds. The 95 % interval (Student's t) is for {covered}; its variance is corrected for the "
    "training samples that splits share (Nadeau and Bengio).",
    "folds": "Mean over seeds and folds. The 95 % interval (Student's t) is for {covered}; its variance is corrected "
    "for the training samples that folds share (Nadeau and Bengio).",
    "part": "Mean over the seeds. The 95 % interval (Student's t) is for any seed on samples like {covered}: it "
    "contains the variation from seed to seed and from sample to sample.",
    "train": "Mean over the seeds. The 95 % interval (Student's t) contains the variation from seed to seed.",
    "difference": "Mean of the differences seed by seed, with its corrected interval; all cells have the same seeds, "
    "samples and batches, so the differences are paired.",
    "p": "Paired t test, corrected by Holm's method for all pairs, because the best cell was chosen by its score. "
    "Below {limit} the two cells can be told apart.",
    "gap": "How much better the score is on training samples than on new ones.",
    "verdict": "From the scores, the gap and the shape of the curves; select the row to read the reason.",
    "parameters": "Weights and biases of one network.",
    "best_epoch": "The epoch with the lowest validation loss: the median over the seeds.",
    "seconds_per_epoch": "For all seeds together.",
}


def cell_table(page: Page, run: ComparisonRun, question: Question) -> None:
    """The table with its controls, and the selected row in words."""
    t, view = page.t, View(page, run, question.baseline_place(run.comparison), question.margin)
    heads = _column_names(view)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="table-head"):
        help_text = t(
            "The best cell is chosen by its score, so p is corrected for all pairs of cells; with a baseline that you "
            "chose beforehand, only for the pairs with the baseline. docs/statistics.md has every formula."
        )
        margin_help = t(
            "Margin: smaller differences do not matter to you. Where two cells differ significantly by less (two "
            "one-sided t tests), the sentence above the charts says so."
        )
        st.markdown(f"**{t('Table of results')}**", width="stretch", help=f"{help_text}\n\n{margin_help}")
        rows = _filtered(view)
        _baseline(view, question)
        _margin(view, question)
        columns = _columns(view, heads)
    if not rows:
        st.info(t("No row matches this filter."), icon=":material/filter_alt_off:")
        return
    place = _draw(view, heads, rows, columns)
    if place is None:
        st.caption(t("Select a row to read the reason for its verdict and what to try next."))
    else:
        _explain(view, place)


def _filtered(view: View) -> list[int]:
    """Places of the rows that match the filter; all of them where there are few."""
    t, verdicts = view.t, view.results.table["verdict"]
    if len(verdicts) < FILTERED:
        return list(range(len(verdicts)))
    look: dict[str, Any] = {"label_visibility": "collapsed", "icon": ":material/search:", "width": 210}
    typed = st.text_input(t("Filter"), key="table-words", placeholder=t("Filter: value, verdict"), **look)
    there = [verdict for verdict in VERDICTS if verdict and (verdicts == verdict).any()]
    st.session_state["table-verdicts"] = [v for v in st.session_state.get("table-verdicts") or [] if v in there]
    look = {"selection_mode": "multi", "label_visibility": "collapsed", "key": "table-verdicts"}
    chosen = st.pills(t("Verdict"), there, format_func=lambda one: clickable(verdict_words(Diagnosis(one), t)), **look)
    texts = [f" {view.full_name(place)} {text}" for place, text in enumerate(_verdicts(view.results.table, t))]
    rows = [text.lower().replace(",", " ") for text in texts]
    found = [place for place, row in enumerate(rows) if all(f" {word}" in row for word in typed.lower().split())]
    return [place for place in found if not chosen or verdicts[place] in chosen]


def _baseline(view: View, question: Question) -> None:
    """The choice of the cell that the others are compared with."""
    t = view.t
    names = {BEST: t("the best"), **dict(enumerate(view.short_names()))}
    options = {place: t("Against {other}", other=name) for place, name in names.items()}

    def choose(place: int) -> None:
        question.set_baseline(view.comparison, None if place == BEST else place)

    look = bound("compared-with", BEST if view.baseline is None else view.baseline, choose)
    look |= {"label_visibility": "collapsed", "width": 210, "format_func": options.__getitem__}
    st.selectbox(t("Baseline"), list(options), **look)


def _margin(view: View, question: Question) -> None:
    """The choice of the differences that are without importance."""
    t, now = view.t, view.results.finding.margin
    options = sorted({now, *MARGINS[view.score]})
    look = bound("table-margin", now, question.set_margin) | {"label_visibility": "collapsed", "width": 210}
    names = {margin: t("Margin: {margin}", margin=view.text.margin(margin)) for margin in options}
    st.selectbox(t("Margin"), options, format_func=names.__getitem__, **look)
    if st.session_state.pop("margin-chosen", False):
        st.rerun()  # the whole page: the finding is not in the fragment of the table


def _columns(view: View, heads: Mapping[str, str]) -> list[str]:
    """The columns to show: few, unless more are chosen."""
    t, comparison = view.t, view.comparison
    scores = f"{view.results.finding.part}_{view.score}", f"test_{view.score}"
    few = {comparison.vary, comparison.by, *scores, "difference", "p", "gap", "verdict"}
    with st.popover(t("Columns"), icon=":material/view_column:", key="table-columns"):
        more = [column for column in heads if column not in few]
        look: dict[str, Any] = {"selection_mode": "multi", "persist_state": "session", "key": "table-more"}
        chosen = st.pills(t("More columns"), more, format_func=lambda name: clickable(heads[name]), **look)
    return [column for column in heads if column in few or column in (chosen or [])]


def _column_names(view: View) -> dict[str, str]:
    """The columns in order, with their names; the test score is one of them once the test set has been opened."""
    t, comparison, points = view.t, view.comparison, view.score == "accuracy"
    _, validation, test = (
        any(sizes) for sizes in zip(*(one.data.sizes for one in comparison.experiments), strict=True)
    )
    parts = {
        **({"validation": t("Validation")} if validation else {}),
        "train": t("Training"),
        **({"test": t("Test")} if test and view.run.test_opened else {}),
    }
    ordered = dict.fromkeys([view.results.finding.part, *parts])  # the part that decides comes first
    return {
        comparison.vary: _capital(view.knob),
        **({comparison.by: _capital(view.by)} if comparison.by else {}),
        **{f"{part}_{view.score}": parts[part] + (" (%)" if points else "") for part in ordered},
        "difference": t("Difference (points)") if points else t("Difference"),
        "p": "p",
        "gap": t("Gap (points)") if points else t("Gap"),
        "verdict": t("Verdict"),
        "parameters": t("Parameters"),
        "best_epoch": t("Best epoch"),
        "seconds_per_epoch": t("Time per epoch"),
    }


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _column_help(view: View, column: str) -> str | None:
    t, experiment = view.t, view.results.finding.experiment
    if not column.endswith(f"_{view.score}"):
        return t(HELPS[column], limit=t.number(LEVEL, 1)) if column in HELPS else None
    part: Any = column.removesuffix(f"_{view.score}")
    covered = covers(experiment, part)
    kind = covered.kind if covered.kind in HELPS else "part"
    text = t(HELPS["train" if part == "train" else kind], covered=covered.words(t))
    size = grain(experiment, part, t)
    return f"{text} {size}." if size else text


def _draw(view: View, heads: Mapping[str, str], rows: Sequence[int], columns: Sequence[str]) -> int | None:
    """Draw these rows and return the place of the selected one. Numbers sort as numbers; the texts are the reader's."""
    t, comparison = view.t, view.comparison
    frame = view.results.table.iloc[list(rows)].reset_index(drop=True)
    shown = frame[list(heads)].astype({"verdict": object})
    shown["verdict"] = _verdicts(frame, t)
    shown.loc[[place == view.results.reference for place in rows], "difference"] = 0.0  # to sort it among the others
    if not view.ordered:
        shown[comparison.vary] = [view.names[place][0] for place in rows]
    if comparison.by and not is_number(comparison.by):
        shown[comparison.by] = [view.names[place][1] for place in rows]
    records = list(zip(frame.to_dict("records"), rows, strict=True))
    texts = {
        heads[column]: [_cell_text(view, column, row, place) for row, place in records]
        for column in columns
        if column != "verdict" and pd.api.types.is_numeric_dtype(shown[column])
    }
    with st.container(key="compare-table"):
        selected: Any = st.dataframe(
            sortable(shown.rename(columns=dict(heads)), texts),
            hide_index=True,
            key=rows_key("compare-table", (comparison.key, *rows)),
            height=min(38 + 35 * len(shown), 560),
            column_order=[heads[column] for column in columns],
            column_config={
                head: st.column_config.Column(help=_column_help(view, column)) for column, head in heads.items()
            },
            on_select="rerun",
            selection_mode="single-row",
            placeholder="–",
            alt=t("One row per cell: score with its 95 % interval, difference, gap, verdict"),
        )
    picked = selected.selection.rows
    return rows[picked[0]] if picked and picked[0] < len(rows) else None


def _verdicts(frame: pd.DataFrame, t: Text) -> list[str]:
    return [verdict_words(Diagnosis.of(row), t) for row in frame.to_dict("records")]


def _cell_text(view: View, column: str, row: Mapping[Any, Any], place: int) -> str:
    t, kind, value = view.t, view.score, row[column]
    if column in (view.comparison.vary, view.comparison.by):
        return value_name(column, value, t)
    if column.endswith(f"_{kind}"):
        return t.interval(value, row[f"{column}_low"], row[f"{column}_high"], kind)
    if column == "difference":
        return "★" if place == view.results.reference else difference_text(row, kind, t, p=False)
    if pd.isna(value):
        return "–"
    if column == "p":
        return _p_text(value, t)
    if column == "gap":
        return t.interval(value, math.nan, math.nan, kind)
    if column == "seconds_per_epoch":
        return t.seconds(value) if value >= 1 else f"{t.number(1000 * value, 2)} ms"
    return t.whole(value)


def _p_text(p: float, t: Text) -> str:
    return f"< {t.number(0.001, 1)}" if p < 0.001 else t.number(p, 2)


def difference_text(row: Mapping[Any, Any], kind: str, t: Text, p: bool = True) -> str:
    """−1.2 ± 0.8 (p 0.012): in points for accuracy; a dash where there is no difference."""
    mean = row["difference"]
    if pd.isna(mean):
        return "–"
    text = t.interval(abs(mean), row["difference_low"], row["difference_high"], kind)
    sign = MINUS if mean < 0 else "+" if mean > 0 else ""
    return f"{sign}{text}" + (f" (p {_p_text(row['p'], t)})" if p and not pd.isna(row["p"]) else "")


def _explain(view: View, place: int) -> None:
    """The reason for the verdict of a row, its difference to the reference, and what to try."""
    t, page, cell = view.t, view.page, view.cells[place]
    parameters = t.many("{n} parameter", "{n} parameters", int(view.results.table["parameters"].iloc[place]))
    diagnosis = None if cell.active else diagnosis_of(page.lab, cell)
    with st.container(border=True, key="row-words", gap="small"):
        st.markdown(f"**{_capital(view.full_name(place))}** · {parameters}")
        sentence = verdict_sentence(diagnosis, cell.experiment, t) if diagnosis else ""
        st.markdown(sentence or t("Not finished yet."))
        if difference := difference_sentence(view, place):
            st.markdown(difference)
        with st.container(horizontal=True, gap="medium"):
            if diagnosis:
                worse = worse_cells(view.comparison, view.results.table, view.results.finding.part, place)
                advice_link(page, cell.run, diagnosis, worse)
            run_links(page, cell)


def difference_sentence(view: View, place: int) -> str:
    """The paired difference of a cell to the reference; empty where there is none."""
    t, row, reference = view.t, view.results.table.iloc[place].to_dict(), view.results.reference
    if reference is None or place == reference or pd.isna(row["difference"]):
        return ""
    words = {"difference": difference_text(row, view.score, t, p=False), "other": view.full_name(reference)}
    text = t("{difference} against {other}", **words)
    if view.score == "accuracy":
        text = t("{difference} points against {other}", **words)
    if pd.isna(row["p"]):
        return f"{text}. {t('They cannot be told apart with a single seed.')}"
    text += f" (p {_p_text(row['p'], t)}). "
    difference = view.results.judged.against[place]
    assert difference is not None
    if difference.distinct:
        text += t("The two can be told apart.")
    else:
        seeds = t.many("{n} seed", "{n} seeds", len(view.comparison.seeds))
        least = view.text.difference(detectable([difference]))
        text += t("They cannot be told apart with {seeds}: {least} or more would have shown.", seeds=seeds, least=least)
    if difference.within(view.results.finding.tolerance):
        text += " " + t("They differ by less than {margin}.", margin=view.text.margin(view.results.finding.margin))
    return text
