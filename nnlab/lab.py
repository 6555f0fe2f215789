"""What pages, the command line and notebooks use: submit, read, pause, stop, compare.

A Lab holds a connection to the store and a thread that keeps the workers busy. It imports neither PyTorch nor Numba,
and reading is cheap enough for every page to read once a second.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from nnlab.comparison.cell_runs import CellRun, ComparisonRun
from nnlab.datasets.mnist import available, look_in
from nnlab.engines.base import Array, Epoch, Weights
from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.assignments import Assignments
from nnlab.jobs.comparisons import BLOCK
from nnlab.jobs.forecast import Forecast
from nnlab.jobs.limits import LimitError, check_limits, find_limit
from nnlab.jobs.machine import Machine, read_machine
from nnlab.jobs.memory import here_bytes
from nnlab.jobs.ownership import NotYours, own
from nnlab.jobs.space import check_space
from nnlab.jobs.submission import Seeds
from nnlab.jobs.trouble import Trouble
from nnlab.settings import settings
from nnlab.spec import Experiment, as_seeds
from nnlab.spec.errors import Problem, SpecError, whole
from nnlab.store import Counts, RequestedAction, Run, State, Store, StoredComparison, UnknownRun, Unreadable

__all__ = ["ComparisonRun", "Interrupted", "Lab", "LimitError", "NotYours", "Run", "UnknownRun", "open_lab"]

LONGEST_SOURCE = 30.0  # seconds: a rate test does not first train a source experiment that takes longer


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended the training of the run `run_id`, which can be resumed."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


class Lab(Assignments):
    """One store and its workers. Call `open_lab()` to get one; all methods are thread-safe.

    Anybody who has an id may read. Methods with a required `owner` change a run or comparison: they raise NotYours
    if it belongs to another owner, and UnknownRun if it does not exist. Methods that train raise LimitError if an
    experiment, the number of the owner's waiting and running runs, or what they store is over a limit of the settings;
    nothing is queued then.
    """

    def warm(self) -> None:
        """Start the workers in the background, so that the first run does not wait for them.

        With NNLAB_WARM=0 they start only if runs of an earlier process are unfinished."""
        queue = self.store.counts()
        if settings().warm or queue.waiting or queue.running:
            self._dispatcher.start()

    def close(self) -> None:
        """End the workers and close the store. The next lab resumes the unfinished runs."""
        self._dispatcher.close()
        self.store.close()

    @property
    def trouble(self) -> Trouble | None:
        """Why runs wait, while workers are missing or cannot work; `str()` of it is a sentence."""
        return self._dispatcher.trouble

    def machine(self) -> Machine:
        """The workers, the queue, the disk and the memory, and what is wrong with them."""
        dispatcher = self._dispatcher
        return read_machine(self.store, dispatcher.workers, dispatcher.wanted, self.trouble)

    def check(self, experiment: Experiment, seeds: Seeds) -> Problem | None:
        """The first field of an experiment that is over a limit of this installation, or None."""
        return find_limit(experiment, as_seeds(seeds))

    def copy(self, run_id: str, owner: str) -> Run:
        """A copy of anybody's finished run among the owner's; both read the same curves and weights."""
        run = self.store.run(run_id)
        copied = self.store.copy_run(run, owner, run.name) if run and run.state == "finished" else None
        if copied is None:
            raise UnknownRun(run_id)
        return copied

    def train_here(
        self,
        experiment: Experiment,
        seeds: Seeds = 1,
        owner: str = "local",
        name: str = "",
        progress: Callable[[Epoch], None] | None = None,
    ) -> Run:
        """Train in this process, without workers, as the command line does; `progress` is called after every epoch.

        Ctrl-C leaves the run interrupted and raises Interrupted; `resume_here` trains on. After an error its state is
        `failed` and `run.error` a sentence about it."""
        seeds = as_seeds(seeds)
        check_limits(experiment, seeds, here_bytes())
        run, attempt = self.store.create_claimed(experiment, seeds, owner, name)
        return self._train_claimed(run.id, attempt, progress)

    def resume_here(self, run_id: str, progress: Callable[[Epoch], None] | None = None) -> Run:
        """Train a waiting, paused, interrupted, stopped or failed run on in this process, whoever owns it: as
        `train_here`.

        Raises
        ------
        SpecError
            If the run is being trained, or was deleted.
        """
        if (run := self.store.run(run_id)) is None:
            raise UnknownRun(run_id)
        check_limits(run.experiment, run.seeds, here_bytes())
        self.store.release_dead(settings().stale_after)  # it may have ended with the terminal it was started from
        if run.deleted:
            raise SpecError.conflict("run", run_id, "run_deleted")
        self.store.requeue(run_id)
        attempt = self.store.claim(run_id)
        if attempt is None:
            raise SpecError.conflict("run", run_id, "run_in_training")
        return self._train_claimed(run_id, attempt, progress)

    def _train_claimed(self, run_id: str, attempt: str, progress: Callable[[Epoch], None] | None) -> Run:
        from nnlab.jobs.worker import run_job

        try:
            run_job(self.store, run_id, attempt, progress)
        except KeyboardInterrupt:
            raise Interrupted(run_id) from None
        return self._shown(self.store.runs(ids=[run_id], include_deleted=True))[0]

    def run(self, run_id: str) -> Run | None:
        """One run as it is now. As in `runs`, `results["test"]` of a comparison's run is None until the comparison's
        test set is opened."""
        run = self.store.run(run_id)
        return None if run is None else self._shown([run])[0]

    def runs(
        self,
        owner: str | None = None,
        *,
        state: State | None = None,
        include_deleted: bool = False,
        alone: bool | None = None,
        trained: bool = False,
        limit: int = 500,
    ) -> list[Run]:
        """Runs of an owner (None: of all), newest first; with `alone` without those of comparisons, False: only these;
        with `trained` those with an epoch at least."""
        which: dict[str, Any] = {"include_deleted": include_deleted, "alone": alone, "trained": trained}
        return self._shown(self.store.runs(owner, state, limit=limit, **which))

    def recent(self, owner: str, limit: int) -> list[Run | StoredComparison]:
        """The newest runs and comparisons of an owner, newest first; the runs of a comparison's cells are left out."""
        compared = [one for one in self.store.comparisons(owner, limit) if one.cells]  # without, it is being created
        both: list[Run | StoredComparison] = [*self.runs(owner, limit=limit, alone=True), *compared]
        return sorted(both, key=lambda one: one.created, reverse=True)[:limit]

    def activity(self, owner: str | None = None) -> Counts:
        """How many runs wait and run, of all owners and of this one, without drafts: one cheap query."""
        return self.store.counts(owner, drafts=False)

    def disk_use(self, owner: str) -> tuple[int, int]:
        """Bytes that an owner's runs take, and that they may take. Deleted runs count as nothing."""
        return self.store.used(owner), settings().max_visitor_mb * 1_000_000

    def forecast(self, owner: str) -> Forecast:
        """When jobs that this owner submits now would be finished, and when those in the queue will be."""
        return Forecast(self.store.jobs(), owner, self.store.served(owner), self._dispatcher.threads)

    def metrics(self, run_id: str, after: int = 0, epochs: Sequence[int] | None = None) -> pd.DataFrame:
        """The metrics of every epoch above `after`, or of these `epochs`, and every replicate.

        The columns are epoch, seed (with folds also fold, from 0), the METRICS, lr, seconds."""
        return self.store.metrics(run_id, after, epochs=epochs).frame()

    def epochs(self, run: Run) -> pd.DataFrame:
        """The `metrics` of a run and its column `best_epoch`: with early stopping, that of the weights each replicate
        ends with. It is missing (nan) before the run ends."""
        return self._with_best(run, self.metrics(run.id))

    def epoch_blocks(self, run: Run) -> Iterator[pd.DataFrame]:
        """`epochs` in blocks of some epochs, so that not all are in memory at the same time."""
        each = max(1, BLOCK // len(run.replicates))
        for after in range(0, run.epoch, each):
            yield self._with_best(run, self.store.metrics(run.id, after, until=after + each).frame())

    def part_blocks(self, part: Run | CellRun) -> Iterator[pd.DataFrame]:
        """The metrics of a run, or of a cell of a comparison, in blocks."""
        return self.cell_blocks(part) if isinstance(part, CellRun) else self.epoch_blocks(part)

    def _with_best(self, run: Run, metrics: pd.DataFrame) -> pd.DataFrame:
        best = (run.results or {}).get("best_epoch", [np.nan] * len(run.replicates))
        return metrics.assign(best_epoch=np.tile(best, len(metrics) // len(best))).astype({"best_epoch": "Int64"})

    def curves(self, run_id: str, after: int = 0, max_points: int | None = 400) -> pd.DataFrame:
        """The metrics over the replicates, for charts: one row per epoch above `after`, evenly thinned to `max_points`.

        See `analysis.curves.curves_frame` for the columns; nan where no replicate has a value."""
        return self.store.curves(run_id, max_points, after)

    def snapshot_epochs(self, run_id: str) -> list[int]:
        """The epochs with stored weights, in order; 0 is before training."""
        return self.store.snapshot_epochs(run_id)

    def snapshot(
        self, run_id: str, epoch: int | Literal["best"] | None = None, replicate: int | None = None
    ) -> tuple[int, Weights] | None:
        """Stored weights of a run.

        Parameters
        ----------
        epoch : int, "best" or None
            The nearest stored epoch at or before it is taken. None is the latest, "best" the epoch of each
            replicate's lowest validation loss.
        replicate : int, optional
            The place of one: the others are not read.

        Returns
        -------
        (int, dict of array) or None
            The epoch and its weights, arrays (replicates, ...), of one (1, ...); None if nothing is stored yet.
        """
        return self.store.snapshot(run_id, epoch, replicate)

    def frames(self, run_id: str, epochs: Sequence[int], replicate: int | None = None) -> list[tuple[int, Weights]]:
        """The stored weights of these epochs, in order and as from `snapshot`; an epoch without any is left out."""
        return self.store.frames(run_id, epochs, replicate)

    def autograd(self, experiment: Experiment, weights: Mapping[str, Array], x: Array, t: Array) -> Any:
        """PyTorch's gradients of one batch (`nnlab.engines.autograd_check`), computed by the next free worker.

        Returns a future (`done()`, `status`, `result()`), or None while no worker can be reached."""
        from nnlab.engines.autograd_check import autograd

        check_limits(experiment, (0,))
        return self._dispatcher.submit(autograd, experiment, weights, x, t)

    def rate_test(self, experiment: Experiment, seeds: Seeds = 3) -> Any:
        """A learning rate range test (`nnlab.training.lr_range_test`) by the next free worker: as from `autograd`.

        Raises
        ------
        SpecError
            If the data must be downloaded or the source experiment be trained for long first.
        """
        from nnlab.training.lr_range_test import range_test

        seeds = as_seeds(seeds)
        check_limits(experiment, seeds)
        if experiment.data.name == "mnist" and not available():
            raise SpecError([Problem("data.name", "mnist", "conflict", expected="data_not_here")])
        source, start = None, experiment.train.start_from
        if start is not None:
            source = self.store.trained_weights(start.experiment, seeds)
            if source is None and estimate_seconds(start.experiment, len(seeds)) > LONGEST_SOURCE:
                raise SpecError([Problem("train.start_from", list(seeds), "conflict", expected="source_not_trained")])
        return self._dispatcher.submit(partial(range_test, source=source), experiment, seeds)

    def pause(self, run_id: str, owner: str) -> None:
        """Pause a run: within about a second it returns to the end of the last whole epoch and frees its worker."""
        self._request(run_id, owner, "pause")

    def stop(self, run_id: str, owner: str) -> None:
        """End a run: within about a second it returns to the end of the last whole epoch and is evaluated."""
        self._request(run_id, owner, "stop")

    def resume(self, run_id: str, owner: str) -> None:
        """Queue a paused, interrupted, stopped or failed run again; it continues where it ended."""
        run = own(self.store.run, run_id, owner)
        check_limits(run.experiment, run.seeds)
        self._check_waiting(owner, not run.active)
        self.store.requeue(run_id)
        self._dispatcher.wake()

    def add_epochs(self, run_id: str, n: int, owner: str) -> Run:
        """Train a finished, stopped or paused run for n more epochs. Raises SpecError while it waits or runs.

        A run that answers a comparison or is handed in for an assignment stays as it is: a copy is trained further. So
        does one whose checkpoint is no longer stored: a new run trains all epochs, see `can_continue`."""
        run = own(self.store.run, run_id, owner)
        more = whole("epochs", n, 1, 100_000)  # fewer epochs would not match the weights
        experiment = run.experiment.set({"train.epochs": run.experiment.train.epochs + more})
        check_limits(experiment, run.seeds)
        found = None if run.active else run
        self._check_waiting(owner, found is not None)
        if found and not self.can_continue(run_id):
            return self.submit(experiment, run.seeds, owner, run.name)
        if found:
            check_space(self.store, owner, [(experiment, len(run.seeds))])
        if found and (self.store.answers_comparison(run_id) or self.store.handed_in(run_id)):
            found = self.store.copy_run(run, owner, run.name)
        if not (found and self.store.extend(found.id, experiment)):
            raise SpecError([Problem("train.epochs", experiment.train.epochs, "type", expected="run that is at rest")])
        self._dispatcher.wake()
        return own(self.run, found.id, owner)

    def can_continue(self, run_id: str) -> bool:
        """Whether more epochs of a run go on from its end. Finished runs of large networks and runs that were stopped
        long ago have no checkpoint any more."""
        return self.store.can_continue(run_id)

    def rename(self, run_id: str, name: str, owner: str) -> None:
        """Give a run another name."""
        own(self.store.run, run_id, owner)
        self.store.rename(run_id, name)

    def delete(self, run_id: str, owner: str) -> None:
        """Hide a run, and stop it if it is unfinished. `restore` brings it back."""
        own(self.store.run, run_id, owner)
        self.store.delete(run_id)

    def unreadable(self, owner: str) -> list[Unreadable]:
        """The owner's runs and comparisons that cannot be read; no other method returns them."""
        return self.store.unreadable(owner)

    def delete_unreadable(self, item: str, owner: str) -> None:
        """Hide an unreadable run or comparison of this owner."""
        self.store.delete_unreadable(item, owner)

    def restore(self, run_id: str, owner: str) -> None:
        """Undo `delete`: a run that it has stopped continues."""
        run = own(self.store.run, run_id, owner)
        self._check_waiting(owner, run.state == "stopped")
        self.store.restore(run_id)
        self._dispatcher.wake()

    def _request(self, run_id: str, owner: str, action: RequestedAction) -> None:
        own(self.store.run, run_id, owner)
        self.store.request(run_id, action)
        self._dispatcher.wake()

    def _shown(self, runs: list[Run]) -> list[Run]:
        """With positions in the queue, without test scores while the test set is closed."""
        compared = {run.comparison for run in runs if run.comparison and run.results}
        closed = self.store.with_closed_test(compared) if compared else set()
        return [
            replace(run, results={**run.results, "test": None}) if run.results and run.comparison in closed else run
            for run in self.store.with_positions(runs)
        ]


_labs: dict[str, Lab] = {}
_labs_lock = threading.Lock()


def open_lab() -> Lab:
    """The lab of this process's settings, always the same one. Its workers start with the first submit, or `warm`."""
    url = settings().database_url
    with _labs_lock:
        lab = _labs.get(url) or _labs.setdefault(url, Lab(Store(url)))
        look_in(lab.store.data_file)
        return lab


def close_labs() -> None:
    """Close every lab of this process; the next `open_lab` makes a new one."""
    look_in(None)
    while _labs:
        _labs.popitem()[1].close()
