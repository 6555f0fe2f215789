"""The training loop, the same for all engines: epochs, scores, early stopping, checkpoints.

    for epoch in train("activations", seeds=10):
        print(epoch.epoch, epoch.validation_score)  # (seeds,)

An engine (see `nnlab.engines.base`) passes over the data once and computes scores; everything else is here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets import Dataset, Part
from nnlab.engines import random_streams
from nnlab.engines.base import METRICS, Array, EngineProtocol, Epoch, Floats, Weights, single_thread
from nnlab.engines.choice import EngineName, engine_class, working_engine
from nnlab.spec import Experiment, replicates
from nnlab.spec.seeds import seeds_summary
from nnlab.training.checkpoint import PROGRESS, STATES, Arrays, pack, unpack
from nnlab.training.result import Result

CHECK_EVERY = 0.1  # seconds between two calls of `should_stop` within an epoch
LONG_EPOCH = 0.25  # seconds: after a shorter epoch the next one runs whole, without a copy of the engine to return to


class Training(Iterator[Epoch]):
    """One experiment under one or more seeds: iterate over it, an Epoch at a time.

    Parameters
    ----------
    dataset : Dataset
        The experiment's data for these seeds; one of its sets is a data set too.
    start : dict of arrays (replicates, ...), optional
        The weights the training starts from, see `transfer.first_weights`. Ignored with a checkpoint.
    checkpoint : bytes, optional
        From `checkpoint()` of an earlier Training: continues from there, bit for bit. Its experiment may differ in
        `train.epochs`, which adds (or removes) epochs.
    should_stop : callable, optional
        Called between epochs, and about ten times a second within long ones. When it returns True, the current epoch
        is undone and the iteration ends; iterating again continues there.

    Raises
    ------
    ValueError
        If the checkpoint is invalid, or belongs to another experiment or other seeds, or to an engine that is missing
        here; if there is neither a checkpoint nor `start`; if the data are those of other seeds.
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
        self.folds = experiment.data.folds  # per seed; 0 for hold-out
        self.epoch = 0  # completed epochs
        self.seconds = 0.0  # training time so far, including that before a checkpoint
        self.history: list[Epoch] = []  # since the start or the checkpoint
        count = len(self.seeds) * max(1, self.folds)
        self.best_epoch: NDArray[np.int64] = np.zeros(count, np.int64)
        """(replicates,) The epoch of the lowest validation loss so far (training loss where there is no validation
        part); 0 where no loss was finite yet."""
        self.stopped_after: NDArray[np.int64] = np.zeros(count, np.int64)
        """(replicates,) The epoch after which early stopping ended a replicate; 0 before that."""
        self._best_loss: Floats = np.full(count, np.inf)
        arrays: Arrays | None = None
        self.engine_used: EngineName
        """The engine that trains; after a checkpoint, the one that began."""
        if checkpoint is None:
            self.engine_used = working_engine(experiment)
        else:
            self.engine_used, self.epoch, self.seconds, arrays = unpack(checkpoint, experiment, self.seeds)
            start = arrays["weights"]
        if start is None:
            raise ValueError("start: got None, allowed is weights or a checkpoint.")
        if (sets := len(dataset.training_sets)) not in (1, allowed := experiment.training_sets(len(self.seeds))):
            raise ValueError(f"dataset: got {sets} sets of samples, allowed is {allowed}: load those of these seeds.")
        sizes = np.array([len(one.train) for one in dataset.training_sets])
        engine, seeds = engine_class(self.engine_used), [seed for seed, _ in replicates(self.seeds, self.folds)]
        self._groups = [
            _Group(engine, experiment, seeds, dataset, np.flatnonzero(sizes == size).tolist(), start)
            for size in dict.fromkeys(sizes.tolist())
        ]
        self._best = {name: array.copy() for name, array in start.items()}
        if arrays is not None:
            for name, group in zip(STATES, self._groups, strict=False):
                group.engine.load(group.own(arrays["weights"]), arrays[name])
            self._best = arrays["best"]
            self.best_epoch, self._best_loss, self.stopped_after = (arrays[""][name] for name in PROGRESS)

    def __repr__(self) -> str:
        return f"Training({self.experiment.summary}, {seeds_summary(self.seeds)}, epoch {self.epoch})"

    @property
    def engine(self) -> EngineProtocol:
        """The engine; under k-fold that of the first folds, and of all of them if they have the same size."""
        return self._groups[0].engine

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or early stopping has ended every replicate."""
        train = self.experiment.train
        return self.epoch >= train.epochs or (train.patience > 0 and bool(self.stopped_after.all()))

    def __iter__(self) -> Training:
        return self

    @single_thread()
    def __next__(self) -> Epoch:
        if self.finished or (self._should_stop is not None and self._should_stop()):
            raise StopIteration
        began = time.perf_counter()
        active = self.stopped_after == 0  # (replicates,)
        rate = self._run_epoch(active)
        if rate is None:
            raise StopIteration
        self.epoch += 1

        figures = self._scores(active)
        self._update_best(figures[2 if self._groups[0].validation else 0], active)
        if self.experiment.train.patience:
            figures = [np.where(active, values, np.nan) for values in figures]

        seconds = time.perf_counter() - began
        self.seconds += seconds
        measured = dict(zip(METRICS, figures, strict=True))
        one = Epoch(epoch=self.epoch, seeds=self.seeds, lr=rate, seconds=seconds, folds=self.folds, **measured)
        self.history.append(one)
        return one

    def _run_epoch(self, active: NDArray[np.bool_]) -> float | None:
        """Run the next epoch and return the learning rate of its last step; None if `should_stop` ended it early. The
        engines are then as they were before it."""
        short = bool(self.history) and self.history[-1].seconds < LONG_EPOCH
        should_stop = None if short else self._should_stop
        before = [(group.engine.weights(), group.engine.state()) for group in self._groups] if should_stop else []
        epoch, complete = self.epoch + 1, False
        rates = [random_streams.learning_rates(self.experiment.train, group.steps, epoch) for group in self._groups]
        try:
            complete = all(
                group.run_epoch(epoch, own, active[group.places], should_stop)
                for group, own in zip(self._groups, rates, strict=True)
            )
        finally:
            if not complete:
                for group, saved in zip(self._groups, before, strict=False):
                    group.engine.load(*saved)
        return float(rates[-1][-1]) if complete else None

    def _scores(self, active: NDArray[np.bool_]) -> list[Floats]:
        """The METRICS, (replicates,) each."""
        each = [group.scores(active[group.places]) for group in self._groups]
        return [self._join(values) for values in zip(*each, strict=True)]

    def _join(self, each: Sequence[Array]) -> Array:
        """The replicates of all groups in their order."""
        if len(each) == 1:
            return each[0]
        joined = np.empty((len(self.best_epoch), *each[0].shape[1:]), each[0].dtype)
        for group, values in zip(self._groups, each, strict=True):
            joined[group.places] = values
        return joined

    def _update_best(self, loss: Floats, active: NDArray[np.bool_]) -> None:
        better = active & (loss < self._best_loss)  # never where the loss is nan
        if better.any():
            self._best_loss[better] = loss[better]
            self.best_epoch[better] = self.epoch
            weights = self.weights()
            if better.all():
                self._best = weights
            else:
                for name, array in weights.items():
                    self._best[name][better] = array[better]
        if patience := self.experiment.train.patience:
            self.stopped_after[active & (self.epoch - self.best_epoch >= patience)] = self.epoch

    def result(self) -> Result:
        """Train to the end."""
        for _ in self:
            pass
        best, history = self.best_epoch.copy(), tuple(self.history)
        how = self.experiment, self.seeds, self.dataset, self.engine_used
        return Result(*how, self.final_weights(), best, self.epoch, self.seconds, history)

    def weights(self) -> Weights:
        """A copy of the current weights (replicates, ...)."""
        each = [group.engine.weights() for group in self._groups]
        return {name: self._join([weights[name] for weights in each]) for name in each[0]}

    def best_weights(self) -> Weights:
        """A copy of the weights (replicates, ...) of `best_epoch`."""
        return {name: array.copy() for name, array in self._best.items()}

    def final_weights(self) -> Weights:
        """The weights a training ends with: the current ones; with patience those of `best_epoch`, whether a replicate
        stopped early or not. One without a finite loss has no best epoch and ends with its current weights."""
        return self._weights_with_best(self.final_epoch != self.last_epoch)

    def weights_so_far(self) -> Weights:
        """The current weights; of replicates that early stopping has ended, their final ones."""
        return self._weights_with_best((self.stopped_after > 0) & (self.final_epoch != self.last_epoch))

    def _weights_with_best(self, back: NDArray[np.bool_]) -> Weights:
        weights = self.weights()
        for name, array in weights.items():
            array[back] = self._best[name][back]
        return weights

    @property
    def final_epoch(self) -> NDArray[np.int64]:
        """(replicates,) The epoch that `final_weights` are of."""
        back = (self.best_epoch > 0) & (self.experiment.train.patience > 0)
        return np.where(back, self.best_epoch, self.last_epoch)

    @property
    def last_epoch(self) -> NDArray[np.int64]:
        """(replicates,) The last epoch of each: where early stopping ended it, or the current one."""
        return np.where(self.stopped_after > 0, self.stopped_after, self.epoch)

    def checkpoint(self) -> bytes:
        """Everything that `Training(..., checkpoint=...)` needs to continue, as safetensors."""
        progress = dict(zip(PROGRESS, (self.best_epoch, self._best_loss, self.stopped_after), strict=True))
        arrays: Arrays = {"": progress, "weights": self.weights(), "best": self._best}
        arrays |= {name: group.engine.state() for name, group in zip(STATES, self._groups, strict=False)}
        return pack(arrays, self.experiment, self.engine_used, self.seeds, self.epoch, self.seconds)


class _Group:
    """Replicates whose training parts have one size, which one engine can train: all of them for hold-out,
    at most two groups of folds. `seeds` are those of all replicates, `chosen` the sets of this size."""

    def __init__(
        self,
        engine: type[EngineProtocol],
        experiment: Experiment,
        seeds: Sequence[int],
        dataset: Dataset,
        chosen: Sequence[int],
        weights: Weights,
    ) -> None:
        self.places = np.arange(len(seeds)).reshape(-1, len(dataset.training_sets))[:, chosen].ravel()
        """Among all replicates."""
        if dataset.sets:
            dataset = replace(dataset, sets=tuple(dataset.sets[i] for i in chosen))
        sets = dataset.training_sets
        self.train = tuple(_scored_part(one.train, experiment.data.seed) for one in sets)
        """The samples on which training scores are computed, one part a set."""
        self.validation = tuple(one.validation for one in sets if len(one.validation))
        self.steps = math.ceil(len(sets[0].train) / experiment.train.batch_size)  # of an epoch
        self.engine = engine(experiment, tuple(seeds[int(i)] for i in self.places), dataset, self.own(weights))
        self.step_seconds = math.inf  # of the last piece of an epoch

    def run_epoch(
        self, epoch: int, rates: Floats, active: NDArray[np.bool_], should_stop: Callable[[], bool] | None
    ) -> bool:
        """Train for an epoch, whole or, with `should_stop`, in pieces between which it is called. Whether the epoch is
        complete."""
        first = 0
        while first < len(rates):
            if first and should_stop and should_stop():
                return False
            steps = max(1, int(CHECK_EVERY / self.step_seconds)) if should_stop else len(rates)
            piece, began = rates[first : first + steps], time.perf_counter()
            self.engine.run_steps(epoch, first, piece, active)
            self.step_seconds = max(1e-9, time.perf_counter() - began) / len(piece)
            first += len(piece)
        return True

    def scores(self, active: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, Floats]:
        """The METRICS of these replicates; nan where there is no validation part."""
        train = self.engine.scores(self.train, active)
        if self.validation:
            return *train, *self.engine.scores(self.validation, active)
        nothing = np.full(len(active), np.nan)
        return *train, nothing, nothing

    def own(self, weights: Weights) -> Weights:
        """The weights of these replicates among those of all."""
        return {name: array[self.places] for name, array in weights.items()}


def _scored_part(part: Part, data_seed: int) -> Part:
    """The part, or 5,000 samples of a larger one."""
    rows = random_streams.scored_samples(data_seed, len(part))
    if len(rows) == len(part):
        return part
    return part.take(rows)
