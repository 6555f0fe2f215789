"""A comparison's table: a row a cell, sorted, filtered, compared with the best or a baseline; a row explains itself."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.analysis.diagnosis import Diagnosis, diagnose
from nnlab.comparison.cell_runs import CellRun
from nnlab.lab import ComparisonRun, Lab
from nnlab.ui.compare.comparison_state import Known, cell_names, full_name, known, ordered, value_names
from nnlab.ui.compare.question import Question, is_number, knob_name
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shared.labels import VERDICTS
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.run_table import texts_in_turn
from nnlab.ui.shared.verdicts import remedy_link, verdict_sentence, verdict_words
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import MINUS, Text

FILTERED = 10
"""Rows from which on a filter helps."""
ALPHA = 0.05
BEST = -1
"""In place of a baseline's place."""
_diagnoses: Cache[Diagnosis] = Cache(400)


def cell_table(page: Page, run: ComparisonRun, question: Question) -> None:
    """The table with what chooses its rows and columns, and the chosen row in words."""
    t = page.t
    it = known(page.lab, run, question.baseline_of(run.comparison))
    heads = table_heads(run, it, t)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="table-head"):
        st.markdown(f"**{t('The table')}**", width="stretch", help=t(
            "The best is chosen by looking at all scores, so the correction is over all pairs; for a baseline "
            "chosen beforehand it is over its own pairs only."))  # fmt: skip
        words, verdicts = _filter(run, it, t)
        _compared_with(run, question, t)
        columns = _columns(run, it, heads, t)
    rows = _matching(run, it, words, verdicts, t)
    if not rows:
        st.info(t("No row fits this filter."), icon=":material/filter_alt_off:")
        return
    place = _draw(run, it, heads, rows, columns, t)
    _explain(page, run, it, place)


# -- which rows and columns ------------------------------------------------------------------------------------------


def _filter(run: ComparisonRun, it: Known, t: Text) -> tuple[str, Sequence[str]]:
    """Words and verdicts to look for; nothing where there are few rows."""
    if len(run.cells) < FILTERED:
        return "", ()
    words = st.text_input(t("Filter"), key="table-words", placeholder=t("Filter: value, verdict"),
                          label_visibility="collapsed", icon=":material/search:", width=210)  # fmt: skip
    there = [verdict for verdict in VERDICTS if verdict and (it.table["verdict"] == verdict).any()]
    st.session_state["table-verdicts"] = [v for v in st.session_state.get("table-verdicts") or [] if v in there]
    chosen = st.pills(t("Verdict"), there, selection_mode="multi", key="table-verdicts", label_visibility="collapsed",
                      format_func=lambda verdict: f"{VERDICTS[verdict][1]} {t(VERDICTS[verdict][0])}")  # fmt: skip
    return words, chosen


def _matching(run: ComparisonRun, it: Known, words: str, verdicts: Sequence[str], t: Text) -> list[int]:
    """Places of the rows that hold every word and have one of the verdicts (any, if none is named)."""
    wanted = words.lower().split()
    said = [f" {full_name(run.comparison, cell.point, t)} {verdict}".lower().replace(",", " ")
            for cell, verdict in zip(run.cells, _verdicts(it.table, t), strict=True)] if wanted else []  # fmt: skip
    return [
        place
        for place, verdict in enumerate(it.table["verdict"])
        if (not verdicts or verdict in verdicts) and (not wanted or all(f" {word}" in said[place] for word in wanted))
    ]


def _compared_with(run: ComparisonRun, question: Question, t: Text) -> None:
    names = cell_names(run, t)
    place = question.baseline_of(run.comparison)
    st.session_state["compared-with"] = BEST if place is None else place
    st.selectbox(
        t("Compared with"),
        [BEST, *range(len(names))],
        key="compared-with",
        format_func=lambda place: t("Against {other}", other=t("the best") if place == BEST else names[place]),
        on_change=lambda: question.compare_with(
            run.comparison, None if (chosen := st.session_state["compared-with"]) == BEST else chosen
        ),
        label_visibility="collapsed",
        width=210,
    )


def _columns(run: ComparisonRun, it: Known, heads: Mapping[str, str], t: Text) -> list[str]:
    """The columns shown: few, until more are asked for."""
    kind = run.comparison.experiment.score
    few = [
        run.comparison.vary,
        run.comparison.by,
        f"{it.part}_{kind}",
        f"test_{kind}",
        "difference",
        "p",
        "gap",
        "verdict",
    ]
    more = [column for column in heads if column not in few]
    with st.popover(t("Columns"), icon=":material/view_column:", key="table-columns"):
        chosen = st.pills(t("More columns"), more, selection_mode="multi", format_func=heads.__getitem__,
                          key="table-more", persist_state="session")  # fmt: skip
    return [column for column in heads if column in few or column in (chosen or [])]


def table_heads(run: ComparisonRun, it: Known, t: Text) -> dict[str, str]:
    """The table's columns as the reader sees them, in order. The test part is there once it has been opened."""
    comparison, kind = run.comparison, run.comparison.experiment.score
    unit = " (%)" if kind == "accuracy" else ""
    sizes = [max(one.data.sizes[i] for one in comparison.experiments) for i in range(3)]
    parts = {"validation": t("Validation"), "train": t("Training"), "test": t("Test")}
    there = {"validation": sizes[1], "train": sizes[0], "test": sizes[2] and run.test_opened is not None}
    first = {it.part: parts[it.part], **parts}  # what decides comes first
    return {
        comparison.vary: _capital(knob_name(comparison.vary, t)),
        **({comparison.by: _capital(knob_name(comparison.by, t))} if comparison.by else {}),
        **{f"{part}_{kind}": word + unit for part, word in first.items() if there[part]},
        "difference": t("Difference (points)") if kind == "accuracy" else t("Difference"),
        "p": "p",
        "seeds_needed": t("Seeds needed"),
        "gap": t("Gap (points)") if kind == "accuracy" else t("Gap"),
        "verdict": t("Verdict"),
        "parameters": t("Parameters"),
        "best_epoch": t("Best epoch"),
        "seconds_per_epoch": t("Time an epoch"),
    }


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _helps(run: ComparisonRun, t: Text) -> dict[str, str]:
    """One sentence a column: what it is and by which method."""
    kind = run.comparison.experiment.score
    folds = run.comparison.experiment.data.folds
    over = t("Mean and 95 % interval over seeds and folds, by Student's t with the variance corrected for the training "
             "samples that folds share (Nadeau and Bengio).") if folds else t(
             "Mean and 95 % interval over the seeds, by Student's t: with so few seeds the bootstrap would "
             "be too narrow.")  # fmt: skip
    return {
        **{f"{part}_{kind}": over for part in ("train", "validation", "test")},
        "difference": t("Mean of the differences seed by seed, with the interval that the correction leaves: seeds and "
                        "batches are shared, so they are paired."),
        "p": t("Paired t test, corrected by Holm's method for all pairs, because the best was chosen by looking; below "
               "{limit} the two can be told apart.", limit=t.number(ALPHA, 1)),
        "seeds_needed": t("Seeds with which a difference of this size would be found in 80 % of cases (80 % power)."),
        "gap": t("How much better the network knows its training samples than new ones."),
        "verdict": t("From the scores, the gap and the shape of the curves; choose the row to read why."),
        "parameters": t("Numbers the training adjusts, for one seed."),
        "best_epoch": t("Where the validation loss was lowest: the median over the seeds."),
        "seconds_per_epoch": t("All seeds together."),
    }  # fmt: skip


# -- the table -------------------------------------------------------------------------------------------------------


def _draw(
    run: ComparisonRun, it: Known, heads: Mapping[str, str], rows: Sequence[int], columns: Sequence[str], t: Text
) -> int | None:
    """Draws these rows; the place of the chosen one. Numbers sort as numbers, and read as the language writes them."""
    comparison = run.comparison
    frame = it.table.iloc[list(rows)].reset_index(drop=True)
    shown = frame[list(heads)].astype({"verdict": object})
    shown["verdict"] = _verdicts(frame, t)
    shown.loc[[place == it.reference for place in rows], "difference"] = 0.0  # it sorts among the others
    if not ordered(comparison):
        shown[comparison.vary] = [value_names(comparison, t)[place % len(comparison.values)] for place in rows]
    if comparison.by and not is_number(comparison.by):
        shown[comparison.by] = [value_name(comparison.by, run.cells[place].point.by_value, t) for place in rows]
    records = frame.to_dict("records")
    formats: dict[Any, str | Callable[[object], str] | None] = {
        heads[column]: texts_in_turn([_cell_text(run, it, column, row, place, t)
                                      for row, place in zip(records, rows, strict=True)])
        for column in columns if column != "verdict" and pd.api.types.is_numeric_dtype(shown[column])
    }  # fmt: skip
    helps = _helps(run, t)
    drawn = hashlib.sha1(f"{comparison.key} {list(rows)}".encode(), usedforsecurity=False).hexdigest()[:10]
    with st.container(key="compare-table"):
        chosen: Any = st.dataframe(
            shown.rename(columns=dict(heads)).style.format(formats),
            hide_index=True,
            key=f"compare-table-{drawn}",
            height=min(38 + 35 * len(shown), 560),
            column_order=[heads[column] for column in columns],
            column_config={heads[column]: st.column_config.Column(help=helps.get(column)) for column in heads},
            on_select="rerun",
            selection_mode="single-row",
            placeholder="–",
            alt=t("One row a cell: score with its 95 % interval, difference, gap, verdict"),
        )
    picked = chosen.selection.rows
    return rows[picked[0]] if picked and picked[0] < len(rows) else None


def _verdicts(frame: pd.DataFrame, t: Text) -> list[str]:
    return [verdict_words(Diagnosis(verdict, reason), t)
            for verdict, reason in zip(frame["verdict"], frame["reason"], strict=True)]  # fmt: skip


def _cell_text(run: ComparisonRun, it: Known, column: str, row: Mapping[Any, Any], place: int, t: Text) -> str:
    """What stands in a cell of the table."""
    comparison, kind, value = run.comparison, run.comparison.experiment.score, row[column]
    if column in (comparison.vary, comparison.by):
        return value_name(column, value, t)
    if column == f"{column.partition('_')[0]}_{kind}":
        return t.interval(value, row[f"{column}_low"], row[f"{column}_high"], kind)
    if column == "difference":
        return "★" if place == it.reference else difference_words(row, kind, t, p=False)
    if column == "seeds_needed" and pd.isna(value):
        return "–" if pd.isna(row["difference"]) or pd.isna(row["p"]) else f"> {t.whole(1000)}"
    if pd.isna(value):
        return "–"
    if column == "p":
        return p_words(value, t)
    if column == "gap":
        return t.interval(value, math.nan, math.nan, kind).replace("-", MINUS)
    if column == "seconds_per_epoch":
        return t.seconds(value) if value >= 1 else f"{t.number(1000 * value, 2)} ms"
    return t.whole(value)


def p_words(p: float, t: Text) -> str:
    """0.012, or < 0.001."""
    return f"< {t.number(0.001, 1)}" if p < 0.001 else t.number(p, 2)


def difference_words(row: Mapping[Any, Any], kind: str, t: Text, p: bool = True) -> str:
    """−1.2 ± 0.8 (p 0.012): in points for accuracy; a dash where there is none."""
    mean = row["difference"]
    if pd.isna(mean):
        return "–"
    text = t.interval(abs(mean), row["difference_low"], row["difference_high"], kind)
    sign = MINUS if mean < 0 else "+" if mean > 0 else ""
    return f"{sign}{text}" + (f" (p {p_words(row['p'], t)})" if p and not pd.isna(row["p"]) else "")


# -- one row in words ------------------------------------------------------------------------------------------------


def _explain(page: Page, run: ComparisonRun, it: Known, place: int | None) -> None:
    """Why the chosen row has its verdict, how it stands to the one it is compared with, and where to go."""
    t = page.t
    if place is None:
        st.caption(t("Choose a row to read why it has its verdict, and what to try."))
        return
    cell, row = run.cells[place], it.table.iloc[place]
    with st.container(border=True, key="row-words", gap="small"):
        st.markdown(f"**{_capital(full_name(run.comparison, cell.point, t))}** · "
                    + t.many("{n} parameter", "{n} parameters", int(row["parameters"])))  # fmt: skip
        diagnosis = None if cell.active else diagnosis_of(page.lab, cell)
        sentence = verdict_sentence(diagnosis, cell.experiment, t) if diagnosis else ""
        st.markdown(sentence or t("Not finished yet."))
        if compared := _standing(run, it, place, t):
            st.markdown(compared)
        with st.container(horizontal=True, gap="medium"):
            if diagnosis:
                remedy_link(page, cell.run, diagnosis)
            page.link("train", t("Curves"), {"run": cell.run.id}, width="content")
            page.link("inspect", t("Look inside"), {"run": cell.run.id}, width="content")


def _standing(run: ComparisonRun, it: Known, place: int, t: Text) -> str:
    """The paired difference as a sentence."""
    if it.reference is None:
        return ""
    row, kind = it.table.iloc[place].to_dict(), run.comparison.experiment.score
    if place == it.reference or pd.isna(row["difference"]):
        return ""
    other = full_name(run.comparison, run.cells[it.reference].point, t)
    words = {"difference": difference_words(row, kind, t, p=False), "other": other}
    text = t("{difference} points against {other}", **words) if kind == "accuracy" else t(
        "{difference} against {other}", **words)  # fmt: skip
    if pd.isna(row["p"]):
        return f"{text}. {t('One seed alone cannot tell them apart.')}"
    text += f" (p {p_words(row['p'], t)})."
    if row["p"] < ALPHA:
        return f"{text} {t('The two can be told apart.')}"
    seeds = t.many("{n} seed", "{n} seeds", len(run.comparison.seeds))
    if pd.isna(row["seeds_needed"]):
        return text + " " + t("Not distinguishable with {seeds}, nor with a thousand.", seeds=seeds)
    return text + " " + t("Not distinguishable with {seeds}; about {n} would be needed.", seeds=seeds,
                          n=t.whole(row["seeds_needed"]))  # fmt: skip


def diagnosis_of(lab: Lab, cell: CellRun) -> Diagnosis:
    """A resting cell's diagnosis, computed once for everybody."""
    return _diagnoses.get(
        (cell.version, cell.seeds), lambda: diagnose(lab.cell_metrics(cell), cell.results, cell.experiment)
    )
