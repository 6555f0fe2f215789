"""What the interval of a mean score holds for, and how coarse a score of few samples is, each in one phrase."""

from typing import Literal, NamedTuple, Protocol

from nnlab.datasets import PARTS, PartName
from nnlab.spec import Experiment

MOST = 200
"""Of so many samples or fewer, one is half a point or more."""


class Words(Protocol):
    """What a phrase needs of a language."""

    def __call__(self, message: str, **values: object) -> str: ...
    def many(self, one: str, more: str, n: int) -> str: ...
    def number(self, value: float, digits: int) -> str: ...


class Coverage(NamedTuple):
    """What an interval covers: new `samples` of the kind, another `split` of the data, the data in these `folds`, or
    only the samples of a part, of which there are `samples`."""

    kind: Literal["samples", "split", "folds", "train", "validation", "test"]
    samples: int  # or folds
    images: bool = False

    def words(self, t: Words) -> str:
        """ "new samples of this kind", "these 3,000 validation images"."""
        if self.kind == "samples":
            return t("new samples of this kind")
        if self.kind == "split":
            return t("other splits of these data")
        if self.kind == "folds":
            return t("these data in {n} folds", n=self.samples)
        return t("these {samples}", samples=counted(self.kind, self.samples, self.images, t))


def covers(experiment: Experiment, part: PartName) -> Coverage:
    """What the interval of a mean score on a part covers, see `nnlab.analysis.statistics`."""
    data = experiment.data
    kind: Literal["samples", "split", "train", "validation", "test"] = part
    if part != "test" and data.folds and data.per_seed == "weights":
        return Coverage("folds", data.folds)
    if data.per_seed == "samples":
        kind = "samples"
    elif part != "test" and data.per_seed == "split":
        kind = "split"
    return Coverage(kind, data.sizes[PARTS.index(part)], data.facts.image_shape is not None)


def grain(experiment: Experiment, part: PartName, t: Words) -> str:
    """ "30 validation samples: one is 3.3 points"; empty where that is less than 0.5, and for regression. The folds of
    a seed are counted together: its score is their mean."""
    data = experiment.data
    n = sum(data.sizes[:2]) if data.folds and part == "validation" else data.sizes[PARTS.index(part)]
    if experiment.score != "accuracy" or not 0 < n <= MOST:
        return ""
    samples = counted(part, n, data.facts.image_shape is not None, t)
    if n == 100:
        return t("{samples}: one is 1 point", samples=samples)
    return t("{samples}: one is {points} points", samples=samples, points=t.number(100 / n, 2))


def covered_and_grain(experiment: Experiment, part: PartName, t: Words) -> tuple[str, str]:
    """What an interval covers, and the grain where the first does not name the samples: ("new samples of this kind",
    "30 validation samples: one is 3.3 points"), ("these 30 validation samples, of which one is 3.3 points", "")."""
    covered, size = covers(experiment, part), grain(experiment, part, t)
    if covered.kind != part or not size:
        return covered.words(t), size
    if covered.samples == 100:
        return t("{covered}, of which one is 1 point", covered=covered.words(t)), ""
    points = t.number(100 / covered.samples, 2)
    return t("{covered}, of which one is {points} points", covered=covered.words(t), points=points), ""


def counted(part: PartName, n: int, images: bool, t: Words) -> str:
    """ "30 validation samples"."""
    if part == "train":
        return (
            t.many("{n} training image", "{n} training images", n)
            if images
            else t.many("{n} training sample", "{n} training samples", n)
        )
    if part == "validation":
        return (
            t.many("{n} validation image", "{n} validation images", n)
            if images
            else t.many("{n} validation sample", "{n} validation samples", n)
        )
    return (
        t.many("{n} test image", "{n} test images", n) if images else t.many("{n} test sample", "{n} test samples", n)
    )
