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

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.maximum(x, 0.01 * x)

    def backward(self, g: Array) -> Array:
        return g * np.maximum(np.sign(self.x), 0.01)  # the sign is 1, 0 or −1


class ELU(Module):
    """Approaches −1 smoothly on the left (Clevert et al. 2016).

    forward    y = x where x > 0, else e^x − 1
    backward   ∂L/∂x = g · (1 where x > 0, else e^x)        and e^x is y + 1 there
    """

    def forward(self, x: Array) -> Array:
        self.y = np.maximum(x, 0) + np.expm1(np.minimum(x, 0))
        return self.y

    def backward(self, g: Array) -> Array:
        return g * (np.minimum(self.y, 0) + 1)


class GELU(Module):
    """x times the share Φ(x) of the standard normal distribution that is below x (Hendrycks and Gimpel 2016).

    forward    y = x Φ(x)                       Φ(x) = (1 + erf(x/√2)) / 2
    backward   ∂L/∂x = g · (Φ(x) + x φ(x))      product rule; φ(x) = e^(−x²/2) / √(2π) is the slope of Φ
    """

    def forward(self, x: Array) -> Array:
        from scipy.special import erf  # an import that only GELU needs

        self.x = x
        self.below = (1 + erf(x * math.sqrt(0.5))) / 2
        return x * self.below

    def backward(self, g: Array) -> Array:
        density = np.exp(self.x**2 / -2) * (1 / math.sqrt(2 * math.pi))
        return g * (self.below + self.x * density)


class SiLU(Module):
    """x times its sigmoid, also called swish (Elfwing et al. 2018).

    forward    y = x σ(x)
    backward   ∂L/∂x = g · (σ + x σ (1 − σ)) = g · (σ + y − y σ)       product rule
    """

    def forward(self, x: Array) -> Array:
        self.s = sigmoid(x)
        self.y = x * self.s
        return self.y

    def backward(self, g: Array) -> Array:
        return g * (self.s + (self.y - self.y * self.s))


class Tanh(Module):
    """A curve in the shape of an S, from −1 to 1.

    forward    y = tanh x
    backward   ∂L/∂x = g · (1 − y²)
    """

    def forward(self, x: Array) -> Array:
        self.y = np.tanh(x)
        return self.y

    def backward(self, g: Array) -> Array:
        return g * (1 - self.y**2)


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e^−x), written as (1 + tanh(x/2)) / 2: the same, and nothing can overflow."""
    return (1 + np.tanh(x / 2)) / 2


class Sigmoid(Module):
    """A curve in the shape of an S, from 0 to 1: a probability. Its slope is at most a quarter, so a gradient shrinks
    from layer to layer, and deep sigmoid networks hardly learn.

    forward    y = σ(x) = 1 / (1 + e^−x)
    backward   ∂L/∂x = g · y (1 − y)
    """

    def forward(self, x: Array) -> Array:
        self.y = sigmoid(x)
        return self.y

    def backward(self, g: Array) -> Array:
        return g * (self.y * (1 - self.y))


class Softplus(Module):
    """A smooth version of ReLU.

    forward    y = log(1 + e^x) = max(x, 0) + log(1 + e^−|x|)       the second form cannot overflow
    backward   ∂L/∂x = g · σ(x)
    """

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def backward(self, g: Array) -> Array:
        return g * sigmoid(self.x)


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
    return np.add.reduce(x, axis=axis, keepdims=True) / x.shape[axis]  # x.mean takes twice as long


class LayerNorm(Module):
    """Brings the features of every sample to mean 0 and variance 1, then applies a learned scale and shift
    (Ba et al. 2016).

        forward    z = (x − μ) / s          μ, s²: mean and variance (+ ε) over the d features of one sample
                   y = z · scale + shift
        backward   ∂L/∂shift = Σ_n g_n      ∂L/∂scale = Σ_n g_n z_n
                   ∂L/∂x = (h − mean(h) − z · mean(h z)) / s       with h = g · scale

    x_j changes z_j directly (h_j), and every z through μ (the term mean(h)) and through s (the term z · mean(h z)).
    """

    over = -1  # the axis of the mean and the variance
    eps = 1e-5  # keeps the division finite where all numbers are equal

    def __init__(self, scale: Array, shift: Array) -> None:
        super().__init__(scale=scale, shift=shift)

    def forward(self, x: Array) -> Array:
        center, variance = self.statistics(x)
        self.s = np.sqrt(variance + self.eps)
        self.z = (x - center) / self.s
        return self.z * self.parameters["scale"][..., None, :] + self.parameters["shift"][..., None, :]

    def statistics(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance; the axis they are taken over remains with length 1."""
        center = mean(x, self.over)
        return center, mean((x - center) ** 2, self.over)

    def backward(self, g: Array) -> Array:
        samples = ones(g.shape[-2], g.dtype.char)
        np.matmul(samples, g * self.z, out=self.gradients["scale"])
        np.matmul(samples, g, out=self.gradients["shift"])
        h = g * self.parameters["scale"][..., None, :]
        return (h - self.z * mean(h * self.z, self.over) - mean(h, self.over)) / self.s


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

    def statistics(self, x: Array) -> tuple[Array, Array]:
        if not self.training:
            return self.mean[..., None, :], self.variance[..., None, :]
        n = x.shape[-2]
        center, variance = super().statistics(x)  # (..., 1, features)
        self.mean += self.momentum * (center[..., 0, :] - self.mean)
        self.variance += self.momentum * (variance[..., 0, :] * (n / max(1, n - 1)) - self.variance)
        return center, variance

    def backward(self, g: Array) -> Array:
        gx = super().backward(g)
        if self.training:
            return gx
        return g * self.parameters["scale"][..., None, :] / self.s  # no x_j changes μ or s


class IgnoredBias(Module):
    """In front of a Linear whose bias batch normalisation subtracts again. The sum ∂L/∂b would be rounding, which Adam
    scales up to whole steps.

    forward    y = x
    backward   ∂L/∂x = g, and ∂L/∂b = 0 in the Linear
    """

    def __init__(self, linear: Module) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, g: Array) -> Array:
        self.linear.gradients["bias"][:] = 0
        return g


class InputLinear(Linear):
    """The first Linear of a network. The formulas are Linear's, without ∂L/∂x, as no module needs the gradient of the
    data: `backward` returns an empty array. With MNIST's 784 inputs that saves a third of a step."""

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
        self.k = (self._uniform(x) >= self.rate) * x.dtype.type(1 / (1 - self.rate))
        return x * self.k

    def _uniform(self, x: Array) -> Array:
        """Uniform numbers in [0, 1), float32, in the shape of x."""
        networks = [generator.random(x.shape[-2:], np.float32) for generator in self.generators]
        return np.reshape(networks, x.shape)

    def backward(self, g: Array) -> Array:
        return g * self.k


class Residual(Module):
    """A skip connection: the input is added to the output (He et al. 2016).

    forward    y = f(x) + x
    backward   ∂L/∂x = gᵀJ of f + g       the direct path from x to the loss has slope 1, so no gradient is lost on it
    """

    def __init__(self, inner: Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Array) -> Array:
        return self.inner.forward(x) + x

    def backward(self, g: Array) -> Array:
        return self.inner.backward(g) + g

    def parts(self) -> Iterator[Module]:
        yield from self.inner.parts()
