"""The PyTorch engine: all replicates in one module, one backward pass, one fused optimizer step."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from nnlab.datasets import Dataset, Part
from nnlab.engines import random_streams
from nnlab.engines.base import Array, Floats, Weights, targets
from nnlab.engines.torch_network import StackedModel
from nnlab.engines.torch_optimizers import Optimizer
from nnlab.spec import Experiment

CHUNK = 1 << 20  # numbers scored at a time: 4 MB as float32


class TorchEngine:
    """See EngineProtocol. Samples are columns, as in StackedModel: inputs are (inputs, n) where all replicates share
    them, else (replicates, inputs, n)."""

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, weights: Weights) -> None:
        self.experiment, self.seeds, self.sets = experiment, seeds, dataset.training_sets
        self.train_parts = [one.train for one in self.sets]
        self.layers = experiment.layers
        self.dropping = {i: layer for i, layer in enumerate(self.layers) if layer.dropout}
        self.model = StackedModel(self.layers, len(self.seeds))
        self.model.load_arrays(weights)
        self.optimizer = Optimizer(experiment.train, [p for p in self.model.parameters() if p.requires_grad])
        self.targets = self._stacked([torch.from_numpy(targets(experiment, part.y)).T for part in self.train_parts])
        self.scaled: dict[tuple[int, ...], tuple[Sequence[Part], Tensor | None]] = {}
        self.inputs = self._kept(self.train_parts)

    def run_steps(self, epoch: int, first: int, rates: Floats, active: NDArray[np.bool_]) -> None:
        if first == 0:
            self.order = random_streams.epoch_order(self.experiment.data.seed, epoch, len(self.train_parts[0]))
            self.streams = {
                i: [random_streams.dropout_stream(seed, epoch, i) for seed in self.seeds] for i in self.dropping
            }
        batch_size = self.experiment.train.batch_size
        order = self.order[first * batch_size : (first + len(rates)) * batch_size]
        self.model.train()
        for rows, rate in zip(random_streams.batches(order, batch_size), rates.tolist(), strict=True):
            at = torch.from_numpy(rows)
            x = self._inputs(self.train_parts, rows) if self.inputs is None else _columns(self.inputs, at)
            self._step(x, self.targets.index_select(-1, at), self._masks(len(rows)), rate)

    def _step(self, x: Tensor, target: Tensor, masks: Mapping[int, Tensor], rate: float) -> None:
        """One batch: x (..., inputs, batch) and target (..., outputs, batch)."""
        logits = self.model.columns(x, masks)  # (seeds, outputs, batch)
        torch.autograd.backward(logits, _slope(self.experiment.loss, logits.detach(), target))
        self.optimizer.step(rate)

    @torch.no_grad()
    def scores(self, parts: Sequence[Part], active: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        training = self.model.training
        self.model.eval()
        inputs = self.experiment.data.inputs * (1 if len(self.sets) == 1 else len(self.seeds))  # of all replicates
        widest = max(inputs, len(self.seeds) * max(layer.width for layer in self.layers))
        pieces = []
        size = max(1, 2 * CHUNK // widest)
        kept = self._kept(parts)
        for rows in [slice(start, start + size) for start in range(0, len(parts[0]), size)]:
            x = self._inputs(parts, rows) if kept is None else kept[..., rows]
            logits = self.model.columns(x)  # (seeds, outputs, rows)
            y = self._stacked([torch.tensor(part.y[rows]) for part in parts])
            pieces.append(_measure(self.experiment, logits, y))
        self.model.train(training)
        losses, scores = (torch.cat(piece, 1) for piece in zip(*pieces, strict=True))  # (seeds, n) each
        return losses.mean(1, dtype=torch.float64).numpy(), scores.mean(1, dtype=torch.float64).numpy()

    def weights(self) -> Weights:
        return {name: tensor.numpy().copy() for name, tensor in self.model.named_arrays().items()}

    def state(self) -> dict[str, Array]:
        return {name: tensor.numpy().copy() for name, tensor in self._state().items()}

    def load(self, weights: Weights, state: Mapping[str, Array]) -> None:
        self.model.load_arrays(weights)
        for name, tensor in self._state().items():
            tensor.copy_(torch.from_numpy(state[name]))

    def _state(self) -> dict[str, Tensor]:
        names = [name for name, p in self.model.named_parameters() if p.requires_grad]
        state = {
            f"{kind}.{name}": tensor
            for kind, tensors in self.optimizer.state.items()
            for name, tensor in zip(names, tensors, strict=True)
        }
        return {**state, "steps": self.optimizer.steps}

    def _masks(self, n: int) -> dict[int, Tensor]:
        """The dropout masks (seeds, width, n) of the next n samples by layer: 0 where a unit is dropped, 1 / (1 - rate)
        elsewhere."""
        masks = {}
        for i, layer in self.dropping.items():
            numbers = np.array([stream.random((n, layer.width), np.float32) for stream in self.streams[i]])
            masks[i] = torch.from_numpy((numbers >= layer.dropout) * np.float32(1 / (1 - layer.dropout))).mT
        return masks

    def _kept(self, parts: Sequence[Part]) -> Tensor | None:
        """The scaled samples of a part of every set, prepared once; None for large data, scaled in every step."""
        key = tuple(map(id, parts))
        if key not in self.scaled:
            small = parts[0].x.size * len(parts) <= 4 * CHUNK
            self.scaled[key] = parts, self._inputs(parts, slice(None)) if small else None
        return self.scaled[key][1]

    def _inputs(self, parts: Sequence[Part], rows: NDArray[np.int64] | slice) -> Tensor:
        """Scaled samples (..., inputs, rows) of a part of every set."""
        scaled = [one.scaling.apply(part.x[rows]) for part, one in zip(parts, self.sets, strict=True)]
        each = [torch.from_numpy(one) for one in scaled]
        return each[0].T.contiguous() if len(each) == 1 else self._stacked(each).mT

    def _stacked(self, each: Sequence[Tensor]) -> Tensor:
        """The one tensor that all replicates share, or one for each of them."""
        times = len(self.seeds) // len(each)
        return each[0].contiguous() if len(each) == 1 else torch.stack(tuple(each) * times)


def _columns(x: Tensor, at: Tensor) -> Tensor:
    """Some samples of x (inputs, n), or of (replicates, inputs, n): these are stacked sample by sample, and whole
    samples are copied faster than single numbers."""
    return x.index_select(1, at) if x.dim() == 2 else x.mT.index_select(1, at).mT


def _slope(loss: str, logits: Tensor, target: Tensor) -> Tensor:
    """The gradient of every replicate's mean loss with respect to its logits (seeds, outputs, batch): (prediction -
    target) / batch, with a factor of 2 for the squared error. A step thus need not compute the loss."""
    outputs, n = target.shape[-2:]
    if loss == "mse":
        return (logits - target).mul_(2 / (n * outputs))
    prediction = torch.sigmoid(logits) if loss == "bce" else torch.softmax(logits, 1)
    return (prediction - target).mul_(1 / n)


def _measure(experiment: Experiment, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and score of every replicate and sample, (seeds, n) each; nan counts as wrong."""
    if experiment.loss == "cross_entropy":
        y = y.expand(len(logits), -1)  # (seeds, n)
        losses = F.cross_entropy(logits, y, reduction="none")
        return losses, (logits.argmax(1) == y) & ~losses.isnan()
    logits = logits.squeeze(1)  # (seeds, n)
    y = y.float().reshape(-1, logits.shape[1]).expand_as(logits)
    if experiment.loss == "bce":
        losses = F.binary_cross_entropy_with_logits(logits, y, reduction="none")
        return losses, ((logits > 0) == (y > 0)) & ~losses.isnan()
    losses = (logits - y).square()
    return losses, losses
