"""The part of Train that follows a run while it learns: progress, four numbers, curves, what it has learned.

One fragment ticks; it reads the store and swaps rows under constant charts. When the run comes to another state the
page is drawn once more, with other buttons and, at the end, no tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from nnlab.charts import curves, gap, overlay, sparkline
from nnlab.lab import Lab
from nnlab.store import METRICS, Run
from nnlab.ui.frame import Page
from nnlab.ui.labels import STATES
from nnlab.ui.learned import answers, caption, kind_of, learned
from nnlab.ui.naming import run_title
from nnlab.ui.text import Text

HEIGHT = 280
HEADING = 44
NUMBERS = 168  # pixels of a number with its sparkline, whether it has a value yet or not
TICK, PER_PAGE = 1.0, 0.02  # seconds; a tick costs the server 5 to 10 ms
MOST_OVERLAID = 6

POINTS, SPARK = 60, 44  # of a curve the size of a word: points, pixels
Floats = NDArray[np.float64]
Arrow = Literal["up", "down", "off"]

_seen: dict[str, float] = {}
_seen_lock = Lock()


def tick_seconds() -> float:
    """Time between two looks: a second, longer where many pages look on."""
    me = st.session_state.setdefault("live-page", uuid4().hex)
    now = monotonic()
    with _seen_lock:
        _seen[me] = now
        if len(_seen) > 20:
            for name in [name for name, at in _seen.items() if now - at > 15]:
                del _seen[name]
        return max(TICK, round(PER_PAGE * len(_seen), 1))


@st.cache_resource(ttl=0.9 * TICK, max_entries=256, show_spinner=False)
def _glance(run_id: str, _lab: Lab) -> tuple[float, Run | None]:
    """When, and a run as it was then: one look a tick for everybody, so that all of them draw the same epochs."""
    return monotonic(), _lab.run(run_id)


@st.cache_resource(max_entries=256, show_spinner=False)  # not copied for each viewer: nobody writes into it
def curve_rows(run_id: str, epoch: int, state: str, _lab: Lab) -> pd.DataFrame:
    """The rows of a run's curves, read once an epoch for everybody who looks on."""
    del epoch, state
    return _lab.curves(run_id)


def rows_of(lab: Lab, run: Run) -> pd.DataFrame:
    """`curve_rows`, without a look at the store where there is nothing yet."""
    if run.epoch == 0:
        ends = ("", "_low", "_high")
        return pd.DataFrame({"epoch": [], **{m + end: [] for m in METRICS for end in ends}}, dtype=float)
    return curve_rows(run.id, run.epoch, run.state, lab)


@st.cache_resource(max_entries=1024, show_spinner=False)
def _drawn(run_id: str, epoch: int, state: str, metric: str, most: int | None, _rows: pd.DataFrame) -> pa.Table:
    """The columns one chart draws, as the browser gets them: made once an epoch for everybody who looks on."""
    del run_id, epoch, state
    columns = ["epoch", *(name for name in _rows.columns if f"_{metric}" in name)]
    few = _rows if most is None else _rows.iloc[:: max(1, len(_rows) // most)]
    return pa.Table.from_pandas(few[columns].astype(np.float32), preserve_index=False)


def follow(page: Page, run: Run, others: Sequence[Run] = ()) -> None:
    """Draws the live part; it ticks while the run, or one laid over it, is under way."""
    live = run.active or any(other.active for other in others)
    every = tick_seconds() if live else None
    st.fragment(_follow, run_every=every)(page, run, tuple(others), every, monotonic())


def _follow(page: Page, seen: Run, others: tuple[Run, ...], every: float | None, since: float) -> None:
    at, run = _glance(seen.id, page.lab)
    if at < since:  # the page knows more than the others' last look: a button was pressed
        run = page.lab.run(seen.id)
    if run is None or (run.state, run.epochs, run.deleted) != (seen.state, seen.epochs, seen.deleted):
        st.rerun()
    if every is not None and tick_seconds() > 2 * every:
        st.rerun()
    others = tuple((_glance(other.id, page.lab)[1] or other) if other.active else other for other in others)
    rows = rows_of(page.lab, run)
    progress_line(page, run)
    four_numbers(page, run, rows)
    _charts(page, run, rows, others)


# -- progress --------------------------------------------------------------------------------------------------------


def progress_line(page: Page, run: Run) -> None:
    """The bar and what it means, in the same place in every state."""
    st.progress(min(1.0, max(0.0, run.progress)), _progress_text(page.lab, run, page.t))


def _progress_text(lab: Lab, run: Run, t: Text) -> str:
    done = t("epoch {done} / {all}", done=t.whole(run.epoch), all=t.whole(run.epochs))
    if run.state == "waiting":
        if lab.trouble:
            return t("waiting: no worker can be reached now; the run starts as soon as one can")
        if run.wish == "stop":
            return t("stopping")
        if run.position is None or run.position <= 1:
            return t("waiting: next in the queue")
        return t("waiting: number {n} in the queue", n=t.whole(run.position))
    if run.state == "running":
        if run.wish:
            return f"{done} · {t('pausing after this epoch') if run.wish == 'pause' else t('stopping')}"
        if run.loading is not None:
            return t("downloading the data, {share}", share=t.percent(run.loading, 0))
        if run.epoch == 0:
            return t("starting: data and first weights")
        if run.seconds_left is not None:
            return f"{done} · {t('{time} left', time=t.seconds(max(1.0, run.seconds_left)))}"
        return done
    return f"{done} · {t(STATES[run.state][0])} · {t('{time} of training', time=t.seconds(run.seconds))}"


# -- four numbers ----------------------------------------------------------------------------------------------------


def four_numbers(page: Page, run: Run, rows: pd.DataFrame) -> None:
    """Loss and score on training and validation data, each with its change and its course."""
    t, experiment = page.t, run.experiment
    regression = experiment.task == "regression"
    seeds = t("Mean over {n} seeds.", n=len(run.seeds)) if len(run.seeds) > 1 else ""
    loss_help = t("How wrong the answers are; training makes it small. On validation data: samples it never trains on.")
    if regression:
        score_label = (t("Typical error, training"), t("Typical error, validation"))
        score_help = t("Square root of the mean squared error: in the units of the answer.")
    else:
        score_label = (t("Accuracy, training"), t("Accuracy, validation"))
        score_help = t("Share of the samples whose class is right.")
    with st.container(horizontal=True, gap="small", key="numbers"):
        columns = [st.container(width="stretch", key=f"place-{i}") for i in range(4)]
    for i, (part, colour) in enumerate((("train", "blue"), ("validation", "orange"))):
        loss, score = (rows[f"{part}_{metric}"].to_numpy(float) for metric in ("loss", "score"))
        loss_label = t("Loss, training") if part == "train" else t("Loss, validation")
        score = np.sqrt(score) if regression else score
        for place, metric, label, course, help_text in (
            (i, "loss", loss_label, loss, loss_help),
            (2 + i, "score", score_label[i], score, score_help),
        ):
            kind = "accuracy" if metric == "score" and not regression else "loss"
            with columns[place], st.container(border=True, height=NUMBERS, gap=None, key=f"number-{part}-{metric}"):
                value, change, arrow = _value_and_change(t, course, kind)
                st.metric(
                    label,
                    value,
                    change,
                    delta_color=colour,  # type: ignore[arg-type]
                    delta_arrow=arrow,
                    help=f"{help_text} {seeds}".strip(),
                )
                spec = sparkline(metric, parts=(part,), labels=page.words, height=SPARK)
                few = _drawn(run.id, run.epoch, run.state, metric, POINTS, rows)
                st.vega_lite_chart(few, spec, key=f"spark-{part}-{metric}", alt=label)


def _value_and_change(t: Text, course: Floats, kind: str) -> tuple[str, str, Arrow]:
    """The last value of a course and how far it has come in its last tenth, both as text, and which way."""
    if not len(course) or np.isnan(course[-1]):
        return "–", " ", "off"
    last = float(course[-1])
    value = t.percent(last) if kind == "accuracy" else t.number(last)
    back = max(1, len(course) // 10)
    if len(course) <= back or not np.isfinite(course[-1 - back]) or not np.isfinite(last):
        return value, " ", "off"
    difference = last - float(course[-1 - back])
    if abs(difference) < 1e-3 * abs(last):
        return value, t("steady"), "off"
    size = abs(difference)
    change = t("{n} points", n=t.number(100 * size, 2)) if kind == "accuracy" else t.number(size, 2)
    return value, change, "up" if difference > 0 else "down"


# -- charts ----------------------------------------------------------------------------------------------------------


def _charts(page: Page, run: Run, rows: pd.DataFrame, others: tuple[Run, ...]) -> None:
    t, experiment = page.t, run.experiment
    kind = experiment.score
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            height=HEADING,
            border=False,
        ):
            st.markdown(f"##### {t('Loss')}", width="content")
            log = _scale_switch(page)
        _curves(page, run, rows, others, "loss", log=log)
    with right:
        with st.container(horizontal=True, vertical_alignment="center", height=HEADING, border=False):
            st.markdown(f"##### {t('What it has learned so far')}", width="content", help=caption(experiment, t))
        learned(page, run, HEIGHT)
    if kind == "mse":
        if kind_of(experiment) == "line":
            st.markdown(f"##### {t('What it answers')}")
            st.dataframe(answers(page, run), hide_index=True, key="answers", alt=t("Truth and answers"))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"##### {t('Accuracy')}")
        _curves(page, run, rows, others, "score")
    with right:
        st.markdown(
            f"##### {t('Gap between validation and training')}",
            help=t("How much worse the loss is on data it has not seen. A gap that keeps growing is overfitting."),
        )
        if experiment.data.sizes[1] == 0:
            st.caption(t("This experiment keeps no samples aside for validation, so there is no gap to see."))
        else:
            spec = gap("loss", kind=kind, epochs=run.epochs, labels=page.words, height=HEIGHT)
            with st.container(key="panel-gap"):
                drawn = _drawn(run.id, run.epoch, run.state, "loss", None, rows)
                st.vega_lite_chart(drawn, spec, key="chart-gap", alt=t("Validation loss minus training loss by epoch"))


def _curves(
    page: Page, run: Run, rows: pd.DataFrame, others: tuple[Run, ...], metric: str, *, log: bool = False
) -> None:
    t, kind = page.t, run.experiment.score
    alt = t("Loss by epoch") if metric == "loss" else t("Accuracy by epoch")
    if others:
        every = [rows, *(rows_of(page.lab, other) for other in others)]
        columns = ["epoch", f"train_{metric}", f"validation_{metric}"]
        drawn: Any = pd.concat([one[columns].assign(run=i) for i, one in enumerate(every)], ignore_index=True)
        spec = overlay(overlaid_names((run, *others), t), metric, kind=kind, log=log, labels=page.words, height=HEIGHT)
    else:
        drawn = _drawn(run.id, run.epoch, run.state, metric, None, rows)
        spec = curves(
            metric,
            kind=kind,
            log=log,
            band=len(run.seeds) > 1,
            validation=run.experiment.data.sizes[1] > 0,
            epochs=run.epochs,
            labels=page.words,
            height=HEIGHT,
        )
    with st.container(key=f"panel-{metric}"):
        st.vega_lite_chart(drawn, spec, key=f"chart-{metric}", alt=alt)


def overlaid_names(runs: Sequence[Run], t: Text) -> tuple[str, ...]:
    """Titles for a legend; two that read the same are told apart by a number."""
    names: list[str] = []
    for run in runs:
        title = run_title(run, t)
        same = sum(1 for name in names if name == title or name.startswith(f"{title} ("))
        names.append(f"{title} ({same + 1})" if same else title)
    return tuple(names)


def _scale_switch(page: Page) -> bool:
    """Linear or logarithmic; kept in the link."""
    t = page.t
    wanted = "log" if page.query().get("scale") == "log" else "linear"
    st.session_state.setdefault("loss-scale", wanted)

    def keep() -> None:
        query = page.query()
        if st.session_state["loss-scale"] == "log":
            query["scale"] = "log"
        else:
            query.pop("scale", None)
        page.set_query(query)

    chosen = st.segmented_control(
        t("Scale of the loss"),
        ["linear", "log"],
        format_func=lambda name: t("linear") if name == "linear" else t("log"),
        key="loss-scale",
        label_visibility="collapsed",
        required=True,
        on_change=keep,
    )
    return chosen == "log"
