"""The form of the Build page: one widget per field of an experiment.

A widget shows the draft's value and writes it back when it changes, before the script runs again. An invalid value
stays as typed, with the reason beside its field, and the page shows the last valid experiment.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from nnlab.spec import FIELDS, DataSpec, Experiment, seeds_text
from nnlab.spec.data import OPTIONAL_FIELDS
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.build.draft import Draft, draft_of, read_draft, valid_part, with_data
from nnlab.ui.shared.assigned import Assigned, read_answer
from nnlab.ui.shared.labels import CHOICES, HELP, PER_SEED_HELP, field_name
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.new_experiment import new_experiment
from nnlab.ui.shared.number_field import number_field
from nnlab.ui.shared.problems import show_problem
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.text import Text

DRAFT = ("draft", "draft-valid", "draft-link")  # in the session: as typed, the last valid one, the link it is from


class Form:
    """The visitor's draft and its widgets; `experiment` and `seeds` are the last valid ones.

    task : the assignment that the page is opened under; it has a draft of its own.
    hidden : names of fields that are not shown."""

    def __init__(
        self, t: Text, query: Mapping[str, str], task: Assigned | None = None, hidden: Collection[str] = ()
    ) -> None:
        self.t, self.task, self.hidden, state = t, task, hidden, st.session_state
        self.link_problems: list[Problem] = []
        self._draft, self._valid, self._link = (f"{name}{task.id if task else ''}" for name in DRAFT)
        self._begin = (task.assignment.experiment, task.seeds) if task else (new_experiment(), (0,))
        if self._draft not in state:
            state[self._draft] = draft_of(*self._begin)
        link = {k: v for k, v in query.items() if k == "seeds" or k.startswith(("data.", "model.", "train."))}
        if link and link != state.get(self._link):
            state[self._draft], self.link_problems = self._read(link)
            state[self._link] = link
        self.problems: dict[str, Problem] = {}
        try:
            state[self._valid] = self._checked()
        except SpecError as error:
            self.problems = {problem.field: problem for problem in error.problems}
        self.experiment, self.seeds = state.get(self._valid, self._begin)

    @property
    def draft(self) -> Draft:
        """The values as typed, as they are now."""
        values: Draft = st.session_state[self._draft]
        return values

    def _read(self, link: Mapping[str, str]) -> tuple[Draft, list[Problem]]:
        if self.task is None:
            return valid_part(link)
        experiment, problems = read_answer(self.task.assignment, {k: v for k, v in link.items() if k != "seeds"})
        return draft_of(experiment, self.task.seeds), problems

    def _checked(self) -> tuple[Experiment, tuple[int, ...]]:
        experiment, seeds = read_draft(self.draft)
        if self.task:
            self.task.assignment.check(experiment)
        return experiment, seeds

    def query(self) -> dict[str, str]:
        """The link of the last valid experiment; remembered, so that the next run of the script does not open it."""
        if self.task:
            link = self.task.link(self.experiment)
        else:
            link = {**self.experiment.to_query(), "seeds": seeds_text(self.seeds)}
        st.session_state[self._link] = {name: value for name, value in link.items() if name != "assignment"}
        return link

    def locked(self, path: str) -> bool:
        """Whether the assignment fixes a field, or a part of it."""
        path = "train.start_from" if path.startswith("train.start_from.") else path
        return self.task is not None and not self.task.assignment.is_open(path)

    def label(self, path: str) -> dict[str, Any]:
        """The label and the help text of a field's widget; one that is fixed has a lock and cannot be used."""
        name, locked = field_name(path, self.t), self.locked(path)
        help_text = self.t(HELP[path]) if path in HELP else None
        return {"label": f":material/lock: {name}" if locked else name, "help": help_text, "disabled": locked}

    def show_problem(self, path: str) -> None:
        """The reason why a field's value is invalid."""
        for field, problem in self.problems.items():
            if field == path or field.startswith((f"{path} ", f"{path}.experiment.")):
                show_problem(problem, self.t)

    def fields(self, *paths: str) -> None:
        """A widget for each of these fields that is not hidden and that the data set has."""
        for path in paths:
            if self.has(path):
                self._widget(path)
                self.show_problem(path)

    def has(self, path: str) -> bool:
        """Whether a field is shown."""
        facts = self.experiment.data.facts
        unused = OPTIONAL_FIELDS - facts.uses | ({"per_seed"} if len(facts.per_seed) == 1 else set())
        return path.removeprefix("data.") not in unused and path not in self.hidden

    def fold(self, *paths: str) -> bool:
        """Put fields under "More": where that is hidden, all but the open ones are hidden from now on. Whether any is
        shown."""
        if "more" in self.hidden:
            self.hidden = {*self.hidden, *(path for path in paths if self.task is None or self.locked(path))}
        return any(map(self.has, paths))

    def pair(self, *paths: str) -> None:
        """Fields side by side."""
        shown = [path for path in paths if self.has(path)]
        for path, column in zip(shown, st.columns(2, vertical_alignment="bottom") if shown else (), strict=False):
            with column:
                self.fields(path)

    def _widget(self, path: str) -> None:
        key, value, take = f"field-{path}", self.draft[path], partial(self._take, path)
        options = {**self.label(path), **bound(key, value, take)}
        if path == "data.per_seed":
            allowed, named = self.experiment.data.facts.per_seed, partial(value_name, path, t=self.t)
            st.radio(
                **options, options=allowed, format_func=named, captions=[self.t(PER_SEED_HELP[x]) for x in allowed]
            )
        elif path == "data.terms":
            names = CHOICES[path]
            options |= {"format_func": lambda term: clickable(names[term]), "selection_mode": "multi", "wrap": True}
            st.pills(**options, options=list(names))
        elif path in CHOICES:
            st.selectbox(**options, options=list(CHOICES[path]), format_func=partial(value_name, path, t=self.t))
        elif path == "data.labels":
            classes = range(len(self.experiment.data.facts.class_sizes))
            # Streamlit's own entry, "Select all", is in English
            st.multiselect(**options, options=classes, placeholder=self.t("all"), select_all=False)
        elif path == "seeds":
            st.text_input(**options)
        elif path == "model.residual":
            st.toggle(**options)
        else:  # the spec checks the bounds
            whole = isinstance(self.experiment.knob(path), int)
            number_field(**self.label(path), value=value, take=take, key=key, t=self.t, whole=whole)

    def _take(self, path: str, value: Any) -> None:
        if path == "data.name":  # the defaults of the new data set replace those of the old one
            last, seeds = st.session_state[self._valid]
            st.session_state[self._draft] = draft_of(self._on_data(last, value), seeds)
        else:
            self.draft[path] = value

    def _on_data(self, last: Experiment, name: str) -> Experiment:
        if self.task is None:
            return with_data(last, name)
        assignment = self.task.assignment
        kept = {path: last.knob(path) for path in FIELDS if assignment.is_open(path) and not path.startswith("data.")}
        for changes in ({**kept, "data.name": name}, {"data.name": name}):
            with suppress(SpecError):
                return assignment.changed(changes)
        return last

    def validation(self) -> None:
        """How samples are set aside for validation: hold-out or k-fold, and how many."""
        t, kind = self.t, "k-fold" if self.draft["data.folds"] else "hold-out"
        path = "data.folds" if kind == "k-fold" else "data.validation"
        if "data.folds" in self.hidden:
            self.fields(path)
            return
        names = {"hold-out": t("Hold-out"), "k-fold": t("k-fold")}
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        left.selectbox(
            t("Validation"),
            list(names),
            format_func=names.__getitem__,
            help=t(
                "Hold-out sets one part of the samples aside. k-fold validates on every sample once: it takes longer "
                "and the result varies less."
            ),
            disabled=self.locked("data.folds"),
            **bound("field-validation-kind", kind, self._take_validation),
        )
        with right:
            self.fields(path)

    def _take_validation(self, kind: str) -> None:
        self.draft["data.folds"] = 5 if kind == "k-fold" else 0
        # k-fold ignores it, but an invalid value would block the form
        self.draft["data.validation"] = DataSpec(name=self.experiment.data.name).validation
