"""The limits of this installation for an experiment and for a comparison."""

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from nnlab.engines.costs import estimate_bytes
from nnlab.jobs.memory import worker_bytes
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.spec.errors import Problem, SpecError


class LimitError(SpecError):
    """An experiment or a comparison over a limit of this installation; `problems` names the field."""


def find_limit(
    experiment: Experiment, seeds: Sequence[int], memory: float | None = None, *, splits: bool = False
) -> Problem | None:
    """The first field of an experiment that is over a limit of the settings, or None.

    Parameters
    ----------
    memory : float, optional
        Bytes that the training may take; by default what a worker may.
    splits : bool
        Whether the seeds may be trained in several runs, as those of a comparison's cell, so that only one of them
        must fit into memory.
    """
    allowed = settings()
    data, sets = experiment.data, experiment.training_sets(len(seeds))
    parameters, folds = max(1, experiment.parameters + experiment.frozen_parameters), data.folds
    n_samples = min(data.n_samples, data.max_samples)
    # all replicates are in memory at once
    together = min(allowed.max_seeds, max(1, 10 * allowed.max_parameters // parameters))
    batch = min(experiment.train.batch_size, data.sizes[0])
    # each unit has a number per sample, 4 bytes, and some more in the backward pass: about 1 GB in all
    units = sum(layer.width for layer in experiment.layers) + (data.inputs if sets > 1 else 0)
    samples = max(1, 32 * allowed.max_parameters // (units * experiment.replicates(len(seeds))))
    # the sets of samples are in memory, too, drawn and scaled: about 300 MB; splits of pictures share them
    copied = sets > 1 and not data.facts.image_shape
    in_memory = 16 * allowed.max_parameters // (sets * data.inputs) if copied else n_samples
    for name, got, most in (
        ("parameters", parameters, allowed.max_parameters),
        ("data.n_samples", n_samples, allowed.max_samples),
        ("train.epochs", experiment.train.epochs, allowed.max_epochs),
        ("data.folds", folds, together),
        ("seeds", len(seeds), together // max(1, folds)),
        ("data.n_samples", n_samples, in_memory),
        ("train.batch_size", batch, samples),
    ):
        if got > most:
            return Problem(name, got, "range", 0 if name == "data.folds" else 1, most)
    if problem := find_shortage(experiment, 1 if splits else len(seeds), memory):
        return problem
    start = experiment.train.start_from  # may have to be trained, too
    inner = find_limit(start.experiment, seeds, memory, splits=splits) if start else None
    return replace(inner, field=f"train.start_from.experiment.{inner.field}") if inner else None


def check_waiting(unfinished: int, more: int) -> None:
    """Raise LimitError if an owner with so many waiting and running runs may not queue so many more."""
    if more > 0 and unfinished + more > settings().max_waiting:
        raise LimitError([Problem("waiting", unfinished + more, "conflict", expected="too_many_waiting")])


def find_comparison_limit(
    comparison: Comparison, memory: float | None = None, *, splits: bool = False
) -> Problem | None:
    """The first field of a cell that is over a limit of the settings, or the epochs of all networks; or None. `memory`
    and `splits` are as for `find_limit`."""
    cells, seeds = comparison.experiments, comparison.seeds
    for experiment in cells:
        if problem := find_limit(experiment, seeds, memory, splits=splits):
            return problem
    epochs, most = sum(one.train.epochs * one.replicates(len(seeds)) for one in cells), settings().max_network_epochs
    return Problem("network_epochs", epochs, "range", 1, most) if epochs > most else None


def check_comparison(comparison: Comparison, memory: float | None = None, *, splits: bool = False) -> None:
    """Raise LimitError if a comparison is over a limit; the parameters are those of `find_limit`."""
    if problem := find_comparison_limit(comparison, memory, splits=splits):
        raise LimitError([problem])


def check_limits(experiment: Experiment, seeds: Sequence[int], memory: float | None = None) -> None:
    """Raise LimitError if an experiment is over a limit; the parameters are those of `find_limit`."""
    if problem := find_limit(experiment, seeds, memory):
        raise LimitError([problem])


def find_shortage(experiment: Experiment, n_seeds: int, memory: float | None = None) -> Problem | None:
    """The field to make smaller if the training takes more than `memory` bytes, by default what a worker may; or
    None."""
    allowed = worker_bytes() if memory is None else memory
    needed = estimate_bytes(experiment, n_seeds)
    if needed <= allowed:
        return None
    for field, got in (
        ("seeds", n_seeds),
        ("train.batch_size", min(experiment.train.batch_size, experiment.data.sizes[0])),
        ("data.n_samples", experiment.data.n_samples),
    ):
        if fits := _largest(experiment, n_seeds, field, got, allowed):
            return Problem(field, got, "memory", 1, fits, needs=needed, has=allowed)
    empty = estimate_bytes(experiment.set({"model.hidden": []}), n_seeds)
    share = max(0.0, allowed - empty) / (needed - empty)
    parameters = experiment.parameters + experiment.frozen_parameters
    return Problem("parameters", parameters, "memory", 1, int(share * parameters), needs=needed, has=allowed)


def seeds_that_fit(experiment: Experiment, n_seeds: int) -> int:
    """How many of the seeds a worker has the memory to train together; at least 1."""
    if estimate_bytes(experiment, n_seeds) <= worker_bytes():
        return n_seeds
    return max(1, _largest(experiment, n_seeds, "seeds", n_seeds, worker_bytes()))


def _largest(experiment: Experiment, n_seeds: int, field: str, got: int, allowed: float) -> int:
    """The largest value below `got` of a field with which the training fits into memory; 0 if there is none."""

    def fits(value: int) -> bool:
        if field == "seeds":
            return estimate_bytes(experiment, value) <= allowed
        try:
            return estimate_bytes(experiment.set({field: value}), n_seeds) <= allowed
        except SpecError:  # too few samples, for example: more may be valid
            return True

    largest = bisect_left(range(1, got), True, key=lambda value: not fits(value))
    with suppress(SpecError):
        return largest if largest and (field == "seeds" or experiment.set({field: largest})) else 0
    return 0
