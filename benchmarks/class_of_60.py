"""A class presses Train: 60 visitors, 60 different moons experiments, at once; then three times each, within 10 s.

    python -m benchmarks.class_of_60 [--visitors 60] [--quick]

The exit code is 1 if a worker takes anybody's third run while somebody's first one waits.

Every visitor is a thread that submits a run as the page does; the workers are those of a server and warm. The clock
starts when all submit. To measure an older version too, run this file with that checkout first on the path:
`PYTHONPATH=CHECKOUT python benchmarks/class_of_60.py`.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count, pairwise
from threading import Barrier

import click

from nnlab import Experiment
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.store import Run, Store

SEEDS, EPOCHS = 3, 400  # of those who press three times: long enough that the queue grows while they press
SETTLED = 0.5  # seconds in which a run may be queued without a worker's notice


def experiments(number: int, epochs: int) -> list[Experiment]:
    """Different networks of depth 1 to 4, on the moons of a new link."""
    base = Experiment().set({"data.name": "moons", "data.n_samples": 500, "train.epochs": epochs})
    return [base.set({"model.hidden": [4 + i // 4] * (1 + i % 4)}) for i in range(number)]


def finished(lab: Lab, ids: list[str]) -> list[Run]:
    """The runs, when all are finished."""
    while any(run.active for run in lab.store.runs(ids=ids)):
        time.sleep(0.05)  # each look reads the store, at a higher priority than the workers have
    runs = lab.store.runs(ids=ids)
    if failed := [run for run in runs if run.state != "finished"]:
        sys.exit(f"{len(failed)} runs did not finish: {failed[0].state}, {failed[0].error}")
    return runs


def warm_up(lab: Lab, experiment: Experiment) -> None:
    """Train until two runs are in training at the same time, so that not just one worker is warm."""
    for first_seed in count(1000, 8):
        seeds = range(first_seed, first_seed + 8)
        ids = [lab.submit(experiment.set({"train.epochs": 1}), [seed], "warm").id for seed in seeds]
        runs = sorted(finished(lab, ids), key=lambda run: run.started.timestamp() if run.started else 0)
        pairs = pairwise(runs)
        if settings().workers == 1 or any(a.finished and b.started and b.started < a.finished for a, b in pairs):
            return


def three_each(lab: Lab, visitors: int) -> bool:
    """Each visitor presses Train for three different networks, at random moments of 10 s; whether no worker took a
    third run while anybody's first one waited."""
    base, order = experiments(1, EPOCHS)[0], range(visitors)
    asked = [[base.set({"model.hidden": [5 + visitor] * (2 + press)}) for press in range(3)] for visitor in order]
    began = time.monotonic()

    def press(visitor: int) -> list[str]:
        chance, ids = random.Random(visitor), []
        for moment, one in zip(sorted(10 * chance.random() for _ in range(3)), asked[visitor], strict=True):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            ids.append(lab.submit(one, SEEDS, f"thrice-{visitor}").id)
        return ids

    with ThreadPoolExecutor(visitors) as threads:
        ids = list(threads.map(press, order))
    runs = {run.id: run for run in finished(lab, list(chain.from_iterable(ids)))}
    ended = [[runs[one].finished.timestamp() for one in three] for three in ids]  # type: ignore[union-attr]
    begun = [[runs[one].started.timestamp() for one in three] for three in ids]  # type: ignore[union-attr]
    pressed = [runs[three[0]].created.timestamp() for three in ids]
    passed = sum(
        any(asked + SETTLED < third < first for _, _, third in begun)
        for asked, (first, _, _) in zip(pressed, begun, strict=True)
    )
    print(f"three runs each, pressed within 10 s, {EPOCHS} epochs: all finished after {time.monotonic() - began:.1f} s")
    first, third = max(one[0] for one in ended), min(one[2] for one in ended)
    print(
        f"the last first run ended at {first - min(pressed):.1f} s, the first third one at {third - min(pressed):.1f} s"
    )
    print(f"first runs that waited while a third one was taken: {passed} of {visitors}")
    return passed == 0


@click.command()
@click.option("--visitors", default=60, show_default=True, type=click.IntRange(1))
@click.option("--quick", is_flag=True, help="20 epochs instead of 200.")
def main(visitors: int, quick: bool) -> None:
    """Time until the last of a class has finished, and the median wait."""
    asked = experiments(visitors, 20 if quick else 200)
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(Store(f"sqlite:///{home}/nnlab.db"))
        try:
            warm_up(lab, asked[0])
            start = Barrier(visitors)

            def press(place: int) -> tuple[float, str]:
                start.wait()
                pressed = time.time()
                return pressed, lab.submit(asked[place], SEEDS, f"visitor-{place}").id

            with ThreadPoolExecutor(visitors) as threads:
                clicks = list(threads.map(press, range(visitors)))
            runs = {run.id: run for run in finished(lab, [run_id for _, run_id in clicks])}
            fair = three_each(lab, visitors)
        finally:
            lab.close()
    queued, waited = [], []
    for pressed, run_id in clicks:
        run = runs[run_id]
        assert run.started is not None
        assert run.finished is not None
        queued.append(run.started.timestamp() - pressed)
        waited.append(run.finished.timestamp() - pressed)
    engine = asked[0].train.engine
    print(
        f"{visitors} visitors, {SEEDS} seeds each, {asked[0].train.epochs} epochs, engine {engine}, "
        f"{settings().workers} workers"
    )
    print(f"last finished  {max(waited):.1f} s after the click")
    print(f"median wait    {statistics.median(waited):.1f} s; until it started {statistics.median(queued):.1f} s")
    sys.exit(not fair)


if __name__ == "__main__":
    main()
