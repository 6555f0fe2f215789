"""A complete neural network in plain NumPy: modules, loss, gradient descent and the loop. Read it from top to bottom.

A network is a chain of modules. In the forward pass each module computes its output from its input, and at the end the
loss measures how wrong the last output is. The backward pass goes through the chain from its end to its start and
answers one question: *if this number were a little larger, how much would the loss change?* The answer for every number
is its gradient g = ∂L/∂(that number).

A module that computes y = f(x) receives the gradient of its output, g = ∂L/∂y, and returns that of its input. An x_j
changes the loss through every y_i that depends on it, so the changes add up (the chain rule):

    ∂L/∂x_j = Σ_i g_i · ∂y_i/∂x_j            in short  gᵀJ, a vector-Jacobian product

The matrix J of all ∂y_i/∂x_j is never stored: each `backward` below computes the product directly, which takes about
as long as `forward`. Then every weight takes a small step against its gradient, and the loss falls.

All arrays are (batch, features), or (seeds, batch, features) for several networks trained side by side: the formulas
describe the last two axes, and NumPy repeats them over the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Module:
    """One step of a network: `forward` computes its output, `backward` the gradient of its input."""

    def __init__(self, **parameters: Array) -> None:
        self.parameters = parameters
        """The numbers that training changes, by name."""
        self.gradients = {name: np.zeros_like(value) for name, value in parameters.items()}
        """∂L/∂parameter, same names and shapes; `backward` fills them."""
        self.memory: dict[Any, Array] = {}

    def keep(self, name: str, function: Callable[..., Array], *arrays: Any) -> Array:
        """function(*arrays), written into memory that the next call of this name and shape reuses."""
        key = name, arrays[0].shape, arrays[0].dtype.char
        result = self.memory[key] = function(*arrays, out=self.memory.get(key))
        return result

    def forward(self, x: Array) -> Array:
        """y = f(x)."""
        raise NotImplementedError

    def backward(self, g: Array) -> Array:
        """∂L/∂x from g = ∂L/∂y, for the last x of `forward`."""
        raise NotImplementedError

    def parts(self) -> Iterator[Module]:
        """The module itself; a module that consists of others yields these, in order."""
        yield self


class Linear(Module):
    """Weighted sums: every output is the sum of all inputs, each multiplied by its own weight, plus a bias.

        forward    y = x W + b         y_nj = Σ_i x_ni W_ij + b_j         (n: sample, i: input, j: output)
        backward   ∂L/∂x = g Wᵀ        x_ni is in every y_nj with factor W_ij:        Σ_j g_nj W_ij
                   ∂L/∂W = xᵀ g        W_ij is multiplied by x_ni in every sample n:  Σ_n x_ni g_nj
                   ∂L/∂b = Σ_n g_n     b_j is in every y_nj with factor 1:            Σ_n g_nj

    weight (..., inputs, outputs), bias (..., outputs); x (..., batch, inputs) → y (..., batch, outputs).
    """

    def __init__(self, weight: Array, bias: Array) -> None:
        super().__init__(weight=weight, bias=bias)

    def forward(self, x: Array) -> Array:
        self.x = x
        y = self.keep("y", np.matmul, x, self.parameters["weight"])
        return np.add(y, self.parameters["bias"][..., None, :], out=y)

    def backward(self, g: Array) -> Array:
        np.matmul(self.x.mT, g, out=self.gradients["weight"])
        np.matmul(ones(g.shape[-2], g.dtype.char), g, out=self.gradients["bias"])  # 1·g₀ + 1·g₁ + …: a fast sum
        return self.keep("gx", np.matmul, g, self.parameters["weight"].mT)


@cache
def ones(n: int, kind: str) -> Array:
    """A row of n ones."""
    return np.ones(n, kind)


class ReLU(Module):
    """Negative numbers become 0, the others stay (Nair and Hinton 2010).

    forward    y = max(x, 0)
    backward   ∂L/∂x = g where x > 0, else 0        the slope of y is 1 on the right and 0 on the left
    """

    def forward(self, x: Array) -> Array:
        self.y = self.keep("y", np.maximum, x, 0)
        return self.y

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.sign, self.y)  # y is never negative, so its sign is 1 or 0
        return np.multiply(g, slope, out=slope)


class LogSoftmax(Module):
    """Logarithms of probabilities: the outputs e^x_j / Σ_k e^x_k are positive and sum to 1.

    forward    y_j = x_j − log Σ_k e^x_k                        the log-sum-exp trick: with m = max x,
                   = (x_j − m) − log Σ_k e^(x_k − m)            no exponent is above 0, nothing overflows
    backward   ∂L/∂x_j = g_j − p_j Σ_k g_k      p = e^y: raising x_j raises y_j by 1 and lowers every y_k by p_j
    """

    def forward(self, x: Array) -> Array:
        y = self.keep("y", np.subtract, x, x.max(axis=-1, keepdims=True))
        self.p = self.keep("p", np.exp, y)
        total = self.p.sum(axis=-1, keepdims=True)
        self.p /= total
        y -= np.log(total, out=total)
        return y

    def backward(self, g: Array) -> Array:
        gx = self.keep("gx", np.multiply, self.p, g.sum(axis=-1, keepdims=True))
        return np.subtract(g, gx, out=gx)


class Sequential(Module):
    """Modules in a row: forward in order, backward in reverse (the chain rule)."""

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        self.modules = modules

    def forward(self, x: Array) -> Array:
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, g: Array) -> Array:
        for module in reversed(self.modules):
            g = module.backward(g)
        return g

    def parts(self) -> Iterator[Module]:
        for module in self.modules:
            yield from module.parts()


class Loss:
    """One number for how far the outputs y are from the targets t: the mean over the batch. Training makes it small."""

    def forward(self, y: Array, t: Array) -> Array:
        """L, one number per network."""
        raise NotImplementedError

    def backward(self, y: Array, t: Array) -> Array:
        """∂L/∂y, the start of the backward pass."""
        raise NotImplementedError


class NLL(Loss):
    """Negative log-likelihood: −log of the probability of the right class, averaged over the batch.

        forward    L = −(1/n) Σ_n Σ_j t_nj y_nj      t is 1 for the right class, 0 for the others: one term per sample
        backward   ∂L/∂y_nj = −t_nj / n

    y (..., batch, classes) log-probabilities, t (batch, classes) → L (...).
    """

    def forward(self, y: Array, t: Array) -> Array:
        return -np.einsum("...nj,...nj->...", y, t) / t.shape[-2]

    def backward(self, y: Array, t: Array) -> Array:
        return -t / t.shape[-2]


class SGD:
    """Gradient descent: every parameter takes a small step against its gradient, w ← w − lr · ∂L/∂w."""

    def __init__(self, parameters: Array, gradients: Array) -> None:
        self.parameters, self.gradients = parameters, gradients
        self.change = np.zeros_like(parameters)

    def step(self, lr: float) -> None:
        self.parameters -= np.multiply(self.gradients, lr, out=self.change)


def xavier(inputs: int, outputs: int, rng: np.random.Generator) -> Linear:
    """A Linear whose outputs vary about as much as its inputs: W from U(±√(6 / (inputs + outputs))), b = 0
    (Glorot and Bengio 2010)."""
    bound = math.sqrt(6 / (inputs + outputs))
    weight = rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
    return Linear(weight, np.zeros(outputs, np.float32))


def flatten(network: Module) -> tuple[Array, Array]:
    """Copy all parameters into one vector and all gradients into another, and return both.

    The modules then work on views of them, so that an optimizer changes all parameters with one operation."""
    owned = [(part, name) for part in network.parts() for name in part.parameters]
    parameters = np.concatenate([part.parameters[name].ravel() for part, name in owned])
    gradients = np.zeros_like(parameters)
    start = 0
    for part, name in owned:
        shape, stop = part.parameters[name].shape, start + part.parameters[name].size
        part.parameters[name] = parameters[start:stop].reshape(shape)
        part.gradients[name] = gradients[start:stop].reshape(shape)
        start = stop
    return parameters, gradients


def train(
    network: Module, loss: Loss, optimizer: SGD, batches: Iterable[tuple[Array, Array]], rates: Iterable[float]
) -> None:
    """The loop: forward, loss, backward and step, once for every batch (x, t) and learning rate."""
    for (x, t), lr in zip(batches, rates, strict=False):
        y = network.forward(x)
        network.backward(loss.backward(y, t))
        optimizer.step(lr)
