"""A whole comparison by the clock: nnlab on two workers against what its users would write.

    python -m benchmarks.whole_job [--quick]

Moons (1,000 samples, width 8, batches of 32, Adam, 100 epochs) at depths 1, 2, 4, 6 with 10 seeds, and the `mnist`
preset with 10 seeds, from the click to the last score: nnlab through the lab with both engines on two warm workers; the
PyTorch loop of the tutorials in one process, as it is written, and in one process a core; scikit-learn's MLPClassifier
through joblib on all cores; Keras, if it is installed, on a part and scaled; a network of objects as in TensorFlow
Playground (`playground.mjs`, plain gradient descent), if Node is installed. The others only train; nnlab also measures
loss and accuracy after every epoch, stores snapshots, and has everything in the store at the end. The last lines state
whether nnlab meets its targets. The exit status is 1 if it does not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import click
from joblib import Parallel, delayed

from benchmarks.speed import has_keras, keras_epoch, processor
from nnlab import Comparison, Experiment, load_dataset, presets
from nnlab.datasets import DatasetUnavailable
from nnlab.settings import settings
from nnlab.spec import DataSpec, ModelSpec, TrainSpec

DEPTHS, SEEDS, CORES = (1, 2, 4, 6), 10, 2
PLAYGROUND = Path(__file__).with_name("playground.mjs")


def moons(epochs: int) -> Experiment:
    return Experiment(
        data=DataSpec(name="moons", n_samples=1000), model=ModelSpec(hidden=(8,)), train=TrainSpec(epochs=epochs)
    )


# -- what its users would write --------------------------------------------------------------------------------------


def tutorial_fit(experiment: Experiment, seed: int) -> None:
    """PyTorch's own tutorials: a DataLoader, a Sequential, torch.optim.Adam, `loss.item()` at every step."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(seed)
    data, train = load_dataset(experiment), experiment.train
    x, y = torch.from_numpy(data.scaling.apply(data.train.x)), torch.tensor(data.train.y)
    binary = experiment.loss == "bce"
    samples = TensorDataset(x, y.float()[:, None] if binary else y)
    loader = DataLoader(samples, batch_size=train.batch_size, shuffle=True)
    modules: list[nn.Module] = []
    for layer in experiment.layers:
        modules += [nn.Linear(layer.inputs, layer.width), nn.ReLU()]
    model = nn.Sequential(*modules[:-1])
    loss_function = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=train.lr)
    for _ in range(train.epochs):
        total = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = loss_function(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()


def tutorial_alone(experiment: Experiment, seed: int) -> None:
    """On one thread: two processes with two threads each would wait for one another."""
    import torch

    torch.set_num_threads(1)
    tutorial_fit(experiment, seed)


def sklearn_fit(experiment: Experiment, seed: int) -> None:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    data, train = load_dataset(experiment), experiment.train
    model = MLPClassifier(
        experiment.model.widths,
        alpha=0.0,
        batch_size=train.batch_size,
        learning_rate_init=train.lr,
        max_iter=train.epochs,
        n_iter_no_change=train.epochs + 1,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data.scaling.apply(data.train.x), data.train.y)


def clocked(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def in_one_process(experiments: list[Experiment], seeds: int) -> float:
    tutorial_fit(experiments[0].set({"train.epochs": 1}), 0)  # imports and the first step are not what is measured
    return clocked(lambda: [tutorial_fit(one, seed) for one in experiments for seed in range(seeds)])


def on_every_core(experiments: list[Experiment], seeds: int) -> float:
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(tutorial_alone, [experiments[0].set({"train.epochs": 1})] * CORES, range(CORES)))
        jobs = [(one, seed) for one in experiments for seed in range(seeds)]
        return clocked(lambda: list(pool.map(tutorial_alone, *zip(*jobs, strict=True))))


def through_joblib(experiments: list[Experiment], seeds: int) -> float:
    with Parallel(n_jobs=CORES) as parallel:
        parallel(delayed(sklearn_fit)(experiments[0].set({"train.epochs": 1}), seed) for seed in range(CORES))
        return clocked(
            lambda: parallel(delayed(sklearn_fit)(one, seed) for one in experiments for seed in range(seeds))
        )


def keras_scaled(experiments: list[Experiment], seeds: int) -> float:
    """Two epochs of every network, times the epochs and the seeds."""
    return sum(keras_epoch(one, 2) * one.train.epochs for one in experiments) * seeds


def playground(experiments: list[Experiment], seeds: int) -> float:
    """All models one after the other in Node."""
    seconds = 0.0
    for one in experiments:
        data = load_dataset(one)
        job = {
            "x": data.scaling.apply(data.train.x).tolist(),
            "y": (2 * data.train.y - 1).tolist(),
            "depth": one.model.depth,
            "width": one.model.widths[0],
            "batch": one.train.batch_size,
            "epochs": one.train.epochs,
            "models": seeds,
            "rate": 0.03,
        }
        done = subprocess.run(["node", str(PLAYGROUND), json.dumps(job)], capture_output=True, text=True, check=True)
        seconds += json.loads(done.stdout)["seconds"]
    return seconds


# -- nnlab -----------------------------------------------------------------------------------------------------------


def through_the_lab(comparisons: dict[str, Comparison]) -> dict[str, float]:
    """Seconds from submit to the last finished run, on warm workers, a store of its own for each."""
    from nnlab.lab import Lab
    from nnlab.store import Store

    took = {}
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(Store(f"sqlite:///{home}/nnlab.db"))
        try:
            for comparison in comparisons.values():  # every worker has had a job and the data, as those of the others
                first = comparison.experiment.set({"train.epochs": 1})
                warm = [lab.submit(first, [1000 + seed], "warm").id for seed in range(4 * CORES)]
                _wait(lambda warm=warm: not any(now.active for now in lab.store.runs(ids=warm)))
            for name, comparison in comparisons.items():
                load_dataset(comparison.experiment)
                began = perf_counter()
                made = lab.submit_comparison(comparison, reuse=False)
                _wait(lambda made=made: (now := lab.comparison(made.id)) is not None and not now.active)
                took[name] = perf_counter() - began
        finally:
            lab.close()
    return took


def _wait(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.05)  # each look reads the store, at a higher priority than the workers have


# -- the tables ------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--quick", is_flag=True, help="20 epochs on moons, 10,000 pictures: about a minute.")
def main(quick: bool) -> None:
    """A whole comparison by the clock, against what its users would write."""
    keras = has_keras()
    asked = {"moons": Comparison(moons(20 if quick else 100), vary="depth", values=DEPTHS, seeds=SEEDS)}
    mnist = presets["mnist"].set({"data.n_samples": 10_000} if quick else {})
    try:
        load_dataset(mnist)
    except DatasetUnavailable as error:
        print(f"mnist left out: {error}", file=sys.stderr)
    else:
        asked["mnist"] = Comparison(mnist, vary="depth", values=[1], seeds=SEEDS)
    print(f"{processor()}; {settings().workers} workers. Seconds by the clock, everything measured in this run.\n")
    missed = [line for name, comparison in asked.items() for line in measure(name, comparison, keras)]
    sys.exit(bool(missed))


def measure(name: str, comparison: Comparison, keras: bool) -> list[str]:
    """Prints one table; the targets that were missed."""
    experiments = list(comparison.experiments)
    engines = {
        f"nnlab, {engine}": Comparison(
            comparison.experiment.set({"train.engine": engine}), vary="depth", values=comparison.values, seeds=SEEDS
        )
        for engine in ("torch", "numpy")
    }
    took = through_the_lab(engines)
    took["tutorial loop"] = in_one_process(experiments, SEEDS)
    took["tutorial loop, a process a core"] = on_every_core(experiments, SEEDS)
    took["scikit-learn, joblib"] = through_joblib(experiments, SEEDS)
    if keras:
        took["Keras (2 epochs, scaled)"] = keras_scaled(experiments, SEEDS)
    if name == "moons" and shutil.which("node"):
        took["TensorFlow Playground, Node"] = playground(experiments, SEEDS)
    print(
        f"{name}, depths {', '.join(map(str, comparison.values))}, {SEEDS} seeds, "
        f"{comparison.experiment.train.epochs} epochs\n"
    )
    print("| | seconds | nnlab torch is | nnlab numpy is |\n| --- | ---: | ---: | ---: |")
    for who, seconds in took.items():
        ratios = [f"{seconds / took[f'nnlab, {engine}']:.1f}×" for engine in ("torch", "numpy")]
        print(f"| {who} | {seconds:.2f} | {ratios[0]} | {ratios[1]} |")
    targets = {
        "moons": {
            "tutorial loop": 25,
            "scikit-learn, joblib": 8,
            "Keras (2 epochs, scaled)": 80,
            "TensorFlow Playground, Node": 1,
        },
        "mnist": {"tutorial loop, a process a core": 5},
    }[name]
    best = min(took[who] for who in engines)
    missed = []
    print()
    for who, times in targets.items():
        if who not in took:
            print(f"- {who}: not here")
            continue
        met = took[who] / best >= times
        print(f"- {who}: {took[who] / best:.1f}×, at least {times}×: {'met' if met else 'NOT MET'}")
        missed += [] if met else [who]
    print(flush=True)
    return missed


if __name__ == "__main__":
    main()
