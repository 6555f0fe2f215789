"""The learning rate range test: a short training in which every step takes a larger learning rate.

    range_test(presets["mnist"]).suggested  # 0.008

References
----------
Smith (2017). Cyclical Learning Rates for Training Neural Networks. WACV, 464-472.
Howard, Gugger (2020). Fastai: A Layered API for Deep Learning. Information 11, 108 (`lr_find`: rates that grow by a
    constant factor).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nnlab.datasets import Part, load_dataset
from nnlab.engines import random_streams
from nnlab.engines.base import Floats, Weights, single_thread
from nnlab.spec import Experiment, as_seeds
from nnlab.training.loop import Training
from nnlab.training.transfer import first_weights

LOW, HIGH, STEPS = 1e-6, 10.0, 100
SAMPLES = 1000  # at most so many training samples in a batch, and for the loss
WORK = 3e10  # multiplications of weights, about one second: to stay below, the loss is computed on fewer samples
OVER = 4.0  # the test ends where the loss is so many times its lowest
WIDTH = 2.0  # steps: the standard deviation of the Gaussian that smooths the loss
FALL = 0.01  # the loss must fall by this share of its first value for a suggestion
WARM_UP = 50
"""Steps at rate 0 in which batch normalisation estimates its running mean and variance; otherwise the loss would fall
at whatever rate comes first."""


@dataclass(frozen=True)
class RangeTest:
    """The loss while the learning rate grows."""

    experiment: Experiment  # as `subject_of` gives it
    seeds: tuple[int, ...]
    rates: Floats  # (steps,) growing by a constant factor; fewer than requested where the loss rose before the end
    losses: Floats
    """(steps, replicates) The training loss, in evaluation mode, before the step at that rate. The last may be more
    than four times the lowest, infinite or nan."""

    @cached_property
    def smoothed(self) -> Floats:
        """(steps,) The mean over the replicates, at most four times the lowest so far, smoothed by a Gaussian over the
        steps (a running mean would lag, and move every fall to a larger rate)."""
        from scipy.ndimage import gaussian_filter1d

        mean = self.losses.mean(axis=1)
        mean = np.fmin(mean, OVER * np.fmin.accumulate(mean))
        weighted, weight = gaussian_filter1d([mean, np.ones(len(mean))], WIDTH, mode="constant", truncate=len(mean))
        return np.asarray(weighted / weight)

    @cached_property
    def suggested(self) -> float | None:
        """The rate at which the smoothed loss falls most steeply over the logarithm of the rate, but at most a third of
        the rate at which it is lowest; to one significant digit. None where the loss does not fall by a hundredth.

        The bound keeps a distance from rates at which single steps raise the loss: a training takes many more steps
        than the test's hundred."""
        first, lowest = self.smoothed[0], int(np.argmin(self.smoothed))
        if not self.smoothed[lowest] < (1 - FALL) * first:  # nan too
            return None
        slope = np.gradient(self.smoothed, np.log(self.rates))
        rate = min(self.rates[np.argmin(slope[: lowest + 1])], self.rates[lowest] / 3)
        return float(f"{rate:.0e}")


def subject_of(experiment: Experiment) -> Experiment:
    """The experiment with default values for what a range test does not depend on (rate, schedule, epochs, patience,
    folds): experiments with the same subject have the same test."""
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
    """Train with a learning rate that grows from step to step, and record the loss. The same call gives the same
    numbers.

    Parameters
    ----------
    experiment : Experiment
        The steps are those of its training: the same batches, dropout and weight decay.
    low, high : float
        The first and the last learning rate.
    source : dict of arrays (seeds, ...), optional
        The final weights of the experiment in `train.start_from`, if there is one; it is trained if they are omitted.

    Raises
    ------
    SpecError
        If the seeds are invalid.
    DatasetUnavailable
        If MNIST is neither on disk nor can be downloaded.
    """
    subject, chosen = subject_of(experiment), as_seeds(seeds)
    in_steps = subject.set({"train.batch_size": min(subject.train.batch_size, SAMPLES)})
    dataset = load_dataset(subject, chosen)
    start = first_weights(in_steps, chosen, source=source)
    engine = Training(in_steps, chosen, dataset, start=start).engine
    parts = [_measured(in_steps, one.train, len(chosen) * steps) for one in dataset.training_sets]
    ramp, losses = np.geomspace(low, high, steps), []
    warm_up = WARM_UP if any(layer.norm == "batch" for layer in subject.layers) else 0
    active, lowest = np.ones(len(chosen), np.bool_), np.inf
    with single_thread():
        for number, rate in enumerate([0.0] * warm_up + ramp.tolist()):
            if number >= warm_up:
                losses.append(engine.scores(parts, active)[0])
                mean = losses[-1].mean()
                lowest = min(lowest, mean)
                if not mean <= OVER * lowest or mean == np.inf:
                    break
            epoch, first = divmod(number, in_steps.steps_per_epoch)
            engine.run_steps(epoch + 1, first, np.array([rate]), active)
    return RangeTest(subject, chosen, ramp[: len(losses)], np.array(losses))


def _measured(experiment: Experiment, train: Part, times: int) -> Part:
    """The training samples on which the loss is computed so many times."""
    weights = sum(layer.inputs * layer.width for layer in experiment.layers)
    affordable = WORK / (times * weights) - 3 * experiment.train.batch_size
    at_most = int(np.clip(affordable, SAMPLES // 10, SAMPLES))
    rows = random_streams.scored_samples(experiment.data.seed, len(train), at_most)
    return train.take(rows)
