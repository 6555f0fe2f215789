"""The PyTorch engine: all replicates in one module, all parameters in one stretch of memory, one optimizer step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from nnlab import draws
from nnlab.datasets import Dataset, Part
from nnlab.models import StackedModel
from nnlab.spec import Experiment, TrainSpec
from nnlab.training import Floats, Weights

CHUNK = 1 << 20  # numbers of input made ready at a time: 4 MB as float32


class TorchEngine:
    """Trains the replicates of an experiment; see EngineProtocol. It leaves PyTorch's thread settings alone."""

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], dataset: Dataset, weights: Weights) -> None:
        self.experiment, self.seeds, self.dataset = experiment, seeds, dataset
        self.model = StackedModel(experiment.layers, len(seeds))
        self.model.load_arrays(weights)
        self.parameters, self.gradients = _flatten(self.model)
        self.optimizer = _OPTIMIZERS[experiment.train.optimizer](experiment.train, self.parameters, self.gradients)
        self.targets = _targets(experiment, dataset.train.y)  # (n, outputs)
        self._ready: dict[int, tuple[Part, Tensor]] = {}

    def run_epoch(self, epoch: int) -> None:
        train, n = self.experiment.train, len(self.dataset.train)
        rates = iter(draws.learning_rates(train, self.experiment.steps_per_epoch, epoch).tolist())
        order = torch.from_numpy(draws.epoch_order(self.experiment.data.seed, epoch, n))
        masks = _Masks(self.experiment, self.seeds, epoch)
        self.model.train()
        for chunk in torch.split(order, self._chunk_size()):
            inputs, targets = self._inputs(self.dataset.train, chunk), self.targets[chunk]
            masks.draw(len(chunk))
            for start in range(0, len(chunk), train.batch_size):
                step = slice(start, start + train.batch_size)
                self._step(inputs[step], targets[step], masks.of(step), next(rates))

    def _step(self, x: Tensor, target: Tensor, masks: Mapping[int, Tensor], rate: float) -> None:
        """One batch, x (batch, inputs) and target (batch, outputs), shared by all replicates."""
        logits = self.model(x, masks)  # (seeds, batch, outputs)
        self.gradients.zero_()
        logits.backward(self._slope(logits.detach(), target))
        self.optimizer.step(rate)

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        """The gradient of every replicate's mean loss by its logits. For cross-entropy of a sigmoid or a softmax, as
        for squared error (but for its factor 2), it is prediction minus target, over the size of the batch."""
        if self.experiment.loss == "bce":
            return (torch.sigmoid(logits) - target).mul_(1 / len(target))
        if self.experiment.loss == "cross_entropy":
            return (torch.softmax(logits, -1) - target).mul_(1 / len(target))
        return (logits - target).mul_(2 / target.numel())

    @torch.no_grad()
    def scores(self, part: Part) -> tuple[Floats, Floats]:
        self.model.eval()
        widest = max(layer.width for layer in self.experiment.layers)
        rows = max(1, 2 * CHUNK // max(self.dataset.train.x.shape[1], widest * len(self.seeds)))
        totals = torch.zeros(2, len(self.seeds), dtype=torch.float64)
        for chunk in torch.split(torch.arange(len(part)), rows):
            logits = self.model(self._inputs(part, chunk))  # (seeds, rows, outputs)
            losses, scores = _measure(self.experiment, logits, torch.from_numpy(part.y[chunk.numpy()]))
            totals += torch.stack((losses.sum(1), scores.sum(1)))
        loss, score = (totals / len(part)).numpy()
        return loss, score

    def weights(self) -> Weights:
        return {name: tensor.numpy().copy() for name, tensor in self.model.named_arrays().items()}

    def state(self) -> dict[str, NDArray[Any]]:
        return {name: tensor.numpy().copy() for name, tensor in self.optimizer.state.items()}

    def load(self, weights: Weights, state: Mapping[str, NDArray[Any]]) -> None:
        self.model.load_arrays(weights)
        for name, tensor in self.optimizer.state.items():
            tensor.copy_(torch.from_numpy(state[name]))

    def _chunk_size(self) -> int:
        """Samples made ready together: whole batches, as many as CHUNK allows."""
        batch, width = (
            self.experiment.train.batch_size,
            sum(layer.width for layer in self.experiment.layers if layer.dropout),
        )
        return batch * max(1, CHUNK // (batch * max(self.experiment.data.inputs, len(self.seeds) * width)))

    def _inputs(self, part: Part, rows: Tensor) -> Tensor:
        """Scaled samples (rows, inputs). Small data is scaled once; pictures stay uint8 and are scaled as they come."""
        if part.x.size > 4 * CHUNK:
            return torch.from_numpy(self.dataset.scaling.apply(part.x[rows.numpy()]))
        if id(part) not in self._ready:
            self._ready[id(part)] = part, torch.from_numpy(self.dataset.scaling.apply(part.x))
        return self._ready[id(part)][1][rows]


def _flatten(model: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """Move all parameters, and their gradients, into one flat tensor each, so that one kernel steps them all.

    Every parameter keeps its shape, as a view; autograd adds to gradients in place and so keeps to the views."""
    parameters = list(model.parameters())
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    gradients = torch.zeros_like(flat)
    sizes = [p.numel() for p in parameters]
    for p, data, gradient in zip(parameters, torch.split(flat, sizes), torch.split(gradients, sizes), strict=True):
        p.data, p.grad = data.view(p.shape), gradient.view(p.shape)
    return flat, gradients


def _targets(experiment: Experiment, y: NDArray[Any]) -> Tensor:
    """What the outputs should be (n, outputs): 0 or 1, one-hot, or values."""
    if experiment.loss == "cross_entropy":
        return F.one_hot(torch.tensor(y), experiment.outputs).float()
    return torch.tensor(y, dtype=torch.float32).reshape(len(y), -1)


def _measure(experiment: Experiment, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and score of every replicate and sample, (seeds, n) each. An answer of nan is wrong."""
    seeds, n, _ = logits.shape
    if experiment.loss == "bce":
        target = y.float()[:, None].expand_as(logits)
        losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none").squeeze(-1)
        return losses, ((logits > 0).squeeze(-1) == y.bool()) & ~losses.isnan()
    if experiment.loss == "cross_entropy":
        losses = F.cross_entropy(logits.flatten(0, 1), y.repeat(seeds), reduction="none").view(seeds, n)
        return losses, (logits.argmax(-1) == y) & ~losses.isnan()
    losses = (logits - y).square().mean(-1)
    return losses, losses


class _Masks:
    """The dropout masks of one epoch: 0 where a unit is dropped, 1 / (1 - rate) elsewhere."""

    def __init__(self, experiment: Experiment, seeds: tuple[int, ...], epoch: int) -> None:
        self.layers = {i: layer for i, layer in enumerate(experiment.layers) if layer.dropout}
        self.streams = {i: [draws.dropout_draws(seed, epoch, i) for seed in seeds] for i in self.layers}
        self.drawn: dict[int, Tensor] = {}

    def draw(self, n: int) -> None:
        """The masks (seeds, n, width) for the next n samples: the same numbers as a draw a batch would give."""
        for i, layer in self.layers.items():
            numbers = np.stack([s.random((n, layer.width), np.float32) for s in self.streams[i]])
            self.drawn[i] = torch.from_numpy(np.where(numbers >= layer.dropout, np.float32(1 / (1 - layer.dropout)), 0))

    def of(self, step: slice) -> dict[int, Tensor]:
        return {i: mask[:, step] for i, mask in self.drawn.items()}


# -- optimizers ------------------------------------------------------------------------------------------------------
# PyTorch's own kernels and rules on the flat parameters, without the bookkeeping of torch.optim (30 µs a step).


class _Adam:
    """Kingma and Ba 2015; adamw decouples the weight decay (Loshchilov and Hutter 2019)."""

    def __init__(self, train: TrainSpec, parameters: Tensor, gradients: Tensor) -> None:
        self.kernel = torch._fused_adamw_ if train.optimizer == "adamw" else torch._fused_adam_
        self.l2, self.parameters, self.gradients = train.l2, parameters, gradients
        self.state = {
            "mean": torch.zeros_like(parameters),
            "square": torch.zeros_like(parameters),
            "step": torch.zeros(()),
        }

    def step(self, rate: float) -> None:
        self.state["step"] += 1
        self.kernel(
            [self.parameters],
            [self.gradients],
            [self.state["mean"]],
            [self.state["square"]],
            [],
            [self.state["step"]],
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.l2,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )


class _SGD:
    """Gradient descent; with momentum 0.9 (Polyak 1964), or Nesterov's (Sutskever et al. 2013)."""

    def __init__(self, train: TrainSpec, parameters: Tensor, gradients: Tensor) -> None:
        self.momentum, self.nesterov = 0.0 if train.optimizer == "sgd" else 0.9, train.optimizer == "nesterov"
        self.l2, self.parameters, self.gradients = train.l2, parameters, gradients
        self.state = {"velocity": torch.zeros_like(parameters)} if self.momentum else {}

    def step(self, rate: float) -> None:
        gradient = self.gradients
        if self.l2:
            gradient.add_(self.parameters, alpha=self.l2)
        if self.momentum:
            velocity = self.state["velocity"].mul_(self.momentum).add_(gradient)
            gradient = gradient.add_(velocity, alpha=self.momentum) if self.nesterov else velocity
        self.parameters.add_(gradient, alpha=-rate)


class _RMSprop:
    """Tieleman and Hinton 2012."""

    def __init__(self, train: TrainSpec, parameters: Tensor, gradients: Tensor) -> None:
        self.l2, self.parameters, self.gradients = train.l2, parameters, gradients
        self.state = {"square": torch.zeros_like(parameters)}

    def step(self, rate: float) -> None:
        if self.l2:
            self.gradients.add_(self.parameters, alpha=self.l2)
        square = self.state["square"].mul_(0.99).addcmul_(self.gradients, self.gradients, value=0.01)
        self.parameters.addcdiv_(self.gradients, square.sqrt().add_(1e-8), value=-rate)


_OPTIMIZERS: Mapping[str, type[_Adam] | type[_SGD] | type[_RMSprop]] = {
    "sgd": _SGD,
    "momentum": _SGD,
    "nesterov": _SGD,
    "rmsprop": _RMSprop,
    "adam": _Adam,
    "adamw": _Adam,
}
