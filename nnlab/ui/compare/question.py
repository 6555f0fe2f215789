"""Compare's question as a sentence made of controls: "On [moons] vary [depth] over [1 2 4 8] with [10] seeds"; a second
knob is folded away until it is wanted: "and by [activation] over [ReLU tanh]".

The question is one value in the session: an experiment, a knob, the values as typed, the seeds as typed. Every control
is a view of it. What it makes, a Comparison, is asked of the spec at every change; while that cannot be, the field says
why and the last comparison that was possible stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import Any

import streamlit as st

from nnlab.catalogue.presets import preset_comparisons, presets
from nnlab.engines.costs import estimate_bytes, estimate_seconds
from nnlab.lab import ComparisonRun
from nnlab.settings import settings
from nnlab.spec import FIELDS, KNOBS, Comparison, Experiment, Point, StartFrom, TrainSpec, parse_seeds, seeds_text
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shared import labels
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shared.labels import CHOICES, field_name, problem_text
from nnlab.ui.shared.naming import data_title, start_words, value_name
from nnlab.ui.shared.pictures import data_problem
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, mark

QUESTIONS: Mapping[str, str] = {
    "binary": mark("How deep for 100 samples?"),
    "activations": mark("Which activation learns fastest?"),
    "mnist": mark("Does depth help on handwritten digits?"),
    "celsius": mark("How large may the learning rate be?"),
    "scratch": mark("NumPy or PyTorch: is there a difference?"),
}
"""The preset comparisons as one asks them."""

PRESETS: Mapping[str, str] = {
    "binary": mark("100 samples, two classes"),
    "activations": mark("500 moons"),
    "mnist": mark("MNIST"),
    "celsius": mark("Celsius to Fahrenheit"),
    "scratch": mark("MNIST without a framework"),
}
"""The presets inside the sentence."""

DRAFT, LINK = "draft", "link"
NOTHING = "none"
"""Where a network starts from, in a link."""
_STEPS: Mapping[str, tuple[Sequence[float], Sequence[float]]] = {  # what is asked first, and what else is offered
    "depth": ((1, 2, 4, 8), (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16)),
    "depth_same_size": ((1, 2, 4, 8), (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)),
    "width": ((2, 4, 8, 16, 32), (1, 2, 4, 8, 16, 32, 64, 128, 256)),
    "lr": ((0.0001, 0.001, 0.01, 0.1), (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)),
    "l2": ((0, 0.001, 0.01, 0.1), (0, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1)),
    "dropout": ((0, 0.1, 0.2, 0.5), (0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)),
    "batch_size": ((4, 16, 64), (1, 4, 8, 16, 32, 64, 128, 256)),
    "epochs": ((10, 50, 200), (5, 10, 20, 50, 100, 200, 500)),
    "noise": ((0, 0.1, 0.2, 0.4), (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1)),
    "n_samples": ((50, 100, 200, 500), (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000)),
}
_CHOSEN: Mapping[str, Sequence[str]] = {
    "activation": ("sigmoid", "tanh", "relu"),
    "norm": ("none", "batch", "layer"),
    "init": ("default", "xavier", "kaiming", "zeros"),
    "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
}


# -- values as text --------------------------------------------------------------------------------------------------


def value_texts(values: Sequence[Any]) -> list[str]:
    """Values as a link writes them."""

    def one(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (list, tuple)):
            return "-".join(map(str, value)) or "0"
        if value is None or isinstance(value, StartFrom):
            return value.to_text() if value else NOTHING
        return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)

    return [one(value) for value in values]


def in_link(texts: Sequence[str]) -> str:
    """Values as one text."""
    return json.dumps(list(texts)) if any("," in text for text in texts) else ",".join(texts)


def suggestions(experiment: Experiment, knob: str) -> tuple[list[str], list[str]]:
    """Values to begin with, and values to choose from."""
    if knob in _STEPS:
        first, offered = _STEPS[knob]
        if knob == "n_samples":
            most = experiment.data.max_samples
            first = (1000, 5000, most) if most >= 60_000 and experiment.data.name == "mnist" else first
            offered = sorted({value for value in offered if value <= most} | set(first))
        return value_texts(first), value_texts(offered)
    path = KNOBS.get(knob, knob)
    if path in CHOICES:
        every = list(CHOICES[path])
        return list(_CHOSEN.get(knob, every)), every
    if isinstance(experiment.knob(knob), bool):
        return ["false", "true"], ["false", "true"]
    now = value_texts([experiment.knob(knob)])
    return now, now


def is_number(knob: str) -> bool:
    """Whether a knob's values are numbers, which one may type."""
    return knob in _STEPS or (KNOBS.get(knob, knob) not in CHOICES and knob not in ("residual", "start_from"))


def typed(texts: Sequence[str], knob: str) -> list[str]:
    """Values as typed, each once, numbers in order: "0,5", "1 2 4" and "1, 2, 4" mean what a person means by them."""
    found: list[str] = []
    for text in map(str, texts):
        if not is_number(knob):
            parts = [text.strip()]
        else:
            parts = [part for part in re.split(r"[;\s]+|,\s+", text.strip()) if part]
            whole = knob in ("depth", "depth_same_size", "width", "batch_size", "epochs", "n_samples")
            parts = [
                piece
                for part in parts
                for piece in (part.split(",") if whole or part.count(",") > 1 else [part.replace(",", ".")])
            ]
        found += [part for part in parts if part and part not in found]
    try:
        return sorted(found, key=float) if is_number(knob) else found
    except ValueError:
        return found


def knobs_for(experiment: Experiment) -> list[str]:
    """The knobs this experiment's data listens to."""
    deaf = {"noise", "n_samples"} - experiment.data.facts.uses | {"start_from"}  # a run is chosen in Build
    return [knob for knob in KNOBS if knob not in deaf]


def second_knobs(experiment: Experiment, vary: str) -> list[str]:
    """The knobs that can be turned beside another."""
    free = "depth", "width"  # both shape the hidden layers, and go together
    field = KNOBS.get(vary, vary)
    return [knob for knob in knobs_for(experiment)
            if knob != vary and (KNOBS[knob] != field or {knob, vary} == set(free))]  # fmt: skip


def comparison_seconds(comparison: Comparison) -> float:
    """How long a comparison will take: its runs share the workers."""
    whole, longest = _seconds(comparison)
    return max(whole / settings().workers, longest)


@lru_cache(maxsize=128)
def _seconds(comparison: Comparison) -> tuple[float, float]:
    """Of all cells one after the other, and of the longest."""
    starts = {one.train.start_from for one in comparison.experiments if one.train.start_from}
    sources = {start.experiment for start in starts}  # each is trained once, if it has not been
    each = [estimate_seconds(one, len(comparison.seeds)) for one in (*comparison.experiments, *sources)]
    return sum(each), max(each)


# -- in words --------------------------------------------------------------------------------------------------------


def knob_name(knob: str, t: Text) -> str:
    """A knob inside a sentence."""
    return t(labels.KNOBS[knob]) if knob in labels.KNOBS else field_name(knob, t)


def point_name(comparison: Comparison, point: Point, t: Text) -> str:
    """A cell's values as they are read: `4`, or `4 · ReLU` where there is a second knob."""
    first = value_name(comparison.vary, point.value, t)
    return f"{first} · {value_name(comparison.by, point.by_value, t)}" if comparison.by else first


def experiment_words(experiment: Experiment, t: Text) -> str:
    """An experiment in a line: data, network, training."""
    data, model, train = experiment.data, experiment.model, experiment.train
    widths = "-".join(map(str, (data.inputs, *model.widths, experiment.outputs)))
    samples = t.many("{n} sample", "{n} samples", min(data.n_samples, data.max_samples))
    learning = t("{optimizer} {lr}, {epochs} epochs", optimizer=value_name("train.optimizer", train.optimizer, t),
                 lr=t.plain(train.lr), epochs=t.whole(train.epochs))  # fmt: skip
    activation = value_name("model.activation", model.activation, t)
    folds = data.folds
    validated = f" · {t('{n}-fold validation', n=folds)}" if folds else ""
    start = f" · {t('from {start}', start=start_words(train.start_from, t))}" if train.start_from else ""
    return f"{data_title(data, t)}, {samples} · {widths} {activation} · {learning}{validated}{start}"


def comparison_words(comparison: Comparison, t: Text) -> str:
    """A comparison in a line: "Moons: depth 1, 2, 4, 8 · 10 seeds"."""
    knobs = [(comparison.vary, comparison.values)] + ([(comparison.by, comparison.by_values)] if comparison.by else [])
    over = " × ".join(f"{knob_name(knob, t)} {_few(knob, values, t)}" for knob, values in knobs)
    seeds = t.many("{n} seed", "{n} seeds", len(comparison.seeds))
    return f"{value_name('data.name', comparison.experiment.data.name, t)}: {over} · {seeds}"


def _few(knob: str, values: Sequence[Any], t: Text) -> str:
    return ", ".join(value_name(knob, value, t) for value in values[:8]) + (" …" if len(values) > 8 else "")


def read_value(knob: str, text: str, t: Text) -> str:
    """A typed value as it is read; as it was typed where it cannot be."""
    if text in ("true", "false"):
        return t("yes") if text == "true" else t("no")
    if is_number(knob):
        return t.written(text)
    if knob == "start_from":
        return value_name(knob, TrainSpec(start_from=text).start_from, t)
    return value_name(knob, text, t)


# -- the question ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What the controls hold. `on` says where the experiment is from: the draft, a preset, a run's id, or the link."""

    on: str
    experiment: Experiment
    vary: str = "depth"
    values: tuple[str, ...] = ("1", "2", "4", "8")
    seeds: str = "10"
    by: str = ""
    """The second knob, if there is one."""
    by_values: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, comparison: Comparison, on: str = LINK) -> Asked:
        values, by_values = (tuple(value_texts(one)) for one in (comparison.values, comparison.by_values))
        return cls(on, comparison.experiment, comparison.vary, values, seeds_text(comparison.seeds),
                   comparison.by or "", by_values)  # fmt: skip

    def comparison(self) -> Comparison:
        """Raises SpecError."""
        if not self.values:
            raise SpecError([Problem("values", None, "type", expected=NO_VALUES)])
        if self.by and not self.by_values:
            raise SpecError([Problem("by_values", None, "type", expected=NO_VALUES)])
        return _comparison(self)


@lru_cache(maxsize=128)
def _comparison(asked: Asked) -> Comparison:
    """Two hundred cells take a tenth of a second to be checked: once is enough."""
    second = {"by": asked.by, "by_values": in_link(asked.by_values)} if asked.by else {}
    link = {"vary": asked.vary, "values": in_link(asked.values), **second, "seeds": asked.seeds}
    return Comparison.from_query({**asked.experiment.to_query(), **link})


NO_VALUES = "value (there is none)"


def draft_experiment() -> Experiment:
    """The experiment on Build's desk."""
    experiment: Experiment = st.session_state.get("draft-valid", (Experiment(), ()))[0]
    return experiment


def usual_seeds(experiment: Experiment) -> str:
    """Ten, or three where a run takes long."""
    return "10" if estimate_seconds(experiment, 10) < 20 else "3"


_limits: Cache[Problem | None] = Cache(128)


class Question:
    """The visitor's question with its controls; `comparison` is the last that was possible.

    `opened` is the id of the comparison whose results are shown, as the link has it. It stays when the sentence is
    edited: then the sentence is the next question.
    """

    def __init__(self, page: Page) -> None:
        self.page, self.t, self.state = page, page.t, st.session_state
        self.link_error: SpecError | None = None
        self._take_link()
        asked: Asked = self.state["question"]
        if asked.on == DRAFT:
            asked = self.state["question"] = replace(asked, experiment=draft_experiment())
        self.asked = asked
        self.problems: tuple[Problem, ...] = ()
        try:
            self.comparison = asked.comparison()
            self.state["question-valid"] = self.comparison
        except SpecError as error:
            self.problems = error.problems
            self.comparison = self.state.get("question-valid", preset_comparisons["binary"])
        self.limit = self._limit()

    @property
    def opened(self) -> str | None:
        """Id of the comparison whose results are shown."""
        return self.state.get("compare-opened")

    def open(self, comparison_id: str | None) -> None:
        self.state["compare-opened"] = comparison_id

    def query(self) -> dict[str, str]:
        """The link; remembered, so that it is not taken for a new one."""
        link = self.comparison.to_query() | self._shown()
        self.state["question-link"] = link
        return link

    def _shown(self) -> dict[str, str]:
        """What the link says of the answer that is shown."""
        baseline = self.state.get("compare-baseline")
        return ({"comparison": self.opened} if self.opened else {}) | ({"baseline": baseline} if baseline else {})

    def link_of(self, run: ComparisonRun) -> dict[str, str]:
        """The link that opens a comparison as it is seen now."""
        return {**run.comparison.to_query(), **self._shown(), "comparison": run.id}

    # the baseline

    def baseline_of(self, comparison: Comparison) -> int | None:
        """Place of the cell that others are compared with; None is the best."""
        wanted = self.state.get("compare-baseline")
        names = [_point_text(point) for point in comparison.points] if wanted else []
        return names.index(wanted) if wanted in names else None

    def compare_with(self, comparison: Comparison, place: int | None) -> None:
        """Chooses a baseline, which the link keeps."""
        self.state["compare-baseline"] = None if place is None else _point_text(comparison.points[place])
        link = {name: value for name, value in self.page.query().items() if name != "baseline"} | self._shown()
        self.state["question-link"] = link
        self.page.set_query(link)

    # from the link

    def _take_link(self) -> None:
        link = self.page.query()
        if "question" in self.state and (not link or link == self.state.get("question-link")):
            return
        opened = link.pop("comparison", None)
        known = self.page.lab.comparison(opened) if opened else None
        self.open(known.id if known else None)
        self.state["compare-baseline"] = link.pop("baseline", None)
        if opened and not known:
            self.state["comparison-lost"] = opened
        if any(name in FIELDS or name in ("vary", "values") for name in link):
            self.state["question"] = self._from_link(link)
        elif known:
            self.state["question"] = _recognised(known.comparison)
        elif "question" not in self.state:
            experiment = draft_experiment()
            self.state["question"] = Asked(DRAFT, experiment, seeds=usual_seeds(experiment))
        self.state["question-link"] = self.page.query()

    def _from_link(self, link: Mapping[str, str]) -> Asked:
        """What a link asks; a part that cannot be falls back to its default and is told."""
        try:
            experiment = Experiment.from_query(link)
        except SpecError as error:
            self.link_error, experiment = error, Experiment()
        if "seeds" not in link or "vary" not in link:
            link = {**link, "seeds": usual_seeds(experiment)}  # Build's link: its seeds were for one run
        vary = link.get("vary", "depth")
        values = {} if "values" in link else {"values": ",".join(suggestions_or_none(experiment, vary))}
        if link.get("by") and "by_values" not in link:
            values["by_values"] = ",".join(suggestions_or_none(experiment, link["by"]))
        try:
            comparison = Comparison.from_query({**link, **values, **experiment.to_query()})
        except SpecError as error:
            self.link_error = self.link_error or error
            comparison = Comparison(experiment, vary="depth", seeds=parse_seeds(usual_seeds(experiment)))
        return _recognised(comparison)

    # the controls

    def sentence(self) -> None:
        """The question, made of controls."""
        t, asked = self.t, self.asked
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="question"):
            self._word(t("On"))
            runs = {} if asked.on in (DRAFT, LINK) or asked.on in presets else {asked.on: asked.experiment}
            own = {run.id: run for run in self.page.lab.runs(owner=self.page.owner, limit=10)}
            sources = [DRAFT, *presets, *own, *(one for one in runs if one not in own), *([LINK] * (asked.on == LINK))]

            def source_name(one: str) -> str:
                if one == DRAFT:
                    return t("my draft")
                if one in PRESETS:
                    return t(PRESETS[one])
                if one in own:
                    return own[one].name or experiment_words(own[one].experiment, t)
                return experiment_words(asked.experiment, t)

            self._select("compare-on", t("Experiment"), sources, asked.on, source_name, 210, self._on)
            self._word(t("vary"))
            knobs = knobs_for(asked.experiment)
            knobs += [] if asked.vary in knobs else [asked.vary]
            self._select(
                "compare-vary", t("Knob"), knobs, asked.vary, lambda k: knob_name(k, t), 190, self._vary,
                help=t("What changes from network to network; everything else stays the same."),
            )  # fmt: skip
            self._word(t("over"))
            self._values("compare-values", asked.vary, asked.values, self._take_values)
            self._second()
            self._word(t("with"))
            self.state["compare-seeds"] = asked.seeds
            st.text_input(
                t("Seeds"),
                key="compare-seeds",
                on_change=self._seeds,
                width=72,
                label_visibility="collapsed",
            )
            self._word(t("seeds"), help=t(labels.HELP["seeds"]))
            self._button()
        self._complain()

    def _word(self, word: str, help: str | None = None) -> None:
        st.markdown(f"**{word}**", width="content", help=help)

    def _select(
        self, key: str, label: str, options: Sequence[str], value: str, name: Any, width: int, change: Any, **more: Any
    ) -> None:
        self.state[key] = value
        st.selectbox(label, options, key=key, format_func=name, on_change=change, width=width,
                     label_visibility="collapsed", **more)  # fmt: skip

    def _values(self, key: str, knob: str, values: Sequence[str], change: Callable[[], None], width: int = 330) -> None:
        t, numbers = self.t, is_number(knob)
        _, offered = suggestions(self.asked.experiment, knob)
        options = [*offered, *(text for text in values if text not in offered)]
        self.state[key] = list(values)
        st.multiselect(
            t("Values"),
            typed(options, knob) if numbers else options,
            key=key,
            format_func=lambda text: read_value(knob, text, t),
            on_change=change,
            accept_new_options=numbers,
            placeholder=t("Choose or type values") if numbers else t("Choose values"),
            select_all=False,  # Streamlit's entry for it is in English
            label_visibility="collapsed",
            width=width,
        )

    def _second(self) -> None:
        """The second knob, or the way to have one."""
        t, asked = self.t, self.asked
        if not asked.by:
            st.button(t("and by"), icon=":material/add:", type="tertiary", key="compare-add-by",
                      on_click=self._turn_second, args=(self._first_second(),),
                      help=t("A second knob: every value of the one with every value of the other."))  # fmt: skip
            return
        self._word(t("and by"))
        knobs = second_knobs(asked.experiment, asked.vary)
        knobs += [] if asked.by in knobs else [asked.by]
        self._select("compare-by", t("Second knob"), knobs, asked.by, lambda k: knob_name(k, t), 190,
                     lambda: self._turn_second(self.state["compare-by"]))  # fmt: skip
        self._word(t("over"))
        self._values("compare-by-values", asked.by, asked.by_values, self._take_by_values, 270)
        st.button(":material/close:", type="tertiary", key="compare-drop-by", on_click=self._turn_second, args=("",),
                  help=t("Leave it out"))  # fmt: skip

    def _first_second(self) -> str:
        knobs = second_knobs(self.asked.experiment, self.asked.vary)
        return "activation" if "activation" in knobs else knobs[0]

    def _button(self) -> None:
        t = self.t
        st.button(
            t("Compare"),
            icon=":material/play_arrow:",
            type="primary",
            key="compare",
            on_click=self._submit,
            disabled=bool(self.problems) or self.limit is not None,
            shortcut="Ctrl+Enter",
        )
        cells = len(self.comparison.points)
        many = f"{t.many('{n} cell', '{n} cells', cells)} · " if self.asked.by or cells > 12 else ""
        time = t("about {time}", time=t.seconds(comparison_seconds(self.comparison)))
        largest = max(estimate_bytes(one, len(self.comparison.seeds)) for one in self.comparison.experiments)
        needs = t("needs about {size}", size=t.memory(largest))
        st.caption(f"{many}{time} · {needs}", width="content")

    def _complain(self) -> None:
        t = self.t
        problem = self.problems[0] if self.problems else self.limit
        if problem is not None:
            text = t("Choose at least one value.") if problem.expected == NO_VALUES else problem_text(problem, t)
            st.markdown(f":red[:material/error: {text}]")
        else:
            st.caption(experiment_words(self.comparison.experiment, t))

    def _limit(self) -> Problem | None:
        """What the server does not allow, or the data cannot give."""
        if self.problems:
            return None
        comparison = self.comparison
        experiments = comparison.experiments
        allowed = (self.page.lab.check(one, comparison.seeds) for one in experiments)
        given = (data_problem(data) for data in dict.fromkeys(one.data for one in experiments))  # each read once
        first = (problem for problem in chain(allowed, given) if problem is not None)
        return _limits.get((comparison, settings()), lambda: next(first, None))

    # what the controls do

    def _change(self, **changes: Any) -> None:
        self.state["question"] = replace(self.state["question"], **changes)

    def use_rate(self, rate: float) -> None:
        """The same experiment with another learning rate."""
        self._change(on=LINK, experiment=self.state["question"].experiment.set({"train.lr": rate}))

    def _on(self) -> None:
        on = self.state["compare-on"]
        if on == DRAFT:
            experiment = draft_experiment()
        elif on in presets:
            experiment = presets[on]
        else:
            run = self.page.lab.run(on)
            experiment = run.experiment if run else self.asked.experiment
        self._change(on=on, experiment=experiment)
        asked: Asked = self.state["question"]
        if asked.vary not in knobs_for(experiment):
            self._turn("depth")
        elif asked.by and asked.by not in knobs_for(experiment):
            self._turn_second("")

    def _vary(self) -> None:
        self._turn(self.state["compare-vary"])

    def _turn(self, knob: str) -> None:
        first, _ = suggestions(self.state["question"].experiment, knob)
        self._change(vary=knob, values=tuple(first))
        asked: Asked = self.state["question"]
        if asked.by and asked.by not in second_knobs(asked.experiment, knob):
            self._turn_second("")

    def _turn_second(self, knob: str) -> None:
        first = suggestions(self.state["question"].experiment, knob)[0] if knob else ()
        self._change(by=knob, by_values=tuple(first))

    def _take_values(self) -> None:
        self._change(values=tuple(typed(self.state["compare-values"], self.asked.vary)))

    def _take_by_values(self) -> None:
        self._change(by_values=tuple(typed(self.state["compare-by-values"], self.asked.by)))

    def _seeds(self) -> None:
        self._change(seeds=self.state["compare-seeds"])

    def _submit(self) -> None:
        self.ask(self.comparison)

    def ask(self, comparison: Comparison) -> None:
        """Submits a comparison and opens it."""
        try:
            self.open(self.page.lab.submit_comparison(comparison, self.page.owner).id)
            self.state["compare-baseline"] = None
            self.asks(comparison)
        except SpecError as error:
            self.state["refused"] = problem_text(error.problems[0], self.t)

    def asks(self, comparison: Comparison) -> None:
        """The sentence becomes this question."""
        same = comparison.experiment == self.asked.experiment
        made = _recognised(comparison)
        self.state["question"] = replace(made, on=self.asked.on) if same else made


def _point_text(point: Point) -> str:
    """A cell in a link."""
    return ",".join(value_texts([point.value] if point.by_value is None else list(point)))


def suggestions_or_none(experiment: Experiment, knob: str) -> list[str]:
    """Values to begin with; none for a knob that is not there."""
    return suggestions(experiment, knob)[0] if KNOBS.get(knob, knob) in FIELDS else ["1"]


def _recognised(comparison: Comparison) -> Asked:
    """A comparison as a question, its experiment called by the name it has here."""
    if "draft-valid" in st.session_state and comparison.experiment == draft_experiment():
        return Asked.of(comparison, DRAFT)
    names = [name for name, experiment in presets.items() if experiment == comparison.experiment]
    return Asked.of(comparison, names[0] if names else LINK)
