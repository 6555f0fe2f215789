"""The same experiment in JAX: an epoch is one compiled `scan` over its steps, with `vmap` over the seeds.

JAX is no dependency of nnlab: `pip install jax` to measure it. It trains on the same batches as nnlab, with Adam and a
constant learning rate. Tried and slower: a gather in every step, pictures converted once, `unroll`, Adam's bias
corrections in the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from nnlab.datasets import load_dataset
from nnlab.engines.random_streams import epoch_order, initial_weights
from nnlab.spec import Experiment

SMALL = 10_000
"""Up to this number of parameters they are one vector, so that a step is fewer operations; above, that costs copies."""


def jax_epochs(experiment: Experiment, seeds: Sequence[int] = (0,)) -> Iterator[None]:
    """Train all seeds at once and yield after every epoch; the first includes the compilation."""
    data, spec = load_dataset(experiment), experiment.train
    binary, depth = experiment.loss == "bce", len(experiment.layers)
    n, steps = len(data.train.x), experiment.steps_per_epoch
    x = data.train.x if data.train.x.dtype == np.uint8 else data.scaling.apply(data.train.x)
    brightness = data.scaling.scale[0] if x.dtype == np.uint8 else None  # pictures are scaled in every step
    present = (np.arange(steps * spec.batch_size) < n).reshape(steps, -1)  # the last batch is filled up
    shares = (present / present.sum(axis=1, keepdims=True)).astype(np.float32)
    samples = jnp.asarray(x), jnp.asarray(data.train.y, jnp.float32 if binary else jnp.int32)

    each = [initial_weights(experiment, seed) for seed in seeds]
    flat = experiment.parameters <= SMALL
    unravel = ravel_pytree(each[0])[1] if flat else lambda tree: tree
    start = [ravel_pytree(one)[0] if flat else one for one in each]
    parameters = jax.tree.map(lambda *arrays: jnp.stack(arrays), *start)  # (seeds, ...) each

    def loss(parameters: Any, x: Any, y: Any, share: Any) -> Any:
        weights, z = unravel(parameters), x
        for i in range(depth):
            z = z @ weights[f"{i}.weight"] + weights[f"{i}.bias"]
            z = jax.nn.relu(z) if i < depth - 1 else z
        if binary:
            return share @ (jax.nn.softplus(z[:, 0]) - y * z[:, 0])
        return -share @ jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1)[:, 0]

    gradient = jax.vmap(jax.grad(loss), (0, None, None, None))

    def step(state: Any, batch: Any) -> tuple[Any, None]:
        parameters, mean, square = state
        x, y, share, rate, correction = batch
        x = x if brightness is None else x.astype(jnp.float32) * brightness
        g = gradient(parameters, x, y, share)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, g)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, g)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v * correction) + 1e-8), parameters, mean, square
        )
        return (parameters, mean, square), None

    def epoch(state: Any, done: Any, samples: Any, order: Any) -> Any:
        x, y = (array.at[order].get(mode="promise_in_bounds") for array in samples)  # (steps, batch, ...)
        number = done + 1 + jnp.arange(steps)
        batches = x, y, shares, spec.lr / (1 - 0.9**number), 1 / (1 - 0.999**number)
        return jax.lax.scan(step, state, batches)[0], done + steps

    run = jax.jit(epoch, donate_argnums=(0, 1))
    state = parameters, *(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    done = jnp.zeros((), jnp.float32)
    order = np.zeros(present.size, np.int32)
    for number in range(1, 1 + spec.epochs):
        order[:n] = epoch_order(experiment.data.seed, number, n)
        state, done = run(state, done, samples, order.reshape(present.shape))
        done.block_until_ready()
        yield
