"""The answer to the question of a classic or of a preset comparison: one sentence, computed from the cells.

A sentence is made of clauses. What a clause says is seen in the means of this comparison; where it says that one value
is better, grows or falls, the difference is significant (paired tests; corrected for all pairs where the cells were
chosen by their scores). `benchmarks.classics` counts how often each is what the text of its classic tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np

from nnlab.analysis.curves import by_epoch
from nnlab.analysis.design import Design
from nnlab.analysis.scores import final_scores
from nnlab.analysis.statistics import LEVEL, Difference, differences, paired
from nnlab.catalogue.classics import question_of
from nnlab.comparison.table import Cell, Judged
from nnlab.datasets import PartName
from nnlab.engines.base import Floats
from nnlab.spec import Comparison

REACHED = 0.9  # validation accuracy that a fast learner reaches early
NEAR = 1.1  # an error of at most so many times the lowest one is said to reach it


class Said(NamedTuple):
    """A value in a clause, with how it is written."""

    kind: Literal["value", "values", "groups", "accuracy", "points", "loss", "epochs", "counts", "clause"]
    value: Any


class Clause(NamedTuple):
    """A part of a sentence: the name of its text, and the values in it."""

    name: str
    values: Mapping[str, Said] = {}


@dataclass(frozen=True)
class Answer:
    """The clauses of a sentence; `nnlab.comparison.answer_text` writes them in a language."""

    knob: str
    by: str
    clauses: tuple[Clause, ...]

    @property
    def names(self) -> list[str]:
        """What it says, without the figures."""
        return [clause.name for clause in self.clauses]

    @property
    def says_best(self) -> bool:
        """Whether it says which value is best, so that the finding need not."""
        return bool({"best", "best_of_some"} & {*self.names})

    @property
    def parts(self) -> list[str]:
        """The same of the parts of its first clause."""
        return [said.value.name for said in self.clauses[0].values.values() if said.kind == "clause"]

    def value(self, name: str) -> Any:
        """The first value of this name."""
        return next(clause.values[name].value for clause in self.clauses if name in clause.values)


class _Seen:
    """The scores of a comparison whose cells have all finished."""

    def __init__(self, comparison: Comparison, cells: Sequence[Cell], judged: Judged) -> None:
        self.comparison, self.cells, self.judged = comparison, cells, judged
        self.values, self.n = comparison.values, len(comparison.values)
        self.groups = range(max(1, len(comparison.by_values)))
        self.guess = 1 / max(1, comparison.experiment.data.classes)

    def scores(self, figure: str = "accuracy", part: PartName = "validation") -> Floats:
        """Of every cell under every seed: (cells, replicates)."""
        return np.array([final_scores(cell.results, part, figure) for cell in self.cells])

    def design(self, figure: str = "accuracy", part: PartName = "validation") -> Design:
        return Design.of(self.comparison.experiments[0], part, figure)

    def learns(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(groups, values): whether training accuracy comes more than half the way from a blind guess to 100 %."""
        means = self.scores(part="train").mean(axis=1)
        return np.asarray(means > (1 + self.guess) / 2).reshape(-1, self.n)

    def losses(self, better: Literal["higher", "lower"]) -> tuple[int, list[Difference | None]]:
        """The place of the best validation loss, and how the others differ from it, corrected for all pairs."""
        return differences(list(self.scores("loss")), self.design("loss"), better=better)

    def value(self, place: int) -> Said:
        return Said("value", self.values[place % self.n])

    def list_of(self, places: Sequence[int]) -> Said:
        return Said("values", tuple(self.values[place % self.n] for place in places))

    def which(self, groups: Sequence[int]) -> Said:
        return Said("groups", tuple(self.comparison.by_values[i] for i in groups))


def answer(comparison: Comparison, cells: Sequence[Cell], judged: Judged) -> Answer | None:
    """The answer of a classic or preset comparison, see `answer_to`; None for others."""
    return answer_to(question_of(comparison), comparison, cells, judged)


def answer_to(asked: str | None, comparison: Comparison, cells: Sequence[Cell], judged: Judged) -> Answer | None:
    """The answer to the question of a classic or preset comparison, by its name, from a comparison like it.

    Parameters
    ----------
    judged : Judged
        What `judge` says of the cells, as for the table and the finding.

    Returns
    -------
    Answer or None
        None where the finding answers it, before all cells are complete, and where a score is not finite or the seeds
        are too few for a test.
    """
    complete = all(cell.results and cell.complete for cell in cells)
    answers = _ANSWERS.get(asked or "")
    if answers is None or len(comparison.seeds) < 2 or not complete:
        return None
    try:
        clauses = answers(_Seen(comparison, cells, judged))
    except ValueError:  # scores that are not finite cannot be tested
        return None
    return Answer(comparison.vary, comparison.by or "", tuple(clauses)) if clauses else None


def needs_curves(comparison: Comparison) -> bool:
    """Whether the answer is computed from the curves, too: `Cell.metrics`."""
    return question_of(comparison) == "activations"


def _learning(seen: _Seen, compare_ends: int | None = None) -> list[Clause]:
    """With which depths each group learns; where one does with all, also its accuracy at both ends."""
    each = [tuple(np.flatnonzero(row).tolist()) for row in seen.learns()]  # places of the depths
    clauses = []
    for places, same in groupby(sorted(seen.groups, key=each.__getitem__), key=each.__getitem__):
        groups = list(same)
        which = {"which": seen.which(groups)}
        if not places:
            clauses.append(Clause("learn_nothing", which))
        elif len(places) == seen.n:
            clauses.append(Clause("learn_everywhere", which))
            if groups == [compare_ends]:
                means = seen.scores().mean(axis=1).reshape(-1, seen.n)[groups[0]]
                ends = {"low": Said("accuracy", means[0]), "high": Said("accuracy", means[-1])}
                clauses.append(Clause("at_both_ends", {**ends, "first": seen.value(0), "last": seen.value(-1)}))
        elif len(places) == places[-1] + 1:
            clauses.append(Clause("stop_learning", {**which, "value": seen.value(places[-1])}))
        else:
            clauses.append(Clause("learn_with", {**which, "values": seen.list_of(places)}))
    return clauses


def _trend(seen: _Seen) -> list[Clause]:
    """How training accuracy, validation accuracy and validation loss change from the first value to the last."""
    figures: list[tuple[str, str, PartName]] = [
        ("training", "accuracy", "train"),
        ("validation", "accuracy", "validation"),
        ("loss", "loss", "validation"),
    ]
    parts = {}
    for name, figure, part in figures:
        first, *_, last = seen.scores(figure, part)
        change = paired(last, first, seen.design(figure, part))
        direction = "level" if not change.distinct else "rises" if change.mean > 0 else "falls"
        by = {"points": Said("points", (abs(change.mean),))}
        if figure == "loss":
            by = {"low": Said("loss", first.mean()), "high": Said("loss", last.mean())}
        parts[name] = Said("clause", Clause(f"{name}_{direction}", by if change.distinct else {}))
    return [Clause("from_to", {"first": seen.value(0), "last": seen.value(-1), **parts})]


def _best(seen: _Seen, zero: bool = False) -> list[Clause]:
    """The best value; with `zero` also how much better it is than the first, and whether the last is worse again.
    Nothing where none stands out."""
    best, others = seen.judged.reference, seen.judged.against
    alike = [place for place, one in enumerate(others) if one is not None and not one.distinct]
    if best is None or len(alike) == len(seen.judged.places) - 1:
        return []
    means = seen.scores().mean(axis=1)
    figures = {"value": seen.value(best), "figure": Said("accuracy", means[best])}
    if alike:
        clauses = [Clause("best_of_some", {**figures, "others": seen.list_of(alike)})]
    else:
        clauses = [Clause("best", figures)]
    if not zero:
        return clauses
    for name, place in (("better_than", 0), ("too_much", seen.n - 1)):
        if (other := others[place]) is not None and other.distinct:
            gain = {"points": Said("points", (-other.mean,)), "figure": Said("accuracy", means[place])}
            clauses.append(Clause(name, {**gain, "value": seen.value(place)}))
    return clauses


def _rates(seen: _Seen) -> list[Clause]:
    """The best rate, and the first larger one with which the network does not learn."""
    clauses, best, learns = _best(seen), seen.judged.reference, seen.learns()[0]
    if not clauses or best is None:
        return []
    end = int(np.flatnonzero(learns).max(initial=best)) + 1
    if end == seen.n:
        return [*clauses, Clause("fails_nowhere")]
    times = Said("counts", (seen.values[end] / seen.values[best],))
    trained = Said("accuracy", seen.scores(part="train")[end].mean())
    return [*clauses, Clause("fails_from", {"value": seen.value(end), "times": times, "trained": trained})]


def _inside(seen: _Seen, better: Literal["higher", "lower"]) -> tuple[int, bool]:
    """The place of the lowest or highest validation loss, and whether both ends differ from it."""
    place, others = seen.losses(better)
    return place, all(end is not None and end.distinct for end in (others[0], others[-1]))


def _between(seen: _Seen) -> list[Clause]:
    """Whether the validation loss is lowest between the first and the last value."""
    best, inside = _inside(seen, "lower")
    if not inside:
        return _best(seen)
    means = seen.scores("loss").mean(axis=1)
    figures = {"lowest": Said("loss", means[best]), "low": Said("loss", means[0]), "high": Said("loss", means[-1])}
    values = {"value": seen.value(best), "first": seen.value(0), "last": seen.value(-1)}
    return [Clause("in_between", values | figures)]


def _peak(seen: _Seen) -> list[Clause]:
    """Whether the validation loss is highest between the first and the last value."""
    peak, inside = _inside(seen, "higher")
    if not inside:
        return _trend(seen)
    means, trained = seen.scores("loss").mean(axis=1), seen.scores(part="train").mean(axis=1)
    figures = {"high": Said("loss", means[peak]), "low": Said("loss", means[-1])}
    values = {"value": seen.value(peak), "last": seen.value(-1), "trained": Said("accuracy", trained[peak])}
    return [Clause("peaks", values | figures)]


def _best_of_each(seen: _Seen) -> list[Clause]:
    """Whether the best value of the second group has a lower validation loss than every value of the first."""
    losses = np.nan_to_num(seen.scores("loss"), nan=np.inf).reshape(2, seen.n, -1)
    one, other = losses.mean(axis=2).argmin(axis=1)
    rivals = [row for row in losses[0] if np.isfinite(row).all()]
    changes = [paired(row, losses[1, other], seen.design("loss")) for row in rivals]
    # better than all of them: no correction for their number, but for the choice of the best among its group
    better = all(change.mean > 0 and change.p * seen.n < LEVEL for change in changes)
    if not better and paired(losses[0, one], losses[1, other], seen.design("loss")).distinct:
        return []
    figures = {"high": Said("loss", losses[0, one].mean()), "low": Said("loss", losses[1, other].mean())}
    values = {"first": seen.value(int(one)), "second": seen.value(int(other))}
    return [Clause("still_better" if better else "no_longer_better", figures | values)]


def _gains(seen: _Seen) -> list[Clause]:
    """For every number of samples, what the second group gains over the first, and the third loses against it."""
    scores, design = seen.scores().reshape(3, seen.n, -1), seen.design()
    data = [one.data for one in seen.comparison.experiments[: seen.n]]
    clauses = []
    for name, worse in (("copied", 0), ("frozen", 2)):
        changes = [paired(one, other, design) for one, other in zip(scores[1], scores[worse], strict=True)]
        shown = [change.mean > 0 and change.p * seen.n < LEVEL for change in changes]
        for significant, end in ((True, "gain"), (False, "no_gain")):
            places = [place for place in range(seen.n) if shown[place] == significant]
            samples = Said("counts", tuple(data[place].sizes[0] / data[place].classes for place in places))
            points = Said("points", tuple(changes[place].mean for place in places))
            if places:
                clauses.append(
                    Clause(f"{name}_{end}", {"samples": samples} | ({"points": points} if significant else {}))
                )
    return clauses


def _fastest(seen: _Seen) -> list[Clause]:
    """Which values reach a validation accuracy first, and after how many epochs."""
    first = np.array([_epochs_until(cell, REACHED) for cell in seen.cells])  # (values, replicates)
    _, others = differences(list(first), Design(), better="lower")
    slow = [place for place, one in enumerate(others) if one is not None and one.distinct]
    reached, means = {"reached": Said("accuracy", REACHED)}, first.mean(axis=1)
    if not slow:
        return [Clause("none_faster", reached)]
    fast = [place for place in means.argsort() if place not in slow]
    epochs = Said("epochs", tuple(means[fast]))
    late = {"values": seen.list_of(slow), "epochs": Said("epochs", (means[slow].min(),))}
    return [Clause("fastest", {"values": seen.list_of(fast), "epochs": epochs, **reached}), Clause("slower", late)]


def _epochs_until(cell: Cell, score: float) -> Floats:
    """The first epoch of every replicate with at least this validation score; one more than all where there is none."""
    assert cell.metrics is not None
    epochs, scores = by_epoch(cell.metrics, "validation_score")
    late = np.vstack([scores >= score, np.ones(scores.shape[1], bool)])
    reached: Floats = np.append(epochs, epochs[-1] + 1.0)[late.argmax(axis=0)]
    return reached


def _near_the_best(seen: _Seen) -> list[Clause]:
    """Between which values every seed comes near the lowest error, and how many do with the next one."""
    errors = seen.scores("mse", "train")
    if not np.isfinite(errors).all(axis=1).any():
        return []
    lowest = np.nanmin(errors.mean(axis=1))
    share = (np.nan_to_num(errors, nan=np.inf) <= NEAR * lowest).mean(axis=1)
    if not (share == 1).any():
        return []
    first = int((share == 1).argmax())
    end = next((place for place in range(first, seen.n) if share[place] < 1), seen.n)
    ends = {"first": seen.value(first), "value": seen.value(end - 1)}
    clauses = [Clause("all_reach", {**ends, "figure": Said("loss", lowest)})]
    if end < seen.n:
        name = "some_reach" if share[end] else "none_reaches"
        clauses.append(Clause(name, {"value": seen.value(end), "share": Said("accuracy", share[end])}))
    return clauses


def _loss(seen: _Seen) -> list[Clause]:
    """Whether the validation loss grows from the first value to the last."""
    first, *_, last = seen.scores("loss")
    change = paired(last, first, seen.design("loss"))
    if not change.distinct or change.mean < 0:
        return []
    figures = {"low": Said("loss", first.mean()), "high": Said("loss", last.mean())}
    return [Clause("loss_grows", {"first": seen.value(0), "last": seen.value(-1), **figures})]


_ANSWERS: Mapping[str, Callable[[_Seen], list[Clause]]] = {
    "overfitting": _trend,
    "vanishing": _learning,
    "initialisation": _learning,
    "normalisation": partial(_learning, compare_ends=1),
    "shortcuts": partial(_learning, compare_ends=1),
    "residual": partial(_learning, compare_ends=1),
    "l2": partial(_best, zero=True),
    "dropout": partial(_best, zero=True),
    "batch-size": _between,
    "learning-rate": _rates,
    "double-descent": _peak,
    "scaling": _best_of_each,
    "transfer": _gains,
    "binary": _loss,
    "activations": _fastest,
    "celsius": _near_the_best,
}
