"""How fair and how fast the queue of a shared server is.

    python -m benchmarks.queue [--quick]

- Rate test: "Find a learning rate" is pressed while 40 runs wait and all workers train: seconds until the answer.
- Same preset: 30 visitors press the same preset at once: how many trainings there are.
- Fairness: 60 visitors with 1 to 20 runs each press at once. Jain's index, (sum w)² / (n sum w²), which is 1 if all n
  numbers are equal and 1/n if one visitor has everything, of two numbers of each visitor. First, how long the first run
  waited until it began: where all come at once and begin one after the other, the best order has 0.75, since these
  times are spread evenly from 0. Second, what the visitor waited compared with a fair share, in which all k-th runs are
  trained at the same time, at equal pace, after all (k-1)-th ones: the mean over the runs of waiting time / time until
  the fair share has finished the k-th runs, or 1 where it is less, since nobody then waits for another's luck.
- Long run: a run of many minutes has trained for a while on every worker when ten short ones come: seconds until these
  are finished, and how much longer the long one took than its own training.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence

import click

from benchmarks.class_of_60 import finished, warm_up
from nnlab import Experiment, presets
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.store import Store, order

SMALL = Experiment().set({"data.name": "moons", "data.n_samples": 500, "train.epochs": 50})
LONG = SMALL.set({"data.n_samples": 20_000, "model.hidden": [64, 64], "train.epochs": 2000, "train.batch_size": 16})
NUMBERS = (20, 6, 3, 1, 1, 1)  # runs of six visitors, again and again


def other(experiment: Experiment, n: int) -> Experiment:
    """The same work, but not the same experiment."""
    return experiment.vary("lr", 0.001 + n * 1e-6)


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness."""
    return sum(values) ** 2 / (len(values) * sum(value**2 for value in values))


def until_running(lab: Lab, ids: Sequence[str], trained: float = 0.0) -> None:
    """Wait until all these runs train and have trained for so many seconds."""
    while any(run.state != "running" or run.seconds < trained for run in lab.store.runs(ids=ids)):
        if failed := [run for run in lab.store.runs(ids=ids) if not run.active]:
            sys.exit(f"a run ended too early: {failed[0].state}, {failed[0].error}")
        time.sleep(0.05)


def stop_all(lab: Lab, ids: Sequence[str]) -> None:
    """Stop these runs and wait for their end."""
    for run in lab.store.runs(ids=ids):
        lab.stop(run.id, run.owner)
    while any(run.active for run in lab.store.runs(ids=ids)):
        time.sleep(0.05)


def rate_test(lab: Lab) -> float:
    """Seconds until a rate test behind 40 runs is answered."""
    busy = [lab.submit(LONG, [n], f"busy {n}").id for n in range(settings().workers)]
    until_running(lab, busy)
    behind = [lab.submit(other(SMALL, n), 3, f"visitor {n % 10}").id for n in range(40 - len(busy))]
    began = time.monotonic()
    lab.rate_test(SMALL).result(600)
    answered = time.monotonic() - began
    stop_all(lab, [*busy, *behind])
    return answered


def same_preset(lab: Lab) -> tuple[int, float]:
    """The trainings of 30 equal runs of 30 visitors, and seconds until all have the result."""
    began = time.monotonic()
    runs = finished(lab, [lab.submit(presets["activations"], 3, f"student {n}").id for n in range(30)])
    with lab.store._read() as db:
        trained = db.exec_driver_sql("SELECT COUNT(*) FROM runs WHERE owner LIKE 'student%' AND claimed IS NOT NULL")
        return int(trained.scalar_one()), max(run.finished.timestamp() for run in runs if run.finished) - (
            time.time() - (time.monotonic() - began)
        )


def fairness(lab: Lab, visitors: int) -> tuple[float, float, float]:
    """Jain's index of the waiting times of first runs, that of the visitors' shares, and the largest share."""
    numbers = [NUMBERS[n % len(NUMBERS)] for n in range(visitors)]
    gate = [lab.submit(LONG, [100 + n], f"gate {n}").id for n in range(settings().workers)]
    until_running(lab, gate)  # so that all are in the queue before the first is trained
    ids = [
        [lab.store.create_run(other(SMALL, 100 * n + i), (0,), f"visitor {n:02}").id for i in range(number)]
        for n, number in enumerate(numbers)
    ]
    stop_all(lab, gate)
    opened = time.time()
    while any(getattr(lab.store.counts(), state) for state in ("running", "waiting")):
        time.sleep(0.2)
    runs = {run.id: run for run in finished(lab, [one for some in ids for one in some])}
    waited = [sorted(runs[one].started.timestamp() - opened for one in some) for some in ids]  # type: ignore[union-attr]
    pace = (max(run.finished.timestamp() for run in runs.values() if run.finished) - opened) / sum(numbers)
    fair = [pace * sum(min(number, k) for number in numbers) for k in range(1, max(numbers) + 1)]
    shares = [sum(max(1.0, w / f) for w, f in zip(some, fair, strict=False)) / len(some) for some in waited]
    return jain([some[0] for some in waited]), jain(shares), max(shares)


def long_run(lab: Lab) -> tuple[float, float]:
    """Seconds until ten short runs are finished beside long ones, and by how much these take longer for it."""
    long = [lab.submit(LONG, [200 + n], f"long {n}").id for n in range(settings().workers)]
    until_running(lab, long, order.SLICE + 1)
    began = time.monotonic()
    finished(lab, [lab.submit(other(SMALL, 90_000 + n), 3, "short").id for n in range(10)])
    took = time.monotonic() - began
    until_running(lab, long)
    lost = time.monotonic() - began
    stop_all(lab, long)
    return took, lost


@click.command()
@click.option("--quick", is_flag=True, help="12 visitors instead of 60.")
def main(quick: bool) -> None:
    """Print one line for each question."""
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(Store(f"sqlite:///{home}/nnlab.db"))
        try:
            warm_up(lab, SMALL)
            print(f"{settings().workers} workers")
            print(f"a rate test behind 40 runs       {rate_test(lab):.1f} s", flush=True)
            trainings, took = same_preset(lab)
            print(f"30 visitors, the same preset     {trainings} training, {took:.1f} s", flush=True)
            visitors = 12 if quick else 60
            first, shares, worst = fairness(lab, visitors)
            line = f"first runs {first:.2f}, shares {shares:.3f} (the largest {worst:.2f})"
            print(f"Jain's index over {visitors} visitors    {line}", flush=True)
            short, lost = long_run(lab)
            print(f"ten short runs beside long ones  {short:.1f} s; the long ones lose {lost:.1f} s", flush=True)
        finally:
            lab.close()


if __name__ == "__main__":
    main()
