"""`compare`: train all cells of a comparison in this process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from nnlab.analysis.scores import stored_results
from nnlab.comparison.answers import Answer, answer
from nnlab.comparison.findings import Finding, finding
from nnlab.comparison.table import (
    Cell,
    Judged,
    epochs_of,
    judge,
    place_of,
    point_text,
    scores_table,
    with_differences,
)
from nnlab.spec import Comparison, Point
from nnlab.training.api import train
from nnlab.training.result import Result
from nnlab.training.transfer import first_weights

Progress = Callable[[str, float], None]
"""Called after every epoch with a text (`depth 4, epoch 3 of 60`) and the completed share, 0 to 1."""


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """The results of a comparison: `table` has one row a cell, `epochs` one row a cell, epoch and replicate."""

    comparison: Comparison
    results: Mapping[Any, Result]
    """By value of the setting; by Point where there is a second setting."""
    margin: float | None = None  # of differences without importance, see `finding`

    def __repr__(self) -> str:
        return f"ComparisonResult({repr(self.comparison).partition('(')[2]}"

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(results_of(result), result.metrics) for result in self.results.values())

    @cached_property
    def _scores(self) -> pd.DataFrame:
        return scores_table(self.comparison, self.cells)

    @cached_property
    def judged(self) -> Judged:
        """How the cells differ from the best one."""
        return self._judged(None)

    def _judged(self, baseline: int | None) -> Judged:
        return judge(self.comparison, self.cells, self._scores["verdict"].tolist(), baseline)

    @cached_property
    def table(self) -> pd.DataFrame:
        """See `table_of`; differences are to the best cell."""
        return with_differences(self._scores, self.judged)

    def against(self, value: Any, by_value: Any = None) -> pd.DataFrame:
        """The table with differences to a baseline chosen beforehand. Raises ValueError if it is not a cell."""
        return with_differences(self._scores, self._judged(place_of(self.comparison, Point(value, by_value))))

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """All epochs of all cells, see `epochs_of`."""
        return epochs_of(self.comparison, [cell.metrics for cell in self.cells])

    @cached_property
    def finding(self) -> Finding:
        """The conclusion from the table."""
        return finding(self.table, self.comparison, self.cells, self.margin, self.judged)

    @cached_property
    def answer(self) -> Answer | None:
        """The answer to the question of a classic or preset comparison; None for others."""
        return answer(self.comparison, self.cells, self.judged)


def compare(comparison: Comparison, progress: Progress | None = None, margin: float | None = None) -> ComparisonResult:
    """Train all cells of a comparison under all its seeds, one after the other, in this process.

    Parameters
    ----------
    progress : callable, optional
        See `Progress`. An exception it raises ends the comparison.
    margin : float, optional
        Differences below it are reported as without importance: 0.02 is 2 points of accuracy, or 2 % of the best
        squared error. Default: 1 point, or 5 %.

    Raises
    ------
    DatasetUnavailable
        If the data has to be downloaded and cannot be.
    """
    experiments = comparison.experiments
    total, done = sum(experiment.train.epochs for experiment in experiments), 0
    results: dict[Any, Result] = {}
    for point, experiment in zip(comparison.points, experiments, strict=True):
        training = train(experiment, comparison.seeds)
        for epoch in training:
            if progress:
                where = f"{point_text(comparison, point)}, epoch {epoch.epoch} of {experiment.train.epochs}"
                progress(where, (done + epoch.epoch) / total)
        done += experiment.train.epochs
        results[point if comparison.by else point.value] = training.result()
    return ComparisonResult(comparison, results, margin)


def results_of(result: Result) -> dict[str, Any]:
    """The scores on all three parts and the gradient health, as a finished run stores them."""
    start = first_weights(result.experiment, result.seeds)
    return stored_results(result.experiment, result.dataset, start, result.stacked)
