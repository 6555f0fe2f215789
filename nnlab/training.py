"""Training, whatever the engine: epochs, scores, early stopping, checkpoints.

    for epoch in train("activations", seeds=10):
        print(epoch.epoch, epoch.validation_score)  # (seeds,)

An engine (PyTorch's in `nnlab.torch_engine`, the readable one in `nnlab.scratch`) makes one pass over the data and
measures; everything around that is here, once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as _load_arrays
from safetensors.numpy import save as _save_arrays

from nnlab import draws
from nnlab.datasets import Dataset, Part, PartName, Rows, load_dataset
from nnlab.presets import presets
from nnlab.problems import Problem, SpecError
from nnlab.spec import Experiment, as_seeds, replicates
from nnlab.transfer import first_weights

METRICS = ("train_loss", "train_score", "validation_loss", "validation_score")
"""What every epoch measures. Score: accuracy (0 to 1) for classes, mean squared error for regression."""

Weights = dict[str, NDArray[np.float32]]
"""Arrays (seeds, ...) by the names of `nnlab.draws`. With folds every axis of seeds is one of replicates, here and
everywhere: fold after fold, seed by seed."""
Floats = NDArray[np.float64]

LOOK_EVERY = 0.1
"""Seconds between two looks, within an epoch, at whether training should stop."""
LONG = 0.25
"""Seconds: an epoch after one that took less is not looked into, so it need not be kept ready to be undone."""


class EngineProtocol(Protocol):
    """What an engine does for a Training. It keeps the replicates' weights and the optimizer's state. Where the data
    has folds, every seed trains one replicate a fold; the folds' parts are then of one size."""

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, weights: Weights) -> None: ...

    def run_epoch(self, epoch: int, rates: Iterable[float]) -> None:
        """One pass over the training part; the first epoch is 1. Order and dropout as in `draws`. The learning rate of
        a step is taken from `rates` just before it; what that raises ends the pass."""

    def scores(self, *parts: Part) -> tuple[Floats, Floats]:
        """Loss and score (seeds,) of a part that is not empty (of every fold, where there are folds), in evaluation
        mode. `rates` may ask for them too."""

    def weights(self) -> Weights:
        """Copies."""

    def state(self) -> dict[str, NDArray[Any]]:
        """The optimizer's state: copies."""

    def load(self, weights: Weights, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from here."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. Arrays are (seeds,), nan where there is no validation part or the replicate had
    stopped before."""

    epoch: int
    seeds: tuple[int, ...]
    train_loss: Floats
    """Measured after the epoch, in evaluation mode, on the training part (on 5,000 of it where it is larger), so
    that the gap to validation compares like with like."""
    train_score: Floats
    validation_loss: Floats
    validation_score: Floats
    lr: float
    """Of the epoch's last step."""
    seconds: float
    """All replicates together, measuring included."""
    folds: int = 0
    """Of every seed; 0 for hold-out."""


class Training(Iterator[Epoch]):
    """One experiment under one or more seeds, trained together: iterate over it, an Epoch at a time.

    Parameters
    ----------
    experiment : Experiment
    seeds : number of seeds (`10` is 0 to 9) or the seeds
    dataset : the data, where it is at hand; else `load_dataset(experiment.data)`
    checkpoint : what `checkpoint()` of an earlier Training gave: goes on from there, bit for bit. Its experiment may
        differ in `train.epochs`, which adds (or takes away) epochs.
    source : where `train.start_from` names an experiment, its final weights (seeds, ...) where they are at hand; else
        it is trained first
    should_stop : asked between epochs, and about ten times a second within long ones. Once it says True the epoch is
        abandoned as if it had never begun, and the iteration ends; it goes on there if iterated over again.

    Raises
    ------
    SpecError
        If the seeds cannot be.
    ValueError
        If the checkpoint is not one, or belongs to another experiment or other seeds.
    SourceStopped
        If `should_stop` says True while what it starts from is being trained.
    """

    def __init__(
        self,
        experiment: Experiment,
        seeds: int | Iterable[int] = 1,
        *,
        dataset: Dataset | None = None,
        checkpoint: bytes | None = None,
        source: Mapping[str, NDArray[Any]] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.experiment, self.seeds = experiment, as_seeds(seeds)
        self._should_stop = should_stop
        self.dataset = load_dataset(experiment.data) if dataset is None else dataset
        self.folds = len(self.dataset.folds)
        """Of every seed; 0 for hold-out."""

        count = len(self.seeds) * max(1, self.folds)
        self.epoch = 0
        """Epochs done."""
        self.seconds = 0.0
        """Training time so far, of earlier sittings too."""
        self.history: list[Epoch] = []
        """The epochs of this sitting."""
        self.best_epoch: NDArray[np.int64] = np.zeros(count, np.int64)
        """(seeds,) The epoch of the lowest validation loss so far (training loss where there is no validation part);
        0 where no loss was finite yet."""
        self.stopped_after: NDArray[np.int64] = np.zeros(count, np.int64)
        """(seeds,) The epoch after which early stopping ended a replicate; 0 while it goes on."""
        self._best_loss: Floats = np.full(count, np.inf)
        if checkpoint is None:
            start = first_weights(experiment, self.seeds, self.folds, source=source, should_stop=should_stop)
        else:
            start = draws.stacked_weights(experiment, [one.seed for one in replicates(self.seeds, self.folds)])
        self._groups = tuple(_Group(experiment, self.seeds, *some, start) for some in _of_one_size(self.dataset))
        self._best = start
        if checkpoint is not None:
            self._resume(checkpoint)

    @property
    def engine(self) -> EngineProtocol:
        """What trains; under k-fold what trains the first folds, and all of them where they are of one size."""
        return self._groups[0].engine

    # the loop

    @property
    def finished(self) -> bool:
        return self.epoch >= self.experiment.train.epochs or bool(self.stopped_after.all())

    def __iter__(self) -> Training:
        return self

    def __next__(self) -> Epoch:
        if self.finished or (self._should_stop is not None and self._should_stop()):
            raise StopIteration
        began = time.perf_counter()
        try:
            rate = self._run_epoch()
        except _Abandoned:
            raise StopIteration from None
        self.epoch += 1

        going = self.stopped_after == 0  # (seeds,); a stopped replicate is carried along, but no longer looked at
        train_loss, train_score = self._scores("train")
        if held_out := len(self._groups[0].validation[0]) > 0:
            validation_loss, validation_score = self._scores("validation")
        else:
            validation_loss = validation_score = np.full(len(going), np.nan)
        self._keep_best(validation_loss if held_out else train_loss, going)

        seconds = time.perf_counter() - began
        self.seconds += seconds
        self.history.append(
            Epoch(
                epoch=self.epoch,
                seeds=self.seeds,
                train_loss=np.where(going, train_loss, np.nan),
                train_score=np.where(going, train_score, np.nan),
                validation_loss=np.where(going, validation_loss, np.nan),
                validation_score=np.where(going, validation_score, np.nan),
                lr=rate,
                seconds=seconds,
                folds=self.folds,
            )
        )
        return self.history[-1]

    def _run_epoch(self) -> float:
        """The next epoch, and the learning rate of its last step; one that is broken off, however that comes, leaves
        the engines as they were."""
        train, epoch = self.experiment.train, self.epoch + 1
        rates = [draws.learning_rates(train, group.steps, epoch).tolist() for group in self._groups]
        engines = [group.engine for group in self._groups]
        if self._should_stop is None or (self.history and self.history[-1].seconds < LONG):
            for engine, its_rates in zip(engines, rates, strict=True):
                engine.run_epoch(epoch, its_rates)
        else:
            before = [(engine.weights(), engine.state()) for engine in engines]
            try:
                for engine, its_rates in zip(engines, rates, strict=True):
                    engine.run_epoch(epoch, self._watched(its_rates, self._should_stop))
            except BaseException:
                for engine, (weights, state) in zip(engines, before, strict=True):
                    engine.load(weights, state)
                raise
        return float(rates[-1][-1])

    def _scores(self, part: Literal["train", "validation"]) -> tuple[Floats, Floats]:
        """Loss and score of every replicate."""
        each = [group.engine.scores(*getattr(group, part)) for group in self._groups]
        losses, scores = zip(*each, strict=True)
        return self._together(losses), self._together(scores)

    def _together(self, each: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The replicates of all groups in their order."""
        if len(each) == 1:
            return each[0]
        joined = np.empty((len(self.best_epoch), *each[0].shape[1:]), each[0].dtype)
        for group, values in zip(self._groups, each, strict=True):
            joined[group.places] = values
        return joined

    def _watched(self, rates: list[float], should_stop: Callable[[], bool]) -> Iterator[float]:
        """The rates, with a look now and then at whether to go on: each step asks the clock, in less than 0.1 µs."""
        look = time.perf_counter() + LOOK_EVERY
        for rate in rates:
            if time.perf_counter() >= look:
                if should_stop():
                    raise _Abandoned
                look = time.perf_counter() + LOOK_EVERY
            yield rate

    def _keep_best(self, loss: Floats, going: NDArray[np.bool_]) -> None:
        better = going & (loss < self._best_loss)  # never where the loss is nan
        if better.any():
            self._best_loss[better] = loss[better]
            self.best_epoch[better] = self.epoch
            for name, array in self.weights().items():
                self._best[name][better] = array[better]
        patience = self.experiment.train.patience
        if patience:
            self.stopped_after[going & (self.epoch - self.best_epoch >= patience)] = self.epoch

    def result(self) -> Result:
        """Train to the end."""
        for _ in self:
            pass
        return Result(self)

    # weights

    def weights(self) -> Weights:
        """The present weights (seeds, ...), copies."""
        each = [group.engine.weights() for group in self._groups]
        return {name: self._together([weights[name] for weights in each]) for name in each[0]}

    def best_weights(self) -> Weights:
        """The weights of `best_epoch`, copies."""
        return {name: array.copy() for name, array in self._best.items()}

    def final_weights(self) -> Weights:
        """The present weights, but a replicate that stopped early has its best ones."""
        weights, stopped = self.weights(), self.stopped_after > 0
        for name, array in weights.items():
            array[stopped] = self._best[name][stopped]
        return weights

    # pause and resume

    def checkpoint(self) -> bytes:
        """Everything needed to go on, as safetensors."""
        arrays: dict[str, NDArray[Any]] = {
            "best_epoch": self.best_epoch,
            "best_loss": self._best_loss,
            "stopped_after": self.stopped_after,
        }
        arrays |= {f"weights/{name}": array for name, array in self.weights().items()}
        arrays |= {f"best/{name}": array for name, array in self._best.items()}
        for i, group in enumerate(self._groups):
            arrays |= {f"{_STATES[i]}/{name}": array for name, array in group.engine.state().items()}
        about = {
            "experiment": self.experiment.to_json(),
            "seeds": json.dumps(self.seeds),
            "folds": str(self.folds),
            "epoch": str(self.epoch),
            "seconds": repr(self.seconds),
        }
        return _save_arrays({name: np.asarray(a, order="C") for name, a in arrays.items()}, metadata=about)

    def _resume(self, checkpoint: bytes) -> None:
        try:
            arrays = _load_arrays(checkpoint)
            about = json.loads(checkpoint[8 : 8 + int.from_bytes(checkpoint[:8], "little")])["__metadata__"]
            theirs, seeds = Experiment.from_json(about["experiment"]), tuple(json.loads(about["seeds"]))
            epoch, seconds, folds = int(about["epoch"]), float(about["seconds"]), int(about.get("folds", 0))
            groups: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in ("weights", "best", *_STATES, "")}
            for name, array in arrays.items():
                group, slash, rest = name.partition("/")
                groups[group if slash else ""][rest if slash else name] = array
            best_epoch, best_loss, stopped_after = (groups[""][n] for n in ("best_epoch", "best_loss", "stopped_after"))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError("checkpoint: this is not a checkpoint of nnlab.") from error
        ours = self.experiment
        if theirs.set({"train.epochs": ours.train.epochs}) != ours:
            raise ValueError(
                "checkpoint: it was made by another experiment, allowed is one that differs in train.epochs alone."
            )
        if seeds != self.seeds:
            raise ValueError(f"checkpoint: it was made with seeds {list(seeds)}, not with {list(self.seeds)}.")
        if folds != self.folds:
            raise ValueError(f"checkpoint: it was made with {folds} folds, not with {self.folds}.")
        for one, state in zip(self._groups, _STATES, strict=False):
            one.engine.load({name: array[one.places] for name, array in groups["weights"].items()}, groups[state])
        self._best = groups["best"]
        self.best_epoch, self._best_loss, self.stopped_after = best_epoch, best_loss, stopped_after
        self.epoch, self.seconds = epoch, seconds


_STATES = ("state", "state of the second group")
"""Under which names a checkpoint has what the groups' optimizers remember."""


class _Group:
    """Replicates that train stacked, in one engine: those whose training parts are of one size. Hold-out is one group,
    folds are at most two."""

    def __init__(
        self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, folds: slice, weights: Weights
    ) -> None:
        sets, size = dataset.training_sets, len(next(iter(weights.values())))
        self.places: NDArray[np.int64] = np.arange(size).reshape(len(seeds), -1)[:, folds].ravel()
        """Which of all replicates they are."""
        self.train = tuple(_sample(one.train, experiment.data.seed) for one in sets)
        """What training scores are measured on, one part a fold."""
        self.validation = tuple(one.validation for one in sets)
        self.steps = math.ceil(len(sets[0].train) / experiment.train.batch_size)
        """Of an epoch."""
        self.engine: EngineProtocol = _engine(experiment)(
            experiment, seeds, dataset, {name: array[self.places] for name, array in weights.items()}
        )


def _of_one_size(dataset: Dataset) -> list[tuple[Dataset, slice]]:
    """The data set, or its folds by the size of their training parts, and which folds those are: the first few have a
    sample less."""
    if not dataset.folds:
        return [(dataset, slice(None))]
    sizes = [len(fold.train) for fold in dataset.folds]
    few = sizes.index(sizes[-1])
    cuts = [one for one in (slice(0, few), slice(few, len(sizes))) if one.start < one.stop]
    return [(replace(dataset, folds=dataset.folds[cut]), cut) for cut in cuts]


class _Abandoned(Exception):
    """Ends an epoch in the middle."""


def train(
    experiment: Experiment | str,
    seeds: int | Iterable[int] = 1,
    *,
    dataset: Dataset | None = None,
    checkpoint: bytes | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Training:
    """A Training of an experiment, or of the preset of that name: iterate over it, or call `.result()`.

    It takes one core: small networks do not gain from a second, and lose tenfold where the second is busy.
    Raises SpecError if there is no such preset or the seeds cannot be."""
    if isinstance(experiment, str):
        if experiment not in presets:
            raise SpecError([Problem("experiment", experiment, "choice", choices=tuple(presets))])
        experiment = presets[experiment]
    return Training(experiment, seeds, dataset=dataset, checkpoint=checkpoint, should_stop=should_stop)


class Result:
    """What a finished Training came to."""

    def __init__(self, training: Training) -> None:
        self.experiment, self.seeds, self.dataset = training.experiment, training.seeds, training.dataset
        self.folds = training.folds
        self.stacked = training.final_weights()
        """The final weights of all replicates, arrays (seeds, ...)."""
        self.best_epoch = training.best_epoch.copy()
        """(seeds,) See Training."""
        self.epochs, self.seconds = training.epoch, training.seconds
        self._history = tuple(training.history)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row an epoch and seed: epoch, seed (with folds also fold, from 0), the METRICS, lr, seconds (of all
        replicates together)."""
        return metrics_frame(self._history)

    def weights(self, seed: int, fold: int = 0) -> Weights:
        """One replicate's weights. Raises ValueError if that seed or fold was not trained."""
        if seed not in self.seeds:
            raise ValueError(f"seed: got {seed}, allowed is one of {', '.join(map(str, self.seeds))}.")
        folds = max(1, self.folds)
        if not 0 <= fold < folds:
            raise ValueError(f"fold: got {fold}, allowed is from 0 to {folds - 1}.")
        place = self.seeds.index(seed) * folds + fold
        return {name: array[place] for name, array in self.stacked.items()}

    def evaluate(self, part: PartName = "test") -> dict[str, Floats] | None:
        """Loss and accuracy, or loss, mse, mae and r2, each (seeds,), of a part; None where the part is empty."""
        from nnlab.evaluation import evaluate

        return evaluate(self.experiment, self.stacked, self.dataset, part)

    def predict(self, x: ArrayLike) -> Floats:
        """Raw inputs (n, inputs) to (seeds, n, outputs): probabilities of the classes (of class 1 alone where one
        logit decides between two), or values in raw units."""
        from nnlab.evaluation import predict

        return predict(self.experiment, self.stacked, self.dataset, x)


def metrics_frame(epochs: Iterable[Epoch]) -> pd.DataFrame:
    """Epochs as a tidy table: one row an epoch and seed (and fold), with columns epoch, seed, (fold,) the METRICS, lr,
    seconds."""
    epochs = list(epochs)
    names = [f.name for f in fields(Epoch) if f.name not in ("epoch", "seeds", "folds")]
    each = [replicates(epoch.seeds, epoch.folds) for epoch in epochs]
    counts = [len(some) for some in each]
    columns: dict[str, Any] = {
        "epoch": np.repeat(np.array([epoch.epoch for epoch in epochs], np.int64), counts),
        "seed": np.array([one.seed for some in each for one in some], np.int64),
    }
    if any(epoch.folds for epoch in epochs):
        columns["fold"] = np.array([one.fold for some in each for one in some], np.int64)
    for name in names:
        values = [np.broadcast_to(getattr(epoch, name), count) for epoch, count in zip(epochs, counts, strict=True)]
        columns[name] = np.concatenate(values) if values else np.empty(0)
    return pd.DataFrame(columns)


def _engine(experiment: Experiment) -> type[EngineProtocol]:
    if experiment.train.engine == "numpy":
        from nnlab.scratch import NumpyEngine

        return NumpyEngine
    from nnlab.torch_engine import TorchEngine

    return TorchEngine


def _sample(part: Part, data_seed: int) -> Part:
    """The samples on which the training scores are measured."""
    rows = draws.scored_samples(data_seed, len(part))
    if len(rows) == len(part):
        return part
    x = Rows(part.x.whole, part.x.rows[rows]) if isinstance(part.x, Rows) else part.x[rows]
    return Part(x, part.y[rows])
