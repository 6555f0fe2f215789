"""What is stored of a run when its training has ended."""

from collections.abc import Sequence
from typing import Any

from nnlab.analysis.scores import stored_results
from nnlab.datasets import PartName
from nnlab.engines.base import Weights
from nnlab.training import transfer
from nnlab.training.loop import Training


def final_results(training: Training, parts: Sequence[PartName], initial: Weights | None = None) -> dict[str, Any]:
    """See `stored_results`, with `best_epoch`, `epochs` and `final_epoch`, lists over the replicates."""
    experiment = training.experiment
    if initial is None:
        initial = transfer.first_weights(experiment, training.seeds)
    results = stored_results(experiment, training.dataset, initial, training.final_weights(), parts)
    results["best_epoch"] = training.best_epoch.tolist()
    results["epochs"] = training.last_epoch.tolist()
    results["final_epoch"] = training.final_epoch.tolist()
    return results
