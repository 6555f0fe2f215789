"""The conclusion of a comparison, as data and as sentences in any language."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from nnlab.analysis.coverage import covered_and_grain, grain
from nnlab.analysis.design import Design
from nnlab.analysis.scores import final_scores, sample_outcomes
from nnlab.analysis.statistics import LEVEL, Difference, Interval, detectable, paired
from nnlab.comparison.answers import Answer
from nnlab.comparison.language import GROUPS, Wording
from nnlab.comparison.table import Cell, Judged, judge
from nnlab.spec import Comparison, Experiment, Point
from nnlab.spec.text import value_text

MOST_NAMED = 5  # cells named in a sentence; more are counted
MARGINS = {"accuracy": 0.01, "mse": 0.05}
"""Differences below it are taken to be without importance: a point of accuracy, 5 % of the best squared error."""


@dataclass(frozen=True)
class Finding:
    """The conclusion of a comparison; `str()` is an English sentence, see `FindingText` for other languages.

    Kinds: `incomplete` (no cell has a score to compare yet), `incomparable` (the cells were scored on other samples),
    `all_diverged`, `single` (only one cell has a score), `indistinguishable` (no cell differs significantly from the
    best), `best_among` (some cells do not differ significantly from the best), `best` (all do).
    """

    kind: str
    knob: str
    by: str | None = None  # the second setting
    experiment: Experiment = field(default_factory=Experiment)  # of the best cell
    part: Literal["train", "validation"] = "validation"  # of the scores; train where there is no validation part
    seeds: int = 0
    best: Point = field(default_factory=lambda: Point(None))
    """The best cell, or the one with the best mean if the cells are indistinguishable."""
    interval: Interval = field(default_factory=lambda: Interval(math.nan, math.nan, math.nan))
    """Of its score over the replicates."""
    rivals: tuple[Point, ...] = ()
    """Cells that do not differ significantly from the best (paired differences, corrected for their number)."""
    equal: tuple[Point, ...] = ()
    """Cells that differ from the best significantly less than by `margin`, see `statistics.Difference.within`."""
    margin: float = 0.0  # of accuracy, or a share of the best mse
    detectable: float = math.nan
    """The difference that would have been found significant in 80 % of cases, see `statistics.detectable`."""
    edge: Literal["", "lowest", "highest"] = ""  # of the values of a setting in numbers, if the best is there
    overfits_at: Point | None = None
    """Where the gap stops growing with the values of a setting in numbers, if the highest overfits, it is significantly
    larger than the best's and does not fall again."""
    gap_from: float = math.nan  # at the best value
    gap_to: float = math.nan  # at `overfits_at`
    diverged: tuple[Point, ...] = ()  # cells left out because training diverged, under some seeds at least
    left_out: tuple[Point, ...] = ()  # and because it was stopped, cut by a limit, failed or went on for longer

    @property
    def value(self) -> Any:
        """The best value of the setting."""
        return self.best.value

    @property
    def score(self) -> Literal["accuracy", "mse"]:
        return self.experiment.score

    @property
    def tolerance(self) -> float:
        """The margin as a difference of scores."""
        return self.margin if self.score == "accuracy" else self.margin * self.interval.mean

    def __str__(self) -> str:
        return FindingText(self).sentence()


def finding(
    table: pd.DataFrame,
    comparison: Comparison,
    cells: Sequence[Cell],
    margin: float | None = None,
    judged: Judged | None = None,
) -> Finding:
    """Draw the conclusion from the table (`table_of`) of a comparison and its cells.

    The best cell has the best mean score on the validation part (the training part where there is none). Others differ
    from it where the paired difference is significant, corrected for all pairs (`judge`).

    Parameters
    ----------
    margin : float, optional
        Of differences without importance: 0.02 is 2 points of accuracy, or 2 % of the best squared error. See MARGINS.
    judged : Judged, optional
        What `judge` says of the cells, without a baseline, if known.
    """
    experiments, points, verdicts = comparison.experiments, comparison.points, table["verdict"].tolist()
    judged = judged or judge(comparison, cells, verdicts)
    best, valid = judged.reference, judged.places
    all_diverged = not valid and all(cells[place].complete and verdict for place, verdict in enumerate(verdicts))
    score = comparison.experiment.score
    margin = MARGINS[score] if margin is None else margin

    def those(chosen: Callable[[int], bool]) -> tuple[Point, ...]:
        return tuple(point for place, point in enumerate(points) if chosen(place))

    found = Finding(
        "incomparable" if not comparison.comparable else "all_diverged" if all_diverged else "incomplete",
        comparison.vary,
        comparison.by,
        experiments[0 if best is None else best],
        judged.part,
        len(comparison.seeds),
        margin=margin,
        diverged=those(lambda place: cells[place].complete and bool(verdicts[place]) and place not in valid),
        left_out=those(lambda place: not cells[place].complete),
    )
    if best is None:
        return found

    each = {place: one for place in valid if (one := judged.against[place]) is not None}
    rivals = those(lambda place: place in each and not each[place].distinct)
    kind = "single" if not each else "indistinguishable" if len(rivals) == len(each) else "best_among"
    found = replace(
        found,
        kind=kind if rivals or not each else "best",
        best=points[best],
        interval=Interval(*(table[f"{judged.part}_{score}{end}"].tolist()[best] for end in ("", "_low", "_high"))),
        rivals=rivals,
        detectable=detectable(judged.against),
    )
    found = replace(found, equal=those(lambda place: place in each and each[place].within(found.tolerance)))
    if comparison.by is None and all(type(point.value) in (int, float) for point in points):
        return _along(found, comparison, cells, judged, table)
    return found


def _along(
    found: Finding, comparison: Comparison, cells: Sequence[Cell], judged: Judged, table: pd.DataFrame
) -> Finding:
    """The finding for a numeric setting: do higher values overfit, and is the best value at an end?"""
    order = sorted(judged.places, key=lambda place: comparison.points[place].value)
    best, last = order.index(judged.reference or 0), order[-1]
    gaps, higher = table["gap"], order[best + 1 :]
    # up to where the gap grows: from there on it is level, or there is a peak
    top = next((place for place in higher if gaps[place] >= gaps[last] - found.tolerance), last)
    growth = _gap_difference(comparison, cells, top, order[best], judged.part) if higher else None
    if growth and table["verdict"][last] == "overfits":
        pairs = len(order) * (len(order) - 1) // 2  # the best was chosen among all
        peaks = [_gap_difference(comparison, cells, last, place, judged.part) for place in higher[:-1]]
        from_best = growth.mean > found.tolerance and growth.p * pairs < LEVEL
        if from_best and not any(one and one.distinct and one.mean < 0 for one in peaks):
            ends = float(gaps[order[best]]), float(gaps[top])
            found = replace(found, overfits_at=comparison.points[top], gap_from=ends[0], gap_to=ends[1])
    tried = [point.value for point in comparison.points]  # what diverged was tried, too
    if found.kind == "best" and found.overfits_at is None and found.value in (min(tried), max(tried)):
        return replace(found, edge="lowest" if found.value == min(tried) else "highest")
    return found


def _gap_difference(
    comparison: Comparison, cells: Sequence[Cell], one: int, other: int, part: str
) -> Difference | None:
    """The gap of one cell minus that of another, replicate by replicate; None where it cannot be tested."""
    if part == "train":
        return None
    gaps, outcomes = [], []
    for place in (one, other):
        experiment, results = comparison.experiments[place], cells[place].results
        train, validation = (final_scores(results, name, experiment.score) for name in ("train", "validation"))
        sign = 1 if experiment.score == "accuracy" else -1
        gaps.append(sign * (train - validation))
        outcomes.append(sample_outcomes(results, experiment))
    design = Design.of(comparison.experiments[one], "validation")
    if design.shared and any(each is None for each in outcomes):
        return None
    return paired(gaps[0], gaps[1], design, outcomes)


class FindingText(Wording[Finding]):
    """The sentences about a finding in one language."""

    def sentence(self, answer: Answer | None = None) -> str:
        """The finding, and what limits it: one sentence or a few. Beside an answer that says which value is best only
        what limits it, which may be nothing."""
        it, t, words = self.about, self.t, self._words()
        texts = [*filter(None, [self._limit()])] if answer and answer.says_best else [self._main(words)]
        if it.overfits_at is not None:
            texts.append(self._growth(words))
        if it.equal and not self._all_equal:
            texts.append(t("{what} differs by less than {margin} from {equal}.", **words))
        if it.diverged and it.kind != "all_diverged":
            texts.append(t("Training diverged at {values}.", values=self._points(it.diverged)))
        if it.left_out:
            texts.append(t("Not trained as planned and left out: {values}.", values=self._named(it.left_out)))
        return " ".join(text[0].upper() + text[1:] for text in texts)

    def _main(self, words: Mapping[str, str]) -> str:
        it, t = self.about, self.t
        if it.kind == "incomplete" and (it.diverged or it.left_out):
            return t("No cell has a score to compare.")
        if it.kind == "indistinguishable" and self._all_equal:
            return t("{none} stands out: {what} ({figure}) differs by less than {margin} from {equal}.", **words)
        if it.kind == "indistinguishable" and not math.isfinite(it.detectable):
            return t("{none} stands out: a single seed tells nothing apart.", **words)
        if it.kind == "indistinguishable" and it.score == "accuracy" and it.detectable >= 1:
            return t("{none} stands out: with {seeds} no difference would have shown, however large.", **words)
        return {
            "incomplete": t("No cell has finished yet."),
            "incomparable": t("The cells were scored on different samples, so their scores cannot be compared."),
            "all_diverged": t("Training diverged with {every}; try a lower learning rate."),
            "indistinguishable": t(
                "{none} stands out with {seeds}: a difference of {detectable} or more would have shown."
            ),
            "single": t("{what} reaches {figure}."),
            "best_among": t("{what} is among the best ({figure}): it cannot be told from {rivals} with {seeds}."),
            "lowest": t("{what} is best ({figure}), the lowest tried; lower may be better still."),
            "highest": t("{what} is best ({figure}), the highest tried; higher may be better still."),
            "best": t("{what} is best ({figure})."),
        }[it.edge or it.kind].format(**words)

    def _limit(self) -> str:
        """That the best is at an end of the values."""
        if self.about.edge == "lowest":
            return self.t("It is the lowest value tried; lower may be better still.")
        return self.t("It is the highest value tried; higher may be better still.") if self.about.edge else ""

    @property
    def _all_equal(self) -> bool:
        return set(self.about.rivals) == set(self.about.equal) and bool(self.about.rivals)

    def guessed(self, value: Any) -> str:
        """What somebody expected to be best, a value of the first setting, beside the outcome."""
        it, t = self.about, self.t
        guess = f"{self.knob_name(it.knob, t)} {self.value_name(it.knob, value, t)}"
        hit = value in [point.value for point in (it.best, *it.rivals)]
        if it.kind == "indistinguishable":
            return t("You guessed {guess}; no difference was found.", guess=guess)
        if it.kind == "best":
            if hit:
                return t("You guessed {guess}, and it is best.", guess=guess)
            return t("You guessed {guess}, but {what} is best.", guess=guess, what=self._named([it.best]))
        if it.kind == "best_among":
            if hit:
                return t("You guessed {guess}, and it is among the best.", guess=guess)
            return t("You guessed {guess}, but it is not among the best.", guess=guess)
        return t("You guessed {guess}.", guess=guess)

    def guessed_no_difference(self) -> str:
        """That somebody expected no difference, beside the outcome."""
        if self.about.kind == "indistinguishable":
            return self.t("You guessed that there is no difference, and none was found.")
        if self.about.kind in ("best", "best_among"):
            return self.t("You guessed that there is no difference, but there is one.")
        return self.t("You guessed that there is no difference.")

    def best_so_far(self) -> str:
        """The best of the cells that have finished, while others train."""
        kind, t = self.about.kind, self.t
        if kind in ("incomplete", "incomparable", "all_diverged"):
            return self.sentence()
        if kind == "indistinguishable":
            return t("So far nothing stands out.")
        return t("Best so far: {what} ({figure}).", **self._words())

    def basis(self, answer: Answer | None = None) -> str:
        """What the figures of the sentence are, and what they hold for; beside an answer that says which value is best,
        with its figure and interval."""
        it, t, words = self.about, self.t, self._words()
        if math.isnan(it.interval.mean):
            return t("The test set plays no role in the choice.")
        words["covered"], size = covered_and_grain(it.experiment, it.part, t)
        text = {
            "accuracy": t("Accuracy in {part}: mean over {seeds} with a 95 % interval for {covered}."),
            "mse": t("Mean squared error in {part}: mean over {seeds} with a 95 % interval for {covered}."),
        }
        if math.isnan(it.interval.low):
            size = grain(it.experiment, it.part, t)
            text = {
                "accuracy": t("Accuracy in {part} of a single seed, without an interval."),
                "mse": t("Mean squared error in {part} of a single seed, without an interval."),
            }
        best = "{what}: {figure}.".format(**words) if answer and answer.says_best else ""
        parts = [text[it.score].format(**words), size and f"{size}.", t("The test set plays no role in the choice.")]
        return " ".join(filter(None, [best and best[0].upper() + best[1:], *parts]))

    def _words(self) -> dict[str, str]:
        it, t, over = self.about, self.t, self.about.interval
        knobs = {"knob": self.knob_name(it.knob, t)}
        none, every = t("no {knob}", **knobs), t("every {knob}", **knobs)
        if it.by:
            knobs["by"] = self.knob_name(it.by, t)
            none, every = (
                t("no combination of {knob} and {by}", **knobs),
                t("every combination of {knob} and {by}", **knobs),
            )
        figure = t.interval(over.mean, over.low, over.high, it.score)
        points = it.score == "accuracy"
        return {
            "what": self._named([it.best]),
            "figure": f"{figure} %" if points else t("mean squared error {figure}", figure=figure),
            "none": none,
            "every": every,
            "rivals": self._points(it.rivals),
            "equal": self._points(it.equal),
            "margin": self.margin(it.margin),
            "detectable": self.difference(it.detectable),
            "seeds": t.many("{n} seed", "{n} seeds", it.seeds),
            "part": t("validation") if it.part == "validation" else t("training"),
        }

    def margin(self, share: float) -> str:
        """A margin: `1 point`, or of a squared error `5 %`."""
        return self._points_text(share) if self.about.score == "accuracy" else f"{self.t.plain(100 * share)} %"

    def difference(self, least: float) -> str:
        """A difference that would have shown, rounded up: `6.2 points`."""
        if self.about.score == "mse" or not math.isfinite(least):
            return self.t.number(least, 2)
        return self._points_text(math.ceil(1000 * least) / 1000)

    def _points_text(self, share: float) -> str:
        n = self._tenths(share)
        return self.t.many("{n} point", "{n} points", 1) if n == "1" else self.t("{n} points", n=n)

    def _tenths(self, share: float) -> str:
        return self.t.plain(round(100 * share, 1))

    def _named(self, points: Sequence[Point]) -> str:
        """`depth 4`, `depth 4 and 8`."""
        return f"{self.knob_name(self.about.knob, self.t)} {self._points(points)}"

    def _group(self, point: Point) -> str:
        """The second setting: `with tanh`, `with width 8`; empty where there is none."""
        by, t = self.about.by, self.t
        if not by:
            return ""
        known = GROUPS.get(f"{by} {value_text(point.by_value)}")
        name, value = self.knob_name(by, t), self.value_name(by, point.by_value, t)
        return t(known) if known else t("with {knob} {value}", knob=name, value=value)

    def _points(self, points: Sequence[Point]) -> str:
        """`4`, `1 and 2 with tanh`, `1 with tanh and 2 with ReLU`."""
        if len(points) > MOST_NAMED:
            return self.t.many("{n} cell", "{n} cells", len(points))
        names = [self.value_name(self.about.knob, point.value, self.t) for point in points]
        groups = list(map(self._group, points))
        group = groups[0] if len(set(groups)) == 1 else ""
        if not group:
            names = [f"{name} {own}".strip() for name, own in zip(names, groups, strict=True)]
        return f"{self.listed(names)} {group}".strip()

    def _growth(self, words: Mapping[str, str]) -> str:
        it, t = self.about, self.t
        assert it.overfits_at is not None
        first, last = (t.interval(gap, math.nan, math.nan, it.score) for gap in (it.gap_from, it.gap_to))
        if it.score == "accuracy":
            last = t("{n} points", n=last)
        deeper = t("Deeper networks overfit: from {low} to {high} the gap grows from {first} to {last}.")
        text = {
            "depth": deeper,
            "depth_same_size": deeper,
            "width": t("Wider networks overfit: from {low} to {high} the gap grows from {first} to {last}."),
            "epochs": t("Longer training overfits: from {low} to {high} the gap grows from {first} to {last}."),
        }.get(it.knob, t("Higher values overfit: from {low} to {high} the gap grows from {first} to {last}."))
        low = self._named([it.best])
        return text.format(low=low, high=self._points([it.overfits_at]), first=first, last=last)
