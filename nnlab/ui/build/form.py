"""Widgets ↔ Experiment: the draft a visitor is editing, and one widget a field.

The draft is a flat dictionary of raw values by dotted field name. A widget shows the draft's value and writes it back
when it is changed, before the script runs; the script then asks what experiment the draft makes. So a value that
cannot be is kept as typed, its field says why, and the last experiment that was possible stays on the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from nnlab.spec import FIELDS, DataSpec, Experiment, parse_seeds, seeds_text
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shared.labels import CHOICES, HELP, field_name, problem_text
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.text import Text

Draft = dict[str, Any]
_OFF: Mapping[str, Any] = {"data.labels": (), "data.folds": 0}
"""What a field is where an experiment's plain values leave it out; else None."""


def flat(experiment: Experiment, seeds: Sequence[int] = (0,)) -> Draft:
    """The draft that makes this experiment."""
    parts = experiment.plain()
    draft: Draft = {path: parts[path.partition(".")[0]].get(path.partition(".")[2], _OFF.get(path)) for path in FIELDS}
    return {**draft, "seeds": seeds_text(seeds)}


def read(draft: Mapping[str, Any]) -> tuple[Experiment, tuple[int, ...]]:
    """What a draft makes. Raises SpecError with every problem."""
    parts: dict[str, dict[str, Any]] = {"data": {}, "model": {}, "train": {}}
    for path in FIELDS:
        part, _, name = path.partition(".")
        parts[part][name] = draft[path]
    problems: list[Problem] = []
    seeds: tuple[int, ...] = ()
    try:
        seeds = parse_seeds(str(draft["seeds"]))
    except SpecError as error:
        problems += error.problems
    try:
        experiment = Experiment.of(parts)
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    return experiment, seeds


class Form:
    """The visitor's draft with its widgets; `experiment` and `seeds` are the last that were possible."""

    def __init__(self, t: Text, query: Mapping[str, str]) -> None:
        self.t = t
        self.link_error: SpecError | None = None
        state = st.session_state
        link = {
            k: v for k, v in query.items() if k in FIELDS or k == "seeds" or k.startswith(("data.", "model.", "train."))
        }
        if "draft" not in state:
            state["draft"] = flat(Experiment())
        if link and link != state.get("draft-link"):
            self._open(link)
            state["draft-link"] = link
        self.draft: Draft = state["draft"]
        self.problems: dict[str, Problem] = {}
        try:
            self.experiment, self.seeds = read(self.draft)
            state["draft-valid"] = (self.experiment, self.seeds)
        except SpecError as error:
            self.problems = {problem.field: problem for problem in error.problems}
            self.experiment, self.seeds = state.get("draft-valid", (Experiment(), (0,)))

    def _open(self, link: Mapping[str, str]) -> None:
        """Takes a link into the draft; a field that cannot be is left out and told."""
        good, told = dict(link), list[Problem]()
        while problems := _cannot_be(good):
            told += [problem for problem in problems if problem.field not in {one.field for one in told}]
            named = {problem.field.partition("[")[0] for problem in problems}
            left = {k: v for k, v in good.items() if k not in named}
            if len(left) == len(good):  # it clashes with what the link leaves out: what agrees is taken one by one
                left = {}
                for name, value in good.items():
                    left = left if _cannot_be({**left, name: value}) else {**left, name: value}
            good = left
        self.link_error = SpecError(told) if told else None
        st.session_state["draft"] = flat(Experiment.from_query(good), parse_seeds(good.get("seeds", "1")))

    def set(self, **changes: Any) -> None:
        """Changes the draft from code (dots in names as `__`)."""
        for name, value in changes.items():
            self.draft[name.replace("__", ".")] = value

    def query(self) -> dict[str, str]:
        """The link of the last possible experiment; remembered, so that it is not taken for a new one."""
        link = {**self.experiment.to_query(), "seeds": seeds_text(self.seeds)}
        st.session_state["draft-link"] = link
        return link

    @property
    def irregular(self) -> bool:
        """Whether the hidden layers differ: two sliders cannot show them."""
        hidden = self.draft["model.hidden"]
        return any(layer != hidden[0] or not isinstance(layer, int) for layer in hidden)

    @property
    def ok(self) -> bool:
        return not self.problems

    # one widget a field

    def _key(self, path: str, value: Any) -> str:
        key = f"field-{path}"
        st.session_state[key] = value
        return key

    def _take(self, path: str) -> None:
        value = st.session_state[f"field-{path}"]
        if path == "data.name":  # the new data's own defaults replace the old data's
            last, seeds = st.session_state["draft-valid"]
            st.session_state["draft"] = flat(_other_data(last, value), seeds)
        else:
            st.session_state["draft"][path] = value

    def _label(self, path: str) -> dict[str, Any]:
        help_text = HELP.get(path)
        return {"label": field_name(path, self.t), "help": self.t(help_text) if help_text else None}

    def complain(self, path: str) -> None:
        """Says beside a field what is wrong with it."""
        for field, problem in self.problems.items():
            if field == path or field.startswith((f"{path} ", f"{path}.experiment.")):
                st.markdown(f":red[:material/error: {problem_text(problem, self.t, with_field=False)}]")

    def number(self, path: str, step: float, format: str | None = None) -> None:
        """A number as typed; whole where the step is whole. Bounds are the spec's, not the widget's."""
        whole, value = isinstance(step, int), self.draft[path]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = int(value) if whole else float(value)
        st.number_input(
            **self._label(path),
            step=step,
            format=format or ("%d" if whole else "%.6g"),
            key=self._key(path, value),
            on_change=self._take,
            args=(path,),
        )
        self.complain(path)

    def slider(self, path: str, low: float, high: float, step: float) -> None:
        """A number within a comfortable range, which grows to hold what a link brings."""
        value = self.draft[path]
        st.slider(
            **self._label(path),
            min_value=min(low, value),
            max_value=max(high, value),
            step=step,
            key=self._key(path, value),
            on_change=self._take,
            args=(path,),
        )
        self.complain(path)

    def choose(self, path: str, options: Sequence[str] | None = None) -> None:
        """One of the spec's choices."""
        names = list(options or CHOICES[path])
        st.selectbox(
            **self._label(path),
            options=names,
            format_func=lambda value: value_name(path, value, self.t),
            key=self._key(path, self.draft[path]),
            on_change=self._take,
            args=(path,),
        )
        self.complain(path)

    def classes(self) -> None:
        """Which classes of the data are kept; all of them where none is chosen."""
        kept = self.draft["data.labels"]
        st.multiselect(
            **self._label("data.labels"),
            options=range(len(self.experiment.data.facts.class_sizes)),
            key=self._key("data.labels", list(kept)),
            placeholder=self.t("all"),
            select_all=False,  # Streamlit's entry for it is in English
            on_change=self._take,
            args=("data.labels",),
        )
        self.complain("data.labels")

    def toggle(self, path: str) -> None:
        """Yes or no."""
        st.toggle(
            **self._label(path),
            key=self._key(path, bool(self.draft[path])),
            on_change=self._take,
            args=(path,),
        )
        self.complain(path)

    def validation(self) -> None:
        """How samples are kept aside to judge by: hold-out or k-fold, and how many."""
        t, folded = self.t, bool(self.draft["data.folds"])
        names = {"hold-out": t("Hold-out"), "k-fold": t("k-fold")}
        left, right = st.columns(2, vertical_alignment="bottom")
        st.session_state["field-validation-kind"] = "k-fold" if folded else "hold-out"
        left.selectbox(
            t("Validation"),
            list(names),
            format_func=lambda name: names[name],
            help=t("Hold-out keeps one share aside. k-fold lets every sample judge once: dearer, and steadier."),
            key="field-validation-kind",
            on_change=self._take_validation,
        )
        with right:
            if folded:
                self.number("data.folds", 1)
            else:
                self.number("data.validation", 0.05)

    def _take_validation(self) -> None:
        draft = st.session_state["draft"]
        usual = DataSpec(name=self.experiment.data.name)
        draft["data.folds"] = 5 if st.session_state["field-validation-kind"] == "k-fold" else 0
        draft["data.validation"] = usual.validation  # without effect under k-fold, and must not stand in the way

    def seeds_field(self) -> None:
        """How many seeds, or which."""
        st.text_input(
            **self._label("seeds"), key=self._key("seeds", self.draft["seeds"]), on_change=self._take, args=("seeds",)
        )
        self.complain("seeds")

    # the hidden layers

    def depth_and_width(self) -> None:
        """Equal hidden layers by two sliders."""
        widths = self.experiment.model.widths
        depth, width = len(widths), widths[0] if widths else st.session_state.get("last-width", 8)
        st.session_state["last-width"] = width
        left, right = st.columns(2)
        st.session_state["field-depth"], st.session_state["field-width"] = depth, width
        with left:
            st.slider(
                **self._label("depth"), min_value=0, max_value=max(10, depth), key="field-depth", on_change=self._equal
            )
        with right:
            st.slider(
                **self._label("width"),
                min_value=1,
                max_value=max(64, 2 ** (width - 1).bit_length()),
                key="field-width",
                on_change=self._equal,
                disabled=depth == 0,
            )

    def _equal(self) -> None:
        width = int(st.session_state["field-width"])
        st.session_state["last-width"] = width
        st.session_state["draft"]["model.hidden"] = [width] * int(st.session_state["field-depth"])

    def layer_by_layer(self) -> None:
        """One row a hidden layer: width, and what differs from the network's settings."""
        t, hidden = self.t, self.draft["model.hidden"]
        for i, layer in enumerate(hidden):
            own = {"width": layer} if isinstance(layer, int) else layer
            with st.container(horizontal=True, vertical_alignment="bottom", key=f"layer-{i}", gap="xsmall"):
                self._layer_number(i, "width", own.get("width"), 1, t("Layer {n}: width", n=i + 1))
                self._layer_choice(i, "activation", own.get("activation"), "collapsed")
                with st.popover("", icon=":material/tune:", help=t("Settings of this layer"), key=f"layer-{i}-more"):
                    self._layer_choice(i, "norm", own.get("norm"), "visible")
                    self._layer_number(i, "dropout", own.get("dropout"), 0.05, t("Dropout"))
                    st.button(
                        t("Remove this layer"),
                        icon=":material/delete:",
                        key=f"layer-{i}-remove",
                        on_click=lambda i=i: st.session_state["draft"]["model.hidden"].pop(i),
                    )
            for name in ("", ".width", ".dropout"):
                self.complain(f"model.hidden[{i}]{name}")
        st.button(t("Add a layer"), icon=":material/add:", key="layer-add", on_click=self._add_layer)
        self.complain("model.hidden")

    def _layer_choice(self, i: int, name: str, value: Any, label: Any) -> None:
        path, key = f"model.{name}", f"layer-{i}-{name}"
        st.session_state[key] = value or ""
        st.selectbox(
            field_name(path, self.t),
            ("", *CHOICES[path]),
            format_func=lambda v: value_name(path, v, self.t) if v else self.t("as the network"),
            key=key,
            on_change=self._take_layer,
            args=(i, name),
            label_visibility=label,
            width=120,
        )

    def _layer_number(self, i: int, name: str, value: Any, step: float, label: str) -> None:
        key = f"layer-{i}-{name}"
        st.session_state[key] = value
        st.number_input(
            label,
            step=step,
            value=None,
            placeholder=self.t("as the network"),
            key=key,
            on_change=self._take_layer,
            args=(i, name),
            width=96,
        )

    def _add_layer(self) -> None:
        hidden = st.session_state["draft"]["model.hidden"]
        last = hidden[-1] if hidden else 8
        hidden.append(dict(last) if isinstance(last, dict) else last)

    def _take_layer(self, i: int, name: str) -> None:
        hidden, value = st.session_state["draft"]["model.hidden"], st.session_state[f"layer-{i}-{name}"]
        layer = {"width": hidden[i]} if isinstance(hidden[i], int) else dict(hidden[i])
        if value in ("", None) and name != "width":
            layer.pop(name, None)
        else:
            layer[name] = value
        hidden[i] = layer["width"] if set(layer) == {"width"} and isinstance(layer["width"], int) else layer


def _cannot_be(link: Mapping[str, str]) -> list[Problem]:
    """What is wrong with a link; nothing where it opens."""
    problems: list[Problem] = []
    for check in (lambda: parse_seeds(link.get("seeds", "1")), lambda: Experiment.from_query(link)):
        try:
            check()
        except SpecError as error:
            problems += error.problems
    return problems


_FITS_ANY: Mapping[str, Any] = {"train.loss": "auto", "train.patience": 0, "train.start_from": None}


def _other_data(experiment: Experiment, name: str) -> Experiment:
    """The experiment on other data; what does not fit it goes back to its default."""
    for changes in ({}, {"train.start_from": None}, _FITS_ANY):
        try:
            return experiment.set({"data.name": name, **changes})
        except SpecError:
            continue
    usual = Experiment(data=DataSpec(name=name), model=experiment.model)
    kept = {f"train.{name}": value for name, value in experiment.plain()["train"].items()}
    return usual.set({path: value for path, value in kept.items() if path not in _FITS_ANY})
