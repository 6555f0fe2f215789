"""The training of one network as functions that Numba compiles, once for every architecture.

They are the steps of `scratch/core.py`, read that first: forward, the loss and its gradient, backward, the optimizer.
All parameters of a network are one vector, as after `core.flatten`, and a table has the place of each layer's.
"""

import math
from functools import partial

import numpy as np
from numba.core import types

from nnlab.engines.compiled_cache import Function
from nnlab.engines.compiled_layers import (
    BATCH_NORM,
    NO_NORM,
    activate,
    activation_backward,
    entry_point,
    exp,
    f32,
    kernel,
    linear,
    linear_backward,
    matrix,
    normalise,
    normalise_backward,
    pictures_backward,
    pictures_linear,
    vector,
)

# columns of the layer table; TRAINING is 0 in a frozen layer and in evaluation mode, UNIT the number of its first unit
INPUTS, WIDTH, ACTIVATION, NORM, RESIDUAL, FROZEN, TRAINING = range(7)
WEIGHT, BIAS, SCALE, SHIFT, MEAN, VARIANCE, UNIT = range(7, 14)
COLUMNS = 14

LOSSES = ("bce", "cross_entropy", "mse")
BCE, CROSS_ENTROPY, MSE = range(len(LOSSES))
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
SGD, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW = range(len(OPTIMIZERS))

LINEAR, NORMED, Y, KEPT, OUT, SKIP, SPREAD = range(7)
"""What a layer keeps for its backward pass, each (width, batch)."""
SLOTS = 7


@kernel
def place(layer, work):
    """Inputs and width of a layer, its first number in `work`, and the numbers from one of its slots to the next."""
    samples = work.shape[1]
    return layer[INPUTS], layer[WIDTH], layer[UNIT] * SLOTS * samples, layer[WIDTH] * samples


@kernel
def forward(layers, dropout, parameters, running, x, pictures, uniform, first, drawn, work):
    """The outputs of the last layer (outputs, n).

    layers (layers, columns): the table; dropout (layers,): rates
    x (inputs, n), or `pictures` (n, inputs) where they are not empty
    uniform : the random numbers of `drawn` samples, of one layer after the other; sample `first` is the first of x
    work (units * slots, samples): what the backward pass needs
    """
    n = max(x.shape[1], len(pictures))
    used = 0  # numbers of `uniform` that belong to earlier layers
    for i in range(len(layers)):
        layer = layers[i]
        inputs, width, at, size = place(layer, work)
        weight, bias = matrix(parameters, layer[WEIGHT], inputs, width), vector(parameters, layer[BIAS], width)
        z, out = matrix(work, at + LINEAR * size, width, n), matrix(work, at + OUT * size, width, n)
        if i == 0 and len(pictures):
            pictures_linear(weight, bias, pictures, z)
        else:
            linear(weight, bias, x, z)
        if layer[NORM] != NO_NORM:
            normalise(
                layer[NORM],
                layer[TRAINING],
                z,
                vector(parameters, layer[SCALE], width),
                vector(parameters, layer[SHIFT], width),
                vector(running, layer[MEAN], width),
                vector(running, layer[VARIANCE], width),
                z,
                matrix(work, at + NORMED * size, width, n),
                vector(work, at + SPREAD * size, max(width, n)),
            )
        inner = at + (LINEAR if layer[NORM] == NO_NORM else NORMED) * size
        activate(layer[ACTIVATION], vector(work, inner, width * n), vector(work, at + Y * size, width * n))
        y = matrix(work, at + Y * size, width, n)
        if dropout[i] > 0:
            keep = f32(1) / (f32(1) - dropout[i])
            kept = matrix(work, at + KEPT * size, width, n)
            for j in range(width):
                for b in range(n):
                    number = uniform[used + (first + b) * width + j]
                    kept[j, b] = keep if number >= dropout[i] else f32(0)
                    out[j, b] = y[j, b] * kept[j, b]
            used += drawn * width
            y = out
        if layer[RESIDUAL]:
            for j in range(width):
                for b in range(n):
                    out[j, b] = x[j, b] + y[j, b]
            y = out
        x = y
    return x


@kernel
def loss_backward(loss, y, t, g):
    """∂L/∂y of the mean loss; y, t, g (outputs, n). Cross-entropy takes logits: the gradient is (softmax − t) / n."""
    outputs, n = y.shape
    share = f32(2 / (n * outputs)) if loss == MSE else f32(1 / n)
    if loss == MSE:
        for j in range(outputs):
            for b in range(n):
                g[j, b] = (y[j, b] - t[j, b]) * share
        return
    if loss == BCE:
        for b in range(n):
            g[0, b] = -y[0, b]
    else:
        subtract_top(y, g)
    exp(vector(g, 0, outputs * n))
    if loss == BCE:
        for b in range(n):
            g[0, b] = (f32(1) / (f32(1) + g[0, b]) - t[0, b]) * share
        return
    for b in range(n):
        total = f32(0)
        for j in range(outputs):
            total += g[j, b]
        for j in range(outputs):
            g[j, b] = (g[j, b] / total - t[j, b]) * share


@kernel
def subtract_top(y, e):
    """e = y minus the largest output of each sample; y, e (outputs, n)."""
    outputs, n = y.shape
    for b in range(n):
        top = y[0, b]
        for j in range(1, outputs):
            top = max(top, y[j, b])
        for j in range(outputs):
            e[j, b] = y[j, b] - top


@kernel
def backward(layers, dropout, parameters, x, pictures, work, g, other, gradients):
    """The gradients of all parameters that are trained, from that of the last output in the beginning of g. `g` and
    `other` (numbers,) are overwritten."""
    n = max(x.shape[1], len(pictures))
    for i in range(len(layers) - 1, -1, -1):
        layer = layers[i]
        if layer[FROZEN]:
            return
        inputs, width, at, size = place(layer, work)
        count, inner = width * n, i > 0 and layers[i - 1, FROZEN] == 0
        skip = vector(work, at + SKIP * size, count)
        if layer[RESIDUAL]:
            for k in range(count):
                skip[k] = g[k]
        if dropout[i] > 0:
            kept = vector(work, at + KEPT * size, count)
            for k in range(count):
                g[k] *= kept[k]
        activated = at + (LINEAR if layer[NORM] == NO_NORM else NORMED) * size
        activation_backward(
            layer[ACTIVATION],
            vector(work, activated, count),
            vector(work, at + Y * size, count),
            vector(g, 0, count),
            other,
        )
        gy = matrix(g, 0, width, n)
        if layer[NORM] != NO_NORM:
            normalise_backward(
                layer[NORM],
                vector(parameters, layer[SCALE], width),
                matrix(work, at + LINEAR * size, width, n),
                vector(work, at + SPREAD * size, max(width, n)),
                gy,
                vector(gradients, layer[SCALE], width),
                vector(gradients, layer[SHIFT], width),
            )
        gweight, gbias = matrix(gradients, layer[WEIGHT], inputs, width), vector(gradients, layer[BIAS], width)
        if i == 0 and len(pictures):
            pictures_backward(pictures, gy, gweight, gbias)
        else:
            below = x
            if i > 0:
                out = OUT if layers[i - 1, RESIDUAL] or dropout[i - 1] > 0 else Y
                _, _, before, its_size = place(layers[i - 1], work)
                below = matrix(work, before + out * its_size, inputs, n)
            weight = matrix(parameters, layer[WEIGHT], inputs, width)
            linear_backward(weight, below, gy, gweight, gbias, matrix(other, 0, inputs, n), inner)
        if layer[NORM] == BATCH_NORM:
            for j in range(width):
                gbias[j] = f32(0)  # the normalisation subtracts the bias: what is left is rounding
        if layer[RESIDUAL] and inner:
            for k in range(count):
                other[k] += skip[k]
        g, other = other, g


@kernel
def update(optimizer, l2, rate, step, w, g, m, s):
    """Step number `step` (from 1) of the optimizer: the parameters w from their gradients g, see
    `scratch/optimizers.py`. w, g and its memory m and s (n,)."""
    lr, decay = f32(rate), f32(l2)
    if l2 > 0:
        for i in range(w.size):
            if optimizer == ADAMW:
                w[i] *= f32(1) - lr * decay
            else:
                g[i] += decay * w[i]
    if optimizer == SGD:
        for i in range(w.size):
            w[i] -= lr * g[i]
    elif optimizer == MOMENTUM:
        for i in range(w.size):
            m[i] = f32(0.9) * m[i] + g[i]
            w[i] -= lr * m[i]
    elif optimizer == NESTEROV:
        for i in range(w.size):
            m[i] = f32(0.9) * m[i] + g[i]
            w[i] -= lr * (g[i] + f32(0.9) * m[i])
    elif optimizer == RMSPROP:
        for i in range(w.size):
            s[i] += f32(0.01) * (g[i] * g[i] - s[i])
            w[i] -= lr * g[i] / (np.sqrt(s[i]) + f32(1e-8))
    else:
        in_m, in_s = (1 - 0.9**step) / (1 - 0.9), (1 - 0.999**step) / (1 - 0.999)
        eps, change = f32(1e-8 * math.sqrt(in_s)), f32(rate * math.sqrt(in_s) / in_m)
        for i in range(w.size):
            m[i] = f32(0.9) * m[i] + g[i]
            s[i] = f32(0.999) * s[i] + g[i] * g[i]
            w[i] -= change * m[i] / (np.sqrt(s[i]) + eps)


@kernel
def gather(values, pixels, scaling, rows, targets, samples, x, pictures, t):
    """Inputs and targets of the samples (n,) of one set: x (inputs, n) or pictures (n, inputs), and t (outputs, n).

    values (m, inputs) float32 scaled, or `pixels` (m, inputs) uint8 with `scaling` (2, inputs): their shift and scale
    rows (samples of the set,): their places among values or pixels; targets (samples of the set, outputs)
    """
    for j in range(len(t)):
        for b in range(len(samples)):
            t[j, b] = targets[samples[b], j]
    if len(pictures):
        for b in range(len(samples)):
            row = rows[samples[b]]
            for j in range(len(x)):
                pictures[b, j] = (f32(pixels[row, j]) - scaling[0, j]) * scaling[1, j]
    else:
        for j in range(len(x)):
            for b in range(len(samples)):
                x[j, b] = values[rows[samples[b]], j]


@entry_point
def train_steps(
    layers, dropout, loss, optimizer, l2, learned, batch,
    values, pixels, scaling, rows, targets, which, replicates, order, rates, step, uniform,
    parameters, running, memory, gradients, work, free,
):  # fmt: skip
    """Train some replicates for some steps, one replicate after the other.

    learned : the first parameter that is trained
    values, pixels, scaling (sets, ...), rows (sets, n), targets (sets, n, outputs): see `gather`
    which (replicates,): the set of each; replicates : numbers of those to train
    order (samples of all steps,): the last batch may be smaller
    rates (steps,): learning rates; step : steps before the first of them
    uniform (replicates, numbers): for dropout, see `forward`
    parameters, running (replicates, ...), memory (2, replicates, ...)
    """
    inputs, outputs, size = layers[0, INPUTS], targets.shape[2], free.shape[1]
    g, other = vector(free, 0, size), vector(free, size, size)
    for r in replicates:
        own, w, count = which[r], parameters[r], parameters.shape[1] - learned
        m, s = memory[0, r], memory[1, r]
        for k in range(len(rates)):
            samples = vector(order, k * batch, min(batch, len(order) - k * batch))
            n = len(samples)
            x = matrix(free, 3 * size, inputs, 0 if len(pixels) else n)
            pictures = matrix(free, 3 * size, n if len(pixels) else 0, inputs)
            t = matrix(free, 2 * size, outputs, n)
            gather(values, pixels, scaling[own], rows[own], targets[own], samples, x, pictures, t)
            y = forward(layers, dropout, w, running[r], x, pictures, uniform[r], k * batch, len(order), work)
            loss_backward(loss, y, t, matrix(free, 0, outputs, n))
            backward(layers, dropout, w, x, pictures, work, g, other, gradients)
            update(
                optimizer,
                l2,
                rates[k],
                step + k + 1,
                vector(w, learned, count),
                vector(gradients, learned, count),
                vector(m, learned, count),
                vector(s, learned, count),
            )


@entry_point
def score(
    layers, dropout, loss, batch, values, pixels, scaling, rows, targets, which, replicates, order,
    parameters, running, work, free, losses, right,
):  # fmt: skip
    """Losses and right answers (replicates,) of some replicates in evaluation mode: the sums over the samples in
    `order`, `batch` of them at a time."""
    inputs, outputs, size = layers[0, INPUTS], targets.shape[2], free.shape[1]
    for r in replicates:
        own = which[r]
        losses[r], right[r] = 0, 0
        for start in range(0, len(order), batch):
            samples = vector(order, start, min(batch, len(order) - start))
            n = len(samples)
            x = matrix(free, 3 * size, inputs, 0 if len(pixels) else n)
            pictures = matrix(free, 3 * size, n if len(pixels) else 0, inputs)
            t = matrix(free, 2 * size, outputs, n)
            gather(values, pixels, scaling[own], rows[own], targets[own], samples, x, pictures, t)
            nothing = vector(free, 0, 0)
            y = forward(layers, dropout, parameters[r], running[r], x, pictures, nothing, start, len(order), work)
            losses[r] += loss_of(loss, y, t, matrix(free, 0, outputs, n))
            for b in range(n):
                if loss == BCE:
                    right[r] += (y[0, b] > f32(0)) == (t[0, b] > f32(0)) and y[0, b] == y[0, b]  # not nan
                else:
                    best, wrong = 0, False
                    for j in range(outputs):
                        best = j if y[j, b] > y[best, b] else best
                        wrong |= y[j, b] != y[j, b]  # nan
                    right[r] += t[best, b] > f32(0) and not wrong


@kernel
def loss_of(loss, y, t, e):
    """The sum of the losses of n samples; y, t (outputs, n). `e` (outputs, n) is overwritten."""
    outputs, n = y.shape
    total = 0.0
    if loss == MSE:
        for j in range(outputs):
            for b in range(n):
                total += (y[j, b] - t[j, b]) ** 2 / outputs
        return total
    for j in range(outputs):
        for b in range(n):
            total -= y[j, b] * t[j, b]
    if loss == BCE:  # log (1 + exp y) - t y = max(y, 0) + log (1 + exp -|y|) - t y
        for b in range(n):
            total += max(y[0, b], f32(0))
            e[0, b] = -abs(y[0, b])
    else:  # log Σ exp(y) - y of the class, with the largest output subtracted first
        subtract_top(y, e)
        for b in range(n):
            total += y[0, b] - e[0, b]
    exp(vector(e, 0, outputs * n))
    product = 1.0  # log a + log b = log ab: a logarithm takes longer than all the rest
    for b in range(n):
        for j in range(1, outputs):
            e[0, b] += e[j, b]
        product *= 1.0 + e[0, b] if loss == BCE else e[0, b]
        if b % 32 == 31:
            total += np.log(product)
            product = 1.0
    return total + np.log(product)


_NUMBER, _REAL, _NUMBERS, _REALS = types.int64, types.float64, types.int64[::1], types.float64[::1]
_VECTOR, _MATRIX, _STACK = types.float32[::1], types.float32[:, ::1], types.float32[:, :, ::1]
_TABLE, _PIXELS = types.int64[:, ::1], types.Array(types.uint8, 2, "C", readonly=True)
_SAMPLES = (_MATRIX, _PIXELS, _STACK, _TABLE, _STACK)  # values, pixels, scaling, rows, targets
_CHOSEN = (_NUMBERS, _NUMBERS, _NUMBERS)  # which, replicates, order
TYPES = {
    forward: (_TABLE, _VECTOR, _VECTOR, _VECTOR, _MATRIX, _MATRIX, _VECTOR, _NUMBER, _NUMBER, _MATRIX),
    backward: (_TABLE, _VECTOR, _VECTOR, _MATRIX, _MATRIX, _MATRIX, _VECTOR, _VECTOR, _VECTOR),
    train_steps: (
        *(_TABLE, _VECTOR, _NUMBER, _NUMBER, _REAL, _NUMBER, _NUMBER, *_SAMPLES, *_CHOSEN, _REALS, _NUMBER),
        *(_MATRIX, _MATRIX, _MATRIX, _STACK, _VECTOR, _MATRIX, _MATRIX),
    ),
    score: (
        *(_TABLE, _VECTOR, _NUMBER, _NUMBER, *_SAMPLES, *_CHOSEN),
        *(_MATRIX, _MATRIX, _MATRIX, _MATRIX, _REALS, _REALS),
    ),
}
"""The argument types of the functions that take long to compile: the only ones they are called with."""

FUNCTIONS = (
    Function("forward", partial(forward.compile, TYPES[forward]), 2.8),
    Function("backward", partial(backward.compile, TYPES[backward]), 2.6),
    Function("train_steps", partial(train_steps.compile, TYPES[train_steps]), 3.2, ("forward", "backward")),
    Function("score", partial(score.compile, TYPES[score]), 1.4, ("forward",)),
)
"""What is compiled ahead."""
