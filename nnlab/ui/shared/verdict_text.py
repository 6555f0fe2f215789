"""A verdict as a sentence with the figures it rests on."""

import math

from nnlab.analysis.diagnosis import Diagnosis, diagnose
from nnlab.lab import Lab
from nnlab.spec import Experiment
from nnlab.store import Run
from nnlab.ui.shared.cache import curves_size, once_per_epoch
from nnlab.ui.shared.labels import VERDICTS
from nnlab.ui.shell.text import Text, Texts, mark

REASONS: Texts = {
    "": "it learned the training data ({train}) and does about as well on data it has not seen ({held_out}).",
    "loss_not_finite": "the loss became infinite or undefined{in_seeds}.",
    "loss_ran_away": "the loss kept growing{in_seeds}: it ended at {loss} times the loss of guessing.",
    "some_seeds_diverged": "the loss kept growing{in_seeds}, but not in the others.",
    "seeds_disagree": "the seeds end far apart (standard deviation {deviation}): the random start matters more than "
    "the training.",
    "loss_jumps": "the loss still jumps at the end, in one epoch of four by {jump} of its value or more; a lower "
    "learning rate would help.",
    "loss_peaks": "the loss jumps until late, in between to {peak} times what it is before and after; a lower "
    "learning rate would help.",
    "loss_above_guessing": "its loss is {loss} times the loss of guessing: it is far too confident where it is wrong "
    "(correct: {train}).",
    "gap": "it does clearly better on the training data ({train}) than on data it has not seen ({held_out}): a gap of "
    "{gap}.",
    "validation_turned": "its validation loss ended {rise} above its minimum in epoch {turn}, while the training loss "
    "kept falling.",
    "guesses": "it does no better ({train}) than always predicting the most frequent class ({guess}).",
    "hardly_learned": "on data it has not seen ({held_out}) it does no better than always predicting the most frequent "
    "class ({guess}), and it has hardly learned the training data ({train}); perhaps the inputs say nothing of the "
    "class.",
    "below_reference": "it reaches {train} on the training data; a simple method without a network reaches "
    "{reference}.",
    "still_learning": "it was still improving when it ended ({late} in the last fifth of the epochs); more epochs "
    "would help.",
    "vanishing_gradients": "the gradient vanishes on its way back; at the start it is {fade} times smaller in the "
    "first layer than in the last.",
    "no_gradient": "no gradient at all reaches the first layer.",
    "exploding_gradients": "the gradient explodes on its way back; it grows {growth} times.",
    "dead_units": "{dead} of the {units} units of layer {layer} are dead: their output is the same for every input.",
}
"""By reason; `_figures` has the values of the places."""

UNCHECKED = mark("it learned the training data ({train}); its score on new samples was not measured.")

SHORT: Texts = {
    "vanishing_gradients": "vanishing gradients",
    "exploding_gradients": "exploding gradients",
    "dead_units": "dead units",
}

NOTES: Texts = {
    "vanishing_gradients": "At the start its gradient is {fade} times smaller in the first layer than in the last.",
    "no_gradient": "At the start no gradient reaches the first layer.",
    "exploding_gradients": "Its gradient grows {growth} times on its way back.",
    "dead_units": "{dead} of the {units} units of layer {layer} are dead.",
    "dead_share": "{dead_share} of its units are dead.",
    "dead_layers": "In {dead_layers} of {seeds} seeds all units of a layer are dead.",
}


@once_per_epoch(curves_size)
def verdict_of(lab: Lab, run: Run) -> Diagnosis:
    """The diagnosis of a run."""
    return diagnose(lab.metrics(run.id), run.results, run.experiment)


def verdict_words(diagnosis: Diagnosis, t: Text) -> str:
    """A few words for a table's cell: "◔ underfits: vanishing gradients (one seed)"; empty without a verdict."""
    word, icon, *_ = VERDICTS[diagnosis.verdict]
    reason = f": {t(SHORT[diagnosis.reason])}" if diagnosis.reason in SHORT else ""
    tentative = f" ({t('one seed')})" if diagnosis.tentative else ""
    return f"{icon} {t(word)}{reason}{tentative}".strip()


def verdict_sentence(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> str:
    """Icon, verdict and reason as one line of Markdown; empty without a verdict."""
    if not diagnosis.verdict:
        return ""
    _, icon, sure, tentative = VERDICTS[diagnosis.verdict]
    return f"{icon} **{t(tentative if diagnosis.tentative else sure)}**: {reason_words(diagnosis, experiment, t)}"


def reason_words(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> str:
    """The reason of a verdict with its figures: the cause, what the curves show, and what else the network shows;
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
        sentences.append(t("It learned nevertheless."))
    return " ".join([sentences[0], *(sentence[0].upper() + sentence[1:] for sentence in sentences[1:])])


def _figures(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> dict[str, str]:
    """Every figure as a text; empty if it is missing."""
    known = diagnosis.figures
    classes = experiment.score == "accuracy"

    def percent(name: str, digits: int = 1) -> str:
        value = known.get(name, math.nan)
        return f"{t.number(100 * value, 2)} %" if value > 100 else t.percent(value, digits)

    def fit(name: str) -> str:
        """Accuracy, or the explained share of the variance (at least 0)."""
        if name not in known:
            return ""
        share = t.percent(max(0.0, known[name]))
        return share if classes else t("{share} of the variance", share=share)

    def points(name: str) -> str:
        """A difference of two fits."""
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

    lost, seeds = known.get("diverged", 0), known["seeds"]
    late = points("late_gain") if classes else t("{share} of its loss", share=percent("late_fall"))
    return {
        **{name: fit(name) for name in ("train", "reference", "guess")},
        **{name: points(name) for name in ("gap", "deviation")},
        **{name: percent(name, 0) for name in ("jump", "rise", "dead_share")},
        **{name: t.whole(known.get(name, 0)) for name in ("seeds", "turn", "dead", "units", "layer", "dead_layers")},
        "held_out": fit("validation"),
        "late": late,
        "in_seeds": t(" in {k} of {seeds} seeds", k=t.whole(lost), seeds=t.whole(seeds)) if seeds > 1 else "",
        "loss": times(known.get("loss", math.nan)),
        "fade": times(1 / (known.get("gradient_start") or math.nan)),
        "peak": times(known.get("peak", math.nan)),
        "growth": times(max(known.get("growth_start", 0), known.get("growth_end", 0))),
    }
