"""What an experiment will cost, before it runs: a rough time and the memory of a worker, from measured figures.

The figures are microseconds a step on one core of a small server (benchmarks/README.md); a guess within a factor of
two is what a person needs to choose between "now" and "after lunch".
"""

from __future__ import annotations

from nnlab.spec import Experiment

_STEP, _LAYER = 75e-6, 25e-6  # seconds a step, and for every layer of it
_WORK = 3.3e-11  # seconds a multiply-add of small matrices
_WEIGHT = 7e-10  # seconds a weight and step: gradient and optimizer
_EPOCH = 0.6e-3  # scores of an epoch and their way into the store

_PROCESS = 385e6  # bytes: Python with PyTorch
_COPIES = {"torch": 18, "numpy": 27}  # arrays as large as the weights: gradients, optimizer, best, checkpoint, writing
_AT_WORK = {"torch": 3.0, "numpy": 4.5}  # numbers kept for every unit and sample of a batch
_MNIST = 115e6  # the files, and the parts they are cut into


def estimate_seconds(experiment: Experiment, n_seeds: int) -> float:
    """Training time in seconds of one run with so many seeds, on one worker; without that of what it starts from,
    which has been trained as a rule."""
    n_seeds, folds = experiment.replicates(n_seeds), experiment.data.folds
    train, validation, _ = experiment.data.sizes
    weights = sum(layer.inputs * layer.width for layer in experiment.layers)
    layers = len(experiment.layers)
    batch = min(experiment.train.batch_size, train)
    speed_up = 0.45 if experiment.train.engine == "numpy" else 1.0
    groups = 2 if folds and (train + validation) % folds else 1  # folds of two sizes take turns
    learned = sum(layer.inputs * layer.width for layer in experiment.layers if not layer.frozen)
    forward_and_back = (weights + 2 * learned) * _WORK * batch * n_seeds
    step = groups * (_STEP + _LAYER * layers) * speed_up + forward_and_back + _WEIGHT * learned * n_seeds
    epoch = _EPOCH + _WORK * (min(train, 5000) + validation) * weights * n_seeds
    return experiment.train.epochs * (experiment.steps_per_epoch * step + epoch)


def estimate_bytes(experiment: Experiment, n_seeds: int) -> float:
    """Memory in bytes that a worker reaches with one run of so many seeds, the process itself included."""
    replicates, data, engine = experiment.replicates(n_seeds), experiment.data, experiment.train.engine
    train, validation, test = data.sizes
    parameters = sum(layer.parameters for layer in experiment.layers)
    units = sum(layer.width for layer in experiment.layers) + (data.inputs if data.folds else 0)
    batch = min(experiment.train.batch_size, train)
    weights = 4 * _COPIES[engine] * parameters * replicates
    at_work = 4 * _AT_WORK[engine] * units * batch * replicates
    samples = _MNIST if data.name == "mnist" else 16 * (train + validation + test) * data.inputs
    scores = 24 * train * replicates + 20 * min(2**21, train * max(data.inputs, units * replicates))
    return _PROCESS + samples + weights + at_work + scores
