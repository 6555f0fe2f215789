"""The table of a comparison: one row a cell."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from nnlab.analysis.curves import by_epoch
from nnlab.analysis.design import Design
from nnlab.analysis.diagnosis import RAN_AWAY, diagnose
from nnlab.analysis.scores import SampleScores, final_scores, reference_of, score_interval
from nnlab.analysis.statistics import Difference, differences
from nnlab.datasets import PARTS
from nnlab.spec import Comparison, Experiment, Point
from nnlab.spec.data import COORDINATES
from nnlab.spec.text import value_text


class Cell(NamedTuple):
    """The results of one point of a comparison: both None until its training has finished."""

    results: Mapping[str, Any] | None
    """As a finished run stores them: `train`, `validation`, `test` → figure → list over the replicates, or None."""
    metrics: pd.DataFrame | None  # tidy: a row an epoch and replicate
    complete: bool = True
    """False if training was stopped, cut by a limit, failed or went on for longer: it takes no part in tests."""


@dataclass(frozen=True)
class Judged:
    """How the cells of a comparison differ: what the table and the finding both say."""

    part: Literal["train", "validation"]  # that decides: validation, or train where no cell has a validation part
    places: tuple[int, ...]  # of the cells that take part
    reference: int | None  # place of the cell that the others are compared with
    against: tuple[Difference | None, ...]
    """The difference of each cell, see `statistics.differences`; None for the reference and what takes no part."""


def table_of(
    comparison: Comparison,
    cells: Sequence[Cell],
    *,
    baseline: int | None = None,
    test: bool = True,
    rows: Sequence[Mapping[str, Any]] = (),
) -> pd.DataFrame:
    """The table of a comparison.

    Parameters
    ----------
    cells : sequence of Cell
        In the order of `comparison.points`. A cell that has not finished gives nan and an empty verdict.
    baseline : int, optional
        Place of a cell, chosen beforehand, that the others are compared with; the best if omitted.
    test : bool
        False leaves the test columns empty: the test set has not been opened.
    rows : sequence of mapping, optional
        The `cell_row` of each cell, if known; the metrics of the cells are then not used.

    Returns
    -------
    DataFrame
        One row a cell: the name of the setting, that of the second setting if there is one, `parameters`, `seeds`
        (their number), then `train_`, `validation_`, `test_` + `accuracy` (or `mse`), each followed by `_low` and
        `_high` (95 % interval, see `statistics.interval`), `gap` (training minus validation accuracy, or validation
        minus training mse), `best_epoch` (median over the replicates of the epoch with the lowest validation loss;
        training loss without a validation part), `seconds_per_epoch` (median, all replicates together), `verdict` and
        `reason` (see `diagnosis.diagnose`; with a single network the reason ends with "one seed"). Then the paired
        difference of the validation scores (training scores without a validation part) to the best cell or the
        baseline, whose own row has none: `difference`, `difference_low`, `difference_high` (95 % interval) and `p`
        (corrected for the number of comparisons), see `judge`. nan where a part is empty.
    """
    table = scores_table(comparison, cells, test=test, rows=rows)
    return with_differences(table, judge(comparison, cells, table["verdict"].tolist(), baseline))


def scores_table(
    comparison: Comparison, cells: Sequence[Cell], *, test: bool = True, rows: Sequence[Mapping[str, Any]] = ()
) -> pd.DataFrame:
    """The table without the differences between cells."""
    experiments = comparison.experiments
    rows = rows or [cell_row(experiment, cell) for experiment, cell in zip(experiments, cells, strict=True)]
    seeds = len(comparison.seeds)
    table = pd.DataFrame(
        [
            {**_settings(comparison, point), "parameters": experiment.parameters, "seeds": seeds, **row}
            for point, experiment, row in zip(comparison.points, experiments, rows, strict=True)
        ]
    )
    if not test:
        table.loc[:, table.columns.str.startswith("test_")] = math.nan
    return table


def with_differences(table: pd.DataFrame, judged: Judged) -> pd.DataFrame:
    """The table with the columns of how each cell differs from the best, or from a baseline."""
    found = pd.DataFrame([vars(one) if one else {} for one in judged.against], columns=["mean", "low", "high", "p"])
    names = ["difference", "difference_low", "difference_high", "p"]
    return table.join(found.astype(float).set_axis(names, axis=1)).astype({"best_epoch": "Int64"})


def _settings(comparison: Comparison, point: Point) -> dict[str, Any]:
    """The columns of a cell's settings: numbers and words as they are, other values as text."""
    return {
        knob: value if isinstance(value, (bool, int, float, str)) else value_text(value)
        for knob, value in zip((comparison.vary, comparison.by), point, strict=True)
        if knob is not None
    }


def cell_row(experiment: Experiment, cell: Cell) -> dict[str, Any]:
    """The columns of the table that depend on one cell alone."""
    score, metrics = experiment.score, cell.metrics
    row: dict[str, Any] = {}
    for part in PARTS:
        over = score_interval(experiment, cell.results, part, score)
        row |= {f"{part}_{score}": over.mean, f"{part}_{score}_low": over.low, f"{part}_{score}_high": over.high}
    gap = row[f"train_{score}"] - row[f"validation_{score}"]
    row |= {"gap": gap if score == "accuracy" else -gap, "best_epoch": None, "seconds_per_epoch": math.nan}
    if metrics is not None and len(metrics):
        if cell.results:
            row["best_epoch"] = _best_epoch(metrics)
        if "seconds" in metrics:
            row["seconds_per_epoch"] = float(np.median(by_epoch(metrics, "seconds")[1][:, 0]))
    diagnosis = diagnose(metrics, cell.results, experiment)
    return row | diagnosis.as_row()


def _best_epoch(metrics: pd.DataFrame) -> int | None:
    epochs, train, validation = by_epoch(metrics, "train_loss", "validation_loss")
    loss = train if np.isnan(validation).all() else validation  # (n, replicates)
    finite = np.isfinite(loss)
    best = epochs[np.where(finite, loss, np.inf).argmin(axis=0)[finite.any(axis=0)]]  # (replicates,)
    return int(np.median(best)) if len(best) else None


def judge(
    comparison: Comparison, cells: Sequence[Cell], verdicts: Sequence[str], baseline: int | None = None
) -> Judged:
    """Compare the cells that are complete and did not diverge under any seed: with the best, or with a baseline that
    was chosen beforehand."""
    score, experiments = comparison.experiment.score, comparison.experiments
    seen = any(np.isfinite(final_scores(cell.results, "validation", score)).any() for cell in cells)
    part: Literal["train", "validation"] = "validation" if seen else "train"
    scores = [final_scores(cell.results, part, score) for cell in cells]
    limit = math.inf if score == "accuracy" else RAN_AWAY * reference_of(comparison.experiment.data).guess_loss
    places = tuple(
        place
        for place, (cell, each) in enumerate(zip(cells, scores, strict=True))
        if cell.complete and verdicts[place] not in ("", "diverged") and each.size and (each < limit).all()
    )
    against: list[Difference | None] = [None] * len(cells)
    if not comparison.comparable or not places or (baseline is not None and baseline not in places):
        return Judged(part, places, None, tuple(against))
    as_given = {"scaling": "none", "terms": COORDINATES}  # how a network takes a sample makes it no other sample
    same_samples = len({experiments[i].data.model_copy(update=as_given) for i in places}) == 1
    reference, found = differences(
        [scores[i] for i in places],
        Design.of(experiments[places[0]], part),
        None if baseline is None else places.index(baseline),
        better="higher" if score == "accuracy" else "lower",
        outcomes=[SampleScores.of(cells[i].results, experiments[i]) for i in places],
        same_samples=same_samples,
    )
    for i, difference in zip(places, found, strict=True):
        against[i] = difference
    return Judged(part, places, places[reference], tuple(against))


def worse_cells(comparison: Comparison, table: pd.DataFrame, part: str, place: int) -> list[Experiment]:
    """The experiments of the cells that have a worse mean score on a part than the one in a place, or diverged."""
    scores = table[f"{part}_{comparison.experiment.score}"]
    worse = scores < scores[place] if comparison.experiment.score == "accuracy" else scores > scores[place]
    found = worse | (table["verdict"] == "diverged")
    return [experiment for experiment, is_worse in zip(comparison.experiments, found, strict=True) if is_worse]


def epochs_of(comparison: Comparison, metrics: Sequence[pd.DataFrame | None]) -> pd.DataFrame:
    """All epochs of all cells, tidy: the names of the settings, then the columns of `Result.metrics`."""
    blocks = epoch_blocks(comparison, [[] if frame is None else [frame] for frame in metrics])
    return pd.concat(blocks, ignore_index=True)


def epoch_blocks(comparison: Comparison, metrics: Iterable[Iterable[pd.DataFrame]]) -> Iterator[pd.DataFrame]:
    """`epochs_of` in the blocks in which the metrics of every cell come; all have columns of the same types."""
    settings = pd.DataFrame([_settings(comparison, point) for point in comparison.points])
    empty = True
    for place, blocks in enumerate(metrics):
        for frame in blocks:
            if len(frame):
                of_cell = settings.iloc[[place] * len(frame)].set_axis(frame.index)
                yield pd.concat([of_cell, frame], axis=1)
                empty = False
    if empty:
        yield settings.iloc[:0]


def point_text(comparison: Comparison, point: Point) -> str:
    """`depth 4`, or `depth 4, activation relu`."""
    settings = zip((comparison.vary, comparison.by), point, strict=True)
    return ", ".join(f"{knob} {value_text(value)}" for knob, value in settings if knob is not None)


def place_of(comparison: Comparison, point: Point) -> int:
    """The place of a point among the cells. Raises ValueError if it is not one of them."""
    if point not in comparison.points:
        cells = "; ".join(point_text(comparison, one) for one in comparison.points[:12])
        raise ValueError(f"baseline: got {point_text(comparison, point)}, allowed is a cell ({cells}).")
    return comparison.points.index(point)
