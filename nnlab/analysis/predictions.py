"""Predictions of trained networks, and the tables that charts of them need.

Everything here works on weights as arrays and the NumPy forward pass, so the web process, the workers and the command
line compute the same numbers.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.datasets import PARTS, Dataset, Part
from nnlab.engines.base import Array, Floats, Weights
from nnlab.scratch import forward
from nnlab.spec import Experiment

_CHUNK = 10_000  # samples scaled and passed forward at a time: MNIST stays uint8 until then
_OUTPUTS = 1 << 21  # outputs of all replicates held at a time while scores are computed: 16 MB


def predict(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """Predictions of every replicate.

    Parameters
    ----------
    experiment : Experiment
    weights : dict of arrays (replicates, ...)
    dataset : Dataset
        It holds the scaling of the inputs; under k-fold every fold has its own.
    x : array_like (n, inputs)
        Raw inputs, as in the data set. A single sample may have shape (inputs,).

    Returns
    -------
    ndarray (replicates, n, outputs)
        Probabilities of the classes (with one output: of class 1), or values in raw units for regression.

    Raises
    ------
    ValueError
        If x does not have one column per input of the experiment.
    """
    from scipy.special import expit, log_softmax  # a quarter of a second that the start of a page need not wait for

    if dataset.folds:
        return join_folds([predict(experiment, own, fold, x) for own, fold in by_fold(weights, dataset)])
    logits = _logits(experiment, weights, dataset, x)
    if experiment.loss == "bce":
        return np.asarray(expit(logits))
    return np.exp(log_softmax(logits, axis=-1)) if experiment.loss == "cross_entropy" else logits


def labels(outputs: Floats, boundary: float = 0.5) -> NDArray[np.int64]:
    """The predicted classes (..., n) of probabilities or logits (..., n, outputs); `boundary` decides between two
    classes where there is one output (0 for logits)."""
    if outputs.shape[-1] == 1:
        return (outputs[..., 0] > boundary).astype(np.int64)
    likeliest: NDArray[np.int64] = outputs.argmax(axis=-1)
    return likeliest


# replicates and folds


def replicate(weights: Weights, dataset: Dataset, index: int | None) -> tuple[Weights, Dataset]:
    """The weights (1, ...) of the replicate in place `index` and the data it was trained on: its fold, or the whole
    data set. Without an index, all replicates and the whole data set."""
    if index is None:
        return weights, dataset
    own = {name: values[index : index + 1] for name, values in weights.items()}
    return own, dataset.training_sets[index % len(dataset.training_sets)]


def first_fold(weights: Weights, dataset: Dataset) -> tuple[Weights, Dataset]:
    """The replicates of the first fold and its data, for charts of single validation samples: all of these replicates
    were validated on the same ones. For hold-out, all replicates and the whole data set."""
    return next(by_fold(weights, dataset)) if dataset.folds else (weights, dataset)


def by_fold(weights: Weights, dataset: Dataset) -> Iterator[tuple[Weights, Dataset]]:
    """For every fold the weights (seeds, ...) of its replicates, and its data."""
    for i, fold in enumerate(dataset.folds):
        yield {name: values[i :: len(dataset.folds)] for name, values in weights.items()}, fold


def join_folds(each: Sequence[Floats]) -> Floats:
    """One array (seeds, ...) per fold as one array (replicates, ...)."""
    return np.stack(each, axis=1).reshape(-1, *each[0].shape[1:])


# logits


def _logits(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """The outputs (replicates, n, outputs) before sigmoid or softmax."""
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


def logits_in_chunks(
    experiment: Experiment, weights: Weights, dataset: Dataset, samples: Part
) -> Iterator[tuple[Floats, Array]]:
    """Logits (replicates, n, outputs) and targets (n, ...) of a part, some samples at a time: with many seeds the
    logits of all of MNIST take half a gigabyte."""
    size = max(1, min(_CHUNK, _OUTPUTS // (len(weights["0.bias"]) * experiment.outputs)))
    for start in range(0, len(samples), size):
        rows = slice(start, start + size)
        yield _logits(experiment, weights, dataset, samples.x[rows]), samples.y[rows]


# tables for charts


def surface(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 48, seed_index: int | None = None
) -> pd.DataFrame:
    """Predictions on a grid over the plane, for data with two inputs.

    The grid depends on the data alone (its range and a tenth more on each side), so it does not move during training.

    Parameters
    ----------
    experiment, weights, dataset
        As in `predict`.
    size : int
        Cells across; as many cells up as keep them square.
    seed_index : int, optional
        Place of one replicate; the mean over all of them if omitted.

    Returns
    -------
    DataFrame
        One row a cell: `x`, `y` (centre, raw units), `value` (probability of class 1; of the predicted class where
        there are more than two; the prediction for regression) and `label` (predicted class; -1 for regression).

    Raises
    ------
    ValueError
        If the data does not have two inputs.
    """
    x, y, _ = grid(dataset, size)
    across, up = np.meshgrid(x, y)  # (rows, columns)
    points = np.column_stack([across.ravel(), up.ravel()]).astype(np.float32)
    outputs = predict(experiment, *replicate(weights, dataset, seed_index), points).mean(axis=0)  # (cells, outputs)
    if experiment.task == "regression":
        value, label = outputs[:, 0], np.full(len(points), -1)
    else:
        label = labels(outputs)
        value = outputs[:, -1] if experiment.data.classes == 2 else outputs.max(axis=1)
    return pd.DataFrame({"x": across.ravel(), "y": up.ravel(), "value": value, "label": label})


def grid(dataset: Dataset, size: int = 48) -> tuple[Floats, Floats, float]:
    """The cells of `surface`: centres across (size,) and up (rows,), and the side of a cell."""
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
    """The fitted line, for regression on one input.

    Parameters
    ----------
    experiment, weights, dataset, seed_index
        As in `surface`.
    size : int
        Points of the line.

    Returns
    -------
    DataFrame
        One row a point: `x` (raw units), `value` (mean over the replicates), `low` and `high` (the lowest and the
        highest replicate).

    Raises
    ------
    ValueError
        For other data.
    """
    low, high = _range(dataset)
    if len(low) != 1 or experiment.task != "regression":
        raise ValueError("line: allowed is regression on one input.")
    x = np.linspace(low[0], high[0], size)
    weights, dataset = replicate(weights, dataset, seed_index)
    each = predict(experiment, weights, dataset, x[:, None].astype(np.float32))[:, :, 0]  # (replicates, n)
    return pd.DataFrame({"x": x, "value": each.mean(axis=0), "low": each.min(axis=0), "high": each.max(axis=0)})


def _range(dataset: Dataset) -> tuple[Floats, Floats]:
    """Lowest and highest raw input (inputs,) of all parts, extended by a tenth of the range on either side."""
    x = np.concatenate([np.asarray(getattr(dataset, part).x, float) for part in PARTS])
    low, high = x.min(axis=0), x.max(axis=0)
    margin = np.where(high > low, (high - low) * 0.1, 1.0)
    return low - margin, high + margin


@dataclass(frozen=True)
class Picture:
    """One picture and its predicted class."""

    pixels: Array
    """(height, width), raw."""
    label: int
    predicted: int
    probability: float
    """Of the predicted class, mean over the replicates."""


def pictures(
    experiment: Experiment, weights: Weights, dataset: Dataset, count: int = 12, seed_index: int | None = None
) -> list[Picture]:
    """The first pictures of the validation part and their predicted classes.

    Parameters
    ----------
    experiment, weights, dataset, seed_index
        As in `surface`. Under k-fold the replicates of the first fold are used if no replicate is given.
    count : int
        At most so many; from the training part where there is no validation part.

    Raises
    ------
    ValueError
        If the samples are not pictures.
    """
    if dataset.image_shape is None:
        raise ValueError("pictures: allowed is data made of pictures (digits, mnist).")
    weights, dataset = first_fold(*replicate(weights, dataset, seed_index))
    samples = dataset.validation if len(dataset.validation) else dataset.train
    x, y = samples.x[:count], samples.y[:count]
    outputs = predict(experiment, weights, dataset, x).mean(axis=0)  # (count, classes)
    return [
        Picture(pixels.reshape(dataset.image_shape), int(label), int(row.argmax()), float(row.max()))
        for pixels, label, row in zip(x, y, outputs, strict=True)
    ]
