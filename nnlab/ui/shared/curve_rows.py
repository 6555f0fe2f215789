"""The rows of a run's curves, read once per epoch for all viewers."""

from functools import lru_cache

import pandas as pd

from nnlab.engines.base import METRICS
from nnlab.lab import Lab
from nnlab.store import Run

_ENDS = ("", "_low", "_high")
_NO_ROWS = pd.DataFrame({"epoch": [], **{name + end: [] for name in METRICS for end in _ENDS}}, dtype=float)


# lru_cache, because Streamlit's cache takes a tenth of a millisecond per call
@lru_cache(maxsize=256)
def curve_rows(lab: Lab, run_id: str, epoch: int, state: str) -> pd.DataFrame:
    """The rows of a run's curves at an epoch, shared by all viewers: do not change them."""
    del state  # part of the key: the last epoch is written again when a run ends
    return lab.curves(run_id) if epoch else _NO_ROWS


def rows_of(lab: Lab, run: Run) -> pd.DataFrame:
    """`curve_rows` of a run as it is now."""
    return curve_rows(lab, run.id, run.epoch, run.state)
