"""The weights of one layer as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnlab.engines.base import Weights


def values_table(weights: Weights, layer: int, inputs: Sequence[str]) -> pd.DataFrame:
    """The values of one layer of one replicate: a row per input, then the bias and the normalisation; a column per
    neuron."""
    matrix = weights[f"{layer}.weight"]
    rows, columns = ([str(i + 1) for i in range(n)] for n in matrix.shape)
    extra = ("bias", "norm.scale", "norm.shift", "norm.mean", "norm.variance")
    below = {name: weights[f"{layer}.{name}"] for name in extra if f"{layer}.{name}" in weights}
    frame = pd.DataFrame(np.vstack([matrix, *below.values()]), columns=columns)
    frame.insert(0, "input", [*(inputs if len(inputs) == len(rows) else rows), *below])
    return frame
