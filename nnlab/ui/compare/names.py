"""Experiments and comparisons in words."""

from nnlab.spec import Comparison, Experiment
from nnlab.ui.shared import labels
from nnlab.ui.shared.naming import data_title, start_words, value_name
from nnlab.ui.shell.text import Text

MOST_VALUES = 8


def knob_name(knob: str, t: Text) -> str:
    """A knob inside a sentence."""
    return t(labels.KNOBS[knob]) if knob in labels.KNOBS else labels.field_name(knob, t)


def value_names(comparison: Comparison, t: Text) -> tuple[str, ...]:
    """The first knob's values as they are read."""
    return tuple(value_name(comparison.vary, value, t) for value in comparison.values)


def by_names(comparison: Comparison, t: Text) -> tuple[str, ...]:
    """The second knob's values; empty where there is none."""
    return tuple(value_name(comparison.by or "", value, t) for value in comparison.by_values)


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
    return f"{value_name('data.name', comparison.experiment.data.name, t)}: {settings_summary(comparison, t)}"


def settings_summary(comparison: Comparison, t: Text) -> str:
    """What a comparison varies: "depth 1, 2, 4, 8 · 10 seeds"."""
    varied = [f"{knob_name(comparison.vary, t)} {_first_few(value_names(comparison, t))}"]
    if comparison.by:
        varied.append(f"{knob_name(comparison.by, t)} {_first_few(by_names(comparison, t))}")
    return f"{' × '.join(varied)} · {t.many('{n} seed', '{n} seeds', len(comparison.seeds))}"


def _first_few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:MOST_VALUES]) + (" …" if len(names) > MOST_VALUES else "")
