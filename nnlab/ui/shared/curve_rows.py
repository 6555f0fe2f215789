"""The rows of a run's curves, read once per epoch for all viewers."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from nnlab.engines.base import METRICS
from nnlab.lab import Lab
from nnlab.store import Run

_ENDS = ("", "_low", "_high")


_NO_ROWS = pd.DataFrame({"epoch": [], **{name + end: [] for name in METRICS for end in _ENDS}}, dtype=float)


# What viewers share is kept by functools: Streamlit's cache takes a tenth of a millisecond a call.


@lru_cache(maxsize=256)
def curve_rows(lab: Lab, run_id: str, epoch: int, state: str) -> pd.DataFrame:
    """The rows of a run's curves, read once an epoch for everybody who looks on. Nobody writes into them."""
    del epoch, state
    return lab.curves(run_id)


def rows_of(lab: Lab, run: Run) -> pd.DataFrame:
    """`curve_rows`, without a look at the store where there is nothing yet."""
    if run.epoch == 0:
        return _NO_ROWS
    return curve_rows(lab, run.id, run.epoch, run.state)
