"""The random numbers of training, from NumPy, so that all engines use the same.

A seed determines initialisation and dropout, the data seed the order of the batches. Each has its own stream of random
numbers, which (seed, epoch, ...) identify. No stream depends on numbers used before, so an epoch can be repeated, and a
resumed run equals an uninterrupted one.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.engines.base import Weights
from nnlab.spec import Experiment, Init, TrainSpec

WEIGHTS_STREAM, ORDER_STREAM, DROPOUT_STREAM, SCORED_STREAM = 1, 2, 3, 4  # distinguish the streams of one seed


def initial_weights(experiment: Experiment, seed: int) -> Weights:
    """The initial weights of one replicate.

    Layer i (the output layer is the last) has `i.weight` (inputs, width) and `i.bias` (width,), used as `x @ W + b`.
    A normalised layer also has `i.norm.scale` and `i.norm.shift` (width,), and with batch normalisation the running
    `i.norm.mean` and `i.norm.variance` (width,), which are not trained.
    """
    rng = np.random.default_rng((WEIGHTS_STREAM, seed))
    weights: Weights = {}
    for i, layer in enumerate(experiment.layers):
        weight, bias = draw_layer(rng, layer.inputs, layer.width, experiment.model.init, experiment.model.init_scale)
        own = {"weight": weight, "bias": bias}
        if layer.norm != "none":
            own |= {"norm.scale": np.ones(layer.width), "norm.shift": np.zeros(layer.width)}
        if layer.norm == "batch":
            own |= {"norm.mean": np.zeros(layer.width), "norm.variance": np.ones(layer.width)}
        weights |= {f"{i}.{name}": array.astype(np.float32) for name, array in own.items()}
    return weights


def stacked_weights(experiment: Experiment, seeds: Sequence[int]) -> Weights:
    """`initial_weights` of every seed, with a leading axis: (seeds, ...)."""
    each = [initial_weights(experiment, seed) for seed in seeds]
    return {name: np.stack([weights[name] for weights in each]) for name in each[0]}


def draw_layer(
    rng: np.random.Generator, fan_in: int, fan_out: int, init: Init, init_scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight (fan_in, fan_out) and bias (fan_out,) of one layer."""
    shape, bias = (fan_in, fan_out), np.zeros(fan_out)
    if init == "zeros":
        weight = np.zeros(shape)
    elif init == "normal":
        weight = rng.normal(0.0, init_scale, shape)
    elif init == "xavier":
        # Glorot and Bengio 2010: U(±sqrt(6 / (fan_in + fan_out)))
        weight = rng.uniform(-1, 1, shape) * math.sqrt(6 / (fan_in + fan_out))
    elif init == "kaiming":
        # He et al. 2015: N(0, 2 / fan_in)
        weight = rng.normal(0.0, math.sqrt(2 / fan_in), shape)
    elif init == "orthogonal":
        # Saxe et al. 2014: Q of a Gaussian matrix, signs made unique
        q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
        q = q * np.sign(np.diag(r))
        weight = q if fan_in >= fan_out else q.T
    else:
        # PyTorch's default for nn.Linear: weight and bias U(±1 / sqrt(fan_in))
        bound = 1 / math.sqrt(fan_in)
        weight, bias = rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, fan_out)
    return weight, bias


def epoch_order(data_seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """The order in which epoch `epoch` (the first is 1) visits the n training samples, shared by all replicates."""
    return np.random.Generator(np.random.PCG64(_names(ORDER_STREAM, data_seed, epoch))).permutation(n)


def scored_samples(data_seed: int, n: int, at_most: int = 5000) -> NDArray[np.int64]:
    """The rows of the n training samples that every epoch is scored on, in ascending order."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng((SCORED_STREAM, data_seed)).choice(n, at_most, replace=False))


def dropout_stream(seed: int, epoch: int, layer: int) -> np.random.Generator:
    """The stream of one replicate, epoch and layer. Every step takes `random((batch, width), dtype=float32)` from it. A
    unit becomes 0 where the number is below the dropout rate, and is divided by 1 - rate elsewhere."""
    return np.random.Generator(np.random.SFC64(_names(DROPOUT_STREAM, seed, epoch, layer)))


def _names(*numbers: int) -> NDArray[np.uint32]:
    """Numbers that identify a stream, as an array: NumPy takes longer to read a tuple than to start the stream."""
    return np.array(numbers, np.uint32)


def learning_rates(train: TrainSpec, steps_per_epoch: int, epoch: int) -> NDArray[np.float64]:
    """The learning rate of every step of an epoch (the first is 1)."""
    if train.schedule == "constant":
        return np.full(steps_per_epoch, train.lr)
    if train.schedule == "step":
        # a tenth after every third of the epochs
        return np.full(steps_per_epoch, train.lr * 0.1 ** min(2, (epoch - 1) * 3 // train.epochs))
    total = steps_per_epoch * train.epochs
    step = np.arange(steps_per_epoch) + steps_per_epoch * (epoch - 1)
    if train.schedule == "cosine":
        # from the highest rate to 0 along half a cosine (Loshchilov and Hutter 2017)
        return train.lr * (1 + np.cos(np.pi * step / total)) / 2
    # one cycle: up from lr/25 in 30 % of the steps, then down to lr/250,000, both along half a cosine (Smith and Topin
    # 2019, as PyTorch's OneCycleLR)
    top = max(1.0, 0.3 * total - 1)
    up = step / top
    down = (step - top) / max(1.0, total - 1 - top)
    low, end = train.lr / 25, train.lr / 250_000
    rising = low + (train.lr - low) * (1 - np.cos(np.pi * up)) / 2
    return np.where(step <= top, rising, end + (train.lr - end) * (1 + np.cos(np.pi * down)) / 2)


def batches(order: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.int64]]:
    """The indices of every step; the last batch of an epoch may be smaller."""
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]
