"""What the teacher's views of an assignment read of the store: who takes part, the tries, what the class has found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nnlab.classroom.results import ClassResults, class_results
from nnlab.classroom.trainings import trainings
from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.jobs.assignments import Try
from nnlab.lab import Lab
from nnlab.store import StoredAssignment
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shared.reading import read_once
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

TICK = 2.0  # seconds between two readings at least
_found: Cache[ClassResults] = Cache()


@dataclass(frozen=True)
class Student:
    """Somebody of a class, and what they have done for an assignment."""

    id: str
    name: str
    member: bool  # False: was taken out of the class after starting
    started: datetime | None
    guess: str | None
    tries: tuple[Try, ...]

    @property
    def active(self) -> tuple[Try, ...]:
        """What waits or is being trained."""
        return tuple(one for one in self.tries if one.run.active)

    @property
    def done(self) -> bool:
        """Whether a try has ended as it was asked for."""
        return any(one.run.state == "finished" for one in self.tries)


@dataclass(frozen=True)
class ClassView:
    """An assignment as it is now."""

    stored: StoredAssignment
    students: tuple[Student, ...]  # of the class by name, then those who left it
    found: ClassResults

    @property
    def started(self) -> int:
        return sum(one.started is not None for one in self.students)

    @property
    def finished(self) -> int:
        """Students with a finished try."""
        return sum(one.done for one in self.students)

    @property
    def running(self) -> int:
        """Tries that wait or are being trained."""
        return sum(len(one.active) for one in self.students)

    @property
    def tries(self) -> int:
        return sum(len(one.tries) for one in self.students)

    @property
    def guesses(self) -> list[str | None]:
        return [one.guess for one in self.students]


def class_view(page: Page, stored: StoredAssignment, since: float) -> ClassView:
    """An assignment as it is now: read once for all who look at the same time, not before `since` (see `read_once`).
    What the class has found is computed once for each change."""

    def read() -> ClassView:
        tries = page.lab.tries(stored.id)
        key = stored.id, tuple(_version(one) for one in tries)
        found = _found.get(key, lambda: class_results(trainings(tries)))
        return ClassView(stored, tuple(_students(page.lab, stored, tries)), found)

    return read_once(stored.id, TICK, read, since)


def figures(view: ClassView, t: Text) -> dict[str, str]:
    """How many have started, have a result, and so on, by their names."""
    return {
        t("Have started"): f"{t.whole(view.started)} / {t.whole(len(view.students))}",
        t("Have a result"): t.whole(view.finished),
        t("Tries"): t.whole(view.tries),
        t("Under way"): t.whole(view.running),
    }


def _version(one: Try) -> tuple[object, ...]:
    """Another one whenever what the class has found may change."""
    if isinstance(one.run, ComparisonRun):
        return (one.run.id, *(run.state for run in one.run.runs))
    return one.run.id, one.run.state, one.run.extended


def _students(lab: Lab, stored: StoredAssignment, tries: Sequence[Try]) -> list[Student]:
    taking_part = {one.person: one for one in lab.store.participants(stored.id)}
    names = {one.id: one.name for one in lab.store.members(stored.class_id)}
    left = {person: one.name for person, one in taking_part.items() if person not in names}
    own: dict[str, list[Try]] = {}
    for one in tries:
        own.setdefault(one.person, []).append(one)
    found = []
    for person, name in (names | left).items():
        part = taking_part.get(person)
        started, guess = (part.started, part.guess) if part else (None, None)
        found.append(Student(person, name, person in names, started, guess, tuple(own.get(person, ()))))
    return found
