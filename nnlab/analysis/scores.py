"""Loss and scores of trained networks on a part of the data."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlab.analysis.predictions import by_fold, join_folds, labels, logits_in_chunks, replicate
from nnlab.datasets import Dataset, Part, PartName
from nnlab.engines.base import Array, Floats, Weights
from nnlab.spec import Experiment


def evaluate(
    experiment: Experiment, weights: Weights, dataset: Dataset, part: PartName | Part
) -> dict[str, Floats] | None:
    """Loss and scores of every replicate on one part of the data, in evaluation mode.

    Parameters
    ----------
    experiment : Experiment
    weights : dict of arrays (replicates, ...)
    dataset : Dataset
        Under k-fold every replicate is scored on the part of its own fold.
    part : {"train", "validation", "test"} or Part

    Returns
    -------
    dict of arrays (replicates,), or None
        For classes `loss` and `accuracy` (0 to 1; a prediction of nan counts as wrong). For regression `loss`, `mse`,
        `mae` and `r2` (1 - squared error / squared deviation from the mean; nan where all targets are equal).
        None where the part is empty.
    """
    if dataset.folds:
        each = [evaluate(experiment, own, fold, part) for own, fold in by_fold(weights, dataset)]
        present = [one for one in each if one is not None]
        return {name: join_folds([one[name] for one in present]) for name in present[0]} if present else None
    samples = getattr(dataset, part) if isinstance(part, str) else part
    if len(samples) == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # weights that diverged give inf and nan, as they should
        measure = _errors if experiment.task == "regression" else _class_scores
        pieces = [measure(logits, y) for logits, y in logits_in_chunks(experiment, weights, dataset, samples)]
        figures = {name: np.concatenate([one[name] for one in pieces], axis=1).mean(axis=1) for name in pieces[0]}
        if experiment.task == "regression":
            spread = np.var(np.asarray(samples.y, float))
            figures["r2"] = 1 - figures["mse"] / spread if spread > 0 else np.full_like(figures["mse"], np.nan)
    return figures


def final_scores(results: Mapping[str, Any] | None, part: str, name: str) -> Floats:
    """One figure of one part over the replicates, from stored results.

    Parameters
    ----------
    results : mapping or None
        As a finished run stores them: part → figure → list over the replicates.
    part : str
        `train`, `validation` or `test`.
    name : str
        `loss`, `accuracy`, `mse`, `mae` or `r2`.

    Returns
    -------
    ndarray (replicates,)
        Empty where the figure is missing.
    """
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
    """The confusion matrix.

    Parameters
    ----------
    experiment, weights, dataset
        As in `evaluate`.
    part : {"validation", "train", "test"}
    seed_index : int, optional
        Place of one replicate; the mean over all of them if omitted.

    Returns
    -------
    ndarray (classes, classes)
        How many samples of class i (row) were predicted as class j (column). The sum is the number of samples.

    Raises
    ------
    ValueError
        For regression.
    """
    if experiment.task == "regression":
        raise ValueError("confusion: got an experiment with numbers to predict, allowed is one with classes.")
    weights, dataset = replicate(weights, dataset, seed_index)
    if dataset.folds:
        each = [confusion(experiment, own, fold, part) for own, fold in by_fold(weights, dataset)]
        return np.asarray(np.mean(each, axis=0))
    counts = np.zeros((experiment.data.classes, experiment.data.classes))
    for logits, y in logits_in_chunks(experiment, weights, dataset, getattr(dataset, part)):
        predicted = labels(logits, boundary=0)  # (replicates, n)
        np.add.at(counts, (np.broadcast_to(y, predicted.shape), predicted), 1)
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
