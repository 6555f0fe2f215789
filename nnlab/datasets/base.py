"""A loaded data set: its three parts, the scaling fitted on the training part, and names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets.terms import term_columns
from nnlab.spec import Scaling as ScalingName
from nnlab.spec import Task
from nnlab.spec.data import TERMS, Term

PartName = Literal["train", "validation", "test"]
PARTS: tuple[PartName, ...] = ("train", "validation", "test")


class Rows:
    """Some rows of an array, without a copy of them. Indexing copies the samples it returns; NumPy converts the whole
    to an array. A fold of MNIST can thus be a Part like any other."""

    def __init__(self, whole: NDArray[Any], rows: NDArray[np.int64]) -> None:
        self.whole, self.rows = whole, rows

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.whole.shape[1:])

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        taken: NDArray[Any] = self.whole[self.rows[first]]
        return taken[(slice(None), *rest)] if rest else taken

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.whole[self.rows], dtype)


@dataclass(frozen=True, eq=False)
class Part:
    """Samples before scaling. The arrays are read-only, since the whole process shares them."""

    x: NDArray[Any] | Rows  # (n, inputs) float32, or uint8 for pictures
    y: NDArray[Any]  # (n,) int64 class numbers, or (n, 1) float32 for regression

    def __post_init__(self) -> None:
        (self.x.whole if isinstance(self.x, Rows) else self.x).setflags(write=False)
        self.y.setflags(write=False)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[np.int64]) -> Part:
        """Some of the samples, without a copy of them."""
        x = Rows(self.x.whole, self.x.rows[rows]) if isinstance(self.x, Rows) else Rows(self.x, rows)
        return Part(x, self.y[rows])


@dataclass(frozen=True, eq=False)
class Scaling:
    """From raw samples to the inputs of a network: (x - shift) * scale for each input; pictures have one shift and
    scale for all pixels. The inputs are the numbers of a sample, or `terms` of a point in the plane."""

    shift: NDArray[np.float32]  # (inputs,) or (1,)
    scale: NDArray[np.float32]
    terms: tuple[Term, ...] = ()  # () where the network takes the samples as they are

    def apply(self, x: NDArray[Any] | Rows) -> NDArray[np.float32]:
        """The inputs (n, inputs) of a network, a new float32 array, of raw samples (n, raw inputs)."""
        scaled = term_columns(x, self.terms) if self.terms else np.array(x, np.float32)
        scaled -= self.shift
        scaled *= self.scale
        return scaled


def fit_scaling(
    name: ScalingName, x: NDArray[Any] | Rows, full_scale: float | None = None, terms: tuple[Term, ...] = ()
) -> Scaling:
    """Fit a scaling on a training part x (n, raw inputs).

    standard: mean 0 and standard deviation 1 for every feature; minmax: from 0 to 1. `full_scale` is the largest pixel
    value of pictures: minmax then divides by it, and standard takes one mean and one deviation over all pixels."""
    inputs = term_columns(x, terms) if terms else x
    return Scaling(*shift_and_scale(inputs, name, full_scale), terms)


def shift_and_scale(
    x: NDArray[Any] | Rows, name: ScalingName, full_scale: float | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The shift and the scale that are fitted on a training part x (n, inputs)."""
    if name == "none":
        shift, width = np.zeros(1), np.ones(1)
    elif full_scale and name == "minmax":
        shift, width = np.zeros(1), np.array([full_scale])
    elif full_scale:
        # over all pixels; counting them is exact and needs no copy of the pictures as floats
        counts = np.bincount(np.asarray(x).ravel(), minlength=256)
        values = np.arange(len(counts))
        mean = np.average(values, weights=counts)
        shift, width = np.array([mean]), np.sqrt([np.average((values - mean) ** 2, weights=counts)])
    elif name == "standard":
        exact = np.asarray(x, np.float64)
        shift, width = exact.mean(0), exact.std(0)
    else:
        exact = np.asarray(x, np.float64)
        shift = exact.min(0)
        width = exact.max(0) - shift
    width = np.where(width > 0, width, 1.0)  # a feature that never changes is only shifted
    return shift.astype(np.float32), (1 / width).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Raw:
    """Samples as a loader returns them, before they are split, and names."""

    x: NDArray[Any]  # (n, inputs)
    y: NDArray[Any]  # (n,) or (n, 1)
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_name: str = "class"
    test: Part | None = None  # where the data comes with a test part


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, split into parts. Parts other than `train` may be empty.

    Where networks are trained on data of their own, these are `sets`, and the parts here are to be shown: those of the
    first seed, and under k-fold all its samples outside the test part as `train`.
    """

    name: str
    task: Task
    train: Part
    validation: Part
    test: Part
    scaling: Scaling  # fitted on `train` alone; engines and predictions apply it to raw samples
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]  # () for regression
    target_name: str
    image_shape: tuple[int, int] | None = None  # (height, width) where a sample is a picture
    sets: tuple[Dataset, ...] = ()
    """() where all networks are trained on the parts here. Else the folds, in the order of scikit-learn's `split`, or
    for every seed its own data set or folds. Replicate r is trained on set r mod their number."""

    @property
    def training_sets(self) -> tuple[Dataset, ...]:
        """The data sets that networks are trained on: `sets`, or the data set itself."""
        return self.sets or (self,)

    @property
    def raw_inputs(self) -> int:
        """Numbers in a sample."""
        return int(self.train.x.shape[1])

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the network's inputs; those of the numbers in a sample are `feature_names`."""
        return tuple(TERMS[term] for term in self.scaling.terms) or self.feature_names
