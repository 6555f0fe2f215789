"""The settings (knobs) of a comparison: their names, the values to suggest, values as typed."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import streamlit as st

from nnlab.spec import FIELDS, KNOBS, Experiment, StartFrom, TrainSpec
from nnlab.spec.comparison import not_compared
from nnlab.spec.errors import SpecError
from nnlab.spec.text import from_link, link_text
from nnlab.ui.shared import labels
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.typed_numbers import read_number
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
_FIRST_CHOICES: Mapping[str, tuple[str, ...]] = {
    "activation": ("sigmoid", "tanh", "relu"),
    "norm": ("none", "batch", "layer"),
    "init": ("default", "xavier", "kaiming", "zeros"),
    "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
}
_IN_DOUBT = re.compile(r"0\d.*|[1-9]\d{0,2}\.\d{3}|", re.ASCII)  # of a list: 01, 1.000, nothing
_WHOLE = ("depth", "depth_same_size", "width", "batch_size", "epochs", "n_samples")


def knobs_for(experiment: Experiment) -> list[str]:
    """The knobs that have an effect on this experiment, and whose values can be compared."""
    without = {"noise", "n_samples"} - experiment.data.facts.uses | {"start_from"}  # a run is chosen in Build
    return [knob for knob in KNOBS if knob not in without and not not_compared(knob, experiment.data)]


def second_knobs(experiment: Experiment, vary: str) -> list[str]:
    """The knobs that can be combined with another: of one field, only depth and width can."""
    field = KNOBS.get(vary, vary)
    others = [knob for knob in knobs_for(experiment) if knob != vary]
    return [knob for knob in others if KNOBS[knob] != field or {knob, vary} == {"depth", "width"}]


def is_number(knob: str) -> bool:
    """Whether a knob's values are numbers, which can be typed."""
    return knob in _NUMBERS or (KNOBS.get(knob, knob) not in labels.CHOICES and knob not in ("residual", "start_from"))


def value_texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Values as the controls hold them: as in a link, but with 1 for 1.0."""
    return tuple(map(_value_text, values))


def _value_text(value: Any) -> str:
    if isinstance(value, StartFrom):
        return value.to_text()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else link_text(value)


def parsed(texts: Sequence[str], knob: str) -> list[Any]:
    """Values from the texts of the controls; a Comparison checks them. Raises SpecError where one is no number."""
    if knob in _NUMBERS:
        return [read_number(text, knob, whole=knob in _WHOLE) for text in texts]
    return [from_link(KNOBS.get(knob, knob), text, knob) for text in texts]


def _allowed(experiment: Experiment, n_samples: int) -> bool:
    """Whether there are so many samples, and enough of them are left for training."""
    with suppress(SpecError):
        return n_samples <= experiment.data.max_samples and bool(experiment.vary("n_samples", n_samples))
    return False


def suggested(experiment: Experiment, knob: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Values to start with, and values to choose from."""
    path = KNOBS.get(knob, knob)
    if knob in _NUMBERS:
        first, offered = _NUMBERS[knob]
        if knob == "n_samples":
            most = experiment.data.max_samples
            first = (1000, 5000, most) if most >= 60_000 and experiment.data.name == "mnist" else first
            present = min(experiment.data.n_samples, most)
            offered = [n for n in sorted({*offered, *first, present}) if _allowed(experiment, n)]
            first = [n for n in first if n in offered] or offered[:4]
        return value_texts(first), value_texts(offered)
    if path in labels.CHOICES:
        every = tuple(labels.CHOICES[path])
        return _FIRST_CHOICES.get(knob, every), every
    if path not in FIELDS:  # from a link; the Comparison refuses it
        return ("1",), ()
    now = experiment.knob(knob)
    return (value_texts([False, True] if isinstance(now, bool) else [now]),) * 2


def split_typed(texts: Sequence[str], knob: str) -> tuple[str, ...]:
    """Values as typed, each once, numbers in order: "0,5" is one half, "1 2 4" and "1, 2, 4" are three values."""
    if not is_number(knob):
        return tuple(dict.fromkeys(filter(None, map(str.strip, texts))))
    parts = chain.from_iterable(re.split(r"[;\s]+|,\s+", str(text).strip()) for text in texts)
    found = dict.fromkeys(chain.from_iterable(_listed(part, knob in _WHOLE) for part in parts if part))
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(found)


def _listed(part: str, whole: bool) -> Sequence[str]:
    """The numbers of a text without blanks; the text itself where they are in doubt: 1.000; 0,01,0,1."""
    several = part.split(",") if whole or "." in part or part.count(",") > 1 else [part]
    if len(several) > len(set(several)) or any(_IN_DOUBT.fullmatch(one) for one in several):
        return [part]
    with suppress(SpecError):
        return value_texts([read_number(one, whole=whole) for one in several])
    return [part]


def values_control(knob: str, options: Sequence[str], t: Text, *, label: str, key: str, **more: Any) -> None:
    """A field with several values of a knob; numbers can be typed."""
    typed = is_number(knob)

    def shown(text: str) -> str:
        if knob == "start_from":
            return value_name(knob, TrainSpec(start_from=text).start_from, t)
        if text in ("true", "false"):
            return value_name(knob, text == "true", t)
        with suppress(SpecError):
            return t.plain(read_number(text, whole=knob in _WHOLE)) if typed else value_name(knob, text, t)
        return text

    st.multiselect(
        label,
        options,
        key=key,
        format_func=shown,
        accept_new_options=typed,
        placeholder=t("Choose or type values") if typed else t("Choose values"),
        select_all=False,  # Streamlit's entry for it is in English
        wrap=True,
        **more,
    )
