"""Runs, curves, weights and comparisons in SQLite (one file, WAL) or PostgreSQL, by URL.

The store is all that the web process and the workers share.
"""

from nnlab.store.comparisons import ComparisonStore, StoredComparison
from nnlab.store.curves import CurveStore, MetricsTable
from nnlab.store.queue import MAX_ATTEMPTS, Counts, Lost, this_process
from nnlab.store.runs import Run, UnknownRun
from nnlab.store.schema import STATES, RequestedAction, State, new_id


class Store(CurveStore, ComparisonStore):
    """Everything in one data base. Threads may share one; each process opens its own."""
