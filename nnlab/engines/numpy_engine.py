"""The NumPy engine: trains any experiment with the modules of `nnlab.scratch`, all replicates at once."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets import Dataset, Part
from nnlab.engines import random_streams
from nnlab.engines.base import Floats, targets
from nnlab.scratch.core import Array, LogSoftmax, Sequential, flatten, train
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.modules import BatchNorm, Dropout, Frozen
from nnlab.scratch.network import build, chunks, named_arrays
from nnlab.scratch.optimizers import OPTIMIZERS
from nnlab.spec import Experiment

_MAX_SCALED = 1 << 24  # numbers of all folds up to which their scaled samples stay in memory: 64 MB


class NumpyEngine:
    """See `nnlab.engines.base.EngineProtocol`. Networks train side by side: every array has a leading replicate axis.
    Networks with samples of their own take turns among the data sets."""

    def __init__(
        self, experiment: Experiment, seeds: Sequence[int], dataset: Dataset, weights: Mapping[str, Array]
    ) -> None:
        self.experiment, self.seeds, self.sets = experiment, tuple(seeds), dataset.training_sets
        self.layers = experiment.layers
        network = build(self.layers, {name: np.array(value) for name, value in weights.items()})
        ending = [LogSoftmax()] if experiment.loss == "cross_entropy" else []
        first = sum(layer.frozen for layer in self.layers)  # the first layer that is trained
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
        keep = len(self.sets) == 1 or sum(one.train.x.size for one in self.sets) <= _MAX_SCALED
        self.batches = [_Batches(one, targets(experiment, one.train.y), keep) for one in self.sets]

    def run_steps(self, epoch: int, first: int, rates: Floats, active: NDArray[np.bool_]) -> None:
        if first == 0:
            self.order = random_streams.epoch_order(self.experiment.data.seed, epoch, len(self.sets[0].train))
            for i, dropout in self.dropouts:
                dropout.generators = [random_streams.dropout_stream(seed, epoch, i) for seed in self.seeds]
        self._switch(True)
        batch_size = self.experiment.train.batch_size
        rows = self.order[first * batch_size : (first + len(rates)) * batch_size]
        train(self.network, self.loss, self.optimizer, self._steps(rows), rates.tolist())

    def _steps(self, rows: NDArray[np.int64]) -> Iterator[tuple[Array, Array]]:
        """The batches of all sets together: x (..., batch, inputs), t (..., batch, outputs)."""
        each = [batches.of(rows, self.experiment.train.batch_size) for batches in self.batches]
        for step in zip(*each, strict=True):
            x, t = zip(*step, strict=True)
            yield self._stacked(x), self._stacked(t)

    def _stacked(self, each: Sequence[Array]) -> Array:
        """The one array that all networks share, or one for each of them."""
        return each[0] if len(each) == 1 else np.stack(tuple(each) * (len(self.seeds) // len(each)))

    def scores(self, parts: Sequence[Part], active: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        before, classes = self.training, self.experiment.score == "accuracy"
        self._switch(False)
        loss, score = np.zeros(len(self.seeds)), np.zeros(len(self.seeds))
        n, expected = len(parts[0]), [targets(self.experiment, part.y) for part in parts]
        for piece in chunks(self.layers, len(self.seeds), n):
            scaled = [one.scaling.apply(part.x[piece]) for one, part in zip(self.sets, parts, strict=True)]
            y = self.network.forward(self._stacked(scaled))  # (seeds, piece, outputs)
            share = y.shape[1] / n
            loss += self.loss.forward(y, self._stacked([target[piece] for target in expected])) * share
            if classes:
                score += _share_right(y, self._stacked([part.y[piece] for part in parts])) * share
        self._switch(before)
        return loss, score if classes else loss.copy()

    def weights(self) -> dict[str, Array]:
        return {name: np.array(value, order="C") for name, value in self.arrays.items()}

    def state(self) -> dict[str, Array]:
        return self.optimizer.state()

    def load(self, weights: Mapping[str, Array], state: Mapping[str, Array]) -> None:
        for name, value in self.arrays.items():
            value[:] = weights[name]
        self.optimizer.load(dict(state))

    def _switch(self, training: bool) -> None:
        """Set training or evaluation mode."""
        self.training = training
        for part in self.modes:
            part.training = training


class _Batches:
    """The scaled batches of a training part. Pictures are scaled batch by batch, other data once."""

    def __init__(self, dataset: Dataset, targets: Array, keep: bool) -> None:
        self.x, self.scaling, self.targets = dataset.train.x, dataset.scaling, targets
        self.scaled = self.scaling.apply(self.x) if keep and self.x.dtype != np.uint8 else None

    def of(self, order: NDArray[np.int64], size: int) -> Iterator[tuple[Array, Array]]:
        """(x, t) of every step."""
        targets, scaled = self.targets[order], None if self.scaled is None else self.scaled[order]
        for start in range(0, len(order), size):
            rows = slice(start, start + size)
            x = self.scaling.apply(self.x[order[rows]]) if scaled is None else scaled[rows]
            yield x, targets[rows]


def _share_right(y: Array, labels: Array) -> Floats:
    """Accuracy of every replicate from outputs y (seeds, n, outputs); nan counts as wrong."""
    guessed = y[..., 0] > 0 if y.shape[-1] == 1 else y.argmax(axis=-1)
    right = (guessed == labels) & ~np.isnan(y).any(axis=-1)
    return np.asarray(right.mean(axis=-1))
