"""`train` and `build_model`: from an experiment to a training or a model with its starting weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from nnlab.catalogue.presets import presets
from nnlab.datasets import Dataset, load_dataset
from nnlab.spec import Experiment, as_seeds
from nnlab.spec.errors import Problem, SpecError
from nnlab.training.loop import Training
from nnlab.training.transfer import first_weights

if TYPE_CHECKING:
    from nnlab.engines.torch_network import StackedModel


def train(
    experiment: Experiment | str,
    seeds: int | Iterable[int] = 1,
    *,
    dataset: Dataset | None = None,
    checkpoint: bytes | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Training:
    """Train an experiment under one or more seeds. If it starts from another experiment, that one is trained first.

    Training uses one core: small networks do not gain from a second, and are ten times slower when it is busy.

    Parameters
    ----------
    experiment : Experiment or str
        A text is the name of a preset.
    seeds : int or iterable of int
        The number of seeds (`10` is seeds 0 to 9), or the seeds.
    dataset : Dataset, optional
        Samples instead of the experiment's own; a single set is shared by all seeds.
    checkpoint : bytes, optional
        From `Training.checkpoint`: continues from there, bit for bit.
    should_stop : callable, optional
        Called now and then; training pauses when it returns True. See `Training`.

    Returns
    -------
    Training
        An iterator of epochs; `.result()` trains to the end.

    Raises
    ------
    SpecError
        If there is no preset of that name, or the seeds are invalid.
    ValueError
        If the checkpoint is invalid, or belongs to another experiment or other seeds.
    SourceStopped
        If `should_stop` returns True while the source experiment is trained.
    """
    if isinstance(experiment, str):
        if experiment not in presets:
            raise SpecError([Problem("experiment", experiment, "choice", choices=tuple(presets))])
        experiment = presets[experiment]
    chosen, dataset, start = as_seeds(seeds), dataset or load_dataset(experiment, as_seeds(seeds)), None
    if checkpoint is None:
        start = first_weights(experiment, chosen, should_stop=should_stop)
    return Training(experiment, chosen, dataset, start=start, checkpoint=checkpoint, should_stop=should_stop)


def build_model(experiment: Experiment, seeds: int | Iterable[int] = 1) -> StackedModel:
    """The experiment's PyTorch network with its starting weights, one replicate per seed.

    If weights come from another experiment (`train.start_from`), that one is trained first. Seeds are as for `train`.

    Returns
    -------
    StackedModel
        `model(x)` maps scaled inputs (n, inputs) or (seeds, n, inputs) to logits (seeds, n, outputs).
    """
    from nnlab.engines.torch_network import StackedModel

    chosen = as_seeds(seeds)
    model = StackedModel(experiment.layers, len(chosen))
    model.load_arrays(first_weights(experiment, chosen))
    return model
