"""Runs, curves, weights and comparisons in SQLite (one file, WAL) or PostgreSQL, by URL.

The store is all that the web process and the workers share.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from nnlab.store.accounts import Account, AccountStore
from nnlab.store.assignments import AssignmentStore, HandedIn, Participant, StoredAssignment, UnknownAssignment
from nnlab.store.classes import Class, ClassFull, Member
from nnlab.store.comparisons import StoredComparison
from nnlab.store.curves import CurveStore, MetricsTable
from nnlab.store.data_files import DataFileStore
from nnlab.store.errors import StoreUnavailable
from nnlab.store.order import Place, Unfinished
from nnlab.store.people import NameTaken, Person
from nnlab.store.processes import this_process
from nnlab.store.queue import MAX_ATTEMPTS, Counts, Lost, QueuedJob
from nnlab.store.retention import Freed, Retention, RetentionStore
from nnlab.store.runs import Run, UnknownRun
from nnlab.store.schema import PRECEDENCE, STATES, RequestedAction, State, cells_table, new_id, runs_table
from nnlab.store.sign_in import Wait
from nnlab.store.status import RunStates, StatusStore
from nnlab.store.unreadable import Unreadable, UnreadableStore
from nnlab.store.usage import UsageStore


class Store(
    CurveStore, DataFileStore, UnreadableStore, RetentionStore, UsageStore, StatusStore, AssignmentStore, AccountStore
):
    """Everything in one data base. Threads may share one; each process opens its own."""

    def cell_runs(self, comparison_ids: Sequence[str]) -> list[Run]:
        """The runs of these comparisons' cells, each once, deleted or not."""
        cells = sa.select(cells_table.c.run).where(cells_table.c.comparison.in_(comparison_ids))
        return self._select(sa.select(runs_table).where(runs_table.c.id.in_(cells)))
