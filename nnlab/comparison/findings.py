"""The conclusion of a comparison, as data and as sentences in any language."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

import pandas as pd

from nnlab.analysis.statistics import Interval
from nnlab.comparison.table import Cell, cell_differences, chosen_by
from nnlab.spec import Comparison, Point
from nnlab.spec.text import value_text

MOST_NAMED = 5
"""Cells named in a sentence; more are counted."""

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
    """The conclusion of a comparison; `str()` is an English sentence, see `FindingText` for other languages.

    Kinds: `incomplete` (no cell has finished), `all_diverged`, `single` (only one cell has a score),
    `indistinguishable` (no cell differs significantly from the best), `best_then_overfits` (a single numeric setting:
    above the best value the gap grows and the verdict is overfits), `best_at_edge` (a single numeric setting: the best
    value is the highest or lowest, and differs significantly from all others), `best_among` (some cells do not differ
    significantly from the best), `best`.
    """

    kind: FindingKind
    knob: str
    by: str | None = None
    """The second setting."""
    score: Literal["accuracy", "mse"] = "accuracy"
    part: Literal["train", "validation"] = "validation"
    """The part of the scores: validation, or train where there is no validation part."""
    seeds: int = 0
    best: Point = field(default_factory=lambda: Point(None))
    """The best cell; the one with the fewest parameters if the cells are indistinguishable."""
    interval: Interval = field(default_factory=lambda: Interval(math.nan, math.nan, math.nan))
    """Of its score over the replicates."""
    rivals: tuple[Point, ...] = ()
    """Cells that do not differ significantly from the best (paired differences, corrected for their number)."""
    nearest: Point | None = None
    """The rival whose difference needs the fewest seeds to become significant ..."""
    needed: int | None = None
    """... and how many (80 % power); None where 1000 are not enough."""
    edge: Literal["", "lowest", "highest"] = ""
    gap_from: float = math.nan
    """Gap at the best value ..."""
    gap_to: float = math.nan
    """... and at the highest value that overfits."""
    diverged: tuple[Point, ...] = ()
    """Cells left out because training diverged."""

    @property
    def value(self) -> Any:
        """The best value of the setting."""
        return self.best.value

    def __str__(self) -> str:
        return FindingText(self).sentence()


class _Row(NamedTuple):
    """What a finding needs of one row of the table."""

    point: Point
    parameters: int
    interval: Interval
    gap: float
    verdict: str


def finding(table: pd.DataFrame, comparison: Comparison, cells: Sequence[Cell]) -> Finding:
    """Draw the conclusion from a comparison's table.

    Parameters
    ----------
    table : DataFrame
        From `table_of`.
    comparison : Comparison
    cells : sequence of Cell
        In the order of `comparison.points`.

    Returns
    -------
    Finding
        The best cell has the best mean score on the validation part (the training part where there is none). Others
        differ from it where the paired difference is significant, corrected for all pairs
        (`statistics.differences`).
    """
    score = comparison.experiment.score
    part = chosen_by(cells, score)
    figures = [table[f"{part}_{score}{end}"] for end in ("", "_low", "_high")]
    intervals = [Interval(*map(float, row)) for row in zip(*figures, strict=True)]
    columns = comparison.points, table["parameters"], intervals, table["gap"].tolist(), table["verdict"]
    rows = [_Row(*row) for row in zip(*columns, strict=True)]
    finished = [row for row in rows if row.verdict]
    valid = [row for row in finished if row.verdict != "diverged" and math.isfinite(row.interval.mean)]
    found = Finding(
        "all_diverged" if finished else "incomplete",
        comparison.vary,
        comparison.by,
        score,
        part,
        len(comparison.seeds),
        diverged=tuple(row.point for row in finished if row.verdict == "diverged"),
    )
    if not valid:
        return found

    place, against = cell_differences(
        comparison, [cell if row in valid else Cell(None, None) for row, cell in zip(rows, cells, strict=True)]
    )
    best = rows[place] if place is not None else valid[0]
    rivals = {row.point: one for row, one in zip(rows, against, strict=True) if one is not None and not one.distinct}
    indistinguishable = len(rivals) == len(valid) - 1
    tied = [row for row in rows if row is best or row.point in rivals]
    chosen = min([best, *tied], key=lambda row: row.parameters) if indistinguishable else best
    reachable = [(one.needed, point) for point, one in rivals.items() if one.needed is not None]
    needed, nearest = min(reachable, key=lambda pair: pair[0], default=(None, None))
    found = replace(
        found,
        kind="best_among" if rivals else "best",
        best=chosen.point,
        interval=chosen.interval,
        rivals=tuple(row.point for row in tied if row is not chosen),
        needed=needed,
        nearest=nearest,
    )
    if indistinguishable:
        return replace(found, kind="single" if len(valid) == 1 else "indistinguishable")
    if comparison.by is None and all(type(row.point.value) in (int, float) for row in valid):
        return _along(found, best, valid)
    return found


def _along(found: Finding, best: _Row, valid: Sequence[_Row]) -> Finding:
    """The finding for a numeric setting: do higher values overfit, or is the best value at an end?"""
    values = [row.point.value for row in valid]
    overfit = [row for row in valid if row.point.value > best.point.value and row.verdict == "overfits"]
    last = max(overfit, key=lambda row: float(row.point.value), default=best)
    if last.gap > best.gap:
        return replace(found, kind="best_then_overfits", gap_from=best.gap, gap_to=last.gap)
    if not found.rivals and best.point.value == min(values):
        return replace(found, kind="best_at_edge", edge="lowest")
    if not found.rivals and best.point.value == max(values):
        return replace(found, kind="best_at_edge", edge="highest")
    return found


class Language(Protocol):
    """What a sentence needs of a language; `nnlab.ui.shell.text.Text` is one."""

    def __call__(self, message: str, **values: object) -> str: ...
    def many(self, one: str, more: str, n: int) -> str: ...
    def whole(self, value: float) -> str: ...
    def number(self, value: float, digits: int) -> str: ...
    def interval(self, mean: float, low: float, high: float, kind: str) -> str: ...


class _English:
    """English without a catalogue, for the command line and notebooks."""

    def __call__(self, message: str, **values: object) -> str:
        return message.format(**values)

    def many(self, one: str, more: str, n: int) -> str:
        return (one if n == 1 else more).format(n=self.whole(n))

    def whole(self, value: float) -> str:
        return f"{round(value):,}"

    def number(self, value: float, digits: int) -> str:
        return f"{value:.{digits}g}"

    def interval(self, mean: float, low: float, high: float, kind: str) -> str:
        half = (high - low) / 2
        if kind == "accuracy":
            return f"{100 * mean:.1f}" + (f" ± {100 * half:.1f}" if math.isfinite(half) else "")
        return f"{mean:.3g}" + (f" ± {half:.2g}" if math.isfinite(half) else "")


_NAMES = {
    "lr": "learning rate",
    "l2": "L2",
    "n_samples": "number of samples",
    "batch_size": "batch size",
    "depth_same_size": "depth at equal size",
}


@dataclass(frozen=True)
class FindingText:
    """The sentences about a finding in one language: English unless another is given.

    Parameters
    ----------
    finding : Finding
    t : Language, optional
    knob_name, value_name : callable, optional
        `knob_name(knob, t)` and `value_name(knob, value, t)`: a setting and one of its values inside a sentence.
    """

    finding: Finding
    t: Language = field(default_factory=_English)
    knob_name: Callable[[str, Any], str] = lambda knob, t: _NAMES.get(knob, knob)
    value_name: Callable[[str, Any, Any], str] = lambda knob, value, t: value_text(value)

    def sentence(self) -> str:
        """The finding, and what limits it: one sentence or a few."""
        it, t = self.finding, self.t
        words = self._words()
        match it.kind:
            case "incomplete":
                return t("No cell has finished yet.")
            case "all_diverged":
                return t("Training diverged with every {knob}; try a lower learning rate.", **words)
            case "indistinguishable":
                text = t("No {knob} stands out with {seeds}; the smallest network, {what}, reaches {figure}.", **words)
            case "single":
                text = t("{what} reaches {figure}.", **words)
            case "best_among":
                text = t("{what} is best ({figure}), but cannot be told from {rivals} with {seeds}.", **words)
            case "best_at_edge" if it.edge == "lowest":
                text = t("{what} is best ({figure}), the lowest tried; lower may be better still.", **words)
            case "best_at_edge":
                text = t("{what} is best ({figure}), the highest tried; higher may be better still.", **words)
            case "best_then_overfits":
                text = t("{what} is best ({figure}); {growth}.", **words, growth=self._growth())
                if it.rivals:
                    text += " " + t("It cannot be told from {rivals} with {seeds}.", **words)
            case "best":
                text = t("{what} is best ({figure}).", **words)
        if it.needed is not None:
            needed = t.whole(it.needed)
            text += " " + t("About {n} seeds would be needed to tell any of them apart.", n=needed)
        if it.diverged:
            text += " " + t("Training diverged at {values}.", values=self._points(it.diverged))
        return text[0].upper() + text[1:]

    def best_so_far(self) -> str:
        """The best of the cells that have finished, while others train."""
        if self.finding.kind in ("incomplete", "all_diverged"):
            return self.sentence()
        if self.finding.kind == "indistinguishable":
            return self.t("So far nothing stands out; the smallest network, {what}, reaches {figure}.", **self._words())
        return self.t("Best so far: {what} ({figure}).", **self._words())

    def basis(self) -> str:
        """What the figures of the sentence are."""
        it, t = self.finding, self.t
        words = {"part": t("validation") if it.part == "validation" else t("training"), "seeds": self._seeds()}
        if it.score == "accuracy":
            text = t("Accuracy in {part}: mean and 95 % interval (Student's t) over {seeds}.", **words)
        else:
            text = t("Mean squared error in {part}: mean and 95 % interval (Student's t) over {seeds}.", **words)
        return text + " " + t("The test set plays no role in the choice.")

    def _words(self) -> dict[str, str]:
        """The places that the sentences have."""
        it, t, over = self.finding, self.t, self.finding.interval
        knob = self.knob_name(it.knob, t)
        figure = t.interval(over.mean, over.low, over.high, it.score)
        return {
            "what": f"{knob} {self._point(it.best)}",
            "figure": f"{figure} %" if it.score == "accuracy" else t("mean squared error {figure}", figure=figure),
            "knob": t("{first} and {last}", first=knob, last=self.knob_name(it.by, t)) if it.by else knob,
            "rivals": self._points(it.rivals),
            "seeds": self._seeds(),
        }

    def _seeds(self) -> str:
        return self.t.many("{n} seed", "{n} seeds", self.finding.seeds)

    def _point(self, point: Point) -> str:
        """`4`, with a second setting `4 with activation tanh`."""
        it, t = self.finding, self.t
        first = self.value_name(it.knob, point.value, t)
        if not it.by:
            return first
        last = f"{self.knob_name(it.by, t)} {self.value_name(it.by, point.by_value, t)}"
        return t("{first} with {last}", first=first, last=last)

    def _points(self, points: Sequence[Point]) -> str:
        names = [self._point(point) for point in points]
        if len(names) > MOST_NAMED:
            return self.t.many("{n} cell", "{n} cells", len(names))
        if len(names) < 2:
            return "".join(names)
        return self.t("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])

    def _growth(self) -> str:
        it, t = self.finding, self.t
        if it.score == "accuracy":
            first, last = t.whole(100 * it.gap_from), t.many("{n} point", "{n} points", round(100 * it.gap_to))
        else:
            first, last = t.number(it.gap_from, 2), t.number(it.gap_to, 2)
        match it.knob:
            case "depth" | "depth_same_size":
                return t("deeper networks overfit: the gap grows from {first} to {last}", first=first, last=last)
            case "width":
                return t("wider networks overfit: the gap grows from {first} to {last}", first=first, last=last)
            case "epochs":
                return t("longer training overfits: the gap grows from {first} to {last}", first=first, last=last)
        return t("higher values overfit: the gap grows from {first} to {last}", first=first, last=last)
