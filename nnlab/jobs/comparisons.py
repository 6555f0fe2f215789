"""The comparisons of a lab: submitting, extending, reading, stopping and deleting them."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from nnlab.analysis.curves import evenly_spaced
from nnlab.comparison.cell_runs import CellRun, ComparisonRun, merged_curves, merged_metrics, merged_weights
from nnlab.engines.base import Weights
from nnlab.jobs.cells import missing, new_runs, queue_cells
from nnlab.jobs.dispatcher import Dispatcher
from nnlab.jobs.limits import LimitError, check_comparison, check_waiting, find_comparison_limit
from nnlab.jobs.ownership import own
from nnlab.jobs.space import check_space
from nnlab.spec import Comparison
from nnlab.spec.errors import Problem
from nnlab.store import Store, StoredComparison

BLOCK = 5_000  # rows of a table of metrics: half a megabyte as text


class Comparisons:
    """What `Lab` does with comparisons."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._dispatcher = Dispatcher(store)

    def check_comparison(self, comparison: Comparison) -> Problem | None:
        """The first field of a comparison that is over a limit of this installation, or None."""
        return find_comparison_limit(comparison, splits=True)

    def submit_comparison(
        self,
        comparison: Comparison,
        owner: str = "local",
        name: str = "",
        reuse: bool = True,
        guess: str | None = None,
    ) -> ComparisonRun:
        """Queue a run for every cell of a comparison; with `reuse`, only for seeds that were not trained before.
        `guess`: the value that the owner expects to be best."""
        check_comparison(comparison, splits=True)
        self._check_space(owner, comparison, reuse)
        self._check_waiting(owner, new_runs(None, comparison))
        comparison_id = self.store.create_comparison(comparison, owner, name)
        if guess is not None:
            self.guess(comparison_id, guess, owner)
        return self._queue_cells(own(self.store.comparison, comparison_id, owner), comparison, reuse)

    def extend_comparison(self, comparison_id: str, comparison: Comparison, owner: str) -> ComparisonRun:
        """Change the values or seeds of a comparison and train what is new.

        Raises
        ------
        ValueError
            If the experiment or a knob differs.
        """
        stored = own(self.store.comparison, comparison_id, owner)
        before = stored.comparison
        if (before.experiment, before.vary, before.by) != (comparison.experiment, comparison.vary, comparison.by):
            raise ValueError("comparison: allowed are other values and seeds; experiment and knobs stay.")
        check_comparison(comparison, splits=True)
        self._check_space(owner, comparison)
        self._check_waiting(owner, new_runs(stored, comparison))
        return self._queue_cells(stored, comparison)

    def comparison(self, comparison_id: str) -> ComparisonRun | None:
        """One comparison as it is now; None if it cannot be read, or one of its runs."""
        stored = self.store.comparison(comparison_id)
        return next(iter(self._with_runs([stored] if stored else [])), None)

    def comparison_state(self, comparison_id: str) -> StoredComparison | None:
        """One comparison as it is now, of its runs only their states, as in `recent`."""
        return self.store.comparison(comparison_id)

    def comparisons(self, owner: str | None = None, *, limit: int | None = None) -> list[ComparisonRun]:
        """Comparisons of an owner (None: of all), newest first."""
        return self._with_runs(self.store.comparisons(owner, limit))

    def best_scores(self, comparisons: Sequence[StoredComparison]) -> list[float]:
        """See `ComparisonRun.best_score`; of many comparisons, read at once. nan where a run cannot be read."""
        best = {one.id: one.best_score for one in self._with_runs(comparisons)}
        return [best.get(one.id, math.nan) for one in comparisons]

    def stop_comparison(self, comparison_id: str, owner: str, place: int | None = None) -> None:
        """Stop the unfinished runs of a comparison; `place`: of one cell only."""
        stored = own(self.store.comparison, comparison_id, owner)
        cells = stored.cells if place is None else stored.cells[place : place + 1]
        for run in self.store.runs(ids=[run_id for cell in cells for run_id, _ in cell]):
            if run.active and run.owner == owner:
                self.store.request(run.id, "stop")
        self._dispatcher.wake()

    def delete_comparison(self, comparison_id: str, owner: str) -> None:
        """Hide a comparison and the runs of its cells, but those that were there before or belong to another one too;
        unfinished ones stop. `restore_comparison` brings them back."""
        own(self.store.comparison, comparison_id, owner)
        self.store.delete_comparison(comparison_id)

    def restore_comparison(self, comparison_id: str, owner: str) -> None:
        """Undo `delete_comparison`: runs that it has stopped continue."""
        states = own(self.store.comparison, comparison_id, owner).states
        self._check_waiting(owner, sum(cell.count("stopped") for cell in states))
        self.store.restore_comparison(comparison_id)
        self._dispatcher.wake()

    def guess(self, comparison_id: str, value: str, owner: str) -> None:
        """Keep which value a visitor expects to be best, as text of a link; empty: no difference. The first counts."""
        self.store.guess(comparison_id, owner, value)

    def open_test(self, comparison_id: str, owner: str) -> None:
        """Show the comparison's scores on the test set from now on. This cannot be undone."""
        own(self.store.comparison, comparison_id, owner)
        self.store.open_test(comparison_id)

    def cell_metrics(self, cell: CellRun) -> pd.DataFrame:
        """The metrics of every epoch of a cell's seeds, as from `metrics`."""
        return merged_metrics(cell, [self.store.metrics(run.id).frame() for run in cell.runs])

    def cell_blocks(self, cell: CellRun) -> Iterator[pd.DataFrame]:
        """`cell_metrics` in blocks of some epochs, so that no more than BLOCK rows of a run are in memory."""
        each = max(1, BLOCK // max(len(run.replicates) for run in cell.runs))
        for after in range(0, max(run.epoch for run in cell.runs), each):
            tables = [self.store.metrics(run.id, after, until=after + each) for run in cell.runs]
            yield merged_metrics(cell, [table.frame() for table in tables])

    def cell_curves(self, cell: CellRun, max_points: int | None = 400) -> pd.DataFrame:
        """The curves of a cell over its seeds, as from `curves`."""
        if [run.seeds for run in cell.runs] == [cell.seeds]:
            return self.store.curves(cell.run.id, max_points)
        if max_points is None or cell.experiment.train.patience:  # the best epoch of each may be one between them
            return merged_curves(cell, self.cell_metrics(cell), max_points)
        epochs = [place + 1 for place in evenly_spaced(max(run.epoch for run in cell.runs), max_points)]
        frames = [self.store.metrics(run.id, epochs=epochs).frame() for run in cell.runs]
        return merged_curves(cell, merged_metrics(cell, frames), None)

    def cell_weights(self, cell: CellRun) -> Weights | None:
        """The latest weights (replicates, ...) of a cell's seeds; None until all its runs have some."""
        found = [last for run in cell.runs if (last := self.store.snapshot(run.id))]
        return merged_weights(cell, [weights for _, weights in found]) if len(found) == len(cell.runs) else None

    def _check_space(self, owner: str, comparison: Comparison, reuse: bool = True) -> None:
        """Raise LimitError if there is no room for the cells that have to be trained."""
        try:
            check_space(self.store, owner, ((one, len(comparison.seeds)) for one in comparison.experiments))
        except LimitError:
            check_space(self.store, owner, missing(self.store, owner, comparison, reuse))

    def _check_waiting(self, owner: str, more: int = 1) -> None:
        """Raise LimitError if the owner may not queue so many more runs."""
        mine = self.store.counts(owner)
        check_waiting(mine.mine_running + mine.mine_waiting, more)

    def _queue_cells(self, stored: StoredComparison, comparison: Comparison, reuse: bool = True) -> ComparisonRun:
        queue_cells(self.store, stored, comparison, reuse=reuse, wake=self._dispatcher.wake)
        return own(self.comparison, stored.id, stored.owner)

    def _with_runs(self, stored: Sequence[StoredComparison]) -> list[ComparisonRun]:
        found = self.store.with_positions(self.store.cell_runs([one.id for one in stored]))
        runs = {run.id: run for run in found}
        whole = [one for one in stored if all(run_id in runs for cell in one.cells for run_id, _ in cell)]
        return [ComparisonRun.of(one, runs) for one in whole if one.cells]  # without cells it is being created
