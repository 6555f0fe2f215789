"""The values of a setting: suggested, chosen, typed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from nnlab.spec import FIELDS, KNOBS, Experiment, StartFrom, TrainSpec
from nnlab.spec.text import from_link, link_text
from nnlab.ui.shared.labels import CHOICES
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.text import Text

_NUMBERS: Mapping[str, tuple[Sequence[float], Sequence[float]]] = {  # values to start with, values to choose from
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
_FIRST_CHOICES: Mapping[str, Sequence[str]] = {
    "activation": ("sigmoid", "tanh", "relu"),
    "norm": ("none", "batch", "layer"),
    "init": ("default", "xavier", "kaiming", "zeros"),
    "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
}
_WHOLE = ("depth", "depth_same_size", "width", "batch_size", "epochs", "n_samples")


def value_texts(values: Sequence[Any]) -> list[str]:
    """Values as the controls hold them: as in a link, but with 1 for 1.0."""

    def one(value: Any) -> str:
        if isinstance(value, StartFrom):
            return value.to_text()
        return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else link_text(value)

    return [one(value) for value in values]


def parsed(texts: Sequence[str], knob: str) -> list[Any]:
    """Values from the texts of the controls; a Comparison checks them."""
    return [from_link(KNOBS.get(knob, knob), text, knob) for text in texts]


def is_number(knob: str) -> bool:
    """Whether a knob's values are numbers, which can be typed."""
    return knob in _NUMBERS or (KNOBS.get(knob, knob) not in CHOICES and knob not in ("residual", "start_from"))


def suggested(experiment: Experiment, knob: str) -> tuple[list[str], list[str]]:
    """Values to start with, and values to choose from."""
    path = KNOBS.get(knob, knob)
    if knob in _NUMBERS:
        first, offered = _NUMBERS[knob]
        if knob == "n_samples":
            most = experiment.data.max_samples
            first = (1000, 5000, most) if most >= 60_000 and experiment.data.name == "mnist" else first
            offered = sorted({value for value in offered if value <= most} | set(first))
        return value_texts(first), value_texts(offered)
    if path in CHOICES:
        every = list(CHOICES[path])
        return list(_FIRST_CHOICES.get(knob, every)), every
    if path not in FIELDS:  # from a link; the Comparison refuses it
        return ["1"], []
    if isinstance(experiment.knob(knob), bool):
        return ["false", "true"], ["false", "true"]
    now = value_texts([experiment.knob(knob)])
    return now, now


def split_typed(texts: Sequence[str], knob: str) -> list[str]:
    """Values as typed, each once, numbers in order: "0,5" is one half, "1 2 4" and "1, 2, 4" are three values."""
    found: dict[str, None] = {}
    for text in map(str, texts):
        parts = re.split(r"[;\s]+|,\s+", text.strip()) if is_number(knob) else [text.strip()]
        for part in parts:
            if is_number(knob) and (knob in _WHOLE or part.count(",") > 1):
                found |= dict.fromkeys(part.split(","))
            else:
                found[part.replace(",", ".") if is_number(knob) else part] = None
    found.pop("", None)
    try:
        return sorted(found, key=float) if is_number(knob) else list(found)
    except ValueError:
        return list(found)


def shown_text(knob: str, text: str, t: Text) -> str:
    """A value in a control, as it is read."""
    if text in ("true", "false"):
        return value_name(knob, text == "true", t)
    if knob == "start_from":
        return value_name(knob, TrainSpec(start_from=text).start_from, t)
    return t.written(text) if is_number(knob) else value_name(knob, text, t)


def values_control(knob: str, options: Sequence[str], t: Text, *, label: str, key: str, **more: Any) -> None:
    """A field with several values of a knob; numbers can be typed."""
    st.multiselect(
        label,
        options,
        key=key,
        format_func=lambda text: shown_text(knob, text, t),
        accept_new_options=is_number(knob),
        placeholder=t("Choose or type values") if is_number(knob) else t("Choose values"),
        select_all=False,  # Streamlit's entry for it is in English
        **more,
    )


def knobs_for(experiment: Experiment) -> list[str]:
    """The knobs that have an effect on this experiment."""
    without = {"noise", "n_samples"} - experiment.data.facts.uses | {"start_from"}  # a run is chosen in Build
    return [knob for knob in KNOBS if knob not in without]


def second_knobs(experiment: Experiment, vary: str) -> list[str]:
    """The knobs that can be combined with another."""
    field = KNOBS.get(vary, vary)

    def combines(knob: str) -> bool:
        return KNOBS[knob] != field or {knob, vary} == {"depth", "width"}  # both shape the hidden layers

    return [knob for knob in knobs_for(experiment) if knob != vary and combines(knob)]
