"""One cell of a comparison in the store: the runs that hold its seeds, joined into one.

Seeds added later train in a run of their own, and an earlier run may have more seeds than the comparison: a cell takes
from every run the seeds it needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np
import pandas as pd

from nnlab.engines.base import METRICS, Weights
from nnlab.spec import Comparison, Experiment, Point
from nnlab.store import Run, State, StoredComparison

_FIRST: tuple[State, ...] = ("running", "waiting", "failed", "interrupted", "paused", "stopped", "finished")
"""The state of a cell is the first of these that one of its runs has."""


@dataclass(frozen=True)
class CellRun:
    """One point of a comparison and its runs."""

    point: Point
    experiment: Experiment
    seeds: tuple[int, ...]
    """The seeds of the comparison."""
    runs: tuple[Run, ...]
    """A seed that several have is taken from the first."""
    reused: tuple[bool, ...]
    """Whether each run existed before the comparison."""

    @property
    def run(self) -> Run:
        """The run that stands for the cell: the first in its state."""
        return next((run for run in self.runs if run.state == self.state), self.runs[0])

    @property
    def state(self) -> State:
        states = {run.state for run in self.runs}
        return next(state for state in _FIRST if state in states)

    @property
    def active(self) -> bool:
        """Whether one of its runs is waiting or running."""
        return any(run.active for run in self.runs)

    @property
    def from_before(self) -> bool:
        """Whether all its runs existed before the comparison."""
        return all(self.reused)

    @property
    def epoch(self) -> int:
        """Completed epochs of the run with the fewest."""
        return min(run.epoch for run in self.runs)

    @property
    def progress(self) -> float:
        """0 to 1 over the seeds; a run that will not continue counts as complete."""
        done = [1.0 if run.state in ("stopped", "failed") else run.progress for run in self.runs]
        return float(np.average(done, weights=[len(run.seeds) for run in self.runs]))

    @property
    def version(self) -> tuple[Any, ...]:
        """A key that changes whenever its curves or results change."""
        return tuple((run.id, run.epoch, run.state) for run in self.runs)

    @property
    def results(self) -> dict[str, Any] | None:
        """As a run stores them, for the replicates of the cell's seeds; None until all its runs have results."""
        if any(run.active or not run.results for run in self.runs):
            return None
        if len(self.runs) == 1 and self.runs[0].seeds == self.seeds:
            return self.runs[0].results
        merged: dict[str, Any] = _merged([run.results or {} for run in self.runs], self.picks())
        return merged

    def picks(self) -> list[tuple[int, int]]:
        """For every replicate of the cell's seeds: the place of its run, and its place in that run."""
        folds = max(1, self.experiment.data.folds)
        where: dict[int, tuple[int, int]] = {}
        for i, run in enumerate(self.runs):
            for place, seed in enumerate(run.seeds):
                where.setdefault(seed, (i, place))
        found = [where[seed] for seed in self.seeds if seed in where]
        return [(i, place * folds + fold) for i, place in found for fold in range(folds)]


@dataclass(frozen=True)
class ComparisonRun:
    """A comparison and its runs: one cell per point, in the order of the points."""

    id: str
    owner: str
    name: str
    comparison: Comparison
    cells: tuple[CellRun, ...]
    created: datetime
    test_opened: datetime | None
    """When its owner first opened the test set."""

    @classmethod
    def of(cls, stored: StoredComparison, runs: Mapping[str, Run]) -> Self:
        """A stored comparison with its runs, found by id in `runs`."""
        of = stored.comparison
        cells = tuple(
            CellRun(point, experiment, of.seeds, tuple(runs[i] for i, _ in parts), tuple(reused for _, reused in parts))
            for point, experiment, parts in zip(of.points, of.experiments, stored.cells, strict=True)
        )
        return cls(stored.id, stored.owner, stored.name, of, cells, stored.created, stored.test_opened)

    @property
    def runs(self) -> tuple[Run, ...]:
        """All its runs, each once."""
        return tuple({run.id: run for cell in self.cells for run in cell.runs}.values())

    @property
    def active(self) -> bool:
        """Some of its runs wait or run."""
        return any(cell.active for cell in self.cells)

    @property
    def progress(self) -> float:
        """0 to 1."""
        return sum(cell.progress for cell in self.cells) / max(1, len(self.cells))


def _merged(results: Sequence[Any], picks: Sequence[tuple[int, int]]) -> Any:
    """The results of several runs as those of one; the innermost lists, over the replicates, are joined by `picks`."""
    first = results[0]
    if isinstance(first, Mapping):
        names = [name for name in first if all(isinstance(one, Mapping) and name in one for one in results)]
        return {name: _merged([one[name] for one in results], picks) for name in names}
    if isinstance(first, list) and first and isinstance(first[0], list):  # a row a layer
        return [_merged(rows, picks) for rows in zip(*results, strict=True)]
    if isinstance(first, list) and all(isinstance(one, list) for one in results):
        return [results[i][place] for i, place in picks]
    return first if all(one == first for one in results) else None


def merged_metrics(cell: CellRun, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The metrics of a cell's runs as one tidy table, for the cell's seeds alone: by epoch, then in the order of the
    seeds."""
    if len(frames) == 1 and cell.runs[0].seeds == cell.seeds:
        return frames[0]
    taken: set[int] = set()
    parts = []
    for run, frame in zip(cell.runs, frames, strict=True):
        mine = set(run.seeds) & set(cell.seeds) - taken
        taken |= mine
        parts.append(frame[frame["seed"].isin(mine)])
    whole = pd.concat(parts, ignore_index=True)
    order = whole["seed"].map({seed: place for place, seed in enumerate(cell.seeds)})
    columns = ["epoch", "_order", *(["fold"] if "fold" in whole else [])]
    return whole.assign(_order=order).sort_values(columns, kind="stable", ignore_index=True).drop(columns="_order")


def merged_curves(metrics: pd.DataFrame, max_points: int | None) -> pd.DataFrame:
    """Mean, lowest and highest of each of the METRICS over a cell's replicates, as `MetricsTable.curves`."""
    over = metrics.groupby("epoch")[list(METRICS)].agg(["mean", "min", "max"])
    if max_points is not None and len(over) > max_points:
        over = over.iloc[np.linspace(0, len(over) - 1, max_points).round().astype(int)]
    columns: dict[str, Any] = {"epoch": over.index.to_numpy()}
    for name in METRICS:
        ends = (("", "mean"), ("_low", "min"), ("_high", "max"))
        columns |= {f"{name}{end}": over[name, of].to_numpy() for end, of in ends}
    return pd.DataFrame(columns)


def merged_weights(cell: CellRun, weights: Sequence[Weights]) -> Weights:
    """Weights (replicates, ...) of the cell's seeds, from the weights of its runs."""
    if len(weights) == 1 and cell.runs[0].seeds == cell.seeds:
        return dict(weights[0])
    picks = cell.picks()
    return {name: np.stack([weights[i][name][place] for i, place in picks]) for name in weights[0]}


def cover(wanted: Sequence[int], runs: Sequence[Run]) -> tuple[list[Run], list[int]]:
    """Choose few runs that hold many of the wanted seeds; also return the seeds that no run has."""
    missing, chosen = set(wanted), []
    while missing:
        best = max(runs, key=lambda run: len(missing.intersection(run.seeds)), default=None)
        if best is None or not missing.intersection(best.seeds):
            break
        chosen.append(best)
        missing -= set(best.seeds)
    return chosen, [seed for seed in wanted if seed in missing]
