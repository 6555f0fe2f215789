"""The trainings of a class: each run that is handed in, and each cell of a comparison."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nnlab.analysis.diagnosis import RAN_AWAY
from nnlab.analysis.incomplete import over_folds
from nnlab.analysis.scores import final_scores, reference_of
from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.engines.base import Floats
from nnlab.jobs.assignments import Try
from nnlab.spec import Experiment
from nnlab.store import Run, State

Outcome = Literal["counts", "unfinished", "stopped", "longer", "failed", "diverged"]
"""Whether a training takes part in the class's results, or why not: `longer` has more epochs than its experiment was
handed in with."""


@dataclass(frozen=True)
class Training:
    """One experiment that a student has trained under the student's own seeds."""

    student: str
    item: str  # the id of the run or comparison
    experiment: Experiment
    seeds: tuple[int, ...]
    state: State
    results: Mapping[str, Any] | None
    extended: bool

    @cached_property
    def outcome(self) -> Outcome:
        """Whether it takes part, or why not."""
        if self.state in ("waiting", "running"):
            return "unfinished"
        if self.state != "finished":
            return "failed" if self.state == "failed" else "stopped"
        if self.extended or not self.scores.size:
            return "longer" if self.extended else "failed"
        return "diverged" if self.diverged else "counts"

    @property
    def part(self) -> Literal["train", "validation"]:
        """That it is judged by."""
        return self.experiment.data.judged_part

    @cached_property
    def scores(self) -> Floats:
        """The score of each seed on the judged part, the mean over its folds; empty before the end."""
        each = final_scores(self.results, self.part, self.experiment.score)
        return over_folds(each, self.experiment.data.folds) if each.size else each

    @property
    def diverged(self) -> bool:
        """Whether the training ran away under some seed."""
        loss = final_scores(self.results, "train", "loss")
        limit = RAN_AWAY * reference_of(self.experiment.data).guess_loss
        wild = self.experiment.score == "mse" and (self.scores >= limit).any()
        return bool(wild or not np.isfinite(loss).all() or not np.isfinite(self.scores).all())


def trainings(tries: Iterable[Try]) -> list[Training]:
    """The trainings of what is handed in, in the same order; of a comparison one a cell."""
    found = []
    for one in tries:
        for part in one.run.cells if isinstance(one.run, ComparisonRun) else [one.run]:
            extended = part.extended if isinstance(part, Run) else part.state == "finished" and not part.complete
            about = one.person, one.run.id, part.experiment, part.seeds
            found.append(Training(*about, part.state, part.results, extended))
    return found
