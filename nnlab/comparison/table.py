"""One knob or two, their values, the seeds → runs → one table."""

from __future__ import annotations

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
from nnlab.spec import Comparison, Experiment, Point, StartFrom


class Cell(NamedTuple):
    """What is known of one point of a comparison: both None while its training is not finished."""

    results: Mapping[str, Any] | None
    """As a finished run stores them: `train`, `validation`, `test` → figure → list over the replicates, or None."""
    metrics: pd.DataFrame | None
    """Tidy: a row an epoch and replicate."""


# -- the table -------------------------------------------------------------------------------------------------------


def table_of(
    comparison: Comparison, cells: Sequence[Cell], *, baseline: int | None = None, test: bool = True
) -> pd.DataFrame:
    """One row a cell.

    Parameters
    ----------
    cells : in the order of `comparison.points`
        A cell that is not finished gives nan and an empty verdict.
    baseline : place of the cell, chosen beforehand, that the others are compared with; None compares with the best
    test : False leaves the test columns empty: the test part has not been opened

    Returns
    -------
    DataFrame
        The knob's name, that of the second knob where there is one, `parameters`, `seeds` (how many), then `train_`,
        `validation_`, `test_` + `accuracy` (or `mse`), each followed by `_low` and `_high` (95 % interval, see
        `statistics.interval`), `gap` (how much worse the network does on samples it was not trained on: training minus
        validation accuracy, or validation minus training mse), `best_epoch` (median over the replicates of the epoch
        with the lowest validation loss; training loss where there is no validation part), `seconds_per_epoch` (median,
        all replicates together), `verdict` and `reason` (see `diagnosis.diagnose`). Then the paired difference of the
        validation scores (of the training scores where there is no validation part) to the best cell or the baseline,
        in whose row they are missing: `difference`, `difference_low`, `difference_high` (95 % interval), `p` (corrected
        for the number of comparisons) and `seeds_needed` (to tell the two apart, see `statistics.differences`). nan
        where a part is empty.
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
    """`table_of`, from the rows of `cell_row` and cells that need no metrics any more."""
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
    """What is known of every row before anything is trained."""
    return [
        {comparison.vary: value_text(point.value)}
        | ({comparison.by: value_text(point.by_value)} if comparison.by else {})
        | {"parameters": experiment.parameters, "seeds": len(comparison.seeds)}
        for point, experiment in zip(comparison.points, comparison.experiments, strict=True)
    ]


def cell_row(experiment: Experiment, cell: Cell) -> dict[str, Any]:
    """What a row of the table says of its cell alone, whatever the other cells are."""
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
    """The part whose scores decide: validation, or train where no cell has a validation part. Never test."""
    seen = any(np.isfinite(final_scores(cell.results, "validation", score)).any() for cell in cells)
    return "validation" if seen else "train"


def cell_differences(
    comparison: Comparison, cells: Sequence[Cell], baseline: int | None = None
) -> tuple[int | None, list[Difference | None]]:
    """The place of the cell that the others are compared with, and every cell's paired difference to it (its own
    score minus that one's; None for the cell itself and for what is not finished). See `statistics.differences`."""
    score = comparison.experiment.score
    part = chosen_by(cells, score)
    scores: list[Floats] = [final_scores(cell.results, part, score) for cell in cells]
    known = [i for i, each in enumerate(scores) if len(each) and np.isfinite(each).any()]
    nothing: list[Difference | None] = [None] * len(cells)
    if not known or (baseline is not None and baseline not in known):
        return None, nothing
    reference, against = differences(
        [scores[i] for i in known],
        None if baseline is None else known.index(baseline),
        better="higher" if score == "accuracy" else "lower",
        folds=comparison.experiment.data.folds,
    )
    for i, difference in zip(known, against, strict=True):
        nothing[i] = difference
    return known[reference], nothing


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
    """Every epoch of every replicate of every cell, tidy: the knobs' names, then the columns of the runs' metrics."""
    knobs = [comparison.vary, *([comparison.by] if comparison.by else [])]
    frames = []
    for point, frame in zip(comparison.points, metrics, strict=True):
        if frame is not None and len(frame):
            values = {
                knob: pd.Series([value_text(value)] * len(frame), index=frame.index)
                for knob, value in zip(knobs, point, strict=False)
            }
            frames.append(pd.concat([pd.DataFrame(values), frame], axis=1))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({knob: [] for knob in knobs})


# -- names of cells --------------------------------------------------------------------------------------------------


def value_text(value: Any) -> Any:
    """A knob's value as it stands in a table: numbers and words as they are, a list of widths as 8-8-4, what a
    network starts from as `2 of digits, 1 frozen`."""
    if isinstance(value, (list, tuple)):
        return "-".join(str(getattr(layer, "width", layer)) for layer in value) or "0"
    if value is None:
        return "none"
    if isinstance(value, StartFrom):
        return f"{value.layers} of {value.experiment.data.name}, {value.frozen} frozen"
    return value


def point_text(comparison: Comparison, point: Point) -> str:
    """`depth 4`, or `depth 4, activation relu`."""
    first = f"{comparison.vary} {value_text(point.value)}"
    return f"{first}, {comparison.by} {value_text(point.by_value)}" if comparison.by else first


def place_of(comparison: Comparison, point: Point) -> int:
    """The place of a point among the cells. Raises ValueError where there is none."""
    if point not in comparison.points:
        cells = "; ".join(point_text(comparison, one) for one in comparison.points[:12])
        raise ValueError(f"baseline: got {point_text(comparison, point)}, allowed is a cell ({cells}).")
    return comparison.points.index(point)
