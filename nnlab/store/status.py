"""How the queue and the runs of a data base are, for whoever looks after a server."""

from typing import NamedTuple

import sqlalchemy as sa

from nnlab.store.runs import Run, RunStore, col
from nnlab.store.schema import STATES, State, now


class RunStates(NamedTuple):
    """How many runs are in each state, and for how many seconds the one that has waited longest has."""

    by_state: dict[State, int]
    oldest_wait: float


class StatusStore(RunStore):
    """What a server's runs do."""

    def run_states(self) -> RunStates:
        """Runs by state, drafts too, deleted ones left out."""
        waited = sa.func.max(now() - col.queued)
        query = sa.select(col.state, sa.func.count().label("n"), waited.label("waited"))
        rows = self._rows(query.where(col.deleted.is_(None)).group_by(col.state))
        found = {row.state: row for row in rows}
        waits = found["waiting"].waited if "waiting" in found else 0.0
        return RunStates({state: found[state].n if state in found else 0 for state in STATES}, max(0.0, waits))

    def in_training(self) -> list[tuple[Run, str]]:
        """The running runs, each with the name of its worker's process; the one that was claimed first goes first."""
        rows = self._rows(sa.select(col.id, col.worker).where(col.state == "running").order_by(col.claimed))
        runs = {run.id: run for run in self.runs(ids=[row.id for row in rows], include_deleted=True)}
        return [(runs[row.id], row.worker or "") for row in rows if row.id in runs]

    def broken_off(self, seconds: float, limit: int) -> list[Run]:
        """The newest runs that failed or were interrupted in the last `seconds`."""
        lately = col.state.in_(("failed", "interrupted")) & (col.finished > now() - seconds) & col.deleted.is_(None)
        rows = self._rows(sa.select(col.id).where(lately).order_by(col.finished.desc()).limit(limit))
        runs = {run.id: run for run in self.runs(ids=[row.id for row in rows])}
        return [runs[row.id] for row in rows if row.id in runs]
