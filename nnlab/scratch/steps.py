"""One training step in detail: what every line of `core.train` computes, in this order.

    for (x, t), lr in zip(batches, rates):
        y = network.forward(x)                      stages: input, then every module forward
        network.backward(loss.backward(y, t))       the loss, its gradient, then every module backward
        optimizer.step(lr)                          update

The modules are those of the engine, for one network and in double precision, so that their gradients can be compared
with finite differences.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np

from nnlab.datasets.base import Dataset
from nnlab.scratch import core, modules
from nnlab.scratch.core import SGD, Array, LogSoftmax, Loss, Module, Sequential, flatten
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.network import build, full_name, named_arrays
from nnlab.spec import Experiment


@dataclass(frozen=True)
class Part:
    """A module of the chain, and the layer whose weights it has (-1: none)."""

    module: Module
    layer: int

    @property
    def name(self) -> str:
        return type(self.module).__name__

    def names(self) -> dict[str, str]:
        """Names of its parameters in the network, by their names in the module: weight → 0.weight."""
        return {name: full_name(self.layer, self.module, name) for name in self.module.parameters}


@dataclass(frozen=True)
class Stage:
    """A part of the step: the input, one call of `forward` or `backward`, or the update."""

    kind: Literal["input", "forward", "loss", "loss_backward", "backward", "update"]
    part: int
    """The module's index in the chain, from 0; the loss comes after the last module, the input is -1."""
    owner: type | None
    """The class that computes it: Linear, NLL, SGD; None for the input."""
    values: Mapping[str, Array]
    """Its input and output arrays by the names of the formulas: x, y, weight, bias; g (the gradient of the output), gx
    (the gradient of the input) and the parameters' gradients `weight.gradient`, ..."""

    @property
    def name(self) -> str:
        return self.owner.__name__ if self.owner else "input"

    @property
    def way(self) -> Literal["forward", "backward"]:
        return "backward" if self.kind in ("loss_backward", "backward") else "forward"

    @property
    def code(self) -> tuple[Callable[..., Any], ...]:
        """The functions that compute it, the main one first."""
        if self.kind == "input":
            return (core.train,)
        if self.kind == "update":
            return (SGD.step,)
        method = getattr(self.owner, self.way)
        return (method, modules.sigmoid) if "sigmoid" in method.__code__.co_names else (method,)


class Step:
    """One training step of one network by plain gradient descent, with everything it computes.

    x (n, inputs) scaled inputs, t (n, outputs) targets as `nnlab.engines.base.targets`, weights as
    `nnlab.engines.random_streams.initial_weights`. Raises ValueError if a layer has dropout or a skip connection."""

    def __init__(self, experiment: Experiment, weights: Mapping[str, Array], x: Array, t: Array, lr: float) -> None:
        if any(layer.residual or layer.dropout for layer in experiment.layers):
            raise ValueError("model: got dropout or skip connections, allowed is a plain chain of modules.")
        self.experiment, self.x, self.t, self.lr = experiment, x.astype(float), t.astype(float), lr
        self.before = {name: np.array(value, float) for name, value in weights.items()}
        network, self.chain, self.loss_function = make(experiment, self.before)
        optimizer = SGD(*flatten(network))
        self.values = [self.x]
        """The input and the output of every module, (n, width) each."""
        for part in self.chain:
            self.values.append(part.module.forward(self.values[-1]).copy())
        self.loss = float(self.loss_function.forward(self.values[-1], self.t))
        g = self.loss_function.backward(self.values[-1], self.t)
        self.gradients = {f"out.{len(self.chain) - 1}": g}
        """∂L/∂parameter by the parameter's name, and ∂L/∂(output of module k) as `out.k`; `out.-1` is ∂L/∂x."""
        for k, part in reversed(list(enumerate(self.chain))):
            g = self.gradients[f"out.{k - 1}"] = part.module.backward(g).copy()
            self.gradients |= {full: part.module.gradients[name].copy() for name, full in part.names().items()}
        optimizer.step(lr)
        self.after = {name: value.copy() for name, value in named_arrays(network).items()}
        self.stages = list(self._stages())

    def _stages(self) -> Iterator[Stage]:
        loss, end = type(self.loss_function), len(self.chain)
        outputs = {"y": self.values[-1], "t": self.t}
        forward = [
            {"x": x, **{name: self.before[full] for name, full in part.names().items()}, "y": y}
            for part, (x, y) in zip(self.chain, pairwise(self.values), strict=True)
        ]
        yield Stage("input", -1, None, {"x": self.x, "t": self.t})
        for k, part in enumerate(self.chain):
            yield Stage("forward", k, type(part.module), forward[k])
        yield Stage("loss", end, loss, {**outputs, "L": np.array(self.loss)})
        yield Stage("loss_backward", end, loss, {**outputs, "gx": self.gradients[f"out.{end - 1}"]})
        for k, part in reversed(list(enumerate(self.chain))):
            own = {f"{name}.gradient": self.gradients[full] for name, full in part.names().items()}
            g, gx = self.gradients[f"out.{k}"], self.gradients[f"out.{k - 1}"]
            yield Stage("backward", k, type(part.module), {**forward[k], "g": g, "gx": gx, **own})
        yield Stage("update", end, SGD, {})

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in order."""
        return tuple(full for part in self.chain for full in part.names().values())

    def loss_at(self, weights: Mapping[str, Array]) -> float:
        """The loss of the same batch with other weights."""
        network, _, loss = make(self.experiment, weights)
        return float(loss.forward(network.forward(self.x), self.t))

    def loss_with(self, name: str, values: Array) -> float:
        """The loss of the same batch with other values of one parameter."""
        return self.loss_at({**self.before, name: values})

    def loss_along(self, name: str, index: tuple[SupportsIndex, ...], values: Iterable[float]) -> Array:
        """The loss (len(values),) with one number of one parameter set to each of the values."""
        changed, losses = self.before[name].copy(), []
        for value in values:
            changed[index] = value
            losses.append(self.loss_with(name, changed))
        return np.array(losses)

    def loss_from(self, k: int, values: Array) -> float:
        """The loss if these were the outputs of module k."""
        _, chain, loss = make(self.experiment, self.before)
        for part in chain[k + 1 :]:
            values = part.module.forward(values)
        return float(loss.forward(values, self.t))


def make(experiment: Experiment, weights: Mapping[str, Array]) -> tuple[Sequential, list[Part], Loss]:
    """The network as the engine builds it, its modules in a row, and the loss. Copies the weights."""
    network = build(experiment.layers, {name: np.array(value, float) for name, value in weights.items()})
    chain = [Part(module, i) for i, layer in enumerate(network.modules) for module in layer.parts()]
    if experiment.loss == "cross_entropy":
        ending = LogSoftmax()
        network, chain = Sequential(*network.modules, ending), [*chain, Part(ending, -1)]
    return network, chain, LOSSES[experiment.loss]()


def follow(
    experiment: Experiment, weights: Mapping[str, Array], x: Array, t: Array, lr: float, steps: int
) -> dict[str, Array]:
    """The weights after some steps of `core.train` by plain gradient descent, all on the same batch."""
    network, _, loss = make(experiment, weights)
    optimizer = SGD(*flatten(network))
    with np.errstate(all="ignore"):  # diverging weights show in the loss
        core.train(network, loss, optimizer, [(x.astype(float), t.astype(float))] * steps, [lr] * steps)
    return {name: value.copy() for name, value in named_arrays(network).items()}


def few_points(dataset: Dataset, n: int) -> tuple[Array, Array]:
    """n samples of the training part from all classes and both sides of the y axis: scaled inputs (n, inputs), rounded
    to one decimal for calculations by hand, and labels (n,) or values (n, 1)."""
    x = np.round(dataset.scaling.apply(dataset.train.x).astype(float), 1)
    y = dataset.train.y
    if dataset.task == "regression":
        chosen = np.argsort(x[:, 0])[np.linspace(0, len(x) - 1, n).round().astype(int)]
        return x[chosen], y[chosen].astype(float)
    sides = 2 * (x[:, 0] > 0) + y
    far = np.argsort(-np.abs(x).sum(axis=1), kind="stable")  # points far from the middle are easy to distinguish
    groups = [far[sides[far] == side][:n] for side in (0, 3, 1, 2)]
    turns = [group[i] for i in range(n) for group in groups if i < len(group)]
    chosen = np.array(turns[:n])
    return x[chosen], y[chosen]


@lru_cache(maxsize=16)
def finite_differences(step: Step) -> dict[str, Array]:
    """The gradients of a step without calculus, with the names and shapes of `Step.gradients`: raise one number by h,
    lower it by h, and measure how the loss changes, (L(w + h) − L(w − h)) / 2h. Two forward passes per number."""
    weights = {name: _slopes(step.before[name], partial(step.loss_with, name)) for name in step.parameters}
    return weights | {
        f"out.{k}": _slopes(values, partial(step.loss_from, k)) for k, values in enumerate(step.values, start=-1)
    }


def _slopes(values: Array, loss: Callable[[Array], float]) -> Array:
    slopes = np.empty(values.shape)
    for index in np.ndindex(values.shape):
        width = 1e-5 * max(1.0, abs(float(values[index])))
        up, down = values.copy(), values.copy()
        up[index] += width
        down[index] -= width
        slopes[index] = (loss(up) - loss(down)) / (up[index] - down[index])
    return slopes


def relative_difference(ours: Array, other: Array) -> float:
    """The largest difference, divided by the largest number of both arrays or by 0.0001, whichever is larger."""
    size = max(np.abs(ours).max(initial=1e-4), np.abs(other).max(initial=1e-4))
    return float(np.abs(ours - other).max(initial=0) / size)


class Source(NamedTuple):
    """Some lines of a source file."""

    file: str  # relative to the project, such as nnlab/scratch/core.py
    line: int  # the number of the first line, from 1
    text: str


@cache
def source(function: Callable[..., Any]) -> Source:
    """The source of a function or class."""
    lines, start = inspect.getsourcelines(function)
    file = Path(inspect.getsourcefile(function) or "").resolve()
    return Source(
        file.relative_to(Path(core.__file__).resolve().parents[2]).as_posix(),
        start,
        textwrap.dedent("".join(lines)).rstrip(),
    )


def formula_line(thing: type, way: Literal["forward", "backward"]) -> Source:
    """The first line of a formula in the docstring of a module or loss."""
    whole = source(thing)
    for i, line in enumerate(whole.text.splitlines()):
        if line.strip().startswith(way + " "):
            return Source(whole.file, whole.line + i, line.strip())
    return formula_line(thing.__mro__[1], way)


def naive_log_softmax(x: Array) -> Array:
    """log(e^x / Σ e^x) without log-sum-exp: above 709, e^x overflows a double; below −745 it is 0."""
    e = np.exp(x)
    return np.log(e / e.sum(axis=-1, keepdims=True))


def overflow(logits: Array) -> tuple[Array, Array, list[str]]:
    """Log-softmax of logits (classes,) without and with log-sum-exp, and NumPy's warnings for the first."""
    warnings: list[str] = []
    with np.errstate(all="call", under="ignore", call=lambda kind, _: warnings.append(kind)):
        naive = naive_log_softmax(logits)
    return naive, LogSoftmax().forward(logits[None])[0].copy(), list(dict.fromkeys(warnings))
