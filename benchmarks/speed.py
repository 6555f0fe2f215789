"""nnlab compared with what its users would write: time per model and step.

    python -m benchmarks.speed [--quick] [--rounds 5]

Moons at depths 1 to 6 (width 8, batches of 32, Adam) and the `mnist` preset (MNIST from NNLAB_DATA_DIR; left out if it
is not there), with 1 and with 10 seeds: each engine of nnlab, the PyTorch loop of the tutorials, scikit-learn's
MLPClassifier, and Keras if it is installed.

Whole epochs are timed and divided by steps and models. nnlab's epochs are those a user gets: shuffling, loss and score
on the training and validation parts, best weights. The others only train. Each has one thread, and its processor time
is measured, so that other processes do not disturb it (Keras has its own threads, so it is timed by the clock). They
take turns for several rounds; the median round counts. The table is Markdown; the last lines compare nnlab with its
targets. The exit code is 1 if one is missed.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from time import thread_time as clock

import click
import numpy as np
import sklearn
import torch
from threadpoolctl import threadpool_limits

from benchmarks.rivals import sklearn_epoch, tutorial_epoch
from nnlab import Experiment, load_dataset, presets, train
from nnlab.datasets import DatasetUnavailable
from nnlab.spec import DataSpec, ModelSpec, TrainSpec

SEEDS = (1, 10)
ENGINES = ("torch", "numpy")
TARGETS = {("moons", 10): 10.0, ("mnist", 10): 3.0, ("moons", 1): 1.0, ("mnist", 1): 1.0}
"""The least speed-up of the PyTorch engine over the tutorial loop, by data and seeds."""


@dataclass(frozen=True)
class Case:
    name: str
    experiment: Experiment
    epochs: int
    """Per turn, after one to warm up."""


def cases(quick: bool) -> Iterator[Case]:
    for depth in (1, 6) if quick else range(1, 7):
        moons = Experiment(
            data=DataSpec(name="moons", n_samples=1000), model=ModelSpec(hidden=(8,) * depth), train=TrainSpec()
        )
        yield Case(f"moons, depth {depth}", moons, 8)
    mnist = presets["mnist"].set({"data.n_samples": 10_000} if quick else {})
    try:
        load_dataset(mnist)
    except DatasetUnavailable as error:
        print(f"mnist left out: {error}", file=sys.stderr)
    else:
        yield Case("mnist 784-32-10", mnist, 1)


def nnlab_epoch(experiment: Experiment, engine: str, seeds: int, epochs: int) -> float:
    """Seconds per epoch and model: the fastest of several epochs after the first, divided by the seeds."""
    training = train(experiment.set({"train.engine": engine, "train.epochs": 1 + epochs}), seeds)
    next(training)
    seconds = []
    for _ in range(epochs):
        began = clock()
        next(training)
        seconds.append(clock() - began)
    return min(seconds) / seeds


def keras_epoch(experiment: Experiment, epochs: int) -> float:
    """`fit` with the same layers, batches and learning rate; timed by the clock, as TensorFlow has its own threads."""
    import keras

    data, spec = load_dataset(experiment), experiment.train
    binary = experiment.loss == "bce"
    hidden = [keras.layers.Dense(width, activation="relu") for width in experiment.model.widths]
    last = keras.layers.Dense(experiment.outputs, activation="sigmoid" if binary else "softmax")
    model = keras.Sequential([keras.Input((experiment.data.inputs,)), *hidden, last])
    model.compile(
        keras.optimizers.Adam(spec.lr), loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    )
    x, y = data.scaling.apply(data.train.x), data.train.y
    seconds = []
    for _ in range(1 + epochs):
        began = perf_counter()
        model.fit(x, y, batch_size=spec.batch_size, verbose=0)
        seconds.append(perf_counter() - began)
    return min(seconds[1:])


def has_keras() -> bool:
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        import keras
    except ImportError:
        return False
    return bool(keras.__version__)


def measure(case: Case, rounds: int, keras: bool) -> dict[str, float]:
    """Microseconds per model and step of each engine, the median of the rounds."""
    runners: dict[str, Callable[[], float]] = {
        "tutorial": lambda: tutorial_epoch(case.experiment, max(1, case.epochs // 4)),
        "sklearn": lambda: sklearn_epoch(case.experiment, 2 * case.epochs),
    }
    if keras:
        runners["keras"] = lambda: keras_epoch(case.experiment, 1)
    for engine in ENGINES:
        for seeds in SEEDS:
            runners[f"{engine} {seeds}"] = lambda e=engine, s=seeds: nnlab_epoch(case.experiment, e, s, case.epochs)  # type: ignore[misc]
    turns = [{name: run() for name, run in runners.items()} for _ in range(rounds)]
    micro = 1e6 / case.experiment.steps_per_epoch
    return {name: statistics.median(turn[name] for turn in turns) * micro for name in runners}


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@click.command()
@click.option("--quick", is_flag=True, help="Depths 1 and 6, a sixth of MNIST, two rounds: about a minute.")
@click.option("--rounds", type=click.IntRange(1), help="Number of rounds.  [default: 5; 2 with --quick]")
def main(quick: bool, rounds: int | None) -> None:
    """Time per model and step of nnlab and of what its users would write."""
    torch.set_num_threads(1)
    rounds = rounds or (2 if quick else 5)
    keras = has_keras()
    print(
        f"{processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, PyTorch {torch.__version__}, "
        f"NumPy {np.__version__}, scikit-learn {sklearn.__version__}{'' if keras else '; no Keras'}.\n"
        f"Microseconds per model and step, one thread, median of {rounds} rounds; in brackets: times as fast as the "
        "tutorial loop.\n"
    )
    columns = ["tutorial", "sklearn", *(["keras"] if keras else []), *(f"{e} {s}" for e in ENGINES for s in SEEDS)]
    titles = {"tutorial": "tutorial loop", "sklearn": "scikit-learn", "keras": "Keras"} | {
        f"{e} {s}": f"nnlab {e}, {s} seed{'s' * (s > 1)}" for e in ENGINES for s in SEEDS
    }
    print("| | " + " | ".join(titles[c] for c in columns) + " |")
    print("| --- |" + " ---: |" * len(columns), flush=True)
    verdicts = []
    with threadpool_limits(1):
        for case in cases(quick):
            took = measure(case, rounds, keras)
            ratio = {name: took["tutorial"] / micro for name, micro in took.items()}
            shown = {c: f"{took[c]:,.{0 if took[c] >= 100 else 1}f}" for c in columns}
            cells = [shown[c] if c == "tutorial" else f"{shown[c]} ({ratio[c]:.1f}×)" for c in columns]
            print(f"| {case.name} | " + " | ".join(cells) + " |", flush=True)
            for seeds in SEEDS:
                verdicts.append((case.name, seeds, ratio[f"torch {seeds}"], TARGETS[case.experiment.data.name, seeds]))
    print("\nTargets, PyTorch engine against the tutorial loop:\n")
    for name, seeds, reached, target in verdicts:
        met = "met" if reached >= target else "NOT MET"
        print(f"- {name}, {seeds} seed{'s' * (seeds > 1)}: {reached:.1f}×, at least {target:g}×: {met}")
    sys.exit(any(reached < target for _, _, reached, target in verdicts))


if __name__ == "__main__":
    main()
