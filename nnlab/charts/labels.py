"""The words of charts, and the Vega expressions that show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nnlab.datasets import PARTS

WORDS = {
    **{"train": "training", "validation": "validation", "test": "test"},
    **{"loss": "loss", "accuracy": "accuracy", "mse": "mean squared error"},
}
"""The words for parts, and for what is measured."""


@dataclass(frozen=True)
class Labels:
    """The words of charts in one language, and the language for their numbers: `labels("epoch")`.

    The English text in the code is the message id."""

    language: str = "en"
    translate: Callable[[str], str] = str

    def __call__(self, word: str) -> str:
        """An English word, or a key of `WORDS`, in the language."""
        return self.translate(WORDS.get(word, word))


ENGLISH = Labels()
FORMATS = {"loss": ".3~r", "mse": ".3~r", "accuracy": ".1%"}


def quoted(text: str) -> str:
    """A text as a string inside a Vega expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def word_for(field: str, words: Mapping[str, str] | Sequence[str]) -> str:
    """The expression that gives a field's value its word (a sequence: 0, 1, ...); any other value gives ''."""
    pairs = words.items() if isinstance(words, Mapping) else enumerate(words)
    cases = [
        f"datum.{field} === {quoted(value) if isinstance(value, str) else value} ? {quoted(word)}"
        for value, word in pairs
    ]
    return " : ".join([*cases, "''"])


def part_word(field: str, labels: Labels) -> str:
    """The expression that gives a part its word."""
    return word_for(field, {part: labels(part) for part in PARTS})


def interval_text(kind: str) -> str:
    """The expression that writes `low` and `high` as an interval."""
    form = quoted(FORMATS[kind])
    return f"isValid(datum.low) ? format(datum.low, {form}) + ' – ' + format(datum.high, {form}) : '–'"
