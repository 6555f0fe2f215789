"""Handwritten digits of 8 × 8 pixels that come with scikit-learn: pictures without a download."""

from __future__ import annotations

import numpy as np

from nnlab.datasets.base import Raw
from nnlab.datasets.split import spread_order
from nnlab.spec import DataSpec


def load(spec: DataSpec, rng: np.random.Generator) -> Raw:
    """spec.n_samples of the 1,797 digits (Alpaydin and Kaynak 1998), pixels from 0 to 16."""
    from sklearn.datasets import load_digits  # takes a second: not at start-up

    bunch = load_digits()
    chosen = spread_order(bunch.target, rng)[: spec.n_samples]
    return Raw(
        bunch.data[chosen].astype(np.uint8),
        bunch.target[chosen].astype(np.int64),
        pixel_names(8, 8),
        tuple("0123456789"),
        full_scale=16.0,
    )


def pixel_names(height: int, width: int) -> tuple[str, ...]:
    """Names of the pixels of a picture, row by row."""
    return tuple(f"pixel {row},{column}" for row in range(height) for column in range(width))
