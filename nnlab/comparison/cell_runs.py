"""One cell of a comparison in the store: the runs that hold its seeds, joined into one.

Seeds added later train in a run of their own, and an earlier run may have more seeds than the comparison: a cell takes
from every run the seeds it needs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd

from nnlab.analysis.curves import by_epoch, curves_frame, evenly
from nnlab.analysis.scores import final_scores, packed_outcomes
from nnlab.engines.base import METRICS, Weights
from nnlab.spec import Comparison, Experiment, Point, Replicate
from nnlab.store import PRECEDENCE, Run, State, StoredComparison


@dataclass(frozen=True)
class CellRun:
    """One point of a comparison and its runs."""

    point: Point
    experiment: Experiment
    seeds: tuple[int, ...]  # of the comparison
    runs: tuple[Run, ...]  # a seed that several have is taken from the first
    reused: tuple[bool, ...]  # whether each run existed before the comparison

    @property
    def run(self) -> Run:
        """The run that stands for the cell: the first in its state."""
        return min(self.runs, key=lambda run: PRECEDENCE.index(run.state))

    @property
    def state(self) -> State:
        """The first in PRECEDENCE that one of its runs has."""
        return self.run.state

    @property
    def active(self) -> bool:
        """Whether one of its runs is waiting or running."""
        return any(run.active for run in self.runs)

    @property
    def complete(self) -> bool:
        """Whether all its runs were trained as the comparison asks: not stopped, failed or continued for longer."""
        epochs = self.experiment.train.epochs
        return all(run.state == "finished" and not run.extended and run.epochs == epochs for run in self.runs)

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
        each = [run.results or {} for run in self.runs]
        scores = [{name: one for name, one in results.items() if name != "outcomes"} for results in each]
        merged = dict(_merged(scores, self.picks()))
        if all("outcomes" in results for results in each):
            merged["outcomes"] = partial(_merged_outcomes, each, self.picks())
        return merged

    def sources(self) -> dict[int, tuple[int, int]]:
        """By seed of the cell, in order: the place of its run, and the seed's place in that run."""
        runs = reversed(list(enumerate(self.runs)))  # the first run that has a seed comes last and counts
        where = {seed: (i, place) for i, run in runs for place, seed in enumerate(run.seeds)}
        return {seed: where[seed] for seed in self.seeds if seed in where}

    def picks(self) -> list[tuple[int, int]]:
        """For every replicate of the cell's seeds: the place of its run, and its place in that run."""
        folds = max(1, self.experiment.data.folds)
        return [(i, place * folds + fold) for i, place in self.sources().values() for fold in range(folds)]


@dataclass(frozen=True)
class ComparisonRun:
    """A comparison and its runs: one cell per point, in the order of the points."""

    id: str
    owner: str
    name: str
    comparison: Comparison
    cells: tuple[CellRun, ...]
    created: datetime
    test_opened: datetime | None  # when its owner first opened the test set
    deleted: bool
    guesses: Mapping[str, str]  # by visitor: the value expected to be best, as in a link; empty: no difference

    @classmethod
    def of(cls, stored: StoredComparison, runs: Mapping[str, Run]) -> Self:
        """A stored comparison with its runs, found by id in `runs`."""
        of = stored.comparison
        cells = tuple(
            CellRun(point, experiment, of.seeds, tuple(runs[i] for i, _ in parts), tuple(reused for _, reused in parts))
            for point, experiment, parts in zip(of.points, of.experiments, stored.cells, strict=True)
        )
        opened, guesses = stored.test_opened, stored.guesses
        return cls(stored.id, stored.owner, stored.name, of, cells, stored.created, opened, stored.deleted, guesses)

    @property
    def runs(self) -> tuple[Run, ...]:
        """All its runs, each once."""
        return tuple({run.id: run for cell in self.cells for run in cell.runs}.values())

    @property
    def state(self) -> State:
        """The first in PRECEDENCE that one of its cells has."""
        return min((cell.state for cell in self.cells), key=PRECEDENCE.index)

    @property
    def active(self) -> bool:
        """Whether one of its runs is waiting or running."""
        return any(cell.active for cell in self.cells)

    @property
    def progress(self) -> float:
        """0 to 1."""
        return float(np.mean([cell.progress for cell in self.cells]))

    @property
    def best_score(self) -> float:
        """The best mean score of a cell on the validation part, on the training part where there is none; nan before
        the first results."""
        experiment = self.comparison.experiment
        part = experiment.data.judged_part
        scores = [final_scores(cell.results, part, experiment.score) for cell in self.cells]
        means = [float(each.mean()) for each in scores if len(each) and np.isfinite(each).all()]
        return (max if experiment.score == "accuracy" else min)(means, default=math.nan)


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


def _merged_outcomes(results: Sequence[Mapping[str, Any]], picks: Sequence[tuple[int, int]]) -> list[str]:
    each = [packed_outcomes(one) or () for one in results]
    return [each[i][place] for i, place in picks]


def merged_metrics(cell: CellRun, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The metrics of a cell's runs as one tidy table of the cell's seeds, as if one run had trained them: by epoch,
    then in the order of the seeds."""
    if len(frames) == 1 and cell.runs[0].seeds == cell.seeds:
        return frames[0]
    patience = cell.experiment.train.patience
    rates = pd.concat(frames).groupby("epoch")["lr"].first()
    seconds = pd.concat([frame.groupby("epoch")["seconds"].first() for frame in frames]).groupby("epoch").sum()
    run_of = {seed: i for seed, (i, _) in cell.sources().items()}
    parts = []
    for i, (run, frame) in enumerate(zip(cell.runs, frames, strict=True)):
        own = frame[frame["seed"].map(run_of) == i]
        replicates = [one for one in run.replicates if run_of.get(one.seed) == i]
        parts.append(_with_epochs(rates.index, replicates, own) if patience and run.state == "finished" else own)
    whole = pd.concat(parts)
    whole["lr"] = whole["lr"].fillna(whole["epoch"].map(rates))
    whole["seconds"] = whole["epoch"].map(seconds)
    if patience:  # other seeds of the runs may have trained for longer
        whole = whole[whole["epoch"] <= whole["epoch"][whole[list(METRICS)].notna().any(axis=1)].max()]
    order = {seed: place for place, seed in enumerate(cell.seeds)}
    by = [column for column in ("epoch", "seed", "fold") if column in whole]
    return whole.sort_values(
        by, key=lambda column: column.map(order) if column.name == "seed" else column, ignore_index=True
    )


def _with_epochs(epochs: pd.Index, replicates: Sequence[Replicate], frame: pd.DataFrame) -> pd.DataFrame:
    """The metrics of a run, with empty rows for the epochs after early stopping has ended it."""
    each = pd.DataFrame(
        {name: [getattr(one, name) for one in replicates] for name in ("seed", "fold") if name in frame}
    )
    every = pd.DataFrame({"epoch": epochs}).merge(each, how="cross")
    return every.merge(frame, how="left", on=list(every))


def merged_curves(cell: CellRun, metrics: pd.DataFrame, max_points: int | None) -> pd.DataFrame:
    """The curves of a cell from its `merged_metrics`, see `curves_frame`."""
    epochs, *figures = by_epoch(metrics, *METRICS)
    return evenly(curves_frame(epochs, np.stack(figures, axis=1), cell.experiment.train.patience), max_points)


def merged_weights(cell: CellRun, weights: Sequence[Weights]) -> Weights:
    """Weights (replicates, ...) of the cell's seeds, from the weights of its runs."""
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
