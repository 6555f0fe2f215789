"""The budget for disk: what a run may store, and an estimate of it before it is trained."""

import numpy as np

from nnlab.analysis.film import BYTES, FRAMES
from nnlab.spec import Experiment

STEPS = 20
"""Snapshots on the way of a network that is too large for a film of every epoch."""
SNAPSHOT_BYTES = 64e6
"""Of all snapshots of a run; the first and the last are stored in any case."""
CHECKPOINT_BYTES = 1e6
"""A finished run keeps its checkpoint up to this size: more epochs of a larger one are trained from the start."""
THINNED_STEPS, THINNED_BYTES = 20, 1e6
"""What a run that has not changed for a day keeps of its snapshots on the way; the last and the best stay as well."""
UNTHINNED_BYTES, ROOMY = 100_000, 500e6
"""A run that takes no more keeps them all, and so do all runs of a data base that takes no more."""

METRICS_ROW, BLOB_ROW = 50, 100
"""Bytes that a row takes in the data base besides its numbers."""
_HEADER = 400  # of a file of weights
_COPIES = 4  # of the weights in a checkpoint: they, the best ones and two numbers of the optimizer for each


def snapshot_epochs(size: int, seeds: int, epochs: int, patience: int) -> frozenset[int]:
    """The epochs whose weights are stored besides the first (0), the last and the best.

    Every epoch if they fit a film, else so many on a log scale: 20, but fewer where the snapshots would take more than
    SNAPSHOT_BYTES. Without early stopping the last snapshot is that of the last epoch.

    Parameters
    ----------
    size : int
        Bytes of the weights of all replicates.
    """
    frames = np.clip(BYTES * seeds / max(1, size), STEPS, FRAMES)
    count = int(np.clip(SNAPSHOT_BYTES / max(1, size) - 3, 0, frames))
    chosen = range(1, epochs + 1) if epochs <= count else np.geomspace(1, epochs, count).round().astype(int).tolist()
    return frozenset(chosen) - ({epochs} if patience == 0 else set())


def stored_bytes(experiment: Experiment, n_seeds: int) -> float:
    """Bytes that one run with `n_seeds` seeds takes in the data base once it is finished, an estimate from above."""
    train, replicates = experiment.train, experiment.replicates(n_seeds)
    weights = sum(layer.parameters + 2 * layer.width * (layer.norm == "batch") for layer in experiment.layers)
    size = 4 * weights * replicates
    checkpoint = _COPIES * size + _HEADER
    snapshots = 2 + len(snapshot_epochs(size, n_seeds, train.epochs, train.patience)) + (train.patience == 0)
    metrics = train.epochs * (32 * replicates + METRICS_ROW)
    kept = checkpoint if checkpoint <= CHECKPOINT_BYTES else 0.0
    return metrics + snapshots * (size + _HEADER + BLOB_ROW) + kept
