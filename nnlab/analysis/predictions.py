"""Predictions of trained networks, and the tables that charts of them need.

Everything here works on weights as arrays and the NumPy forward pass, so the web process, the workers and the command
line compute the same numbers.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.datasets import PARTS, Dataset, Rows
from nnlab.engines.base import Array, Floats, Weights
from nnlab.scratch import forward
from nnlab.spec import Experiment

_CHUNK = 10_000  # samples scaled and passed forward at a time: MNIST stays uint8 until then
_OUTPUTS, _VALUES = 1 << 21, 1 << 24
"""Outputs of all replicates held at a time, and values of their widest layer: 16 MB, 64 MB."""


def predict(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """Predictions of every replicate.

    Parameters
    ----------
    weights : dict of arrays (replicates, ...)
    dataset : Dataset
        It holds the scaling of the inputs; each of its sets has its own.
    x : array_like (n, raw inputs)
        Raw inputs, as in the data set: in the plane the two coordinates, whatever terms of them the network takes. A
        single sample may have shape (raw inputs,).

    Returns
    -------
    ndarray (replicates, n, outputs)
        Probabilities of the classes (with one output: of class 1), or values in raw units for regression.

    Raises
    ------
    ValueError
        If x does not have one column per number in a sample.
    """
    from scipy.special import expit, log_softmax  # a quarter of a second that the start of a page need not wait for

    if dataset.sets:
        return join_sets([predict(experiment, own, one, x) for own, one in by_set(weights, dataset)])
    raw = np.asarray(x)
    raw = raw[None] if raw.ndim == 1 else raw
    if raw.ndim != 2 or raw.shape[1] != experiment.data.raw_inputs:
        raise ValueError(f"x: got shape {raw.shape}, allowed is (n, {experiment.data.raw_inputs}).")
    logits = np.concatenate([each for _, each in logits_in_chunks(experiment, weights, dataset, raw)], axis=1)
    if experiment.loss == "bce":
        return np.asarray(expit(logits))
    return np.exp(log_softmax(logits, axis=-1)) if experiment.loss == "cross_entropy" else logits


def logits_in_chunks(
    experiment: Experiment, weights: Weights, dataset: Dataset, x: Array | Rows
) -> Iterator[tuple[slice, Floats]]:
    """The outputs (replicates, rows, outputs) before sigmoid or softmax for some rows of x at a time, and which rows:
    with many seeds the values of a wide layer for all of MNIST take gigabytes."""
    replicates, widest = len(weights["0.bias"]), max(layer.width for layer in experiment.layers)
    size = max(1, min(_CHUNK, _OUTPUTS // (replicates * experiment.outputs), _VALUES // (replicates * widest)))
    for start in range(0, max(1, len(x)), size):
        rows = slice(start, start + size)
        with np.errstate(over="ignore", invalid="ignore"):
            logits = forward(experiment.layers, weights, dataset.scaling.apply(x[rows]))
        yield rows, logits.astype(np.float64)


def labels(outputs: Floats, boundary: float = 0.5) -> NDArray[np.int64]:
    """The predicted classes (..., n) of probabilities or logits (..., n, outputs); `boundary` decides between two
    classes where there is one output (0 for logits)."""
    if outputs.shape[-1] == 1:
        return (outputs[..., 0] > boundary).astype(np.int64)
    return np.asarray(outputs.argmax(axis=-1))


def replicate(weights: Weights, dataset: Dataset, index: int | None) -> tuple[Weights, Dataset]:
    """The weights (1, ...) of the replicate in place `index` and the data it was trained on. Without an index, all
    replicates and the whole data set."""
    if index is None:
        return weights, dataset
    own = {name: values[index : index + 1] for name, values in weights.items()}
    return own, dataset.training_sets[index % len(dataset.training_sets)]


def one_replicate(weights: Weights, index: int) -> Weights:
    """The arrays of one replicate, without the leading axis."""
    return {name: values[index] for name, values in weights.items()}


def first_set(weights: Weights, dataset: Dataset) -> tuple[Weights, Dataset]:
    """The replicates of the first set and its data, for charts of single validation samples: all of these replicates
    were validated on the same ones."""
    return next(by_set(weights, dataset))


def by_set(weights: Weights, dataset: Dataset) -> Iterator[tuple[Weights, Dataset]]:
    """For every training set the weights of its replicates, and its data."""
    sets = dataset.training_sets
    for i, one in enumerate(sets):
        yield {name: values[i :: len(sets)] for name, values in weights.items()}, one


def join_sets(each: Sequence[Floats]) -> Floats:
    """The arrays of `by_set` as one array (replicates, ...)."""
    return np.stack(each, axis=1).reshape(-1, *each[0].shape[1:])


def surface(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 48, seed_index: int | None = None
) -> pd.DataFrame:
    """Predictions on a grid over the plane, for classes in data with two inputs.

    The grid depends on the data alone (its range and a tenth more on each side), so it does not move during training.

    Parameters
    ----------
    size : int
        Cells across; as many cells up as keep them square.
    seed_index : int, optional
        Place of one replicate; the mean over all of them if omitted.

    Returns
    -------
    DataFrame
        One row a cell: `x`, `y` (centre, raw units), `value` (probability of class 1; of the predicted class where
        there are more than two) and `label` (predicted class).

    Raises
    ------
    ValueError
        If the data does not have two inputs.
    """
    x, y, _ = grid(dataset, size)
    across, up = np.meshgrid(x, y)  # (rows, columns)
    points = np.column_stack([across.ravel(), up.ravel()]).astype(np.float32)
    outputs = predict(experiment, *replicate(weights, dataset, seed_index), points).mean(axis=0)  # (cells, outputs)
    value = outputs[:, -1] if experiment.data.classes == 2 else outputs.max(axis=1)
    return pd.DataFrame({"x": across.ravel(), "y": up.ravel(), "value": value, "label": labels(outputs)})


def grid(dataset: Dataset, size: int = 48) -> tuple[Floats, Floats, float]:
    """The cells of `surface`: centres across (size,) and up (rows,), and the side of a cell."""
    low, high = extent(dataset)
    if len(low) != 2:
        raise ValueError(f"surface: got data with {len(low)} inputs, allowed is data with 2.")
    step = (high[0] - low[0]) / size
    rows = math.ceil((high[1] - low[1]) / step - 1e-9)
    bottom = (low[1] + high[1] - rows * step) / 2
    return low[0] + step * (np.arange(size) + 0.5), bottom + step * (np.arange(rows) + 0.5), float(step)


def line(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 100, seed_index: int | None = None
) -> pd.DataFrame:
    """The fitted line, for regression on one input. Raises ValueError for other data.

    One row a point: `x` (raw units), `value` (mean over the replicates), `low` and `high` (the lowest and the highest
    replicate). `seed_index` is as for `surface`."""
    low, high = extent(dataset)
    if len(low) != 1 or experiment.task != "regression":
        raise ValueError("line: allowed is regression on one input.")
    x = np.linspace(low[0], high[0], size)
    weights, dataset = replicate(weights, dataset, seed_index)
    each = predict(experiment, weights, dataset, x[:, None].astype(np.float32))[:, :, 0]  # (replicates, n)
    return pd.DataFrame({"x": x, "value": each.mean(axis=0), "low": each.min(axis=0), "high": each.max(axis=0)})


def extent(dataset: Dataset) -> tuple[Floats, Floats]:
    """Lowest and highest raw input (inputs,) of all parts, extended by a tenth of the range on either side."""
    x = np.concatenate([np.asarray(getattr(dataset, part).x, float) for part in PARTS])
    low, high = x.min(axis=0), x.max(axis=0)
    margin = np.where(high > low, (high - low) * 0.1, 1.0)
    return low - margin, high + margin


def pictures(
    experiment: Experiment, weights: Weights, dataset: Dataset, count: int = 12, seed_index: int | None = None
) -> tuple[Array, Array, Array, Floats]:
    """The first pictures of the validation part and their predicted classes: at most `count`, from the training part
    where there is no validation part.

    The mean is over the replicate in place `seed_index`; without it over all, under k-fold over those of the first
    fold. Raises ValueError if the samples are not pictures.

    Returns
    -------
    pixels : (count, inputs), raw
    labels, predicted : (count,)
    probability : (count,)
        Of the predicted class, mean over the replicates.
    """
    if dataset.image_shape is None:
        raise ValueError("pictures: allowed is data made of pictures (digits, mnist).")
    weights, dataset = first_set(*replicate(weights, dataset, seed_index))
    samples = dataset.validation if len(dataset.validation) else dataset.train
    pixels = samples.x[:count]
    outputs = predict(experiment, weights, dataset, pixels).mean(axis=0)  # (count, classes)
    return pixels, samples.y[:count], outputs.argmax(axis=1), outputs.max(axis=1)
