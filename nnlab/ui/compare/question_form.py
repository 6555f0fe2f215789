"""The question as a sentence of controls: "On [moons] vary [depth] over [1 2 4 8] with [10] seeds"; cards with more."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import preset_comparisons, presets
from nnlab.engines.costs import estimate_bytes
from nnlab.jobs.forecast import Forecast
from nnlab.lab import ComparisonRun
from nnlab.spec import Comparison
from nnlab.store.budget import stored_bytes
from nnlab.ui.compare import knobs
from nnlab.ui.compare.question import DRAFT, Question, comparison_seconds
from nnlab.ui.shared import comparison_naming, labels
from nnlab.ui.shared.naming import cost_words, disk_words, experiment_title
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, Texts

PRESETS: Texts = {  # inside the sentence
    "binary": "100 samples",
    "activations": "500 moons",
    "mnist": "MNIST",
    "celsius": "Celsius to Fahrenheit",
    "scratch": "MNIST without a framework",
}
QUESTIONS: Texts = {  # of the preset comparisons
    "binary": "How deep should a network be for 100 samples?",
    "activations": "Which activation learns fastest?",
    "mnist": "Does depth help on handwritten digits?",
    "celsius": "How large can the learning rate be?",
    "scratch": "NumPy or PyTorch: is there a difference?",
}
ACROSS = 3  # cards in a row
SELECT = 240  # pixels of a choice: titles of runs have room
MANY_CELLS = 12  # above this the form shows how many cells there will be
MOST_PILLS = 16  # values to guess among as buttons; more are in a list
Change = Callable[[str], None]
Submit = Callable[[Comparison], None]


def question_form(question: Question, opened: ComparisonRun | None) -> None:
    """The controls and the Compare button; below them the problem of the question, or its experiment in a line and
    the guess, unless the comparison that is `opened` shows the outcome."""
    t, current = question.page.t, question.input
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="question"):
        _word(t("On"))
        _source(question)
        _word(t("vary"))
        help_text = t("The setting that differs between the networks; everything else stays the same.")
        every = knobs.knobs_for(current.experiment)
        _setting(question, ("vary", "values"), t("Setting"), every, question.use_knob, help_text)
        _second_setting(question)
        _word(t("with"))
        seeds = bound("compare-seeds", current.seeds, lambda text: question.change(seeds=text))
        fixed = question.locked("seeds")
        st.text_input(t("Seeds"), width=72, label_visibility="collapsed", disabled=fixed, **seeds)
        _word(t("seeds"), help=t(labels.HELP["seeds"]))
        st.button(
            t("Compare"),
            icon=":material/play_arrow:",
            type="primary",
            key="compare",
            on_click=question.submit_input,
            disabled=question.problem is not None,
        )
        st.caption(_cost(question), width="content")
    if question.problem is None:
        st.caption(comparison_naming.experiment_summary(question.comparison.experiment, t))
        if question.asks_for_guess(opened):
            _guess(question, opened)
        return
    missing = not current.values or (current.by and not current.by_values)
    text = t("Choose at least one value.") if missing else problem_text(question.problem, t)
    st.markdown(f":red[:material/error: {text}]")


def _word(word: str, help: str | None = None) -> None:
    st.markdown(f"**{word}**", width="content", help=help)


def _select(name: str, label: str, options: Sequence[str], value: str, change: Change, **more: Any) -> None:
    """A choice that shows `value` and passes another one to `change`."""
    more |= {"label_visibility": "collapsed", "width": SELECT, **bound(f"compare-{name}", value, change)}
    st.selectbox(label, options if value in options else [*options, value], **more)


def _source(question: Question) -> None:
    """Where the experiment is from: the draft, a preset, one of the visitor's runs, or the link."""
    t, page, current = question.page.t, question.page, question.input
    if question.task:
        _word(experiment_title(current.experiment, t))
        return
    own = page.lab.runs(owner=page.owner, limit=10, alone=True)
    names = {
        DRAFT: t("my draft"),
        **{name: t(PRESETS[name]) for name in presets},
        **distinct_titles(own, t),
    }
    names.setdefault(current.source, experiment_title(current.experiment, t))
    _select("on", t("Experiment"), list(names), current.source, question.use_source, format_func=names.__getitem__)


def _setting(
    question: Question, fields: tuple[str, str], label: str, options: Sequence[str], change: Change, help: str
) -> None:
    """The choice of a knob and of its values, which are two fields of the question's input."""
    t, (vary, over) = question.page.t, fields
    knob, values = getattr(question.input, vary), getattr(question.input, over)
    look: dict[str, Any] = {"help": help, "format_func": partial(comparison_naming.knob_name, t=t)}
    _select(vary, label, options, knob, change, disabled=question.locked(vary), **look)
    _word(t("over"))

    def take(texts: Sequence[str]) -> None:
        question.change(**{over: knobs.split_typed(texts, knob)})

    offered = knobs.split_typed([*knobs.suggested(question.input.experiment, knob)[1], *values], knob)
    look = bound(f"compare-{over.replace('_', '-')}", list(values), take)
    look |= {"label_visibility": "collapsed", "width": 300 if over == "values" else 270}
    knobs.values_control(knob, offered, t, label=t("Values"), disabled=question.locked(over), **look)


def _second_setting(question: Question) -> None:
    """The controls of the second knob, or a button that adds it."""
    t, current, use = question.page.t, question.input, question.use_second_knob
    others = knobs.second_knobs(current.experiment, current.vary)
    help_text = t("Every value of one setting is combined with every value of the other.")
    if question.locked("by") and not current.by:
        return
    if not current.by:
        first = "activation" if "activation" in others else others[0]
        add, icon = t("second setting"), ":material/add:"
        st.button(add, icon=icon, key="compare-add-by", help=help_text, on_click=use, args=(first,), type="tertiary")
        return
    _word(t("and"))
    _setting(question, ("by", "by_values"), t("Second setting"), others, use, help_text)
    drop = t("Remove the second setting")
    if question.locked("by"):
        return
    st.button(":material/close:", key="compare-drop-by", help=drop, on_click=use, args=("",), type="tertiary")


def _guess(question: Question, opened: ComparisonRun | None) -> None:
    """One click on the value that the visitor expects to be best; Compare works without it."""
    t, comparison = question.page.t, question.comparison
    names = comparison_naming.value_names(comparison.vary, comparison.values, t)
    options = {**dict(zip(knobs.value_texts(comparison.values), names, strict=True)), "": t("no difference")}
    ask = t("Your guess: which {knob} will be best?", knob=comparison_naming.knob_name(comparison.vary, t))
    look: dict[str, Any] = bound("guess-choice", question.guess, partial(question.take_guess, opened))
    look["format_func"] = options.__getitem__
    with st.container(key="guess"):
        if len(options) <= MOST_PILLS:
            look["format_func"] = lambda one: clickable(options[one])
            st.pills(ask, list(options), wrap=True, **look)
        else:
            st.selectbox(ask, list(options), placeholder=t("Choose a value"), width=330, **look)


def _cost(question: Question) -> str:
    """How many cells, about how long, about how much memory, and on the disk if that is much."""
    t, comparison, cells = question.page.t, question.comparison, len(question.comparison.points)
    expected = question.forecast.of(comparison_seconds(comparison))
    largest = max(estimate_bytes(one, len(comparison.seeds)) for one in comparison.experiments)
    parts = [
        *([t.many("{n} cell", "{n} cells", cells)] if comparison.by or cells > MANY_CELLS else []),
        cost_words(expected, t),
        t("needs about {size}", size=t.size(largest)),
    ]
    stored = sum(stored_bytes(one, len(comparison.seeds)) for one in comparison.experiments)
    parts += [stores] if (stores := disk_words(stored, t)) else []
    return " · ".join(parts)


def preset_questions(page: Page, forecast: Forecast, submit: Submit) -> None:
    """A card for each preset comparison."""
    t = page.t
    st.markdown(f"#### {t('Ask your own question above, or start with one of these')}", anchors=False)
    cards = {}
    for name, question in QUESTIONS.items():
        comparison = preset_comparisons[name]
        caption, action = comparison_naming.settings_summary(comparison, t), t("Compare: {what}", what=t(PRESETS[name]))
        cards[f"ask-{name}"] = _Card(f"**{t(question)}**", caption, action, comparison)
    _cards(t, cards, forecast, submit)


def gallery(page: Page, forecast: Forecast, submit: Submit) -> None:
    """A card for each classic comparison."""
    t = page.t
    st.markdown(f"#### {t('The classics')}", anchors=False)
    st.caption(t("Decide what you expect before you start one: the usual outcome is shown afterwards."))
    cards = {
        f"classic-{name}": _Card(t(one.question), "", t(one.title), one.comparison) for name, one in classics.items()
    }
    _cards(t, cards, forecast, submit)


class _Card(NamedTuple):
    text: str
    caption: str
    action: str  # on its button
    comparison: Comparison


def _cards(t: Text, cards: Mapping[str, _Card], forecast: Forecast, submit: Submit) -> None:
    """Cards with a text and a button that submits a comparison; the keys name the cards."""
    columns = [column for _ in range(0, len(cards), ACROSS) for column in st.columns(ACROSS)]
    for column, (key, card) in zip(columns, cards.items(), strict=False):
        with column, st.container(border=True, key=key, height="stretch"):
            with st.container(height="stretch"):
                st.markdown(card.text)
                st.caption(card.caption)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                icon = ":material/play_arrow:"
                st.button(card.action, icon=icon, key=f"{key}-go", on_click=submit, args=(card.comparison,))
                st.caption(cost_words(forecast.of(comparison_seconds(card.comparison)), t), width="content")
