"""How long runs take, and how long the pages say that they will.

    python -m benchmarks.costs [--json FILE]

Every row is a run that a worker's code trains from the queue to the stored results, in this process, next to the
estimate of `nnlab.engines.costs` that Build and Compare show. The exit code is 1 if an estimate is wrong by more than a
factor of 1.5. Measure on a quiet machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import click

from nnlab import Experiment, load_dataset, presets
from nnlab.engines.base import single_thread
from nnlab.engines.choice import engine_name
from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.worker import run_job
from nnlab.store import Store

FACTOR = 1.5
ENGINES = ("auto", "numpy", "torch")
MOONS = Experiment().set({"data.name": "moons", "data.n_samples": 1000, "train.epochs": 300})
DIGITS = Experiment().set({"data.name": "digits", "data.n_samples": 1500, "model.hidden": [32], "train.epochs": 40})


def cases() -> Iterator[tuple[Experiment, int]]:
    """Experiments and how many seeds."""
    for depth in (1, 2, 4, 8):
        for seeds in (1, 10):
            yield MOONS.set({"model.hidden": [8] * depth}), seeds
    yield MOONS.set({"model.hidden": [8, 8], "model.activation": "tanh"}), 5
    yield MOONS.set({"model.hidden": [8, 8], "model.activation": "gelu"}), 5
    yield MOONS.set({"model.hidden": [8, 8], "model.norm": "batch", "model.dropout": 0.2}), 5
    yield MOONS.set({"model.hidden": [8, 8], "model.norm": "layer", "model.residual": True}), 5
    yield MOONS.set({"model.hidden": [8, 8], "train.optimizer": "sgd"}), 5
    yield MOONS.set({"model.hidden": [8, 8], "train.batch_size": 8}), 2
    yield MOONS.set({"model.hidden": [8, 8], "train.batch_size": 256}), 5
    yield MOONS.set({"model.hidden": [64, 64], "train.epochs": 100}), 3
    yield MOONS.set({"model.hidden": [256, 256], "train.epochs": 30}), 2
    yield MOONS.set({"model.hidden": [8], "data.folds": 5}), 3
    yield MOONS.set({"model.hidden": [8], "data.n_samples": 100, "train.epochs": 1000}), 1
    yield MOONS.set({"model.hidden": [32, 32], "data.n_samples": 5000, "train.epochs": 40}), 3
    yield MOONS.set({"model.hidden": [8, 8], "data.per_seed": "samples", "train.epochs": 100}), 10
    yield MOONS.set({"model.hidden": [8], "data.per_seed": "samples", "data.n_samples": 200}), 40
    yield DIGITS.set({"data.per_seed": "split"}), 10
    yield DIGITS, 1
    yield DIGITS, 10
    yield DIGITS.set({"model.hidden": [128, 64], "train.optimizer": "momentum"}), 3
    yield DIGITS.set({"model.hidden": [32] * 4, "train.batch_size": 128}), 3
    for name in ("binary", "activations", "celsius"):
        yield presets[name], 1
        yield presets[name], 10
    for hidden, batch in (([32], 32), ([128], 32), ([256, 128], 128)):
        small = presets["mnist"].set({"data.n_samples": 10_000, "train.epochs": 2})
        yield small.set({"model.hidden": hidden, "train.batch_size": batch}), 2


def seconds(experiment: Experiment, n_seeds: int, home: Path) -> float:
    """From the queue to the stored results, with the data in memory as they are after a worker's first run of them."""
    load_dataset(experiment)
    store = Store(f"sqlite:///{home / 'costs.db'}")
    run = store.create_run(experiment, tuple(range(n_seeds)), "costs", "costs")
    attempt = store.claim(run.id)
    began = perf_counter()
    with single_thread():
        run_job(store, run.id, attempt)
    took = perf_counter() - began
    done = store.run(run.id)
    store.close()
    if done is None or done.state != "finished":
        raise click.ClickException(f"{experiment!r} is not finished: {done and done.error}")
    return took


@click.command()
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the measurements to this file too.")
def main(file: Path | None) -> None:
    """Measure all cases with all engines."""
    rows, far = [], 0
    with tempfile.TemporaryDirectory() as home:
        for engine in ENGINES:
            seconds(MOONS.set({"train.engine": engine, "train.epochs": 2}), 1, Path(home))  # imports and compiles
        print("| engine | experiment | seeds | seconds | estimate | estimate / seconds |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for case, seeds in cases():
            for engine in ENGINES:
                experiment = case.set({"train.engine": engine})
                took, guess = seconds(experiment, seeds, Path(home)), estimate_seconds(experiment, seeds)
                rows.append({"experiment": experiment.to_json(), "seeds": seeds, "seconds": took})
                far += not 1 / FACTOR <= guess / took <= FACTOR
                row = (
                    engine_name(experiment),
                    experiment.summary,
                    seeds,
                    *(f"{x:.2f}" for x in (took, guess, guess / took)),
                )
                print(f"| {' | '.join(map(str, row))} |", flush=True)
    if file:
        file.write_text(json.dumps(rows))
    print(f"\nWithin a factor of {FACTOR}: {len(rows) - far} of {len(rows)}")
    sys.exit(far > 0)


if __name__ == "__main__":
    main()
