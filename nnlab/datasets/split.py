"""Orders of samples in which every stretch has its fair share of every class, and folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def keep_labels(x: NDArray[Any], y: NDArray[Any], labels: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The samples of some classes, x (m, inputs) and y (m,), the classes renumbered from 0 in the order of labels."""
    kept = np.isin(y, labels)
    return x[kept], np.searchsorted(labels, y[kept])


def spread_order(y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random order of the n samples with the classes y (n,) evenly spread.

    Any stretch of length m holds m times the share of every class, give or take one, and the first samples are one
    of every class. So cutting the order anywhere is a stratified split, however few samples there are.
    """
    shuffled = rng.permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]  # classes one after the other, random inside
    _, starts, counts = np.unique(y[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(y)) - np.repeat(starts, counts)  # place inside its class: 0, 1, ...
    place = (rank + 0.5) / np.repeat(counts, counts)  # where on 0..1 the sample belongs
    place[rank == 0] = -1  # a rare class must not miss the beginning
    return by_class[np.lexsort((rng.random(len(y)), place))]


def fold_rows(
    y: NDArray[Any], folds: int, seed: int, *, classes: bool
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For every fold the rows of y (n,) to train on and those to validate on, each in ascending order.

    They are scikit-learn's: StratifiedKFold for classes, else KFold, both with shuffle=True and random_state=seed. The
    folds that are larger by one, where there are any, come first. Every class must have as many samples as there are
    folds, or more."""
    from sklearn.model_selection import KFold, StratifiedKFold  # takes a second: not at start-up

    kind = StratifiedKFold if classes else KFold
    return list(kind(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))
