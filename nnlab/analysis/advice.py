"""What to try against a verdict: changes of the experiment, the likeliest to help first.

`benchmarks.advice` applies the first piece of advice to many experiments and trains them again."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.analysis.diagnosis import Diagnosis
from nnlab.spec import Experiment, LayerSpec
from nnlab.spec.errors import SpecError

ADVICE: Mapping[str, str] = {
    "relu_kaiming": "Try ReLU with Kaiming initialisation",
    "relu": "Try ReLU as the activation",
    "leaky_relu": "Try leaky ReLU",
    "kaiming": "Try Kaiming initialisation",
    "xavier": "Try Xavier initialisation",
    "batch_norm": "Try it with batch normalisation",
    "batch_norm_and_skip": "Try it with batch normalisation and skip connections",
    "skip": "Try it with skip connections",
    "hidden_layer": "Try a hidden layer",
    "wider": "Try a wider network",
    "lower_rate": "Try a tenth of the learning rate",
    "adam": "Try Adam with a learning rate of 0.01",
    "more_epochs": "Try twice as many epochs",
    "less_l2": "Try a tenth of the L2",
    "less_dropout": "Try half the dropout",
    "early_stopping": "Try early stopping",
    "more_samples": "Try twice as many samples",
    "l2": "Try it with L2 {value}",
}
"""Every piece of advice in English; the dashboard translates these sentences."""

PLAIN_DEPTH = 10
"""Hidden layers up to which a network without normalisation and skip connections learns, given a good start."""

_LIKE_RELU = ("relu", "leaky_relu", "elu", "gelu", "silu")


@dataclass(frozen=True)
class Advice:
    """One thing to try."""

    name: str  # a key of ADVICE
    changes: Mapping[str, Any]  # for `Experiment.set`

    def __str__(self) -> str:
        return ADVICE[self.name].format(value=f"{self.changes.get('train.l2', 0):g}")


def advise(diagnosis: Diagnosis, experiment: Experiment, worse: Collection[Experiment] = ()) -> Advice | None:
    """The first thing to try, or None: where nothing is wrong, or nothing known would help.

    Parameters
    ----------
    worse : collection of Experiment
        Those that have shown themselves to be worse, as cells of the same comparison: none of them is advised.
    """
    known = {experiment.key, *(one.key for one in worse)}
    for advice in _candidates(diagnosis, experiment):
        try:
            if experiment.set(advice.changes).key not in known:
                return advice
        except SpecError:  # beyond a limit, or against another field
            continue
    return None


def _candidates(diagnosis: Diagnosis, experiment: Experiment) -> Iterator[Advice]:
    figures, optimizer = diagnosis.figures, experiment.train.optimizer
    match diagnosis.reason:
        case "vanishing_gradients":
            yield from _against_vanishing(experiment)
        case "exploding_gradients" if figures.get("growth_start", 0) >= figures.get("growth_end", 0):
            yield from _against_exploding(experiment)
        case "dead_units" if figures.get("dead_start", 0) >= figures["dead"] / figures["units"]:
            yield Advice("leaky_relu", _in_all_layers(experiment, activation="leaky_relu"))
        case "loss_not_finite" if optimizer in ("sgd", "momentum", "nesterov"):
            yield Advice("adam", {"train.optimizer": "adam", "train.lr": 0.01})  # its steps have the size of the rate
        case "seeds_disagree":
            yield from _better_start(experiment)
        case "still_learning":
            yield _more_epochs(experiment)
    match diagnosis.verdict:
        case "diverged" | "unstable":
            yield _lower_rate(experiment)
        case "overfits":
            yield from _less_freedom(experiment)
        case "underfits":
            yield from _what_is_missing(experiment)
            if diagnosis.reason != "hardly_learned":  # else the inputs may say nothing of the labels
                yield from _more_freedom(experiment, diagnosis)


def _against_vanishing(experiment: Experiment) -> Iterator[Advice]:
    if not _like_relu(experiment):
        yield Advice("relu_kaiming", {"model.init": "kaiming", **_in_all_layers(experiment, activation="relu")})
    elif experiment.model.depth <= PLAIN_DEPTH:
        yield Advice("kaiming", {"model.init": "kaiming"})
    yield from _steadier_gradient(experiment)


def _against_exploding(experiment: Experiment) -> Iterator[Advice]:
    if experiment.model.init == "normal":
        yield Advice("kaiming", {"model.init": "kaiming"})
    yield from _steadier_gradient(experiment)


def _steadier_gradient(experiment: Experiment) -> Iterator[Advice]:
    """Batch normalisation, in deep networks together with skip connections: there each alone lets the gradient grow
    with depth (Yang et al. 2019; Zhang et al. 2019)."""
    hidden, both = experiment.layers[:-1], _in_all_layers(experiment, norm="batch", residual=True)
    can_skip = any(layer.inputs == layer.width and not layer.residual for layer in hidden)
    if len(hidden) > PLAIN_DEPTH and can_skip:
        yield Advice("batch_norm_and_skip", both)
    elif any(layer.norm != "batch" for layer in hidden):
        yield Advice("batch_norm", _in_all_layers(experiment, norm="batch"))
    if can_skip:
        yield Advice("skip", both)


def _better_start(experiment: Experiment) -> Iterator[Advice]:
    """The initialisation that suits the activation; then more units, of which some start well."""
    suits = "kaiming" if _like_relu(experiment) else "xavier"
    yield Advice(suits, {"model.init": suits})
    yield from _wider(experiment)


def _lower_rate(experiment: Experiment) -> Advice:
    return Advice("lower_rate", {"train.lr": _rate(experiment.train.lr / 10)})


def _rate(value: float) -> float:
    return max(1e-7, float(f"{value:.3g}"))


def _more_epochs(experiment: Experiment) -> Advice:
    return Advice("more_epochs", {"train.epochs": min(100_000, 2 * experiment.train.epochs)})


def _less_freedom(experiment: Experiment) -> Iterator[Advice]:
    train, data = experiment.train, experiment.data
    if not train.patience:
        yield Advice("early_stopping", {"train.patience": max(3, min(10, train.epochs // 5))})
    if data.n_samples < data.max_samples:
        more = experiment.vary("n_samples", min(2 * data.n_samples, data.max_samples)).data
        yield Advice(
            "more_samples", {f"data.{name}": getattr(more, name) for name in ("n_samples", "validation", "test")}
        )
    yield Advice("l2", {"train.l2": min(10.0, max(0.01, 3 * train.l2))})


def _what_is_missing(experiment: Experiment) -> Iterator[Advice]:
    """What no network learns without, if classes cannot be told apart by a line."""
    if not experiment.model.hidden:
        yield Advice("hidden_layer", {"model.hidden": [16]})
    elif not _bends(experiment):
        yield Advice("relu", _in_all_layers(experiment, activation="relu"))


def _more_freedom(experiment: Experiment, diagnosis: Diagnosis) -> Iterator[Advice]:
    """Less regularisation, another start, shorter steps where they killed units; a wider network; more epochs."""
    model, train = experiment.model, experiment.train
    if train.l2 >= 0.01:
        yield Advice("less_l2", {"train.l2": train.l2 / 10})
    if any(layer.dropout >= 0.3 for layer in experiment.layers):
        halved = _hidden(experiment, lambda layer: {"dropout": layer.dropout and layer.dropout / 2})
        yield Advice("less_dropout", {"model.dropout": model.dropout / 2, "model.hidden": halved})
    if model.init == "zeros":
        yield Advice("kaiming", {"model.init": "kaiming"})
    if diagnosis.reason in ("dead_units", "exploding_gradients"):
        yield _lower_rate(experiment)
    yield from _wider(experiment)
    yield _more_epochs(experiment)


def _like_relu(experiment: Experiment) -> bool:
    return all(layer.activation in _LIKE_RELU for layer in experiment.layers[:-1])


def _in_all_layers(experiment: Experiment, **settings: Any) -> dict[str, Any]:
    """The changes that give every hidden layer these settings, also those that have others of their own."""
    common = {f"model.{name}": value for name, value in settings.items()}
    return {"model.hidden": _hidden(experiment, lambda layer: dict.fromkeys(settings)), **common}


def _hidden(experiment: Experiment, change: Callable[[LayerSpec], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The hidden layers with the settings of each changed."""
    layers = (layer if isinstance(layer, LayerSpec) else LayerSpec(width=layer) for layer in experiment.model.hidden)
    return [layer.model_copy(update=change(layer)).model_dump(exclude_none=True) for layer in layers]


def _bends(experiment: Experiment) -> bool:
    """Whether a hidden layer has an activation: without any, a network of any size is a line."""
    return any(layer.activation != "none" for layer in experiment.layers[:-1])


def _wider(experiment: Experiment) -> Iterator[Advice]:
    """Twice as many units a layer, 8 at least."""
    if _bends(experiment):
        wider = _hidden(experiment, lambda layer: {"width": min(4096, max(8, 2 * layer.width))})
        yield Advice("wider", {"model.hidden": wider})
