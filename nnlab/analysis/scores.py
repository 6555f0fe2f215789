"""Loss and scores of trained networks on a part of the data, and of simple methods for comparison."""

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np

from nnlab.analysis.design import Design
from nnlab.analysis.gradient_health import measure
from nnlab.analysis.predictions import by_set, join_sets, labels, logits_in_chunks, replicate
from nnlab.analysis.statistics import Interval, interval
from nnlab.datasets import PARTS, Dataset, PartName, load_dataset, mnist
from nnlab.engines.base import Array, Floats, Weights
from nnlab.spec import DataSpec, Experiment


def evaluate(experiment: Experiment, weights: Weights, dataset: Dataset, part: PartName) -> dict[str, Floats] | None:
    """Loss and scores of every replicate on one part of the data, in evaluation mode.

    Parameters
    ----------
    weights : dict of arrays (replicates, ...)
    dataset : Dataset
        Every replicate is scored on the part of its own set.

    Returns
    -------
    dict of arrays (replicates,), or None
        For classes `loss` and `accuracy` (0 to 1; a prediction of nan counts as wrong). For regression `loss`, `mse`,
        `mae` and `r2` (1 - squared error / squared deviation from the mean; nan where all targets are equal).
        None where the part is empty.
    """
    if dataset.sets:
        each = [evaluate(experiment, own, one, part) for own, one in by_set(weights, dataset)]
        present = [one for one in each if one is not None]
        return {name: join_sets([one[name] for one in present]) for name in present[0]} if present else None
    samples = getattr(dataset, part)
    if len(samples) == 0:
        return None
    each_sample = sample_scores(experiment, weights, dataset, part)
    with np.errstate(over="ignore", invalid="ignore"):  # weights that diverged give inf and nan, as they should
        figures = {name: values.mean(axis=1) for name, values in each_sample.items()}
        if experiment.task == "regression":
            spread = np.var(np.asarray(samples.y, float))
            figures["r2"] = 1 - figures["mse"] / spread if spread > 0 else np.full_like(figures["mse"], np.nan)
    return figures


def sample_scores(experiment: Experiment, weights: Weights, dataset: Dataset, part: PartName) -> dict[str, Array]:
    """Loss and scores (replicates, n) of every sample of one part, which all replicates share: for classes `loss` and
    `accuracy` (true where the prediction is right), for regression `loss`, `mse` and `mae`."""
    samples = getattr(dataset, part)
    with np.errstate(over="ignore", invalid="ignore"):
        figures_of = _errors if experiment.task == "regression" else _class_scores
        chunks = logits_in_chunks(experiment, weights, dataset, samples.x)
        pieces = [figures_of(logits, samples.y[rows]) for rows, logits in chunks]
    return {name: np.concatenate([one[name] for one in pieces], axis=1) for name in pieces[0]}


def stored_results(
    experiment: Experiment, dataset: Dataset, start: Weights, final: Weights, parts: Sequence[PartName] = PARTS
) -> dict[str, Any]:
    """The results of a training as a finished run stores them in JSON, with None for what is not finite: for each of
    the `parts` the figures of `evaluate` over the replicates, and as `signals` the gradient health `before` and `after`
    training. `start` and `final` are the weights (replicates, ...) then. Where all replicates share the validation
    part, its samples' scores are there too, see `sample_outcomes`."""
    results: dict[str, Any] = dict.fromkeys(PARTS)
    for part in parts:
        if figures := evaluate(experiment, final, dataset, part):
            results[part] = {
                name: [x if math.isfinite(x) else None for x in values.tolist()] for name, values in figures.items()
            }
    if results["validation"] and not dataset.sets and experiment.data.per_seed == "weights":
        each = sample_scores(experiment, final, dataset, "validation")[experiment.score]
        results["outcomes"] = [_packed(one) for one in each]
    before, after = (measure(experiment, weights, dataset).as_lists() for weights in (start, final))
    return results | {"signals": {"before": before, "after": after}}


def _packed(scores: Array) -> str:
    """The scores (n,) of one replicate as text: a bit a sample where they are right or wrong, else float32."""
    numbers: Array = np.packbits(scores) if scores.dtype == bool else scores.astype("<f4")
    return b64encode(numbers.tobytes()).decode()


def packed_outcomes(results: Mapping[str, Any] | None) -> Sequence[str] | None:
    """The scores of the validation samples that all replicates share, packed: a text a replicate; None where they are
    not there. The store gives a function that reads them: they may take half a megabyte a run."""
    packed = (results or {}).get("outcomes")
    found: Sequence[str] | None = packed() if callable(packed) else packed
    return found or None


class SampleScores(Sequence[Floats]):
    """The scores (replicates, n) of `sample_outcomes`, of which one replicate is unpacked at a time."""

    def __init__(self, packed: Sequence[str], experiment: Experiment) -> None:
        self._packed, self._n, self._score = packed, experiment.data.sizes[1], experiment.score

    @classmethod
    def of(cls, results: Mapping[str, Any] | None, experiment: Experiment) -> Self | None:
        packed = packed_outcomes(results)
        return None if packed is None else cls(packed, experiment)

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, replicate: Any) -> Any:
        content = b64decode(self._packed[replicate])
        if self._score == "accuracy":
            return np.unpackbits(np.frombuffer(content, np.uint8), count=self._n).astype(float)
        return np.frombuffer(content, "<f4").astype(float)


def sample_outcomes(results: Mapping[str, Any] | None, experiment: Experiment) -> Floats | None:
    """The scores (replicates, n) of the validation samples that all replicates share; None where they are not there."""
    each = SampleScores.of(results, experiment)
    return None if each is None else np.array(list(each))


def final_scores(results: Mapping[str, Any] | None, part: str, name: str) -> Floats:
    """One figure (replicates,) of one part, from `stored_results`; empty where it is missing."""
    values = ((results or {}).get(part) or {}).get(name)
    return np.empty(0) if values is None else np.array(values, float)  # None becomes nan


def score_interval(experiment: Experiment, results: Mapping[str, Any] | None, part: PartName, name: str) -> Interval:
    """The mean of one figure of one part over the replicates, with its interval."""
    each = sample_outcomes(results, experiment) if part == "validation" and name == experiment.score else None
    return interval(final_scores(results, part, name), Design.of(experiment, part, name), each)


def confusion(
    experiment: Experiment,
    weights: Weights,
    dataset: Dataset,
    part: PartName = "validation",
    seed_index: int | None = None,
) -> Floats:
    """The confusion matrix (classes, classes): how many samples of class i (row) were predicted as class j (column).

    It is that of the replicate in place `seed_index`, or the mean over all of them; the sum is the number of samples.
    Raises ValueError for regression."""
    if experiment.task == "regression":
        raise ValueError("confusion: got an experiment with numbers to predict, allowed is one with classes.")
    weights, dataset = replicate(weights, dataset, seed_index)
    if dataset.sets:
        each = [confusion(experiment, own, one, part) for own, one in by_set(weights, dataset)]
        return np.asarray(np.mean(each, axis=0))
    counts = np.zeros((experiment.data.classes, experiment.data.classes))
    samples = getattr(dataset, part)
    for rows, logits in logits_in_chunks(experiment, weights, dataset, samples.x):
        predicted = labels(logits, boundary=0)  # (replicates, n)
        np.add.at(counts, (np.broadcast_to(samples.y[rows], predicted.shape), predicted), 1)
    return counts / len(weights["0.bias"])


def _class_scores(logits: Floats, y: Array) -> dict[str, Array]:
    """Cross-entropy, and whether the predicted class is right: (replicates, n) each."""
    from scipy.special import log_softmax

    if logits.shape[-1] == 1:
        z = logits[..., 0]  # (replicates, n)
        losses = np.logaddexp(0, np.where(y == 1, -z, z))  # -log sigmoid(±z) = log(1 + exp(∓z))
    else:
        losses = -log_softmax(logits, axis=-1)[:, np.arange(len(y)), y]
    return {"loss": losses, "accuracy": (labels(logits, boundary=0) == y) & ~np.isnan(logits).any(axis=2)}


def _errors(logits: Floats, y: Array) -> dict[str, Array]:
    """Squared error, twice, and absolute error: (replicates, n) each."""
    error = logits[..., 0] - np.asarray(y, float).reshape(-1)
    return {"loss": error**2, "mse": error**2, "mae": np.abs(error)}


@dataclass(frozen=True)
class Reference:
    """Losses and scores without a network, from at most 1,000 samples of the training part. Where seeds have training
    parts of their own, means over the parts of the first ones, with 1,000 samples in all."""

    guess_loss: float
    """The loss of a blind guess: the logarithm of the number of classes; for regression the error of predicting 0."""
    guess: float  # accuracy of always predicting the most common class; 0 for regression
    variance: float  # of the targets (regression), else nan
    score: float
    """Accuracy of 5 or of 15 nearest neighbours, whichever is higher, each sample left out in turn; for regression R²
    of the least-squares line."""
    error: float  # one standard error of `score`; 0 for regression


REFERENCE_SAMPLES = 1000


def reference_of(data: DataSpec) -> Reference:
    """The reference of a data set; nan for what needs the samples, where they are not on this machine: a diagnosis
    downloads nothing."""
    if data.name == "mnist" and not mnist.available():
        return Reference(math.log(data.classes), 1 / data.classes, math.nan, math.nan, math.nan)
    return _computed(data)


@lru_cache(maxsize=64)
def _computed(data: DataSpec) -> Reference:
    drawn = math.ceil(REFERENCE_SAMPLES / data.sizes[0]) if data.per_seed == "samples" else 1
    # of sets that overlap, as folds do, one is taken: more would not be more samples
    return measure_reference(load_dataset(data, range(drawn)).training_sets[:: max(1, data.folds)])


def measure_reference(sets: Sequence[Dataset]) -> Reference:
    """The reference of loaded data, sets of different samples."""
    samples = [_picked(one) for one in sets[: math.ceil(REFERENCE_SAMPLES / len(sets[0].train))]]
    if sets[0].task == "regression":
        x, y = samples[0]
        target = y.astype(float)
        design = np.column_stack([x, np.ones(len(x))])
        residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        variance = float(target.var())
        r2 = 1 - float((residual**2).mean()) / variance if variance > 0 else math.nan
        return Reference(float((target**2).mean()), 0.0, variance, r2, 0.0)
    each = np.array([[_neighbours_accuracy(x, y, near) for near in (5, 15)] for x, y in samples])  # (sets, 2)
    reached, size = float(each.mean(axis=0).max()), sum(len(y) for _, y in samples)
    guess = float(np.mean([np.bincount(y).max() / len(y) for _, y in samples]))
    error = math.sqrt(reached * (1 - reached) / size)
    return Reference(math.log(len(sets[0].class_names)), guess, math.nan, reached, error)


def _picked(dataset: Dataset) -> tuple[Floats, Array]:
    rows = np.random.default_rng(0).permutation(len(dataset.train))[:REFERENCE_SAMPLES]
    return dataset.scaling.apply(dataset.train.x[rows]).astype(float), dataset.train.y[rows]


def _neighbours_accuracy(x: Floats, y: Array, most: int) -> float:
    """Accuracy of the most common class among the nearest neighbours: `most`, fewer where there are few samples of a
    class, without the sample itself."""
    from sklearn.neighbors import NearestNeighbors  # takes a second: not at start-up

    near = max(1, min(most, len(y) // (2 * len(np.unique(y)))))
    votes = y[NearestNeighbors(n_neighbors=near).fit(x).kneighbors(return_distance=False)]  # (n, near)
    counts = (votes[:, :, None] == np.arange(y.max() + 1)).sum(axis=1)  # (n, classes)
    return float((counts.argmax(axis=1) == y).mean())
