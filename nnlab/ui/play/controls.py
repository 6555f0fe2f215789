"""The narrow column of Play: the essentials of an experiment, which are applied at once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from nnlab.spec import DATASETS, Experiment
from nnlab.spec.data import OPTIONAL_FIELDS, TERMS
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.play.film import MOST_DEPTH, MOST_WIDTH
from nnlab.ui.shared.labels import HELP, field_name
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.new_experiment import per_seed_of, play_experiment
from nnlab.ui.shared.number_field import bounded_number_field
from nnlab.ui.shared.widgets import bound, clickable
from nnlab.ui.shell.text import Text

DATA = ("moons", "circles", "xor", "gaussians", "spirals", "digits", "celsius")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "none")
STEPS: Mapping[str, Sequence[float]] = {
    "data.noise": tuple(step / 20 for step in range(21)),
    "data.n_samples": (50, 100, 150, 200, 300, 500, 700, 1000),
    "train.lr": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "train.l2": (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
    "train.batch_size": (1, 4, 8, 16, 32, 64, 128),
}
LARGEST_WIDTH = 32
WHOLE, HALF = 170, 77  # pixels: the width of a control, and of one beside another


SHOWN = (
    *("data.name", "data.noise", "data.n_samples", "data.terms", "model.hidden", "model.activation"),
    *("train.lr", "train.l2", "train.batch_size"),
)
"""The fields with a control."""


def controls(
    t: Text,
    experiment: Experiment,
    change: Callable[[Mapping[str, Any]], None],
    choose_data: Callable[[str], None],
    hidden: Collection[str] = (),
) -> None:
    """The widgets: one below the other, on a narrow screen two in a row. `change` gets the fields that a visitor has
    changed; those in `hidden` have no widget."""
    with st.container(horizontal=True, gap="small", key="play-controls"):
        for path in SHOWN:
            unused = path.removeprefix("data.") in OPTIONAL_FIELDS - experiment.data.facts.uses
            if path not in hidden and not unused:
                _control(t, path, experiment, change, choose_data)


def _control(
    t: Text,
    path: str,
    experiment: Experiment,
    change: Callable[[Mapping[str, Any]], None],
    choose_data: Callable[[str], None],
) -> None:
    value = experiment.knob(path)
    if path == "data.name":
        _choice(t, path, DATA, value, choose_data)
    elif path == "data.terms":
        _features(t, value, change)
    elif path == "model.activation":
        _choice(t, path, ACTIVATIONS, value, lambda chosen: change({path: chosen}))
    elif path == "model.hidden":
        widths = hidden_widths(experiment)
        _number(t, "depth", t("Layers"), len(widths), (0, MOST_DEPTH), change)
        most = max(widths, default=4)
        _number(t, "width", t("Neurons"), most, (1, LARGEST_WIDTH), change, disabled=not widths)
    else:
        _steps(t, path, STEPS[path], value, change)


def hidden_widths(experiment: Experiment) -> list[int]:
    """The widths of the hidden layers."""
    return [layer.width for layer in experiment.layers[:-1]]


def on_data(experiment: Experiment, name: str, left: dict[str, Experiment]) -> Experiment:
    """The experiment on another data set: the same network among data in the plane, otherwise what it was when the
    visitor left these data, which `left` keeps, or the experiment they begin with."""
    left[_kind(experiment.data.name)] = experiment
    found = left.get(_kind(name)) or play_experiment(name)
    return found.set({"data.name": name, "data.per_seed": per_seed_of(name, found.data)})


def _kind(name: str) -> str:
    return "plane" if "terms" in DATASETS[name].uses else name


def _choice(t: Text, path: str, allowed: Sequence[str], value: str, take: Callable[[str], None]) -> None:
    some = allowed if value in allowed else (*allowed, value)
    options = bound(f"play-{path}", value, take)
    named = partial(value_name, path, t=t)
    st.selectbox(field_name(path, t), some, format_func=named, width=WHOLE, **options)


def _features(t: Text, terms: Sequence[str], change: Callable[[Any], None]) -> None:
    """What the network takes of a point: several out of a few, all in sight."""
    options = bound("play-data.terms", list(terms), lambda new: change({"data.terms": new}))
    options |= {"format_func": lambda term: clickable(TERMS[term]), "help": t(HELP["data.terms"]), "width": WHOLE}
    st.pills(field_name("data.terms", t), list(TERMS), selection_mode="multi", wrap=True, **options)


def _number(
    t: Text, knob: str, label: str, value: int, allowed: tuple[int, int], change: Callable[[Any], None], **more: Any
) -> None:
    def take(new: int) -> None:
        change({knob: new})

    bounded_number_field(label, value, *allowed, take, key=f"play-{knob}", t=t, width=HALF, **more)


def _steps(t: Text, path: str, steps: Sequence[Any], value: Any, change: Callable[[Any], None]) -> None:
    """A slider over a few values; one that is not among them is shown too."""
    some = sorted({*steps, value})
    options = bound(f"play-{path}", value, lambda new: change({path: new}))
    st.select_slider(
        field_name(path, t),
        some,
        format_func=lambda one: clickable(t.plain(one)),
        help=t(HELP[path]),
        width=WHOLE,
        **options,
    )


def changed(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment | Sequence[Problem]:
    """The experiment with changes, or why it cannot have them."""
    try:
        for knob in ("depth", "width"):
            if knob in changes:
                return experiment.vary(knob, changes[knob])
        return experiment.set(changes)
    except SpecError as error:
        return error.problems


def in_drawing(experiment: Experiment, kind: str, layer: int | None) -> list[int]:
    """The widths of the hidden layers after a click in the drawing: a unit or a layer more or less."""
    widths = hidden_widths(experiment)
    if kind == "layer+" and len(widths) < MOST_DEPTH:
        widths.append(widths[-1] if widths else 4)
    elif kind == "layer-" and widths:
        widths.pop()
    elif layer is not None and 0 <= layer < len(widths):
        wider = kind == "unit+" and widths[layer] < MOST_WIDTH
        widths[layer] = widths[layer] + 1 if wider else max(1, widths[layer] - (kind == "unit-"))
    return widths
