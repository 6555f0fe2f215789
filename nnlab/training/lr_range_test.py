"""Which learning rate? A short training in which every step takes a larger one, and the loss on the way.

    range_test(presets["mnist"]).suggested  # 0.008

This is the learning rate range test of Smith (2017), "Cyclical Learning Rates for Training Neural Networks"; its rates
grow by a constant factor, as in fastai's `lr_find` (Howard and Gugger 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np

from nnlab.datasets import Part, load_dataset
from nnlab.engines import random_streams
from nnlab.engines.base import Floats, Weights
from nnlab.spec import Experiment, as_seeds
from nnlab.training.loop import Training
from nnlab.training.transfer import first_weights

LOW, HIGH, STEPS = 1e-6, 10.0, 100
SAMPLES = 1000
"""The loss is measured on at most so many training samples, and a step takes at most so many."""
WORK = 3e10
"""Multiplications of weights, about a second's: where they would be more, the loss is measured on fewer samples."""
OVER = 4.0
"""The test ends where the loss is so many times its lowest."""
WIDTH = 2.0
"""Steps: the standard deviation of the bell curve that smooths the loss."""
FALL = 0.01
"""A loss that falls by less than this share of its first value has not fallen."""
WARM_UP = 50
"""Steps at rate 0 in which batch normalisation finds its running mean and variance; else the loss would fall at
whatever rate comes first."""


@dataclass(frozen=True)
class RangeTest:
    """The loss while the learning rate grows."""

    experiment: Experiment
    """What was tested, by `subject_of`."""
    seeds: tuple[int, ...]
    rates: Floats
    """(steps,) Growing by a constant factor; fewer than asked for where the loss went up before the end."""
    losses: Floats
    """(steps, seeds) The training loss, in evaluation mode, before the step that took the rate. The last may be more
    than four times the lowest, infinite or nan."""

    @cached_property
    def smoothed(self) -> Floats:
        """(steps,) The mean over the seeds, smoothed by a bell curve over the steps (a running mean would lag, and
        move every fall to a larger rate). A last one that is out of bounds counts as four times the lowest."""
        mean = self.losses.mean(axis=1)
        mean = np.fmin(mean, OVER * np.fmin.accumulate(mean))
        steps = np.arange(len(mean))
        bell = np.exp(-(((steps[:, None] - steps) / WIDTH) ** 2) / 2)
        smoothed: Floats = bell @ mean / bell.sum(axis=1)
        return smoothed

    @cached_property
    def suggested(self) -> float | None:
        """The rate at which the smoothed loss falls most steeply over the logarithm of the rate, but at most a third of
        the rate at which it is lowest; to one significant digit. None where the loss does not fall by a hundredth.

        The bound keeps away from the edge: there one step takes back what others have won, and a training of many more
        steps than the test's hundred wants less."""
        first, lowest = self.smoothed[0], int(np.argmin(self.smoothed))
        if not self.smoothed[lowest] < (1 - FALL) * first:  # nan too
            return None
        slope = np.gradient(self.smoothed, np.log(self.rates))
        rate = min(self.rates[np.argmin(slope[: lowest + 1])], self.rates[lowest] / 3)
        return float(f"{rate:.0e}")


def subject_of(experiment: Experiment) -> Experiment:
    """The experiment with all that a range test does not depend on (rate, schedule, epochs, patience, folds) as it is
    by default: two experiments of one subject have the same test."""
    usual = {"train.lr": 0.01, "train.schedule": "constant", "train.epochs": 1, "train.patience": 0, "data.folds": 0}
    return experiment.set(usual)


def range_test(
    experiment: Experiment,
    seeds: int | Iterable[int] = 3,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    *,
    source: Weights | None = None,
) -> RangeTest:
    """Train with a rate that grows from `low` to `high`, and write down the loss. The same call gives the same numbers.

    Steps are those of a training: the order of its batches, as many epochs as it takes, its dropout and weight decay.

    `source` : where `train.start_from` names an experiment, its final weights (seeds, ...); None: it is trained first.

    Raises
    ------
    SpecError
        If the seeds cannot be.
    DatasetUnavailable
        For MNIST, when it is neither on disk nor to be had.
    """
    subject, chosen = subject_of(experiment), as_seeds(seeds)
    size = min(subject.train.batch_size, SAMPLES)
    subject_in_steps, dataset = subject.set({"train.batch_size": size}), load_dataset(subject.data)
    start = first_weights(subject_in_steps, chosen, len(dataset.folds), source=source)
    training = Training(subject_in_steps, chosen, dataset, start=start)
    engine, part = training.engine, _measured(subject, training.dataset.train, len(chosen) * steps)
    ramp, losses = np.geomspace(low, high, steps), []

    def rates() -> Iterator[float]:
        """Every rate, just before its step: the time to measure. Ends the pass by an exception, as passes are ended."""
        if any(layer.norm == "batch" for layer in subject.layers):
            yield from [0.0] * WARM_UP
        lowest = np.inf
        for rate in ramp.tolist():
            losses.append(engine.scores(part)[0])
            mean = losses[-1].mean()
            lowest = min(lowest, mean)
            if not mean <= OVER * lowest or mean == np.inf:
                break
            yield rate
        raise _Over

    growing = rates()
    with suppress(_Over):
        for epoch in count(1):
            engine.run_epoch(epoch, growing)
    return RangeTest(subject, chosen, ramp[: len(losses)], np.array(losses))


class _Over(Exception):
    """Ends the test, in the middle of a pass."""


def _measured(experiment: Experiment, train: Part, times: int) -> Part:
    """The training samples on which the loss is measured so many times."""
    weights = sum(layer.inputs * layer.width for layer in experiment.layers)
    affordable = WORK / (times * weights) - 3 * min(experiment.train.batch_size, SAMPLES)
    rows = random_streams.scored_samples(
        experiment.data.seed, len(train), int(np.clip(affordable, SAMPLES // 10, SAMPLES))
    )
    return Part(train.x[rows], train.y[rows])
