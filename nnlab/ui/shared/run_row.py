"""A run as one row: name, state, sparkline of its loss, score, time."""

import math

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nnlab.analysis.scores import final_scores, score_interval
from nnlab.charts.curves import sparkline
from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.datasets import PartName
from nnlab.store import Run, State, StoredComparison
from nnlab.ui.shared.cache import curve_rows
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import ago
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text, in_markdown
from nnlab.ui.shell.ticks import live


def run_row(page: Page, run: Run, title: str) -> None:
    """Draws the row; it is updated while the run is under way."""
    live(_row, 2.0 if run.active else None)(page, run, title)


def _row(page: Page, seen: Run, title: str) -> None:
    t = page.t
    run = (page.lab.run(seen.id) or seen) if seen.active else seen
    if run.state != seen.state and not run.active:
        st.rerun()
    name, course, score = row_places(t, run)
    with name:
        page.link("train", in_markdown(title), {"run": run.id}, icon=":material/show_chart:")
    with course:
        loss_sparkline(page, run, title)
    progress = t("epoch {done} / {all}", done=t.whole(run.epoch), all=t.whole(run.epochs))
    score.markdown(score_text(run, t) or f":gray[{progress}]")


def loss_sparkline(page: Page, run: Run, title: str) -> None:
    """The loss of a run by epoch, small."""
    rows = curve_rows(page.lab, run)
    few, spec = rows.iloc[:: max(1, len(rows) // 60)], sparkline("loss", labels=page.words, height=34)
    st.vega_lite_chart(few, spec, key=f"spark-{run.id}", alt=f"{page.t('Loss by epoch')}: {title}")


def row_places(
    t: Text, one: Run | StoredComparison | ComparisonRun
) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Draws state and time of a row, and gives its places for the name, the course and the score: rows of runs and of
    comparisons stand in the same columns."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-{one.id}", wrap=True):
        name = st.container(width=300)
        with st.container(width=120):
            state_badge(t, one.state)
        course, score = st.container(width=130), st.container(width=150)
        st.caption(ago(one.created, t), width="content")
    return name, course, score


def state_badge(t: Text, state: State) -> None:
    """A state as icon, word and colour."""
    look = STATES[state]
    st.badge(t(look.word), icon=look.icon, color=look.colour)


def score_text(run: Run, t: Text) -> str:
    """The final score on the validation part: "95.0 ± 0.9 %"; without one "95.0 ± 0.9 % (training)". Empty before the
    end. Rows are there to choose by, and the test set is not."""
    part = run.experiment.data.judged_part
    text = mean_text(run, part, run.experiment.score, t)
    if text in ("", UNKNOWN):
        return text
    text += " %" * (run.experiment.score == "accuracy")
    return text if part == "validation" else f"{text} ({t('training')})"


def score_value(run: Run) -> float:
    """The mean of the score that `score_text` shows, to sort by; nan before the end."""
    values = final_scores(run.results, run.experiment.data.judged_part, run.experiment.score)
    return float(values.mean()) if values.size else math.nan


def mean_text(run: Run, part: PartName, figure: str, t: Text) -> str:
    """A final figure on a part, the mean with its interval over the replicates: "95.0 ± 0.9"; empty before the end."""
    ends = score_interval(run.experiment, run.results, part, figure)
    if math.isnan(ends.mean):
        return ""
    return t.interval(ends.mean, ends.low, ends.high, figure)
