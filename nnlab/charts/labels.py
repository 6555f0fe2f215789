"""The words of charts, and the Vega expressions that show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Self

from nnlab.datasets import PARTS


@dataclass(frozen=True)
class Labels:
    """The words of all charts, and the language for their numbers. The English text is the message id."""

    language: str = "en"
    epoch: str = "epoch"
    train: str = "training"
    validation: str = "validation"
    test: str = "test"
    loss: str = "loss"
    accuracy: str = "accuracy"
    mse: str = "mean squared error"
    gap: str = "validation − training"
    gap_accuracy: str = "training − validation"
    lowest: str = "minimum over seeds"
    highest: str = "maximum over seeds"
    run: str = "run"
    part: str = "part"
    true_class: str = "class"
    predicted: str = "predicted"
    probability: str = "probability"
    samples: str = "samples"
    count: str = "weights"
    value: str = "value"
    weight: str = "weight"
    bias: str = "bias"
    layer: str = "layer"
    unit: str = "unit"
    source: str = "from"
    target: str = "to"
    input: str = "input"
    output: str = "output"
    interval: str = "95 % interval"
    seeds: str = "seeds"
    state: str = "state"
    parameters: str = "parameters"
    mean_of: str = "mean of the weights in this cell"
    rate: str = "learning rate"
    suggested_rate: str = "suggested"
    present_rate: str = "current"
    difference: str = "difference"
    verdict: str = "verdict"

    @classmethod
    def of(cls, language: str, translate: Callable[[str], str]) -> Self:
        """The words in another language."""
        words = {f.name: translate(str(f.default)) for f in fields(cls) if f.name != "language"}
        return cls(language=language, **words)

    def __getitem__(self, name: str) -> str:
        """The word for a part ("train", ...) or for what is measured ("loss", "accuracy" or "mse")."""
        return str(getattr(self, name))


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
    return word_for(field, {part: labels[part] for part in PARTS})


def interval_text(kind: str) -> str:
    """The expression that writes `low` and `high` as an interval."""
    form = quoted(FORMATS[kind])
    return f"isValid(datum.low) ? format(datum.low, {form}) + ' – ' + format(datum.high, {form}) : '–'"
