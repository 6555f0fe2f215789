"""Loss and scores of trained networks on a part of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.predictions import _answers, _log_softmax, by_fold, of_folds, replicate
from nnlab.datasets import Dataset, Part, PartName
from nnlab.engines.base import Floats, Weights
from nnlab.spec import Experiment


def evaluate(
    experiment: Experiment, weights: Weights, dataset: Dataset, part: PartName | Part
) -> dict[str, Floats] | None:
    """Loss and scores of every replicate on one part of the data, in evaluation mode; with folds each on the part of
    its own fold.

    Returns
    -------
    dict of (seeds,) or None
        For classes `loss` and `accuracy` (share right, 0 to 1; an answer of nan is wrong). For regression `loss`,
        `mse`, `mae` and `r2` (1 - squared error / squared deviation from the mean; nan where all targets are equal).
        None where the part is empty.
    """
    if dataset.folds:
        each = [evaluate(experiment, own, fold, part) for own, fold in by_fold(weights, dataset)]
        known = [one for one in each if one is not None]
        return {name: of_folds([one[name] for one in known]) for name in known[0]} if known else None
    samples = getattr(dataset, part) if isinstance(part, str) else part
    if len(samples) == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # weights that ran away give inf and nan, as they should
        measure = _errors if experiment.task == "regression" else _class_scores
        pieces = [measure(experiment, logits, y) for logits, y in _answers(experiment, weights, dataset, samples)]
        figures = {name: np.concatenate([one[name] for one in pieces], axis=1).mean(axis=1) for name in pieces[0]}
        if experiment.task == "regression":
            spread = np.var(np.asarray(samples.y, float))
            figures |= {"r2": 1 - figures["mse"] / spread if spread > 0 else np.full_like(figures["mse"], np.nan)}
    return figures


def final_scores(results: Mapping[str, Any] | None, part: str, name: str) -> Floats:
    """One figure of one part over the seeds, from results as they are stored; empty where there is none."""
    values = ((results or {}).get(part) or {}).get(name)
    if values is None:
        return np.empty(0)
    return np.array([math.nan if value is None else value for value in values], float)


def confusion(
    experiment: Experiment,
    weights: Weights,
    dataset: Dataset,
    part: PartName = "validation",
    seed_index: int | None = None,
) -> Floats:
    """How often class i (row) was taken for class j (column), (classes, classes).

    Counts of one replicate, or their mean over all replicates: the whole adds up to the samples of the part.
    Raises ValueError for regression."""
    if experiment.task == "regression":
        raise ValueError("confusion: got an experiment with numbers to predict, allowed is one with classes.")
    if seed_index is not None:
        weights, dataset = replicate(weights, dataset, seed_index)
    if dataset.folds:
        each = [confusion(experiment, own, fold, part) for own, fold in by_fold(weights, dataset)]
        return np.asarray(np.mean(each, axis=0))
    samples: Part = getattr(dataset, part)
    classes = experiment.data.classes
    if len(samples) == 0:
        return np.zeros((classes, classes))
    counts = np.zeros((classes, classes))
    for logits, y in _answers(experiment, weights, dataset, samples):
        guessed = _labels(logits)  # (seeds, n)
        np.add.at(counts, (np.broadcast_to(y, guessed.shape), guessed), 1)
    return counts / len(weights["0.bias"])


def _labels(logits: Floats) -> NDArray[np.int64]:
    return (logits[..., 0] > 0).astype(np.int64) if logits.shape[-1] == 1 else logits.argmax(axis=-1)


def _class_scores(experiment: Experiment, logits: Floats, y: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Cross-entropy from logits, finite for any finite logits, and whether the answer is right: (seeds, n) each."""
    if experiment.loss == "bce":
        z = logits[..., 0]  # (seeds, n)
        losses = np.logaddexp(0, np.where(y == 1, -z, z))  # -log sigmoid(±z) = log(1 + exp(∓z))
    else:
        losses = -_log_softmax(logits)[:, np.arange(len(y)), y]  # (seeds, n)
    return {"loss": losses, "accuracy": (_labels(logits) == y) & ~np.isnan(logits).any(axis=2)}


def _errors(experiment: Experiment, logits: Floats, y: NDArray[Any]) -> dict[str, Floats]:
    """Squared error, twice, and absolute error: (seeds, n) each."""
    error = logits[..., 0] - np.asarray(y, float).reshape(-1)
    return {"loss": error**2, "mse": error**2, "mae": np.abs(error)}
