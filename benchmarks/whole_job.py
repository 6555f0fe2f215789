"""A whole comparison by the clock: nnlab on two workers against what its users would write, and against JAX.

    python -m benchmarks.whole_job [--quick]

Moons (1,000 samples, width 8, batches of 32, Adam, 100 epochs) at depths 1, 2, 4, 6 with 10 seeds, and the `mnist`
preset with 10 seeds, from the click to the last score: nnlab through the lab with every engine on two warm workers; the
PyTorch loop of the tutorials in one process and in one process a core; scikit-learn's MLPClassifier through joblib on
all cores; a network of objects as in TensorFlow Playground (`playground.mjs`, plain gradient
descent), if Node is installed; JAX, if it is installed, in one warm process a core, the compilation of every
architecture included; Keras, if it is installed, on a part and scaled. The others only train; nnlab also measures loss
and accuracy after every epoch, stores snapshots, and has everything in the store at the end.

Then the network of the `scratch` preset, which nnlab trains with its default engine and with NumPy until it has 98 %
on the validation part. The last lines of each table state whether the default engine meets its targets. The exit
status is 1 if it does not.
"""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

import click
from joblib import Parallel, delayed

from benchmarks.class_of_60 import finished, warm_up
from benchmarks.rivals import installed, playground_seconds, processes, sklearn_fit, tutorial_epochs
from benchmarks.speed import ENGINES, moons, processor, timed_keras
from nnlab import Comparison, Experiment, load_dataset, presets, train
from nnlab.datasets import DatasetUnavailable
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.store import Store

DEPTHS, SEEDS, CORES = (1, 2, 4, 6), 10, 2
TARGETS = {
    "moons": {
        "tutorial loop": 100,
        "scikit-learn, joblib": 17,
        "TensorFlow Playground, Node": 8,
        "JAX, a process a core": 1,
    },
    "mnist": {"tutorial loop, a process a core": 8, "JAX, a process a core": 1},
    "scratch": {"nnlab numpy": 2},
}
"""How many times as fast as each the default engine is at least."""


def clocked(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


# -- what its users would write --------------------------------------------------------------------------------------


def tutorial_fit(experiment: Experiment, seed: int) -> None:
    deque(tutorial_epochs(experiment, seed), maxlen=0)


def jax_fit(experiment: Experiment, seeds: Sequence[int]) -> None:
    from benchmarks.jax_rival import jax_epochs

    deque(jax_epochs(experiment, seeds), maxlen=0)


def warm_jax(experiment: Experiment) -> None:
    """Import JAX and load the data; the architecture is another one, so it compiles again."""
    load_dataset(experiment)
    jax_fit(moons(1).set({"model.hidden": [3], "train.epochs": 1}), [0])


def tutorial(experiments: list[Experiment], cores: int) -> float:
    """A process a core, of one thread each: with more, a busy machine makes the loop 25 times slower."""
    jobs = [(one, seed) for one in experiments for seed in range(SEEDS)]
    with processes(cores, partial(tutorial_fit, experiments[0].set({"train.epochs": 1}), 0)) as pool:
        return clocked(lambda: list(pool.map(tutorial_fit, *zip(*jobs, strict=True))))


def through_joblib(experiments: list[Experiment]) -> float:
    with Parallel(n_jobs=CORES) as parallel:
        parallel(delayed(sklearn_fit)(experiments[0].set({"train.epochs": 1}), seed) for seed in range(CORES))
        return clocked(
            lambda: parallel(delayed(sklearn_fit)(one, seed) for one in experiments for seed in range(SEEDS))
        )


def jax_on_every_core(experiments: list[Experiment]) -> float:
    """The architectures spread over the cores, the deepest first; a single one is shared by its seeds."""
    parts = 1 if len(experiments) >= CORES else CORES
    jobs = [(one, range(SEEDS)[part::parts]) for one in experiments[::-1] for part in range(parts)]
    with processes(CORES, partial(warm_jax, experiments[0])) as pool:
        return clocked(lambda: list(pool.map(jax_fit, *zip(*jobs, strict=True))))


def keras_scaled(experiments: list[Experiment]) -> float:
    """One epoch of every network, after one to warm up, times the epochs and the seeds."""
    with processes(1, list) as pool:
        return sum(SEEDS * one.train.epochs * pool.submit(timed_keras, one).result()[0] for one in experiments)


# -- nnlab -----------------------------------------------------------------------------------------------------------


def through_the_lab(comparison: Comparison) -> dict[str, float]:
    """Seconds from submit to the last finished run, by engine, on warm workers and in a store of its own."""
    took = {}
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(Store(f"sqlite:///{home}/nnlab.db"))
        try:
            for engine in ENGINES:
                experiment = comparison.experiment.set({"train.engine": engine})
                ours = Comparison(experiment, vary="depth", values=comparison.values, seeds=SEEDS)
                warm_up(lab, experiment)
                began = perf_counter()
                cells = lab.submit_comparison(ours, reuse=False).cells
                finished(lab, [run.id for cell in cells for run in cell.runs])
                took[f"nnlab {engine}"] = perf_counter() - began
        finally:
            lab.close()
    return took


def seconds_to(experiment: Experiment, accuracy: float) -> float:
    """Seconds of training until the validation part has that accuracy; infinite if it never has."""
    next(train(experiment.set({"data.n_samples": 1000})))  # what an engine does once in a process
    seconds = 0.0
    for epoch in train(experiment):
        seconds += epoch.seconds
        if epoch.validation_score[0] >= accuracy:
            return seconds
    return math.inf


# -- the tables ------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--quick", is_flag=True, help="20 epochs on moons, 10,000 pictures: about a minute.")
def main(quick: bool) -> None:
    """A whole comparison by the clock, against what its users would write and against JAX."""
    print(f"{processor()}; {settings().workers} workers. Seconds by the clock, everything measured in this run.\n")
    base = moons(1).set({"train.epochs": 20 if quick else 100})
    missed = measure("moons", Comparison(base, vary="depth", values=DEPTHS, seeds=SEEDS))
    mnist, scratch = presets["mnist"].set({"data.n_samples": 10_000} if quick else {}), presets["scratch"]
    try:
        load_dataset(mnist)
    except DatasetUnavailable as error:
        print(f"mnist and scratch left out: {error}", file=sys.stderr)
    else:
        missed |= measure("mnist", Comparison(mnist, vary="depth", values=[1], seeds=SEEDS))
        took = {f"nnlab {name}": seconds_to(scratch.set({"train.engine": name}), 0.98) for name in ("auto", "numpy")}
        missed |= report("scratch", f"{scratch.summary}, one seed, to 98 % on the validation part", took)
    sys.exit(missed)


def measure(name: str, comparison: Comparison) -> bool:
    """Measure everybody; whether a target was missed."""
    experiments = list(comparison.experiments)
    took = through_the_lab(comparison)
    took["tutorial loop"] = tutorial(experiments, 1)
    took["tutorial loop, a process a core"] = tutorial(experiments, CORES)
    took["scikit-learn, joblib"] = through_joblib(experiments)
    if name == "moons" and shutil.which("node"):
        took["TensorFlow Playground, Node"] = sum(sum(playground_seconds(one, SEEDS)) for one in experiments)
    if installed("jax"):
        took["JAX, a process a core"] = jax_on_every_core(experiments)
    if installed("keras"):
        took["Keras (an epoch, scaled)"] = keras_scaled(experiments)
    depths = ", ".join(map(str, comparison.values))
    return report(name, f"{name}, depths {depths}, {SEEDS} seeds, {comparison.experiment.train.epochs} epochs", took)


def report(name: str, title: str, took: dict[str, float]) -> bool:
    """Print a table and the targets; whether one was missed."""
    own, missed = took["nnlab auto"], False
    print(f"{title}\n\n| | seconds | nnlab auto is |\n| --- | ---: | ---: |")
    for who, seconds in took.items():
        print(f"| {who} | {seconds:.2f} | {seconds / own:.1f}× |")
    print()
    for who, times in TARGETS[name].items():
        if who not in took:
            print(f"- {who}: not here")
            continue
        met = took[who] / own >= times
        missed |= not met
        print(f"- {who}: {took[who] / own:.1f}×, at least {times}×: {'met' if met else 'NOT MET'}")
    print(flush=True)
    return missed


if __name__ == "__main__":
    main()
