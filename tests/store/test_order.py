"""The order of the queue as a pure function, over any queue and over simulated hours."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.store.order import LEVELS, SLICE, TURN, Place, Unfinished, in_order, level_of, shares, to_yield

NOW = 10_000.0
OWNERS = st.sampled_from(["ana", "ben", "carl"])
TIMES = st.integers(0, int(NOW)).map(float)


@st.composite
def queues(draw: st.DrawFn, trained: st.SearchStrategy[float] = TIMES) -> list[Unfinished]:
    made = []
    for i in range(draw(st.integers(0, 12))):
        service = draw(trained)
        made.append(
            Unfinished(
                f"run {i}",
                draw(OWNERS),
                queued=draw(TIMES),
                served=draw(st.sampled_from([0.0, 5.0, NOW])),
                running=draw(st.booleans()),
                trained=service,
                stepped=draw(TIMES) if service else 0.0,
                quick=draw(st.booleans()),
                begun=service > 0,
                equal=draw(st.sampled_from([None, "this", "that"])),
            )
        )
    return made


def waiting(places: list[Place]) -> list[Place]:
    return [one for one in places if one.waits]


@given(queues())
def test_every_unfinished_run_has_one_place_and_the_running_ones_come_first(runs: list[Unfinished]) -> None:
    places = in_order(runs, NOW)
    assert sorted(one.id for one in places) == sorted(run.id for run in runs)
    assert [one.waits for one in places] == sorted(not run.running for run in runs)


@given(queues(), st.randoms())
def test_the_order_does_not_depend_on_how_the_runs_are_read(runs: list[Unfinished], random: object) -> None:
    places = in_order(runs, NOW)
    random.shuffle(runs)  # type: ignore[attr-defined]
    assert in_order(runs, NOW) == places


@given(queues(trained=st.just(0.0)))
def test_the_first_runs_of_all_owners_go_before_anybodys_third(runs: list[Unfinished]) -> None:
    places = [one for one in in_order(runs, NOW) if not one.run.quick]
    for at, one in enumerate(places):
        if one.waits and sum(other.run.owner == one.run.owner for other in places[:at]) >= 2:
            assert not [late for late in places[at:] if late.turn == 1], "an owner's first run comes later"


@given(queues(), OWNERS)
def test_no_run_of_an_owner_moves_another_owners_first_run_back_by_more_than_one(
    runs: list[Unfinished], owner: str
) -> None:
    """However many runs somebody has: of what has not begun, one and one draft go before another's first."""
    new = Unfinished("new", "dora", NOW)
    ahead = [one.run for one in waiting(in_order([*runs, new], NOW)) if not one.run.trained]
    ahead = ahead[: ahead.index(new)]
    assert sum(run.owner == owner and not run.quick for run in ahead) <= 1
    assert sum(run.owner == owner and run.quick for run in ahead) <= 2


@given(queues())
def test_who_follows_waits_for_an_equal_run_of_another_owner_that_follows_nobody(runs: list[Unfinished]) -> None:
    places = {one.id: one for one in in_order(runs, NOW)}
    for one in places.values():
        leader = places[one.leader]
        assert not leader.follows
        if one.follows:
            assert one.waits
            assert not one.run.begun
            assert leader.run.equal == one.run.equal
            assert leader.run.owner != one.run.owner


def test_of_equal_runs_the_first_in_the_order_is_trained() -> None:
    many = [Unfinished(f"ana {i}", "ana", float(i)) for i in range(5)]
    hers = Unfinished("hers", "ana", 5.0, equal="same")
    his = Unfinished("his", "ben", 6.0, equal="same")
    places = in_order([*many, hers, his], NOW)
    assert [one.id for one in places if not one.follows] == ["ana 0", "his", *(f"ana {i}" for i in range(1, 5))]
    begun = in_order([*many, hers, his, Unfinished("long", "carl", 1.0, trained=700.0, begun=True, equal="same")], NOW)
    assert {one.id for one in begun if one.follows} == {"hers", "his"}, "who has begun leads"


def test_a_visitor_with_ten_runs_left_does_not_keep_thirty_of_another_waiting() -> None:
    old = [Unfinished(f"old {i}", "ana", float(i)) for i in range(30, 40)]
    new = [Unfinished(f"new {i}", "ben", 100.0 + i) for i in range(30)]
    places = in_order([*old, *new], NOW)
    assert [one.run.owner for one in places[:20]] == ["ana", "ben"] * 10


def test_a_newcomer_stands_second_behind_five_thousand() -> None:
    many = [Unfinished(f"run {i:04}", "ana", float(i)) for i in range(5000)]
    places = in_order([*many, Unfinished("new", "ben", NOW)], NOW)
    assert places[1].id == "new"


def test_an_owners_drafts_of_seconds_do_not_all_go_before_the_others() -> None:
    drafts = [Unfinished(f"draft {i}", "ana", float(i), quick=True) for i in range(3)]
    run = Unfinished("run", "ben", 0.5)
    assert [one.id for one in in_order([run, *drafts], NOW)] == ["draft 0", "run", "draft 1", "draft 2"]


@given(st.floats(0, 5000), st.floats(0.1, 5000))
def test_the_shares_of_the_levels_add_up(trained: float, left: float) -> None:
    parts = list(shares(trained, left))
    assert sum(seconds for _, seconds in parts) == pytest.approx(left)
    assert [level for level, _ in parts] == list(range(level_of(trained), level_of(trained) + len(parts)))


def test_a_long_run_yields_to_a_short_one_after_its_slice() -> None:
    short = Unfinished("short", "ben", NOW)
    long = Unfinished("long", "ana", 0.0, running=True, claimed=NOW - SLICE, trained=30.0, begun=True)
    assert to_yield(in_order([long, short], NOW), NOW) == ["long"]
    spared = (
        long._replace(claimed=NOW - SLICE / 2),  # it has just got a worker
        long._replace(claimed=None),  # no worker trains it, but the command line
        long._replace(trained=5.0),  # it is as short
        long._replace(yielding=True),  # it was requested already
    )
    for one in spared:
        assert to_yield(in_order([one, short], NOW), NOW) == []
    longer = long._replace(id="longer", trained=900.0)
    assert to_yield(in_order([long, longer, short], NOW), NOW) == ["longer"]
    assert to_yield(in_order([long, longer, short, short._replace(id="second")], NOW), NOW) == ["longer", "long"]
    assert (
        to_yield(
            in_order([long, long._replace(id="other", running=False, claimed=None, trained=60.0, stepped=NOW)], NOW),
            NOW,
        )
        == []
    )


# -- simulated workers


@dataclass
class Server:
    """Workers that follow the order, second by second; what each run still needs and when it ended."""

    workers: int
    runs: dict[str, Unfinished] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    served: dict[str, float] = field(default_factory=dict)
    now: float = 0.0

    def submit(self, name: str, owner: str, seconds: float) -> None:
        self.runs[name], self.left[name] = Unfinished(name, owner, self.now), seconds

    def places(self) -> list[Place]:
        runs = self.runs.values()
        return in_order([run._replace(served=self.served.get(run.owner, 0.0)) for run in runs], self.now)

    def tick(self) -> None:
        for run in list(self.runs.values()):
            if run.running and self.left[run.id] <= 0:
                del self.runs[run.id]
                self.ended[run.id] = self.now
        places = self.places()
        free = self.workers - sum(not one.waits for one in places)
        for run_id in () if free else to_yield(places, self.now):
            self.runs[run_id] = self.runs[run_id]._replace(running=False, claimed=None, queued=self.now)
        for _ in range(self.workers - sum(run.running for run in self.runs.values())):
            one = next(iter(waiting(self.places())), None)
            if one is None:
                break
            self.began.setdefault(one.id, self.now)
            self.served[one.run.owner] = self.now
            self.runs[one.id] = one.run._replace(running=True, claimed=self.now)
        self.now += 1
        for run in self.runs.values():
            if run.running:
                self.left[run.id] -= 1
                self.runs[run.id] = run._replace(trained=run.trained + 1, stepped=self.now, begun=True)


def test_short_runs_do_not_wait_for_half_hour_ones_and_those_lose_little() -> None:
    server = Server(2)
    for name in ("long 1", "long 2"):
        server.submit(name, name, 1800)
    for _ in range(120):
        server.tick()
    for i in range(10):
        server.submit(f"short {i}", "ana", 4)
    while server.runs:
        server.tick()
    assert max(server.ended[f"short {i}"] for i in range(10)) <= 120 + 10 * 4 / 2 + 2
    assert max(server.ended.values()) <= 1800 + 10 * 4 + 5


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seconds", [5, 30])
def test_no_stream_of_short_runs_starves_long_ones_nor_they_it(workers: int, seconds: int) -> None:
    """New visitors fill all workers for an hour; three long runs share a quarter of one worker."""
    server = Server(workers)
    for name in ("long 1", "long 2", "long 3"):
        server.submit(name, name, 1e9)
    for second in range(3600):
        if sum(name.startswith("short") for name in server.runs) < 2 * workers:
            server.submit(f"short {second}", f"visitor {second}", seconds)
        server.tick()
    trained = [server.runs[name].trained for name in ("long 1", "long 2", "long 3")]
    assert sum(trained) >= 3600 * SLICE / (2 * SLICE + TURN)  # a turn waits until another slice ends
    assert min(trained) >= 0.5 * max(trained)
    assert len(server.ended) * seconds >= 3600 * (workers - 0.7)


@pytest.mark.parametrize("workers", [1, 2])
def test_who_comes_later_with_one_run_does_not_wait_for_anybodys_many(workers: int) -> None:
    server = Server(workers)
    for i in range(30):
        server.submit(f"many {i}", "ana", 5)
    for _ in range(12):
        server.tick()
    server.submit("single", "ben", 5)
    while "single" not in server.began:
        server.tick()
    assert server.began["single"] <= 12 + 5


def test_visitors_with_unequal_numbers_of_runs_begin_at_about_the_same_time() -> None:
    """Jain's index of what the first runs of 60 visitors waited is that of one run each."""

    def waited(numbers: list[int]) -> float:
        server = Server(2)
        for visitor, number in enumerate(numbers):
            for i in range(number):
                server.submit(f"{visitor} {i}", f"{visitor}", 2)
        while len({name.split()[0] for name in server.began}) < len(numbers):
            server.tick()
        first = [1 + min(at for name, at in server.began.items() if name.split()[0] == f"{v}") for v in range(60)]
        return sum(first) ** 2 / len(first) / sum(one**2 for one in first)

    assert waited([40, 10, 3, 1, 1, 1] * 10) >= waited([1] * 60) - 0.01


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("seconds", [2, 8])
def test_of_sixty_who_press_train_three_times_within_ten_seconds_all_first_runs_end_before_any_third(
    workers: int, seconds: int
) -> None:
    server = Server(workers)
    for visitor in range(60):
        for press in range(3):
            server.submit(f"{visitor} {press}", f"{visitor}", seconds)
        if visitor % 6 == 5:
            server.tick()
    while server.runs:
        server.tick()
    ended = [[server.ended[f"{visitor} {press}"] for visitor in range(60)] for press in range(3)]
    assert max(ended[0]) <= min(ended[2])


def test_levels_rise() -> None:
    assert [level_of(seconds) for seconds in (0, *LEVELS)] == [0, 1, 2, 3]
