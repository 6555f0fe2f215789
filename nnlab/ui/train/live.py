"""The part of Train that follows a run while it learns: progress, four numbers, curves, what it has learned.

One fragment ticks; it reads the store and swaps rows under constant charts. When the run comes to another state the
page is drawn once more, with other buttons and, at the end, no tick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from time import monotonic, time
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nnlab.charts.base import Spec
from nnlab.charts.curves import curves, gap, overlay, sparkline
from nnlab.engines.base import Floats
from nnlab.lab import Lab
from nnlab.store import Run
from nnlab.ui.shared.curve_rows import _NO_ROWS, curve_rows, rows_of
from nnlab.ui.shared.downloads import chart_downloads
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import file_name, run_title, seeds_words
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text
from nnlab.ui.train.learned import answers, caption, kind_of, learned

HEIGHT = 280


HEADING = 44


NUMBERS = 168  # pixels of a number with its sparkline, whether it has a value yet or not


TICK, PER_PAGE = 1.0, 0.02  # seconds; a tick costs the server 5 to 10 ms


FIRST, FRESH = 0.25, 5.0  # seconds between two looks for the first point, and how long a run is looked at so often


SLOW, SLOW_FOR_MANY, FEW = 2, 5, 10  # ticks between two looks at what changes little, up to so many pages and above


POINTS, SPARK = 60, 44  # of a curve the size of a word: points, pixels


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


def _nears_its_first_point(run: Run) -> bool:
    return run.active and run.epoch == 0 and time() - (run.started or run.created).timestamp() < FRESH


@st.cache_resource(ttl=0.9 * TICK, max_entries=256, show_spinner=False)
def _glance(run_id: str, _lab: Lab) -> tuple[float, Run | None]:
    """When, and a run as it was then: one look a tick for everybody, so that all of them draw the same epochs."""
    return monotonic(), _lab.run(run_id)


def _drawn(lab: Lab, run: Run, metric: str, most: int | None = None) -> pa.Table:
    """The columns one chart draws, as the browser gets them: made once an epoch for everybody who looks on."""
    return _table(lab, run.id, run.epoch, run.state, metric, most)


@lru_cache(maxsize=1024)
def _table(lab: Lab, run_id: str, epoch: int, state: str, metric: str, most: int | None) -> pa.Table:
    rows = curve_rows(lab, run_id, epoch, state) if epoch else _NO_ROWS
    columns = ["epoch", *(name for name in rows.columns if f"_{metric}" in name)]
    few = rows if most is None else rows.iloc[:: max(1, len(rows) // most)]
    return pa.Table.from_pandas(few[columns].astype(np.float32), preserve_index=False)


@dataclass(frozen=True)
class Places:
    """Where the parts that change are drawn. The frame around them is drawn once: a tick sends thirteen messages
    instead of forty, and nothing else can move."""

    progress: DeltaGenerator
    numbers: Mapping[tuple[str, str], tuple[DeltaGenerator, DeltaGenerator]]
    """By part and metric: the number and its sparkline."""
    charts: Mapping[str, DeltaGenerator]
    """`loss`, `learned`, and `score` and `gap`, or `answers`, where they suit the task."""
    log: bool
    """Whether the loss is on a logarithmic scale."""


def follow(page: Page, run: Run, others: Sequence[Run] = ()) -> None:
    """Draws the live part; it ticks while the run, or one laid over it, is under way."""
    live = run.active or any(other.active for other in others)
    every = FIRST if _nears_its_first_point(run) else tick_seconds() if live else None
    places = _places(page, run, tuple(others))
    slow = SLOW if len(_seen) <= FEW else SLOW_FOR_MANY
    st.fragment(_follow, run_every=every)(page, run, tuple(others), every, monotonic(), places)
    st.fragment(_follow_slowly, run_every=every and slow * every)(page, run, tuple(others), places)


def _follow(page: Page, seen: Run, others: tuple[Run, ...], every: float | None, since: float, places: Places) -> None:
    at, run = _glance(seen.id, page.lab)
    if at < since or every == FIRST:  # the page knows more than the others' last look: a button was pressed
        run = page.lab.run(seen.id)
    if run is None or (run.state, run.epochs, run.deleted) != (seen.state, seen.epochs, seen.deleted):
        st.rerun()
    if every is not None and every != FIRST and tick_seconds() > 2 * every:
        st.rerun()
    rows = rows_of(page.lab, run)
    places.progress.progress(min(1.0, max(0.0, run.progress)), _progress_text(page.lab, run, page.t))
    _four_numbers(page, run, rows, places)
    _curves(page, run, _now(page.lab, others), places.charts["loss"], "loss", log=places.log)
    learned(page, run, HEIGHT, places.charts["learned"])
    if "answers" in places.charts:
        table = answers(page, run)
        places.charts["answers"].dataframe(table, hide_index=True, key="answers", alt=page.t("Truth and answers"))
    if every == FIRST and not _nears_its_first_point(run):
        st.rerun()  # from here on a look a second will do


def _follow_slowly(page: Page, seen: Run, others: tuple[Run, ...], places: Places) -> None:
    """What changes little from one second to the next: half the work of a tick, so not every time."""
    run = _glance(seen.id, page.lab)[1] or seen
    run = run if run.epoch >= seen.epoch else seen
    _sparklines(page, run, places)
    if "score" in places.charts:
        _curves(page, run, _now(page.lab, others), places.charts["score"], "score")
    if "gap" in places.charts:
        places.charts["gap"].vega_lite_chart(
            _drawn(page.lab, run, "loss"),
            _gap(page, seen),
            key="chart-gap",
            alt=page.t("Validation loss minus training loss by epoch"),
        )


def _now(lab: Lab, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The same runs as they are now."""
    return tuple((_glance(run.id, lab)[1] or run) if run.active else run for run in runs)


def _places(page: Page, run: Run, others: tuple[Run, ...]) -> Places:
    """The frame: the same in every state, with a place for whatever will change.

    Each place is alone in its box: where Streamlit drops a tick's unsent messages for those of the next, the place goes
    too, and others behind it in the same box would move."""
    t, experiment = page.t, run.experiment
    progress = st.container().empty()
    with st.container(horizontal=True, gap="small", key="numbers"):
        boxes = [
            st.container(border=True, height=NUMBERS, gap=None, width="stretch", key=f"number-{part}-{metric}")
            for metric in ("loss", "score")
            for part in ("train", "validation")
        ]
    names = [(part, metric) for metric in ("loss", "score") for part in ("train", "validation")]
    inner = [(box.container(gap=None).empty(), box.container(gap=None).empty()) for box in boxes]
    numbers = dict(zip(names, inner, strict=True))
    charts: dict[str, DeltaGenerator] = {}
    left, right = st.columns(2, gap="medium")
    with left:
        with _heading(t("Loss")), st.container(horizontal=True, vertical_alignment="center", width="content"):
            log = _scale_switch(page)
            _downloads(page, run, others, "loss", "loss", _spec(page, run, others, "loss", log))
        charts["loss"] = st.container(key="panel-loss").empty()
    with right:
        _heading(t("What it has learned so far"), caption(experiment, t))
        charts["learned"] = st.container(key="panel-learned").empty()
    if experiment.score == "mse":
        if kind_of(experiment) == "line":
            st.markdown(f"##### {t('What it answers')}")
            charts["answers"] = st.container().empty()
        return Places(progress, numbers, charts, log)
    left, right = st.columns(2, gap="medium")
    with left:
        with _heading(t("Accuracy")):
            _downloads(page, run, others, "score", "accuracy", _spec(page, run, others, "score", False))
        charts["score"] = st.container(key="panel-score").empty()
    with right:
        box = _heading(
            t("Gap between validation and training"),
            t("How much worse the loss is on data it has not seen. A gap that keeps growing is overfitting."),
        )
        if experiment.data.sizes[1]:
            with box:
                _downloads(page, run, (), "loss", "gap", _gap(page, run))
            charts["gap"] = st.container(key="panel-gap").empty()
        else:
            st.caption(t("This experiment keeps no samples aside for validation, so there is no gap to see."))
    return Places(progress, numbers, charts, log)


def _heading(words: str, help_text: str | None = None) -> DeltaGenerator:
    """A heading as high as its neighbour, with room for a switch."""
    box = st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        height=HEADING,
        border=False,
    )
    box.markdown(f"##### {words}", width="content", help=help_text)
    return box


# -- progress --------------------------------------------------------------------------------------------------------


def _progress_text(lab: Lab, run: Run, t: Text) -> str:
    done = t("epoch {done} / {all}", done=t.whole(run.epoch), all=t.whole(run.epochs))
    if run.state == "waiting":
        if lab.trouble:
            return t("waiting: no worker can be reached now; the run starts as soon as one can")
        if run.requested_action == "stop":
            return t("stopping")
        if run.position is None or run.position <= 1:
            return t("waiting: next in the queue")
        return t("waiting: number {n} in the queue", n=t.whole(run.position))
    if run.state == "running":
        if run.requested_action:
            return f"{done} · {t('pausing after this epoch') if run.requested_action == 'pause' else t('stopping')}"
        if run.loading is not None:
            share = t.percent(run.loading, 0)
            if run.note == "source":
                return t("training what it starts from, {share}", share=share)
            return t("downloading the data, {share}", share=share)
        if run.epoch == 0:
            return t("starting: data and first weights")
        if run.seconds_left is not None:
            return f"{done} · {t('{time} left', time=t.seconds(max(1.0, run.seconds_left)))}"
        return done
    return f"{done} · {t(STATES[run.state][0])} · {t('{time} of training', time=t.seconds(run.seconds))}"


# -- four numbers ----------------------------------------------------------------------------------------------------


def _number_names(run: Run, t: Text) -> dict[tuple[str, str], str]:
    """What each of the four numbers is called."""
    if run.experiment.task == "regression":
        score = t("Typical error, training"), t("Typical error, validation")
    else:
        score = t("Accuracy, training"), t("Accuracy, validation")
    return {
        ("train", "loss"): t("Loss, training"),
        ("validation", "loss"): t("Loss, validation"),
        ("train", "score"): score[0],
        ("validation", "score"): score[1],
    }


def _four_numbers(page: Page, run: Run, rows: pd.DataFrame, places: Places) -> None:
    """Loss and score on training and validation data, each with its change."""
    t, names = page.t, _number_names(run, page.t)
    regression = run.experiment.task == "regression"
    seeds = t("Mean over {what}.", what=seeds_words(run, t)) if len(run.replicates) > 1 else ""
    helps = {
        "loss": t(
            "How wrong the answers are; training makes it small. On validation data: samples it never trains on."
        ),
        "score": t("Square root of the mean squared error: in the units of the answer.")
        if regression
        else t("Share of the samples whose class is right."),
    }
    for (part, metric), (number, _) in places.numbers.items():
        course = rows[f"{part}_{metric}"].to_numpy(float)
        course = np.sqrt(course) if regression and metric == "score" else course
        kind = "accuracy" if metric == "score" and not regression else "loss"
        value, change, arrow = _value_and_change(t, course, kind)
        number.metric(
            names[part, metric],
            value,
            change,
            delta_color="blue" if part == "train" else "orange",
            delta_arrow=arrow,
            help=f"{helps[metric]} {seeds}".strip(),
        )


def _sparklines(page: Page, run: Run, places: Places) -> None:
    """The course of each of the four numbers, the size of a word."""
    names = _number_names(run, page.t)
    for (part, metric), (_, spark) in places.numbers.items():
        spark.vega_lite_chart(
            _drawn(page.lab, run, metric, POINTS),
            sparkline(metric, parts=(part,), labels=page.words, height=SPARK),
            key=f"spark-{part}-{metric}",
            alt=names[part, metric],
        )


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


def _curves(
    page: Page, run: Run, others: tuple[Run, ...], place: DeltaGenerator, metric: str, *, log: bool = False
) -> None:
    alt = page.t("Loss by epoch") if metric == "loss" else page.t("Accuracy by epoch")
    spec = _spec(page, run, others, metric, log)
    place.vega_lite_chart(_rows(page.lab, run, others, metric), spec, key=f"chart-{metric}", alt=alt)


def _spec(page: Page, run: Run, others: tuple[Run, ...], metric: str, log: bool) -> Spec:
    kind = run.experiment.score
    if others:
        names = overlaid_names((run, *others), page.t)
        return overlay(names, metric, kind=kind, log=log, labels=page.words, height=HEIGHT)
    return curves(
        metric,
        kind=kind,
        log=log,
        band=len(run.replicates) > 1,
        validation=run.experiment.data.sizes[1] > 0,
        epochs=run.epochs,
        labels=page.words,
        height=HEIGHT,
    )


def _rows(lab: Lab, run: Run, others: tuple[Run, ...], metric: str) -> Any:
    if not others:
        return _drawn(lab, run, metric)
    columns = ["epoch", f"train_{metric}", f"validation_{metric}"]
    every = [rows_of(lab, one)[columns].assign(run=i) for i, one in enumerate((run, *others))]
    return pd.concat(every, ignore_index=True)


def _gap(page: Page, run: Run) -> Spec:
    return gap("loss", kind=run.experiment.score, epochs=run.epochs, labels=page.words, height=HEIGHT)


def _downloads(page: Page, run: Run, others: tuple[Run, ...], metric: str, name: str, spec: Spec) -> None:
    """The menu of a chart: it saves the rows there are at the click."""

    def rows() -> Any:
        now, *rest = (page.lab.run(one.id) or one for one in (run, *others))
        return _rows(page.lab, now, tuple(rest), metric)

    chart_downloads(page, file_name(run, f"-{name}"), spec, rows)


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
