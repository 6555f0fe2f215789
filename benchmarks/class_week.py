"""A week of a class: how large the data base becomes, and how long anything waits while old data are removed.

    python -m benchmarks.class_week
    python -m benchmarks.class_week --url postgresql://user@host/empty_data_base

200 students with 50 runs each over seven days. The kinds of runs are really trained, once each; their rows are then
written for every run of the week, at the time it would have had. The hourly removal runs as on a server, at the end of
every day. While it runs, a page and a worker use the store as usual; the table says how long the slowest of their
accesses took.
"""

import multiprocessing
import string
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import click
import numpy as np
import sqlalchemy as sa

from nnlab.catalogue.presets import presets
from nnlab.jobs.dispatcher import CLEANING_TICK
from nnlab.jobs.worker import run_job
from nnlab.spec import Experiment
from nnlab.store import Store, new_id
from nnlab.store.retention import DAY
from nnlab.store.schema import checkpoints_table, metrics_table, runs_table, snapshots_table
from nnlab.store.stored import copied
from nnlab.ui.shared.new_experiment import play_experiment

STUDENTS, RUNS, DAYS = 200, 50, 7
PLAY = play_experiment()


@dataclass(frozen=True)
class Kind:
    """A kind of run: its share of all, and what it trains."""

    name: str
    share: float
    experiment: Experiment
    seeds: int
    draft: bool = False
    copied: float = 0.0  # so many of these runs are equal to one of another student, and copies of it


KINDS = (
    Kind("draft of Play", 0.40, PLAY, 1, draft=True),
    Kind("preset", 0.14, presets["activations"], 5, copied=0.8),
    Kind("moons, 1 seed", 0.12, Experiment(), 1),
    Kind("moons, 10 seeds", 0.08, presets["activations"], 10),
    Kind("cell of a comparison", 0.16, Experiment().set({"model.hidden": [16, 16]}), 10, copied=0.3),
    Kind("digits", 0.06, Experiment().set({"data.name": "digits", "model.hidden": [32], "train.epochs": 30}), 3),
    Kind("mnist", 0.035, presets["mnist"], 1, copied=0.5),
    Kind("mnist, 5 seeds", 0.005, presets["mnist"], 5),
)


def trained(store: Store, kind: Kind) -> dict[str, Any]:
    """The row of a run that is really trained. It is left as a paused one, which no removal changes."""
    run, attempt = store.create_claimed(kind.experiment, range(kind.seeds), "template", "")
    run_job(store, run.id, attempt)
    with store._read() as db:
        row = dict(db.execute(sa.select(runs_table).where(runs_table.c.id == run.id)).mappings().one())
    if row["state"] != "finished":
        raise SystemExit(f"{kind.name}: {row['state']}, {row['error']}")
    with store._write() as db:
        db.execute(runs_table.update().filter_by(id=run.id).values(state="paused"))
    return row


def write_day(store: Store, templates: dict[str, dict[str, Any]], day: int, generator: np.random.Generator) -> None:
    """The runs of one day, at their times before now; the data base believes that the week passes."""
    each = STUDENTS * RUNS // DAYS
    kinds = generator.choice(len(KINDS), each, p=[kind.share for kind in KINDS])
    originals: dict[str, str] = {}
    now = time.time()
    for start in range(0, each, 50):
        with store._write() as db:
            for number in kinds[start : start + 50]:
                kind = KINDS[number]
                template, moment = templates[kind.name], now - generator.uniform(0, 0.4) * DAY
                times = dict.fromkeys(("created", "queued", "started", "finished", "heartbeat", "stepped"), moment)
                row = template | times | {"id": new_id(), "owner": f"student {generator.integers(STUDENTS)}"}
                row |= {"draft": kind.draft, "thinned": False}
                if kind.name in originals and generator.random() < kind.copied:
                    row |= {"data": originals[kind.name], "size": 0}
                else:
                    originals[kind.name] = row["data"] = copied(db, template["data"])
                db.execute(runs_table.insert().values(row))
    with store._write() as db:  # one in ten of all runs is deleted
        col, letters = runs_table.c, string.ascii_letters[6 * day : 6 * day + 6]
        these = col.deleted.is_(None) & ~col.draft & (col.owner != "template")
        some = sa.func.substr(col.id, 1, 1).in_(list(letters))
        db.execute(runs_table.update().where(these, some).values(deleted=now))


def pass_day(store: Store) -> None:
    """Everything is a day older."""
    columns = runs_table.c
    moments = {name: columns[name] - DAY for name in ("created", "queued", "started", "finished", "deleted")}
    with store._write() as db:
        db.execute(runs_table.update().values(moments))


def use(url: str, writes: bool, over: Any) -> float:
    """Use the store as a page or a worker does, until the event `over`; seconds of the slowest access."""
    store, slowest = Store(url), 0.0
    run, attempt = store.create_claimed(Experiment(), (0,), "bystander", "")
    while not over.wait(0.02):
        began = time.perf_counter()
        if writes:
            store.heartbeat(run.id, attempt)
        else:
            store.runs("student 7", limit=100)
        slowest = max(slowest, time.perf_counter() - began)
    store.close()
    return slowest


def by_kind(store: Store) -> dict[str, float]:
    """Megabytes of the rows, by kind."""
    with store._read() as db:
        metrics = sa.func.sum(sa.func.length(metrics_table.c.figures))
        kinds = sa.select(snapshots_table.c.kind, sa.func.sum(sa.func.length(snapshots_table.c.weights)))
        checkpoints = sa.func.sum(sa.func.length(checkpoints_table.c.content))
        found = {
            "curves": db.scalar(sa.select(metrics)),
            **{f"weights, {row[0]}": row[1] for row in db.execute(kinds.group_by(snapshots_table.c.kind))},
            "checkpoints": db.scalar(sa.select(checkpoints)),
            "data base": store.bytes_of_files(),
        }
    return {name: float(size or 0) / 1e6 for name, size in found.items()}


def clean(store: Store) -> list[tuple[float, str]]:
    """What is removed now, and how long each step took. The server does something else between two steps as well."""
    found, steps = [], store.prune()
    while True:
        began = time.perf_counter()
        step = next(steps, None)
        if step is None:
            return found
        found.append((time.perf_counter() - began, step.what if step.runs else "file"))
        time.sleep(CLEANING_TICK)


def week(url: str, server: Executor, workers: Executor, events: SyncManager) -> None:
    """Print the tables. Pages are drawn in the process that removes, workers are others."""
    store, generator = Store(url), np.random.default_rng(0)
    templates = {kind.name: trained(store, kind) for kind in KINDS}
    print("| kind of run | share | stores, MB |\n| --- | --- | --- |")
    for kind in KINDS:
        print(f"| {kind.name} | {kind.share:.1%} | {templates[kind.name]['size'] / 1e6:.2f} |")
    print("\n| day | before, MB | after, MB | seconds | longest step, ms | page, ms | worker, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    whole: dict[str, float] = {}
    for day in range(DAYS):
        write_day(store, templates, day, generator)
        before, whole, over = store.bytes_of_files(), by_kind(store), events.Event()
        users = [pool.submit(use, url, pool is workers, over) for pool in (server, workers)]
        steps = clean(store)
        over.set()
        waits = " | ".join(f"{1000 * user.result():.0f}" for user in users)
        seconds, what = max(steps, default=(0.0, ""))
        sizes = f"{before / 1e6:.0f} | {store.bytes_of_files() / 1e6:.0f} | {sum(step[0] for step in steps):.1f}"
        print(f"| {day + 1} | {sizes} | {1000 * seconds:.0f} ({what}) | {waits} |", flush=True)
        pass_day(store)
    print("\n| at the end of the week | before, MB | after, MB |\n| --- | --- | --- |")
    for name, size in by_kind(store).items():
        print(f"| {name} | {whole.get(name, 0):.0f} | {size:.0f} |")
    store.close()


@click.command()
@click.option("--url", help="An empty data base; else a SQLite file that is removed again.")
def main(url: str | None) -> None:
    """Print what the kinds of runs store, and the size of the data base day by day."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(1) as server,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as workers,
        multiprocessing.Manager() as events,
    ):
        week(url or f"sqlite:///{Path(folder) / 'nnlab.db'}", server, workers, events)


if __name__ == "__main__":
    main()
