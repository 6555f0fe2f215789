"""The conclusion of a comparison, as data and as sentences in any language."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import pandas as pd

from nnlab.analysis.statistics import Interval, detectable
from nnlab.comparison.table import Cell, judge
from nnlab.spec import Comparison, Point
from nnlab.spec.text import value_text

MOST_NAMED = 5  # cells named in a sentence; more are counted


@dataclass(frozen=True)
class Finding:
    """The conclusion of a comparison; `str()` is an English sentence, see `FindingText` for other languages.

    Kinds: `incomplete` (no cell has finished), `all_diverged`, `single` (only one cell has a score),
    `indistinguishable` (no cell differs significantly from the best), `best_then_overfits` (a single numeric setting:
    above the best value the gap grows and the verdict is overfits), `best_at_edge` (a single numeric setting: the best
    value is the highest or lowest, and differs significantly from all others), `best_among` (some cells do not differ
    significantly from the best), `best`.
    """

    kind: str
    knob: str
    by: str | None = None  # the second setting
    score: Literal["accuracy", "mse"] = "accuracy"
    part: Literal["train", "validation"] = "validation"  # of the scores; train where there is no validation part
    seeds: int = 0
    best: Point = field(default_factory=lambda: Point(None))
    """The best cell, or the one with the best mean if the cells are indistinguishable."""
    interval: Interval = field(default_factory=lambda: Interval(math.nan, math.nan, math.nan))
    """Of its score over the replicates."""
    rivals: tuple[Point, ...] = ()
    """Cells that do not differ significantly from the best (paired differences, corrected for their number)."""
    detectable: float = math.nan
    """The difference that would have been found significant in 80 % of cases, see `statistics.detectable`."""
    edge: Literal["", "lowest", "highest"] = ""
    gap_from: float = math.nan  # at the best value
    gap_to: float = math.nan  # at the highest value that overfits
    diverged: tuple[Point, ...] = ()  # cells left out because training diverged

    @property
    def value(self) -> Any:
        """The best value of the setting."""
        return self.best.value

    def __str__(self) -> str:
        return FindingText(self).sentence()


def finding(table: pd.DataFrame, comparison: Comparison, cells: Sequence[Cell]) -> Finding:
    """Draw the conclusion from the table (`table_of`) of a comparison and its cells.

    The best cell has the best mean score on the validation part (the training part where there is none). Others differ
    from it where the paired difference is significant, corrected for all pairs (`statistics.differences`).
    """
    score, points, verdicts = comparison.experiment.score, comparison.points, table["verdict"].tolist()
    judged = judge(comparison, cells, verdicts)
    figures = table[[f"{judged.part}_{score}{end}" for end in ("", "_low", "_high")]].to_numpy(float)
    intervals = [Interval(*row) for row in figures.tolist()]
    diverged = tuple(point for point, verdict in zip(points, verdicts, strict=True) if verdict == "diverged")
    kind = "all_diverged" if any(verdicts) else "incomplete"
    found = Finding(kind, comparison.vary, comparison.by, score, judged.part, len(comparison.seeds), diverged=diverged)
    best, valid = judged.reference, judged.places
    if best is None:
        return found

    rivals = [place for place in valid if (one := judged.against[place]) is not None and not one.distinct]
    indistinguishable = len(rivals) == len(valid) - 1
    found = replace(
        found,
        kind="best_among" if rivals else "best",
        best=points[best],
        interval=intervals[best],
        rivals=tuple(points[place] for place in rivals),
        detectable=detectable(judged.against),
    )
    if indistinguishable:
        return replace(found, kind="single" if len(valid) == 1 else "indistinguishable")
    if comparison.by is None and all(type(points[place].value) in (int, float) for place in valid):
        rows = list(valid)
        return _along(found, best, table.iloc[rows].assign(value=[points[place].value for place in rows]))
    return found


def _along(found: Finding, best: int, valid: pd.DataFrame) -> Finding:
    """The finding for a numeric setting: do higher values overfit, or is the best value at an end?"""
    value, gaps = valid["value"], valid["gap"].to_dict()
    overfit = value[(value > value[best]) & (valid["verdict"] == "overfits")]
    last = overfit.idxmax() if len(overfit) else best
    if gaps[last] > gaps[best]:
        return replace(found, kind="best_then_overfits", gap_from=gaps[best], gap_to=gaps[last])
    if not found.rivals and value[best] == value.min():
        return replace(found, kind="best_at_edge", edge="lowest")
    if not found.rivals and value[best] == value.max():
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
        return message.format(**values) if values else message

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
    knob_name, value_name : callable, optional
        `knob_name(knob, t)` and `value_name(knob, value, t)`: a setting and one of its values inside a sentence.
    """

    finding: Finding
    t: Language = field(default_factory=_English)
    knob_name: Callable[[str, Any], str] = lambda knob, t: _NAMES.get(knob, knob)
    value_name: Callable[[str, Any, Any], str] = lambda knob, value, t: value_text(value)

    def sentence(self) -> str:
        """The finding, and what limits it: one sentence or a few."""
        it, t, words = self.finding, self.t, self._words()
        growth = self._growth() if it.kind == "best_then_overfits" else ""
        text = {
            "incomplete": t("No cell has finished yet."),
            "all_diverged": t("Training diverged with every {knob}; try a lower learning rate."),
            "indistinguishable": t(
                "No {knob} stands out with {seeds}: a difference of {detectable} or more would have shown."
            ),
            "single": t("{what} reaches {figure}."),
            "best_among": t("{what} is best ({figure}), but cannot be told from {rivals} with {seeds}."),
            "lowest": t("{what} is best ({figure}), the lowest tried; lower may be better still."),
            "highest": t("{what} is best ({figure}), the highest tried; higher may be better still."),
            "best_then_overfits": t("{what} is best ({figure}); {growth}."),
            "best": t("{what} is best ({figure})."),
        }[it.edge or it.kind].format(**words, growth=growth)
        if it.kind == "best_then_overfits" and it.rivals:
            text += " " + t("It cannot be told from {rivals} with {seeds}.", **words)
        if it.diverged and it.kind != "all_diverged":
            text += " " + t("Training diverged at {values}.", values=self._points(it.diverged))
        return text[0].upper() + text[1:]

    def best_so_far(self) -> str:
        """The best of the cells that have finished, while others train."""
        kind, t = self.finding.kind, self.t
        if kind in ("incomplete", "all_diverged"):
            return self.sentence()
        if kind == "indistinguishable":
            return t("So far nothing stands out.")
        return t("Best so far: {what} ({figure}).", **self._words())

    def basis(self) -> str:
        """What the figures of the sentence are."""
        t, words = self.t, self._words()
        text = t("Mean squared error in {part}: mean and 95 % interval (Student's t) over {seeds}.", **words)
        if self.finding.score == "accuracy":
            text = t("Accuracy in {part}: mean and 95 % interval (Student's t) over {seeds}.", **words)
        return f"{text} {t('The test set plays no role in the choice.')}"

    def _words(self) -> dict[str, str]:
        it, t, over = self.finding, self.t, self.finding.interval
        knob = self.knob_name(it.knob, t)
        figure = t.interval(over.mean, over.low, over.high, it.score)
        least = t.number(it.detectable, 2)
        if it.score == "accuracy":
            least = t("{n} points", n=t.number(100 * it.detectable, 2))
        return {
            "what": f"{knob} {self._point(it.best)}",
            "figure": f"{figure} %" if it.score == "accuracy" else t("mean squared error {figure}", figure=figure),
            "knob": t("{first} and {last}", first=knob, last=self.knob_name(it.by, t)) if it.by else knob,
            "rivals": self._points(it.rivals),
            "detectable": least,
            "seeds": t.many("{n} seed", "{n} seeds", it.seeds),
            "part": t("validation") if it.part == "validation" else t("training"),
        }

    def _point(self, point: Point) -> str:
        """`4`, with a second setting `4 with activation tanh`."""
        it, t = self.finding, self.t
        first = self.value_name(it.knob, point.value, t)
        if not it.by:
            return first
        last = f"{self.knob_name(it.by, t)} {self.value_name(it.by, point.by_value, t)}"
        return t("{first} with {last}", first=first, last=last)

    def _points(self, points: Sequence[Point]) -> str:
        if len(points) > MOST_NAMED:
            return self.t.many("{n} cell", "{n} cells", len(points))
        if len(points) < 2:
            return "".join(map(self._point, points))
        *first, last = map(self._point, points)
        return self.t("{first} and {last}", first=", ".join(first), last=last)

    def _growth(self) -> str:
        it, t = self.finding, self.t
        first, last = t.number(it.gap_from, 2), t.number(it.gap_to, 2)
        if it.score == "accuracy":
            first, last = t.whole(100 * it.gap_from), t.many("{n} point", "{n} points", round(100 * it.gap_to))
        deeper = t("deeper networks overfit: the gap grows from {first} to {last}")
        text = {
            "depth": deeper,
            "depth_same_size": deeper,
            "width": t("wider networks overfit: the gap grows from {first} to {last}"),
            "epochs": t("longer training overfits: the gap grows from {first} to {last}"),
        }.get(it.knob, t("higher values overfit: the gap grows from {first} to {last}"))
        return text.format(first=first, last=last)
