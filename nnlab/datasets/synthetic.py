"""An artificial problem of any number of features and classes, hard enough that depth matters."""

import numpy as np

from nnlab.datasets.base import Raw
from nnlab.spec import DataSpec

CLOUDS = 4
"""Clouds per class: no straight line separates the classes, so that hidden layers help."""


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """`spec.n_samples` points in clouds: every class has several, each stretched in its own directions.

    The clouds have half as many dimensions as there are features (2 to 6), and every feature is a mixture of these
    dimensions, as in scikit-learn's make_classification (Guyon 2003). A share of noise / 10 of the labels is wrong, so
    that a large network can overfit 100 samples.
    """
    informative = min(spec.features, 6, max(2, spec.features // 2, spec.classes // 2))
    clouds = spec.classes * CLOUDS
    narrow = clouds ** (-1 / informative)  # a quarter of the distance between clouds in a regular grid
    centres = _apart(clouds, informative, rng)  # (clouds, informative)
    stretch = rng.normal(0.0, narrow, (clouds, informative, informative)) / np.sqrt(informative)
    mixing = np.linalg.qr(rng.normal(size=(spec.features, informative)))[0]  # (features, informative)

    y = np.arange(spec.n_samples) % spec.classes
    cloud = y + spec.classes * rng.integers(CLOUDS, size=len(y))
    points = centres[cloud] + np.einsum("ni,nij->nj", rng.normal(size=(len(y), informative)), stretch[cloud])

    # the first sample of every class keeps its label, so that no class vanishes
    flipped = spec.classes + rng.permutation(len(y) - spec.classes)[: round(len(y) * spec.noise / 10)]
    y[flipped] = (y[flipped] + rng.integers(1, spec.classes, size=len(flipped))) % spec.classes
    return Raw(
        (points @ mixing.T).astype(np.float32),
        y,
        tuple(f"x{i + 1}" for i in range(spec.features)),
        tuple(str(label) for label in range(spec.classes)),
    )


def _apart(n: int, dimensions: int, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """n points in a box (n, dimensions), far from each other: each the best of ten candidates (Mitchell 1991)."""
    chosen = rng.uniform(-2, 2, (1, dimensions))
    while len(chosen) < n:
        tries = rng.uniform(-2, 2, (10, dimensions))
        nearest = np.linalg.norm(tries[:, None] - chosen[None], axis=2).min(1)
        chosen = np.vstack([chosen, tries[nearest.argmax()]])
    return chosen
