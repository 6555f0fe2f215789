"""The layers of a network as functions that Numba compiles: forward and backward of each, next to each other.

They compute what `nnlab.scratch` computes, with its names and formulas: read `scratch/core.py` and `scratch/modules.py`
first. Samples are columns, (features, batch), since the inner loops then run along the batch, which is longer than a
small layer is wide. The loops are written out: compiled, they need no temporary arrays.

Compiling takes seconds, and each of these habits saves some: pieces of an array come from `vector` and `matrix`
instead of slices, a function is called at one place, and its arguments have the same types at each call.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from nnlab.engines.compiled_cache import njit

ACTIVATIONS = ("none", "relu", "leaky_relu", "gelu", "elu", "tanh", "softplus", "sigmoid", "silu")
NONE, RELU, LEAKY_RELU, GELU, ELU, TANH, SOFTPLUS, SIGMOID, SILU = range(len(ACTIVATIONS))
NORMS = ("none", "batch", "layer")
NO_NORM, BATCH_NORM, LAYER_NORM = range(len(NORMS))

LARGE = 4096
"""Multiply-adds of a product from which BLAS is faster than a loop."""

f32 = np.float32
EPS = f32(1e-5)  # of both normalisations
LOG2E, LN2_HIGH, LN2_LOW = f32(1.4426950408889634), f32(0.693145751953125), f32(1.428606765330187e-06)

FAST = {"reassoc", "contract", "arcp", "nsz"}  # sums are reordered and vectorized; nan and infinity stay what they are
entry_point = njit(error_model="numpy", fastmath=FAST)
kernel = njit(error_model="numpy", fastmath=FAST, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions that only compiled code calls."""
in_order = njit(error_model="numpy", fastmath=FAST - {"reassoc"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions whose digits depend on the order of their sums."""


def _view(context: Any, builder: ir.IRBuilder, signature: Any, args: Any, *shape: ir.Value) -> ir.Value:
    """An array of that shape in the memory of the array args[0], from its number args[1] on."""
    source = make_array(signature.args[0])(context, builder, args[0])
    view = make_array(signature.return_type)(context, builder)
    strides = [context.get_constant(types.intp, signature.return_type.dtype.bitwidth // 8)]
    for count in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], count))
    populate_array(
        view,
        data=builder.gep(source.data, [args[1]]),
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=strides[-1],
        meminfo=None,
    )
    return view._getvalue()


@intrinsic
def vector(_: Any, memory: Any, start: Any, count: Any) -> Any:
    """`count` numbers of the array `memory` from number `start` on, as a view that shares its memory."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return _view(context, builder, signature, args, args[2])

    return types.Array(memory.dtype, 1, "C")(memory, types.intp, types.intp), generate


@intrinsic
def matrix(_: Any, memory: Any, start: Any, rows: Any, columns: Any) -> Any:
    """A matrix (rows, columns) of the array `memory` from number `start` on, as a view that shares its memory."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return _view(context, builder, signature, args, args[2], args[3])

    return types.Array(memory.dtype, 2, "C")(memory, types.intp, types.intp, types.intp), generate


@in_order  # k ln 2 is subtracted in two parts, which processors without fused multiply-add would join to one
def exp(x):
    """x (n,) becomes e^x, in steps that the compiler vectorizes: x = k ln 2 + r, e^x = 2^k e^r, e^r by its series.

    Below -87 the result is the smallest number, above 88.7 infinity.
    """
    bits = x.view(np.int32)
    for i in range(x.size):
        v = x[i]
        above, usual = v > f32(88.72), v <= f32(88.72)  # nan is neither
        inside = max(v, f32(-87.33)) if usual else f32(0)
        k = np.floor(inside * LOG2E + f32(0.5))
        r = inside - k * LN2_HIGH - k * LN2_LOW
        p = f32(1.9875691500e-4)
        p = p * r + f32(1.3981999507e-3)
        p = p * r + f32(8.3334519073e-3)
        p = p * r + f32(4.1665795894e-2)
        p = p * r + f32(1.6666665459e-1)
        p = p * r + f32(5.0000001201e-1)
        p = p * r * r + r + f32(1)
        bits[i] = 0
        x[i] = p if usual else (f32(np.inf) if above else v)
        bits[i] += np.int32(k) << np.int32(23)


@kernel
def activate(kind, x, y):
    """y = f(x) of every number; x, y (n,). The formulas are those of `scratch/modules.py`.

    Five of them are made of one exponential, of x, 2x, -|x| or -x."""
    if kind == RELU:
        for i in range(x.size):
            y[i] = f32(0) if x[i] < f32(0) else x[i]  # nan stays
    elif kind == LEAKY_RELU or kind == NONE:
        slope = f32(0.01) if kind == LEAKY_RELU else f32(1)
        for i in range(x.size):
            y[i] = slope * x[i] if x[i] < f32(0) else x[i]
    elif kind == GELU:
        for i in range(x.size):
            y[i] = x[i] * f32(0.5) * (f32(1) + f32(math.erf(x[i] * f32(math.sqrt(0.5)))))
    else:
        for i in range(x.size):
            v = x[i]
            y[i] = v if kind == ELU else v + v if kind == TANH else -abs(v) if kind == SOFTPLUS else -v
        exp(y)
        for i in range(x.size):
            v = x[i]
            if kind == ELU:
                y[i] = v if v > f32(0) else y[i] - f32(1)
            elif kind == TANH:
                y[i] = f32(1) - f32(2) / (y[i] + f32(1))
            elif kind == SILU:
                y[i] = v / (f32(1) + y[i])
            elif kind == SIGMOID:
                y[i] = f32(1) / (f32(1) + y[i])
        if kind == SOFTPLUS:
            for i in range(x.size):
                y[i] = max(x[i], f32(0)) + f32(math.log1p(y[i]))


@kernel
def activation_backward(kind, x, y, g, free):
    """g becomes g · f′(x); x, y, g (n,). `free` (n,) is overwritten."""
    if kind == GELU or kind == SILU or kind == SOFTPLUS:
        for i in range(g.size):
            free[i] = f32(-0.5) * x[i] * x[i] if kind == GELU else -x[i]
        exp(free)
    for i in range(g.size):
        if kind == RELU:
            g[i] = g[i] if y[i] > f32(0) else f32(0)
        elif kind == LEAKY_RELU:
            g[i] = g[i] if x[i] > f32(0) else f32(0.01) * g[i]
        elif kind == ELU:
            g[i] = g[i] if x[i] > f32(0) else g[i] * (y[i] + f32(1))
        elif kind == TANH:
            g[i] *= f32(1) - y[i] * y[i]
        elif kind == SIGMOID:
            g[i] *= y[i] * (f32(1) - y[i])
        elif kind == SOFTPLUS:
            g[i] /= f32(1) + free[i]
        elif kind == SILU:
            s = f32(1) / (f32(1) + free[i])
            g[i] *= y[i] + s - y[i] * s
        elif kind == GELU:
            below = f32(0.5) * (f32(1) + f32(math.erf(x[i] * f32(math.sqrt(0.5)))))
            g[i] *= below + x[i] * free[i] * f32(1 / math.sqrt(2 * math.pi))


@kernel
def linear(weight, bias, x, y):
    """y = Wᵀ x + b: weight (inputs, width), x (inputs, n), y (width, n)."""
    inputs, width = weight.shape
    n = x.shape[1]
    large = inputs * width * n >= LARGE
    if large:
        np.dot(weight.T, x, y)
    for j in range(width):
        if large:
            for b in range(n):
                y[j, b] += bias[j]
        else:
            for b in range(n):
                y[j, b] = bias[j]
            for i in range(inputs):
                w = weight[i, j]
                for b in range(n):
                    y[j, b] += w * x[i, b]


@kernel
def linear_backward(weight, x, g, gweight, gbias, gx, inner):
    """∂L/∂W = x gᵀ, ∂L/∂b = Σ g and, for an inner layer, ∂L/∂x = W g."""
    inputs, width = weight.shape
    n = x.shape[1]
    row_sums(g, gbias)
    if inputs * width * n >= LARGE:
        np.dot(x, g.T, gweight)
        if inner:
            np.dot(weight, g, gx)
        return
    for i in range(inputs):
        for j in range(width):
            total = f32(0)
            for b in range(n):
                total += x[i, b] * g[j, b]
            gweight[i, j] = total
        if inner:
            for b in range(n):
                gx[i, b] = f32(0)
            for j in range(width):
                w = weight[i, j]
                for b in range(n):
                    gx[i, b] += w * g[j, b]


@kernel
def pictures_linear(weight, bias, pictures, y):
    """The first layer where samples are rows, pictures (n, inputs): y = Wᵀ picturesᵀ + b, (width, n)."""
    np.dot(weight.T, pictures.T, y)
    for j in range(len(y)):
        for b in range(y.shape[1]):
            y[j, b] += bias[j]


@kernel
def pictures_backward(pictures, g, gweight, gbias):
    """Its ∂L/∂W = picturesᵀ gᵀ and ∂L/∂b = Σ g."""
    np.dot(pictures.T, g.T, gweight)
    row_sums(g, gbias)


@kernel
def row_sums(g, sums):
    """The sum of every row of g (width, n)."""
    for j in range(len(g)):
        total = f32(0)
        for b in range(g.shape[1]):
            total += g[j, b]
        sums[j] = total


@kernel
def normalise(kind, training, x, scale, shift, mean, variance, z, y, spread):
    """Batch or layer normalisation of x (width, n): z (width, n) standardised, y = z · scale + shift, and `spread`, the
    divisor of every unit (batch) or sample (layer). In training the running `mean` and `variance` move. z may be x."""
    width, n = x.shape
    if kind == LAYER_NORM:
        center, share = vector(y, 0, n), f32(1) / f32(width)
        for b in range(n):
            center[b], spread[b] = f32(0), f32(0)
        for j in range(width):
            for b in range(n):
                center[b] += x[j, b] * share
        for j in range(width):
            for b in range(n):
                z[j, b] = x[j, b] - center[b]
                spread[b] += z[j, b] * z[j, b]
        for b in range(n):
            spread[b] = np.sqrt(spread[b] * share + EPS)
    for j in range(width):
        if kind == BATCH_NORM:
            center_j, square = mean[j], variance[j]
            if training:
                center_j, square = f32(0), f32(0)
                for b in range(n):
                    center_j += x[j, b]
                center_j /= f32(n)
            for b in range(n):
                z[j, b] = x[j, b] - center_j
            if training:
                for b in range(n):
                    square += z[j, b] * z[j, b]
                square /= f32(n)
                mean[j] += f32(0.1) * (center_j - mean[j])
                variance[j] += f32(0.1) * (square * f32(n / max(1, n - 1)) - variance[j])
            spread[j] = np.sqrt(square + EPS)
        for b in range(n):
            z[j, b] /= spread[j] if kind == BATCH_NORM else spread[b]
            y[j, b] = z[j, b] * scale[j] + shift[j]


@kernel
def normalise_backward(kind, scale, z, spread, g, gscale, gshift):
    """g, the gradient of y, becomes that of x: (h − mean(h) − z · mean(h z)) / s with h = g · scale."""
    width, n = g.shape
    for j in range(width):
        total, product = f32(0), f32(0)
        for b in range(n):
            total += g[j, b]
            product += g[j, b] * z[j, b]
            g[j, b] *= scale[j]
        gshift[j], gscale[j] = total, product
        if kind == BATCH_NORM:
            total, product = scale[j] * total / f32(n), scale[j] * product / f32(n)
            for b in range(n):
                g[j, b] = (g[j, b] - total - z[j, b] * product) / spread[j]
    if kind == LAYER_NORM:
        for b in range(n):
            total, product = f32(0), f32(0)
            for j in range(width):
                total += g[j, b]
                product += g[j, b] * z[j, b]
            total, product = total / f32(width), product / f32(width)
            for j in range(width):
                g[j, b] = (g[j, b] - total - z[j, b] * product) / spread[b]
