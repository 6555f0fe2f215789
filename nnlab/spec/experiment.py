"""The experiment as a plain value: what data, which network, how it is trained.

Everything else in nnlab is a view of these values. They are frozen, checked when they are made, and written
canonically: the same experiment always gives the same text, hence the same key, link and result.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Self, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nnlab.spec.errors import Problem, Raised, SpecError, whole

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "none"]
Norm = Literal["none", "batch", "layer"]
Init = Literal["default", "xavier", "kaiming", "orthogonal", "zeros", "normal"]
Optimizer = Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "one_cycle", "step"]
Loss = Literal["auto", "bce", "cross_entropy", "mse"]
Scaling = Literal["none", "standard", "minmax"]
Engine = Literal["torch", "numpy"]
Task = Literal["binary", "classes", "regression"]
DataName = Literal["synthetic", "moons", "circles", "xor", "gaussians", "spirals", "digits", "mnist", "celsius"]

MAX_DEPTH = 64
MAX_SEED = 2**31 - 1
MAX_SEEDS = 1000
MAX_SOURCES = 3
"""Experiments in a row, each starting from the weights of the next."""


# -- what each data set is -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DataFacts:
    """What has to be known of a data set before it is loaded. `uses`: which fields of DataSpec it listens to."""

    task: Task
    inputs: int
    classes: int
    max_samples: int
    uses: frozenset[str]
    image_shape: tuple[int, int] | None = None
    own_test: int = 0
    """Size of a test set that comes with the data (MNIST); the share `test` is then without effect."""
    splits: bool = True
    """False where the samples are so few that all are for training."""
    class_sizes: tuple[int, ...] = ()
    """Samples of every class, where classes can be left out (`labels`); `own_test` apart."""
    test_sizes: tuple[int, ...] = ()
    """The same for `own_test`."""
    defaults: Mapping[str, Any] = field(default_factory=dict)


_PLANE = frozenset({"n_samples", "noise"})
_DRAWN = frozenset({"n_samples", "noise", "features", "classes", "labels"})
"""Fields without effect where a data set does not use them."""
DATASETS: Mapping[str, DataFacts] = MappingProxyType(
    {
        "synthetic": DataFacts("binary", 4, 2, 100_000, frozenset({"n_samples", "noise", "features", "classes"})),
        "moons": DataFacts("binary", 2, 2, 100_000, _PLANE),
        "circles": DataFacts("binary", 2, 2, 100_000, _PLANE, defaults={"noise": 0.1}),
        "xor": DataFacts("binary", 2, 2, 100_000, _PLANE, defaults={"noise": 0.1}),
        "gaussians": DataFacts("binary", 2, 2, 100_000, _PLANE, defaults={"noise": 0.5}),
        "spirals": DataFacts("binary", 2, 2, 100_000, _PLANE, defaults={"noise": 0.05}),
        "digits": DataFacts(
            "classes",
            64,
            10,
            1797,
            frozenset({"n_samples", "labels"}),
            (8, 8),
            class_sizes=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),  # counted in scikit-learn's load_digits
            defaults={"n_samples": 1797, "scaling": "minmax"},
        ),
        "mnist": DataFacts(
            "classes",
            784,
            10,
            60_000,
            frozenset({"n_samples", "labels"}),
            (28, 28),
            own_test=10_000,
            # counted in the label files whose sums stand in nnlab.datasets.mnist
            class_sizes=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
            test_sizes=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
            defaults={"n_samples": 60_000, "validation": 0.05, "scaling": "minmax"},
        ),
        "celsius": DataFacts(
            "regression",
            1,
            0,
            7,
            frozenset(),
            splits=False,
            defaults={"scaling": "none"},
        ),
    }
)


# -- the parts of an experiment --------------------------------------------------------------------------------------


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_zero(self) -> Self:
        for name, value in self.__dict__.items():
            if isinstance(value, float) and value == 0:  # -0.0 equals 0.0 and must not have another text
                self.__dict__[name] = 0.0
        return self


class DataSpec(_Value):
    """Which data, how much of it, how noisy, how split and scaled. Fields the data does not use are normalised."""

    name: DataName = "moons"
    n_samples: int = Field(200, ge=10, le=100_000)
    """Samples drawn (training + validation + test; where the data has its own test set: training + validation)."""
    noise: float = Field(0.2, ge=0, le=3)
    """Standard deviation of the Gaussian noise on the inputs; for `synthetic` the share of flipped labels × 10."""
    features: int = Field(4, ge=1, le=100)
    classes: int = Field(2, ge=2, le=10)
    validation: float = Field(0.2, ge=0, le=0.8)
    test: float = Field(0.2, ge=0, le=0.8)
    folds: int = Field(0, ge=0, le=20)
    """0 is hold-out: one validation part, of the share `validation`. 2 to 20 is k-fold: what is not test is cut into so
    many folds, and every seed trains as many networks, each validated on a fold of its own and trained on the others;
    `validation` is then without effect."""
    scaling: Scaling = "standard"
    seed: int = Field(0, ge=0, le=MAX_SEED)
    """Decides sampling, split and the order of batches: shared by every replicate."""
    labels: tuple[int, ...] = ()
    """For digits and mnist: the classes kept, in order; () is all. They are renumbered from 0, their names stay."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name = given.get("name", "moons")
        facts = DATASETS.get(name) if isinstance(name, str) else None
        if facts is None:
            return given
        values = {**facts.defaults, **given}
        fixed = {
            "n_samples": max(10, facts.max_samples),
            "noise": 0.0,
            "features": 2,
            "classes": facts.classes or 2,
            "labels": (),
        }
        values |= {name: value for name, value in fixed.items() if name not in facts.uses}
        if facts.own_test:
            values["test"] = 0.0
        if not facts.splits:
            values["validation"] = values["test"] = 0.0
        return values

    @model_validator(mode="after")
    def _keep_labels(self) -> Self:
        if self.labels:
            every = len(self.facts.class_sizes)
            for i, label in enumerate(self.labels):
                if not 0 <= label < every:
                    raise Raised(Problem(f"data.labels[{i}]", label, "range", 0, every - 1))
            if len(set(self.labels)) < len(self.labels):
                raise Raised(Problem("data.labels", list(self.labels), "conflict", expected="labels_repeat"))
            if len(self.labels) < 2:
                raise Raised(Problem("data.labels (how many)", len(self.labels), "range", 2, every))
            object.__setattr__(self, "classes", len(self.labels))
            object.__setattr__(self, "labels", tuple(sorted(self.labels)) if len(self.labels) < every else ())
        return self

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        if self.folds == 1:
            raise Raised(Problem("data.folds", 1, "conflict", expected="one_fold"))
        if self.folds and not self.facts.splits:
            raise Raised(Problem("data.folds", self.folds, "conflict", expected="folds_need_split"))
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
        """Numbers a sample has."""
        return self.features if "features" in self.facts.uses else self.facts.inputs

    @property
    def max_samples(self) -> int:
        """Samples there are, of the classes kept; a test set that comes with the data apart."""
        return sum(self.facts.class_sizes[i] for i in self.labels) or self.facts.max_samples

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Samples for training, validation and test. Folds differ by one sample at most: here the smaller kind is the
        validation part, and training has the rest."""
        n = min(self.n_samples, self.max_samples)
        own_test = sum(self.facts.test_sizes[i] for i in self.labels if self.facts.test_sizes) or self.facts.own_test
        test = own_test or round(n * self.test)
        pool = n if own_test else n - test
        validation = pool // self.folds if self.folds else round(n * self.validation)
        return pool - validation, validation, test


class LayerSpec(_Value):
    """A hidden layer that differs from the network's common settings; None means "as the network"."""

    width: int = Field(ge=1, le=4096)
    activation: Activation | None = None
    norm: Norm | None = None
    dropout: float | None = Field(None, ge=0, le=0.95)
    residual: bool | None = None


@dataclass(frozen=True)
class Layer:
    """A layer with everything decided. Order inside: linear, normalisation, activation, dropout, then + input."""

    inputs: int
    width: int
    activation: str
    norm: str = "none"
    dropout: float = 0.0
    residual: bool = False
    frozen: bool = False
    """It keeps the weights it starts from, and its running figures: batch normalisation goes by them as in evaluation.
    Dropout goes on."""

    @property
    def parameters(self) -> int:
        """Its numbers, trainable where the layer is not frozen."""
        return self.inputs * self.width + self.width + (0 if self.norm == "none" else 2 * self.width)


class ModelSpec(_Value):
    """Hidden layers and their common settings. The output layer follows from the data."""

    hidden: tuple[int | LayerSpec, ...] = Field((8,), max_length=MAX_DEPTH)
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, le=0.95)
    residual: bool = False
    """A skip connection around every hidden layer whose input and output have the same width (He et al. 2016)."""
    init: Init = "default"
    init_scale: float = Field(0.1, ge=0, le=10)
    """Standard deviation for init="normal"."""

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and isinstance(given.get("hidden"), (list, tuple)):
            return {**given, "hidden": [_plain_layer(layer) for layer in given["hidden"]]}
        return given

    @model_validator(mode="after")
    def _check_widths(self) -> Self:
        for i, layer in enumerate(self.hidden):
            if isinstance(layer, int) and not 1 <= layer <= 4096:
                raise Raised(Problem(f"model.hidden[{i}]", layer, "range", 1, 4096))
        if self.init != "normal" and self.init_scale != 0.1:
            object.__setattr__(self, "init_scale", 0.1)  # without effect: one text for one network
        return self

    @property
    def depth(self) -> int:
        return len(self.hidden)

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(layer if isinstance(layer, int) else layer.width for layer in self.hidden)

    def layers(self, inputs: int) -> tuple[Layer, ...]:
        """The hidden layers in order, every setting decided."""
        made = []
        for layer in self.hidden:
            own = LayerSpec(width=layer) if isinstance(layer, int) else layer
            made.append(
                Layer(
                    inputs,
                    own.width,
                    self.activation if own.activation is None else own.activation,
                    self.norm if own.norm is None else own.norm,
                    self.dropout if own.dropout is None else own.dropout,
                    (self.residual if own.residual is None else own.residual) and inputs == own.width,
                )
            )
            inputs = own.width
        return tuple(made)


def _plain_layer(layer: Any) -> Any:
    """A layer without settings of its own is written as its width."""
    if isinstance(layer, LayerSpec):
        layer = layer.model_dump(exclude_none=True)
    if isinstance(layer, Mapping) and "width" in layer and all(v is None for k, v in layer.items() if k != "width"):
        return layer["width"]
    return layer


class StartFrom(_Value):
    """Transfer learning: the first hidden layers are not drawn but taken from another experiment, once it is trained.

    The replicate of seed s starts from the source as trained under seed s (Yosinski et al. 2014)."""

    experiment: Experiment
    """The source. Either engine may train it."""
    layers: int = Field(ge=1, le=MAX_DEPTH)
    """How many are taken: weights, biases, normalisation and its running figures."""
    frozen: int = Field(0, ge=0, le=MAX_DEPTH)
    """How many of these, from the first on, are never changed."""

    def plain(self) -> dict[str, Any]:
        """As `Experiment.plain`."""
        return {"experiment": self.experiment.plain(), "layers": self.layers, "frozen": self.frozen}

    def to_text(self) -> str:
        """Short JSON for a link: what is left out has its default."""
        source = {part: fields for part, fields in self.experiment._differing().items() if fields}
        values = {"experiment": source, "layers": self.layers, "frozen": self.frozen}
        return json.dumps(values, separators=(",", ":"))


class TrainSpec(_Value):
    """How the weights are learned."""

    engine: Engine = "torch"
    optimizer: Optimizer = "adam"
    lr: float = Field(0.01, ge=1e-7, le=100)
    schedule: Schedule = "constant"
    batch_size: int = Field(32, ge=1, le=100_000)
    """Samples a step; as many as there are (or more) is full-batch training."""
    epochs: int = Field(50, ge=1, le=100_000)
    l2: float = Field(0.0, ge=0, le=10)
    """Weight decay: for every optimizer but adamw, l2·w is added to the gradient; adamw decouples it."""
    patience: int = Field(0, ge=0, le=10_000)
    """Early stopping: epochs without a better validation loss before a replicate stops at its best; 0 is off."""
    loss: Loss = "auto"
    start_from: StartFrom | None = None
    """Whose first layers these are; None draws all weights anew. Its JSON text is taken too, and "none"."""

    @field_validator("start_from", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, (str, bytes)):
            return given
        try:
            return None if given in ("none", b"none") else json.loads(given)
        except (ValueError, RecursionError):
            raise Raised(Problem("train.start_from", given, "type", expected=_SOURCE_TEXT)) from None


class Experiment(_Value):
    """Data, network and training: the whole of an experiment but for its seeds.

    Raises
    ------
    SpecError
        From `Experiment.of`, `from_json`, `from_query` and `vary`, naming every field that cannot be.
        (The bare constructor raises pydantic's ValidationError, a ValueError too.)
    """

    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    train: TrainSpec = Field(default_factory=lambda: TrainSpec())

    @model_validator(mode="after")
    def _check(self) -> Self:
        data, train = self.data, self.train
        if not data.folds and data.validation + data.test > 0.9 + 1e-9:
            raise Raised(Problem("data.validation", data.validation, "conflict", expected="shares_exceed_one"))
        if data.sizes[0] < max(2, data.classes if data.facts.classes else 2):
            raise Raised(Problem("data.n_samples", data.n_samples, "conflict", expected="too_few_samples"))
        if data.folds * max(1, data.classes if data.facts.classes else 1) > sum(data.sizes[:2]):
            raise Raised(Problem("data.folds", data.folds, "conflict", expected="folds_exceed_class"))
        if train.patience and data.sizes[1] == 0:
            raise Raised(
                Problem("train.patience", train.patience, "conflict", expected="early_stopping_needs_validation")
            )
        natural = {"binary": "bce", "classes": "cross_entropy", "regression": "mse"}[data.task]
        if train.loss == natural:  # written as "auto", so that the same experiment has one text
            object.__setattr__(self, "train", train.model_copy(update={"loss": "auto"}))
        elif train.loss == "bce":
            raise Raised(Problem("train.loss", train.loss, "conflict", expected="loss_needs_binary"))
        elif train.loss == "mse":
            raise Raised(Problem("train.loss", train.loss, "conflict", expected="loss_needs_regression"))
        elif train.loss == "cross_entropy" and data.task == "regression":
            raise Raised(Problem("train.loss", train.loss, "conflict", expected="loss_needs_classes"))
        if train.start_from is not None:
            self._check_start(train.start_from)
        return self

    def _check_start(self, start: StartFrom) -> None:
        source = start.experiment
        most = min(self.model.depth, source.model.depth)
        if source.sources >= MAX_SOURCES:
            raise Raised(Problem("train.start_from", source.sources + 1, "conflict", expected="sources_nested"))
        if source.data.inputs != self.data.inputs:
            raise Raised(Problem("train.start_from", source.data.inputs, "conflict", expected="source_inputs"))
        if most == 0:
            raise Raised(Problem("train.start_from", most, "conflict", expected="source_needs_layers"))
        if start.layers > most:
            raise Raised(Problem("train.start_from.layers", start.layers, "range", 1, most))
        if start.layers > self.layers_shared(source):
            raise Raised(Problem("train.start_from.layers", start.layers, "conflict", expected="source_differs"))
        if start.frozen > start.layers:
            raise Raised(Problem("train.start_from.frozen", start.frozen, "range", 0, start.layers))

    # what follows from the parts

    @property
    def task(self) -> Task:
        return self.data.task

    @property
    def loss(self) -> Literal["bce", "cross_entropy", "mse"]:
        """The loss in force."""
        if self.task == "regression":
            return "mse"
        return "bce" if self.task == "binary" and self.train.loss == "auto" else "cross_entropy"

    @property
    def score(self) -> Literal["accuracy", "mse"]:
        """The figure that says how good: accuracy for classes, mean squared error for regression."""
        return "mse" if self.task == "regression" else "accuracy"

    @property
    def outputs(self) -> int:
        """Numbers the network gives: one logit, one logit a class, or one value."""
        return self.data.classes if self.loss == "cross_entropy" else 1

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer with weights, the output layer last."""
        frozen = self.train.start_from.frozen if self.train.start_from else 0
        hidden = self.model.layers(self.data.inputs)
        hidden = (*(replace(layer, frozen=True) for layer in hidden[:frozen]), *hidden[frozen:])
        last = hidden[-1].width if hidden else self.data.inputs
        return (*hidden, Layer(last, self.outputs, "none"))

    @property
    def parameters(self) -> int:
        """Trainable numbers of one replicate."""
        return sum(layer.parameters for layer in self.layers if not layer.frozen)

    @property
    def frozen_parameters(self) -> int:
        """Numbers of one replicate's frozen layers."""
        return sum(layer.parameters for layer in self.layers if layer.frozen)

    @property
    def sources(self) -> int:
        """Experiments it starts from: its source, the source's source and so on."""
        return 1 + self.train.start_from.experiment.sources if self.train.start_from else 0

    def layers_shared(self, other: Experiment) -> int:
        """How many of the first hidden layers another experiment has just the same (but for dropout), so that their
        weights can be taken: inputs, width, activation, normalisation and skip connection."""
        mine, theirs = (one.model.layers(one.data.inputs) for one in (self, other))
        alike = (replace(a, dropout=0.0) == replace(b, dropout=0.0) for a, b in zip(mine, theirs, strict=False))
        return sum(takewhile(bool, alike))

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.data.sizes[0] / self.train.batch_size)

    def replicates(self, seeds: int) -> int:
        """How many networks are trained under so many seeds: one a seed, with folds one a seed and fold."""
        return seeds * max(1, self.data.folds)

    # making and changing

    @classmethod
    def of(cls, values: Any, where: str = "") -> Self:
        """An experiment from plain nested values. Raises SpecError."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SpecError(_problems(error, where or "experiment")) from None

    def set(self, changes: Mapping[str, Any]) -> Self:
        """A new experiment with fields changed by their dotted names, as `{"model.hidden": [64, 32]}`.

        Raises SpecError."""
        values = self.model_dump(mode="json")
        if not isinstance(changes, Mapping):
            raise SpecError([Problem("experiment", changes, "type", expected="object")])
        if "data.name" in changes and changes["data.name"] != self.data.name:
            # what the old data had by default follows the new data's defaults
            usual = DataSpec(name=self.data.name).model_dump()
            deaf = _DRAWN - self.data.facts.uses
            values["data"] = {k: v for k, v in values["data"].items() if v != usual[k] and k not in deaf}
        for path, value in changes.items():
            if path not in FIELDS:
                raise SpecError([Problem(str(path), value, "unknown", choices=tuple(FIELDS))])
            part, _, name = path.partition(".")
            values[part][name] = value.tolist() if hasattr(value, "tolist") else value  # NumPy's too
        return self.of(values)

    def vary(self, knob: str, value: Any) -> Self:
        """A new experiment with one knob turned; see KNOBS. Any dotted field name is a knob too. Raises SpecError.

        `depth` keeps the width (of the first hidden layer), `width` keeps the depth, `depth_same_size` keeps the number
        of parameters as nearly as one width for all layers allows; all keep the settings of the network but drop those
        of single layers."""
        if knob == "depth":
            depth = whole("depth", value, 0, MAX_DEPTH)
            return self.set({"model.hidden": [(self.model.widths or (8,))[0]] * depth})
        if knob == "depth_same_size":
            return self._deepened(whole("depth_same_size", value, 1, MAX_DEPTH))
        if knob == "width":
            width = whole("width", value, 1, 4096)
            return self.set({"model.hidden": [width] * max(1, self.model.depth)})
        path = KNOBS.get(knob, knob) if isinstance(knob, str) else ""
        if path not in FIELDS:
            raise SpecError([Problem("vary", knob, "choice", choices=tuple(KNOBS))])
        return self.set({path: value})

    def _deepened(self, depth: int) -> Self:
        """`depth` layers of the one width that comes nearest to the present number of parameters."""

        low, high = 1, 4096
        while low < high:  # the first width with as many parameters or more
            middle = (low + high) // 2
            enough = self.set({"model.hidden": [middle] * depth}).parameters >= self.parameters
            low, high = (low, middle) if enough else (middle + 1, high)
        smaller, larger = (self.set({"model.hidden": [width] * depth}) for width in (max(1, low - 1), low))
        return smaller if self.parameters - smaller.parameters < larger.parameters - self.parameters else larger

    def knob(self, knob: str) -> Any:
        """The present value of a knob."""
        if knob in ("depth", "depth_same_size"):
            return self.model.depth
        if knob == "width":
            return (self.model.widths or (8,))[0]
        part, _, name = KNOBS.get(knob, knob).partition(".")
        return getattr(getattr(self, part), name)

    # as text

    def to_json(self) -> str:
        """Canonical: sorted keys, no blanks; the same experiment gives the same text."""
        return json.dumps(self.plain(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The experiment a text describes; fields left out take their defaults. Raises SpecError."""
        return cls.of(_parse_json(text, "experiment"))

    @property
    def key(self) -> str:
        """sha256 of the canonical text, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_query(self) -> dict[str, str]:
        """What a share link carries: the data's name and every field that differs from its default."""
        mine = self._differing()
        query = {
            path: _to_text(mine[part][name])
            for path in FIELDS
            for part, _, name in (path.partition("."),)
            if name in mine[part] and path != "train.start_from"
        }
        if self.train.start_from:
            query["train.start_from"] = self.train.start_from.to_text()
        return query

    @classmethod
    def from_query(cls, params: Mapping[str, Any]) -> Self:
        """The experiment of a link. Parameters without `data.`, `model.` or `train.` in front are not looked at.

        Raises SpecError."""
        values: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
        for path, text in params.items():
            part, dot, name = str(path).partition(".")
            if not dot or part not in _PARTS:
                continue
            if path not in FIELDS:
                raise SpecError([Problem(path, text, "unknown", choices=tuple(FIELDS))])
            values[part][name] = _from_text(path, _last(text))
        return cls.of(values)

    def plain(self) -> dict[str, Any]:
        """Nested dictionaries, lists, numbers and texts: what the JSON text says."""
        values = self.model_dump(mode="json")
        values["model"]["hidden"] = [
            layer if isinstance(layer, int) else {k: v for k, v in layer.items() if v is not None}
            for layer in values["model"]["hidden"]
        ]
        # fields that came later are left out where they are off, so that older texts and keys stay what they were
        for name in ("labels", "folds"):
            if not values["data"][name]:
                del values["data"][name]
        if self.train.start_from is None:
            del values["train"]["start_from"]
        else:
            values["train"]["start_from"] = self.train.start_from.plain()
        return values

    def _differing(self) -> dict[str, dict[str, Any]]:
        """Of `plain` what differs from its default, and the data's name."""
        mine, usual = self.plain(), Experiment(data=DataSpec(name=self.data.name)).plain()
        kept = {
            part: {name: value for name, value in fields.items() if value != usual[part].get(name)}
            for part, fields in mine.items()
        }
        if self.data.labels:
            del kept["data"]["classes"]  # as many as labels
        if self.train.start_from:
            kept["train"]["start_from"] = json.loads(self.train.start_from.to_text())
        return {**kept, "data": {"name": self.data.name, **kept["data"]}}


for _spec in (StartFrom, TrainSpec, Experiment):  # each needs the others' names
    _spec.model_rebuild()

_PARTS: Mapping[str, type[_Value]] = MappingProxyType({"data": DataSpec, "model": ModelSpec, "train": TrainSpec})
FIELDS: tuple[str, ...] = tuple(f"{part}.{name}" for part, spec in _PARTS.items() for name in spec.model_fields)
"""Dotted names of all fields."""

KNOBS: Mapping[str, str] = MappingProxyType(
    {
        "depth": "model.hidden",
        "depth_same_size": "model.hidden",
        "width": "model.hidden",
        "activation": "model.activation",
        "norm": "model.norm",
        "dropout": "model.dropout",
        "residual": "model.residual",
        "init": "model.init",
        "optimizer": "train.optimizer",
        "lr": "train.lr",
        "schedule": "train.schedule",
        "batch_size": "train.batch_size",
        "epochs": "train.epochs",
        "l2": "train.l2",
        "engine": "train.engine",
        "noise": "data.noise",
        "n_samples": "data.n_samples",
        "scaling": "data.scaling",
        "start_from": "train.start_from",
    }
)
"""What `vary` and a comparison turn, and the field behind it."""


# -- comparison ------------------------------------------------------------------------------------------------------


MAX_CELLS = 200
"""Cells of a comparison."""


class Point(NamedTuple):
    """Where a cell of a comparison stands: its value of the knob, and of the second knob where there is one."""

    value: Any
    by_value: Any = None


class Comparison(_Value):
    """One experiment with one knob, or two, set to several values, each under the same seeds.

    `Comparison(exp, vary="depth", values=[1, 2, 4], seeds=10)`; `seeds=10` is seeds 0 to 9. A second knob makes it a
    grid: `by="activation", by_values=["tanh", "relu"]`.
    """

    experiment: Experiment
    vary: str = "depth"
    values: tuple[Any, ...] = Field((1, 2, 4, 8), min_length=1, max_length=MAX_CELLS)
    by: str | None = None
    by_values: tuple[Any, ...] = Field((), max_length=MAX_CELLS)
    seeds: tuple[int, ...] = tuple(range(5))

    def __init__(self, experiment: Any = None, /, **values: Any) -> None:
        if experiment is not None:
            values["experiment"] = experiment
        if "seeds" in values:
            values["seeds"] = as_seeds(values["seeds"])
        for name in ("values", "by_values"):
            if hasattr(values.get(name), "tolist"):  # a NumPy array
                values[name] = values[name].tolist()
        super().__init__(**values)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            # values as the spec understands them ("1" from a link is 1)
            object.__setattr__(self, "values", _understood(self.experiment, self.vary, self.values))
            if self.by is not None:
                object.__setattr__(self, "by_values", _understood(self.experiment, self.by, self.by_values))
            self._check_grid()
            made = self.experiments
        except SpecError as error:
            raise Raised(error.problems[0]) from None
        if len({one.key for one in made}) < len(made):
            for field, knob, values in (("vary", self.vary, self.values), ("by", self.by or "", self.by_values)):
                name = KNOBS.get(knob, knob).removeprefix("data.")
                if len(values) > 1 and name in _DRAWN - self.experiment.data.facts.uses:
                    raise Raised(Problem(field, knob, "conflict", expected="knob_without_effect"))
            repeated = "values" if len(set(map(str, self.values))) < len(self.values) or not self.by else "by_values"
            raise Raised(Problem(repeated, list(getattr(self, repeated)), "conflict", expected="values_repeat"))
        return self

    def _check_grid(self) -> None:
        if self.by is None:
            object.__setattr__(self, "by_values", ())
            return
        if not self.by_values:
            raise SpecError([Problem("by_values (how many)", 0, "range", 1, MAX_CELLS)])
        cells = len(self.values) * len(self.by_values)
        if cells > MAX_CELLS:
            raise SpecError([Problem("cells (values of the one knob times those of the other)", cells, "range", 1,
                                     MAX_CELLS)])  # fmt: skip
        same_field = KNOBS.get(self.vary, self.vary) == KNOBS.get(self.by, self.by)
        if same_field and {self.vary, self.by} != {"depth", "width"}:
            raise SpecError([Problem("by", self.by, "conflict", expected="knobs_clash")])

    @property
    def points(self) -> tuple[Point, ...]:
        """One a cell: by the second knob, then by the first, each in its order."""
        return tuple(Point(value, by_value) for by_value in self.by_values or (None,) for value in self.values)

    @cached_property
    def experiments(self) -> tuple[Experiment, ...]:
        """One a cell, in the order of `points`."""
        bases = [self.experiment.vary(self.by, one) for one in self.by_values] if self.by else [self.experiment]
        return tuple(base.vary(self.vary, value) for base in bases for value in self.values)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """A comparison from plain values. Raises SpecError."""
        if not isinstance(values, Mapping):
            raise SpecError([Problem("comparison", values, "type", expected="object")])
        values = {str(name): value for name, value in values.items()}
        if not isinstance(values.get("experiment"), Experiment):
            values["experiment"] = Experiment.of(values.get("experiment", {}))
        try:
            return cls(**values)
        except ValidationError as error:
            raise SpecError(_problems(error, "comparison")) from None

    def plain(self) -> dict[str, Any]:
        """Nested dictionaries, lists, numbers and texts: what the JSON text says."""
        second = {"by": self.by, "by_values": [_plain(value) for value in self.by_values]} if self.by else {}
        return {
            "experiment": self.experiment.plain(),
            "vary": self.vary,
            "values": [_plain(value) for value in self.values],
            **second,
            "seeds": list(self.seeds),
        }

    def to_json(self) -> str:
        """Canonical text."""
        return json.dumps(self.plain(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From its text, or from a file with its results (`export.comparison_file`). Raises SpecError."""
        values = _parse_json(text, "comparison")
        inside = values.get("comparison") if isinstance(values, Mapping) else None
        return cls.of(values if inside is None else inside)

    @property
    def key(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_query(self) -> dict[str, str]:
        """The experiment's link with `vary`, `values`, where there is a second knob `by` and `by_values`, and
        `seeds`."""
        second = {"by": self.by, "by_values": _values_text(self.by_values)} if self.by else {}
        return {
            **self.experiment.to_query(),
            "vary": self.vary,
            "values": _values_text(self.values),
            **second,
            "seeds": seeds_text(self.seeds),
        }

    @classmethod
    def from_query(cls, params: Mapping[str, Any]) -> Self:
        """Raises SpecError."""
        vary, by = _text(params, "vary", "depth"), _text(params, "by", "")
        second = {"by": by, "by_values": _values_of(params, "by_values", by, "")} if by else {}
        return cls.of(
            {
                "experiment": Experiment.from_query(params),
                "vary": vary,
                "values": _values_of(params, "values", vary, "1,2,4,8"),
                **second,
                "seeds": parse_seeds(_text(params, "seeds", "5")),
            }
        )


def _understood(experiment: Experiment, knob: str, values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(experiment.vary(knob, value).knob(knob) for value in values)


def _values_text(values: Sequence[Any]) -> str:
    """A knob's values in a link; `_values_of` reads them back."""
    plain = [_plain(value) for value in values]
    texts = [_to_text(value) for value in plain]
    in_json = any("," in text for text in texts)  # layers with settings of their own
    return json.dumps(plain, separators=(",", ":")) if in_json else ",".join(texts)


def _values_of(params: Mapping[str, Any], name: str, knob: str, default: str) -> Any:
    text = _text(params, name, default).strip()
    if text.startswith("["):
        return _parse_json(text, name)
    path = KNOBS.get(knob, knob)
    return [_from_text(path, value.strip(), knob=knob) for value in text.split(",") if value.strip()]


class Replicate(NamedTuple):
    """One of the networks a run trains."""

    seed: int
    fold: int | None
    """None for hold-out, else from 0."""


def replicates(seeds: Iterable[int], folds: int) -> tuple[Replicate, ...]:
    """All of them, in the order of every axis of replicates: fold after fold, seed by seed."""
    return tuple(Replicate(seed, fold) for seed in seeds for fold in (range(folds) if folds else (None,)))


def as_seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """`10` is seeds 0 to 9; a list is taken as it is. Raises SpecError."""
    if isinstance(seeds, bool) or not isinstance(seeds, (int, Iterable)) or isinstance(seeds, (str, bytes)):
        raise SpecError([Problem("seeds", seeds, "type", expected="number of seeds or a list of seeds")])
    if isinstance(seeds, int):
        return tuple(range(whole("seeds", seeds, 1, MAX_SEEDS)))
    made = tuple(whole("seeds", seed, 0, MAX_SEED) for seed in seeds)
    if not 1 <= len(made) <= MAX_SEEDS:
        raise SpecError([Problem("seeds (how many)", len(made), "range", 1, MAX_SEEDS)])
    if len(set(made)) < len(made):
        raise SpecError([Problem("seeds", list(made), "conflict", expected="seeds_repeat")])
    return made


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from text: `10` (0 to 9), `3,7` (these two), `5-8` (5 to 8). Raises SpecError."""
    try:
        if text.strip().lstrip("-").isdigit():
            return as_seeds(int(text))
        seeds: list[int] = []
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            # never more than shows that there are too many: "0-999,0-999,..." must not fill the memory
            most = int(first) + MAX_SEEDS + 1
            seeds += range(int(first), min(int(last) + 1, most)) if dash else [int(first)]
            if len(seeds) > MAX_SEEDS:
                raise SpecError([Problem("seeds (how many)", len(seeds), "range", 1, MAX_SEEDS)])
    except SpecError:
        raise
    except ValueError:
        raise SpecError(
            [Problem("seeds", text, "type", expected="number of seeds, or a list as 0,1,2 or 5-8")]
        ) from None
    return as_seeds(seeds)


def seeds_text(seeds: Sequence[int]) -> str:
    """The shortest text `parse_seeds` reads back."""
    if tuple(seeds) == tuple(range(len(seeds))):
        return str(len(seeds))
    if len(seeds) == 1:
        return f"{seeds[0]}-{seeds[0]}"
    if tuple(seeds) == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds))


# -- text and errors, in detail --------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A knob's value as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, StartFrom):
        return value.plain()
    return value.model_dump(exclude_none=True) if isinstance(value, LayerSpec) else value


def _to_text(value: Any) -> str:
    """A plain value in a link; `_from_text` reads it back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, (list, dict)):
        if all(isinstance(item, int) for item in value):
            return "-".join(map(str, value)) if value else "0"
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def _from_text(path: str, text: Any, knob: str = "") -> Any:
    """A field's value from a link. Only its shape is decided here; the spec checks it, and reads numbers in text."""
    if not isinstance(text, str) or path not in _LISTS or knob in ("depth", "depth_same_size", "width"):
        return text
    if text.startswith("["):
        return _parse_json(text, path)
    try:
        numbers = [int(part) for part in text.split("-")]
    except ValueError:
        raise SpecError([Problem(path, text, "type", expected=_LISTS[path])]) from None
    return [] if numbers == [0] else numbers


def _last(values: Any) -> Any:
    """Of a parameter that a link gives several times, the last."""
    if isinstance(values, (list, tuple)):
        return values[-1] if values else ""
    return values


def _text(params: Mapping[str, Any], name: str, default: str) -> str:
    text = _last(params.get(name, default))
    if not isinstance(text, str):
        raise SpecError([Problem(name, text, "type", expected="text")])
    return text


def _parse_json(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        problem = Problem(where, text, "json")
        if where in FIELDS or where in ("values", "by_values"):
            problem = Problem(where, text, "type", expected=_LISTS.get(where, "list"))
        raise SpecError([problem]) from None


_LISTS = {
    "model.hidden": "list of widths as 8-8-4 (0 for none)",
    "data.labels": "list of classes as 5-6-9 (0 for all)",
}
"""Fields that are lists of numbers, and how a link writes them."""
_SOURCE_TEXT = "JSON text with experiment, layers and frozen (or none)"
_SOURCE = ("train", "start_from", "experiment")
_EXPECTED = {
    "int": "whole number",
    "float": "number",
    "finite": "number",
    "string": "text",
    "tuple": "list",
    "list": "list",
    "bool": "true or false",
    "model": "object",
    "dict": "object",
}


def _problems(error: ValidationError, where: str) -> list[Problem]:
    found: dict[str, Problem] = {}
    for item in error.errors(include_url=False):
        loc, inside, raised = item["loc"], "", item.get("ctx", {}).get("error")
        while loc[:3] == _SOURCE and (len(loc) > 3 or isinstance(raised, Raised)):
            loc, inside = loc[3:], f"{inside}{'.'.join(_SOURCE)}."
        if loc[:2] == ("model", "hidden") and len(loc) > 3:  # pydantic names the kind of layer it tried
            if len(loc) == 4 and (loc[3] == "int") == isinstance(item["input"], Mapping):
                continue
            loc = loc[:3] + loc[4:]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".") or where
        root = Comparison if where == "comparison" and not inside else Experiment
        problem = raised.problem if isinstance(raised, Raised) else _problem(item, path, loc, root)
        found.setdefault(inside + path, replace(problem, field=inside + problem.field))
    return list(found.values())


def _problem(item: Any, path: str, loc: Sequence[Any], root: type[BaseModel]) -> Problem:
    got, kind, context = item["input"], item["type"], item.get("ctx", {})
    bounds = field_bounds(path)
    if kind == "literal_error" and bounds.choices:
        return Problem(path, got, "choice", choices=bounds.choices)
    if kind in ("extra_forbidden", "invalid_key"):
        spec = root if len(loc) < 2 else StartFrom if loc[1] == "start_from" else LayerSpec
        if len(loc) == 2:
            spec = _PARTS[loc[0]]
        return Problem(path, None, "unknown", choices=tuple(spec.model_fields))
    if kind == "missing":
        return Problem(path, None, "type", expected="value (it is missing)")
    if kind in ("too_long", "too_short"):
        low, high = context.get("min_length", 0), context.get("max_length", 200)
        return Problem(f"{path} (how many)", context.get("actual_length"), "range", low, high)
    if bounds.low is not None and (
        kind.startswith(("greater", "less"))
        or (kind in ("int_parsing_size", "finite_number") and isinstance(got, (int, float, str)))
    ):
        return Problem(path, got, "range", bounds.low, bounds.high)
    return Problem(path, got, "type", expected=_EXPECTED.get(kind.split("_")[0], "value of another kind"))


@dataclass(frozen=True)
class Bounds:
    """What a field admits: a range, or choices."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def field_bounds(path: str) -> Bounds:
    """What a field, by its dotted name (`model.hidden[2].width` too), admits."""
    if path.startswith("data.labels["):
        return Bounds(0, 9)
    part, _, name = path.partition(".")
    spec: type[BaseModel] | None = _PARTS.get(part)
    if name.startswith("start_from."):
        spec, name = StartFrom, name.removeprefix("start_from.")
    elif "]." in name:
        spec, name = LayerSpec, name.rpartition("].")[2]
    elif "[" in name:
        spec, name = LayerSpec, "width"
    if spec is None or name not in spec.model_fields:
        return Bounds()
    info = spec.model_fields[name]
    low = next((float(m.ge) for m in info.metadata if isinstance(m, Ge)), None)  # type: ignore[arg-type]
    high = next((float(m.le) for m in info.metadata if isinstance(m, Le)), None)  # type: ignore[arg-type]
    choices = get_args(info.annotation)
    if choices and type(None) in choices:  # Literal | None
        choices = get_args(choices[0])
    return Bounds(low, high, tuple(choices) if all(isinstance(c, str) for c in choices) else ())
