"""The visitors: they submit runs, pause, resume, stop and extend them, and watch what is written."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa

from benchmarks.faults.plans import Plan, plans
from nnlab.lab import Lab
from nnlab.spec import Comparison
from nnlab.store import Run, Store
from nnlab.store.schema import runs_table

LOOK_EVERY = 0.2  # seconds
IN_FLIGHT = 6  # unfinished runs that the visitors have at a time, so that every fault meets some


class Visitors:
    """Submits the planned runs a few at a time and watches them, in a thread of its own."""

    def __init__(self, url: str, runs: int, chance: random.Random) -> None:
        self.lab = Lab(Store(url))
        self.lab._dispatcher.start = lambda: None  # type: ignore[method-assign]  # the workers are the server's
        self.runs: dict[str, Run] = {}  # as last seen
        self.plans: dict[str, Plan | None] = {}  # None: a cell of a comparison
        self.comparisons: list[str] = []
        self.refused: Counter[str] = Counter()  # errors of the store that visitors have met, by name
        self.trains: dict[str, int] = {}  # by run in training: the number of its worker's process
        self.wrote: dict[str, tuple[float, int]] = {}  # by run: when its last new epoch was seen, and which
        self._planned, self._left = plans(runs, chance), runs
        self._asked: set[str] = set()
        self._paused: dict[str, float] = {}
        self.all_submitted = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="visitors", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        self._over.set()
        self._thread.join()

    @property
    def active(self) -> list[Run]:
        """The runs that wait or run, as last seen."""
        return [run for run in list(self.runs.values()) if run.active]

    @property
    def done(self) -> bool:
        """Whether all runs have been submitted, have ended and have done what was asked of them."""
        waiting = any(self._will_act(run) for run in list(self.runs.values()))
        return self.all_submitted and not self.active and not waiting

    def expected(self) -> dict[str, frozenset[str]]:
        """By run, the states in which it may be in the end."""
        return {
            run_id: frozenset({"finished", "stopped"} if plan and plan.action == "stop" else {"finished"})
            for run_id, plan in self.plans.items()
        }

    def _live(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            if self._try(self._look) and not self.all_submitted and len(self.active) < IN_FLIGHT:
                self._submit_next()
            for run in list(self.runs.values()):
                self._try(partial(self._act, run))

    def _try(self, do: Callable[[], object]) -> bool:
        """Whether it could be done; a visitor meets an error of the store with patience."""
        try:
            do()
            return True
        except Exception as error:
            self.refused[f"{type(error).__name__}: {str(error)[:80]}"] += 1
            return False

    def _look(self) -> None:
        for run in self.lab.store.runs(ids=list(self.plans)):
            seen = self.wrote.get(run.id, (0.0, 0))
            if run.epoch > seen[1]:
                self.wrote[run.id] = (time.monotonic(), run.epoch)
            self.runs[run.id] = run
        running = sa.select(runs_table.c.id, runs_table.c.worker).where(runs_table.c.state == "running")
        self.trains = {row.id: int(row.worker.split("/")[1]) for row in self.lab.store._rows(running)}

    def _submit_next(self) -> None:
        planned = next(self._planned, None)
        if planned is None:
            self.all_submitted = True
            return
        while not self._over.is_set() and not self._try(lambda: self._submit(planned)):
            self._over.wait(1)  # and press the button again: an equal run is not trained twice

    def _submit(self, planned: Plan | tuple[str, str, Comparison]) -> None:
        if isinstance(planned, Plan):
            self.plans[self.lab.submit(planned.experiment, planned.seeds, planned.owner, planned.name).id] = planned
            return
        name, owner, comparison = planned
        found = self.lab.submit_comparison(comparison, owner, name)
        self.comparisons.append(found.id)
        self.plans |= {run.id: None for cell in found.cells for run in cell.runs}

    def _will_act(self, run: Run) -> bool:
        """Whether something is still to be asked of a run."""
        plan = self.plans[run.id]
        if run.id in self._paused or (plan and plan.action == "extend" and run.id not in self._asked):
            return True
        return run.state == "paused"

    def _act(self, run: Run) -> None:
        plan = self.plans[run.id]
        if plan is None or not plan.action:
            return
        if run.id in self._paused:
            if run.state == "paused" and time.monotonic() - self._paused[run.id] > 2:
                self.lab.resume(run.id, plan.owner)
                del self._paused[run.id]
            elif run.state == "finished":
                del self._paused[run.id]
        elif run.id in self._asked:
            return
        elif plan.action == "extend":
            if run.state == "finished":
                if run.epochs == plan.experiment.train.epochs:
                    self.lab.add_epochs(run.id, plan.more, plan.owner)
                self._asked.add(run.id)
        elif run.state == "running" and run.epoch >= plan.at * run.epochs:
            (self.lab.pause if plan.action == "pause" else self.lab.stop)(run.id, plan.owner)
            self._asked.add(run.id)
            if plan.action == "pause":
                self._paused[run.id] = time.monotonic()
