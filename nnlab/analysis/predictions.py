"""What a trained network is worth: scores, and pictures of what it does.

Everything here works on plain weights (draws.py says their names and shapes) with the NumPy forward pass, so the
web process, the workers and the command line all measure with the same ruler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.datasets import Dataset, Part, PartName
from nnlab.engines.base import Floats, Weights
from nnlab.scratch import forward
from nnlab.spec import Experiment

PARTS: tuple[PartName, ...] = ("train", "validation", "test")


_CHUNK = 10_000  # samples scaled and pushed through at a time: pictures stay uint8 until then


_ANSWERS = 1 << 21  # numbers that all replicates give at a time, while they are only measured: 16 MB


# -- predictions and scores ------------------------------------------------------------------------------------------


def predict(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """What every replicate answers; with folds each scales x as its own fold does.

    Parameters
    ----------
    x : (n, inputs)
        Raw inputs, as they are in the data set; one sample may come as (inputs,).

    Returns
    -------
    (seeds, n, outputs)
        Probabilities for classes (with one output: that of class 1), values in raw units for regression.

    Raises
    ------
    ValueError
        Where x has another number of columns than the experiment has inputs.
    """
    if dataset.folds:
        return of_folds([predict(experiment, own, fold, x) for own, fold in by_fold(weights, dataset)])
    logits = _logits(experiment, weights, dataset, x)
    if experiment.loss == "bce":
        return _sigmoid(logits)
    return np.exp(_log_softmax(logits)) if experiment.loss == "cross_entropy" else logits


def labels(probabilities: Floats) -> NDArray[np.int64]:
    """The class each row of probabilities (..., n, outputs) decides for, (..., n): above 0.5, or the likeliest."""
    if probabilities.shape[-1] == 1:
        return (probabilities[..., 0] > 0.5).astype(np.int64)
    likeliest: NDArray[np.int64] = probabilities.argmax(axis=-1)
    return likeliest


def replicate(weights: Weights, dataset: Dataset, index: int) -> tuple[Weights, Dataset]:
    """The weights of one replicate, by its place among all, still with a leading axis (of one), and the data it was
    trained and validated on: its fold, or the data itself."""
    own = {name: values[index : index + 1] for name, values in weights.items()}
    return own, dataset.training_sets[index % len(dataset.training_sets)]


def unseen(weights: Weights, dataset: Dataset, index: int | None = None) -> tuple[Weights, Dataset]:
    """As `replicate`, to look at single samples that are kept aside; without an index all replicates that keep the same
    ones: with folds those of the first fold."""
    if index is not None:
        return replicate(weights, dataset, index)
    return next(by_fold(weights, dataset)) if dataset.folds else (weights, dataset)


def by_fold(weights: Weights, dataset: Dataset) -> Iterator[tuple[Weights, Dataset]]:
    """For every fold the weights (seeds, ...) of its replicates, and its data."""
    step = len(dataset.folds)
    for i, fold in enumerate(dataset.folds):
        yield {name: values[i::step] for name, values in weights.items()}, fold


def of_folds(each: Sequence[Floats]) -> Floats:
    """What every fold's replicates gave, (seeds, ...) a fold, as (replicates, ...)."""
    return np.stack(each, axis=1).reshape(-1, *each[0].shape[1:])


def _logits(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """The output layer's numbers, (seeds, n, outputs), before sigmoid or softmax."""
    raw = np.asarray(x)
    if raw.ndim == 1:
        raw = raw.reshape(1, -1)
    if raw.ndim != 2 or raw.shape[1] != experiment.data.inputs:
        raise ValueError(f"x: got shape {raw.shape}, allowed is (n, {experiment.data.inputs}).")
    with np.errstate(over="ignore", invalid="ignore"):
        chunks = [
            forward(experiment.layers, weights, dataset.scaling.apply(raw[start : start + _CHUNK]))
            for start in range(0, max(1, len(raw)), _CHUNK)
        ]
    return np.concatenate(chunks, axis=1).astype(np.float64)


def _answers(
    experiment: Experiment, weights: Weights, dataset: Dataset, samples: Part
) -> Iterator[tuple[Floats, NDArray[Any]]]:
    """The logits (seeds, n, outputs) and targets (n, ...) of a part, some samples at a time: with many seeds the
    answers to all of MNIST are half a gigabyte."""
    size = max(1, min(_CHUNK, _ANSWERS // (len(weights["0.bias"]) * experiment.outputs)))
    for start in range(0, len(samples), size):
        rows = slice(start, start + size)
        yield _logits(experiment, weights, dataset, samples.x[rows]), samples.y[rows]


def _log_softmax(z: Floats) -> Floats:
    shifted: Floats = z - z.max(axis=-1, keepdims=True)  # log-sum-exp: no overflow
    log_p: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -z)))


# -- pictures of what a network does ---------------------------------------------------------------------------------


def surface(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 48, seed_index: int | None = None
) -> pd.DataFrame:
    """What the network answers all over the plane, for data with two inputs.

    The grid depends on the data alone (its range and a tenth more), so nothing moves while training does.

    Parameters
    ----------
    size : int
        Cells across; up, as many as keep the cells square.
    seed_index : int, optional
        Place of one replicate; the mean over all of them where it is left out.

    Returns
    -------
    DataFrame
        One row a cell: `x`, `y` (centre, raw units), `value` (probability of class 1; of the likeliest class where
        there are more than two; the prediction for regression) and `label` (class decided for; -1 for regression).

    Raises ValueError where the data has not two inputs.
    """
    x, y, _ = grid(dataset, size)
    across, up = np.meshgrid(x, y)  # (rows, columns)
    points = np.column_stack([across.ravel(), up.ravel()]).astype(np.float32)
    if seed_index is not None:
        weights, dataset = replicate(weights, dataset, seed_index)
    answer = predict(experiment, weights, dataset, points).mean(axis=0)  # (cells, outputs)
    if experiment.task == "regression":
        value, label = answer[:, 0], np.full(len(points), -1)
    else:
        label = labels(answer)
        value = answer[:, -1] if experiment.data.classes == 2 else answer.max(axis=1)
    return pd.DataFrame({"x": across.ravel(), "y": up.ravel(), "value": value, "label": label})


def grid(dataset: Dataset, size: int = 48) -> tuple[Floats, Floats, float]:
    """Centres across (size,) and up (rows,), and the side of the square cells, of a data set's plane."""
    low, high = _range(dataset)
    if len(low) != 2:
        raise ValueError(f"surface: got data with {len(low)} inputs, allowed is data with 2.")
    step = (high[0] - low[0]) / size
    rows = math.ceil((high[1] - low[1]) / step - 1e-9)
    bottom = (low[1] + high[1] - rows * step) / 2
    return low[0] + step * (np.arange(size) + 0.5), bottom + step * (np.arange(rows) + 0.5), float(step)


def line(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 100, seed_index: int | None = None
) -> pd.DataFrame:
    """The fitted line, for regression on one input: `x` (raw), `value` (mean over replicates, or one of them),
    `low` and `high` (the lowest and highest replicate). Raises ValueError for other data."""
    low, high = _range(dataset)
    if len(low) != 1 or experiment.task != "regression":
        raise ValueError("line: allowed is regression on one input.")
    x = np.linspace(low[0], high[0], size)
    if seed_index is not None:
        weights, dataset = replicate(weights, dataset, seed_index)
    each = predict(experiment, weights, dataset, x[:, None].astype(np.float32))[:, :, 0]  # (seeds, n)
    return pd.DataFrame({"x": x, "value": each.mean(axis=0), "low": each.min(axis=0), "high": each.max(axis=0)})


def _range(dataset: Dataset) -> tuple[Floats, Floats]:
    """Lowest and highest raw input (inputs,) of all parts, and a tenth of the range more on either side."""
    x = np.concatenate([np.asarray(getattr(dataset, part).x, float) for part in PARTS])
    low, high = x.min(axis=0), x.max(axis=0)
    margin = np.where(high > low, (high - low) * 0.1, 1.0)
    return low - margin, high + margin


@dataclass(frozen=True)
class Picture:
    """One picture and what the network takes it for."""

    pixels: NDArray[Any]
    """(height, width), raw."""
    label: int
    predicted: int
    probability: float
    """Of the predicted class, mean over the replicates."""


def pictures(
    experiment: Experiment, weights: Weights, dataset: Dataset, count: int = 12, seed_index: int | None = None
) -> list[Picture]:
    """The first pictures of the validation part (of the training part where it is empty) with the network's guess.
    With folds those of the first fold, by the replicates that were not trained on them, where no replicate is named.

    Raises ValueError where the data is no pictures."""
    if dataset.image_shape is None:
        raise ValueError("pictures: allowed is data made of pictures (digits, mnist).")
    weights, dataset = unseen(weights, dataset, seed_index)
    samples = dataset.validation if len(dataset.validation) else dataset.train
    x, y = samples.x[:count], samples.y[:count]
    answer = predict(experiment, weights, dataset, x).mean(axis=0)  # (count, classes)
    return [
        Picture(pixels.reshape(dataset.image_shape), int(label), int(row.argmax()), float(row.max()))
        for pixels, label, row in zip(x, y, answer, strict=True)
    ]
