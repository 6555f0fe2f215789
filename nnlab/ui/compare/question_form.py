"""The question as a sentence of controls: "On [moons] vary [depth] over [1 2 4 8] with [10] seeds"."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from nnlab.catalogue.presets import presets
from nnlab.engines.costs import estimate_bytes
from nnlab.spec import Comparison
from nnlab.store import Run
from nnlab.ui.compare.names import experiment_summary, knob_name
from nnlab.ui.compare.question import DRAFT, NO_VALUES, Question, comparison_seconds
from nnlab.ui.compare.values import is_number, knobs_for, second_knobs, split_typed, suggested, values_control
from nnlab.ui.shared import labels
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.text import Text, mark

PRESETS: Mapping[str, str] = {
    "binary": mark("100 samples, two classes"),
    "activations": mark("500 moons"),
    "mnist": mark("MNIST"),
    "celsius": mark("Celsius to Fahrenheit"),
    "scratch": mark("MNIST without a framework"),
}
"""The presets inside the sentence."""
Change = Callable[[str], None]
MANY_CELLS = 12
"""Above this the form shows how many cells there will be."""


def question_form(question: Question) -> None:
    """The controls and the Compare button; below them the problem of the question, or its experiment in a line."""
    t, state, current = question.page.t, st.session_state, question.input
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="question"):
        _word(t("On"))
        _source(question)
        _word(t("vary"))
        name = partial(knob_name, t=t)
        help_text = t("The setting that differs between the networks; everything else stays the same.")
        knobs = knobs_for(current.experiment)
        _select("vary", t("Setting"), knobs, current.vary, question.use_knob, help=help_text, format_func=name)
        _word(t("over"))
        _values(question, "values", current.vary, current.values)
        _second_knob(question)
        _word(t("with"))
        state["compare-seeds"] = current.seeds
        st.text_input(
            t("Seeds"),
            key="compare-seeds",
            on_change=lambda: question.change(seeds=state["compare-seeds"]),
            width=72,
            label_visibility="collapsed",
        )
        _word(t("seeds"), help=t(labels.HELP["seeds"]))
        _submit(question)
    if question.problem is None:
        st.caption(experiment_summary(question.comparison.experiment, t))
        return
    missing = question.problem.expected == NO_VALUES
    text = t("Choose at least one value.") if missing else problem_text(question.problem, t)
    st.markdown(f":red[:material/error: {text}]")


def _word(word: str, help: str | None = None) -> None:
    st.markdown(f"**{word}**", width="content", help=help)


def _select(name: str, label: str, options: Sequence[str], value: str, change: Change, **more: Any) -> None:
    """A choice that shows `value` and passes another one to `change`."""
    key = f"compare-{name}"
    st.session_state[key] = value
    more |= {"label_visibility": "collapsed", "width": 200, "on_change": lambda: change(st.session_state[key])}
    st.selectbox(label, options if value in options else [*options, value], key=key, **more)


def _source(question: Question) -> None:
    """Where the experiment is from: the draft, a preset, one of the visitor's runs, or the link."""
    t, page, current = question.page.t, question.page, question.input
    own: dict[str, Run] = {run.id: run for run in page.lab.runs(owner=page.owner, limit=10)}

    def name(source: str) -> str:
        if source == DRAFT:
            return t("my draft")
        if source in PRESETS:
            return t(PRESETS[source])
        run = own.get(source)
        return (run.name if run else "") or experiment_summary(run.experiment if run else current.experiment, t)

    options = [DRAFT, *presets, *own]
    _select("on", t("Experiment"), options, current.source, question.use_source, format_func=name)


def _values(question: Question, name: str, knob: str, values: Sequence[str]) -> None:
    t, key = question.page.t, f"compare-{name.replace('_', '-')}"
    _, offered = suggested(question.input.experiment, knob)
    options = [*offered, *(text for text in values if text not in offered)]
    st.session_state[key] = list(values)
    values_control(
        knob,
        split_typed(options, knob) if is_number(knob) else options,
        t,
        label=t("Values"),
        key=key,
        on_change=lambda: question.change(**{name: tuple(split_typed(st.session_state[key], knob))}),
        label_visibility="collapsed",
        width=300 if name == "values" else 270,
    )


def _second_knob(question: Question) -> None:
    """The controls of the second knob, or a button that adds it."""
    t, current = question.page.t, question.input
    knobs = second_knobs(current.experiment, current.vary)
    help_text = t("Every value of one setting is combined with every value of the other.")
    use = question.use_second_knob
    if not current.by:
        first = "activation" if "activation" in knobs else knobs[0]
        add, icon = t("second setting"), ":material/add:"
        st.button(add, icon=icon, key="compare-add-by", help=help_text, on_click=use, args=(first,), type="tertiary")
        return
    _word(t("and"))
    _select("by", t("Second setting"), knobs, current.by, use, help=help_text, format_func=partial(knob_name, t=t))
    _word(t("over"))
    _values(question, "by_values", current.by, current.by_values)
    drop = t("Remove the second setting")
    st.button(":material/close:", key="compare-drop-by", help=drop, on_click=use, args=("",), type="tertiary")


def _submit(question: Question) -> None:
    t, comparison = question.page.t, question.comparison
    st.button(
        t("Compare"),
        icon=":material/play_arrow:",
        type="primary",
        key="compare",
        on_click=question.submit,
        args=(comparison,),
        disabled=question.problem is not None,
        shortcut="Ctrl+Enter",
    )
    st.caption(_cost(comparison, t), width="content")


def _cost(comparison: Comparison, t: Text) -> str:
    """How many cells, about how long, about how much memory."""
    cells = len(comparison.points)
    largest = max(estimate_bytes(one, len(comparison.seeds)) for one in comparison.experiments)
    parts = [
        *([t.many("{n} cell", "{n} cells", cells)] if comparison.by or cells > MANY_CELLS else []),
        t("about {time}", time=t.seconds(comparison_seconds(comparison))),
        t("needs about {size}", size=t.memory(largest)),
    ]
    return " · ".join(parts)
