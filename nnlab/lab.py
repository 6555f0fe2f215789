"""What pages, the command line and notebooks use: submit, look, pause, stop, compare.

A Lab holds nothing but a connection to the store and one thread that keeps the workers busy. It never imports
PyTorch; its reads are cheap enough to be asked every second by everybody.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.comparison.cell_runs import CellRun, cover, merged_metrics, merged_weights
from nnlab.engines.base import METRICS, Weights
from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.dispatcher import Dispatcher, split_seeds
from nnlab.jobs.limits import LimitError, check_limits, find_limit
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment, as_seeds, replicates
from nnlab.spec.errors import Problem, SpecError, whole
from nnlab.store import (
    Counts,
    MetricsTable,
    RequestedAction,
    Run,
    State,
    Store,
    StoredComparison,
    UnknownRun,
)

if TYPE_CHECKING:
    from nnlab.engines.base import Epoch

__all__ = ["Activity", "CellRun", "ComparisonRun", "Lab", "LimitError", "NotYours", "Run", "UnknownRun", "open_lab"]

Activity = Counts
Seeds = int | Iterable[int]
LONGEST_SOURCE = 30.0
"""Seconds: a network that takes longer is not trained only because a rate test would start from it."""


class NotYours(PermissionError):
    """A run or comparison of somebody else: it may be looked at, not changed."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what}: it belongs to somebody else, allowed is to change what is your own.")


@dataclass(frozen=True)
class ComparisonRun:
    """A comparison and the runs that answer it, a cell a point, in order."""

    id: str
    owner: str
    name: str
    comparison: Comparison
    cells: tuple[CellRun, ...]
    created: datetime
    test_opened: datetime | None
    """When its owner looked at the test part, the first time."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run once."""
        return tuple({run.id: run for cell in self.cells for run in cell.runs}.values())

    @property
    def active(self) -> bool:
        """Something of it waits or runs."""
        return any(cell.active for cell in self.cells)

    @property
    def progress(self) -> float:
        """0 to 1."""
        return sum(cell.progress for cell in self.cells) / max(1, len(self.cells))


class Lab:
    """One store and its workers. Use `open_lab()`; methods may be called from any thread.

    Reading is free for whoever knows an id. What changes a run raises NotYours for anybody but its owner, and
    UnknownRun where there is no such run.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._dispatcher = Dispatcher(store)

    def warm(self) -> None:
        """Start the workers in the background, so that the first run need not wait for them. Returns at once."""
        if settings().warm:
            self._dispatcher.start()

    def close(self) -> None:
        """Let the workers go (runs under way are resumed by the next lab) and close the store."""
        self._dispatcher.close()
        self.store.close()

    @property
    def trouble(self) -> str | None:
        """One sentence while no worker can be reached; runs wait until one can."""
        return self._dispatcher.trouble

    # submitting

    def check(self, experiment: Experiment, seeds: Seeds) -> Problem | None:
        """What in an experiment is more than this installation allows, or None."""
        return find_limit(experiment, as_seeds(seeds))

    def submit(
        self, experiment: Experiment, seeds: Seeds = 1, owner: str = "local", name: str = "", reuse: bool = True
    ) -> Run:
        """A run of an experiment, in the queue; or, if it has been run before, finished at once.

        Parameters
        ----------
        seeds : number of seeds or the seeds
        reuse : a finished run of the same experiment and seeds is returned as it is, and so is the owner's own that is
            on its way (a click counted twice trains once); where a finished one is another owner's, a copy is made

        Raises
        ------
        LimitError
            If it is more than the settings allow.
        """
        run, _ = self._submit(experiment, as_seeds(seeds), owner, name, reuse)
        self._dispatcher.wake()
        return self._placed([run])[0]

    def _submit(
        self,
        experiment: Experiment,
        seeds: tuple[int, ...],
        owner: str,
        name: str,
        reuse: bool,
        comparison: str | None = None,
    ) -> tuple[Run, bool]:
        check_limits(experiment, seeds)
        twin = None
        if reuse:
            find = self.store.find_finished, self.store.find_unfinished
            twin = next((run for look in find if (run := look(experiment.key, seeds, owner))), None)
        if twin is None:
            return self.store.create_run(experiment, seeds, owner, name, comparison), False
        if twin.owner == owner:
            return twin, True
        return self.store.copy_run(twin, owner, name, comparison), True

    def train_here(
        self,
        experiment: Experiment,
        seeds: Seeds = 1,
        owner: str = "local",
        name: str = "",
        progress: Callable[[Epoch], None] | None = None,
    ) -> Run:
        """Train in this process, without workers: the same store, the same code. For the command line.

        `progress` is called with every Epoch. Ctrl-C leaves the run interrupted, to be resumed. An error is the
        run's state, `failed`, with its sentence in `run.error`. Raises LimitError."""
        from nnlab.jobs.worker import run_job

        seeds = as_seeds(seeds)
        check_limits(experiment, seeds)
        run, attempt = self.store.create_claimed(experiment, seeds, owner, name)
        run_job(self.store, run.id, attempt, progress)
        return self._known(run.id)

    # looking

    def run(self, run_id: str) -> Run | None:
        """One run as it is now. `results["test"]` of a run that answers a comparison is None until the comparison's
        test part is opened, here and in `runs`."""
        run = self.store.run(run_id)
        return None if run is None else self._sealed(self._placed([run]))[0]

    def runs(
        self, owner: str | None = None, *, state: State | None = None, include_deleted: bool = False, limit: int = 500
    ) -> list[Run]:
        """Runs of an owner (None: of all), newest first."""
        return self._sealed(self._placed(self.store.runs(owner, state, include_deleted=include_deleted, limit=limit)))

    def activity(self, owner: str | None = None) -> Activity:
        """How many runs wait and run, of all and of this owner: one cheap query."""
        return self.store.counts(owner)

    def metrics(self, run_id: str, after: int = 0) -> pd.DataFrame:
        """Every epoch above `after` of every seed: columns epoch, seed (with folds also fold, from 0), the METRICS, lr,
        seconds."""
        return _metrics_frame(self.store.metrics(run_id, after))

    def curves(self, run_id: str, after: int = 0, max_points: int | None = 400) -> pd.DataFrame:
        """For charts: one row an epoch above `after`, thinned evenly to `max_points` where there are more.

        Columns epoch, then for each of the METRICS its mean over the seeds (and folds), and `_low` and `_high`, the
        lowest and highest; nan where no seed has a value."""
        return _curves_frame(self.store.metrics(run_id, after, max_points))

    def snapshot_epochs(self, run_id: str) -> list[int]:
        """Epochs whose weights were kept, in order; 0 is before training."""
        return self.store.snapshot_epochs(run_id)

    def snapshot(self, run_id: str, epoch: int | Literal["best"] | None = None) -> tuple[int, Weights] | None:
        """(epoch, weights (seeds, ...)): the nearest kept at or before `epoch`; None is the present state, "best"
        every replicate's lowest validation loss. None where nothing is kept yet."""
        return self.store.snapshot(run_id, epoch)

    def autograd(
        self, experiment: Experiment, weights: Mapping[str, NDArray[Any]], x: NDArray[Any], t: NDArray[Any]
    ) -> Any:
        """PyTorch's gradients of one batch (`nnlab.engines.autograd_check.autograd`) from the next free worker: a future, with
        `done()`, `status` and `result()`; None while no worker can be reached. Returns at once."""
        from nnlab.engines.autograd_check import autograd

        return self._dispatcher.submit(autograd, experiment, weights, x, t)

    def rate_test(self, experiment: Experiment, seeds: Seeds = 3) -> Any:
        """A learning rate range test (`nnlab.training.lr_range_test.range_test`) by the next free worker: a future, with `done()`,
        `status` and `result()`; None while no worker can be reached. Returns at once.

        Raises LimitError, and SpecError where the data would have to be downloaded first, or a source
        (`train.start_from`) be trained for long."""
        from nnlab.datasets import mnist
        from nnlab.training.lr_range_test import range_test

        seeds = as_seeds(seeds)
        check_limits(experiment, seeds)
        if experiment.data.name == "mnist" and not mnist.available():
            raise SpecError([Problem("data.name", "mnist", "conflict", expected="data_not_here")])
        source, start = None, experiment.train.start_from
        if start is not None:
            source = self.store.trained_weights(start.experiment, seeds)
            if source is None and estimate_seconds(start.experiment, len(seeds)) > LONGEST_SOURCE:
                raise SpecError([Problem("train.start_from", list(seeds), "conflict", expected="source_not_trained")])
        return self._dispatcher.submit(partial(range_test, source=source), experiment, seeds)

    # changing

    def pause(self, run_id: str, owner: str) -> None:
        """Within a second or so, back at the end of the last whole epoch; the worker is free for others then."""
        self._request(run_id, owner, "pause")

    def stop(self, run_id: str, owner: str) -> None:
        """Within a second or so, keeping what was learned by the end of the last whole epoch."""
        self._request(run_id, owner, "stop")

    def resume(self, run_id: str, owner: str) -> None:
        """Back into the queue, to go on where it was: from paused, interrupted, stopped or failed."""
        run = self._own(run_id, owner)
        check_limits(run.experiment, run.seeds)
        self.store.requeue(run_id)
        self._dispatcher.wake()

    def add_epochs(self, run_id: str, n: int, owner: str) -> Run:
        """n more epochs for a run that is finished, stopped or paused. Raises LimitError, SpecError."""
        run = self._own(run_id, owner)
        more = whole("epochs", n, 1, 100_000)  # taking some away would leave a run that knows more than it says
        experiment = run.experiment.set({"train.epochs": run.experiment.train.epochs + more})
        check_limits(experiment, run.seeds)
        if not self.store.extend(run_id, experiment):
            raise SpecError([Problem("train.epochs", experiment.train.epochs, "type", expected="run that is at rest")])
        self._dispatcher.wake()
        return self._known(run_id)

    def rename(self, run_id: str, name: str, owner: str) -> None:
        self._own(run_id, owner)
        self.store.rename(run_id, name)

    def delete(self, run_id: str, owner: str) -> None:
        """Out of sight; stopped if it was under way. `restore` brings it back."""
        self._own(run_id, owner)
        self.store.delete(run_id)

    def restore(self, run_id: str, owner: str) -> None:
        """Undoes `delete`."""
        self._own(run_id, owner)
        self.store.restore(run_id)

    def recover(self) -> None:
        """Runs whose worker died go back to the queue, or are marked interrupted; waiting ones get workers.

        The lab does this by itself, once it has begun to work."""
        self.store.release_dead(settings().stale_after)
        self._dispatcher.wake()

    def purge(self, older_than: float = 7 * 86400) -> int:
        """Removes for good what was deleted more than so many seconds ago; how many runs."""
        return self.store.purge(older_than)

    # comparisons

    def submit_comparison(
        self, comparison: Comparison, owner: str = "local", name: str = "", reuse: bool = True
    ) -> ComparisonRun:
        """A run for every point. What has been run before is taken as it is, seed by seed. Raises LimitError, with
        nothing begun."""
        self._check_cells(comparison)
        comparison_id = self.store.create_comparison(comparison, owner, name)
        return self._fill(comparison_id, comparison, owner, name, reuse)

    def extend_comparison(self, comparison_id: str, comparison: Comparison, owner: str) -> ComparisonRun:
        """The same comparison with other values or seeds: what is new is trained. Raises LimitError, NotYours,
        UnknownRun; ValueError where the experiment or a knob is another one."""
        stored = self._own_comparison(comparison_id, owner)
        before = stored.comparison
        if (before.experiment, before.vary, before.by) != (comparison.experiment, comparison.vary, comparison.by):
            raise ValueError("comparison: allowed are other values and seeds; experiment and knobs stay.")
        self._check_cells(comparison)
        return self._fill(comparison_id, comparison, owner, stored.name, reuse=True, before=stored)

    def _check_cells(self, comparison: Comparison) -> None:
        for experiment in comparison.experiments:
            check_limits(experiment, comparison.seeds)

    def _fill(
        self,
        comparison_id: str,
        comparison: Comparison,
        owner: str,
        name: str,
        reuse: bool,
        before: StoredComparison | None = None,
    ) -> ComparisonRun:
        """Finds or begins the runs of every cell."""
        kept = dict(zip(before.comparison.points, before.cells, strict=True)) if before else {}
        same_seeds = before is not None and before.comparison.seeds == comparison.seeds
        cells: list[Sequence[tuple[str, bool]]] = []
        for point, experiment in zip(comparison.points, comparison.experiments, strict=True):
            parts: Sequence[tuple[str, bool]] = kept.get(point, ())
            if not (parts and same_seeds):
                parts = self._cell(experiment, comparison.seeds, owner, name, reuse, comparison_id, dict(parts))
            cells.append(parts)
            if len(cells) == 1:
                self._dispatcher.wake()  # the first is trained while the others are put into the queue
        self.store.set_cells(comparison_id, comparison, cells)
        self._dispatcher.wake()
        made = self.comparison(comparison_id)
        assert made is not None
        return made

    def _cell(
        self,
        experiment: Experiment,
        seeds: tuple[int, ...],
        owner: str,
        name: str,
        reuse: bool,
        comparison_id: str,
        kept: Mapping[str, bool],
    ) -> list[tuple[str, bool]]:
        """The runs of one cell, and whether they had been there; a run in `kept` is said as it was said before."""
        parts, missing = [], list(seeds)
        if reuse:
            found = self.store.find_parts(experiment.key, owner)
            runs, missing = cover(seeds, sorted(found, key=lambda run: (run.id not in kept, run.seeds != seeds)))
            for run in runs:
                mine = run if run.owner == owner else self.store.copy_run(run, owner, name, comparison_id)
                parts.append((mine.id, kept.get(mine.id, True)))
        for some in split_seeds(experiment, missing):
            run = self.store.create_run(experiment, some, owner, name, comparison_id)
            parts.append((run.id, False))
        return parts

    def comparison(self, comparison_id: str) -> ComparisonRun | None:
        """One comparison as it is now."""
        stored = self.store.comparison(comparison_id)
        return next(iter(self._filled([stored])), None) if stored else None

    def comparisons(self, owner: str | None = None, *, limit: int | None = None) -> list[ComparisonRun]:
        """Of an owner (None: of all), newest first."""
        return self._filled(self.store.comparisons(owner, limit))

    def stop_comparison(self, comparison_id: str, owner: str, place: int | None = None) -> None:
        """Stops its runs that wait or run; `place`: those of one cell."""
        stored = self._own_comparison(comparison_id, owner)
        cells = stored.cells if place is None else stored.cells[place : place + 1]
        for run in self.store.runs(ids=[run_id for cell in cells for run_id, _ in cell]):
            if run.active and run.owner == owner:
                self.store.request(run.id, "stop")
        self._dispatcher.wake()

    def open_test(self, comparison_id: str, owner: str) -> None:
        """The deliberate act after which a comparison's test scores are shown. It cannot be undone."""
        self._own_comparison(comparison_id, owner)
        self.store.open_test(comparison_id)

    def cell_metrics(self, cell: CellRun) -> pd.DataFrame:
        """Every epoch of every wanted seed of a cell, as `metrics` gives them of a run."""
        return self.cells_metrics([cell])[0]

    def cells_metrics(self, cells: Sequence[CellRun]) -> list[pd.DataFrame]:
        """`cell_metrics` of many cells, read at once."""
        tables = self.store.metrics_of([run.id for cell in cells for run in cell.runs])
        return [merged_metrics(cell, [_metrics_frame(tables[run.id]) for run in cell.runs]) for cell in cells]

    def cells_curves(self, cells: Sequence[CellRun], max_points: int | None = 400) -> list[pd.DataFrame]:
        """Mean and band over the wanted seeds of each cell, as `curves` gives them of a run; read at once."""
        simple = [len(cell.runs) == 1 and cell.runs[0].seeds == cell.seeds for cell in cells]
        tables = self.store.metrics_of([cell.runs[0].id for cell, one in zip(cells, simple, strict=True) if one],
                                       max_points)  # fmt: skip
        others = iter(self.cells_metrics([cell for cell, one in zip(cells, simple, strict=True) if not one]))
        return [
            _curves_frame(tables[cell.runs[0].id]) if one else _merged_curves(next(others), max_points)
            for cell, one in zip(cells, simple, strict=True)
        ]

    def cell_weights(self, cell: CellRun) -> Weights | None:
        """The present weights (replicates, ...) of a cell's wanted seeds; None until all its runs have some."""
        kept = [self.store.snapshot(run.id) for run in cell.runs]
        return None if None in kept else merged_weights(cell, [one[1] for one in kept if one is not None])

    # inside

    def _known(self, run_id: str) -> Run:
        run = self.run(run_id)
        if run is None:
            raise UnknownRun(run_id)
        return run

    def _own(self, run_id: str, owner: str) -> Run:
        run = self.store.run(run_id)
        if run is None:
            raise UnknownRun(run_id)
        if run.owner != owner:
            raise NotYours(run_id)
        return run

    def _request(self, run_id: str, owner: str, action: RequestedAction) -> None:
        self._own(run_id, owner)
        self.store.request(run_id, action)
        self._dispatcher.wake()

    def _placed(self, runs: Sequence[Run]) -> list[Run]:
        return self.store.with_positions(runs)

    def _sealed(self, runs: list[Run]) -> list[Run]:
        asked = {run.comparison for run in runs if run.comparison and run.results}
        closed = self.store.with_closed_test(asked) if asked else set()
        return [
            replace(run, results={**run.results, "test": None}) if run.results and run.comparison in closed else run
            for run in runs
        ]

    def _own_comparison(self, comparison_id: str, owner: str) -> StoredComparison:
        stored = self.store.comparison(comparison_id)
        if stored is None:
            raise UnknownRun(comparison_id)
        if stored.owner != owner:
            raise NotYours(comparison_id)
        return stored

    def _filled(self, stored: Sequence[StoredComparison]) -> list[ComparisonRun]:
        wanted = {run_id for one in stored for run_id in one.run_ids}
        runs = {run.id: run for run in self._placed(self.store.runs(ids=sorted(wanted), include_deleted=True))}
        return [
            ComparisonRun(
                one.id,
                one.owner,
                one.name,
                one.comparison,
                tuple(
                    CellRun(
                        point,
                        experiment,
                        one.comparison.seeds,
                        tuple(runs[run_id] for run_id, _ in parts),
                        tuple(reused for _, reused in parts),
                    )
                    for point, experiment, parts in zip(
                        one.comparison.points, one.comparison.experiments, one.cells, strict=True
                    )
                ),
                one.created,
                one.test_opened,
            )
            for one in stored
            if one.cells  # else it is being made
        ]


def _metrics_frame(table: MetricsTable) -> pd.DataFrame:
    each = replicates(table.seeds, table.folds)
    n, count = len(table.epochs), len(each)
    columns: dict[str, NDArray[Any]] = {
        "epoch": np.repeat(table.epochs, count),
        "seed": np.tile(np.array([one.seed for one in each], np.int64), n),
    }
    if table.folds:
        columns["fold"] = np.tile(np.array([one.fold for one in each], np.int64), n)
    columns |= {name: table.values[:, i].reshape(-1) for i, name in enumerate(METRICS)}
    columns |= {"lr": np.repeat(table.lr, count), "seconds": np.repeat(table.seconds, count)}
    return pd.DataFrame(columns)


def _curves_frame(table: MetricsTable) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where every seed is nan, so is the mean
        mean, low, high = (f(table.values, axis=2) for f in (np.nanmean, np.nanmin, np.nanmax))  # (n, 4)
    columns: dict[str, NDArray[Any]] = {"epoch": table.epochs}
    for i, name in enumerate(METRICS):
        columns |= {name: mean[:, i], f"{name}_low": low[:, i], f"{name}_high": high[:, i]}
    return pd.DataFrame(columns)


def _merged_curves(metrics: pd.DataFrame, max_points: int | None) -> pd.DataFrame:
    over = metrics.groupby("epoch")[list(METRICS)].agg(["mean", "min", "max"])
    if max_points is not None and len(over) > max_points:
        over = over.iloc[np.linspace(0, len(over) - 1, max_points).round().astype(int)]
    columns: dict[str, Any] = {"epoch": over.index.to_numpy()}
    for name in METRICS:
        ends = (("", "mean"), ("_low", "min"), ("_high", "max"))
        columns |= {f"{name}{end}": over[name, of].to_numpy() for end, of in ends}
    return pd.DataFrame(columns)


_labs: dict[str, Lab] = {}
_labs_lock = threading.Lock()


def open_lab(*, warm: bool = False) -> Lab:
    """The lab of this process's settings, always the same one.

    warm: start the workers in the background; else they start with the first submit. Pages say True."""
    url = settings().database_url
    lab = _labs.get(url)
    if lab is None:
        with _labs_lock:
            lab = _labs.get(url) or Lab(Store(url))
            _labs[url] = lab
    if warm:
        lab.warm()
    return lab


def close_labs() -> None:
    """Closes every lab of this process: the next `open_lab` makes a new one."""
    with _labs_lock:
        labs = list(_labs.values())
        _labs.clear()
    for lab in labs:
        lab.close()
