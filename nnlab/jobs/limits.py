"""What one experiment may ask of this installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.spec.errors import Problem, SpecError

if TYPE_CHECKING:
    pass


class LimitError(SpecError):
    """An experiment that asks for more than this installation gives; `problems` names the field."""


def find_limit(experiment: Experiment, seeds: Sequence[int]) -> Problem | None:
    """What in an experiment is more than the settings allow, or None."""
    allowed = settings()
    parameters, folds = max(1, experiment.parameters + experiment.frozen_parameters), experiment.data.folds
    together = max(1, 10 * allowed.max_parameters // parameters)  # replicates train side by side in memory
    together = min(allowed.max_seeds, together)
    batch = min(experiment.train.batch_size, experiment.data.sizes[0])
    units = sum(layer.width for layer in experiment.layers) + (experiment.data.inputs if folds else 0)
    units *= experiment.replicates(len(seeds))  # each gives a number a sample: 4 bytes, and some more on the way back;
    at_once = max(1, 32 * allowed.max_parameters // units)  # about 1 GB in all
    for name, got, most in (
        ("parameters", parameters, allowed.max_parameters),
        ("data.n_samples", min(experiment.data.n_samples, experiment.data.max_samples), allowed.max_samples),
        ("train.epochs", experiment.train.epochs, allowed.max_epochs),
        ("data.folds", folds, together),
        ("seeds", len(seeds), together // max(1, folds)),
        ("train.batch_size", batch, at_once),
    ):
        if got > most:
            return Problem(name, got, "range", 0 if name == "data.folds" else 1, most)
    start = experiment.train.start_from  # it may have to be trained, too
    inner = find_limit(start.experiment, seeds) if start else None
    return replace(inner, field=f"train.start_from.experiment.{inner.field}") if inner else None


def check_limits(experiment: Experiment, seeds: Sequence[int]) -> None:
    """Raises LimitError where an experiment asks for more than this installation gives."""
    if problem := find_limit(experiment, seeds):
        raise LimitError([problem])
