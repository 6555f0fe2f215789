"""The form of the Build page: one widget per field of an experiment.

A widget shows the draft's value and writes it back when it changes, before the script runs again. An invalid value
stays as typed, with the reason beside its field, and the page shows the last valid experiment.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from nnlab.spec import DataSpec, seeds_text
from nnlab.spec.data import OPTIONAL_FIELDS
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.build.draft import Draft, draft_of, read_draft, valid_part, with_data
from nnlab.ui.shared.labels import CHOICES, HELP, PER_SEED_HELP, field_name
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.new_experiment import new_experiment
from nnlab.ui.shared.number_field import number_field
from nnlab.ui.shared.problems import show_problem
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.text import Text


class Form:
    """The visitor's draft and its widgets; `experiment` and `seeds` are the last valid ones."""

    def __init__(self, t: Text, query: Mapping[str, str]) -> None:
        self.t, state = t, st.session_state
        self.link_problems: list[Problem] = []
        if "draft" not in state:
            state["draft"] = draft_of(new_experiment())
        link = {k: v for k, v in query.items() if k == "seeds" or k.startswith(("data.", "model.", "train."))}
        if link and link != state.get("draft-link"):
            state["draft"], self.link_problems = valid_part(link)
            state["draft-link"] = link
        self.draft: Draft = state["draft"]
        self.problems: dict[str, Problem] = {}
        try:
            state["draft-valid"] = read_draft(self.draft)
        except SpecError as error:
            self.problems = {problem.field: problem for problem in error.problems}
        self.experiment, self.seeds = state.get("draft-valid", (new_experiment(), (0,)))

    def query(self) -> dict[str, str]:
        """The link of the last valid experiment; remembered, so that the next run of the script does not open it."""
        link = {**self.experiment.to_query(), "seeds": seeds_text(self.seeds)}
        st.session_state["draft-link"] = link
        return link

    def label(self, path: str) -> dict[str, Any]:
        """The label and the help text of a field's widget."""
        return {"label": field_name(path, self.t), "help": self.t(HELP[path]) if path in HELP else None}

    def show_problem(self, path: str) -> None:
        """The reason why a field's value is invalid."""
        for field, problem in self.problems.items():
            if field == path or field.startswith((f"{path} ", f"{path}.experiment.")):
                show_problem(problem, self.t)

    def fields(self, *paths: str) -> None:
        """A widget for each of these fields that the data set has."""
        facts = self.experiment.data.facts
        unused = OPTIONAL_FIELDS - facts.uses | ({"per_seed"} if len(facts.per_seed) == 1 else set())
        for path in paths:
            if path.removeprefix("data.") not in unused:
                self._widget(path)
                self.show_problem(path)

    def pair(self, left: str, right: str) -> None:
        """Two fields side by side."""
        for path, column in zip((left, right), st.columns(2, vertical_alignment="bottom"), strict=True):
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
            last, seeds = st.session_state["draft-valid"]
            st.session_state["draft"] = draft_of(with_data(last, value), seeds)
        else:
            st.session_state["draft"][path] = value

    def validation(self) -> None:
        """How samples are set aside for validation: hold-out or k-fold, and how many."""
        t, kind = self.t, "k-fold" if self.draft["data.folds"] else "hold-out"
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
            **bound("field-validation-kind", kind, self._take_validation),
        )
        with right:
            self.fields("data.folds" if kind == "k-fold" else "data.validation")

    def _take_validation(self, kind: str) -> None:
        draft = st.session_state["draft"]
        draft["data.folds"] = 5 if kind == "k-fold" else 0
        # k-fold ignores it, but an invalid value would block the form
        draft["data.validation"] = DataSpec(name=self.experiment.data.name).validation
