"""When jobs will be finished, with those that go before them in the queue."""

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nnlab.store import QueuedJob


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
    rank : int
        Of the owner's next job; each further one is one behind.
    """

    jobs: Sequence[QueuedJob]
    rank: int
    workers: int

    def of(self, seconds: Sequence[float]) -> Expected:
        """Of jobs that take so long each and are submitted now."""
        own = [QueuedJob("", "", self.rank + i, each) for i, each in enumerate(seconds)]
        order = sorted([*self.jobs, *own], key=lambda job: job.rank)  # stable: who waits is in front of its equals
        last = max(place for place, job in enumerate(order) if not job.id)
        ends = _ends(order, self.workers)
        finished = max(end for end, job in zip(ends, order, strict=True) if not job.id)
        return Expected(max(_ends(own, self.workers)), last + 1 - len(own), finished)

    def left(self, run_ids: Collection[str]) -> float:
        """Seconds until these unfinished runs are finished; 0 if none is in the queue."""
        ends = zip(_ends(self.jobs, self.workers), self.jobs, strict=True)
        return max((end for end, job in ends if job.id in run_ids), default=0.0)


def _ends(jobs: Sequence[QueuedJob], workers: int) -> list[float]:
    """When each job ends: the next one goes to the worker that is free first."""
    free = [0.0] * workers
    ends = []
    for job in jobs:
        ends.append(heapq.heappop(free) + job.seconds)
        heapq.heappush(free, ends[-1])
    return ends
