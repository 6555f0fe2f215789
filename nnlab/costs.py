"""What an experiment will cost, before it runs: a rough time from measured figures.

The figures are microseconds a step on one core of a small server (benchmarks/README.md); a guess within a factor of
two is what a person needs to choose between "now" and "after lunch".
"""

from __future__ import annotations

from nnlab.spec import Experiment

_STEP, _LAYER = 75e-6, 25e-6  # seconds a step, and for every layer of it
_WORK = 3.3e-11  # seconds a multiply-add of small matrices
_WEIGHT = 7e-10  # seconds a weight and step: gradient and optimizer
_EPOCH = 0.6e-3  # scores of an epoch and their way into the store


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
