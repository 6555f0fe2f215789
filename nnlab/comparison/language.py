"""The language of sentences about a comparison: English here, others from the dashboard."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from nnlab.analysis.coverage import Words
from nnlab.spec.text import value_text

About = TypeVar("About")
Texts = Mapping[str, str]


class Language(Words, Protocol):
    """What a sentence needs of a language; `nnlab.ui.shell.text.Text` is one."""

    def whole(self, value: float) -> str: ...
    def plain(self, value: float) -> str: ...
    def interval(self, mean: float, low: float, high: float, kind: str) -> str: ...


class English:
    """English without a catalogue, for the command line and notebooks."""

    def __call__(self, message: str, **values: object) -> str:
        return message.format(**values) if values else message

    def many(self, one: str, more: str, n: int) -> str:
        return (one if n == 1 else more).format(n=self.whole(n))

    def whole(self, value: float) -> str:
        return f"{round(value):,}"

    def number(self, value: float, digits: int) -> str:
        return f"{float(f'{value:.{digits}g}'):g}"

    def plain(self, value: float) -> str:
        return f"{value:g}"

    def interval(self, mean: float, low: float, high: float, kind: str) -> str:
        half = (high - low) / 2
        if kind == "accuracy":
            return f"{100 * mean:z.1f}" + (f" ± {100 * half:.1f}" if math.isfinite(half) else "")
        return self.number(mean, 3) + (f" ± {self.number(half, 2)}" if math.isfinite(half) else "")


KNOB_NAMES = {
    "lr": "learning rate",
    "l2": "L2",
    "n_samples": "number of samples",
    "batch_size": "batch size",
    "depth_same_size": "depth at equal size",
}

GROUPS: Texts = {  # networks …
    "activation sigmoid": "with sigmoid",
    "activation tanh": "with tanh",
    "activation relu": "with ReLU",
    "init default": "with PyTorch's default weights",
    "init xavier": "with Xavier's weights",
    "init kaiming": "with Kaiming's weights",
    "norm none": "without normalisation",
    "norm batch": "with batch normalisation",
    "norm layer": "with layer normalisation",
    "scaling none": "with raw inputs",
    "scaling standard": "with standardised inputs",
    "scaling minmax": "with inputs from 0 to 1",
    "residual false": "without skip connections",
    "residual true": "with skip connections",
}
"""Values of a second setting in a sentence; those of others follow the setting's name."""


def joined(names: Sequence[str]) -> str:
    """`1, 2, 4`; with semicolons where a name has a comma, as a Spanish decimal: `0,1; 0,3; 1`."""
    return ("; " if any("," in name for name in names) else ", ").join(names)


@dataclass(frozen=True)
class Wording(Generic[About]):
    """Sentences about something in one language: English unless another is given.

    Parameters
    ----------
    knob_name, value_name : callable, optional
        `knob_name(knob, t)` and `value_name(knob, value, t)`: a setting and one of its values inside a sentence.
    """

    about: About
    t: Language = field(default_factory=English)
    knob_name: Callable[[str, Any], str] = lambda knob, t: KNOB_NAMES.get(knob, knob)
    value_name: Callable[[str, Any, Any], str] = lambda knob, value, t: value_text(value)

    def listed(self, names: Sequence[str], ending: str = "") -> str:
        """`a, b and c`; `ending` is the form of the last two, in the language."""
        *first, last = names or [""]
        ending = ending or self.t("{first} and {last}")
        return ending.format(first=joined(first), last=last) if first else last
