"""The experiment as a plain value: which data, which network, how it is trained.

Experiments are frozen, checked when they are made and written canonically: the same experiment always gives the same
text, and so the same key, link and result.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from itertools import takewhile
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from nnlab.spec.data import DATASETS, OPTIONAL_FIELDS, DataSpec, Task
from nnlab.spec.errors import Problem, SpecError, whole
from nnlab.spec.knobs import KNOBS
from nnlab.spec.network import MAX_DEPTH, Layer, ModelSpec
from nnlab.spec.text import (
    Value,
    compact,
    from_link,
    is_stored,
    link_parameters,
    link_text,
    parse_json,
    single,
    stored_values,
)

Optimizer = Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "one_cycle", "step"]
Loss = Literal["auto", "bce", "cross_entropy", "mse"]
Engine = Literal["auto", "torch", "numpy"]

_LOSSES: Mapping[Task, Loss] = {"binary": "bce", "classes": "cross_entropy", "regression": "mse"}
MAX_SOURCES = 3  # experiments in a row, each starting from the weights of the next


class StartFrom(Value):
    """Transfer learning: the first hidden layers are not drawn at random but copied from another, trained experiment.

    The replicate of seed s starts from the source as trained under seed s (Yosinski et al. 2014).
    """

    experiment: Experiment  # the source; any engine may train it
    layers: int = Field(ge=1, le=MAX_DEPTH)  # how many are copied; of normalisation also running mean and variance
    frozen: int = Field(0, ge=0, le=MAX_DEPTH)  # how many of these, from the first on, stay as they are

    def __str__(self) -> str:
        return f"{self.layers} of {self.experiment.data.name}, {self.frozen} frozen"

    def short(self) -> dict[str, Any]:
        """As `plain`, without what has its default."""
        return {**self.plain(), "experiment": self.experiment.short()}

    def to_text(self) -> str:
        """Short JSON for a link; fields left out have their defaults."""
        return compact(self.short())


class TrainSpec(Value):
    """How the weights are learned."""

    engine: Engine = "auto"  # the fastest here, see `nnlab.engines.choice`
    optimizer: Optimizer = "adam"
    lr: float = Field(0.01, ge=1e-7, le=100)
    schedule: Schedule = "constant"
    batch_size: int = Field(32, ge=1, le=100_000)  # samples a step; all that there are, or more, is full batch
    epochs: int = Field(50, ge=1, le=100_000)
    l2: float = Field(0.0, ge=0, le=10)
    """Weight decay: for every optimizer but adamw, l2·w is added to the gradient; adamw decouples it."""
    patience: int = Field(0, ge=0, le=10_000)
    """Early stopping: epochs without a better validation loss before a replicate stops; 0 is off. Stopped or not, it
    ends with the weights of its best epoch."""
    loss: Loss = "auto"
    start_from: StartFrom | None = None
    """The source of the first layers; None draws all weights at random. JSON text and "none" are accepted too."""

    @field_validator("start_from", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, (str, bytes)):
            return given
        expected = "JSON text with experiment, layers and frozen (or none)"
        return None if given in ("none", b"none") else parse_json(given, "train.start_from", expected)


class Experiment(Value):
    """Data, network and training: everything that defines an experiment, except its seeds.

    Raises
    ------
    SpecError
        From `of`, `from_json`, `from_query`, `set` and `vary`; it names every invalid field. The constructor raises
        pydantic's ValidationError instead. Both are ValueErrors.

    Examples
    --------
    >>> Experiment().set({"model.hidden": [8, 8], "model.activation": "tanh"})
    Experiment(moons 200, 2-8-8-1 tanh, adam 0.01 × 50)
    """

    data: DataSpec = DataSpec()  # the data set, its size, noise, split and scaling
    model: ModelSpec = ModelSpec()  # the hidden layers and how they are initialised
    train: TrainSpec = Field(default_factory=lambda: TrainSpec())  # also early stopping and the weights to start from

    @model_validator(mode="after")
    def _check(self) -> Self:
        data, train = self.data, self.train
        classes = data.classes if data.facts.classes else 0
        if train.loss == _LOSSES[data.task]:  # written as "auto", so that the same experiment has one text
            object.__setattr__(self, "train", train.model_copy(update={"loss": "auto"}))
        for field, invalid, code in (
            ("data.validation", not data.folds and data.validation + data.test > 0.9 + 1e-9, "shares_exceed_one"),
            ("data.n_samples", data.sizes[0] < max(2, classes), "too_few_samples"),
            ("data.folds", data.folds * max(1, classes) > sum(data.sizes[:2]), "folds_exceed_class"),
            ("train.patience", train.patience and not data.sizes[1], "early_stopping_needs_validation"),
            ("train.loss", self.train.loss == "bce", "loss_needs_binary"),
            ("train.loss", self.train.loss == "mse", "loss_needs_regression"),
            ("train.loss", self.train.loss == "cross_entropy" and not classes, "loss_needs_classes"),
        ):
            if invalid:
                raise SpecError.conflict(field, self.knob(field), code)
        if (problem := self.degenerate) and not is_stored():
            raise SpecError([problem])
        if train.start_from is not None:
            self._check_start(train.start_from)
        return self

    def _check_start(self, start: StartFrom) -> None:
        source = start.experiment
        most = min(self.model.depth, source.model.depth)
        if source.sources >= MAX_SOURCES:
            raise SpecError.conflict("train.start_from", source.sources + 1, "sources_nested")
        if source.data.inputs != self.data.inputs:
            raise SpecError.conflict("train.start_from", source.data.inputs, "source_inputs")
        if most == 0:
            raise SpecError.conflict("train.start_from", most, "source_needs_layers")
        if start.layers > most:
            raise SpecError([Problem("train.start_from.layers", start.layers, "range", 1, most)])
        if start.layers > self.layers_shared(source):
            raise SpecError.conflict("train.start_from.layers", start.layers, "source_differs")
        if start.frozen > start.layers:
            raise SpecError([Problem("train.start_from.frozen", start.frozen, "range", 0, start.layers)])

    @property
    def task(self) -> Task:
        return self.data.task

    @property
    def loss(self) -> Loss:
        """The loss that is minimised; `auto` is resolved."""
        return _LOSSES[self.task] if self.train.loss == "auto" else self.train.loss

    @property
    def score(self) -> Literal["accuracy", "mse"]:
        """The name of the score: accuracy for classes, mean squared error for regression."""
        return "mse" if self.task == "regression" else "accuracy"

    @property
    def outputs(self) -> int:
        """Width of the output layer: one logit, one logit for each class, or one value."""
        return self.data.classes if self.loss == "cross_entropy" else 1

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer with weights, the output layer last."""
        frozen = self.train.start_from.frozen if self.train.start_from else 0
        hidden = self.model.layers(self.data.inputs, frozen)
        last = hidden[-1].width if hidden else self.data.inputs
        return (*hidden, Layer(last, self.outputs, "none"))

    @property
    def degenerate(self) -> Problem | None:
        """Why nothing of the input would be left behind a layer: a unit that is normalised alone is its own mean.
        Experiments that were stored before this was refused still open.

        The last batch of an epoch may be a single sample, which PyTorch refuses: that step then trains the layers
        behind the normalisation alone."""
        if any(layer.norm == "layer" and layer.width == 1 for layer in self.layers):
            widths = list(self.model.widths)
            return Problem("model.hidden", widths, "conflict", expected="layer_norm_needs_two")
        normalised = any(layer.norm == "batch" and not layer.frozen for layer in self.layers)
        if normalised and self.train.batch_size == 1:
            return Problem("train.batch_size", 1, "conflict", expected="batch_norm_needs_two")
        return None

    @property
    def parameters(self) -> int:
        """Trainable parameters of one replicate."""
        return sum(layer.parameters for layer in self.layers if not layer.frozen)

    @property
    def frozen_parameters(self) -> int:
        """Parameters in the frozen layers of one replicate."""
        return sum(layer.parameters for layer in self.layers if layer.frozen)

    @property
    def sources(self) -> int:
        """The number of source experiments: its source, the source's source and so on."""
        return 1 + self.train.start_from.experiment.sources if self.train.start_from else 0

    def layers_shared(self, other: Experiment) -> int:
        """How many of the first hidden layers are the same in another experiment, so that their weights can be copied:
        inputs, width, activation, normalisation and skip connection. Dropout may differ."""
        mine, theirs = (one.model.layers(one.data.inputs) for one in (self, other))
        alike = (replace(a, dropout=0.0) == replace(b, dropout=0.0) for a, b in zip(mine, theirs, strict=False))
        return sum(takewhile(bool, alike))

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.data.sizes[0] / self.train.batch_size)

    def replicates(self, seeds: int) -> int:
        """How many networks a run with so many seeds trains: one for each seed, or for each seed and fold."""
        return seeds * max(1, self.data.folds)

    def training_sets(self, seeds: int) -> int:
        """How many sets of samples these networks are trained on: one, or one for each fold, for each seed that has
        data of its own, or both."""
        return max(1, self.data.folds) * (1 if self.data.per_seed == "weights" else seeds)

    def set(self, changes: Mapping[str, Any]) -> Self:
        """A new experiment with some fields changed, as `{"model.hidden": [64, 32]}`. A new `data.name` brings its own
        defaults."""
        if not isinstance(changes, Mapping):
            raise SpecError([Problem("experiment", changes, "type", expected="object")])
        # what does not change was checked before
        values: dict[str, Any] = {part: getattr(self, part) for part in PARTS}
        changed = {str(path).partition(".")[0] for path in changes}
        values |= {part: values[part].plain() for part in ("data", "model") if part in changed}
        values |= {"train": dict(self.train)} if "train" in changed else {}
        if "data.name" in changes and changes["data.name"] != self.data.name:
            # what the old data had by default follows the new data's defaults
            usual, ignored = DataSpec(name=self.data.name).plain(), OPTIONAL_FIELDS - self.data.facts.uses
            values["data"] = {k: v for k, v in values["data"].items() if v != usual.get(k) and k not in ignored}
            if "per_seed" in values["data"] and (facts := DATASETS.get(str(changes["data.name"]))):
                values["data"]["per_seed"] = facts.per_seed[0]
        for path, value in changes.items():
            if path not in FIELDS:
                raise SpecError([Problem(str(path), value, "unknown", choices=FIELDS)])
            part, _, name = path.partition(".")
            values[part][name] = value.tolist() if hasattr(value, "tolist") else value  # NumPy's too
        with stored_values() if self.degenerate else nullcontext():
            return self.of(values)

    def vary(self, knob: str, value: Any) -> Self:
        """A new experiment with one knob changed: a name in KNOBS or any dotted field name.

        `depth` leaves the width as it is (of the first hidden layer), `width` the depth, and `depth_same_size` the
        number of parameters, as nearly as one width for all layers allows. All three drop the settings of single
        layers. `n_samples` leaves the sizes of validation and test part as they are where seeds have data of their own
        (`data.per_seed`)."""
        path = KNOBS.get(knob, knob) if isinstance(knob, str) else ""
        if path not in FIELDS:
            raise SpecError([Problem("vary", knob, "choice", choices=tuple(KNOBS))])
        if knob == "depth":
            value = [self.knob("width")] * whole(knob, value, 0, MAX_DEPTH)
        elif knob == "depth_same_size":
            depth = whole(knob, value, 1, MAX_DEPTH)
            value = [self._width_of_same_size(depth)] * depth
        elif knob == "width":
            value = [whole(knob, value, 1, 4096)] * max(1, self.model.depth)
        elif path == "data.n_samples" and self.data.per_seed != "weights":
            return self.set(self._with_samples(knob, value))
        return self.set({path: value})

    def _with_samples(self, knob: str, value: Any) -> dict[str, Any]:
        """The changes for another number of samples, with validation and test part as large as they are."""
        data = self.data
        _, validation, test = data.sizes
        validation, test = 0 if data.folds else validation, 0 if data.facts.own_test else test
        least = max(10, math.ceil((validation + test) / 0.9), math.ceil(max(validation, test) / 0.8))
        n = whole(knob, value, least, data.max_samples)
        return {"data.n_samples": n, "data.validation": validation / n, "data.test": test / n}

    def _width_of_same_size(self, depth: int) -> int:
        """The width of `depth` layers that comes nearest to the present number of parameters."""
        least = 2 if self.model.norm == "layer" else 1  # see `degenerate`

        def parameters(width: int) -> int:  # unchecked: a comparison of 200 cells asks 2,400 times
            model = self.model.model_copy(update={"hidden": (width,) * depth})
            return self.model_copy(update={"model": model}).parameters

        enough = least + bisect_left(range(least, 4096), self.parameters, key=parameters)
        return min(enough, max(least, enough - 1), key=lambda width: abs(parameters(width) - self.parameters))

    def knob(self, knob: str) -> Any:
        """The value of a knob."""
        if knob in ("depth", "depth_same_size"):
            return self.model.depth
        if knob == "width":
            return (self.model.widths or (8,))[0]
        part, _, name = KNOBS.get(knob, knob).partition(".")
        return getattr(getattr(self, part), name)

    def __repr__(self) -> str:
        return f"Experiment({self.summary})"

    __str__ = __repr__

    @property
    def summary(self) -> str:
        """Data, network and training in a few words: `moons 200, 2-8-8-1 tanh, adam 0.01 × 50`."""
        data, train = self.data, self.train
        samples = f"{min(data.n_samples, data.max_samples)}"
        if data.term_names:
            samples += f" ({', '.join(data.term_names)})"
        widths = "-".join(map(str, (data.inputs, *(layer.width for layer in self.layers))))
        activation = f" {self.model.activation}" if self.model.hidden and self.model.activation != "none" else ""
        start = f", from {train.start_from}" if train.start_from else ""
        return f"{data.name} {samples}, {widths}{activation}, {train.optimizer} {train.lr:g} × {train.epochs}{start}"

    def to_query(self) -> dict[str, str]:
        """The parameters of a share link: the data's name and every field that differs from its default."""
        parts = self.short().items()
        return {f"{part}.{name}": link_text(value) for part, fields in parts for name, value in fields.items()}

    @classmethod
    def from_query(cls, params: Mapping[str, Any]) -> Self:
        """The experiment of a link; parameters without a dot in their names, as `seeds`, are not the experiment's and
        ignored. Raises SpecError."""
        values: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
        problems: list[Problem] = []
        for path, text in link_parameters(params).items():
            part, dot, name = path.partition(".")
            if not dot:
                continue
            try:
                if path not in FIELDS:
                    raise SpecError([Problem(path, text, "unknown", choices=FIELDS)])
                values[part][name] = from_link(path, single(path, text))
            except SpecError as error:
                problems += error.problems
        if problems:
            raise SpecError(problems)
        return cls.of(values)

    def short(self) -> dict[str, dict[str, Any]]:
        """As `plain`, without what has its default, but always with the data's name."""
        mine, usual = self.plain(), Experiment(data=DataSpec(name=self.data.name)).plain()
        differing = {
            part: {name: value for name, value in fields.items() if value != usual[part].get(name)}
            for part, fields in mine.items()
        }
        if self.data.labels:
            del differing["data"]["classes"]  # as many as labels
        if self.train.start_from:
            differing["train"]["start_from"] = self.train.start_from.short()
        differing["data"] = {"name": self.data.name, **differing["data"]}
        return {part: fields for part, fields in differing.items() if fields}


for _spec in (StartFrom, TrainSpec, Experiment):  # each needs the others' names
    _spec.model_rebuild()

PARTS: Mapping[str, type[Value]] = {"data": DataSpec, "model": ModelSpec, "train": TrainSpec}
FIELDS: tuple[str, ...] = tuple(f"{part}.{name}" for part, spec in PARTS.items() for name in spec.model_fields)
