"""The verdict on a fit in words: what is the case, the figures it rests on, and what to try now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from nnlab.analysis.diagnosis import Diagnosis, diagnose
from nnlab.lab import Lab
from nnlab.spec import Experiment, LayerSpec, seeds_text
from nnlab.store import Run
from nnlab.ui.shared.labels import VERDICTS
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, mark

IT: Mapping[str, str] = {
    "underfits": mark("It underfits"),
    "fits": mark("It fits"),
    "overfits": mark("It overfits"),
    "diverged": mark("It diverged"),
    "unstable": mark("It is unstable"),
}

REASONS: Mapping[str, str] = {
    "": mark("it learned the training data ({train}) and does about as well on data it has not seen ({held_out})."),
    "loss_not_finite": mark("the loss left the range of numbers{in_seeds}."),
    "loss_ran_away": mark("the loss ran away{in_seeds}: it ended at {loss} times that of a blind guess."),
    "some_seeds_diverged": mark("the loss ran away{in_seeds}, in the others it did not."),
    "seeds_disagree": mark(
        "the seeds end far apart (standard deviation {deviation}): the start decides more than the training."
    ),
    "loss_jumps": mark(
        "the loss still jumps at the end, within an epoch by {jump} of a blind guess's; shorter steps would calm it."
    ),
    "loss_above_guessing": mark(
        "its loss is {loss} times that of a blind guess: it is far too sure where it is wrong (right: {train})."
    ),
    "gap": mark(
        "it does clearly better on the training data ({train}) than on data it has not seen ({held_out}): "
        "a gap of {gap}."
    ),
    "validation_turned": mark(
        "its validation loss ended {rise} above its lowest, in epoch {turn}, while the training loss fell on."
    ),
    "guesses": mark("it does no better ({train}) than always naming the commonest class ({guess})."),
    "below_reference": mark("it reaches {train} on the training data; a simple method without a network, {reference}."),
    "still_learning": mark(
        "it was still getting better when it ended ({late} in the last fifth of the epochs); more epochs would help."
    ),
    "vanishing_gradients": mark(
        "the gradient fades on its way back; "
        "at the start it is {fade} times smaller in the first layer than in the last."
    ),
    "no_gradient": mark("no gradient at all reaches the first layer."),
    "exploding_gradients": mark("the gradient explodes on its way back; it grows {growth} times."),
    "dead_units": mark("{dead} of the {units} units of layer {layer} are dead; they say the same whatever the input."),
}
"""By reason; filled in by `_figures`."""

UNCHECKED = mark("it learned the training data ({train}); how it does on new samples was not measured.")

SHORT: Mapping[str, str] = {
    "vanishing_gradients": mark("vanishing gradients"),
    "exploding_gradients": mark("exploding gradients"),
    "dead_units": mark("dead units"),
}

NOTES: Mapping[str, str] = {
    "vanishing_gradients": mark(
        "At the start its gradient is {fade} times smaller in the first layer than in the last."
    ),
    "no_gradient": mark("At the start no gradient reaches the first layer."),
    "exploding_gradients": mark("Its gradient grows {growth} times on its way back."),
    "dead_units": mark("{dead} of the {units} units of layer {layer} are dead."),
    "dead_share": mark("{dead_share} of its units are dead."),
    "dead_layers": mark("In {dead_layers} of {seeds} seeds all units of a layer are dead."),
}


@st.cache_data(max_entries=256, show_spinner=False)
def verdict_of(run_id: str, epoch: int, state: str, _lab: Lab, _run: Run) -> Diagnosis:
    """The diagnosis of a run, computed once for everybody who looks on."""
    del epoch, state
    return diagnose(_lab.metrics(run_id), _run.results, _run.experiment)


def verdict_words(diagnosis: Diagnosis, t: Text) -> str:
    """A few words for a table's cell: "◔ underfits: vanishing gradients"; empty without a verdict."""
    word, icon = VERDICTS[diagnosis.verdict]
    reason = f": {t(SHORT[diagnosis.reason])}" if diagnosis.reason in SHORT else ""
    return f"{icon} {t(word)}{reason}".strip()


def verdict_sentence(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> str:
    """Icon, verdict and reason as one line of Markdown; empty without a verdict."""
    if not diagnosis.verdict:
        return ""
    icon = VERDICTS[diagnosis.verdict][1]
    return f"{icon} **{t(IT[diagnosis.verdict])}**: {reason_words(diagnosis, experiment, t)}"


def reason_words(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> str:
    """Why, with the figures it rests on: the cause and what the curves show, and after them what else was seen inside;
    empty without a verdict."""
    if not diagnosis.verdict:
        return ""
    figures = _figures(diagnosis, experiment, t)
    gone = diagnosis.figures.get("gradient_start") == 0

    def named(finding: str) -> str:
        return "no_gradient" if finding == "vanishing_gradients" and gone else finding

    unchecked = not diagnosis.rule and not figures["held_out"]
    sentences = [t(REASONS[named(diagnosis.cause)], **figures)] if diagnosis.cause else []
    sentences.append(t(UNCHECKED if unchecked else REASONS[diagnosis.rule], **figures))
    sentences += [t(NOTES[named(note)], **figures) for note in diagnosis.notes]
    if diagnosis.notes and diagnosis.verdict in ("fits", "overfits"):
        sentences.append(t("It learned all the same."))
    return " ".join([sentences[0], *(sentence[0].upper() + sentence[1:] for sentence in sentences[1:])])


def _figures(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> dict[str, str]:
    """Every figure as it is read; empty where there is none."""
    known = diagnosis.figures
    classes = experiment.score == "accuracy"

    def percent(name: str, digits: int = 1) -> str:
        value = known.get(name, math.nan)
        return f"{t.number(100 * value, 2)} %" if value > 100 else t.percent(value, digits)

    def fit(name: str) -> str:
        """Accuracy, or the share of the variance that is explained: none where it is worse than the mean."""
        if name not in known:
            return ""
        share = t.percent(max(0.0, known[name]))
        return share if classes else t("{share} of the variance", share=share)

    def points(name: str) -> str:
        """A difference of fits."""
        if name not in known:
            return ""
        if classes:
            return t("{n} points", n=t.number(100 * known[name], 2))
        return t("{share} of the variance", share=percent(name))

    def times(value: float) -> str:
        """Two digits: 4,000."""
        if value >= 1e6:
            return t("over a million")
        return t.whole(float(f"{value:.1e}")) if value >= 10 else t.number(value, 2)

    lost, seeds = int(known.get("diverged", 0)), int(known["seeds"])
    late = points("late_gain") if classes else t("{share} of its loss", share=percent("late_fall"))
    return {
        "train": fit("train"),
        "held_out": fit("validation") or fit("test"),
        "reference": fit("reference"),
        "guess": fit("guess"),
        "gap": points("gap"),
        "deviation": points("deviation"),
        "late": late,
        "in_seeds": t(" in {k} of {seeds} seeds", k=t.whole(lost), seeds=t.whole(seeds)) if seeds > 1 else "",
        "seeds": t.whole(seeds),
        "loss": times(known.get("loss", math.nan)),
        "jump": percent("jump", 0),
        "rise": percent("rise", 0),
        "turn": t.whole(known.get("turn", 0)),
        "fade": times(1 / (known.get("gradient_start") or math.nan)),
        "growth": times(max(known.get("growth_start", 0), known.get("growth_end", 0))),
        "dead": t.whole(known.get("dead", 0)),
        "units": t.whole(known.get("units", 0)),
        "layer": t.whole(known.get("layer", 0)),
        "dead_share": percent("dead_share", 0),
        "dead_layers": t.whole(known.get("dead_layers", 0)),
    }


# -- what to try -----------------------------------------------------------------------------------------------------


def remedy(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> tuple[str, Experiment] | None:
    """The one change to try first, in words and made; None where all is well."""
    cures = {
        "vanishing_gradients": _against_vanishing,
        "exploding_gradients": _against_exploding,
        "dead_units": _against_dead_units,
        "still_learning": _longer,
        "diverged": _slower,
        "unstable": _calmer,
        "overfits": _regularised,
        "underfits": _freer,
    }
    cure = cures.get(diagnosis.reason) or cures.get(diagnosis.verdict)
    if cure is None:
        return None
    words, changes = cure(experiment, diagnosis.figures, t)
    return words, experiment.set(changes)


def remedy_link(page: Page, run: Run, diagnosis: Diagnosis) -> None:
    """A link that opens Build with the one change to try first; nothing where all is well."""
    tried = remedy(diagnosis, run.experiment, page.t)
    if tried is None:
        return
    words, experiment = tried
    link = {**experiment.to_query(), "seeds": seeds_text(run.seeds)}
    page.link("build", words, link, icon=":material/lightbulb:")


_Figures = Mapping[str, float]
_Cure = tuple[str, dict[str, Any]]
_LIKE_RELU = ("relu", "leaky_relu", "elu", "gelu", "silu")


def _against_vanishing(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    model = experiment.model
    if model.activation not in _LIKE_RELU:
        words = t("Try ReLU with Kaiming initialisation")
        return words, {"model.activation": "relu", "model.init": "kaiming"}
    if model.init != "kaiming" and model.depth <= _PLAIN:
        return t("Try Kaiming initialisation"), {"model.init": "kaiming"}
    return _kept_in_bounds(experiment, t) or _freer(experiment, figures, t)


def _against_exploding(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    if figures.get("growth_start", 0) >= figures.get("growth_end", 0):
        if experiment.model.init == "normal":
            return t("Try Kaiming initialisation"), {"model.init": "kaiming"}
        if cure := _kept_in_bounds(experiment, t):
            return cure
    return _slower(experiment, figures, t)


_PLAIN = 10
"""Hidden layers up to which a plain network learns when it starts well; docs/diagnosis.md has the trials."""


def _kept_in_bounds(experiment: Experiment, t: Text) -> _Cure | None:
    """Batch normalisation, in deep networks together with residual connections: there each alone lets the gradient
    grow with depth (Yang et al. 2019; Zhang et al. 2019). None where all is there already."""
    model = experiment.model
    if model.depth > _PLAIN and not model.residual:
        return t("Try it with batch normalisation and residual connections"), _BOTH
    if model.norm != "batch":
        return t("Try it with batch normalisation"), {"model.norm": "batch"}
    return None if model.residual else (t("Try it with residual connections"), _BOTH)


_BOTH = {"model.norm": "batch", "model.residual": True}


def _against_dead_units(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    born_dead = figures.get("dead_start", 0) >= figures["dead"] / figures["units"]
    if born_dead and experiment.model.activation == "relu":
        return t("Try leaky ReLU"), {"model.activation": "leaky_relu"}
    return _slower(experiment, figures, t)


def _slower(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    del figures
    return t("Try a tenth of the learning rate"), {"train.lr": _rate(experiment.train.lr / 10)}


def _calmer(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    del figures
    return t("Try a third of the learning rate"), {"train.lr": _rate(experiment.train.lr / 3)}


def _rate(value: float) -> float:
    return max(1e-7, float(f"{value:.3g}"))


def _regularised(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    del figures
    l2 = min(10.0, max(0.01, 3 * experiment.train.l2))
    return t("Try it with L2 {value}", value=t.number(l2, 1)), {"train.l2": l2}


def _longer(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    del figures
    return t("Try twice as many epochs"), {"train.epochs": min(100_000, 2 * experiment.train.epochs)}


def _freer(experiment: Experiment, figures: _Figures, t: Text) -> _Cure:
    """Less of what holds it back, else more of a network."""
    del figures
    model, train = experiment.model, experiment.train
    if train.l2 >= 0.01:
        return t("Try it with L2 {value}", value=t.number(train.l2 / 10, 1)), {"train.l2": train.l2 / 10}
    if model.dropout >= 0.3:
        return t("Try half the dropout"), {"model.dropout": model.dropout / 2}
    return t("Try a network twice as wide"), _wider(experiment)


def _wider(experiment: Experiment) -> dict[str, Any]:
    if not experiment.model.hidden:
        return {"model.hidden": [8]}
    return {
        "model.hidden": [
            layer.model_copy(update={"width": min(4096, 2 * layer.width)}).model_dump(exclude_none=True)
            if isinstance(layer, LayerSpec)
            else min(4096, 2 * layer)
            for layer in experiment.model.hidden
        ]
    }
