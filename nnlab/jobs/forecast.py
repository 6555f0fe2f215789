"""When jobs will be finished, with those that go before them in the queue."""

import heapq
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nnlab.store import QueuedJob
from nnlab.store.order import Place, Unfinished, shares


class Expected(NamedTuple):
    """What is expected of jobs that are submitted now."""

    seconds: float  # that they take together with all workers free
    others: int  # jobs in front of the last of them
    finished: float  # seconds until the last of them is finished


@dataclass(frozen=True)
class Forecast:
    """The queue at one moment, as one owner's next jobs will find it.

    Parameters
    ----------
    jobs : sequence of QueuedJob
        The running ones, then the waiting ones in their order.
    """

    jobs: Sequence[QueuedJob]
    owner: str
    served: float  # when a worker last took a run of the owner
    workers: int

    def of(self, seconds: Sequence[float]) -> Expected:
        """Of jobs that take so long each and are submitted now."""
        ours = [one.place for one in self.jobs if one.place.run.owner == self.owner]
        turn = 1 + sum(place.level == 0 and not place.run.quick for place in ours)
        own = [QueuedJob(_new(self.owner, turn + i, self.served), each) for i, each in enumerate(seconds)]
        order = sorted([*self.jobs, *own], key=lambda job: job.place)
        ends, new = _ends(order, self.workers), {job.place.id for job in own}
        last = max(i for i, job in enumerate(order) if job.place.id in new)
        return Expected(max(_ends(own, self.workers).values()), last + 1 - len(own), max(ends[one] for one in new))

    def left(self, run_ids: Collection[str]) -> float:
        """Seconds until these unfinished runs are finished; 0 if none is in the queue."""
        ends = _ends(self.jobs, self.workers)
        return max((end for run_id, end in ends.items() if run_id in run_ids), default=0.0)


def begins(jobs: Sequence[QueuedJob], workers: int) -> dict[str, float]:
    """Seconds until each job has begun, by its run's id, if none yields."""
    free, starts = [0.0] * workers, {}
    for job in jobs:
        starts[job.place.id] = 0.0 if not job.place.waits else free[0]
        heapq.heappush(free, heapq.heappop(free) + job.seconds)
    return starts


def _new(owner: str, turn: int, served: float) -> Place:
    """The place of a job that is submitted now."""
    run = Unfinished(f"new {turn}", owner, math.inf, served)
    return Place(True, 0, turn, served, run.queued, run.id, run.id, run)


def _ends(jobs: Sequence[QueuedJob], workers: int) -> dict[str, float]:
    """When each job ends: level by level, the next one goes to the worker that is free first."""
    parts = [
        (level, i, seconds)
        for i, job in enumerate(jobs)
        for level, seconds in shares(job.place.run.trained, job.seconds)
    ]
    free, ends = [0.0] * workers, dict.fromkeys((job.place.id for job in jobs), 0.0)
    for _, i, seconds in sorted(parts):
        run_id = jobs[i].place.id
        ends[run_id] = max(heapq.heappop(free), ends[run_id]) + seconds
        heapq.heappush(free, ends[run_id])
    return {job.place.id: ends.get(job.place.leader, 0.0) for job in jobs}
