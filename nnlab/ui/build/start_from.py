"""Transfer learning on the pages: choosing the run an experiment starts from, and starting from a run that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from nnlab.spec import MAX_SOURCES, Experiment, StartFrom, seeds_text
from nnlab.store import Run
from nnlab.training.transfer import started_from
from nnlab.ui.build.form import Form
from nnlab.ui.shared.labels import HELP, field_name
from nnlab.ui.shared.naming import ago, experiment_title, run_title
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

LOOKED_AT = 200
"""Runs among which those that fit are looked for, the newest first."""


def start_link(page: Page, run: Run) -> None:
    """A link to Build with an experiment that starts from this run; none where nothing can be taken over."""
    made = started_from(run.experiment) if run.experiment.task != "regression" else None
    if made is not None:
        page.link(
            "build",
            page.t("Start another from this"),
            {**made.to_query(), "seeds": seeds_text(run.seeds)},
            icon=":material/step_over:",
            disabled=run.state != "finished",
        )


def start_fields(page: Page, form: Form) -> None:
    """The run an experiment starts from, how many of its layers are taken over and how many of them are frozen."""
    t, experiment, given = page.t, form.experiment, form.draft["train.start_from"]
    runs = page.lab.runs(page.owner, state="finished", limit=LOOKED_AT)
    sources = {run.key: (run.experiment, _run_name(run, t)) for run in reversed(runs) if _fits(experiment, run)}
    now = _source(experiment)
    if now is not None and now.key not in sources:
        sources[now.key] = (now, experiment_title(now, t))
    if not sources and given is None:
        st.caption(f"{field_name('train.start_from', t)}: {_why_none(experiment, runs, t)}")
        return
    st.session_state["field-train.start_from"] = now.key if now else ""

    def choose() -> None:
        source = sources.get(st.session_state["field-train.start_from"])
        form.draft["train.start_from"] = source and _first_choice(experiment, source[0])

    st.selectbox(
        **_labels("train.start_from", t),
        options=["", *reversed(sources)],
        format_func=lambda key: sources[key][1] if key else t("random weights"),
        key="field-train.start_from",
        on_change=choose,
    )
    if isinstance(given, Mapping):
        left, right = st.columns(2, vertical_alignment="bottom")
        for place, name in ((left, "layers"), (right, "frozen")):
            with place:
                _number(form, name, given, t)
    form.complain("train.start_from")


def _number(form: Form, name: str, given: Mapping[str, Any], t: Text) -> None:
    path = f"train.start_from.{name}"
    key = f"field-{path}"
    st.session_state[key] = given[name]

    def take() -> None:
        form.draft["train.start_from"] = {**given, name: st.session_state[key]}

    st.number_input(**_labels(path, t), step=1, key=key, on_change=take)
    form.complain(path)


def _first_choice(experiment: Experiment, source: Experiment) -> dict[str, Any]:
    """All layers the two share, none of them frozen."""
    return StartFrom(experiment=source, layers=experiment.layers_shared(source)).plain()


def _fits(experiment: Experiment, run: Run) -> bool:
    source = run.experiment
    return not run.extended and source.sources < MAX_SOURCES and experiment.layers_shared(source) > 0


def _source(experiment: Experiment) -> Experiment | None:
    start = experiment.train.start_from
    return start.experiment if start else None


def _why_none(experiment: Experiment, runs: list[Run], t: Text) -> str:
    """One sentence."""
    if not experiment.model.depth:
        return t("this network has no hidden layer that could be taken over.")
    inputs = t.many("{n} input", "{n} inputs", experiment.data.inputs)
    if not any(run.experiment.data.inputs == experiment.data.inputs for run in runs):
        return t("there is no finished run of yours on data with {inputs} yet.", inputs=inputs)
    return t(
        "none of your finished runs on data with {inputs} has a first hidden layer like this network's: same width, "
        "activation, normalisation.",
        inputs=inputs,
    )


def _run_name(run: Run, t: Text) -> str:
    return f"{run_title(run, t)} · {ago(run.created, t)}"


def _labels(path: str, t: Text) -> dict[str, Any]:
    return {"label": field_name(path, t), "help": t(HELP[path])}
