"""Transfer learning: the starting weights of an experiment whose first layers come from another one (`StartFrom`).

A replicate of seed s starts from the source experiment as trained under seed s. So replicates stay independent, and a
comparison with the same network from random weights is paired: both draw the same remaining layers.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from nnlab.datasets import load_dataset
from nnlab.engines import random_streams
from nnlab.engines.base import Weights
from nnlab.spec import MAX_SOURCES, Experiment, StartFrom
from nnlab.spec.errors import SpecError
from nnlab.training.loop import Training

_CACHED = 4
_cache: dict[tuple[str, tuple[int, ...]], Weights] = {}  # final weights of the sources trained last, by key and seeds


class SourceStopped(RuntimeError):
    """The training of the source experiment was stopped."""


def source_weights(
    source: Experiment,
    seeds: Sequence[int],
    *,
    find_weights: Callable[[Experiment, Sequence[int]], Weights | None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Weights:
    """The final weights of an experiment that another one starts from.

    Parameters
    ----------
    find_weights : callable, optional
        Returns the final weights of an experiment under the seeds, or None. It is also called for the source of the
        source. What it does not find is trained here; the last four are cached.
    should_stop : callable, optional
        As for `Training`.
    on_progress : callable, optional
        Called with the share of completed epochs.

    Returns
    -------
    dict of arrays (seeds, ...)
        Not to be modified.

    Raises
    ------
    SourceStopped
        If `should_stop` returns True.
    """
    found = find_weights(source, seeds) if find_weights else None
    if found is not None:
        return found
    key = source.key, tuple(seeds)
    weights = _cache.pop(key, None)
    if weights is None:
        start, below = source.train.start_from, None
        if start is not None:
            below = source_weights(
                start.experiment, seeds, find_weights=find_weights, should_stop=should_stop, on_progress=on_progress
            )
        first = first_weights(source, seeds, source=below)
        training = Training(source, seeds, load_dataset(source, seeds), start=first, should_stop=should_stop)
        for epoch in training:
            if on_progress:
                on_progress(epoch.epoch / source.train.epochs)
        if not training.finished:
            raise SourceStopped("The training was stopped while its source experiment was being trained.")
        weights = training.final_weights()
    _cache[key] = weights  # the last one is the most recently used
    for oldest in list(_cache)[:-_CACHED]:
        _cache.pop(oldest, None)  # another thread may have done so
    return weights


def first_weights(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
    source: Weights | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Weights:
    """The starting weights of an experiment: random, except for the layers that come from its source.

    All folds of a seed start alike, but each from its own fold of a source with as many folds. Of a source with another
    number of folds, the first is used.

    Parameters
    ----------
    source : dict of arrays, optional
        The final weights of the source; if omitted, see `source_weights`.
    should_stop : callable, optional
        As for `Training`, while the source is trained.

    Returns
    -------
    dict of arrays (replicates, ...)

    Raises
    ------
    SourceStopped
        If `should_stop` returns True.
    """
    folds = experiment.data.folds
    weights = _for_folds(random_streams.stacked_weights(experiment, seeds), 0, folds)
    start = experiment.train.start_from
    if start is None:
        return weights
    if source is None:
        source = source_weights(start.experiment, seeds, should_stop=should_stop)
    source = _for_folds(source, start.experiment.data.folds, folds)
    taken = {name: source[name].copy() for name in weights if int(name.partition(".")[0]) < start.layers}
    return weights | taken


def _for_folds(weights: Weights, given: int, wanted: int) -> Weights:
    """Weights (replicates, ...) of seeds with `given` folds, for the same seeds with `wanted` folds."""
    if given == wanted:
        return dict(weights)
    return {name: array[:: max(1, given)].repeat(max(1, wanted), axis=0) for name, array in weights.items()}


def started_from(source: Experiment) -> Experiment | None:
    """A first experiment that starts from a trained one: all its hidden layers, none frozen, a tenth of the learning
    rate; on the classes it was not trained on if there are any, otherwise on the same data. None where no layer can be
    taken."""
    if not source.model.depth or source.sources >= MAX_SOURCES:
        return None
    start = StartFrom(experiment=source, layers=source.model.depth)
    same: dict[str, Any] = {"train.start_from": start, "train.lr": source.train.lr / 10}
    unseen = sorted(set(range(len(source.data.facts.class_sizes))) - set(source.data.labels))
    other = same | {"data.labels": unseen}
    for changes in [other, same] if source.data.labels and len(unseen) > 1 else [same]:
        with suppress(SpecError):
            return source.set(changes)
    return None
