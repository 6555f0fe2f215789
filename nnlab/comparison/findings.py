"""The sentence a comparison says, as data that any language can put into words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from nnlab.analysis.statistics import Difference, Interval
from nnlab.comparison.table import Cell, cell_differences, chosen_by, value_text
from nnlab.spec import Comparison, Point

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

    Kinds: `incomplete` (no cell has finished), `all_diverged`, `single` (one cell to speak of), `indistinguishable`
    (no cell can be told from the best), `best_then_overfits` (one knob, a number, and beyond the best value the gap
    grows and the verdict is overfits), `best_at_edge` (one knob, and the best is the highest or lowest value tried and
    stands clear), `best_among` (the best cannot be told from some others), `best`.
    """

    kind: FindingKind
    knob: str
    by: str | None = None
    """The second knob."""
    score: Literal["accuracy", "mse"] = "accuracy"
    part: Literal["train", "validation"] = "validation"
    """Part the scores are of: validation, or train where there is no validation part. Never test."""
    seeds: int = 0
    best: Point = field(default_factory=lambda: Point(None))
    """The best cell; where none can be told apart, the one with the fewest parameters."""
    interval: Interval = field(default_factory=lambda: Interval(math.nan, math.nan, math.nan))
    """Of its score over the replicates."""
    rivals: tuple[Point, ...] = ()
    """Cells that cannot be told from the best with these seeds (paired differences, corrected for their number)."""
    nearest: Point | None = None
    """The rival that would be told from the best with the fewest seeds ..."""
    needed: int | None = None
    """... and how many that takes (80 % power); None where it is not to be had."""
    edge: Literal["", "lowest", "highest"] = ""
    gap_from: float = math.nan
    """Gap at the best value ..."""
    gap_to: float = math.nan
    """... and at the highest that overfits."""
    diverged: tuple[Point, ...] = ()
    """Cells left out because training diverged."""

    @property
    def value(self) -> Any:
        """The best value of the knob."""
        return self.best.value

    def __str__(self) -> str:
        return _english(self)


def finding(table: pd.DataFrame, comparison: Comparison, cells: Sequence[Cell]) -> Finding:
    """What a table says.

    The best cell has the best mean score on the validation part (the training part where there is none). Another can
    be told from it where their paired difference is significant after the correction for looking at all of them (see
    `statistics.differences`)."""
    score = comparison.experiment.score
    part = chosen_by(cells, score)
    rows = [_Row.of(point, row, f"{part}_{score}") for point, row in
            zip(comparison.points, table.to_dict("records"), strict=True)]  # fmt: skip
    finished = [row for row in rows if row.verdict]
    kept = [row for row in finished if row.verdict != "diverged" and math.isfinite(row.interval.mean)]
    said = Finding(
        "all_diverged" if finished else "incomplete",
        comparison.vary,
        comparison.by,
        score,
        part,
        len(comparison.seeds),
        diverged=tuple(row.point for row in finished if row.verdict == "diverged"),
    )
    if not kept:
        return said

    compared = [cell if row in kept else Cell(None, None) for row, cell in zip(rows, cells, strict=True)]
    place, against = cell_differences(comparison, compared)
    best = rows[place] if place is not None else kept[0]
    rivals = [(row, one) for row, one in zip(rows, against, strict=True) if one is not None and not one.distinct]
    nothing_stands_out = len(rivals) == len(kept) - 1
    chosen = min([best, *(row for row, _ in rivals)], key=lambda row: row.parameters) if nothing_stands_out else best
    said = replace(
        said,
        kind="best_among" if rivals else "best",
        best=chosen.point,
        interval=chosen.interval,
        rivals=tuple(row.point for row in rows if row is not chosen and (row is best or row in [r for r, _ in rivals])),
        **_easiest(rivals),
    )
    if nothing_stands_out:
        return replace(said, kind="single" if len(kept) == 1 else "indistinguishable")
    if comparison.by is None and all(_is_number(row.point.value) for row in kept):
        return _along(said, best, kept, bool(rivals))
    return said


def _along(said: Finding, best: _Row, kept: Sequence[_Row], tied: bool) -> Finding:
    """A numeric knob: does it overfit beyond the best, or is the best at an end?"""
    values = [row.point.value for row in kept]
    beyond = [row for row in kept if row.point.value > best.point.value and row.verdict == "overfits"]
    last = max(beyond, key=lambda row: float(row.point.value), default=best)
    if last.gap > best.gap:
        return replace(said, kind="best_then_overfits", gap_from=best.gap, gap_to=last.gap)
    if not tied and best.point.value == min(values):
        return replace(said, kind="best_at_edge", edge="lowest")
    if not tied and best.point.value == max(values):
        return replace(said, kind="best_at_edge", edge="highest")
    return said


def _easiest(rivals: Sequence[tuple[_Row, Difference]]) -> dict[str, Any]:
    """The rival that takes the fewest seeds to be told from the best."""
    reachable = [(one.needed, row.point) for row, one in rivals if one.needed is not None]
    if not reachable:
        return {}
    needed, nearest = min(reachable, key=lambda pair: pair[0])
    return {"needed": needed, "nearest": nearest}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(eq=False)
class _Row:
    """What a finding needs of one row of the table."""

    point: Point
    parameters: int
    interval: Interval
    gap: float
    verdict: str

    @classmethod
    def of(cls, point: Point, row: Mapping[Any, Any], column: str) -> _Row:
        over = Interval(row[column], row[f"{column}_low"], row[f"{column}_high"])
        return cls(point, row["parameters"], over, row["gap"], row["verdict"])


_NAMES = {"lr": "learning rate", "l2": "L2", "n_samples": "number of samples", "batch_size": "batch size"}
_MORE = {"depth": "deeper nets", "depth_same_size": "deeper nets", "width": "wider nets", "epochs": "longer runs"}


def _english(it: Finding) -> str:
    if it.kind == "incomplete":
        return "Nothing has finished yet."
    knob = _NAMES.get(it.knob, it.knob)
    knobs = f"{knob} and {_NAMES.get(it.by, it.by)}" if it.by else knob
    if it.kind == "all_diverged":
        return f"Training diverged at every {knobs}; try a lower learning rate."

    def at(point: Point) -> str:
        by = f", {_NAMES.get(it.by, it.by)} {value_text(point.by_value)}" if it.by else ""
        return f"{value_text(point.value)}{by}"

    seeds = f"{it.seeds} seed" + ("" if it.seeds == 1 else "s")
    best = f"{knob} {at(it.best)}"
    if it.kind == "indistinguishable":
        text = f"No {knobs} stands out with {seeds}; the smallest net, {best}, reaches {_figure(it)}."
    elif it.kind == "single":
        text = f"{best} reaches {_figure(it)}."
    else:
        text = f"{best} is best ({_figure(it)})"
        rivals = _and([at(one) for one in it.rivals])
        if it.kind == "best_among":
            text += f", but cannot be told from {rivals} with {seeds}"
        elif it.kind == "best_at_edge":
            text += f", the {it.edge} tried; {'lower' if it.edge == 'lowest' else 'higher'} may be better still"
        elif it.kind == "best_then_overfits":
            text += f", but cannot be told from {rivals}" if it.rivals else ""
            text += f"; {_MORE.get(it.knob, 'higher values')} overfit: the gap grows {_growth(it)}"
        text += "."
    if it.needed is not None:
        text += f" About {it.needed} seeds would be needed to tell any of them apart."
    if it.diverged:
        text += f" Training diverged at {_and([at(one) for one in it.diverged])}."
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


def _and(words: Sequence[str]) -> str:
    if not words:
        return ""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
