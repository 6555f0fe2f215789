"""What the replicates of an experiment share, on which the statistics of their scores depend."""

from dataclasses import dataclass
from typing import Self

from nnlab.datasets import PartName
from nnlab.spec import Experiment
from nnlab.spec.data import PerSeed


@dataclass(frozen=True)
class Design:
    """What the replicates of an experiment share, seen from the part on which they are scored. Replicate = place of the
    seed * folds + fold."""

    per_seed: PerSeed = "samples"
    folds: int = 0  # per seed; 0 for hold-out
    samples: int = 0
    """Scored, of one replicate, where the score is a share of right answers; 0 for other scores."""
    overlap: float = 0.0
    """n_validation / n_train of a split of all samples; where it takes only some, the others count as n_train."""
    shared: bool = False  # whether all replicates are scored on the same samples
    known: bool = False  # whether they are the training samples: no other samples are meant

    @classmethod
    def of(cls, experiment: Experiment, part: PartName, figure: str = "accuracy") -> Self:
        """The design of a figure of an experiment on a part; without effect which, but for `accuracy`."""
        data = experiment.data
        sizes = dict(zip(("train", "validation", "test"), data.sizes, strict=True))
        pool = data.n_samples if data.facts.generated else data.max_samples
        pool -= 0 if data.facts.own_test else sizes["test"]
        return cls(
            per_seed=data.per_seed,
            folds=data.folds,
            samples=sizes[part] if experiment.score == figure == "accuracy" else 0,
            overlap=sizes["validation"] / max(1, pool - sizes["validation"]),
            shared=(not data.folds and data.per_seed == "weights") or (part == "test" and data.per_seed != "samples"),
            known=part == "train",
        )

    def pool(self, replicates: int) -> float:
        """How many different samples were scored, at most."""
        k = max(1, self.folds)
        if self.shared:
            return self.samples
        if self.per_seed == "weights":
            return k * self.samples
        if self.per_seed == "split":
            each = k * self.samples if self.folds else self.samples * (1 + 1 / max(self.overlap, 1e-9))
            return min(each, replicates * self.samples)
        return replicates * self.samples
