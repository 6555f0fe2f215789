"""The order in which unfinished runs are trained, computed whenever the queue is read.

A run has a level by the seconds it has trained, as in a multi-level feedback queue: who has had less goes first. Within
a level owners take turns: the first runs of all owners go before their second ones, and among those the owner who had a
worker longest ago. Equal runs of several owners are trained once: the others follow the first and get its results.

References
----------
R. and A. Arpaci-Dusseau: Operating Systems: Three Easy Pieces, chapter 8, "The Multi-Level Feedback Queue".
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

LEVELS = (10.0, 60.0, 600.0)  # seconds of training at which the levels 1, 2 and 3 begin
DRAFT = -1  # the level of an owner's first draft of seconds
SLICE = 10.0  # seconds for which a run trains at least before it yields
TURN = 20.0  # without training on its level after which a run above level 0 goes first


class Unfinished(NamedTuple):
    """What the order depends on: a waiting or running run."""

    id: str
    owner: str
    queued: float
    served: float = 0.0  # when a worker last took a run of this owner, drafts aside
    running: bool = False
    claimed: float | None = None  # when a worker took it; None if it waits, or is trained without the queue
    trained: float = 0.0  # seconds
    stepped: float = 0.0  # when it was trained last
    quick: bool = False  # a draft of seconds
    ending: bool = False  # it waits for a worker that pauses or stops it
    yielding: bool = False  # it is requested to make room
    begun: bool = False  # epochs are stored
    equal: str | None = None  # the same for runs with the same results; None if it must be trained by itself


class Place(NamedTuple):
    """The place of an unfinished run in the order."""

    waits: bool
    level: int
    turn: int  # among its owner's runs: 1 is the first
    served: float
    queued: float
    id: str
    leader: str  # the run that is trained for this one too; its own id if it follows no other
    run: Unfinished

    @property
    def follows(self) -> bool:
        """Whether another run is trained for it."""
        return self.leader != self.id


def level_of(trained: float) -> int:
    """The level of a run after so many seconds of training."""
    return bisect_right(LEVELS, trained)


def shares(trained: float, left: float) -> Iterator[tuple[int, float]]:
    """The seconds that a run still trains on each level: (level, seconds)."""
    level = level_of(trained)
    for end in (*LEVELS[level:], float("inf")):
        yield level, min(left, end - trained)
        left, trained, level = left - (end - trained), end, level + 1
        if left <= 0:
            return


def in_order(runs: Iterable[Unfinished], now: float) -> list[Place]:
    """The running runs, then the waiting ones, next one first.

    One draft of seconds of each owner goes before all others. If no run of its level or above has trained for TURN
    seconds, the run above level 0 that has waited longest goes before the others: short runs do not starve it."""
    runs = list(runs)
    turn = _whose_turn(runs, now)
    owned = defaultdict(list)
    for run in runs:
        owned[run.owner, run.quick].append((not run.running, _level(run), run.queued, run.id, run))
    places = []
    for ours in owned.values():
        for place, (waits, level, queued, run_id, run) in enumerate(sorted(ours), 1):
            if run_id == turn:
                level, place = 0, 0
            elif run.quick and level == 0 and place == 1:
                level = DRAFT
            places.append(Place(waits, level, place, run.served, queued, run_id, run_id, run))
    places.sort()
    leaders: dict[str, Unfinished] = {}
    for begun in (True, False):  # one that has begun leads, even from a higher level
        for one in places:
            if one.run.equal and (one.run.begun or not one.waits) == begun:
                leaders.setdefault(one.run.equal, one.run)
    return [_led(one, leaders[one.run.equal]) if one.run.equal else one for one in places]


def to_yield(places: Sequence[Place], now: float) -> list[str]:
    """The running runs that should make room for waiting ones of lower levels, if no worker is free.

    A run that was trained for less than SLICE seconds since it last waited is left alone."""
    waiting = [one.level for one in places if one.waits and not one.follows]
    running = [one for one in places if one.run.claimed is not None and now - one.run.claimed >= SLICE]
    running.sort(key=lambda one: (not one.run.yielding, -one.level))
    pairs = zip(running, waiting, strict=False)
    return [one.id for one, level in pairs if one.level > level and not one.run.yielding]


def _level(run: Unfinished) -> int:
    return 0 if run.ending else level_of(run.trained)


def _whose_turn(runs: Sequence[Unfinished], now: float) -> str | None:
    """The run above level 0 that has waited longest, if its level has not been trained for TURN seconds."""
    waiting = [run for run in runs if not run.running and _level(run)]
    if not waiting:
        return None
    longest = min(waiting, key=lambda run: (run.queued, run.id))
    above = [run for run in runs if _level(run) >= _level(longest)]
    quiet = all(not run.running and run.stepped < now - TURN for run in above)
    return longest.id if quiet else None


def _led(place: Place, leader: Unfinished) -> Place:
    alone = not place.waits or place.run.begun or leader.owner == place.run.owner
    return place if alone else place._replace(leader=leader.id)
