"""What to try against a verdict: one change of the experiment and its name. docs/diagnosis.md has the trials."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.diagnosis import Diagnosis
from nnlab.spec import Experiment, LayerSpec
from nnlab.ui.shell.text import Text, mark

Change = tuple[str, dict[str, Any]]
"""What the change is called, and the fields it sets."""

PLAIN_DEPTH = 10
"""Hidden layers up to which a network without normalisation and skip connections learns, given a good start."""


def remedy(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> tuple[str, Experiment] | None:
    """The one change to try first: its name and the changed experiment; None if the verdict needs none."""
    change = _change(diagnosis, experiment)
    if change is None:
        return None
    words, fields = change
    return t(words, value=t.number(fields.get("train.l2"), 1)), experiment.set(fields)


def _change(diagnosis: Diagnosis, experiment: Experiment) -> Change | None:
    figures, train = diagnosis.figures, experiment.train
    match diagnosis.reason:
        case "vanishing_gradients":
            return _against_vanishing(experiment)
        case "exploding_gradients":
            return _against_exploding(experiment, figures)
        case "dead_units":
            return _against_dead_units(experiment, figures)
        case "still_learning":
            return mark("Try twice as many epochs"), {"train.epochs": min(100_000, 2 * train.epochs)}
    match diagnosis.verdict:
        case "diverged":
            return _lower_rate(experiment)
        case "unstable":
            return mark("Try a third of the learning rate"), {"train.lr": _rate(train.lr / 3)}
        case "overfits":
            return _L2, {"train.l2": min(10.0, max(0.01, 3 * train.l2))}
        case "underfits":
            return _more_freedom(experiment)
    return None


_L2 = mark("Try it with L2 {value}")
_KAIMING: Change = (mark("Try Kaiming initialisation"), {"model.init": "kaiming"})
_NORM_AND_SKIP = {"model.norm": "batch", "model.residual": True}
_LIKE_RELU = ("relu", "leaky_relu", "elu", "gelu", "silu")


def _against_vanishing(experiment: Experiment) -> Change:
    model = experiment.model
    if model.activation not in _LIKE_RELU:
        return mark("Try ReLU with Kaiming initialisation"), {"model.activation": "relu", "model.init": "kaiming"}
    if model.init != "kaiming" and model.depth <= PLAIN_DEPTH:
        return _KAIMING
    return _steadier_gradient(experiment) or _more_freedom(experiment)


def _against_exploding(experiment: Experiment, figures: Mapping[str, float]) -> Change:
    if figures.get("growth_start", 0) < figures.get("growth_end", 0):
        return _lower_rate(experiment)
    return _KAIMING if experiment.model.init == "normal" else _steadier_gradient(experiment) or _lower_rate(experiment)


def _steadier_gradient(experiment: Experiment) -> Change | None:
    """Batch normalisation, in deep networks together with skip connections: there each alone lets the gradient grow
    with depth (Yang et al. 2019; Zhang et al. 2019). None if the network has both."""
    model = experiment.model
    if model.depth > PLAIN_DEPTH and not model.residual:
        return mark("Try it with batch normalisation and skip connections"), _NORM_AND_SKIP
    if model.norm != "batch":
        return mark("Try it with batch normalisation"), {"model.norm": "batch"}
    return None if model.residual else (mark("Try it with skip connections"), _NORM_AND_SKIP)


def _against_dead_units(experiment: Experiment, figures: Mapping[str, float]) -> Change:
    dead_at_start = figures.get("dead_start", 0) >= figures["dead"] / figures["units"]
    if dead_at_start and experiment.model.activation == "relu":
        return mark("Try leaky ReLU"), {"model.activation": "leaky_relu"}
    return _lower_rate(experiment)


def _lower_rate(experiment: Experiment) -> Change:
    return mark("Try a tenth of the learning rate"), {"train.lr": _rate(experiment.train.lr / 10)}


def _rate(value: float) -> float:
    return max(1e-7, float(f"{value:.3g}"))


def _more_freedom(experiment: Experiment) -> Change:
    """Less regularisation; without any, a wider network."""
    model, train = experiment.model, experiment.train
    if train.l2 >= 0.01:
        return _L2, {"train.l2": train.l2 / 10}
    if model.dropout >= 0.3:
        return mark("Try half the dropout"), {"model.dropout": model.dropout / 2}
    wider = [
        layer.model_copy(update={"width": min(4096, 2 * layer.width)}).model_dump(exclude_none=True)
        if isinstance(layer, LayerSpec)
        else min(4096, 2 * layer)
        for layer in model.hidden
    ]
    return mark("Try a network twice as wide"), {"model.hidden": wider or [8]}
