"""Runs, curves and weights in SQLite or PostgreSQL."""

from nnlab.store.runs import (
    MAX_ATTEMPTS,
    METRICS,
    STATES,
    Counts,
    Lost,
    MetricsTable,
    Run,
    State,
    Store,
    StoredComparison,
    UnknownRun,
    Weights,
    Wish,
    new_id,
    with_positions,
)

__all__ = [
    "MAX_ATTEMPTS",
    "METRICS",
    "STATES",
    "Counts",
    "Lost",
    "MetricsTable",
    "Run",
    "State",
    "Store",
    "StoredComparison",
    "UnknownRun",
    "Weights",
    "Wish",
    "new_id",
    "with_positions",
]
