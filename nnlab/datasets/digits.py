"""The handwritten digits of 8 × 8 pixels that scikit-learn includes: pictures without a download."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets.base import Raw
from nnlab.datasets.split import keep_labels, spread_order
from nnlab.spec import DataSpec


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """spec.n_samples of the 1,797 digits (Alpaydin and Kaynak 1998), pixels from 0 to 16."""
    x, y = _all()
    if spec.labels:
        x, y = keep_labels(x, y, spec.labels)
    chosen = spread_order(y, rng)[: spec.n_samples]
    return Raw(x[chosen], y[chosen], pixel_names(8, 8), digit_names(spec))


@cache
def _all() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels (1797, 64) and labels (1797,), read once, since parsing the text file is slow."""
    from sklearn.datasets import load_digits  # imports in a second, which would delay the start

    x, y = load_digits(return_X_y=True)
    return x.astype(np.uint8), y.astype(np.int64)


def digit_names(spec: DataSpec) -> tuple[str, ...]:
    """Names of the selected classes."""
    return tuple(map(str, spec.labels or range(10)))


def pixel_names(height: int, width: int) -> tuple[str, ...]:
    """Names of the pixels of a picture, row by row."""
    return tuple(f"pixel {row},{column}" for row in range(height) for column in range(width))
