"""A class as one experiment: every setting over the seeds of all students, and every student's best try.

Equal experiments of different students are one setting, under all their seeds: no two students share any. What a
student trains twice counts once. A setting that diverged for somebody takes no part in comparisons, as on Compare;
neither does one with fewer than `LEAST_SEEDS` seeds, nor, where others are shared, one that a single student has
tried. Means and differences are those of `analysis.incomplete`, which are not misled by students who choose what to try
by what they have seen. They may be where somebody stops a run because it looks bad: stopped and unfinished runs are
counted, and take no part.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from nnlab.analysis.design import Design
from nnlab.analysis.incomplete import LEAST_SEEDS, Estimated, estimate, shared_samples
from nnlab.analysis.scores import sample_outcomes
from nnlab.analysis.statistics import Difference, Interval
from nnlab.classroom.settings import Knobs, comparable, varied_knobs
from nnlab.classroom.trainings import Outcome, Training
from nnlab.datasets.base import PartName
from nnlab.engines.base import Floats
from nnlab.spec import Experiment
from nnlab.spec.data import COORDINATES

UNKNOWN = Interval(math.nan, math.nan, math.nan)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Setting:
    """One experiment, trained by some students of a class."""

    values: tuple[Any, ...]  # of the knobs that the class has varied
    experiment: Experiment
    students: tuple[str, ...]  # with scores, in the order in which they handed in
    scores: Floats  # (seeds,), of all these students
    diverged: int  # students for whom it diverged
    interval: Interval = UNKNOWN  # of its mean over all seeds of the class; unknown where it takes no part
    difference: Difference | None = None  # to the best; None of the best itself, and where it takes no part

    @property
    def seeds(self) -> int:
        return len(self.scores)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """QUANTILES of its scores over the seeds."""
        return tuple(np.quantile(self.scores, QUANTILES).tolist()) if self.seeds else (math.nan,) * len(QUANTILES)


@dataclass(frozen=True)
class BestTry:
    """The try of a student with the best mean score over the student's seeds: the best of `among`, so too good by
    chance, the more so the more there are."""

    item: str
    place: int  # of its setting
    score: float
    among: int  # different settings that the student has finished


@dataclass(frozen=True)
class ClassResults:
    """What a class has found so far."""

    knobs: Knobs = ()
    settings: tuple[Setting, ...] = ()
    """Ordered by their values where one number is varied, else by the number of seeds."""
    best: int | None = None  # place of the setting with the best mean, among those that take part
    comparable: bool = True  # False: students varied what their scores are measured on
    part: PartName = "validation"
    score: Literal["accuracy", "mse"] = "accuracy"
    shared: bool = False  # whether all seeds are scored on the same samples
    best_tries: Mapping[str, BestTry] = field(default_factory=dict)  # by student
    left_out: Mapping[Outcome, int] = field(default_factory=dict)  # trainings that take no part, by the reason

    @property
    def judged(self) -> tuple[int, ...]:
        """The places of the settings that are compared."""
        return tuple(i for i, one in enumerate(self.settings) if math.isfinite(one.interval.mean))

    @property
    def alone(self) -> tuple[int, ...]:
        """The settings that are not compared because a single student has tried them, or under too few seeds."""
        return tuple(
            i for i, one in enumerate(self.settings) if one.seeds and not one.diverged and i not in self.judged
        )

    @property
    def rivals(self) -> tuple[int, ...]:
        """The settings that do not differ significantly from the best."""
        return tuple(i for i in self.judged if (one := self.settings[i].difference) and not one.distinct)


def class_results(given: Iterable[Training]) -> ClassResults:
    """The results of a class's trainings."""
    found = _each_once(given)
    if not found:
        return ClassResults()
    outcomes = [one.outcome for one in found]
    counted = [one for one, outcome in zip(found, outcomes, strict=True) if outcome in ("counts", "diverged")]
    left_out: dict[Outcome, int] = {}
    for outcome in outcomes:
        if outcome != "counts":
            left_out[outcome] = left_out.get(outcome, 0) + 1
    experiments = list(dict.fromkeys(one.experiment for one in counted))
    knobs = varied_knobs(experiments or [found[0].experiment])
    groups = {one: [each for each in counted if each.experiment == one] for one in experiments}
    settings = [_setting(one, knobs, groups[one]) for one in experiments]
    order = _order(settings)
    settings = [settings[i] for i in order]
    experiments = [experiments[i] for i in order]
    whole = comparable(knobs, [one.experiment for one in settings])
    best, judged = _judge(settings, groups) if whole else (None, settings)
    first = found[0].experiment
    return ClassResults(
        knobs=knobs,
        settings=tuple(judged),
        best=best,
        comparable=whole,
        part=first.data.judged_part,
        score=first.score,
        shared=Design.of(first, first.data.judged_part).shared,
        best_tries=_best_tries(counted, experiments),
        left_out=left_out,
    )


def guess_counts(choices: Sequence[str], guesses: Iterable[str | None]) -> dict[str, int]:
    """How many guessed what: all choices in their order."""
    counts = Counter(guesses)
    return {choice: counts[choice] for choice in choices}


def _each_once(given: Iterable[Training]) -> list[Training]:
    """Of a student's trainings of the same experiment one: the first that counts, if there is one."""
    found: dict[tuple[str, Experiment], Training] = {}
    for one in given:
        key = one.student, one.experiment
        if key not in found or (one.outcome == "counts" and found[key].outcome != "counts"):
            found[key] = one
    return list(found.values())


def _setting(experiment: Experiment, knobs: Knobs, group: Sequence[Training]) -> Setting:
    good = [one for one in group if one.outcome == "counts"]
    scores = np.concatenate([one.scores for one in good]) if good else np.empty(0)
    values = tuple(experiment.knob(knob) for knob in knobs)
    return Setting(values, experiment, tuple(one.student for one in good), scores, len(group) - len(good))


def _order(settings: Sequence[Setting]) -> list[int]:
    numbers = all(len(one.values) == 1 and type(one.values[0]) in (int, float) for one in settings)
    places = range(len(settings))
    return sorted(places, key=lambda i: settings[i].values[0] if numbers else -settings[i].seeds)


def _judge(
    settings: list[Setting], groups: Mapping[Experiment, Sequence[Training]]
) -> tuple[int | None, list[Setting]]:
    """The best setting, and all of them with intervals and differences."""
    known = [i for i, one in enumerate(settings) if one.seeds >= LEAST_SEEDS and not one.diverged]
    if not known:
        return None, settings
    twice = [row for row, i in enumerate(known) if len(settings[i].students) > 1]
    rows = twice or list(range(len(known)))
    places = [known[row] for row in rows]
    experiment = settings[places[0]].experiment
    design = Design.of(experiment, experiment.data.judged_part)
    # what only one student has tried counts for the estimates, on which the student's next tries depend
    found = estimate(_matrix([groups[settings[i].experiment] for i in known])).of(rows)
    own, pairs = _spreads([groups[settings[i].experiment] for i in places], design, found)
    better: Literal["higher", "lower"] = "higher" if experiment.score == "accuracy" else "lower"
    best, differences = found.differences(design, better, pairs)
    judged = list(settings)
    for row, (i, difference) in enumerate(zip(places, differences, strict=True)):
        judged[i] = replace(settings[i], interval=found.interval(row, design, own[row]), difference=difference)
    return places[best], judged


def _matrix(groups: Sequence[Sequence[Training]]) -> Floats:
    """The scores (settings, seeds), nan where a seed has not tried a setting."""
    seeds = sorted({seed for group in groups for one in group for seed in one.seeds})
    column = {seed: i for i, seed in enumerate(seeds)}
    table = np.full((len(groups), len(seeds)), math.nan)
    for row, group in enumerate(groups):
        for one in group:
            table[row, [column[seed] for seed in one.seeds]] = one.scores
    return table


def _spreads(groups: Sequence[Sequence[Training]], design: Design, found: Estimated) -> tuple[Floats, Floats | None]:
    """The variances over samples that all seeds share: of the means, and of every difference; 0 and None where seeds
    have their own samples."""
    if not design.shared or design.known:
        return np.zeros(len(groups)), None
    each = [_by_sample(group) for group in groups]
    known = [one for one in each if one is not None]
    if len(known) < len(each):  # as much as shares of right answers can vary
        own = found.means * (1 - found.means) / design.samples if design.samples else np.full(len(groups), math.nan)
        return own, own[:, None] + own[None]
    own = np.array([one.var(ddof=1) / len(one) for one in known])
    as_given = {"scaling": "none", "terms": COORDINATES}
    same = len({group[0].experiment.data.model_copy(update=as_given) for group in groups}) == 1
    return own, shared_samples(known) if same and len(known) > 1 else own[:, None] + own[None]


def _by_sample(group: Sequence[Training]) -> Floats | None:
    """The mean score (n,) of every sample over all seeds of a setting."""
    each = [sample_outcomes(one.results, one.experiment) for one in group]
    known = [one for one in each if one is not None]
    return np.concatenate(known).mean(axis=0) if len(known) == len(group) else None


def _best_tries(counted: Sequence[Training], experiments: Sequence[Experiment]) -> dict[str, BestTry]:
    best: dict[str, BestTry] = {}
    among = Counter(one.student for one in counted)
    sign = 1 if counted and counted[0].experiment.score == "accuracy" else -1
    place = {one: i for i, one in enumerate(experiments)}
    for one in counted:
        if one.outcome != "counts":
            continue
        mean = float(one.scores.mean())
        if one.student not in best or sign * mean > sign * best[one.student].score:
            best[one.student] = BestTry(one.item, place[one.experiment], mean, among[one.student])
    return best
