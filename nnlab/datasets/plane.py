"""Two classes in the plane, so that the decision boundary of a network can be drawn.

Noise is the standard deviation of Gaussian noise on both coordinates, in the units of the coordinates.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets.base import Raw
from nnlab.spec import DataSpec

Points = NDArray[np.float64]
Shape = Callable[[NDArray[np.int64], Points, np.random.Generator], Points]
"""`shape(y, along, rng)`: the points (n, 2) of the classes y (n,); a curve has them at the places `along` (n,), which
go from 0 to 1."""


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """`spec.n_samples` points, half of them in each class, evenly spaced along the curve of their class."""
    y = np.arange(spec.n_samples) % 2
    points = SHAPES[spec.name](y, _even(y, closed=spec.name == "moons"), rng)  # (n, 2)
    x = (points + rng.normal(0.0, 1.0, points.shape) * spec.noise).astype(np.float32)
    return Raw(x, y, ("x₁", "x₂"), ("0", "1"))


def draw(spec: DataSpec, problem: tuple[()], n: int, rng: np.random.Generator) -> Raw:
    """n points, independent of each other but for the classes, which take turns."""
    y = np.arange(n) % 2
    along, noise, others = rng.spawn(3)
    points = SHAPES[spec.name](y, along.random(n), others)
    x = (points + noise.normal(0.0, 1.0, points.shape) * spec.noise).astype(np.float32)
    return Raw(x, y, ("x₁", "x₂"), ("0", "1"))


def moons(y: NDArray[np.int64], along: Points, rng: np.random.Generator) -> Points:
    """Two half circles of radius 1, one upside down, interlocking (as scikit-learn's make_moons)."""
    angle = math.pi * along
    return np.where(
        (y == 0)[:, None],
        np.stack([np.cos(angle), np.sin(angle)], 1),
        np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1),
    )


def circles(y: NDArray[np.int64], along: Points, rng: np.random.Generator) -> Points:
    """A circle of radius 0.5 inside one of radius 1 (as scikit-learn's make_circles with factor=0.5)."""
    angle, radius = 2 * math.pi * along, np.where(y == 0, 1.0, 0.5)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def xor(y: NDArray[np.int64], along: Points, rng: np.random.Generator) -> Points:
    """The quadrants of a square from -1 to 1: class 1 where the coordinates have the same sign, with a gap along
    the axes (as TensorFlow Playground's, a fifth of its size)."""
    size = 0.06 + rng.random((len(y), 2)) * (1 - 0.06)
    first = np.where(np.arange(len(y)) // 2 % 2, 1, -1)
    points: Points = size * np.stack([first, np.where(y == 1, first, -first)], 1)
    return points


def gaussians(y: NDArray[np.int64], along: Points, rng: np.random.Generator) -> Points:
    """Two round clouds of standard deviation 0.35 at (1, 1) and (-1, -1) (half the size of TensorFlow Playground's)."""
    return np.where(y == 1, -1.0, 1.0)[:, None] + rng.normal(0.0, 0.35, (len(y), 2))


def spirals(y: NDArray[np.int64], along: Points, rng: np.random.Generator) -> Points:
    """Two arms, each 1¾ turns: radius t, angle 3.5πt (+ π for the other), t from 0 to 1 (as TensorFlow
    Playground's, a fifth of its size)."""
    angle = 3.5 * math.pi * along + math.pi * y
    return np.stack([along * np.sin(angle), along * np.cos(angle)], 1)


def _even(y: NDArray[np.int64], closed: bool) -> Points:
    """Numbers from 0 to 1 (n,), evenly spaced within each class."""
    where = np.empty(len(y))
    for label in (0, 1):
        where[y == label] = np.linspace(0, 1, int((y == label).sum()), endpoint=closed)
    return where


SHAPES: Mapping[str, Shape] = {shape.__name__: shape for shape in (moons, circles, xor, gaussians, spirals)}
