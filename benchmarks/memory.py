"""How much memory a worker takes for a run, and how much the pages say that it will.

    python -m benchmarks.memory [--quick]

Every row is a run that a worker of the local cluster trains from the queue to the stored results, each in a worker
process of its own: its largest resident memory next to the estimate of `nnlab.engines.costs`, by which runs are
refused. Then runs that need more than a worker may use are let through on purpose: each must fail with a sentence, in a
process that trains the next run. The exit code is 1 if an estimate is wrong by more than a factor of 1.5, or if such a
run ends otherwise. Linux only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import psutil

from nnlab import Experiment, presets
from nnlab.engines.costs import estimate_bytes
from nnlab.jobs.dispatcher import Dispatcher
from nnlab.settings import settings
from nnlab.store import Run, Store

FACTOR = 1.5
ENGINES = ("auto", "numpy", "torch")
MOONS = Experiment().set({"data.n_samples": 1000, "train.epochs": 3})
DIGITS = Experiment().set({"data.name": "digits", "train.epochs": 2})
MNIST = presets["mnist"].set({"data.n_samples": 60_000, "train.epochs": 1})
WIDE = DIGITS.set({"model.hidden": [1000, 1000]})
BATCH = MOONS.set({"data.n_samples": 20_000, "train.batch_size": 4000, "model.hidden": [200] * 4, "train.epochs": 2})
EXCEEDING = (
    WIDE,
    BATCH.set({"train.batch_size": 8000}),
    MOONS.set({"data.name": "synthetic", "data.features": 100, "data.n_samples": 60_000, "data.per_seed": "samples"}),
)
"""They take 0.9 to 3 GB with 20 seeds; the limit is 0.6 GB."""


def cases() -> Iterator[tuple[str, Experiment, int]]:
    """What is measured: its name, the experiment and how many seeds."""
    for engine in ENGINES:
        for name, experiment, seeds in (("moons 8-8", MOONS, 1), ("digits 1000-1000", WIDE, 1)):
            yield name, experiment.set({"train.engine": engine}), seeds
        for name, experiment, seeds in (("digits 1000-1000", WIDE, 10), ("4×200, batch 4,000", BATCH, 10)):
            yield name, experiment.set({"train.engine": engine}), seeds
    yield "moons 8-8", MOONS, 100
    yield "60,000 samples", MOONS.set({"data.n_samples": 60_000, "train.epochs": 1}), 10
    yield "20,000 samples a seed", MOONS.set({"data.n_samples": 20_000, "data.per_seed": "samples"}), 30
    yield "100 features", MOONS.set({"data.name": "synthetic", "data.features": 100, "data.n_samples": 50_000}), 2
    yield "five folds", DIGITS.set({"data.folds": 5, "model.hidden": [64]}), 10
    yield "MNIST", MNIST, 3
    yield "MNIST 256-128", MNIST.set({"model.hidden": [256, 128], "train.engine": "torch"}), 10
    yield "5,000 epochs", MOONS.set({"train.epochs": 5000, "data.n_samples": 40, "model.hidden": [4]}), 20


def ended(store: Store, dispatcher: Dispatcher, experiment: Experiment, seeds: int) -> tuple[Run, psutil.Process]:
    """A run, trained, and the worker that has trained it, which had imported PyTorch before, as workers do at last."""
    dispatcher.wake()
    while not (worker := worker_of(dispatcher)) or "libtorch" not in Path(f"/proc/{worker}/maps").read_text():
        time.sleep(0.1)
    run = store.create_run(experiment, tuple(range(seeds)), "memory")
    dispatcher.wake()
    while run.active:
        time.sleep(0.02)
        run = store.run(run.id) or run
    return run, psutil.Process(worker)


def worker_of(dispatcher: Dispatcher) -> int:
    """The only worker process; 0 while there is none."""
    local = dispatcher._local
    processes = psutil.Process(local.pid).children(recursive=True) if local else []
    return next((one.pid for one in processes if one.net_connections("inet")), 0)


def peak(process: psutil.Process) -> float:
    """Its largest resident memory so far, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024.0 * int(status.split("VmHWM:")[1].split()[0])


def exceed(experiment: Experiment) -> bool:
    """Whether a run that this process may not train fails with a sentence, and the next one is trained. Call it once
    in a process."""
    from nnlab.jobs import memory, warming, worker

    for engine in ("auto", "torch"):
        warming.warm(engine)
    memory.limit_process()
    check, worker.check_limits = worker.check_limits, lambda *_: None  # type: ignore[assignment]
    store = Store(settings().database_url)
    large = store.create_run(experiment, tuple(range(20)), "memory")
    worker.run_job(store, large.id, store.claim(large.id) or "")
    worker.check_limits = check
    small = store.create_run(MOONS, (0,), "memory")
    worker.run_job(store, small.id, store.claim(small.id) or "")
    failed, trained = store.run(large.id), store.run(small.id)
    assert failed
    assert trained
    return (failed.state, failed.note, trained.state) == ("failed", "memory", "finished")


def all_fail(home: str) -> bool:
    """`exceed` for each engine."""
    environment = {**os.environ, "NNLAB_HOME": home, "NNLAB_WORKER_MEMORY_MB": "600", "OPENBLAS_NUM_THREADS": "1"}
    runs = [one.set({"train.engine": engine}) for engine in ENGINES for one in EXCEEDING]
    commands = [[sys.executable, "-m", "benchmarks.memory", "--exceed", run.to_json()] for run in runs]
    good = [subprocess.run(command, env=environment).returncode == 0 for command in commands]
    print(f"\nToo large, failed with a sentence in a process that lives on: {sum(good)} of {len(good)}")
    return all(good)


@click.command()
@click.option("--quick", is_flag=True, help="Every third case.")
@click.option("--exceed", "alone", hidden=True)
def main(quick: bool, alone: str | None) -> None:
    """Measure all cases."""
    if alone:
        sys.exit(not exceed(Experiment.from_json(alone)))
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(NNLAB_HOME=home, NNLAB_WORKERS="1")
        settings.cache_clear()
        store = Store(settings().database_url)
        dispatcher = Dispatcher(store)
        far = 0
        print("| run | engine | seeds | peak, MB | estimate, MB | estimate / peak |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for name, experiment, seeds in list(cases())[:: 3 if quick else 1]:
            run, worker = ended(store, dispatcher, experiment, seeds)
            took, guess = peak(worker), estimate_bytes(experiment, seeds)
            good = run.state == "finished" and 1 / FACTOR <= guess / took <= FACTOR
            far += not good
            numbers = f"{took / 1e6:,.0f} | {guess / 1e6:,.0f} | {guess / took:.2f}"
            print(f"| {name} | {run.engine} | {seeds} | {numbers} |{'' if good else f' {run.state}'}", flush=True)
            worker.kill()
            worker.wait()
        dispatcher.close()
        store.close()
        good = all_fail(home)
    print(f"Within a factor of {FACTOR}: {'met' if not far else 'NOT MET'}")
    sys.exit(far > 0 or not good)


if __name__ == "__main__":
    main()
