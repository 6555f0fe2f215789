"""The readable NumPy engine compared with the PyTorch loop of the tutorials and with scikit-learn.

    python -m benchmarks.engines [--rounds 3] [--no-mnist] [--check]

Time per model and step, in microseconds: the time of whole epochs divided by steps and models. The epochs of nnlab
include its evaluation (loss and accuracy on the training and validation parts). Each engine has one thread. Its
processor time is measured, so that other processes do not disturb it. The engines take turns for several rounds; the
fastest turn counts. MNIST is read from NNLAB_DATA_DIR.
"""

from __future__ import annotations

import sys
from time import thread_time as clock

import click
import torch
from threadpoolctl import threadpool_limits

from benchmarks.rivals import sklearn_epoch, tutorial_epoch
from nnlab import train
from nnlab.spec import DataSpec, Experiment, ModelSpec, TrainSpec

TARGETS = {"moons, 10 seeds": (20.0, 8.0), "moons, 1 seed": (0.0, 2.0), "mnist, 1 seed": (0.0, 1.0)}
"""The least speed-up over the tutorial loop and over scikit-learn."""


def our_epoch(experiment: Experiment, seeds: int, epochs: int) -> float:
    """Seconds per epoch and model, evaluation included, of the fastest epoch after the first."""
    training = train(experiment.set({"train.engine": "numpy", "train.epochs": 1 + epochs}), seeds)
    next(training)
    seconds = []
    for _ in range(epochs):
        began = clock()
        next(training)
        seconds.append(clock() - began)
    return min(seconds) / seeds


def moons(depth: int) -> Experiment:
    return Experiment(
        data=DataSpec(name="moons", n_samples=1000),
        model=ModelSpec(hidden=(8,) * depth),
        train=TrainSpec(lr=0.01, batch_size=32),
    )


def mnist() -> Experiment:
    return Experiment(
        data=DataSpec(name="mnist", n_samples=20_000),
        model=ModelSpec(hidden=(32,)),
        train=TrainSpec(lr=0.001, batch_size=32),
    )


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Number of rounds.")
@click.option("--mnist/--no-mnist", "with_mnist", default=True, help="Measure MNIST 784-32-10 too.")
@click.option("--check", is_flag=True, help="Exit with 1 if a target is missed.")
def main(rounds: int, with_mnist: bool, check: bool) -> None:
    """Time per model and step of the NumPy engine and its rivals."""
    torch.set_num_threads(1)
    cases = [(f"moons, depth {depth}", moons(depth), (1, 10), 20) for depth in (1, 2, 4, 6)]
    if with_mnist:
        cases.append(("mnist 784-32-10", mnist(), (1, 10), 2))
    print(f"Processor time in µs a model and step, one thread, least of {rounds} rounds", file=sys.stderr)
    print(f"{'':18}{'tutorial':>10}{'sklearn':>10}{'seeds':>7}{'NumPy':>8}{'× tutorial':>12}{'× sklearn':>11}  target")
    missed = False
    with threadpool_limits(1):
        for name, experiment, seed_counts, epochs in cases:
            micro = 1e6 / experiment.steps_per_epoch
            turns = [
                [tutorial_epoch(experiment, max(1, epochs // 4)), sklearn_epoch(experiment, epochs)]
                + [our_epoch(experiment, seeds, epochs) for seeds in seed_counts]
                for _ in range(rounds)
            ]
            tutorial, sklearn, *ours = (min(turn) * micro for turn in zip(*turns, strict=True))
            for seeds, own in zip(seed_counts, ours, strict=True):
                key = f"{name.split()[0].strip(',')}, {seeds} seed{'s' * (seeds > 1)}"
                target = TARGETS.get(key)
                met = target is None or (tutorial / own >= target[0] and sklearn / own >= target[1])
                missed |= not met
                wanted = "" if target is None else f"≥ {target[0]:g}, ≥ {target[1]:g}: {'met' if met else 'MISSED'}"
                print(
                    f"{name:18}{tutorial:10.0f}{sklearn:10.0f}{seeds:7}{own:8.1f}"
                    f"{tutorial / own:12.1f}{sklearn / own:11.1f}  {wanted}",
                    flush=True,
                )
    if check and missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
