"""Optimizers compute the step of the parameters from their gradients. Plain gradient descent, SGD, is in `core.py`.

An optimizer has one vector w of all parameters, which it changes in place, and one vector g of all gradients (see
`core.flatten`). Rules and constants are those of PyTorch, so that all engines take the same steps.

`l2` draws the weights towards 0: the penalty (l2/2) Σ w² adds l2 · w to the gradient.
"""

import math

import numpy as np

from nnlab.scratch.core import SGD, Array


class Optimizer(SGD):
    """SGD with L2. The others replace `update`."""

    memory: tuple[str, ...] = ()
    """Names of the vectors that an optimizer updates in every step; each starts at 0."""

    def __init__(self, parameters: Array, gradients: Array, l2: float = 0.0) -> None:
        super().__init__(parameters, gradients)
        self.l2 = l2
        self.steps = 0
        for name in self.memory:
            setattr(self, name, np.zeros_like(parameters))

    def step(self, lr: float) -> None:
        self.steps += 1
        self.decay(lr)
        self.update(lr)

    def decay(self, lr: float) -> None:
        """g ← g + l2 · w"""
        if self.l2:
            self.gradients += np.multiply(self.parameters, self.l2, out=self.change)

    def update(self, lr: float) -> None:
        super().step(lr)

    def state(self) -> dict[str, Array]:
        """Copies of all that a later step depends on, beside the parameters."""
        return {"steps": np.array([self.steps])} | {name: getattr(self, name).copy() for name in self.memory}

    def load(self, state: dict[str, Array]) -> None:
        """Go on from a state."""
        self.steps = int(state["steps"][0])
        for name in self.memory:
            getattr(self, name)[:] = state[name]


class Momentum(Optimizer):
    """Steps in the same direction add up, opposite steps cancel (Polyak 1964).

    v ← 0.9 v + g
    w ← w − lr · v
    """

    memory = ("v",)
    v: Array
    momentum = 0.9

    def update(self, lr: float) -> None:
        self.v *= self.momentum
        self.v += self.gradients
        self.parameters -= np.multiply(self.v, lr, out=self.change)


class Nesterov(Momentum):
    """Momentum that applies the current gradient twice, in v and by itself (Nesterov 1983, Sutskever et al. 2013).

    v ← 0.9 v + g
    w ← w − lr · (g + 0.9 v)
    """

    def update(self, lr: float) -> None:
        self.v *= self.momentum
        self.v += self.gradients
        self.parameters -= lr * (self.gradients + self.momentum * self.v)


class RMSprop(Optimizer):
    """Every parameter has its own step size: large where gradients are small, small where they are large
    (Tieleman and Hinton 2012).

    s ← s + 0.01 (g² − s)                 the mean square of the gradient, over about the last hundred steps
    w ← w − lr · g / (√s + ε)
    """

    memory = ("s",)
    s: Array
    new = 0.01
    eps = 1e-8

    def update(self, lr: float) -> None:
        self.s += self.new * (np.square(self.gradients) - self.s)
        self.parameters -= lr * (self.gradients / (np.sqrt(self.s) + self.eps))


class Adam(Optimizer):
    """Momentum with RMSprop's step sizes (Kingma and Ba 2015).

        m ← 0.9 m + g                      weighted sum of the gradients: that of ten steps ago has a third its weight
        s ← 0.999 s + g²                   weighted sum of their squares, over about a thousand steps
        w ← w − lr · m̂ / (√ŝ + ε)

    The means m̂ and ŝ are the sums divided by their weights: after t steps m̂ = m / (1 + 0.9 + … + 0.9ᵗ⁻¹)
    = m · 0.1 / (1 − 0.9ᵗ) and ŝ = s · 0.001 / (1 − 0.999ᵗ). The paper stores 0.1 m and 0.001 s, with equal results.
    """

    memory = ("m", "s")
    m: Array
    s: Array
    fade_m, fade_s = 0.9, 0.999
    eps = 1e-8

    def update(self, lr: float) -> None:
        in_m = (1 - self.fade_m**self.steps) / (1 - self.fade_m)  # the weights in the sums
        in_s = (1 - self.fade_s**self.steps) / (1 - self.fade_s)
        self.m *= self.fade_m
        self.m += self.gradients
        self.s *= self.fade_s
        self.s += np.square(self.gradients, out=self.change)
        change = np.sqrt(self.s, out=self.change)  # √ŝ + ε = (√s + ε √in_s) / √in_s
        change += self.eps * math.sqrt(in_s)
        np.divide(self.m, change, out=change)
        change *= lr * math.sqrt(in_s) / in_m
        self.parameters -= change


class AdamW(Adam):
    """Adam with L2 outside the gradient, so that the step sizes do not rescale it: w ← w − lr · l2 · w, then Adam's
    step (Loshchilov and Hutter 2019)."""

    def decay(self, lr: float) -> None:
        if self.l2:
            self.parameters *= 1 - lr * self.l2


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": Optimizer,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}
