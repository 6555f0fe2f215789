"""A week of a class: how large the data base becomes, and how long anything waits while old data are removed.

    python -m benchmarks.class_week
    python -m benchmarks.class_week --url postgresql://user@host/empty_data_base

200 students with 50 runs each over seven days. The kinds of runs are really trained, once each; their rows are then
written for every run of the week, with other weights and with the time it would have had. The hourly removal runs as
on a server, at the end of every day. While it runs, a page and a worker use the store as usual; the table says how long
the slowest of their accesses took.
"""

import argparse
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from nnlab.catalogue.presets import presets
from nnlab.jobs.worker import run_job
from nnlab.spec import Experiment
from nnlab.store import Store, new_id
from nnlab.store.retention import DAY
from nnlab.store.schema import checkpoints_table, metrics_table, runs_table, snapshots_table

STUDENTS, RUNS, DAYS = 200, 50, 7
PLAY = Experiment().set(
    {
        "data.n_samples": 300,
        "data.noise": 0.15,
        "model.hidden": [4, 4],
        "model.activation": "tanh",
        "train.lr": 0.03,
        "train.epochs": 100,
    }
)


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


class Template:
    """The rows of a run that was really trained."""

    def __init__(self, store: Store, kind: Kind) -> None:
        run, attempt = store.create_claimed(kind.experiment, range(kind.seeds), "template", "")
        run_job(store, run.id, attempt)
        with store._read() as db:
            self.run = dict(db.execute(sa.select(runs_table).where(runs_table.c.id == run.id)).mappings().one())
            self.rows = [
                (table, [dict(row) for row in db.execute(sa.select(table).where(table.c.data == run.id)).mappings()])
                for table in (metrics_table, snapshots_table, checkpoints_table)
            ]
        if self.run["state"] != "finished":
            raise SystemExit(f"{kind.name}: {self.run['state']}, {self.run['error']}")

    def of(self, kind: Kind, owner: str, moment: float) -> dict[str, object]:
        """The run of a student that was finished at this moment."""
        times = dict.fromkeys(("created", "queued", "started", "finished", "heartbeat", "stepped"), moment)
        run_id = new_id()
        return self.run | times | {"id": run_id, "data": run_id, "owner": owner, "draft": kind.draft, "thinned": False}


def write_day(store: Store, templates: dict[str, Template], day: int, generator: np.random.Generator) -> None:
    """The runs of one day, at their times before now; the data base believes that the week passes."""
    each = STUDENTS * RUNS // DAYS
    kinds = generator.choice(len(KINDS), each, p=[kind.share for kind in KINDS])
    originals: dict[str, str] = {}
    now = time.time()
    for start in range(0, each, 50):
        with store._write() as db:
            for number in kinds[start : start + 50]:
                kind = KINDS[number]
                template, owner = templates[kind.name], f"student {generator.integers(STUDENTS)}"
                row = template.of(kind, owner, now - generator.uniform(0, 0.4) * DAY)
                if kind.name in originals and generator.random() < kind.copied:
                    db.execute(runs_table.insert().values(row | {"data": originals[kind.name], "size": 0}))
                    continue
                originals[kind.name] = str(row["data"])
                db.execute(runs_table.insert().values(row))
                for table, rows in template.rows:
                    if rows:
                        db.execute(table.insert(), [one | {"data": row["data"]} for one in rows])
    # one in ten of yesterday's runs is deleted
    with store._write() as db:
        gone = runs_table.update().where(runs_table.c.deleted.is_(None), ~runs_table.c.draft)
        db.execute(gone.where(runs_table.c.id.like(f"{'ABCDEFG'[day]}%")).values(deleted=now))


def pass_day(store: Store) -> None:
    """Everything is a day older."""
    columns = runs_table.c
    moments = {name: columns[name] - DAY for name in ("created", "queued", "started", "finished", "deleted")}
    with store._write() as db:
        db.execute(runs_table.update().values(moments))


class Bystander(threading.Thread):
    """Uses the store as a page or a worker does, until it is told to end; its slowest access."""

    def __init__(self, url: str, writes: bool) -> None:
        super().__init__(daemon=True)
        self.store, self.writes, self.over, self.slowest, self.count = Store(url), writes, threading.Event(), 0.0, 0

    def run(self) -> None:
        if self.writes:
            run, attempt = self.store.create_claimed(Experiment(), (0,), "bystander", "")
        while not self.over.wait(0.02):
            began = time.perf_counter()
            if self.writes:
                self.store.heartbeat(run.id, attempt)
            else:
                self.store.runs("student 7", limit=100)
            self.slowest, self.count = max(self.slowest, time.perf_counter() - began), self.count + 1
        self.store.close()

    def end(self) -> None:
        self.over.set()
        self.join()


def by_kind(store: Store) -> list[tuple[str, float]]:
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
    return [(name, float(size or 0) / 1e6) for name, size in found.items()]


def clean(store: Store) -> Iterator[tuple[str, float]]:
    """What is removed now, and how long each step took."""
    began = time.perf_counter()
    for step in store.prune():
        yield step.what if step.runs else "file", time.perf_counter() - began
        began = time.perf_counter()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="an empty data base; else a SQLite file that is removed again")
    with tempfile.TemporaryDirectory() as folder:
        url = parser.parse_args(arguments).url or f"sqlite:///{Path(folder) / 'nnlab.db'}"
        store, generator = Store(url), np.random.default_rng(0)
        templates = {kind.name: Template(store, kind) for kind in KINDS}
        print("| kind of run | share | stores, MB |\n| --- | --- | --- |")
        for kind in KINDS:
            print(f"| {kind.name} | {kind.share:.1%} | {templates[kind.name].run['size'] / 1e6:.2f} |")
        print("\n| day | before, MB | after, MB | seconds | longest step, ms | page, ms | worker, ms |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        whole: Counter[str] = Counter()
        for day in range(DAYS):
            write_day(store, templates, day, generator)
            if day == DAYS - 1:
                whole.update(dict(by_kind(store)))
            before, bystanders = store.bytes_of_files(), [Bystander(url, writes) for writes in (False, True)]
            for one in bystanders:
                one.start()
            steps = list(clean(store))
            for one in bystanders:
                one.end()
            waits = " | ".join(f"{1000 * one.slowest:.0f}" for one in bystanders)
            slowest = max(steps, key=lambda step: step[1], default=("", 0.0))
            longest, total = f"{1000 * slowest[1]:.0f} ({slowest[0]})", sum(seconds for _, seconds in steps)
            sizes = f"{before / 1e6:.0f} | {store.bytes_of_files() / 1e6:.0f}"
            print(f"| {day + 1} | {sizes} | {total:.1f} | {longest} | {waits} |", flush=True)
            pass_day(store)
        print("\n| at the end of the week | before, MB | after, MB |\n| --- | --- | --- |")
        for name, size in by_kind(store):
            print(f"| {name} | {whole[name]:.0f} | {size:.0f} |")
        store.close()


if __name__ == "__main__":
    main()
