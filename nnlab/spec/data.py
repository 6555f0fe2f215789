"""Which data an experiment uses, and the facts about every data set that are needed before it is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, Self

from annotated_types import Ge, Le
from pydantic import Field, model_validator

from nnlab.spec.errors import Problem, SpecError
from nnlab.spec.seeds import MAX_SEED
from nnlab.spec.text import Value, at_most

Scaling = Literal["none", "standard", "minmax"]
Task = Literal["binary", "classes", "regression"]
PerSeed = Literal["samples", "split", "weights"]
Term = Literal["x1", "x2", "x1_squared", "x2_squared", "x1_times_x2", "sin_x1", "sin_x2"]
DataName = Literal["synthetic", "moons", "circles", "xor", "gaussians", "spirals", "digits", "mnist", "celsius"]


@dataclass(frozen=True)
class DataFacts:
    """The facts about a data set that are needed before it is loaded."""

    task: Task
    inputs: int
    classes: int
    max_samples: int
    uses: frozenset[str] = frozenset()  # those of OPTIONAL_FIELDS that have an effect
    image_shape: tuple[int, int] | None = None
    full_scale: float | None = None  # the largest pixel value, for pictures
    own_test: int = 0  # size of a test set that comes with the data (MNIST); the share `test` is then without effect
    splits: bool = True  # False where the samples are so few that all are for training
    class_sizes: tuple[int, ...] = ()  # where classes can be left out: samples of each of the ten, without `own_test`
    test_sizes: tuple[int, ...] = ()  # the same for `own_test`
    per_seed: tuple[PerSeed, ...] = ("weights",)  # what may be drawn anew for every seed, the usual choice first
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def generated(self) -> bool:
        """Whether new samples can be drawn."""
        return "samples" in self.per_seed


TERMS: Mapping[str, str] = {
    "x1": "x₁",
    "x2": "x₂",
    "x1_squared": "x₁²",
    "x2_squared": "x₂²",
    "x1_times_x2": "x₁x₂",
    "sin_x1": "sin x₁",
    "sin_x2": "sin x₂",
}
"""What a network may take of a point (x₁, x₂) of the plane, as formulas are written; `nnlab.datasets.terms` computes
them."""
COORDINATES: tuple[Term, ...] = ("x1", "x2")

OPTIONAL_FIELDS = frozenset({"n_samples", "noise", "terms", "features", "classes", "labels"})
"""Fields that have no effect on some data sets."""
_DRAWN: tuple[PerSeed, ...] = ("samples", "split", "weights")  # of data that are generated
_PLANE = DataFacts("binary", 2, 2, 100_000, frozenset({"n_samples", "noise", "terms"}), per_seed=_DRAWN)
_DIGITS = DataFacts(
    "classes", 64, 10, 1797, frozenset({"n_samples", "labels"}), (8, 8), 16.0, per_seed=("split", "weights")
)
_MNIST = DataFacts(
    "classes", 784, 10, 60_000, _DIGITS.uses, (28, 28), 255.0, own_test=10_000, per_seed=("weights", "split")
)
DATASETS: Mapping[str, DataFacts] = {
    "synthetic": replace(_PLANE, inputs=4, uses=frozenset({"n_samples", "noise", "features", "classes"})),
    "moons": _PLANE,
    "circles": replace(_PLANE, defaults={"noise": 0.1}),
    "xor": replace(_PLANE, defaults={"noise": 0.1}),
    "gaussians": replace(_PLANE, defaults={"noise": 0.5}),
    "spirals": replace(_PLANE, defaults={"noise": 0.05}),
    "digits": replace(
        _DIGITS,
        class_sizes=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),  # counted in scikit-learn's load_digits
        defaults={"n_samples": 1797, "scaling": "minmax"},
    ),
    "mnist": replace(
        _MNIST,
        # counted in the label files whose sums stand in nnlab.datasets.mnist
        class_sizes=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_sizes=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        defaults={"n_samples": 60_000, "validation": 0.05, "scaling": "minmax"},
    ),
    "celsius": DataFacts("regression", 1, 0, 7, splits=False, defaults={"scaling": "none"}),
}


class DataSpec(Value):
    """The data: which, how much, how noisy, how split and scaled. Fields without effect get a fixed value."""

    omitted: ClassVar = ("terms", "labels", "folds", "per_seed")
    name: DataName = "moons"
    n_samples: int = Field(200, ge=10, le=100_000)
    """Samples drawn (training + validation + test; where the data has its own test set: training + validation)."""
    noise: float = Field(0.2, ge=0, le=3)
    """Standard deviation of the Gaussian noise on the inputs; for `synthetic` the share of flipped labels × 10."""
    terms: Annotated[tuple[Term, ...], at_most(len(TERMS), 1)] = COORDINATES
    """For data in the plane: what the network takes of a point (x₁, x₂), in the order of TERMS, as `x1_squared`. The
    samples stay the same points. With x₁² and x₂² alone, a network without a hidden layer draws circles."""
    features: int = Field(4, ge=1, le=100)
    classes: int = Field(2, ge=2, le=10)
    validation: float = Field(0.2, ge=0, le=0.8)
    test: float = Field(0.2, ge=0, le=0.8)
    folds: int = Field(0, ge=0, le=20)
    """0 is hold-out: one validation part, of the share `validation`. From 2 to 20 is k-fold: the samples outside the
    test part are cut into so many folds, and every seed trains one network for each fold, on the other folds, and
    validates it on this one. `validation` is then without effect."""
    scaling: Scaling = "standard"
    seed: int = Field(0, ge=0, le=MAX_SEED)  # decides the data and the order of batches; see also `per_seed`
    labels: Annotated[tuple[Annotated[int, Ge(0), Le(9)], ...], at_most(10, 2)] = ()
    """For digits and mnist: the classes to use, in order; () is all. They are renumbered from 0, their names stay."""
    per_seed: PerSeed = "weights"
    """What every seed draws for itself besides the initial weights: `samples`, new samples of the same kind, and so all
    parts and batches; `split`, another division of the same samples into training and validation part, and so the
    batches, while the test part is one; `weights`, nothing else: all seeds share parts and batches. A comparison thus
    holds for new samples of this kind, for other splits of these data, or for this validation part."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        name = given.get("name", "moons") if isinstance(given, Mapping) else None
        if not isinstance(name, str) or name not in DATASETS:
            return given
        facts = DATASETS[name]
        values = {**facts.defaults, **given}
        fixed = {"noise": 0.0, "terms": COORDINATES, "features": 2, "classes": facts.classes or 2, "labels": ()}
        fixed["n_samples"] = max(10, facts.max_samples)
        values |= {name: value for name, value in fixed.items() if name not in facts.uses}
        if facts.own_test:
            values["test"] = 0.0
        if not facts.splits:
            values["validation"] = values["test"] = 0.0
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        labels, every = self.labels, len(self.facts.class_sizes)
        if len(set(labels)) < len(labels):
            raise SpecError.conflict("data.labels", list(labels), "labels_repeat")
        if not self.terms:
            raise SpecError([Problem("data.terms (how many)", 0, "range", 1, len(TERMS))])
        if len(set(self.terms)) < len(self.terms):
            raise SpecError.conflict("data.terms", list(self.terms), "terms_repeat")
        if len(labels) == 1:
            raise SpecError([Problem("data.labels (how many)", 1, "range", 2, every)])
        if self.folds == 1:
            raise SpecError.conflict("data.folds", 1, "one_fold")
        if self.per_seed not in self.facts.per_seed:
            raise SpecError([Problem("data.per_seed", self.per_seed, "choice", choices=self.facts.per_seed)])
        if self.folds and not self.facts.splits:
            raise SpecError.conflict("data.folds", self.folds, "folds_need_split")
        object.__setattr__(self, "terms", tuple(term for term in TERMS if term in self.terms))
        if labels:
            object.__setattr__(self, "classes", len(labels))
            object.__setattr__(self, "labels", tuple(sorted(labels)) if len(labels) < every else ())
        if self.folds:  # without effect: one text for one experiment
            object.__setattr__(self, "validation", self.facts.defaults.get("validation", 0.2))
        return self

    @property
    def facts(self) -> DataFacts:
        return DATASETS[self.name]

    @property
    def task(self) -> Task:
        return "classes" if self.facts.task == "binary" and self.classes > 2 else self.facts.task

    @property
    def inputs(self) -> int:
        """Inputs of the network."""
        return len(self.terms) if "terms" in self.facts.uses else self.raw_inputs

    @property
    def computed_terms(self) -> tuple[Term, ...]:
        """`terms` where they have to be computed; () where the network takes the samples as they are."""
        return self.terms if self.terms != COORDINATES else ()

    @property
    def term_names(self) -> tuple[str, ...]:
        """The names of `computed_terms`, as `x₁²`."""
        return tuple(TERMS[term] for term in self.computed_terms)

    @property
    def raw_inputs(self) -> int:
        """Numbers in a sample: in the plane 2, whatever `terms` the network takes of them."""
        return self.features if "features" in self.facts.uses else self.facts.inputs

    @property
    def max_samples(self) -> int:
        """Samples that exist of the classes in use, without a test set that comes with the data."""
        return sum(self.facts.class_sizes[i] for i in self.labels) or self.facts.max_samples

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Samples for training, validation and test. Where folds differ by one sample, the validation part here is one
        of the smaller folds."""
        n = min(self.n_samples, self.max_samples)
        own_test = sum(self.facts.test_sizes[i] for i in self.labels if self.facts.test_sizes) or self.facts.own_test
        test = own_test or round(n * self.test)
        pool = n if own_test else n - test
        validation = pool // self.folds if self.folds else round(n * self.validation)
        return pool - validation, validation, test

    @property
    def judged_part(self) -> Literal["train", "validation"]:
        """The part whose scores an experiment is judged by: training where there is no validation part."""
        return "validation" if self.sizes[1] else "train"
