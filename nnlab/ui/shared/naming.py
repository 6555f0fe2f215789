"""Experiments, runs, values and moments as short texts."""

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from babel.dates import format_datetime, format_timedelta

from nnlab.jobs.forecast import Expected
from nnlab.spec import KNOBS, DataSpec, Experiment, Replicate, StartFrom, seeds_text
from nnlab.store import Run
from nnlab.ui.shared.labels import CHOICES, ENGINES
from nnlab.ui.shell.text import Text

FEW_TERMS = 4  # written out in a title
MUCH = 50e6  # bytes on the disk from which they are shown
_PROPER_NAMES = ("Adam", "Kaiming", "Nesterov", "Xavier")


def network_title(experiment: Experiment, t: Text) -> str:
    """The network: "2×8 tanh", "64-32 ReLU", "no hidden layer"."""
    widths, activation = experiment.model.widths, experiment.model.activation
    if not widths:
        return t("no hidden layer")
    if len(set(widths)) == 1:
        shape = f"{len(widths)}×{widths[0]}" if len(widths) > 1 else f"{widths[0]}"
    elif len(widths) <= 4:
        shape = "-".join(map(str, widths))
    else:
        shape = f"{widths[0]}-…-{widths[-1]} ({len(widths)})"
    return f"{shape} {t('linear') if activation == 'none' else value_name('activation', activation, t)}"


def data_title(data: DataSpec, t: Text) -> str:
    """The data, and its classes where some are left out: "MNIST 28×28, 5–9"; or what the network takes of its points:
    "Circles, x₁² x₂²"."""
    name, labels, terms = value_name("data.name", data.name, t), data.labels, data.term_names
    if terms:
        return f"{name}, {' '.join(terms) if len(terms) <= FEW_TERMS else t('{n} input features', n=len(terms))}"
    if not labels:
        return name
    in_a_row = len(labels) > 2 and labels[-1] - labels[0] == len(labels) - 1
    return f"{name}, {f'{labels[0]}–{labels[-1]}' if in_a_row else ' '.join(map(str, labels))}"


def start_words(start: StartFrom | None, t: Text) -> str:
    """What an experiment starts from: "2 layers (1 frozen) of MNIST 28×28, 0–4", or "random weights"."""
    if start is None:
        return t("random weights")
    layers = t.many("{n} layer", "{n} layers", start.layers)
    if start.frozen:  # before the data: where little room is, the beginning is read
        layers += f" ({t.many('{n} frozen', '{n} frozen', start.frozen)})"
    return t("{layers} of {data}", layers=layers, data=data_title(start.experiment.data, t))


def value_name(setting: str, value: object, t: Text) -> str:
    """A setting's value: "tanh", "yes", "0.01", "8-8-4", "x₁² x₂²", "2 layers of MNIST 28×28".

    `setting` is a field's path or the short name of a knob.
    """
    if setting == "data.terms" and isinstance(value, (str, list, tuple)):
        names = value.split("-") if isinstance(value, str) else value
        return " ".join(CHOICES[setting].get(name, name) for name in names)
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if isinstance(value, str):
        return t(CHOICES.get(KNOBS.get(setting, setting), {}).get(value, value))
    if isinstance(value, int):
        return t.whole(value)
    if isinstance(value, float):
        return t.plain(value)
    if value is None or isinstance(value, StartFrom):
        return start_words(value, t)
    return "-".join(map(str, value)) or "0" if isinstance(value, (list, tuple)) else str(value)


def value_words(setting: str, value: object, t: Text) -> str:
    """A setting's value inside a sentence: "sigmoid", "per batch", "Adam"."""
    name = value_name(setting, value, t)
    first = name.split(" ")[0]
    return name[0].lower() + name[1:] if first[1:].islower() and first not in _PROPER_NAMES else name


def experiment_title(experiment: Experiment, t: Text) -> str:
    """Data and network: "Moons · 2×8 tanh"."""
    return f"{data_title(experiment.data, t)} · {network_title(experiment, t)}"


def run_title(run: Run, t: Text) -> str:
    """The name its owner gave it, else its data and network."""
    return run.name or experiment_title(run.experiment, t)


def preparing_words(run: Run, t: Text) -> str:
    """That its engine is being compiled, and how long that takes; empty for other runs."""
    note = run.note or ""
    if run.state != "running" or not note.startswith("compiling"):
        return ""
    seconds = t.whole(max(2, int(note.split()[-1])))
    return t("preparing the compiled engine, only once: about {seconds} s left", seconds=seconds)


def run_facts(run: Run, t: Text) -> str:
    """One line about a run: data, network, optimizer, seeds and what they vary, engine."""
    experiment, training = run.experiment, run.experiment.train
    parts = [
        *([experiment_title(experiment, t)] if run.name else []),
        t.many("{n} sample", "{n} samples", sum(experiment.data.sizes)),
        t.many("{n} parameter", "{n} parameters", run.parameters),
        *([t("from {start}", start=start_words(training.start_from, t))] if training.start_from else []),
        f"{value_name('optimizer', training.optimizer, t)} {t.plain(training.lr)}",
        seeds_words(run, t),
        *filter(None, [own_data_words(experiment.data, t)]),
        *([t(ENGINES[run.engine].word)] if run.engine else []),
        ago(run.created, t),
    ]
    return " · ".join(parts)


def seeds_words(run: Run, t: Text) -> str:
    """ "1 seed", "5 seeds", "seeds 3,7", "5 seeds × 4 folds"."""
    if run.seeds == tuple(range(len(run.seeds))):
        words = t.many("{n} seed", "{n} seeds", len(run.seeds))
    elif len(run.seeds) > 1:
        words = t("seeds {which}", which=seeds_text(run.seeds))
    else:
        words = t("seed {n}", n=run.seeds[0])
    folds = run.experiment.data.folds
    return f"{words} × {t('{n} folds', n=folds)}" if folds else words


def own_data_words(data: DataSpec, t: Text) -> str:
    """What a seed varies besides the weights; empty if nothing."""
    return {"samples": t("new samples per seed"), "split": t("a split per seed")}.get(data.per_seed, "")


def layer_name(index: int, layers: int, t: Text) -> str:
    """ "Hidden 2", "Output"; index counts from 0."""
    return t("Output") if index == layers - 1 else t("Hidden {n}", n=index + 1)


def replicate_name(one: Replicate, t: Text) -> str:
    """ "3", with folds "seed 3, fold 2"."""
    return str(one.seed) if one.fold is None else t("seed {n}, fold {fold}", n=one.seed, fold=one.fold)


def ago(moment: datetime, t: Text, now: datetime | None = None) -> str:
    """How long ago: "3 minutes ago"."""
    passed = (now or datetime.now(UTC)) - moment
    if passed.total_seconds() < 10:
        return t("just now")
    return str(format_timedelta(-passed, add_direction=True, threshold=1.2, locale=t.language))


def cost_words(expected: Expected, t: Text) -> str:
    """About how long a training takes, and when it will be finished where it has to wait for others."""
    seconds = expected.seconds
    words = t("under a second") if seconds < 1 else t("about {time}", time=t.seconds(seconds))
    return "; ".join(filter(None, (words, wait_words(expected, t))))


def disk_words(stored: float, t: Text) -> str:
    """How much of the disk a training takes for good; empty where it is little."""
    return t("stores about {size}", size=t.size(stored)) if stored > MUCH else ""


def wait_words(expected: Expected, t: Text) -> str:
    """ "after 3 other runs: done in 40 s"; empty where nothing delays it by a second."""
    if expected.finished < expected.seconds + 1:
        return ""
    others = t.many("after {n} other run", "after {n} other runs", expected.others)
    return t("{others}: done in {time}", others=others, time=t.seconds(expected.finished))


def moment(when: datetime, t: Text, zone: tzinfo | None = None) -> str:
    """21 Nov 2026 10:15 (es: 21 nov 2026 10:15), in the visitor's time zone."""
    return str(format_datetime(when.astimezone(zone or visitor_zone()), "d MMM y H:mm", locale=t.language))


def visitor_zone() -> tzinfo | None:
    """The visitor's time zone; None, which is the server's, if no browser sends one."""
    with suppress(ZoneInfoNotFoundError, ValueError, TypeError):
        return ZoneInfo(st.context.timezone or "")
    return None


def weights_end(one: Replicate) -> str:
    """The end of the file name of a replicate's weights: -seed3-fold0.safetensors."""
    return f"-seed{one.seed}{'' if one.fold is None else f'-fold{one.fold}'}.safetensors"


def file_name(run: Run, end: str) -> str:
    """The file name of a download: nnlab-moons-8x8-tanh-<id>.csv."""
    widths = "x".join(map(str, run.experiment.model.widths[:6])) or "linear"
    return f"nnlab-{run.experiment.data.name}-{widths}-{run.experiment.model.activation}-{run.id}{end}"
