"""Rough estimates of the time and memory of an experiment before it runs.

The constants were measured on one core of a small server (benchmarks/README.md). Estimates are right within a factor
of two, which is enough to choose between waiting for a result and returning later.
"""

from nnlab.engines.choice import EngineName, engine_name
from nnlab.spec import Experiment

_STEP: dict[EngineName, float] = {"torch": 75e-6, "numpy": 34e-6, "compiled": 0.0}  # seconds per step
_LAYER: dict[EngineName, float] = {"torch": 25e-6, "numpy": 11e-6, "compiled": 2e-6}  # per layer of a step
_WORK = 3.3e-11  # seconds per multiply-add of small matrices
_WEIGHT = 7e-10  # seconds per weight and step: gradient and optimizer
_EPOCH = 0.6e-3  # seconds to score and store an epoch

_PROCESS = 385e6  # bytes: Python with PyTorch
_COPIES: dict[EngineName, int] = {"torch": 18, "numpy": 27, "compiled": 18}
"""Arrays as large as the weights: gradients, optimizer, best, checkpoint, writing."""
_PER_UNIT: dict[EngineName, float] = {"torch": 3.0, "numpy": 4.5, "compiled": 3.0}
"""Numbers in memory per unit and sample of a batch."""
_MNIST = 115e6  # bytes of the files and of the parts


def estimate_seconds(experiment: Experiment, n_seeds: int) -> float:
    """Training time in seconds of one run with `n_seeds` seeds on one worker. The time of a source experiment is left
    out, since it is usually trained already."""
    n_seeds, folds, engine = experiment.replicates(n_seeds), experiment.data.folds, engine_name(experiment)
    train, validation, _ = experiment.data.sizes
    weights = sum(layer.inputs * layer.width for layer in experiment.layers)
    groups = 2 if folds and (train + validation) % folds else 1  # folds of two sizes train one after the other
    alone = n_seeds if engine == "compiled" else groups  # compiled: every replicate trains by itself
    learned = sum(layer.inputs * layer.width for layer in experiment.layers if not layer.frozen)
    products = (weights + 2 * learned) * _WORK * min(experiment.train.batch_size, train) * n_seeds
    step = alone * (_STEP[engine] + _LAYER[engine] * len(experiment.layers)) + products + _WEIGHT * learned * n_seeds
    epoch = _EPOCH + _WORK * (min(train, 5000) + validation) * weights * n_seeds
    return experiment.train.epochs * (experiment.steps_per_epoch * step + epoch)


def estimate_bytes(experiment: Experiment, n_seeds: int) -> float:
    """Peak memory in bytes of a worker that trains one run with `n_seeds` seeds, the process included."""
    replicates, data, engine = experiment.replicates(n_seeds), experiment.data, engine_name(experiment)
    train, validation, test = data.sizes
    parameters = sum(layer.parameters for layer in experiment.layers)
    units = sum(layer.width for layer in experiment.layers) + (data.inputs if data.folds else 0)
    weights = 4 * _COPIES[engine] * parameters * replicates
    activations = 4 * _PER_UNIT[engine] * units * min(experiment.train.batch_size, train) * replicates
    samples = _MNIST if data.name == "mnist" else 16 * (train + validation + test) * data.inputs
    scores = 24 * train * replicates + 20 * min(2**21, train * max(data.inputs, units * replicates))
    return _PROCESS + samples + weights + activations + scores
