"""Runs, curves and weights in SQLite or PostgreSQL."""

from nnlab.store.runs import (
    MAX_ATTEMPTS,
    STATES,
    Counts,
    Lost,
    MetricsTable,
    Run,
    State,
    Store,
    StoredComparison,
    UnknownRun,
    Wish,
    new_id,
    this_process,
    with_positions,
)

__all__ = [
    "MAX_ATTEMPTS",
    "STATES",
    "Counts",
    "Lost",
    "MetricsTable",
    "Run",
    "State",
    "Store",
    "StoredComparison",
    "UnknownRun",
    "Wish",
    "new_id",
    "this_process",
    "with_positions",
]
