"""The engine that trains any experiment with the modules of this package, many seeds at once.

`nnlab.training.Training` owns the epochs, early stopping and checkpoints; an engine makes one pass over the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from nnlab import draws
from nnlab.datasets.base import Dataset, Part, Scaling
from nnlab.scratch.core import Array, LogSoftmax, Sequential, flatten, train
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.modules import BatchNorm, Dropout, Frozen
from nnlab.scratch.network import build, chunks, named_arrays
from nnlab.scratch.optimizers import OPTIMIZERS
from nnlab.spec import Experiment

Floats = NDArray[np.float64]


class NumpyEngine:
    """Trains one network a seed, side by side: every array has a leading axis of seeds.

    Parameters
    ----------
    experiment, seeds, dataset : what is trained
    weights : where it starts, as `draws.stacked_weights` makes them; they are copied
    """

    def __init__(
        self, experiment: Experiment, seeds: Sequence[int], dataset: Dataset, weights: Mapping[str, Array]
    ) -> None:
        self.experiment, self.seeds, self.scaling = experiment, tuple(seeds), dataset.scaling
        self.layers = experiment.layers
        network = build(self.layers, {name: np.array(value) for name, value in weights.items()})
        ending = [LogSoftmax()] if experiment.loss == "cross_entropy" else []
        first = sum(layer.frozen for layer in self.layers)  # the first layer that learns
        frozen, learned = Frozen(*network.modules[:first]), Sequential(*network.modules[first:], *ending)
        self.network = Sequential(frozen, learned) if first else learned
        self.loss = LOSSES[experiment.loss]()
        self.optimizer = OPTIMIZERS[experiment.train.optimizer](*flatten(learned), experiment.train.l2)
        self.arrays = named_arrays(network)
        self.training = True
        self.modes = [part for part in self.network.parts() if isinstance(part, (BatchNorm, Dropout)) and part.training]
        self.dropouts = [
            (i, part) for i, layer in enumerate(network.modules) for part in layer.parts() if isinstance(part, Dropout)
        ]
        self.batches = Batches(dataset.train, dataset.scaling, targets(experiment, dataset.train))

    def run_epoch(self, epoch: int, rates: Iterable[float]) -> None:
        """One pass over the training part in the order of this epoch (the first is 1), a step for every rate."""
        spec = self.experiment
        for i, dropout in self.dropouts:
            dropout.generators = [draws.dropout_draws(seed, epoch, i) for seed in self.seeds]
        self._switch(True)
        order = draws.epoch_order(spec.data.seed, epoch, len(self.batches))
        with alone():
            train(self.network, self.loss, self.optimizer, self.batches.of(order, spec.train.batch_size), rates)

    def scores(self, part: Part) -> tuple[Floats, Floats]:
        """Loss and score (accuracy, or mean squared error) of every replicate, (seeds,) each, in evaluation mode."""
        training = self._switch(False)
        loss, score = np.zeros(len(self.seeds)), np.zeros(len(self.seeds))
        wanted = targets(self.experiment, part)
        with alone():
            for piece in chunks(self.layers, len(self.seeds), len(part)):
                y = self.network.forward(self.scaling.apply(part.x[piece]))  # (seeds, piece, outputs)
                share = y.shape[1] / len(part)
                loss += self.loss.forward(y, wanted[piece]) * share
                if self.experiment.score == "accuracy":
                    score += _share_right(y, part.y[piece]) * share
        self._switch(training)
        return loss, score if self.experiment.score == "accuracy" else loss.copy()

    def weights(self) -> dict[str, Array]:
        """Copies of the present weights."""
        return {name: np.array(value, order="C") for name, value in self.arrays.items()}

    def state(self) -> dict[str, Array]:
        """What the optimizer remembers."""
        return self.optimizer.state()

    def load(self, weights: Mapping[str, Array], state: Mapping[str, Array]) -> None:
        """Go on from weights and an optimizer's state; an empty state starts the optimizer anew."""
        for name, value in self.arrays.items():
            value[:] = weights[name]
        if state:
            self.optimizer.load(dict(state))

    def _switch(self, training: bool) -> bool:
        """Training or evaluation mode; which it was."""
        before, self.training = self.training, training
        for part in self.modes:
            part.training = training
        return before


def targets(experiment: Experiment, part: Part) -> Array:
    """What the loss compares with, (n, outputs): 1 for the right class, the label 0 or 1, or the values."""
    if experiment.loss == "cross_entropy":
        rows: Array = np.eye(experiment.outputs, dtype=np.float32)[part.y]
    else:
        rows = part.y.astype(np.float32).reshape(len(part), -1)
    return rows


@contextmanager
def alone() -> Iterator[None]:
    """One thread, since the products are so small that handing out the work costs more than it brings (on two busy
    cores MNIST takes ten times as long with two). And no warnings: weights that run away become inf and nan, and are
    seen in the loss."""
    with np.errstate(all="ignore"), _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


class Batches:
    """The training part as the network sees it: small data scaled once, pictures a batch at a time."""

    def __init__(self, part: Part, scaling: Scaling, targets: Array) -> None:
        self.x = part.x if part.x.dtype == np.uint8 else scaling.apply(part.x)
        self.scaling, self.targets = scaling, targets
        self.shifted = bool(scaling.shift.any())

    def __len__(self) -> int:
        return len(self.x)

    def of(self, order: NDArray[np.int64], size: int) -> Iterator[tuple[Array, Array]]:
        """(x, t) of every step."""
        targets = self.targets[order]
        if self.x.dtype != np.uint8:
            x = self.x[order]
            for start in range(0, len(order), size):
                yield x[start : start + size], targets[start : start + size]
            return
        pixels = np.empty((min(size, len(order)), self.x.shape[1]), np.uint8)
        scaled = np.empty(pixels.shape, np.float32)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            pixels, scaled = pixels[: len(chosen)], scaled[: len(chosen)]
            np.take(self.x, chosen, axis=0, out=pixels, mode="clip")  # "raise" would copy once more
            np.copyto(scaled, pixels)
            if self.shifted:
                scaled -= self.scaling.shift
            scaled *= self.scaling.scale
            yield scaled, targets[start : start + size]


def _share_right(y: Array, labels: Array) -> Floats:
    """Share of right answers of every replicate, y (seeds, n, outputs); an answer of nan is wrong."""
    guessed = y[..., 0] > 0 if y.shape[-1] == 1 else y.argmax(axis=-1)
    right = (guessed == labels) & ~np.isnan(y).any(axis=-1)
    share: Floats = right.mean(axis=-1)
    return share
