"""What a network takes of a point in the plane, by the names in `nnlab.spec.data.TERMS`. The browser computes the same
in `nnlab/ui/network_view/terms.js`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def term_columns(x: Any, terms: Sequence[str]) -> NDArray[np.float32]:
    """The columns (n, terms) of points x (n, 2)."""
    x1, x2 = np.asarray(x, np.float32).T
    columns = {
        "x1": x1,
        "x2": x2,
        "x1_squared": x1 * x1,
        "x2_squared": x2 * x2,
        "x1_times_x2": x1 * x2,
        "sin_x1": np.sin(x1),
        "sin_x2": np.sin(x2),
    }
    return np.stack([columns[name] for name in terms], axis=1)
