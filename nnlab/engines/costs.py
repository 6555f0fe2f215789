"""Estimates of the time and memory of an experiment before it runs.

The constants are fitted to the runs of `benchmarks/costs.py` on one core of a small server. There they are right within
a factor of 1.5; another machine is faster or slower as a whole.
"""

from typing import NamedTuple

from nnlab.engines.choice import EngineName, engine_name
from nnlab.spec import Experiment


class _Seconds(NamedTuple):
    """What an engine takes."""

    run: float  # from the queue to the results, without the epochs
    epoch: float  # the order of the samples, scores, writing
    step: float  # without its layers
    layer: float  # of a step
    unit: float  # for a sample, there or back
    slow_unit: float  # more for a unit of GELU
    normalised_unit: float  # more for normalisation, and for dropout
    product: float  # one multiply-add
    weight: float  # a step of the optimizer
    # more where networks have samples of their own
    set_step: float  # a step of one set of samples
    set_epoch: float
    copied: float  # a number of a sample


_SECONDS: dict[EngineName, _Seconds] = {
    "compiled": _Seconds(0.028, 9.3e-5, 1e-7, 5e-7, 2.5e-10, 1.6e-8, 2.6e-9, 2.9e-11, 8e-10, 0.0, 0.0, 0.0),
    "numpy": _Seconds(0.045, 1.3e-4, 1.3e-5, 1.1e-5, 1.9e-9, 1.3e-8, 1.3e-8, 2.9e-11, 1e-9, 5.5e-6, 3e-5, 4.5e-9),
    "torch": _Seconds(0.1, 2.8e-4, 1.3e-4, 3.2e-5, 1.8e-9, 2.3e-8, 2.1e-8, 3.1e-11, 0.0, 0.0, 2e-5, 2e-9),
}
_SLOWNESS = {"relu": 0.0, "leaky_relu": 0.0, "none": 0.0, "softplus": 0.45, "gelu": 1.0}
_ONE_EXPONENTIAL = 0.2
"""How slow a unit is: its share of what GELU takes more than ReLU."""

_PROCESS = 420e6  # bytes: Python with PyTorch
_COPIES: dict[EngineName, int] = {"torch": 29, "numpy": 31, "compiled": 28}
"""Arrays as large as the weights: gradients, optimizer, best, checkpoint, writing."""
_PER_UNIT: dict[EngineName, float] = {"torch": 3.0, "numpy": 4.5, "compiled": 12.0}
"""Numbers in memory per unit and sample of a batch; the compiled engine holds them for one replicate at a time."""
_MNIST = 115e6  # bytes of the files and of the parts
_SET, _DRAWN = 1.2e-3, 5e-8
"""Seconds in which a set of samples is drawn or split and the results are computed on it: for the set, and a number."""


_PER_NUMBER = {"samples": 8.5, "split": 5.5, "weights": 4.5}
"""Bytes of a number in a set of samples of its own: drawn and scaled, or scaled alone."""


def estimate_seconds(experiment: Experiment, n_seeds: int) -> float:
    """Training time in seconds of one run with `n_seeds` seeds on one worker. The time of a source experiment is left
    out, since it is usually trained already."""
    engine, layers, folds = engine_name(experiment), experiment.layers, experiment.data.folds
    takes, replicates, (train, validation, _) = _SECONDS[engine], experiment.replicates(n_seeds), experiment.data.sizes
    groups = 2 if folds and (train + validation) % folds else 1  # folds of two sizes train one after the other
    alone = replicates if engine == "compiled" else groups  # compiled: every replicate trains by itself
    scored = min(train, 5000) + validation
    units = sum(
        layer.width
        * (
            takes.unit
            + takes.slow_unit * _SLOWNESS.get(layer.activation, _ONE_EXPONENTIAL)
            + takes.normalised_unit * ((layer.norm != "none") + (layer.dropout > 0))
        )
        for layer in layers
    )
    products = sum(
        layer.inputs * layer.width * (train + scored + 2 * train * (not layer.frozen)) * takes.product
        for layer in layers
    )
    learned = sum(layer.parameters for layer in layers if not layer.frozen)
    steps = experiment.steps_per_epoch
    calls = steps * alone * (takes.step + takes.layer * len(layers))
    work = replicates * (units * (2 * train + scored) + products + steps * takes.weight * learned)
    sets, inputs = experiment.training_sets(n_seeds), experiment.data.inputs
    own = sets * (takes.set_epoch + steps * takes.set_step) + replicates * (train + scored) * inputs * takes.copied
    drawn = sets * (_SET + _DRAWN * sum(experiment.data.sizes) * inputs)
    more = (drawn, own) if sets > 1 else (0.0, 0.0)
    return takes.run + more[0] + experiment.train.epochs * (takes.epoch + calls + work + more[1])


def estimate_bytes(experiment: Experiment, n_seeds: int) -> float:
    """Peak memory in bytes of a worker that trains one run with `n_seeds` seeds, the process included."""
    replicates, data, engine = experiment.replicates(n_seeds), experiment.data, engine_name(experiment)
    train, validation, test = data.sizes
    parameters = sum(layer.parameters for layer in experiment.layers)
    sets = experiment.training_sets(n_seeds)
    units = sum(layer.width for layer in experiment.layers) + (data.inputs if sets > 1 else 0)
    weights = 4 * _COPIES[engine] * parameters * replicates
    batch, beside = min(experiment.train.batch_size, train), 1 if engine == "compiled" else replicates
    activations = 4 * _PER_UNIT[engine] * units * max(batch, 256 if engine == "compiled" else 1) * beside
    numbers = (train + validation + test) * data.inputs
    samples = _MNIST if data.name == "mnist" else 16 * numbers
    if sets > 1 and not data.facts.image_shape:
        samples += _PER_NUMBER[data.per_seed] * sets * numbers
    scores = 24 * train * replicates + 20 * min(2**21, train * max(data.inputs, units * replicates))
    return _PROCESS + samples + weights + activations + scores
