"""The compiled engine: trains dense networks with the functions of `compiled_steps`, one replicate after the other.

A replicate shares nothing with its companions but the data, so its numbers are the same to the bit whoever trains
beside it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.datasets import Dataset, Part, Rows
from nnlab.engines import compiled_layers, compiled_steps, random_streams
from nnlab.engines.base import Array, Floats, Weights, targets
from nnlab.spec import Experiment, Layer

_SCORED = 256
"""Samples scored at a time."""

_ORDERED = 10_000
"""Samples whose order is drawn at a time: that of several short epochs one after the other takes half the time."""

_DROPOUT_NUMBERS = 1 << 22
"""Random numbers drawn at a time, 16 MB, unless one step needs more."""

Samples = tuple[Array, Array, Array, Array, Array]
"""A part of every set as `compiled_steps.gather` takes it: values, pixels, scaling, rows, targets."""


class CompiledEngine:
    """See `nnlab.engines.base.EngineProtocol`."""

    def __init__(
        self, experiment: Experiment, seeds: Sequence[int], dataset: Dataset, weights: Mapping[str, Array]
    ) -> None:
        self.experiment, self.sets, layers = experiment, dataset.training_sets, experiment.layers
        self.seeds = tuple(seeds)
        self.which = np.arange(len(seeds)) % len(self.sets)  # (replicates,) the set of each
        self.table, trained, moving = _layer_table(layers)
        self.evaluated = self.table.copy()
        self.evaluated[:, compiled_steps.TRAINING] = 0
        self.dropout = np.array([layer.dropout for layer in layers], np.float32)
        self.learned = int(self.table[sum(layer.frozen for layer in layers), compiled_steps.WEIGHT])
        self.loss = compiled_steps.LOSSES.index(experiment.loss)
        self.optimizer = compiled_steps.OPTIMIZERS.index(experiment.train.optimizer)
        count, samples = len(self.seeds), max(min(experiment.train.batch_size, len(self.sets[0].train)), _SCORED)
        self.parameters = np.zeros((count, trained), np.float32)
        self.running = np.zeros((count, moving), np.float32)
        self.memory = np.zeros((2, count, trained), np.float32)  # of the optimizer
        self.steps = 0
        self.gradients = np.zeros(trained, np.float32)
        widest = max(layer.width for layer in layers)
        self.work = np.zeros((sum(layer.width for layer in layers) * compiled_steps.SLOTS, samples), np.float32)
        self.free = np.zeros((4, samples * max(widest, layers[0].inputs)), np.float32)
        self.views = _named_views(layers, self.table, self.parameters, self.running)
        self.load(weights, {})
        self.train = tuple(one.train for one in self.sets)
        self.samples: dict[tuple[int, ...], tuple[Sequence[Part], Samples, NDArray[np.int64]]] = {}
        self.orders: dict[int, NDArray[np.int64]] = {}  # of this epoch and some that follow
        self.order = np.zeros(0, np.int64)
        self.streams: list[list[np.random.Generator]] = []
        self.dropped = [layer.width for layer in layers if layer.dropout]
        self.numbers_of_step = count * sum(self.dropped) * min(experiment.train.batch_size, len(self.train[0]))
        self.no_numbers, self.no_dropout = np.zeros((count, 0), np.float32), np.zeros_like(self.dropout)

    def run_steps(self, epoch: int, first: int, rates: Floats, active: NDArray[np.bool_]) -> None:
        if first == 0:
            self.order = self._epoch_order(epoch)
            self.streams = self._dropout_streams(epoch) if self.dropped else []
        most = max(1, _DROPOUT_NUMBERS // self.numbers_of_step) if self.dropped else len(rates)
        for start in range(0, len(rates), most):
            self._run(first + start, rates[start : start + most], active)

    def _epoch_order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self.orders:
            seed, n = self.experiment.data.seed, len(self.train[0])
            soon = range(epoch, epoch + max(1, _ORDERED // n))
            self.orders = {one: random_streams.epoch_order(seed, one, n) for one in soon}
        return self.orders[epoch]

    def _run(self, first: int, rates: Floats, active: NDArray[np.bool_]) -> None:
        batch = self.experiment.train.batch_size
        order = self.order[first * batch : (first + len(rates)) * batch]
        compiled_steps.train_steps(
            self.table,
            self.dropout,
            self.loss,
            self.optimizer,
            self.experiment.train.l2,
            self.learned,
            batch,
            *self._samples(self.train)[0],
            self.which,
            active.nonzero()[0],
            order,
            rates,
            self.steps,
            self._uniform(len(order), active) if self.dropped else self.no_numbers,
            self.parameters,
            self.running,
            self.memory,
            self.gradients,
            self.work,
            self.free,
        )
        self.steps += len(rates)

    def _dropout_streams(self, epoch: int) -> list[list[np.random.Generator]]:
        """The random numbers of an epoch for every replicate and layer with dropout."""
        dropped = np.flatnonzero(self.dropout)
        return [[random_streams.dropout_stream(seed, epoch, int(i)) for i in dropped] for seed in self.seeds]

    def _uniform(self, n: int, active: NDArray[np.bool_]) -> Array:
        """(replicates, numbers) for n samples: those of one layer after those of another."""
        numbers = np.empty((len(self.seeds), n * sum(self.dropped)), np.float32)
        for i in active.nonzero()[0]:
            row, at = numbers[i], 0
            for stream, width in zip(self.streams[i], self.dropped, strict=True):
                stream.random(dtype=np.float32, out=row[at : at + n * width])
                at += n * width
        return numbers

    def scores(self, parts: Sequence[Part], active: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        samples, order = self._samples(parts)
        losses, right = np.empty(len(active)), np.empty(len(active))
        compiled_steps.score(
            self.evaluated,
            self.no_dropout,
            self.loss,
            _SCORED,
            *samples,
            self.which,
            active.nonzero()[0],
            order,
            self.parameters,
            self.running,
            self.work,
            self.free,
            losses,
            right,
        )
        losses /= len(order)
        return losses, losses.copy() if self.loss == compiled_steps.MSE else right / len(order)

    def _samples(self, parts: Sequence[Part]) -> tuple[Samples, NDArray[np.int64]]:
        """A part of every set, prepared once, and the numbers of its samples in order."""
        key = tuple(map(id, parts))
        if key not in self.samples:
            self.samples[key] = parts, self._prepared(parts), np.arange(len(parts[0]))
        return self.samples[key][1:]

    def _prepared(self, parts: Sequence[Part]) -> Samples:
        inputs, scalings, n = self.experiment.data.inputs, [one.scaling for one in self.sets], len(parts[0])
        expected = np.stack([targets(self.experiment, part.y) for part in parts])
        if parts[0].x.dtype != np.uint8:
            scaled = np.concatenate([one.apply(part.x) for one, part in zip(scalings, parts, strict=True)])
            pixels = np.zeros((0, inputs), np.uint8)
            pixels.setflags(write=False)  # as those of pictures are: another type would be compiled again
            rows = np.arange(len(scaled)).reshape(len(parts), n)
            return scaled, pixels, np.zeros((len(parts), 2, inputs), np.float32), rows, expected
        scaling = np.zeros((len(parts), 2, inputs), np.float32)
        for own, one in zip(scaling, scalings, strict=True):
            own[0], own[1] = one.shift, one.scale
        first = parts[0].x
        pixels = first.whole if isinstance(first, Rows) else first
        rows = np.stack([part.x.rows if isinstance(part.x, Rows) else np.arange(n) for part in parts])
        return np.zeros((0, inputs), np.float32), pixels, scaling, rows, expected

    def weights(self) -> Weights:
        return {name: view.copy() for name, view in self.views.items()}

    def state(self) -> dict[str, Array]:
        return {"steps": np.array([self.steps]), "m": self.memory[0].copy(), "s": self.memory[1].copy()}

    def load(self, weights: Mapping[str, Array], state: Mapping[str, Array]) -> None:
        for name, view in self.views.items():
            view[:] = weights[name]
        if state:
            self.steps, self.memory = int(state["steps"][0]), np.stack([state["m"], state["s"]])


def _layer_table(layers: Sequence[Layer]) -> tuple[Array, int, int]:
    """The table of `compiled_steps`, and how many numbers a replicate has in `parameters` and in `running`."""
    table = np.zeros((len(layers), compiled_steps.COLUMNS), np.int64)
    trained = moving = units = 0
    for row, layer in zip(table, layers, strict=True):
        row[[compiled_steps.INPUTS, compiled_steps.WIDTH]] = layer.inputs, layer.width
        row[compiled_steps.ACTIVATION] = compiled_layers.ACTIVATIONS.index(layer.activation)
        row[compiled_steps.NORM] = compiled_layers.NORMS.index(layer.norm)
        row[[compiled_steps.RESIDUAL, compiled_steps.UNIT]] = layer.residual, units
        units += layer.width
        row[[compiled_steps.FROZEN, compiled_steps.TRAINING]] = layer.frozen, not layer.frozen
        row[[compiled_steps.WEIGHT, compiled_steps.BIAS]] = trained, trained + layer.inputs * layer.width
        trained += (layer.inputs + 1) * layer.width
        if layer.norm != "none":
            row[[compiled_steps.SCALE, compiled_steps.SHIFT]] = trained, trained + layer.width
            trained += 2 * layer.width
        if layer.norm == "batch":
            row[[compiled_steps.MEAN, compiled_steps.VARIANCE]] = moving, moving + layer.width
            moving += 2 * layer.width
    return table, trained, moving


def _named_views(layers: Sequence[Layer], table: Array, parameters: Array, running: Array) -> Weights:
    """Views (replicates, ...) by the names of `random_streams.initial_weights`."""
    views = {}
    for i, (layer, row) in enumerate(zip(layers, table, strict=True)):
        weight = parameters[:, row[compiled_steps.WEIGHT] :][:, : layer.inputs * layer.width]
        views[f"{i}.weight"] = weight.reshape(len(parameters), layer.inputs, layer.width)
        vectors = {"bias": (parameters, compiled_steps.BIAS)}
        if layer.norm != "none":
            vectors |= {
                "norm.scale": (parameters, compiled_steps.SCALE),
                "norm.shift": (parameters, compiled_steps.SHIFT),
            }
        if layer.norm == "batch":
            vectors |= {
                "norm.mean": (running, compiled_steps.MEAN),
                "norm.variance": (running, compiled_steps.VARIANCE),
            }
        for name, (array, column) in vectors.items():
            views[f"{i}.{name}"] = array[:, row[column] :][:, : layer.width]
    return views
