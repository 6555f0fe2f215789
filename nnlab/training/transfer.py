"""Transfer learning: the weights an experiment starts from, where its first layers come from another (`StartFrom`).

A replicate of seed s starts from the source as trained under seed s. So replicates stay independent of one another,
and a comparison with the same network from nothing is paired: both draw the same remaining layers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from nnlab.datasets import load_dataset
from nnlab.engines import random_streams
from nnlab.engines.base import Weights
from nnlab.spec import MAX_SOURCES, Experiment, StartFrom
from nnlab.spec.errors import SpecError
from nnlab.training.loop import Training

Trained = Callable[[Experiment, Sequence[int]], Weights | None]
"""Final weights (seeds, ...) of an experiment where they are at hand, else None."""

_KEPT = 4
_trained: OrderedDict[tuple[str, tuple[int, ...]], Weights] = OrderedDict()


class SourceStopped(RuntimeError):
    """Training was asked to stop while the experiment it starts from was being trained."""

    def __init__(self) -> None:
        super().__init__("The training was stopped while what it starts from was being trained.")


def source_weights(
    source: Experiment,
    seeds: Sequence[int],
    *,
    trained: Trained | None = None,
    should_stop: Callable[[], bool] | None = None,
    told: Callable[[float], None] | None = None,
) -> Weights:
    """The final weights (seeds, ...) of an experiment that another one starts from.

    Parameters
    ----------
    trained : where they may be found; asked for the source's own source too. What is found nowhere is trained here; the
        last few are kept
    should_stop : as for `Training`
    told : called with the share of the epochs done

    Raises
    ------
    SourceStopped
        Once `should_stop` says True.
    """
    found = trained(source, seeds) if trained else None
    if found is not None:
        return found
    key = source.key, tuple(seeds)
    if key not in _trained:
        start = source.train.start_from
        below = None
        if start is not None:
            below = source_weights(start.experiment, seeds, trained=trained, should_stop=should_stop, told=told)
        dataset = load_dataset(source.data)
        first = first_weights(source, seeds, len(dataset.folds), source=below)
        training = Training(source, seeds, dataset, start=first, should_stop=should_stop)
        for epoch in training:
            if told:
                told(epoch.epoch / source.train.epochs)
        if not training.finished:
            raise SourceStopped
        _trained[key] = training.final_weights()
        while len(_trained) > _KEPT:
            _trained.popitem(last=False)
    _trained.move_to_end(key)
    return _trained[key]


def first_weights(
    experiment: Experiment,
    seeds: Sequence[int],
    folds: int = 0,
    *,
    source: Weights | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Weights:
    """The weights (seeds, ...) an experiment starts from: drawn, but for the layers it takes from its source. With
    folds all of a seed start alike, but where the source has as many folds each from its own; a source that has other
    folds gives its first.

    `source` : the final weights of the source where they are at hand; else see `source_weights`. Raises SourceStopped.
    """
    weights = _for_folds(random_streams.stacked_weights(experiment, seeds), 0, folds)
    start = experiment.train.start_from
    if start is None:
        return weights
    if source is None:
        source = source_weights(start.experiment, seeds, should_stop=should_stop)
    source = _for_folds(source, start.experiment.data.folds, folds)
    for name in weights:
        if int(name.partition(".")[0]) < start.layers:
            weights[name] = np.array(source[name], np.float32)
    return weights


def _for_folds(weights: Weights, given: int, wanted: int) -> Weights:
    """Weights (replicates, ...) of seeds with `given` folds, for as many seeds with `wanted` folds."""
    if given == wanted:
        return dict(weights)
    return {name: array[:: max(1, given)].repeat(max(1, wanted), axis=0) for name, array in weights.items()}


def started_from(source: Experiment) -> Experiment | None:
    """What one would try first with a trained network: all its hidden layers, none frozen, a tenth of the learning
    rate; on the classes it has not seen where it was trained on some of them, else on the same data. None where nothing
    can be taken from it."""
    if not source.model.depth or source.sources >= MAX_SOURCES:
        return None
    start = StartFrom(experiment=source, layers=source.model.depth)
    changes: dict[str, Any] = {"train.start_from": start, "train.lr": source.train.lr / 10}
    unseen = sorted(set(range(len(source.data.facts.class_sizes))) - set(source.data.labels))
    if source.data.labels and len(unseen) > 1:
        with suppress(SpecError):
            return source.set(changes | {"data.labels": unseen})
    with suppress(SpecError):
        return source.set(changes)
    return None
