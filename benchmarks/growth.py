"""How time and memory grow with seeds, depth, width and samples.

    python -m benchmarks.growth [--quick]

Every row is a run in its own process, trained as a worker does: three epochs of moons (width 8, depth 2, batches of 32,
Adam, 1,000 samples) on the default engine, with one setting changed. Time is the thread's processor time per epoch,
evaluation included, the least of three. Memory is the peak of the process, PyTorch included, next to the estimate of
`nnlab.engines.costs`. Time and memory against the seeds are compared with the straight line closest to them, where
distances are relative. The exit code is 1 if one is further from its line than a fifth, or if an estimate of memory is
too low.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from time import thread_time
from typing import Any

import click
import numpy as np

from nnlab import Experiment
from nnlab.engines.costs import estimate_bytes
from nnlab.training.api import train

BASE = Experiment().set({"data.n_samples": 1000, "model.hidden": [8, 8], "train.epochs": 3})
SEEDS = (1, 10, 100, 1000)
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = (2, 8, 32, 128, 512)
SAMPLES = (100, 1_000, 10_000, 50_000)
STRAIGHT = 0.2
"""The largest relative distance from a straight line."""


def one(text: str, seeds: int) -> dict[str, Any]:
    """Train in this process."""
    from nnlab.jobs.results import final_results
    from nnlab.jobs.warming import warm

    experiment = Experiment.from_json(text)
    warm(experiment.train.engine)
    training, seconds = train(experiment, seeds), []
    while not training.finished:
        began = thread_time()
        next(training)
        seconds.append(thread_time() - began)
    training.checkpoint()
    final_results(training, ("train", "validation", "test"))
    return {"seconds": min(seconds), "bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def measured(experiment: Experiment, seeds: int) -> dict[str, Any]:
    """Train in a new process."""
    command = [sys.executable, "-m", "benchmarks.growth", "--one", experiment.to_json(), str(seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(title: str, cases: list[tuple[str, Experiment, int]]) -> tuple[list[dict[str, Any]], bool]:
    """Print a table; what was measured, and whether every estimate of memory was high enough."""
    print(
        f"| {title} | ms per epoch | × the row above | memory, MB | estimate, MB |\n| --- | ---: | ---: | ---: | ---: |"
    )
    rows: list[dict[str, Any]] = []
    enough = True
    for name, experiment, seeds in cases:
        found, estimate = measured(experiment, seeds), estimate_bytes(experiment, seeds)
        megabytes = f"{found['bytes'] / 1e6:,.0f} | {estimate / 1e6:,.0f}"
        growth = f"{found['seconds'] / rows[-1]['seconds']:.2f}" if rows else ""
        rows.append(found)
        enough &= estimate >= 0.95 * found["bytes"]
        print(f"| {name} | {1e3 * found['seconds']:,.1f} | {growth} | {megabytes} |", flush=True)
    print()
    return rows, enough


def straight_line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Intercept and slope of the line closest to (x, y) by relative distances, and the largest of these."""
    weights = 1 / np.array(y)
    terms = np.stack([weights, weights * np.array(x)], axis=1)  # (points, 2)
    line = np.linalg.lstsq(terms, np.ones(len(x)))[0]
    return float(line[0]), float(line[1]), float(np.abs(terms @ line - 1).max())


@click.command()
@click.option("--quick", is_flag=True, help="Every other depth, width and number of samples.")
@click.option("--one", "alone", nargs=2, type=(str, int), hidden=True)
def main(quick: bool, alone: tuple[str, int] | None) -> None:
    """How time and memory grow with seeds, depth, width and samples."""
    if alone:
        print(json.dumps(one(*alone)))
        return
    rows, enough = table("seeds", [(f"{n:,}", BASE, n) for n in SEEDS])
    straight = True
    for what, factor, unit in (("seconds", 1e3, "ms per epoch"), ("bytes", 1e-6, "MB")):
        base, each, distance = straight_line(SEEDS, [factor * row[what] for row in rows])
        straight &= distance <= STRAIGHT
        print(f"Line through the seeds: {base:.3g} + {each:.3g} × seeds {unit}, at most {distance:.0%} from it\n")
    for title, knob, values in (
        ("depth", "depth", DEPTHS),
        ("width", "width", WIDTHS),
        ("samples", "n_samples", SAMPLES),
    ):
        step = 2 if quick else 1
        enough &= table(f"{title}, 10 seeds", [(f"{v:,}", BASE.vary(knob, v), 10) for v in values[::step]])[1]
    large = [
        ("digits, 1000-1000, 10 seeds", Experiment().set({"data.name": "digits", "model.hidden": [1000, 1000]}), 10),
        (
            "4 × 200, batch 4,000, 10 seeds",
            Experiment().set({"data.n_samples": 20_000, "train.batch_size": 4000, "model.hidden": [200] * 4}),
            10,
        ),
    ]
    enough &= table("large", [(name, big.set({"train.epochs": 2}), seeds) for name, big, seeds in large])[1]
    print(f"Straight lines, at most {STRAIGHT:.0%} from them: {'met' if straight else 'NOT MET'}")
    print(f"Estimated memory is enough: {'met' if enough else 'NOT MET'}")
    sys.exit(not (straight and enough))


if __name__ == "__main__":
    main()
