"""How comparisons, their settings and their experiments are named."""

from collections.abc import Sequence
from typing import Any

from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.comparison.language import joined
from nnlab.spec import KNOBS, Comparison, Experiment
from nnlab.store import StoredComparison
from nnlab.ui.shared import labels
from nnlab.ui.shared.naming import data_title, start_words, value_name
from nnlab.ui.shell.text import Text

MOST_VALUES = 8  # of a knob, in a summary
LONGEST_TITLE = 40  # letters: a row has room for them


def knob_name(knob: str, t: Text) -> str:
    """A knob inside a sentence: "vary depth over 1, 2, 4"; a field's path has the field's name."""
    if knob in labels.SHORT_NAMES:
        return t(labels.SHORT_NAMES[knob])
    name = labels.field_name(knob if knob in labels.FIELDS else KNOBS.get(knob, knob), t)
    return name[0].lower() + name[1:]


def varied(comparison: Comparison) -> dict[str, tuple[Any, ...]]:
    """The one or two knobs that are varied, with their values."""
    second = {comparison.by: comparison.by_values} if comparison.by else {}
    return {comparison.vary: comparison.values, **second}


def comparison_file_name(comparison: Comparison) -> str:
    """The file name of a download without its end: nnlab-moons-depth."""
    return "-".join(("nnlab", comparison.experiment.data.name, *varied(comparison)))


def value_names(knob: str, values: Sequence[Any], t: Text) -> tuple[str, ...]:
    """Values of a knob as they are read."""
    return tuple(value_name(knob, value, t) for value in values)


def experiment_summary(experiment: Experiment, t: Text) -> str:
    """An experiment in one line: data, network, training."""
    data, model, train = experiment.data, experiment.model, experiment.train
    widths = "-".join(map(str, (data.inputs, *model.widths, experiment.outputs)))
    samples = t.many("{n} sample", "{n} samples", min(data.n_samples, data.max_samples))
    rate, epochs = t.plain(train.lr), t.whole(train.epochs)
    optimizer = value_name("optimizer", train.optimizer, t)
    parts = [
        f"{data_title(data, t)}, {samples}",
        f"{widths} {value_name('activation', model.activation, t)}",
        t("{optimizer} {lr}, {epochs} epochs", optimizer=optimizer, lr=rate, epochs=epochs),
        *([t("{n}-fold validation", n=data.folds)] if data.folds else []),
        *([t("from {start}", start=start_words(train.start_from, t))] if train.start_from else []),
    ]
    return " · ".join(parts)


def comparison_summary(comparison: Comparison, t: Text) -> str:
    """A comparison in one line: "Moons: depth 1, 2, 4, 8 · 10 seeds"."""
    return f"{data_title(comparison.experiment.data, t)}: {settings_summary(comparison, t)}"


def comparison_title(one: StoredComparison | ComparisonRun, t: Text) -> str:
    """The name its owner gave it, else its question: "Moons: depth 1, 2, 4, 8"; without the values where they are
    long: "MNIST 28×28: samples × starting weights"."""
    if one.name:
        return one.name
    comparison, data = one.comparison, data_title(one.comparison.experiment.data, t)
    whole = f"{data}: {varied_words(comparison, t)}"
    if len(whole) <= LONGEST_TITLE:
        return whole
    return f"{data}: {' × '.join(knob_name(knob, t) for knob in varied(comparison))}"


def settings_summary(comparison: Comparison, t: Text) -> str:
    """What a comparison varies: "depth 1, 2, 4, 8 · 10 seeds"."""
    return f"{varied_words(comparison, t)} · {t.many('{n} seed', '{n} seeds', len(comparison.seeds))}"


def setting_words(knob: str, value: str, t: Text) -> str:
    """A setting and its value: "depth 4", "random weights"."""
    return value if KNOBS.get(knob, knob) == "train.start_from" else f"{knob_name(knob, t)} {value}"


def varied_words(comparison: Comparison, t: Text) -> str:
    """What a comparison varies: "depth 1, 2, 4, 8"."""
    knobs = []
    for knob, values in varied(comparison).items():
        names = joined(value_names(knob, values[:MOST_VALUES], t))
        knobs.append(setting_words(knob, names, t) + (" …" if len(values) > MOST_VALUES else ""))
    return " × ".join(knobs)
