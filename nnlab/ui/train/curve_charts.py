"""The charts over epochs: loss, score and gap of one run, or of several laid over each other."""

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nnlab.charts.axes import spans_decades
from nnlab.charts.base import Spec
from nnlab.charts.curves import curves, gap, overlay
from nnlab.lab import Lab
from nnlab.store import Run, StoreUnavailable
from nnlab.ui.shared.cache import curve_rows, once_per_epoch
from nnlab.ui.shared.run_links import MOST_OVERLAID, newest_runs
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Texts

SCALES = "linear", "log"
_ALTS: Texts = {
    "loss": "Loss by epoch",
    "score": "Accuracy by epoch",
    "gap": "Validation loss minus training loss by epoch",
}


def draw_chart(page: Page, run: Run, others: tuple[Run, ...], place: DeltaGenerator, chart: str) -> None:
    """Draws "loss", "score" or "gap"; the gap of one run only."""
    rows, spec = _rows(page.lab, run, others, chart), chart_spec(page, run, others, chart)
    place.vega_lite_chart(rows, spec, key=f"chart-{chart}", alt=page.t(_ALTS[chart]))


@once_per_epoch()
def chart_rows(lab: Lab, run: Run, metric: str, most: int | None = None) -> pa.Table:
    """The columns of one chart as the browser gets them."""
    rows = curve_rows(lab, run)
    columns = ["epoch", *(name for name in rows.columns if f"_{metric}" in name)]
    few = rows if most is None else rows.iloc[:: max(1, len(rows) // most)]
    return pa.Table.from_pandas(few[columns].astype(np.float32), preserve_index=False)


def latest_rows(lab: Lab, run: Run, others: tuple[Run, ...], chart: str) -> Any:
    """The rows of a chart as they are in the store now; those that the page shows while the store is away."""
    with suppress(StoreUnavailable):
        now, *rest = (lab.run(one.id) or one for one in (run, *others))
        return _rows(lab, now, tuple(rest), chart)
    return _rows(lab, run, others, chart)


def _rows(lab: Lab, run: Run, others: tuple[Run, ...], chart: str) -> Any:
    metric = "loss" if chart == "gap" else chart
    if not others:
        return chart_rows(lab, run, metric)
    columns = ["epoch", f"train_{metric}", f"validation_{metric}"]
    every = [curve_rows(lab, one)[columns].assign(run=i) for i, one in enumerate((run, *others))]
    return pd.concat(every, ignore_index=True)


def chart_spec(page: Page, run: Run, others: tuple[Run, ...], chart: str) -> Spec:
    look: dict[str, Any] = {"kind": run.experiment.score, "labels": page.words}
    last = run.epoch if run.state in ("finished", "stopped") else run.epochs  # the axis ends there
    if chart == "gap":
        return gap("loss", epochs=last, **look)
    look["log"] = chart == "loss" and log_scale(page, run, others)
    if others:
        return overlay(tuple(distinct_titles((run, *others), page.t).values()), chart, **look)
    validation = run.experiment.data.sizes[1] > 0
    return curves(chart, band=len(run.replicates) > 1, validation=validation, epochs=last, **look)


def log_scale(page: Page, run: Run, others: tuple[Run, ...]) -> bool:
    """Whether the loss is on a logarithmic scale: as chosen here or in the link, else where the losses span decades."""
    chosen = st.session_state.get("scale-chosen", {}).get(run.id, page.query().get("scale"))
    if chosen in SCALES:
        return bool(chosen == "log")
    losses = [curve_rows(page.lab, one)[["train_loss", "validation_loss"]].to_numpy(float) for one in (run, *others)]
    return spans_decades(np.concatenate(losses))


def scale_switch(page: Page, run: Run, log: bool) -> None:
    """Linear or logarithmic loss; a choice becomes part of the link."""
    t = page.t

    def choose(scale: str) -> None:
        st.session_state["scale-chosen"] = {run.id: scale}  # a tick under way may still carry the earlier link
        page.change_query(scale=scale)

    st.segmented_control(
        t("Scale of the loss"),
        SCALES,
        format_func=lambda name: clickable(t("linear") if name == "linear" else t("log")),
        label_visibility="collapsed",
        required=True,
        **bound("loss-scale", "log" if log else "linear", choose),
    )


def overlaid_runs(page: Page, run: Run) -> dict[str, Run]:
    """The runs that the link lays over this one, by id; only those with the same kind of score."""
    named = [one for one in page.query().get("with", "").split(",") if one and one != run.id][:MOST_OVERLAID]
    found = {run_id: page.lab.run(run_id) for run_id in named}
    return {run_id: one for run_id, one in found.items() if one and one.experiment.score == run.experiment.score}


def overlay_choice(page: Page, run: Run, overlaid: dict[str, Run]) -> None:
    """The choice among the visitor's runs with the same kind of score."""
    t, score = page.t, run.experiment.score
    own = newest_runs(page, 200, trained=True)
    choices = overlaid | {
        one.id: one for one in own if one.id != run.id and one.experiment.score == score and one.epoch
    }
    if not choices:
        return
    names = distinct_titles(list(choices.values()), t)
    st.session_state["overlay"] = list(overlaid)

    st.multiselect(
        t("Overlay other runs"),
        list(choices),
        format_func=lambda run_id: names.get(run_id, run_id),
        key="overlay",
        max_selections=MOST_OVERLAID,
        placeholder=t("Choose runs"),
        select_all=False,
        wrap=True,
        on_change=lambda: page.change_query(**{"with": ",".join(st.session_state["overlay"])}),
    )
