"""What a comparison says, as one sentence in the visitor's language."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.comparison.findings import Finding
from nnlab.spec import Point
from nnlab.ui.compare.question import knob_name
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.text import Text, mark

_OVERFIT: Mapping[str, str] = {
    "depth": mark("deeper nets overfit: the gap grows from {first} to {last}"),
    "width": mark("wider nets overfit: the gap grows from {first} to {last}"),
    "epochs": mark("longer training overfits: the gap grows from {first} to {last}"),
}
_HIGHER_OVERFIT = mark("higher values overfit: the gap grows from {first} to {last}")
MOST_NAMED = 5
"""Cells named in a sentence; more are counted."""


def finding_words(finding: Finding, t: Text) -> str:
    """The finding as a sentence."""
    it = finding
    first = knob_name(it.knob, t)
    knob = t("{first} and {last}", first=first, last=knob_name(it.by, t)) if it.by else first

    def at(points: Sequence[Point]) -> str:
        if len(points) > MOST_NAMED:
            return t.many("{n} cell", "{n} cells", len(points))
        return _and([_where(it, point, t) for point in points], t)

    if it.kind == "incomplete":
        return t("Nothing has finished yet.")
    if it.kind == "all_diverged":
        return t("Training diverged with every {knob}; try a lower learning rate.", knob=knob)
    words = {"what": f"{first} {_where(it, it.best, t)}", "figure": _figure(it, t), "knob": knob}
    seeds = t.many("{n} seed", "{n} seeds", it.seeds)
    if it.kind == "indistinguishable":
        text = t("No {knob} stands out with {seeds}; the smallest net, {what}, reaches {figure}.", **words, seeds=seeds)
    elif it.kind == "single":
        text = t("{what} reaches {figure}.", **words)
    elif it.kind == "best_among":
        rivals = at(it.rivals)
        text = t("{what} is best ({figure}), but cannot be told from {rivals} with {seeds}.", **words, rivals=rivals,
                 seeds=seeds)  # fmt: skip
    elif it.kind == "best_at_edge" and it.edge == "lowest":
        text = t("{what} is best ({figure}), the lowest tried; lower may be better still.", **words)
    elif it.kind == "best_at_edge":
        text = t("{what} is best ({figure}), the highest tried; higher may be better still.", **words)
    elif it.kind == "best_then_overfits":
        growth = t(_OVERFIT.get(it.knob, _HIGHER_OVERFIT))
        growth = growth.format(first=_gap(it, it.gap_from, t, unit=False), last=_gap(it, it.gap_to, t))
        text = t("{what} is best ({figure}); {growth}.", **words, growth=growth)
        if it.rivals:
            rivals = at(it.rivals)
            text += " " + t("It cannot be told from {rivals} with {seeds}.", rivals=rivals, seeds=seeds)
    else:
        text = t("{what} is best ({figure}).", **words)
    if it.needed is not None:
        more = t("About {n} seeds would be needed to tell any of them apart.", n=t.whole(it.needed))
        text += f" {more}"
    if it.diverged:
        text += " " + t("Training diverged at {values}.", values=at(it.diverged))
    return text[0].upper() + text[1:]


def best_so_far(finding: Finding, t: Text) -> str:
    """The best of the cells that have finished, while others train."""
    if finding.kind in ("incomplete", "all_diverged"):
        return t("No cell has finished yet.") if finding.kind == "incomplete" else finding_words(finding, t)
    what = f"{knob_name(finding.knob, t)} {_where(finding, finding.best, t)}"
    if finding.kind == "indistinguishable":
        return t("So far nothing stands out; the smallest net, {what}, reaches {figure}.", what=what,
                 figure=_figure(finding, t))  # fmt: skip
    return t("Best so far: {what} ({figure}).", what=what, figure=_figure(finding, t))


def _where(it: Finding, point: Point, t: Text) -> str:
    by = f" ({knob_name(it.by, t)} {value_name(it.by, point.by_value, t)})" if it.by else ""
    return value_name(it.knob, point.value, t) + by


def basis_words(finding: Finding, t: Text) -> str:
    """What the figures of the sentence are."""
    part = t("validation") if finding.part == "validation" else t("training")
    if finding.score == "accuracy":
        text = t("Accuracy in {part}: mean and 95 % interval (Student's t) over {seeds}.", part=part,
                 seeds=t.many("{n} seed", "{n} seeds", finding.seeds))  # fmt: skip
    else:
        text = t("Mean squared error in {part}: mean and 95 % interval (Student's t) over {seeds}.", part=part,
                 seeds=t.many("{n} seed", "{n} seeds", finding.seeds))  # fmt: skip
    return text + " " + t("The test part plays no role in the choice.")


def _figure(it: Finding, t: Text) -> str:
    text = t.interval(it.interval.mean, it.interval.low, it.interval.high, it.score)
    return f"{text} %" if it.score == "accuracy" else t("error {figure}", figure=text)


def _gap(it: Finding, gap: float, t: Text, unit: bool = True) -> str:
    if not math.isfinite(gap) or it.score != "accuracy":
        return t.number(gap, 2)
    points = round(100 * gap)
    return t.many("{n} point", "{n} points", points) if unit else t.whole(points)


def _and(words: Sequence[Any], t: Text) -> str:
    if len(words) < 2:
        return "".join(words)
    return t("{first} and {last}", first=", ".join(words[:-1]), last=words[-1])
