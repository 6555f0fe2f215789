"""Optimizers: how parameters follow their gradients. Plain gradient descent, SGD, is in `core.py`.

An optimizer sees one vector w of all parameters and one vector g of all gradients (see `core.flatten`), and works in
place. The definitions, and the constants, are PyTorch's, so that both engines take the same steps.

`l2` pulls the weights towards 0: the penalty (l2/2) Σ w² adds l2 · w to the gradient.
"""

from __future__ import annotations

import math

import numpy as np

from nnlab.scratch.core import SGD, Array


class Optimizer(SGD):
    """SGD with L2. The others change `update`."""

    memory: tuple[str, ...] = ()
    """Names of the vectors an optimizer remembers from step to step; each starts at 0."""

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
    """A heavy ball: steps in the same direction add up, steps to and fro cancel (Polyak 1964).

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
    """Momentum that looks ahead: the gradient counts once more, as it will in the next step (Nesterov 1983,
    Sutskever et al. 2013).

    v ← 0.9 v + g
    w ← w − lr · (g + 0.9 v)
    """

    def update(self, lr: float) -> None:
        self.v *= self.momentum
        self.v += self.gradients
        change = np.multiply(self.v, self.momentum, out=self.change)
        change += self.gradients
        change *= lr
        self.parameters -= change


class RMSprop(Optimizer):
    """Every parameter has a step size of its own: large where gradients are small, small where they are large
    (Tieleman and Hinton 2012).

    s ← s + 0.01 (g² − s)                 the mean square of the gradient, over about the last hundred steps
    w ← w − lr · g / (√s + ε)
    """

    memory = ("s",)
    s: Array
    new = 0.01
    eps = 1e-8

    def update(self, lr: float) -> None:
        change = np.multiply(self.gradients, self.gradients, out=self.change)
        change -= self.s
        change *= self.new
        self.s += change
        np.sqrt(self.s, out=change)
        change += self.eps
        np.divide(self.gradients, change, out=change)
        change *= lr
        self.parameters -= change


class Adam(Optimizer):
    """Momentum with RMSprop's step sizes (Kingma and Ba 2015).

        m ← 0.9 m + g                      sum of the gradients, fading: that of ten steps ago counts a third
        s ← 0.999 s + g²                   sum of their squares, fading over about a thousand steps
        w ← w − lr · m̂ / (√ŝ + ε)

    Means are sums divided by the weights in them: after t steps m̂ = m / (1 + 0.9 + … + 0.9ᵗ⁻¹) = m · 0.1 / (1 − 0.9ᵗ)
    and ŝ = s · 0.001 / (1 − 0.999ᵗ). The paper keeps 0.1 m and 0.001 s, which are the same and take longer.
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
        self.s += np.multiply(self.gradients, self.gradients, out=self.change)
        change = np.sqrt(self.s, out=self.change)  # √ŝ + ε = (√s + ε √in_s) / √in_s
        change += self.eps * math.sqrt(in_s)
        np.divide(self.m, change, out=change)
        change *= lr * math.sqrt(in_s) / in_m
        self.parameters -= change


class AdamW(Adam):
    """Adam in which the pull towards 0 does not pass through the step sizes: w ← w − lr · l2 · w, then Adam's step
    (Loshchilov and Hutter 2019)."""

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
