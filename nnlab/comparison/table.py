"""The table of a comparison: one row a cell."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from nnlab.analysis.curves import by_epoch
from nnlab.analysis.diagnosis import diagnose
from nnlab.analysis.scores import final_scores
from nnlab.analysis.statistics import Difference, differences, interval
from nnlab.datasets import PARTS
from nnlab.engines.base import Floats
from nnlab.spec import Comparison, Experiment, Point
from nnlab.spec.text import value_text


class Cell(NamedTuple):
    """The results of one point of a comparison: both None until its training has finished."""

    results: Mapping[str, Any] | None
    """As a finished run stores them: `train`, `validation`, `test` → figure → list over the replicates, or None."""
    metrics: pd.DataFrame | None
    """Tidy: a row an epoch and replicate."""


def table_of(
    comparison: Comparison, cells: Sequence[Cell], *, baseline: int | None = None, test: bool = True
) -> pd.DataFrame:
    """The table of a comparison.

    Parameters
    ----------
    comparison : Comparison
    cells : sequence of Cell
        In the order of `comparison.points`. A cell that has not finished gives nan and an empty verdict.
    baseline : int, optional
        Place of a cell, chosen beforehand, that the others are compared with; the best if omitted.
    test : bool
        False leaves the test columns empty: the test set has not been opened.

    Returns
    -------
    DataFrame
        One row a cell: the name of the setting, that of the second setting if there is one, `parameters`, `seeds`
        (their number), then `train_`, `validation_`, `test_` + `accuracy` (or `mse`), each followed by `_low` and
        `_high` (95 % interval, see `statistics.interval`), `gap` (training minus validation accuracy, or validation
        minus training mse), `best_epoch` (median over the replicates of the epoch with the lowest validation loss;
        training loss without a validation part), `seconds_per_epoch` (median, all replicates together), `verdict` and
        `reason` (see `diagnosis.diagnose`). Then the paired difference of the validation scores (training scores
        without a validation part) to the best cell or the baseline, whose own row has none: `difference`,
        `difference_low`, `difference_high` (95 % interval), `p` (corrected for the number of comparisons) and
        `seeds_needed` (see `statistics.Difference`). nan where a part is empty.
    """
    rows = [cell_row(experiment, cell) for experiment, cell in zip(comparison.experiments, cells, strict=True)]
    return table_from(comparison, rows, cells, baseline=baseline, test=test)


def table_from(
    comparison: Comparison,
    rows: Sequence[Mapping[str, Any]],
    cells: Sequence[Cell],
    *,
    baseline: int | None = None,
    test: bool = True,
) -> pd.DataFrame:
    """As `table_of`, from rows of `cell_row`; the metrics of the cells are not used."""
    table = pd.DataFrame(_heads(comparison)).join(pd.DataFrame(list(rows)))
    if not test:
        table.loc[:, table.columns.str.startswith("test_")] = math.nan
    table["best_epoch"] = table["best_epoch"].astype("Int64")  # a whole number, or missing
    _, against = cell_differences(comparison, cells, baseline)
    for name, of in _DIFFERENCE.items():
        table[name] = [math.nan if one is None else of(one) for one in against]
    table["seeds_needed"] = table["seeds_needed"].astype("Int64")
    return table


_DIFFERENCE: Mapping[str, Callable[[Difference], float | None]] = {
    "difference": lambda one: one.mean,
    "difference_low": lambda one: one.low,
    "difference_high": lambda one: one.high,
    "p": lambda one: one.p,
    "seeds_needed": lambda one: math.nan if one.needed is None else one.needed,
}


def _heads(comparison: Comparison) -> list[dict[str, Any]]:
    """The columns that do not depend on results."""
    return [
        {comparison.vary: _table_value(point.value)}
        | ({comparison.by: _table_value(point.by_value)} if comparison.by else {})
        | {"parameters": experiment.parameters, "seeds": len(comparison.seeds)}
        for point, experiment in zip(comparison.points, comparison.experiments, strict=True)
    ]


def cell_row(experiment: Experiment, cell: Cell) -> dict[str, Any]:
    """The columns of the table that depend on one cell alone."""
    score = experiment.score
    row: dict[str, Any] = {}
    means: dict[str, float] = {}
    for part in PARTS:
        over = interval(final_scores(cell.results, part, score), folds=experiment.data.folds)
        means[part] = over.mean
        row |= {f"{part}_{score}": over.mean, f"{part}_{score}_low": over.low, f"{part}_{score}_high": over.high}
    gap = means["train"] - means["validation"]
    row["gap"] = gap if score == "accuracy" else -gap
    row["best_epoch"] = _best_epoch(cell.metrics) if cell.results else None
    row["seconds_per_epoch"] = _seconds_per_epoch(cell.metrics)
    diagnosis = diagnose(cell.metrics, cell.results, experiment)
    return row | {"verdict": diagnosis.verdict, "reason": diagnosis.reason}


def chosen_by(cells: Sequence[Cell], score: str) -> Literal["train", "validation"]:
    """The part whose scores decide which cell is best: validation, or train where no cell has a validation part."""
    seen = any(np.isfinite(final_scores(cell.results, "validation", score)).any() for cell in cells)
    return "validation" if seen else "train"


def cell_differences(
    comparison: Comparison, cells: Sequence[Cell], baseline: int | None = None
) -> tuple[int | None, list[Difference | None]]:
    """Paired differences of the scores of all cells to one of them, see `statistics.differences`.

    Parameters
    ----------
    comparison, cells, baseline
        As in `table_of`.

    Returns
    -------
    reference : int or None
        Place of the cell that the others are compared with; None where it has no scores.
    differences : list of Difference or None
        One a cell, its own scores minus those of the reference; None for the reference and where there are no scores.
    """
    score = comparison.experiment.score
    part = chosen_by(cells, score)
    scores: list[Floats] = [final_scores(cell.results, part, score) for cell in cells]
    known = [i for i, each in enumerate(scores) if len(each) and np.isfinite(each).any()]
    found: list[Difference | None] = [None] * len(cells)
    if not known or (baseline is not None and baseline not in known):
        return None, found
    reference, against = differences(
        [scores[i] for i in known],
        None if baseline is None else known.index(baseline),
        better="higher" if score == "accuracy" else "lower",
        folds=comparison.experiment.data.folds,
    )
    for i, difference in zip(known, against, strict=True):
        found[i] = difference
    return known[reference], found


def _best_epoch(metrics: pd.DataFrame | None) -> int | None:
    if metrics is None or len(metrics) == 0:
        return None
    epochs, train, validation = by_epoch(metrics, "train_loss", "validation_loss")
    loss = train if np.isnan(validation).all() else validation  # (n, replicates)
    finite = np.isfinite(loss)
    seen = finite.any(axis=0)
    best = epochs[np.where(finite, loss, np.inf).argmin(axis=0)[seen]]  # (replicates,)
    return int(np.median(best)) if len(best) else None


def _seconds_per_epoch(metrics: pd.DataFrame | None) -> float:
    if metrics is None or len(metrics) == 0 or "seconds" not in metrics:
        return math.nan
    epochs, seconds = by_epoch(metrics, "seconds")
    return float(np.median(seconds[:, 0])) if len(epochs) else math.nan


def epochs_of(comparison: Comparison, metrics: Sequence[pd.DataFrame | None]) -> pd.DataFrame:
    """All epochs of all cells, tidy: the names of the settings, then the columns of `Result.metrics`."""
    knobs = [comparison.vary, *([comparison.by] if comparison.by else [])]
    frames = []
    for point, frame in zip(comparison.points, metrics, strict=True):
        if frame is not None and len(frame):
            values = {
                knob: pd.Series([_table_value(value)] * len(frame), index=frame.index)
                for knob, value in zip(knobs, point, strict=False)
            }
            frames.append(pd.concat([pd.DataFrame(values), frame], axis=1))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({knob: [] for knob in knobs})


def _table_value(value: Any) -> Any:
    """A value of a setting in a table: numbers and words as they are, others as text."""
    return value if isinstance(value, (bool, int, float, str)) else value_text(value)


def point_text(comparison: Comparison, point: Point) -> str:
    """`depth 4`, or `depth 4, activation relu`."""
    first = f"{comparison.vary} {value_text(point.value)}"
    return f"{first}, {comparison.by} {value_text(point.by_value)}" if comparison.by else first


def place_of(comparison: Comparison, point: Point) -> int:
    """The place of a point among the cells. Raises ValueError if it is not one of them."""
    if point not in comparison.points:
        cells = "; ".join(point_text(comparison, one) for one in comparison.points[:12])
        raise ValueError(f"baseline: got {point_text(comparison, point)}, allowed is a cell ({cells}).")
    return comparison.points.index(point)
