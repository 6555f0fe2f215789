"""The form of the Build page: one widget per field of an experiment.

A widget shows the draft's value and writes it back when it changes, before the script runs again. An invalid value
stays as typed, with the reason beside its field, and the page shows the last valid experiment.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from nnlab.spec import DataSpec, Experiment, seeds_text
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.build.draft import Draft, draft_of, read_draft, valid_part, with_data
from nnlab.ui.shared.labels import CHOICES, HELP, field_name
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.text import Text

OPTIONAL = ("n_samples", "noise", "labels", "features", "classes")
"""Fields that only some data sets have."""
STEPS: Mapping[str, float] = {
    "data.n_samples": 50,
    "data.noise": 0.05,
    "data.features": 1,
    "data.classes": 1,
    "data.folds": 1,
    "data.validation": 0.05,
    "data.test": 0.05,
    "data.seed": 1,
    "model.dropout": 0.05,
    "model.init_scale": 0.05,
    "train.lr": 0.001,
    "train.epochs": 10,
    "train.batch_size": 8,
    "train.l2": 0.001,
    "train.patience": 5,
}
"""The steps of the fields that hold a number."""


class Form:
    """The visitor's draft and its widgets; `experiment` and `seeds` are the last valid ones."""

    def __init__(self, t: Text, query: Mapping[str, str]) -> None:
        self.t, state = t, st.session_state
        self.link_problems: list[Problem] = []
        if "draft" not in state:
            state["draft"] = draft_of(Experiment())
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
        self.experiment, self.seeds = state.get("draft-valid", (Experiment(), (0,)))

    def query(self) -> dict[str, str]:
        """The link of the last valid experiment; remembered, so that the next run of the script does not open it."""
        link = {**self.experiment.to_query(), "seeds": seeds_text(self.seeds)}
        st.session_state["draft-link"] = link
        return link

    @property
    def ok(self) -> bool:
        """Whether the draft is valid."""
        return not self.problems

    def label(self, path: str) -> dict[str, Any]:
        """The label and the help text of a field's widget."""
        help_text = HELP.get(path)
        return {"label": field_name(path, self.t), "help": self.t(help_text) if help_text else None}

    def show_problem(self, path: str) -> None:
        """The reason why a field's value is invalid."""
        for field, problem in self.problems.items():
            if field == path or field.startswith((f"{path} ", f"{path}.experiment.")):
                st.markdown(f":red[:material/error: {problem_text(problem, self.t, with_field=False)}]")

    def _field(self, path: str, value: Any) -> dict[str, Any]:
        """What the widgets of all fields share; `value` becomes the widget's."""
        key = f"field-{path}"
        st.session_state[key] = value
        return {**self.label(path), "key": key, "on_change": self._take, "args": (path,)}

    def _take(self, path: str) -> None:
        value = st.session_state[f"field-{path}"]
        if path == "data.name":  # the defaults of the new data set replace those of the old one
            last, seeds = st.session_state["draft-valid"]
            st.session_state["draft"] = draft_of(with_data(last, value), seeds)
        else:
            st.session_state["draft"][path] = value

    def fields(self, *paths: str) -> None:
        """A widget for each of these fields that the data set has."""
        for path in paths:
            part, _, name = path.partition(".")
            if part == "data" and name in OPTIONAL and name not in self.experiment.data.facts.uses:
                continue
            if path in CHOICES:
                st.selectbox(
                    **self._field(path, self.draft[path]),
                    options=list(CHOICES[path]),
                    format_func=partial(value_name, path, t=self.t),
                )
            elif path in STEPS:
                self._number(path, STEPS[path])
            elif path == "data.labels":
                st.multiselect(
                    **self._field(path, list(self.draft[path])),
                    options=range(len(self.experiment.data.facts.class_sizes)),
                    placeholder=self.t("all"),
                    select_all=False,  # Streamlit's own entry is in English
                )
            elif path == "seeds":
                st.text_input(**self._field(path, self.draft[path]))
            else:
                st.toggle(**self._field(path, bool(self.draft[path])))
            self.show_problem(path)

    def pair(self, left: str, right: str) -> None:
        """Two fields side by side."""
        for path, column in zip((left, right), st.columns(2, vertical_alignment="bottom"), strict=True):
            with column:
                self.fields(path)

    def _number(self, path: str, step: float) -> None:
        """Whole where the step is whole. The spec checks the bounds, so that any value can be typed."""
        whole, value = isinstance(step, int), self.draft[path]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = int(value) if whole else float(value)
        st.number_input(**self._field(path, value), step=step, format="%d" if whole else "%.6g")

    def validation(self) -> None:
        """How samples are set aside for validation: hold-out or k-fold, and how many."""
        t, folded = self.t, bool(self.draft["data.folds"])
        names = {"hold-out": t("Hold-out"), "k-fold": t("k-fold")}
        left, right = st.columns(2, vertical_alignment="bottom")
        st.session_state["field-validation-kind"] = "k-fold" if folded else "hold-out"
        left.selectbox(
            t("Validation"),
            list(names),
            format_func=lambda name: names[name],
            help=t(
                "Hold-out sets one part of the samples aside. k-fold validates on every sample once: it takes longer "
                "and the result varies less."
            ),
            key="field-validation-kind",
            on_change=self._take_validation,
        )
        with right:
            self.fields("data.folds" if folded else "data.validation")

    def _take_validation(self) -> None:
        draft = st.session_state["draft"]
        usual = DataSpec(name=self.experiment.data.name)
        draft["data.folds"] = 5 if st.session_state["field-validation-kind"] == "k-fold" else 0
        draft["data.validation"] = usual.validation  # k-fold ignores it, but an invalid value would block the form
