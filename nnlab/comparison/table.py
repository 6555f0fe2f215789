"""The table of a comparison: one row a cell."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from nnlab.analysis.curves import by_epoch
from nnlab.analysis.diagnosis import diagnose
from nnlab.analysis.scores import final_scores
from nnlab.analysis.statistics import Difference, differences, interval
from nnlab.datasets import PARTS
from nnlab.spec import Comparison, Experiment, Point
from nnlab.spec.text import value_text


class Cell(NamedTuple):
    """The results of one point of a comparison: both None until its training has finished."""

    results: Mapping[str, Any] | None
    """As a finished run stores them: `train`, `validation`, `test` → figure → list over the replicates, or None."""
    metrics: pd.DataFrame | None  # tidy: a row an epoch and replicate


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
        `reason` (see `diagnosis.diagnose`). Then the paired difference of the validation scores (training scores
        without a validation part) to the best cell or the baseline, whose own row has none: `difference`,
        `difference_low`, `difference_high` (95 % interval), `p` (corrected for the number of comparisons) and
        `seeds_needed` (see `statistics.Difference`). nan where a part is empty.
    """
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
    _, against = cell_differences(comparison, cells, baseline)
    found = pd.DataFrame([vars(one) if one else {} for one in against], columns=["mean", "low", "high", "p", "needed"])
    names = ["difference", "difference_low", "difference_high", "p", "seeds_needed"]
    whole = {"best_epoch": "Int64", "seeds_needed": "Int64"}  # whole numbers, or missing
    return table.join(found.astype(float).set_axis(names, axis=1)).astype(whole)


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
        over = interval(final_scores(cell.results, part, score), folds=experiment.data.folds)
        row |= {f"{part}_{score}": over.mean, f"{part}_{score}_low": over.low, f"{part}_{score}_high": over.high}
    gap = row[f"train_{score}"] - row[f"validation_{score}"]
    row |= {"gap": gap if score == "accuracy" else -gap, "best_epoch": None, "seconds_per_epoch": math.nan}
    if metrics is not None and len(metrics):
        if cell.results:
            row["best_epoch"] = _best_epoch(metrics)
        if "seconds" in metrics:
            row["seconds_per_epoch"] = float(np.median(by_epoch(metrics, "seconds")[1][:, 0]))
    diagnosis = diagnose(metrics, cell.results, experiment)
    return row | {"verdict": diagnosis.verdict, "reason": diagnosis.reason}


def _best_epoch(metrics: pd.DataFrame) -> int | None:
    epochs, train, validation = by_epoch(metrics, "train_loss", "validation_loss")
    loss = train if np.isnan(validation).all() else validation  # (n, replicates)
    finite = np.isfinite(loss)
    best = epochs[np.where(finite, loss, np.inf).argmin(axis=0)[finite.any(axis=0)]]  # (replicates,)
    return int(np.median(best)) if len(best) else None


def chosen_by(cells: Sequence[Cell], score: str) -> Literal["train", "validation"]:
    """The part whose scores decide which cell is best: validation, or train where no cell has a validation part."""
    seen = any(np.isfinite(final_scores(cell.results, "validation", score)).any() for cell in cells)
    return "validation" if seen else "train"


def cell_differences(
    comparison: Comparison, cells: Sequence[Cell], baseline: int | None = None
) -> tuple[int | None, list[Difference | None]]:
    """The place of the cell that all are compared with, and the difference of each, see `statistics.differences`.

    None for the reference itself and where there are no scores."""
    score = comparison.experiment.score
    part = chosen_by(cells, score)
    scores = [final_scores(cell.results, part, score) for cell in cells]
    known = [i for i, each in enumerate(scores) if np.isfinite(each).any()]
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


def epochs_of(comparison: Comparison, metrics: Sequence[pd.DataFrame | None]) -> pd.DataFrame:
    """All epochs of all cells, tidy: the names of the settings, then the columns of `Result.metrics`."""
    settings = [_settings(comparison, point) for point in comparison.points]
    frames = [
        pd.concat([pd.DataFrame(of_cell, index=frame.index), frame], axis=1)
        for of_cell, frame in zip(settings, metrics, strict=True)
        if frame is not None and len(frame)
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({knob: [] for knob in settings[0]})


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
