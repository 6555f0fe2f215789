"""How time and memory grow with seeds, depth, width and samples.

    python -m benchmarks.growth [--quick]

Every row is a run in a process of its own, as a worker does it: three epochs of moons (width 8, depth 2, batches of 32,
Adam, 1,000 samples) with one thing changed. Time is the thread's processor time an epoch, measuring included, the least
of three; memory is the highest the process reached, PyTorch included, beside what `nnlab.engines.costs` tells before a job
starts. Ends with 1 where, for small networks, doubling the seeds doubles the time, or where the memory told is less
than was used.
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
"""Seeds up to which a small network must not pay for the double with the double."""


def one(text: str, seeds: int) -> dict[str, Any]:
    """Trains in this process."""
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
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", "--one", experiment.to_json(), str(seeds)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def table(title: str, cases: list[tuple[str, Experiment, int]]) -> tuple[list[float], bool]:
    """Prints one; the seconds, and whether every estimate of memory was enough."""
    print(
        f"| {title} | ms an epoch | × the row above | memory, MB | told before |\n| --- | ---: | ---: | ---: | ---: |"
    )
    times, enough = [], True
    for name, experiment, seeds in cases:
        found, told = measured(experiment, seeds), estimate_bytes(experiment, seeds)
        growth = f"{found['seconds'] / times[-1]:.2f}" if times else ""
        times.append(found["seconds"])
        enough &= told >= 0.95 * found["bytes"]
        told_mb = told / 1e6
        print(f"| {name} | {1e3 * found['seconds']:,.1f} | {growth} | {found['bytes'] / 1e6:,.0f} | {told_mb:,.0f} |",
              flush=True)  # fmt: skip
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
    ratios = [later / earlier / (b / a) for (earlier, later), (a, b) in
              zip(pairwise(times), pairwise(SEEDS[::step]), strict=True) if b <= SMALL]  # fmt: skip
    for title, knob, values in (("depth", "depth", DEPTHS), ("width", "width", WIDTHS),
                                ("samples", "n_samples", SAMPLES)):  # fmt: skip
        rows = [(f"{value:,}", BASE.vary(knob, value), 10) for value in values[::step]]
        enough &= table(f"{title}, 10 seeds", rows)[1]
    large = [
        ("digits, 1000-1000, 10 seeds", Experiment().set({"data.name": "digits", "model.hidden": [1000, 1000]}), 10),
        ("4 × 200, batch 4,000, 10 seeds", Experiment().set({"data.n_samples": 20_000, "train.batch_size": 4000,
                                                            "model.hidden": [200] * 4}), 10),
    ]  # fmt: skip
    enough &= table("large", [(name, big.set({"train.epochs": 2}), seeds) for name, big, seeds in large])[1]
    grows_well = all(ratio < 0.9 for ratio in ratios)
    print(f"Doubling the seeds costs less than double, up to {SMALL}: {'met' if grows_well else 'NOT MET'}")
    print(f"Memory told before is enough: {'met' if enough else 'NOT MET'}")
    sys.exit(not (grows_well and enough))


if __name__ == "__main__":
    main()
