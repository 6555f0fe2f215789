"""The question of the Compare page: what the controls hold, the last valid comparison it made, its link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import streamlit as st

from nnlab.catalogue.presets import preset_comparisons, presets
from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.cells import split_seeds
from nnlab.jobs.forecast import Forecast
from nnlab.lab import ComparisonRun, Lab
from nnlab.settings import Settings, settings
from nnlab.spec import FIELDS, Comparison, Experiment, Point, parse_seeds, seeds_text
from nnlab.spec.errors import Problem, SpecError
from nnlab.store import StoredComparison
from nnlab.ui.compare.knobs import knobs_for, parsed, second_knobs, suggested, value_texts
from nnlab.ui.shared.assigned import Assigned, hand_in
from nnlab.ui.shared.new_experiment import new_experiment
from nnlab.ui.shared.pictures import data_problem
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shell.frame import Page

DRAFT, LINK = "draft", "link"


@dataclass(frozen=True)
class QuestionInput:
    """What the controls hold."""

    source: str  # of the experiment: DRAFT, a preset's name, a run's id, or LINK
    experiment: Experiment
    vary: str = "depth"
    values: tuple[str, ...] = ("1", "2", "4", "8")
    seeds: str = "10"
    by: str = ""  # the second knob, if there is one
    by_values: tuple[str, ...] = ()

    @classmethod
    def of(cls, comparison: Comparison) -> QuestionInput:
        """The input for a comparison; its experiment is named as a draft or preset where it is one."""
        source = next((name for name, one in presets.items() if one == comparison.experiment), LINK)
        if "draft-valid" in st.session_state and comparison.experiment == draft_experiment():
            source = DRAFT
        values, by_values = value_texts(comparison.values), value_texts(comparison.by_values)
        seeds = seeds_text(comparison.seeds)
        return cls(source, comparison.experiment, comparison.vary, values, seeds, comparison.by or "", by_values)


@lru_cache(maxsize=128)
def comparison_of(question: QuestionInput) -> Comparison:
    """The comparison that an input makes; checking 200 cells takes 0.1 s. Raises SpecError."""
    return Comparison.of(
        {
            "experiment": question.experiment,
            "vary": question.vary,
            "values": parsed(question.values, question.vary),
            "by": question.by or None,
            "by_values": parsed(question.by_values, question.by),
            "seeds": parse_seeds(question.seeds),
        }
    )


def draft_experiment() -> Experiment:
    """The draft of the Build page."""
    experiment: Experiment = st.session_state.get("draft-valid", (new_experiment(), ()))[0]
    return experiment


def usual_seeds(experiment: Experiment) -> str:
    """Ten, or three where a run takes long."""
    return "10" if estimate_seconds(experiment, 10) < 20 else "3"


@lru_cache(maxsize=128)
def comparison_seconds(comparison: Comparison) -> tuple[float, ...]:
    """How long each job of a comparison takes, those of source experiments included."""
    starts = {one.train.start_from for one in comparison.experiments if one.train.start_from}
    sources = {start.experiment for start in starts}  # each is trained once, if it has not been
    seeds = comparison.seeds
    parts = [(one, len(some)) for one in comparison.experiments for some in split_seeds(one, seeds)]
    return tuple(estimate_seconds(one, n) for one, n in (*((source, len(seeds)) for source in sources), *parts))


@lru_cache(maxsize=128)
def _first_limit(lab: Lab, comparison: Comparison, _: Settings) -> Problem | None:
    """What the server's limits or the data do not allow; None where all is well."""
    if problem := lab.check_comparison(comparison):
        return problem
    data = dict.fromkeys(one.data for one in comparison.experiments)  # each is read once
    return next(filter(None, (data_problem(one, comparison.seeds) for one in data)), None)


class Question:
    """The visitor's question; `comparison` is the last valid one. `task`: the assignment that it is asked under; it has
    a question of its own."""

    def __init__(self, page: Page, task: Assigned | None = None) -> None:
        self.page, self.task = page, task
        self.state: Any = st.session_state.setdefault(f"question-{task.id}", {}) if task else st.session_state
        self.link_error: SpecError | None = None
        self._read_link()
        if self.input.source == DRAFT and not task:
            self.change(experiment=draft_experiment())
        self.problem: Problem | None = None
        try:
            asked = comparison_of(self.input)
            if task:
                task.assignment.check(asked)
            self.comparison = self.state["question-valid"] = asked
        except SpecError as error:
            self.problem = error.problems[0]
            self.comparison = self.state.get("question-valid") or self._given()
        else:
            self.problem = _first_limit(page.lab, self.comparison, settings())

    @cached_property
    def forecast(self) -> Forecast:
        """The queue as this run of the page finds it."""
        return self.page.lab.forecast(self.page.owner)

    @property
    def input(self) -> QuestionInput:
        """What the controls hold now."""
        current: QuestionInput = self.state["question"]
        return current

    @property
    def opened(self) -> str | None:
        """Id of the comparison whose results are shown, as in the link; it stays when the question is edited."""
        found: str | None = self.state.get("compare-opened")
        return found

    def locked(self, field: str) -> bool:
        """Whether the assignment fixes a part of the question."""
        return self.task is not None and not self.task.assignment.is_open(field)

    def query(self) -> dict[str, str]:
        """The parameters of the page's link; stored, so that they are not read as a new link."""
        asked = self.task.link(self.comparison) if self.task else self.comparison.to_query()
        self.state["question-link"] = link = asked | self.opened_query()
        return link

    def opened_query(self) -> dict[str, str]:
        """The parameters that open the same results with the same baseline and margin."""
        names = {"comparison": "compare-opened", "baseline": "compare-baseline", "margin": "compare-margin"}
        return {name: value for name, key in names.items() if (value := self.state.get(key))}

    def _read_link(self) -> None:
        link = self.page.query()
        if "question" in self.state and (not link or link == self.state.get("question-link")):
            return
        wanted = link.pop("comparison", None)
        run = self.page.lab.comparison(wanted) if wanted else None
        self.state["compare-opened"] = run.id if run else None
        self.state["compare-baseline"] = link.pop("baseline", None)
        self.state["compare-margin"] = link.pop("margin", None)
        lost = self.page.lab.comparison_state(wanted) if wanted and not run else None
        if wanted and not run:
            self.state["comparison-lost"] = self._lost_words(lost)
        if any(name in FIELDS or name in ("vary", "values") for name in link):
            self.state["question"] = QuestionInput.of(self._answer(link) if self.task else self._from_link(link))
        elif stored := run or lost:
            self.state["question"] = QuestionInput.of(stored.comparison)
        elif "question" not in self.state and self.task:
            self.state["question"] = QuestionInput.of(self._given())
        elif "question" not in self.state:
            experiment = draft_experiment()
            self.state["question"] = QuestionInput(DRAFT, experiment, seeds=usual_seeds(experiment))
        self.state["question-link"] = self.page.query()

    def _lost_words(self, lost: StoredComparison | None) -> str:
        if lost and lost.cells:
            return self.page.t(
                "A run of this comparison cannot be read: a newer nnlab stored it, or it is damaged. Press Compare to "
                "train that run again."
            )
        return self.page.t("This server does not have the results of that link, but you can train them: press Compare.")

    def _given(self) -> Comparison:
        """What the visitor starts with; of an assignment with the participant's own seeds."""
        task = self.task
        given = task.assignment.task if task else None
        if task is None or not isinstance(given, Comparison):
            return preset_comparisons["binary"]
        return given.model_copy(update={"seeds": task.seeds})

    def _answer(self, link: Mapping[str, str]) -> Comparison:
        """The comparison of a link under an assignment: what is open as the link has it."""
        given = self._given()
        opened = {k: v for k, v in link.items() if self.task and self.task.assignment.is_open(k)}
        kept = {k: v for k, v in given.to_query().items() if "vary" not in opened or not k.startswith(("by", "vary"))}
        try:
            asked = Comparison.from_query({**kept, **opened})
            if self.task:
                self.task.assignment.check(asked)
            return asked
        except SpecError as error:
            self.link_error = error
            return given

    def _from_link(self, link: Mapping[str, str]) -> Comparison:
        """The comparison of a link; invalid parts take their defaults."""
        try:
            experiment = Experiment.from_query(link)
        except SpecError as error:
            self.link_error, experiment = error, new_experiment()
        if "seeds" not in link or "vary" not in link:
            link = {**link, "seeds": usual_seeds(experiment)}  # Build's link: its seeds were for one run
        first, second = (suggested(experiment, knob)[0] for knob in (link.get("vary", "depth"), link.get("by", "")))
        try:
            values = {"values": ",".join(first), "by_values": ",".join(second)}
            return Comparison.from_query({**values, **link, **experiment.to_query()})
        except SpecError as error:
            self.link_error = self.link_error or error
            return Comparison(experiment, vary="depth", seeds=parse_seeds(usual_seeds(experiment)))

    def baseline_place(self, comparison: Comparison) -> int | None:
        """Place of the cell that the others are compared with; None is the best cell."""
        wanted = self.state.get("compare-baseline")
        texts = map(_point_text, comparison.points)
        return next((place for place, text in enumerate(texts) if text == wanted), None)

    def set_baseline(self, comparison: Comparison, place: int | None) -> None:
        """Choose a baseline; it becomes part of the link."""
        self.state["compare-baseline"] = None if place is None else _point_text(comparison.points[place])
        self.page.set_query(self.query())

    @property
    def margin(self) -> float | None:
        """Differences below it are without importance, see `finding`; None is the usual margin."""
        try:
            percent = float(self.state.get("compare-margin") or "nan")
        except ValueError:
            return None
        return percent / 100 if 0 < percent <= 100 else None

    def set_margin(self, margin: float) -> None:
        """Choose a margin; it becomes part of the link."""
        self.state["compare-margin"] = f"{100 * margin:g}"
        self.state["margin-chosen"] = True
        self.page.set_query(self.query())

    def change(self, **changes: Any) -> None:
        """Put other values into the controls."""
        self.state["question"] = replace(self.input, **changes)

    def use_rate(self, rate: float) -> None:
        """The same experiment with another learning rate."""
        self.change(source=LINK, experiment=self.input.experiment.set({"train.lr": rate}))

    def use_source(self, source: str) -> None:
        """Another experiment: the draft, a preset or a run."""
        known = {DRAFT: draft_experiment(), LINK: self.input.experiment, **presets}
        run = None if source in known else self.page.lab.run(source)
        experiment = run.experiment if run else known.get(source, self.input.experiment)
        self.change(source=source, experiment=experiment)
        knobs = knobs_for(experiment)
        if self.input.vary not in knobs:
            self.use_knob("depth")
        elif self.input.by not in knobs:
            self.use_second_knob("")

    def use_knob(self, knob: str) -> None:
        """Another knob, with its suggested values."""
        self.change(vary=knob, values=suggested(self.input.experiment, knob)[0])
        if self.input.by not in second_knobs(self.input.experiment, knob):
            self.use_second_knob("")

    def use_second_knob(self, knob: str) -> None:
        """Another second knob, with its suggested values; none where `knob` is empty."""
        self.change(by=knob, by_values=suggested(self.input.experiment, knob)[0] if knob else ())

    @property
    def guess(self) -> str | None:
        """Which of the first setting's values the visitor expects to be best; empty: no difference."""
        knob, value = self.state.get("guess", ("", None))
        known = "", *value_texts(self.comparison.values)
        return value if knob == self.comparison.vary and value in known else None

    def asks_for_guess(self, run: ComparisonRun | None) -> bool:
        """Whether a guess still counts: the outcome of this very question is not on the page. An assignment asks for
        one of its own."""
        if self.task:
            return False
        return run is None or run.comparison != self.comparison or self.may_guess(run)

    def may_guess(self, run: ComparisonRun) -> bool:
        """Whether a guess for the comparison on the page, which is under way, is still to be made."""
        return run.active and self.page.owner not in run.guesses

    def take_guess(self, run: ComparisonRun | None, value: str | None) -> None:
        """Keep a guess for the next comparison, or store it with the one under way."""
        if run and run.comparison == self.comparison and self.may_guess(run) and value is not None:
            self.page.lab.guess(run.id, value, self.page.owner)
        else:
            self.state["guess"] = self.comparison.vary, value

    def submit(self, comparison: Comparison) -> None:
        """Submit a comparison, with the guess if it is for this one, and open it."""
        guess = self.guess if comparison == self.comparison else None
        with refusals(self.page):
            if self.task:
                made = hand_in(self.page, self.task, comparison)
            else:
                made = self.page.lab.submit_comparison(comparison, self.page.owner, guess=guess).id
            self.state["compare-opened"] = made
            self.state.pop("guess", None)
            self.state["compare-baseline"] = None
            self.show(comparison)

    def submit_input(self) -> None:
        """Submit what the controls hold now: a field may have passed on what was typed with the same click."""
        with refusals(self.page):
            self.submit(comparison_of(self.input))

    def show(self, comparison: Comparison) -> None:
        """Put a comparison into the controls."""
        made = QuestionInput.of(comparison)
        same = made.experiment == self.input.experiment
        self.state["question"] = replace(made, source=self.input.source) if same else made


def _point_text(point: Point) -> str:
    """A cell in a link."""
    return ",".join(value_texts(point[:1] if point.by_value is None else point))
