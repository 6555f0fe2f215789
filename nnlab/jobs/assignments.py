"""The assignments of a lab: making them, taking part, and handing runs and comparisons in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.jobs.limits import check_comparison, check_limits
from nnlab.jobs.ownership import own
from nnlab.jobs.submission import Submission
from nnlab.spec import Comparison, Experiment, seeds_text
from nnlab.spec.assignment import Assignment
from nnlab.spec.errors import Problem, SpecError
from nnlab.store import HandedIn, Participant, Run, StoredAssignment, UnknownAssignment


@dataclass(frozen=True)
class Try:
    """A run or comparison that a participant has handed in."""

    run: Run | ComparisonRun
    person: str
    created: datetime
    late: bool  # handed in, or extended, after the date


class Assignments(Submission):
    """What `Lab` does with assignments. Who may see or change one is decided by who calls; what may be handed in is
    checked here."""

    def create_assignment(self, assignment: Assignment, class_id: str) -> str:
        """The id of a new assignment. Raises LimitError if nobody could train what it asks for."""
        task = assignment.task
        if isinstance(task, Comparison):
            check_comparison(task, splits=True)
        else:
            check_limits(task, assignment.seeds_of(0))
        return self.store.create_assignment(assignment, class_id)

    def take_part(self, assignment_id: str, person: str) -> Participant:
        """The participant that a person is from now on, with seeds of their own."""
        self._open_assignment(assignment_id)
        return self.store.take_part(assignment_id, person)

    def guess_outcome(self, assignment_id: str, guess: str, person: str) -> None:
        """Store which of the choices somebody expects; the last guess before the first training counts.

        Raises
        ------
        SpecError
            If it is not one of the choices, or something is handed in already.
        """
        stored = self._open_assignment(assignment_id)
        if guess not in stored.assignment.guess:
            raise SpecError.conflict("guess", guess, "guess_unknown")
        self.store.take_part(assignment_id, person)
        if not self.store.set_guess(assignment_id, person, guess):
            raise SpecError.conflict("guess", guess, "guess_too_late")

    def submit_try(self, assignment_id: str, task: Experiment | Comparison, person: str) -> Run | ComparisonRun:
        """Train an experiment or comparison under the participant's own seeds, and hand it in.

        A second time, the run that exists is returned. After the date it is handed in, too, and marked late.

        Raises
        ------
        SpecError
            If a locked field differs, a guess is missing, or the assignment was deleted.
        """
        stored = self._open_assignment(assignment_id)
        assignment = stored.assignment
        assignment.check(task)
        participant = self.store.take_part(assignment_id, person)
        if assignment.guess and participant.guess is None:
            raise SpecError.conflict("guess", None, "guess_first")
        seeds = assignment.seeds_of(participant.place)
        run: Run | ComparisonRun
        if isinstance(task, Comparison):
            comparison = task.model_copy(update={"seeds": seeds})
            run = self._handed_in_before(assignment_id, comparison, person) or self.submit_comparison(
                comparison, person
            )
        else:
            run = self.submit(task, seeds, person)
        self.store.add_try(assignment_id, run.id, person)
        return run

    def tries(self, assignment_id: str, person: str | None = None) -> list[Try]:
        """What has been handed in and not been deleted, oldest first; `person`: by this one."""
        stored = self.store.assignment(assignment_id)
        if stored is None:
            raise UnknownAssignment(assignment_id)
        handed = self.store.tries(assignment_id, person)
        runs = self._handed_runs(stored.assignment, handed)
        return [
            Try(run, one.person, one.created, stored.assignment.late(max(one.created, _newest(run))))
            for one in handed
            if (run := runs.get(one.item))
        ]

    def extend_comparison(self, comparison_id: str, comparison: Comparison, owner: str) -> ComparisonRun:
        """As `Comparisons.extend_comparison`; what is handed in may change only where its assignment is open."""
        for stored in self.store.assignments_of(comparison_id):
            stored.assignment.check(comparison)
            if comparison.seeds != (before := own(self.store.comparison, comparison_id, owner).comparison).seeds:
                fixed = seeds_text(before.seeds)
                raise SpecError([Problem("seeds", seeds_text(comparison.seeds), "fixed", expected=fixed)])
        return super().extend_comparison(comparison_id, comparison, owner)

    def _handed_runs(self, assignment: Assignment, handed: Sequence[HandedIn]) -> dict[str, Run | ComparisonRun]:
        """By id, what there is of it."""
        ids = [one.item for one in handed]
        if not isinstance(assignment.task, Comparison):
            return {run.id: run for run in self.store.with_positions(self.store.runs(ids=ids))}
        return {one.id: one for one in self._with_runs(self.store.comparisons(ids=ids))}

    def _handed_in_before(self, assignment_id: str, comparison: Comparison, person: str) -> ComparisonRun | None:
        """The same comparison of this participant: a double click hands in once."""
        tries = self.tries(assignment_id, person)
        same = (one.run for one in tries if isinstance(one.run, ComparisonRun) and one.run.comparison == comparison)
        return next(same, None)

    def _open_assignment(self, assignment_id: str) -> StoredAssignment:
        stored = self.store.assignment(assignment_id)
        if stored is None:
            raise UnknownAssignment(assignment_id)
        if stored.deleted:
            raise SpecError.conflict("assignment", stored.assignment.title, "assignment_deleted")
        return stored


def _newest(run: Run | ComparisonRun) -> datetime:
    """When the last run of what is handed in was queued: a comparison may be extended."""
    return max(one.created for one in run.runs) if isinstance(run, ComparisonRun) else run.created
