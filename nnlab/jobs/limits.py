"""The limits of this installation for one experiment."""

from collections.abc import Sequence
from dataclasses import replace

from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.spec.errors import Problem, SpecError


class LimitError(SpecError):
    """An experiment over a limit of this installation; `problems` names the field."""


def find_limit(experiment: Experiment, seeds: Sequence[int]) -> Problem | None:
    """The first field of an experiment that is over a limit of the settings, or None."""
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
    start = experiment.train.start_from  # may have to be trained, too
    inner = find_limit(start.experiment, seeds) if start else None
    return replace(inner, field=f"train.start_from.experiment.{inner.field}") if inner else None


def check_limits(experiment: Experiment, seeds: Sequence[int]) -> None:
    """Raise LimitError if an experiment is over a limit."""
    if problem := find_limit(experiment, seeds):
        raise LimitError([problem])
