"""Transfer learning in the form: which run an experiment starts from, and how many of its layers are reused."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from nnlab.spec import MAX_SOURCES, Experiment, StartFrom
from nnlab.store import Run
from nnlab.ui.build.form import Form
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shared.naming import ago, experiment_title, start_words
from nnlab.ui.shared.number_field import number_field
from nnlab.ui.shared.run_links import newest_runs
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.widgets import bound
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

NEWEST = 200  # finished runs of the visitor that are offered at most


def start_fields(page: Page, form: Form) -> None:
    """The source experiment, how many of its layers are reused and how many of those are frozen."""
    t, experiment, given = page.t, form.experiment, form.draft["train.start_from"]
    if "train.start_from" in form.hidden:
        return
    if form.locked("train.start_from"):
        start = start_words(experiment.train.start_from, t)
        st.caption(f":material/lock: {field_name('train.start_from', t)}: {start}")
        return
    runs = newest_runs(page, NEWEST, "finished")
    titles = distinct_titles(runs, t)
    sources = {
        run.key: (run.experiment, f"{titles[run.id]} · {ago(run.created, t)}")
        for run in reversed(runs)
        if not run.extended and run.experiment.sources < MAX_SOURCES and experiment.layers_shared(run.experiment)
    }
    now = experiment.train.start_from.experiment if experiment.train.start_from else None
    if now is not None and now.key not in sources:
        sources[now.key] = (now, experiment_title(now, t))
    if not sources and given is None:
        st.caption(f"{field_name('train.start_from', t)}: {_why_none(experiment, runs, t)}")
        return

    def choose(key: str) -> None:
        """All layers that the two networks share, none of them frozen."""
        source = sources[key][0] if key else None
        start = source and StartFrom(experiment=source, layers=experiment.layers_shared(source)).plain()
        form.draft["train.start_from"] = start

    def change(name: str, value: int | None) -> None:
        form.draft["train.start_from"] = {**given, name: value}

    st.selectbox(
        **form.label("train.start_from"),
        options=["", *reversed(sources)],
        format_func=lambda key: sources[key][1] if key else t("random weights"),
        **bound("field-train.start_from", now.key if now else "", choose),
    )
    if given is not None:
        for name, column in zip(("layers", "frozen"), st.columns(2, vertical_alignment="bottom"), strict=True):
            path = f"train.start_from.{name}"
            with column:
                field = {**form.label(path), "key": f"field-{path}", "t": t, "whole": True}
                number_field(value=given[name], take=partial(change, name), **field)
                form.show_problem(path)
    form.show_problem("train.start_from")


def _why_none(experiment: Experiment, runs: Sequence[Run], t: Text) -> str:
    """Why no run can be chosen, in one sentence."""
    if not experiment.model.depth:
        return t("this network has no hidden layer whose weights could be copied.")
    inputs = t.many("{n} input", "{n} inputs", experiment.data.inputs)
    if not any(run.experiment.data.inputs == experiment.data.inputs for run in runs):
        return t("you have no finished run on data with {inputs} yet.", inputs=inputs)
    return t(
        "none of your finished runs on data with {inputs} has the same first hidden layer as this network (width, "
        "activation, normalisation).",
        inputs=inputs,
    )
