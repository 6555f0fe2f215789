"""Training, whatever the engine: epochs, scores, early stopping, checkpoints.

    for epoch in train("activations", seeds=10):
        print(epoch.epoch, epoch.validation_score)  # (seeds,)

An engine (PyTorch's in `nnlab.engines.torch_engine`, the readable one in `nnlab.scratch`) makes one pass over the data and
measures; everything around that is here, once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as _load_arrays
from safetensors.numpy import save as _save_arrays

from nnlab.datasets import Dataset, Part, Rows
from nnlab.engines import random_streams
from nnlab.engines.base import EngineProtocol, Epoch, Floats, Weights
from nnlab.spec import Experiment
from nnlab.training.result import Result

LOOK_EVERY = 0.1
"""Seconds between two looks, within an epoch, at whether training should stop."""


LONG = 0.25
"""Seconds: an epoch after one that took less is not looked into, so it need not be kept ready to be undone."""


class Training(Iterator[Epoch]):
    """One experiment under one or more seeds, trained together: iterate over it, an Epoch at a time.

    Parameters
    ----------
    experiment : Experiment
    seeds : sequence of int
    dataset : Dataset
        The experiment's data; one of its folds is a data set too.
    start : dict of arrays (replicates, ...), optional
        The weights the training starts from, as `transfer.first_weights` makes them. Not used with a checkpoint.
    checkpoint : bytes, optional
        From `checkpoint()` of an earlier Training: continues from there, bit for bit. Its experiment may differ in
        `train.epochs`, which adds (or removes) epochs.
    should_stop : asked between epochs, and about ten times a second within long ones. Once it says True the epoch is
        abandoned as if it had never begun, and the iteration ends; it goes on there if iterated over again.

    Raises
    ------
    ValueError
        If the checkpoint is invalid, or belongs to another experiment or other seeds; if there is neither a checkpoint
        nor `start`.
    """

    def __init__(
        self,
        experiment: Experiment,
        seeds: Sequence[int],
        dataset: Dataset,
        *,
        start: Weights | None = None,
        checkpoint: bytes | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.experiment, self.seeds, self.dataset = experiment, tuple(seeds), dataset
        self._should_stop = should_stop
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
        if checkpoint is not None:
            saved = _Checkpoint(checkpoint)
            saved.check(experiment, self.seeds, self.folds)
            start = saved.arrays["weights"]
        elif start is None:
            raise ValueError("start: got None, allowed is weights or a checkpoint.")
        self._groups = tuple(_Group(experiment, self.seeds, *some, start) for some in _of_one_size(self.dataset))
        self._best = {name: array.copy() for name, array in start.items()}
        if checkpoint is not None:
            self._resume(saved)

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
        rates = [random_streams.learning_rates(train, group.steps, epoch).tolist() for group in self._groups]
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
        return Result(
            experiment=self.experiment,
            seeds=self.seeds,
            dataset=self.dataset,
            stacked=self.final_weights(),
            best_epoch=self.best_epoch.copy(),
            epochs=self.epoch,
            seconds=self.seconds,
            history=tuple(self.history),
        )

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

    def _resume(self, saved: _Checkpoint) -> None:
        for group, state in zip(self._groups, _STATES, strict=False):
            own = {name: array[group.places] for name, array in saved.arrays["weights"].items()}
            group.engine.load(own, saved.arrays[state])
        self._best = saved.arrays["best"]
        whole = saved.arrays[""]
        self.best_epoch, self._best_loss, self.stopped_after = (whole[name] for name in _WHOLE)
        self.epoch, self.seconds = saved.epoch, saved.seconds


_STATES = ("state", "state of the second group")
"""Under which names a checkpoint has what the groups' optimizers remember."""


_WHOLE = ("best_epoch", "best_loss", "stopped_after")
"""A checkpoint's arrays over all replicates that are not weights."""


class _Checkpoint:
    """The parsed content of a checkpoint. Raises ValueError if it is not one."""

    def __init__(self, content: bytes) -> None:
        self.arrays: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in ("weights", "best", *_STATES, "")}
        """By group and name; the group "" holds the arrays of `_WHOLE`."""
        try:
            about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            self.experiment = Experiment.from_json(about["experiment"])
            self.seeds, self.folds = tuple(json.loads(about["seeds"])), int(about.get("folds", 0))
            self.epoch, self.seconds = int(about["epoch"]), float(about["seconds"])
            for name, array in _load_arrays(content).items():
                group, slash, rest = name.partition("/")
                self.arrays[group if slash else ""][rest if slash else name] = array
            if not self.arrays["weights"] or not all(name in self.arrays[""] for name in _WHOLE):
                raise KeyError("arrays are missing")
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError("checkpoint: this is not a checkpoint of nnlab.") from error

    def check(self, experiment: Experiment, seeds: tuple[int, ...], folds: int) -> None:
        """Raises ValueError if it was made by another experiment, or with other seeds or folds."""
        if self.experiment.set({"train.epochs": experiment.train.epochs}) != experiment:
            raise ValueError(
                "checkpoint: it was made by another experiment, allowed is one that differs in train.epochs alone."
            )
        if self.seeds != seeds:
            raise ValueError(f"checkpoint: it was made with seeds {list(self.seeds)}, not with {list(seeds)}.")
        if self.folds != folds:
            raise ValueError(f"checkpoint: it was made with {self.folds} folds, not with {folds}.")


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


def _engine(experiment: Experiment) -> type[EngineProtocol]:
    if experiment.train.engine == "numpy":
        from nnlab.engines.numpy_engine import NumpyEngine

        return NumpyEngine
    from nnlab.engines.torch_engine import TorchEngine

    return TorchEngine


def _sample(part: Part, data_seed: int) -> Part:
    """The samples on which the training scores are measured."""
    rows = random_streams.scored_samples(data_seed, len(part))
    if len(rows) == len(part):
        return part
    x = Rows(part.x.whole, part.x.rows[rows]) if isinstance(part.x, Rows) else part.x[rows]
    return Part(x, part.y[rows])
