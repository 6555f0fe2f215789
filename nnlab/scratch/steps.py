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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nnlab.datasets.base import Dataset
from nnlab.scratch import core, modules
from nnlab.scratch.core import SGD, Array, LogSoftmax, Loss, Module, Sequential, flatten
from nnlab.scratch.losses import LOSSES
from nnlab.scratch.modules import BatchNorm, LayerNorm
from nnlab.scratch.network import build, named_arrays
from nnlab.spec import Experiment

Kind = Literal["input", "forward", "loss", "loss_backward", "backward", "update"]


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
        norm = "norm." if isinstance(self.module, LayerNorm) else ""
        return {name: f"{self.layer}.{norm}{name}" for name in self.module.parameters}


@dataclass(frozen=True)
class Stage:
    """A part of the step: the input, one call of `forward` or `backward`, or the update."""

    kind: Kind
    part: int
    """The module's index in the chain, from 0; the loss comes after the last module, the input is -1."""
    name: str
    """The class that computes it: Linear, NLL, SGD; `input` for the input."""
    values: Mapping[str, Array] = field(repr=False)
    """Copies of its input and output arrays by the names of the formulas: x, y, weight, bias; g (the gradient of the
    output), gx (the gradient of the input) and the parameters' gradients `weight.gradient`, ..."""
    code: tuple[Callable[..., Any], ...] = field(repr=False)
    """The functions that compute it, the main one first."""


class Step:
    """One training step of one network, with everything it computes.

    Parameters
    ----------
    experiment : layers and loss
    weights : as `nnlab.engines.random_streams.initial_weights`; they are copied
    x : (n, inputs) scaled inputs
    t : (n, outputs) targets, see `nnlab.engines.base.targets`
    lr : learning rate of plain gradient descent

    Raises
    ------
    ValueError
        If a layer has dropout or a skip connection.
    """

    def __init__(self, experiment: Experiment, weights: Mapping[str, Array], x: Array, t: Array, lr: float) -> None:
        if any(layer.residual or layer.dropout for layer in experiment.layers):
            raise ValueError("model: got dropout or skip connections, allowed is a plain chain of modules.")
        self.experiment, self.x, self.t, self.lr = experiment, x.astype(float), t.astype(float), lr
        self.before = _exact(weights)
        network, self.chain, self.loss_function = make(experiment, self.before)
        self.stages: list[Stage] = [Stage("input", -1, "input", {"x": self.x, "t": self.t}, (core.train,))]
        self.gradients: dict[str, Array] = {}
        """∂L/∂parameter by the parameter's name, and ∂L/∂(output of module k) as `out.k`; `out.-1` is ∂L/∂x."""
        parameters, gradients = flatten(network)
        self.values = self._forward()
        y = self.values[-1]
        self.loss = float(self.loss_function.forward(y, self.t))
        self._loss_stages(y)
        self._backward()
        SGD(parameters, gradients).step(lr)
        self.after = {name: value.copy() for name, value in named_arrays(network).items()}
        self.stages.append(Stage("update", len(self.chain), "SGD", {}, (SGD.step,)))

    def _forward(self) -> list[Array]:
        """The input and the output of every module, (n, width) each."""
        values = [self.x]
        for k, part in enumerate(self.chain):
            y = part.module.forward(values[-1]).copy()
            own = {name: value.copy() for name, value in part.module.parameters.items()}
            self.stages.append(
                Stage("forward", k, part.name, {"x": values[-1], **own, "y": y}, functions(part.module, "forward"))
            )
            values.append(y)
        return values

    def _loss_stages(self, y: Array) -> None:
        loss, end = self.loss_function, len(self.chain)
        given = {"y": y, "t": self.t}
        name = type(loss).__name__
        self.stages.append(Stage("loss", end, name, {**given, "L": np.array(self.loss)}, functions(loss, "forward")))
        g = loss.backward(y, self.t).copy()
        self.gradients[f"out.{end - 1}"] = g
        self.stages.append(Stage("loss_backward", end, name, {**given, "gx": g}, functions(loss, "backward")))

    def _backward(self) -> None:
        for k in reversed(range(len(self.chain))):
            part, g = self.chain[k], self.gradients[f"out.{k}"]
            gx = part.module.backward(g.copy()).copy()
            self.gradients[f"out.{k - 1}"] = gx
            own = {f"{name}.gradient": value.copy() for name, value in part.module.gradients.items()}
            self.gradients |= {full: own[f"{name}.gradient"] for name, full in part.names().items()}
            weights = {name: self.before[full] for name, full in part.names().items()}
            values = {"x": self.values[k], "y": self.values[k + 1], **weights, "g": g, "gx": gx, **own}
            self.stages.append(Stage("backward", k, part.name, values, functions(part.module, "backward")))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in order."""
        return tuple(full for part in self.chain for full in part.names().values())

    def loss_at(self, weights: Mapping[str, Array]) -> float:
        """The loss of the same batch with other weights."""
        network, _, loss = make(self.experiment, _exact(weights))
        return float(loss.forward(network.forward(self.x), self.t))

    def loss_along(self, name: str, index: tuple[int, ...], values: Sequence[float]) -> Array:
        """The loss (len(values),) with one number of one parameter set to each of the values."""
        losses = []
        for value in values:
            changed = self.before[name].copy()
            changed[index] = value
            losses.append(self.loss_at({**self.before, name: changed}))
        return np.array(losses)

    def loss_from(self, k: int, values: Array) -> float:
        """The loss if these were the outputs of module k."""
        _, chain, loss = make(self.experiment, self.before)
        for part in chain[k + 1 :]:
            values = part.module.forward(values)
        return float(loss.forward(values, self.t))


def make(experiment: Experiment, weights: Mapping[str, Array]) -> tuple[Sequential, list[Part], Loss]:
    """The network as the engine builds it, its modules in a row, and the loss. Copies the weights."""
    network = build(experiment.layers, {name: value.copy() for name, value in weights.items()})
    chain = [Part(module, i) for i, layer in enumerate(network.modules) for module in layer.parts()]
    if experiment.loss == "cross_entropy":
        ending = LogSoftmax()
        network, chain = Sequential(*network.modules, ending), [*chain, Part(ending, -1)]
    return network, chain, LOSSES[experiment.loss]()


def _exact(weights: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.array(value, float) for name, value in weights.items()}


def follow(
    experiment: Experiment, weights: Mapping[str, Array], x: Array, t: Array, lr: float, steps: int
) -> dict[str, Array]:
    """The weights after some steps of `core.train` by plain gradient descent, all on the same batch."""
    network, _, loss = make(experiment, _exact(weights))
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


def finite_differences(step: Step, h: float = 1e-5) -> dict[str, Array]:
    """The gradients of a step without calculus, with the names and shapes of `Step.gradients`: raise one number by h,
    lower it by h, and measure how the loss changes, (L(w + h) − L(w − h)) / 2h. Two forward passes per number."""
    slopes = {name: _slopes(step.before[name], h, partial(_loss_with, step, name)) for name in step.parameters}
    for k, values in enumerate(step.values, start=-1):
        slopes[f"out.{k}"] = _slopes(values, h, partial(step.loss_from, k))
    return slopes


def _loss_with(step: Step, name: str, values: Array) -> float:
    return step.loss_at({**step.before, name: values})


def _slopes(values: Array, h: float, loss: Callable[[Array], float]) -> Array:
    slopes = np.empty(values.shape)
    for index in np.ndindex(values.shape):
        width = h * max(1.0, abs(float(values[index])))
        up, down = values.copy(), values.copy()
        up[index] += width
        down[index] -= width
        slopes[index] = (loss(up) - loss(down)) / (up[index] - down[index])
    return slopes


def relative_difference(ours: Array, other: Array, floor: float = 1e-4) -> float:
    """The largest difference, divided by the largest number of both arrays or by `floor`, whichever is larger."""
    size = max(float(np.abs(ours).max(initial=0)), float(np.abs(other).max(initial=0)), floor)
    return float(np.abs(ours - other).max(initial=0)) / size


@dataclass(frozen=True)
class Source:
    """Some lines of a source file."""

    file: str
    """Relative to the project, such as nnlab/scratch/core.py."""
    line: int
    """The number of the first line, from 1."""
    text: str


@cache
def source(function: Callable[..., Any]) -> Source:
    """The source of a function or class."""
    lines, start = inspect.getsourcelines(function)
    file = Path(inspect.getsourcefile(function) or "").resolve()
    return Source(file.relative_to(_ROOT).as_posix(), start, textwrap.dedent("".join(lines)).rstrip())


def formula_line(thing: type, way: Literal["forward", "backward"]) -> Source:
    """The first line of a formula in the docstring of a module or loss."""
    whole = source(thing)
    for i, line in enumerate(whole.text.splitlines()):
        if line.strip().startswith(way + " "):
            return Source(whole.file, whole.line + i, line.strip())
    above = thing.__mro__[1]
    return whole if above is object else formula_line(above, way)


def functions(thing: Module | Loss, way: Literal["forward", "backward"]) -> tuple[Callable[..., Any], ...]:
    """The method, and the functions of its module that it calls."""
    method = getattr(type(thing), way)
    used = method.__code__.co_names
    found: list[Callable[..., Any]] = [method]
    if "standardised" in used and isinstance(thing, (LayerNorm, BatchNorm)):
        found.append(type(thing).standardised)
    if "sigmoid" in used:
        found.append(modules.sigmoid)
    return tuple(found)


_ROOT = Path(core.__file__).resolve().parents[2]


def naive_log_softmax(x: Array) -> Array:
    """log(e^x / Σ e^x) without log-sum-exp: above 709, e^x overflows a double; below −745 it is 0."""
    e = np.exp(x)
    y: Array = np.log(e / e.sum(axis=-1, keepdims=True))
    return y


def overflow(logits: Array) -> tuple[Array, Array, list[str]]:
    """Log-softmax of logits (classes,) without and with log-sum-exp, and NumPy's warnings for the first."""
    warnings: list[str] = []
    with np.errstate(all="call", under="ignore", call=lambda kind, _: warnings.append(kind)):
        naive = naive_log_softmax(logits)
    return naive, LogSoftmax().forward(logits[None])[0].copy(), list(dict.fromkeys(warnings))
