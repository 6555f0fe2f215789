"""Runs of a lab: submitting them, as drafts too, and keeping drafts."""

from collections.abc import Iterable, Sequence

from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.comparisons import Comparisons
from nnlab.jobs.limits import check_limits
from nnlab.jobs.ownership import own
from nnlab.jobs.space import check_space
from nnlab.spec import Experiment, as_seeds
from nnlab.store import Run

Seeds = int | Iterable[int]
LONGEST_FIRST = 10.0  # seconds: a draft that takes longer does not go before other runs


class Submission(Comparisons):
    """What `Lab` does with experiments that are to be trained."""

    def submit(
        self, experiment: Experiment, seeds: Seeds = 1, owner: str = "local", name: str = "", reuse: bool = True
    ) -> Run:
        """Queue a run of an experiment, or return an equal run that exists.

        Parameters
        ----------
        seeds : int or iterable of int
            Number of seeds, or the seeds.
        reuse : bool
            Return the finished run of the same experiment and seeds (of another owner: a copy of it), or the owner's
            own unfinished one, so that a double click trains once.
        """
        seeds = as_seeds(seeds)
        check_limits(experiment, seeds)
        run = self.store.find_finished(experiment, seeds, owner, or_unfinished=True) if reuse else None
        if run is not None and run.draft and run.owner == owner:
            run = self.store.keep(run.id)
        if run is None:
            check_space(self.store, owner, [(experiment, len(seeds))])
            self._check_waiting(owner)
            run = self.store.create_run(experiment, seeds, owner, name)
        elif run.owner != owner or (run.comparison and not run.active):  # a comparison's run is not listed by itself
            run = self.store.copy_run(run, owner, name) or self.store.create_run(experiment, seeds, owner, name)
        self._dispatcher.wake()
        return self.store.with_positions([run])[0]

    def play(
        self, experiment: Experiment, seeds: Seeds = 1, owner: str = "local", instead_of: Sequence[str] = ()
    ) -> Run:
        """Train a draft, which is not listed unless it is kept, or return an equal run that exists.

        Parameters
        ----------
        instead_of : sequence of str
            Ids of earlier runs that nobody looks at any more: the owner's unfinished drafts among them are cancelled.

        Notes
        -----
        A draft of seconds is trained before all other runs, one that takes longer in its turn."""
        seeds = as_seeds(seeds)
        check_limits(experiment, seeds)
        run = self.store.find_finished(experiment, seeds, owner, or_unfinished=True)
        self.store.cancel_drafts([one for one in instead_of if run is None or one != run.id], owner)
        if run is None:
            check_space(self.store, owner, [(experiment, len(seeds))])
            self._check_waiting(owner)
            quick = estimate_seconds(experiment, len(seeds)) < LONGEST_FIRST
            run = self.store.create_run(experiment, seeds, owner, draft=True, quick=quick)
        self._dispatcher.wake()
        return run

    def keep(self, run_id: str, owner: str) -> None:
        """List what Play shows among the owner's runs: a draft itself, of another owner's finished run a copy."""
        run = self.store.run(run_id)
        if run is not None and run.owner != owner and run.state == "finished":
            self.submit(run.experiment, run.seeds, owner)
        else:
            own(self.store.run, run_id, owner)
            self.store.keep(run_id)
