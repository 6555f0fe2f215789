"""nnlab compared with what its users would write and with JAX: time per model and step.

    python -m benchmarks.speed [--quick] [--rounds 5]

Moons at depths 1, 2, 4, 6 (width 8, batches of 32, Adam) and the `mnist` preset (MNIST from NNLAB_DATA_DIR; left out if
it is not there), with 1 and with 10 seeds: each engine of nnlab, the PyTorch loop of the tutorials, scikit-learn's
MLPClassifier, a network of objects as in TensorFlow Playground (in Node; plain gradient descent, moons only), and JAX
and Keras where they are installed.

Whole epochs are timed and divided by steps and models. nnlab's epochs are those a user gets: shuffling, loss and score
on the training and validation parts, best weights. The others only train. Each has one thread, and its processor time
is measured, so that other processes do not disturb it (Node and Keras are timed by the clock). They take turns for
several rounds; the median round counts. The table is Markdown; the lines below compare nnlab's default engine with its
targets, and seeds with data of their own with seeds that share them. The exit code is 1 if a target is missed.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time, thread_time

import click
import numpy as np
import sklearn
import torch
from threadpoolctl import threadpool_limits

from benchmarks.rivals import installed, keras_epochs, playground_seconds, processes, sklearn_fit, tutorial_epochs
from nnlab import Experiment, load_dataset, presets, train
from nnlab.datasets import DatasetUnavailable
from nnlab.engines.choice import engine_name
from nnlab.spec import DataSpec, ModelSpec, TrainSpec

SEEDS = (1, 10)
ENGINES = ("auto", "numpy", "torch")
TARGETS = (
    ("moons, depth 1", "tutorial loop", 1, 90.0),
    ("moons, depth 1", "tutorial loop", 10, 140.0),
    ("moons, depth 1", "Playground, Node", 1, 3.0),
    ("moons, depth 4", "tutorial loop", 1, 50.0),
    ("moons, depth 4", "tutorial loop", 10, 70.0),
    ("moons, depth 4", "Playground, Node", 1, 7.0),
    ("mnist", "tutorial loop", 1, 8.0),
    ("mnist", "tutorial loop", 10, 9.0),
    ("moons", "JAX, 1 seed", 1, 1.0),
    ("moons", "JAX, 10 seeds", 10, 1 / 1.8),
    ("mnist", "JAX, 1 seed", 1, 1 / 1.8),
    ("mnist", "JAX, 10 seeds", 10, 1 / 1.8),
)
"""The beginning of a case's name, a rival, the seeds of `auto`, and how many times as fast it is at least."""
OWN_DATA = {"auto": 1.1, "torch": 1.3}
"""How many times as long seeds with data of their own take at most, by engine."""
OWN_SAMPLES = (200, 1000)


@dataclass(frozen=True)
class Case:
    name: str
    experiment: Experiment
    epochs: int
    """Per turn, after one to warm up."""


def moons(depth: int) -> Experiment:
    return Experiment(
        data=DataSpec(name="moons", n_samples=1000), model=ModelSpec(hidden=(8,) * depth), train=TrainSpec()
    )


def cases(quick: bool) -> Iterator[Case]:
    for depth in (1, 4) if quick else (1, 2, 4, 6):
        yield Case(f"moons, depth {depth}", moons(depth), 20)
    mnist = presets["mnist"].set({"data.n_samples": 10_000} if quick else {})
    try:
        load_dataset(mnist)
    except DatasetUnavailable as error:
        print(f"mnist left out: {error}", file=sys.stderr)
    else:
        yield Case("mnist 784-32-10", mnist, 2)


def timed(epochs: Iterator[object], count: int, clock: Callable[[], float] = thread_time) -> tuple[float, float]:
    """Seconds of the fastest of `count` epochs after the first, and how much longer the first took."""
    seconds = []
    for _ in range(1 + count):
        began = clock()
        next(epochs)
        seconds.append(clock() - began)
    return min(seconds[1:]), seconds[0] - min(seconds[1:])


def timed_jax(experiment: Experiment, seeds: int, count: int) -> tuple[float, float]:
    from benchmarks.jax_rival import jax_epochs

    return timed(jax_epochs(experiment, range(seeds)), count, process_time)  # it has threads of its own


def timed_keras(experiment: Experiment) -> tuple[float, float]:
    return timed(keras_epochs(experiment), 1, perf_counter)


def timed_fit(experiment: Experiment) -> tuple[float, float]:
    """Seconds per epoch of a fit of scikit-learn, whose epochs cannot be timed one by one."""
    began = thread_time()
    sklearn_fit(experiment)
    return (thread_time() - began) / experiment.train.epochs, 0.0


def timed_playground(experiment: Experiment) -> tuple[float, float]:
    """Seconds per epoch of the fastest of three models."""
    return min(playground_seconds(experiment, 3)) / experiment.train.epochs, 0.0


def measure(case: Case, rounds: int, other: Executor) -> dict[str, float]:
    """Microseconds per model and step of everybody, the median of the rounds; also the seconds JAX takes to compile."""
    count = case.epochs
    experiment, longer = (case.experiment.set({"train.epochs": epochs}) for epochs in (1 + count, 5 * count))
    runners: dict[str, tuple[int, Callable[[], tuple[float, float]]]] = {
        "tutorial loop": (1, lambda: timed(tutorial_epochs(experiment), max(1, count // 4))),
        "scikit-learn": (1, lambda: timed_fit(experiment)),
    }
    if installed("keras"):
        runners["Keras"] = 1, lambda: other.submit(timed_keras, experiment).result()
    if shutil.which("node") and experiment.data.name == "moons":
        runners["Playground, Node"] = 1, lambda: timed_playground(longer)
    for seeds in SEEDS if installed("jax") else ():
        job = partial(other.submit, timed_jax, experiment, seeds, count)
        runners[f"JAX, {named(seeds)}"] = seeds, lambda job=job: job().result()
    for engine in ENGINES:
        ours = experiment.set({"train.engine": engine})
        for seeds in SEEDS:
            runners[f"nnlab {engine}, {named(seeds)}"] = seeds, lambda e=ours, n=seeds: timed(train(e, n), count)
    turns = [{name: run() for name, (_, run) in runners.items()} for _ in range(rounds)]
    middle = {name: np.median([turn[name] for turn in turns], axis=0) for name in runners}  # (2,) each
    took = {
        name: 1e6 * float(middle[name][0]) / experiment.steps_per_epoch / models
        for name, (models, _) in runners.items()
    }
    return took | {
        f"{name}: seconds to compile": float(both[1]) for name, both in middle.items() if name.startswith("JAX")
    }


def own_data(engine: str, rounds: int) -> list[float]:
    """How many times as long ten seeds with samples of their own take, for moons with each of OWN_SAMPLES."""
    ratios = []
    for samples in OWN_SAMPLES:
        count = 40_000 // samples
        shared = moons(1).set({"data.n_samples": samples, "train.engine": engine, "train.epochs": 1 + count})
        own = shared.set({"data.per_seed": "samples"})
        turns = [[timed(train(one, 10), count)[0] for one in (own, shared)] for _ in range(rounds)]
        ratios.append(float(np.median([first / second for first, second in turns])))
    return ratios


def named(seeds: int) -> str:
    return f"{seeds} seed{'s' * (seeds > 1)}"


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@click.command()
@click.option("--quick", is_flag=True, help="Depths 1 and 4, a sixth of MNIST, two rounds: about a minute.")
@click.option("--rounds", type=click.IntRange(1), help="Number of rounds.  [default: 5; 2 with --quick]")
def main(quick: bool, rounds: int | None) -> None:
    """Time per model and step of nnlab and its rivals."""
    torch.set_num_threads(1)
    rounds = rounds or (2 if quick else 5)
    print(
        f"{processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, PyTorch {torch.__version__}, "
        f"NumPy {np.__version__}, scikit-learn {sklearn.__version__}; auto is the {engine_name(Experiment())} engine.\n"
        f"Microseconds per model and step, one thread, median of {rounds} rounds; in brackets: times as fast as the "
        "tutorial loop.\n"
    )
    columns = {}
    with threadpool_limits(1), processes(1, list) as other:
        for case in cases(quick):
            columns[case] = measure(case, rounds, other)
            print(f"{case.name}: measured", file=sys.stderr, flush=True)
    print("| | " + " | ".join(case.name for case in columns) + " |\n| --- |" + " ---: |" * len(columns))
    for who in next(iter(columns.values())):
        cells = [shown(who, took) for took in columns.values()]
        print(f"| {who} | " + " | ".join(cells) + " |")
    print("\nTargets, nnlab auto:\n")
    missed = False
    for case, took in columns.items():
        for start, rival, seeds, least in TARGETS:
            if case.name.startswith(start) and rival in took:
                ratio = took[rival] / took[f"nnlab auto, {named(seeds)}"]
                missed |= ratio < least
                met = "met" if ratio >= least else "NOT MET"
                print(f"- {case.name}, {named(seeds)}, against {rival}: {ratio:.3g}×, at least {least:.3g}×: {met}")
    for engine, most in OWN_DATA.items():
        ratios = own_data(engine, rounds)
        missed |= max(ratios) > most
        met = "met" if max(ratios) <= most else "NOT MET"
        times = " and ".join(f"{ratio:.2f}×" for ratio in ratios)
        sizes = " and ".join(f"{samples:,}" for samples in OWN_SAMPLES)
        print(
            f"- moons, {sizes} samples, 10 seeds, {engine}: data of their own take {times} the time of shared data, "
            f"at most {most}×: {met}"
        )
    sys.exit(missed)


def shown(who: str, took: dict[str, float]) -> str:
    """One cell of the table."""
    if who not in took:
        return "–"
    digits = 2 if "seconds" in who else 0 if took[who] >= 100 else 1
    ratio = "" if who == "tutorial loop" or "seconds" in who else f" ({took['tutorial loop'] / took[who]:.1f}×)"
    return f"{took[who]:,.{digits}f}{ratio}"


if __name__ == "__main__":
    main()
