"""More modules: the other activations, normalisation, dropout and the skip connection. `core.py` has Linear, ReLU,
LogSoftmax and Sequential, and explains forward and backward.

An activation computes every number by itself, y = f(x), so its vector-Jacobian product is one product:
∂L/∂x = g · f′(x). The slope f′ of f is how much y grows when x grows a little.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.scratch.core import Array, Linear, Module, ReLU, Sequential, ones


class LeakyReLU(Module):
    """As ReLU, but negative numbers are multiplied by 0.01, so that the slope is never 0 (Maas et al. 2013).

    forward    y = x where x > 0, else 0.01 x
    backward   ∂L/∂x = g · (1 where x > 0, else 0.01)
    """

    slope = 0.01

    def forward(self, x: Array) -> Array:
        self.x = x
        return self.keep("y", np.maximum, x, self.keep("small", np.multiply, x, self.slope))

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.sign, self.x)  # 1, −1 or 0 …
        np.maximum(slope, self.slope, out=slope)  # … becomes 1 or 0.01
        return np.multiply(g, slope, out=slope)


class ELU(Module):
    """Approaches −1 smoothly on the left (Clevert et al. 2016).

    forward    y = x where x > 0, else e^x − 1
    backward   ∂L/∂x = g · (1 where x > 0, else e^x)        and e^x is y + 1 there
    """

    def forward(self, x: Array) -> Array:
        y = self.keep("y", np.minimum, x, 0)
        np.expm1(y, out=y)
        self.y = np.add(y, self.keep("right", np.maximum, x, 0), out=y)
        return y

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.minimum, self.y, 0)
        slope += 1
        return np.multiply(g, slope, out=slope)


class GELU(Module):
    """x times the share Φ(x) of the standard normal distribution that is below x (Hendrycks and Gimpel 2016).

    forward    y = x Φ(x)                       Φ(x) = (1 + erf(x/√2)) / 2
    backward   ∂L/∂x = g · (Φ(x) + x φ(x))      product rule; φ(x) = e^(−x²/2) / √(2π) is the slope of Φ
    """

    def forward(self, x: Array) -> Array:
        from scipy.special import erf  # an import that only GELU needs

        self.x = x
        below = self.keep("below", np.multiply, x, math.sqrt(0.5))
        erf(below, out=below)
        below += 1
        below *= 0.5
        self.below = below
        return self.keep("y", np.multiply, x, below)

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.multiply, self.x, self.x)
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= 1 / math.sqrt(2 * math.pi)
        slope *= self.x
        slope += self.below
        return np.multiply(g, slope, out=slope)


class SiLU(Module):
    """x times its sigmoid, also called swish (Elfwing et al. 2018).

    forward    y = x σ(x)
    backward   ∂L/∂x = g · (σ + x σ (1 − σ)) = g · (σ + y − y σ)       product rule
    """

    def forward(self, x: Array) -> Array:
        self.s = self.keep("s", sigmoid, x)
        self.y = self.keep("y", np.multiply, x, self.s)
        return self.y

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.multiply, self.y, self.s)
        np.subtract(self.y, slope, out=slope)
        slope += self.s
        return np.multiply(g, slope, out=slope)


class Tanh(Module):
    """A curve in the shape of an S, from −1 to 1.

    forward    y = tanh x
    backward   ∂L/∂x = g · (1 − y²)
    """

    def forward(self, x: Array) -> Array:
        self.y = self.keep("y", np.tanh, x)
        return self.y

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.multiply, self.y, self.y)
        np.subtract(1, slope, out=slope)
        return np.multiply(g, slope, out=slope)


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """σ(x) = 1 / (1 + e^−x), written as (1 + tanh(x/2)) / 2: the same, and nothing can overflow."""
    y = np.multiply(x, 0.5, out=out)
    np.tanh(y, out=y)
    y += 1
    y *= 0.5
    return y


class Sigmoid(Module):
    """A curve in the shape of an S, from 0 to 1: a probability. Its slope is at most a quarter, so a gradient shrinks
    from layer to layer, and deep sigmoid networks hardly learn.

    forward    y = σ(x) = 1 / (1 + e^−x)
    backward   ∂L/∂x = g · y (1 − y)
    """

    def forward(self, x: Array) -> Array:
        self.y = self.keep("y", sigmoid, x)
        return self.y

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", np.negative, self.y)
        slope += 1
        slope *= self.y
        return np.multiply(g, slope, out=slope)


class Softplus(Module):
    """A smooth version of ReLU.

    forward    y = log(1 + e^x) = max(x, 0) + log(1 + e^−|x|)       the second form cannot overflow
    backward   ∂L/∂x = g · σ(x)
    """

    def forward(self, x: Array) -> Array:
        self.x = x
        y = self.keep("y", np.abs, x)
        np.negative(y, out=y)
        np.log1p(np.exp(y, out=y), out=y)
        return np.add(y, self.keep("right", np.maximum, x, 0), out=y)

    def backward(self, g: Array) -> Array:
        slope = self.keep("slope", sigmoid, self.x)
        return np.multiply(g, slope, out=slope)


ACTIVATIONS: dict[str, type[Module] | None] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "none": None,
}


def mean(x: Array, axis: int) -> Array:
    """The mean along an axis, which remains with length 1."""
    total: Array = np.add.reduce(x, axis=axis, keepdims=True)  # x.mean takes twice as long
    total /= x.shape[axis]
    return total


class LayerNorm(Module):
    """Brings the features of every sample to mean 0 and variance 1, then applies a learned scale and shift
    (Ba et al. 2016).

        forward    z = (x − μ) / s          μ, s²: mean and variance (+ ε) over the d features of one sample
                   y = z · scale + shift
        backward   ∂L/∂shift = Σ_n g_n      ∂L/∂scale = Σ_n g_n z_n
                   ∂L/∂x = (h − mean(h) − z · mean(h z)) / s       with h = g · scale

    x_j changes z_j directly (h_j), and every z through μ (the term mean(h)) and through s (the term z · mean(h z)).
    """

    over = -1
    """The axis of the mean and the variance."""

    eps = 1e-5
    """Keeps the division finite where all numbers are equal."""

    def __init__(self, scale: Array, shift: Array) -> None:
        super().__init__(scale=scale, shift=shift)

    def forward(self, x: Array) -> Array:
        z = self.keep("z", np.subtract, x, mean(x, self.over))
        variance = mean(self.keep("squares", np.multiply, z, z), self.over)
        return self.standardised(z, variance)

    def standardised(self, z: Array, variance: Array) -> Array:
        """y from the centred z and the variance."""
        self.s: Array = np.sqrt(variance + self.eps)
        self.z = np.divide(z, self.s, out=z)
        y = self.keep("y", np.multiply, z, self.parameters["scale"][..., None, :])
        return np.add(y, self.parameters["shift"][..., None, :], out=y)

    def backward(self, g: Array) -> Array:
        h = self.keep("h", np.multiply, g, self.z)
        samples = ones(g.shape[-2], g.dtype.char)
        np.matmul(samples, h, out=self.gradients["scale"])
        np.matmul(samples, g, out=self.gradients["shift"])
        np.multiply(g, self.parameters["scale"][..., None, :], out=h)
        gx = self.keep("gx", np.multiply, h, self.z)
        gx = np.multiply(self.z, mean(gx, self.over), out=gx)
        np.subtract(h, gx, out=gx)
        gx -= mean(h, self.over)
        result: Array = np.divide(gx, self.s, out=gx)
        return result


class BatchNorm(LayerNorm):
    """Brings every feature to mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015). The formulas are those of
    LayerNorm, with mean and variance over the samples instead of the features.

    Evaluation uses a running mean and variance instead of those of a batch. Every training step moves them a tenth of
    the way to the values of its batch (the variance as the unbiased estimate, times n/(n − 1)).
    """

    over = -2

    def __init__(self, scale: Array, shift: Array, mean: Array, variance: Array) -> None:
        super().__init__(scale, shift)
        self.mean, self.variance = mean, variance  # (..., features)
        self.momentum = 0.1
        self.training = True

    def forward(self, x: Array) -> Array:
        if not self.training:
            z = self.keep("z", np.subtract, x, self.mean[..., None, :])
            return self.standardised(z, self.variance[..., None, :])
        n = x.shape[-2]
        center = mean(x, self.over)  # (..., 1, features)
        z = self.keep("z", np.subtract, x, center)
        variance = mean(self.keep("squares", np.multiply, z, z), self.over)
        self.mean += self.momentum * (center[..., 0, :] - self.mean)
        self.variance += self.momentum * (variance[..., 0, :] * (n / max(1, n - 1)) - self.variance)
        return self.standardised(z, variance)

    def backward(self, g: Array) -> Array:
        gx = super().backward(g)
        if self.training:
            return gx
        np.multiply(g, self.parameters["scale"][..., None, :], out=gx)
        return np.divide(gx, self.s, out=gx)  # μ and s are constants: x_j changes only z_j


class FirstLinear(Linear):
    """The first Linear of networks that train side by side on the same data. Their weights form one wide matrix, so
    that one large product replaces many small ones. The formulas are Linear's, without ∂L/∂x: no module needs the
    gradient of the data, and `backward` returns an empty array.

    weight (inputs, seeds, outputs), bias (seeds, outputs); x (batch, inputs) → y (seeds, batch, outputs).
    """

    def forward(self, x: Array) -> Array:
        self.x = x
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        y = self.keep("y", np.matmul, x, weight.reshape(len(weight), -1))  # (batch, seeds · outputs)
        y += bias.reshape(-1)
        return y.reshape(len(x), *bias.shape).swapaxes(0, 1)

    def backward(self, g: Array) -> Array:
        side_by_side = g.swapaxes(0, 1).reshape(len(self.x), -1)  # (batch, seeds · outputs)
        weight, bias = self.gradients["weight"], self.gradients["bias"]
        np.matmul(self.x.T, side_by_side, out=weight.reshape(len(weight), -1))
        np.matmul(ones(len(side_by_side), g.dtype.char), side_by_side, out=bias.reshape(-1))
        return g[..., :0]


class InputLinear(Linear):
    """The first Linear of networks that each train on their own data, as under k-fold. The formulas are Linear's,
    without ∂L/∂x."""

    def backward(self, g: Array) -> Array:
        np.matmul(self.x.mT, g, out=self.gradients["weight"])
        np.matmul(ones(g.shape[-2], g.dtype.char), g, out=self.gradients["bias"])
        return g[..., :0]


class Frozen(Sequential):
    """The first modules of a network if they are not trained.

    forward    y = f(x)
    backward   ends here and returns an empty array, which saves two thirds of the work
    """

    def backward(self, g: Array) -> Array:
        return g[..., :0]


class Dropout(Module):
    """In training every number becomes 0 with probability `rate`, and the others are divided by 1 − rate, so that
    the mean stays the same; in evaluation y = x (Srivastava et al. 2014).

        forward    y = x · k          k: 0 or 1/(1 − rate), random in every step
        backward   ∂L/∂x = g · k

    `generators`: the sources of random numbers, one per network: for x (seeds, batch, features) as many as seeds.
    """

    def __init__(self, rate: float, generators: Sequence[np.random.Generator] = ()) -> None:
        super().__init__()
        self.rate, self.generators = rate, generators
        self.training = True

    def forward(self, x: Array) -> Array:
        if not self.training:
            return x
        kept = self.keep("kept", np.greater_equal, self._uniform(x), self.rate)
        self.k = self.keep("k", np.multiply, kept, x.dtype.type(1 / (1 - self.rate)))
        return self.keep("y", np.multiply, x, self.k)

    def _uniform(self, x: Array) -> Array:
        """Uniform numbers in [0, 1), float32, in the shape of x."""
        key = "uniform", x.shape
        if key not in self.memory:
            self.memory[key] = np.empty(x.shape, np.float32)
        networks = self.memory[key].reshape(len(self.generators), *x.shape[-2:])
        for generator, network in zip(self.generators, networks, strict=True):
            generator.random(dtype=np.float32, out=network)
        return self.memory[key]

    def backward(self, g: Array) -> Array:
        return self.keep("gx", np.multiply, g, self.k)


class Residual(Module):
    """A skip connection: the input is added to the output (He et al. 2016).

    forward    y = f(x) + x
    backward   ∂L/∂x = gᵀJ of f + g       the direct path from x to the loss has slope 1, so no gradient is lost on it
    """

    def __init__(self, inner: Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Array) -> Array:
        return self.keep("y", np.add, self.inner.forward(x), x)

    def backward(self, g: Array) -> Array:
        return self.keep("gx", np.add, self.inner.backward(g), g)

    def parts(self) -> Iterator[Module]:
        yield from self.inner.parts()
