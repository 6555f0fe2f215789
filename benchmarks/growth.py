"""How time and memory grow with seeds, depth, width and samples.

    python -m benchmarks.growth [--quick]

Every row is a run in its own process, trained as a worker does: three epochs of moons (width 8, depth 2, batches of 32,
Adam, 1,000 samples) with one setting changed. Time is the thread's processor time per epoch, evaluation included, the
least of three. Memory is the peak of the process, PyTorch included, next to the estimate of `nnlab.engines.costs`. The
exit code is 1 if doubling the seeds of a small network doubles the time, or if an estimate of memory is too low.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from itertools import pairwise
from time import thread_time
from typing import Any

import click

from nnlab import Experiment
from nnlab.engines.costs import estimate_bytes
from nnlab.training.api import train

BASE = Experiment().set({"data.n_samples": 1000, "model.hidden": [8, 8], "train.epochs": 3})
SEEDS = (1, 2, 5, 10, 20, 50, 100)
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = (2, 8, 32, 128, 512)
SAMPLES = (100, 1_000, 10_000, 50_000)
SMALL = 20
"""Up to this number of seeds, doubling them must cost a small network less than double the time."""


def one(text: str, seeds: int) -> dict[str, Any]:
    """Train in this process."""
    from nnlab.jobs.worker import final_results, warm

    warm()
    training, seconds = train(Experiment.from_json(text), seeds), []
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


def table(title: str, cases: list[tuple[str, Experiment, int]]) -> tuple[list[float], bool]:
    """Print a table; its seconds, and whether every estimate of memory was high enough."""
    print(
        f"| {title} | ms per epoch | × the row above | memory, MB | estimate, MB |\n| --- | ---: | ---: | ---: | ---: |"
    )
    times, enough = [], True
    for name, experiment, seeds in cases:
        found, estimate = measured(experiment, seeds), estimate_bytes(experiment, seeds)
        megabytes = f"{found['bytes'] / 1e6:,.0f} | {estimate / 1e6:,.0f}"
        growth = f"{found['seconds'] / times[-1]:.2f}" if times else ""
        times.append(found["seconds"])
        enough &= estimate >= 0.95 * found["bytes"]
        print(
            f"| {name} | {1e3 * found['seconds']:,.1f} | {growth} | {megabytes} |",
            flush=True,
        )
    print()
    return times, enough


@click.command()
@click.option("--quick", is_flag=True, help="Every other row.")
@click.option("--one", "alone", nargs=2, type=(str, int), hidden=True)
def main(quick: bool, alone: tuple[str, int] | None) -> None:
    """How time and memory grow with seeds, depth, width and samples."""
    if alone:
        print(json.dumps(one(*alone)))
        return
    step = 2 if quick else 1
    times, enough = table("seeds", [(str(n), BASE, n) for n in SEEDS[::step]])
    ratios = [
        later / earlier / (b / a)
        for (earlier, later), (a, b) in zip(pairwise(times), pairwise(SEEDS[::step]), strict=True)
        if b <= SMALL
    ]
    for title, knob, values in (
        ("depth", "depth", DEPTHS),
        ("width", "width", WIDTHS),
        ("samples", "n_samples", SAMPLES),
    ):
        rows = [(f"{value:,}", BASE.vary(knob, value), 10) for value in values[::step]]
        enough &= table(f"{title}, 10 seeds", rows)[1]
    large = [
        ("digits, 1000-1000, 10 seeds", Experiment().set({"data.name": "digits", "model.hidden": [1000, 1000]}), 10),
        (
            "4 × 200, batch 4,000, 10 seeds",
            Experiment().set({"data.n_samples": 20_000, "train.batch_size": 4000, "model.hidden": [200] * 4}),
            10,
        ),
    ]
    enough &= table("large", [(name, big.set({"train.epochs": 2}), seeds) for name, big, seeds in large])[1]
    grows_well = all(ratio < 0.9 for ratio in ratios)
    print(f"Doubling up to {SMALL} seeds costs less than double: {'met' if grows_well else 'NOT MET'}")
    print(f"Estimated memory is enough: {'met' if enough else 'NOT MET'}")
    sys.exit(not (grows_well and enough))


if __name__ == "__main__":
    main()
