"""Stratified orders of samples, and folds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def keep_labels(x: NDArray[Any], y: NDArray[Any], labels: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The samples of some classes, x (m, inputs) and y (m,). Classes are renumbered from 0 in the order of labels."""
    kept = np.isin(y, labels)
    return x[kept], np.searchsorted(labels, y[kept])


def spread_order(y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random order of the n samples that spreads the classes y (n,) evenly.

    In any m consecutive samples a class occurs m times its share, plus or minus one, and the first samples are one of
    every class. To cut the order anywhere is thus a stratified split, however few samples there are.
    """
    shuffled = rng.permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]  # class after class, each in random order
    _, starts, counts = np.unique(y[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(y)) - np.repeat(starts, counts)  # position within the class: 0, 1, ...
    place = (rank + 0.5) / np.repeat(counts, counts)  # target position from 0 to 1
    place[rank == 0] = -1  # a rare class must be among the first samples
    return by_class[np.lexsort((rng.random(len(y)), place))]


def fold_rows(
    y: NDArray[Any], folds: int, seed: int, *, classes: bool
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For every fold the training rows and the validation rows of y (n,), each in ascending order.

    Folds that are larger by one come first. Every class needs at least one sample per fold."""
    from sklearn.model_selection import KFold, StratifiedKFold  # imports in a second, which would delay the start

    kind = StratifiedKFold if classes else KFold
    return list(kind(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))
