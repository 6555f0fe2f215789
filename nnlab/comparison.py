"""One knob, its values, the seeds → runs → one table, and the sentence the table says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from nnlab.diagnosis import diagnose
from nnlab.evaluation import PARTS, Floats, final_scores
from nnlab.signals import before_and_after
from nnlab.spec import Comparison, Experiment
from nnlab.statistics import Interval, interval

if TYPE_CHECKING:
    from nnlab.training import Result

__all__ = ["Cell", "Comparison", "ComparisonResult", "Finding", "compare", "epochs_of", "finding", "table_of"]

Progress = Callable[[str, float], None]
"""Called after every epoch with where things are (`depth 4, epoch 3 of 60`) and the share done, 0 to 1."""


class Cell(NamedTuple):
    """What is known of one value of the knob: both None while its run is not finished."""

    results: Mapping[str, Any] | None
    """As a finished run stores them: `train`, `validation`, `test` → figure → list over the seeds, or None."""
    metrics: pd.DataFrame | None
    """Tidy: a row an epoch and seed."""


# -- in this process -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """A comparison that has been run. `table` has one row a value, `epochs` one row a value, seed and epoch."""

    comparison: Comparison
    results: Mapping[Any, Result]
    """By value of the knob."""

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(results_of(result), result.metrics) for result in self.results.values())

    @cached_property
    def table(self) -> pd.DataFrame:
        """See `table_of`."""
        return table_of(self.comparison, self.cells)

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """See `epochs_of`."""
        return epochs_of(self.comparison, [cell.metrics for cell in self.cells])

    @cached_property
    def finding(self) -> Finding:
        """What the table says, see `finding`."""
        return finding(self.table, self.comparison, self.cells)


def compare(comparison: Comparison, progress: Progress | None = None) -> ComparisonResult:
    """Train every value of a comparison under all its seeds, one value after the other, in this process.

    Parameters
    ----------
    progress : callable, optional
        See `Progress`. Whatever it raises ends the comparison.

    Raises
    ------
    DatasetUnavailable
        Where the data has to be downloaded and cannot be.
    """
    from nnlab.training import train

    experiments = comparison.experiments
    total, done = sum(experiment.train.epochs for experiment in experiments), 0
    results: dict[Any, Result] = {}
    for value, experiment in zip(comparison.values, experiments, strict=True):
        training = train(experiment, comparison.seeds)
        for epoch in training:
            if progress:
                where = f"{comparison.vary} {value_text(value)}, epoch {epoch.epoch} of {experiment.train.epochs}"
                progress(where, (done + epoch.epoch) / total)
        done += experiment.train.epochs
        results[value] = training.result()
    return ComparisonResult(comparison, results)


def results_of(result: Result) -> dict[str, Any]:
    """A result's figures on all three parts and the signals, as a finished run stores them."""
    parts: dict[str, Any] = {}
    for part in PARTS:
        figures = result.evaluate(part)
        parts[part] = figures and {name: values.tolist() for name, values in figures.items()}
    parts["signals"] = before_and_after(result.experiment, result.seeds, result.dataset, result.stacked)
    return parts


# -- the table -------------------------------------------------------------------------------------------------------


def table_of(comparison: Comparison, cells: Sequence[Cell]) -> pd.DataFrame:
    """One row a value of the knob.

    Parameters
    ----------
    cells : one a value, in the order of `comparison.values`
        A cell that is not finished gives nan and an empty verdict.

    Returns
    -------
    DataFrame
        The knob's name, `parameters`, `seeds` (how many), then `train_`, `validation_`, `test_` + `accuracy` (or
        `mse`), each followed by `_low` and `_high` (95 % interval over the seeds), `gap` (how much worse the network
        does on samples it was not trained on: training minus validation accuracy, or validation minus training mse),
        `best_epoch` (median over the seeds of the epoch with the lowest validation loss; training loss where there
        is no validation part), `seconds_per_epoch` (median, all seeds together) and `verdict` (see
        `diagnosis.diagnose`). nan where a part is empty.
    """
    rows = [
        _row(experiment, comparison.vary, value, len(comparison.seeds), cell)
        for value, experiment, cell in zip(comparison.values, comparison.experiments, cells, strict=True)
    ]
    table = pd.DataFrame(rows)
    table["best_epoch"] = table["best_epoch"].astype("Int64")  # a whole number, or missing
    return table


def _row(experiment: Experiment, knob: str, value: Any, seeds: int, cell: Cell) -> dict[str, Any]:
    score = experiment.score
    row: dict[str, Any] = {knob: value_text(value), "parameters": experiment.parameters, "seeds": seeds}
    means: dict[str, float] = {}
    for part in PARTS:
        means[part], low, high = _interval_of(cell, part, score)
        row |= {f"{part}_{score}": means[part], f"{part}_{score}_low": low, f"{part}_{score}_high": high}
    gap = means["train"] - means["validation"]
    row["gap"] = gap if score == "accuracy" else -gap
    row["best_epoch"] = _best_epoch(cell.metrics) if cell.results else None
    row["seconds_per_epoch"] = _seconds_per_epoch(cell.metrics)
    row["verdict"] = diagnose(cell.metrics, cell.results, experiment).verdict
    return row


def _interval_of(cell: Cell, part: str, score: str) -> tuple[float, float, float]:
    over_seeds = interval(final_scores(cell.results, part, score))
    return over_seeds.mean, over_seeds.low, over_seeds.high


def _best_epoch(metrics: pd.DataFrame | None) -> int | None:
    if metrics is None or len(metrics) == 0:
        return None
    loss = "train_loss" if metrics["validation_loss"].isna().all() else "validation_loss"
    finite = metrics[np.isfinite(metrics[loss])]
    if len(finite) == 0:
        return None
    best = finite.loc[finite.groupby("seed")[loss].idxmin(), "epoch"]  # (seeds,)
    return int(best.median())


def _seconds_per_epoch(metrics: pd.DataFrame | None) -> float:
    if metrics is None or len(metrics) == 0 or "seconds" not in metrics:
        return math.nan
    return float(metrics.drop_duplicates("epoch")["seconds"].median())


def epochs_of(comparison: Comparison, metrics: Sequence[pd.DataFrame | None]) -> pd.DataFrame:
    """Every epoch of every seed of every value, tidy: the knob's name, then the columns of the runs' metrics."""
    frames = []
    for value, frame in zip(comparison.values, metrics, strict=True):
        if frame is not None and len(frame):
            knob = pd.Series([value_text(value)] * len(frame), index=frame.index, name=comparison.vary)
            frames.append(pd.concat([knob, frame], axis=1))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({comparison.vary: []})


def value_text(value: Any) -> Any:
    """A knob's value as it stands in a table: numbers and words as they are, a list of widths as 8-8-4."""
    if isinstance(value, (list, tuple)):
        return "-".join(str(getattr(layer, "width", layer)) for layer in value) or "0"
    return value


# -- the sentence ----------------------------------------------------------------------------------------------------

FindingKind = Literal[
    "incomplete",
    "all_diverged",
    "single",
    "indistinguishable",
    "best_then_overfits",
    "best_at_edge",
    "best_among",
    "best",
]


@dataclass(frozen=True)
class Finding:
    """What a comparison says, as data that any language can put into one sentence; `str()` is the English one.

    Kinds: `incomplete` (no value has finished), `all_diverged`, `single` (one value to speak of), `indistinguishable`
    (no value can be told from the best), `best_then_overfits` (the knob is a number, and beyond the best value the
    gap grows and the verdict is overfits), `best_at_edge` (the best is the highest or lowest value tried, and stands
    clear), `best_among` (the best cannot be told from some others), `best`.
    """

    kind: FindingKind
    knob: str
    score: Literal["accuracy", "mse"] = "accuracy"
    part: str = "validation"
    """Part the scores are of: validation, or train where there is no validation part. Never test."""
    seeds: int = 0
    value: Any = None
    """The best value; among those that cannot be told apart, the one with the fewest parameters."""
    interval: Interval = field(default_factory=lambda: Interval(math.nan, math.nan, math.nan))
    """Of its score over the seeds."""
    rivals: tuple[Any, ...] = ()
    """Values that cannot be told from the best with these seeds (paired differences, 95 %)."""
    edge: Literal["", "lowest", "highest"] = ""
    gap_from: float = math.nan
    """Gap at the best value ..."""
    gap_to: float = math.nan
    """... and at the highest that overfits."""
    diverged: tuple[Any, ...] = ()
    """Values left out because training diverged."""

    def __str__(self) -> str:
        return _english(self)


def finding(table: pd.DataFrame, comparison: Comparison, cells: Sequence[Cell] | None = None) -> Finding:
    """What a table says.

    The best value has the best mean score on the validation part (the training part where there is none). Another
    value can be told from it if the 95 % t interval of the paired differences, seed by seed, leaves out 0; without
    `cells` (the scores by seed), or with one seed, if their intervals do not overlap (one seed: never).
    """
    score, knob = comparison.experiment.score, comparison.vary
    part = "train" if table[f"validation_{score}"].isna().all() else "validation"
    column = f"{part}_{score}"
    rows = [_Row.of(row, knob, column) for row in table.to_dict("records")]
    for row, cell in zip(rows, cells or (), strict=False):
        row.scores = final_scores(cell.results, part, score)
    finished = [row for row in rows if row.verdict]
    kept = [row for row in finished if row.verdict != "diverged" and math.isfinite(row.interval.mean)]
    said = Finding(
        "all_diverged" if finished else "incomplete",
        knob,
        score,
        part,
        len(comparison.seeds),
        diverged=tuple(row.value for row in finished if row.verdict == "diverged"),
    )
    if not kept:
        return said

    best = (max if score == "accuracy" else min)(kept, key=lambda row: row.interval.mean)
    tied = [row for row in kept if row is best or not _apart(best, row)]
    nothing_stands_out = len(tied) == len(kept)
    chosen = min(tied, key=lambda row: row.parameters) if nothing_stands_out else best
    said = replace(
        said,
        kind="best_among" if len(tied) > 1 else "best",
        value=chosen.value,
        interval=chosen.interval,
        rivals=tuple(row.value for row in tied if row is not chosen),
    )
    if nothing_stands_out:
        return replace(said, kind="single" if len(kept) == 1 else "indistinguishable")

    if all(isinstance(row.value, (int, float)) and not isinstance(row.value, bool) for row in kept):
        beyond = [row for row in kept if row.value > best.value and row.verdict == "overfits"]
        last = max(beyond, key=lambda row: float(row.value), default=best)
        if last.gap > best.gap:
            return replace(said, kind="best_then_overfits", gap_from=best.gap, gap_to=last.gap)
        if len(tied) == 1 and best.value == min(row.value for row in kept):
            return replace(said, kind="best_at_edge", edge="lowest")
        if len(tied) == 1 and best.value == max(row.value for row in kept):
            return replace(said, kind="best_at_edge", edge="highest")
    return said


@dataclass
class _Row:
    """What a finding needs of one row of the table."""

    value: Any
    parameters: int
    interval: Interval
    gap: float
    verdict: str
    scores: Floats
    """By seed; empty where they are not at hand."""

    @classmethod
    def of(cls, row: Mapping[Any, Any], knob: str, column: str) -> _Row:
        over_seeds = Interval(row[column], row[f"{column}_low"], row[f"{column}_high"])
        return cls(row[knob], row["parameters"], over_seeds, row["gap"], row["verdict"], np.empty(0))


def _apart(one: _Row, other: _Row) -> bool:
    """Whether two values' scores can be told apart."""
    if len(one.scores) > 1 and len(one.scores) == len(other.scores):
        difference = interval(one.scores - other.scores)
        return difference.low > 0 or difference.high < 0
    return one.interval.low > other.interval.high or one.interval.high < other.interval.low


_NAMES = {"lr": "learning rate", "l2": "L2", "n_samples": "number of samples", "batch_size": "batch size"}
_MORE = {"depth": "deeper nets", "width": "wider nets", "epochs": "longer runs"}


def _english(it: Finding) -> str:
    if it.kind == "incomplete":
        return "Nothing has finished yet."
    knob = _NAMES.get(it.knob, it.knob)
    if it.kind == "all_diverged":
        return f"Training diverged at every {knob}; try a lower learning rate."
    seeds = f"{it.seeds} seed" + ("" if it.seeds == 1 else "s")
    if it.kind == "indistinguishable":
        text = f"No {knob} stands out with {seeds}; the smallest net, {knob} {it.value}, reaches {_figure(it)}."
    elif it.kind == "single":
        text = f"{knob} {it.value} reaches {_figure(it)}."
    else:
        text = f"{knob} {it.value} is best ({_figure(it)})"
        if it.kind == "best_among":
            text += f", but cannot be told from {_and(it.rivals)} with {seeds}"
        elif it.kind == "best_at_edge":
            text += f", the {it.edge} tried; {'lower' if it.edge == 'lowest' else 'higher'} may be better still"
        elif it.kind == "best_then_overfits":
            text += f", but cannot be told from {_and(it.rivals)}" if it.rivals else ""
            text += f"; {_MORE.get(it.knob, 'higher values')} overfit: the gap grows {_growth(it)}"
        text += "."
    if it.diverged:
        text += f" Training diverged at {_and(it.diverged)}."
    return text[0].upper() + text[1:]


def _figure(it: Finding) -> str:
    """`81.2 ± 1.9 %`, or the error to three digits."""
    over = it.interval
    if it.score == "accuracy":
        spread = f" ± {100 * over.half:.1f}" if math.isfinite(over.half) else ""
        return f"{100 * over.mean:.1f}{spread} %"
    spread = f" ± {over.half:.2g}" if math.isfinite(over.half) else ""
    return f"mean squared error {over.mean:.3g}{spread}"


def _growth(it: Finding) -> str:
    if it.score == "accuracy":
        return f"from {100 * it.gap_from:.0f} to {100 * it.gap_to:.0f} points"
    return f"from {it.gap_from:.3g} to {it.gap_to:.3g}"


def _and(values: Sequence[Any]) -> str:
    words = [str(value) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
