"""A run as one small row: name, state, shape of its curve, score, when."""

from __future__ import annotations

import streamlit as st

from nnlab.analysis.scores import final_scores
from nnlab.analysis.statistics import interval
from nnlab.charts.curves import sparkline
from nnlab.store import Run
from nnlab.ui.shared.curve_rows import rows_of
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import ago, in_markdown, run_title
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

POINTS = 60  # of a curve the size of a word
HEIGHT = 34


def run_row(page: Page, run: Run) -> None:
    """One run; while it is under way the row follows it."""
    st.fragment(_row, run_every=2.0 if run.active else None)(page, run)


def _row(page: Page, seen: Run) -> None:
    t = page.t
    run = (page.lab.run(seen.id) or seen) if seen.active else seen
    if run.state != seen.state and not run.active:
        st.rerun()
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"row-{run.id}", wrap=True, border=False
    ):
        with st.container(width=300):
            page.link("train", in_markdown(run_title(run, t)), {"run": run.id}, icon=":material/show_chart:")
        with st.container(width=120):
            state_badge(page.t, run)
        with st.container(width=130):
            rows = rows_of(page.lab, run)
            few = rows.iloc[:: max(1, len(rows) // POINTS)]
            st.vega_lite_chart(
                few, sparkline("loss", labels=page.words, height=HEIGHT), key=f"spark-{run.id}", alt=t("Loss by epoch")
            )
        with st.container(width=150):
            st.markdown(score_text(run, t) or f":gray[{t('epoch {done} / {all}', **_epochs(run, t))}]")
        st.caption(ago(run.created, t), width="content")


def _epochs(run: Run, t: Text) -> dict[str, object]:
    return {"done": t.whole(run.epoch), "all": t.whole(run.epochs)}


def state_badge(t: Text, run: Run) -> None:
    """The state as icon, word and colour."""
    word, icon, colour = STATES[run.state]
    st.badge(t(word), icon=icon, color=colour)  # type: ignore[arg-type]


def score_text(run: Run, t: Text) -> str:
    """The final score on the test part (else validation, else training): "95.0 ± 0.9 %"; empty before the end."""
    kind = run.experiment.score
    for part in ("test", "validation", "train"):
        values = final_scores(run.results, part, kind)
        if values.size:
            ends = interval(values, run.experiment.data.folds)
            text = t.interval(ends.mean, ends.low, ends.high, kind)
            return f"{text} %" if kind == "accuracy" and text != "–" else text
    return ""


def score_value(run: Run) -> float:
    """The same as one number to sort by; nan before the end."""
    for part in ("test", "validation", "train"):
        values = final_scores(run.results, part, run.experiment.score)
        if values.size:
            return float(values.mean())
    return float("nan")
