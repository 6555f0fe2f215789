"""An artificial problem of any number of features and classes, hard enough that depth matters."""

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets.base import Raw
from nnlab.spec import DataSpec

Array = NDArray[np.float64]
Problem = tuple[Array, Array, Array]
"""Centres of the clouds (clouds, dimensions), their stretch (clouds, dimensions, dimensions), and what mixes the
dimensions into features (features, dimensions)."""

CLOUDS = 4
"""Clouds per class: no straight line separates the classes, so that hidden layers help."""


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """`spec.n_samples` points in clouds: every class has several, each stretched in its own directions.

    The clouds have half as many dimensions as there are features (2 to 6), and every feature is a mixture of these
    dimensions, as in scikit-learn's make_classification (Guyon 2003). A share of noise / 10 of the labels is wrong, so
    that a large network can overfit 100 samples.
    """
    problem = draw_problem(spec.features, spec.classes, rng)
    y = np.arange(spec.n_samples) % spec.classes
    cloud = y + spec.classes * rng.integers(CLOUDS, size=len(y))
    x = _points(problem, cloud, rng)

    # the first sample of every class keeps its label, so that no class vanishes
    flipped = spec.classes + rng.permutation(len(y) - spec.classes)[: round(len(y) * spec.noise / 10)]
    y[flipped] = (y[flipped] + rng.integers(1, spec.classes, size=len(flipped))) % spec.classes
    return Raw(x, y, *_names(spec))


def draw(spec: DataSpec, problem: Problem, n: int, rng: np.random.Generator) -> Raw:
    """n points of a problem, independent of each other but for the classes, which take turns."""
    clouds, places, wrong, others = rng.spawn(4)
    y = np.arange(n) % spec.classes
    x = _points(problem, y + spec.classes * clouds.integers(CLOUDS, size=n), places)
    flipped, other = wrong.random(n) < spec.noise / 10, others.integers(1, spec.classes, size=n)
    y = np.where(flipped, (y + other) % spec.classes, y)
    return Raw(x, y, *_names(spec))


def _names(spec: DataSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the features and of the classes."""
    return tuple(f"x{i + 1}" for i in range(spec.features)), tuple(map(str, range(spec.classes)))


def draw_problem(features: int, classes: int, rng: np.random.Generator) -> Problem:
    """Where the clouds lie."""
    dimensions = min(features, 6, max(2, features // 2, classes // 2))
    clouds = classes * CLOUDS
    narrow = clouds ** (-1 / dimensions)  # a quarter of the distance between clouds in a regular grid
    centres = _apart(clouds, dimensions, rng)
    stretch = rng.normal(0.0, narrow, (clouds, dimensions, dimensions)) / np.sqrt(dimensions)
    mixing = np.linalg.qr(rng.normal(size=(features, dimensions)))[0]
    return centres, stretch, mixing


def _points(problem: Problem, cloud: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    """A point (n, features) of every cloud in `cloud` (n,)."""
    centres, stretch, mixing = problem
    inside = np.einsum("ni,nij->nj", rng.normal(size=(len(cloud), centres.shape[1])), stretch[cloud])
    points: NDArray[np.float32] = ((centres[cloud] + inside) @ mixing.T).astype(np.float32)
    return points


def _apart(n: int, dimensions: int, rng: np.random.Generator) -> Array:
    """n points in a box (n, dimensions), far from each other: each the best of ten candidates (Mitchell 1991)."""
    chosen = rng.uniform(-2, 2, (1, dimensions))
    while len(chosen) < n:
        tries = rng.uniform(-2, 2, (10, dimensions))
        nearest = np.linalg.norm(tries[:, None] - chosen[None], axis=2).min(1)
        chosen = np.vstack([chosen, tries[nearest.argmax()]])
    return chosen
