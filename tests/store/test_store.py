"""The store, over SQLite always and over PostgreSQL where NNLAB_TEST_POSTGRES_URL names one."""

from __future__ import annotations

import math
import multiprocessing
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from nnlab.analysis.scores import packed_outcomes
from nnlab.engines import choice
from nnlab.engines.base import METRICS, Epoch
from nnlab.spec import Comparison, Experiment
from nnlab.store import (
    MAX_ATTEMPTS,
    Lost,
    RequestedAction,
    Retention,
    Run,
    Store,
    UnknownRun,
    new_id,
    order,
    queue,
    runs_table,
    schema,
    this_process,
)

EXPERIMENT = Experiment().set({"train.epochs": 10})

FORK = multiprocessing.get_context("fork")  # other processes would import for seconds


def epoch(n: int, seeds: tuple[int, ...] = (0, 1), value: float | None = None) -> Epoch:
    """An epoch whose numbers identify it."""
    base = float(n) if value is None else value
    figures = {name: base + i / 10 + np.arange(len(seeds)) / 100 for i, name in enumerate(METRICS)}
    return Epoch(epoch=n, seeds=seeds, lr=0.1, seconds=0.5, **figures)


def claimed(store: Store, owner: str = "ana", experiment: Experiment = EXPERIMENT) -> tuple[Run, str]:
    run = store.create_run(experiment, (0, 1), owner)
    attempt = store.claim(run.id)
    assert attempt is not None
    return run, attempt


def finished(store: Store, owner: str = "ana", experiment: Experiment = EXPERIMENT) -> Run:
    run, attempt = claimed(store, owner, experiment)
    weights = {"0.weight": np.full((2, 3), 7, np.float32)}
    epochs = [epoch(n) for n in range(1, 11)]
    store.append(run.id, attempt, epochs, seconds=5.0, snapshots=[("last", 10, weights)], checkpoint=b"c")
    store.finish(run.id, attempt, "finished", results={"train": {"loss": [0.5, None]}})
    return now(store, run.id)


def now(store: Store, run_id: str) -> Run:
    run = store.run(run_id)
    assert run is not None
    return run


# -- runs


def test_a_run_comes_back_as_it_was_made(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (3, 1), "ana", "first try", comparison="abc")
    assert now(store, run.id) == run
    assert (run.experiment, run.seeds, run.owner, run.name) == (EXPERIMENT, (3, 1), "ana", "first try")
    assert (run.state, run.epoch, run.epochs, run.comparison) == ("waiting", 0, 10, "abc")
    assert run.created.tzinfo is not None
    assert store.run("nothere") is None


def test_a_run_reads_like_the_thing(store: Store) -> None:
    run, attempt = claimed(store)
    store.append(run.id, attempt, [epoch(1), epoch(2)])
    assert repr(now(store, run.id)) == f"Run({run.id}, moons 200, 2-8-1 relu, 2 seeds, running 2/10)"


def test_ids_are_long_and_never_the_same(store: Store) -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 12 and one.isalnum() for one in ids)


def test_runs_are_listed_newest_first_by_owner_and_state(store: Store) -> None:
    mine = [store.create_run(EXPERIMENT, (0,), "ana") for _ in range(3)]
    other = store.create_run(EXPERIMENT, (0,), "ben")
    store.request(mine[1].id, "stop")
    assert [run.id for run in store.runs("ana")] == [run.id for run in reversed(mine)]
    assert next(run.id for run in store.runs()) == other.id
    assert [run.id for run in store.runs("ana", "stopped")] == [mine[1].id]
    assert [run.id for run in store.runs("ana", limit=1)] == [mine[2].id]


def test_a_deleted_run_is_out_of_sight_until_it_is_restored(store: Store) -> None:
    run = finished(store)
    store.delete(run.id)
    assert store.runs("ana") == []
    assert [one.id for one in store.runs("ana", include_deleted=True)] == [run.id]
    assert store.find_finished(run.experiment, run.seeds, "ana") is None
    store.restore(run.id)
    assert [one.id for one in store.runs("ana")] == [run.id]
    assert len(store.metrics(run.id).epochs) == 10


def removed(store: Store, older_than: float) -> int:
    """Remove what was deleted so many seconds ago; the number of runs."""
    keep = replace(Retention.of_settings(), deleted=older_than)
    return sum(step.runs for step in store.prune(keep))


def test_purging_removes_old_deleted_runs_and_all_they_had(store: Store) -> None:
    gone, kept = finished(store), finished(store, "ben")
    store.delete(gone.id)
    assert removed(store, 3600) == 0
    assert removed(store, -1) == 1
    assert store.run(gone.id) is None
    assert store.snapshot(gone.id) is None
    assert len(store.metrics(kept.id).epochs) == 10


def test_purging_an_original_leaves_its_copy_whole(store: Store) -> None:
    original = finished(store)
    copy = store.copy_run(original, "ben")
    store.delete(original.id)
    assert removed(store, -1) == 1
    assert len(store.metrics(copy.id).epochs) == 10
    assert store.checkpoint(copy.id) == b"c"


def test_what_changed_since_it_was_found_is_not_copied(store: Store) -> None:
    found = finished(store)
    assert store.extend(found.id, EXPERIMENT.set({"train.epochs": 20}))
    assert store.copy_run(found, "ben") is None, "it waits for more epochs"
    assert store.copy_run(now(store, found.id), "ben") is None
    removed = finished(store)
    store.delete(removed.id)
    list(store.prune(Retention.older_than(-1)))
    assert store.copy_run(removed, "ben") is None


def test_deleting_a_run_under_way_stops_it(store: Store) -> None:
    run, attempt = claimed(store)
    store.delete(run.id)
    assert store.heartbeat(run.id, attempt) == "stop"


def test_a_finished_equal_run_is_found_own_ones_first(store: Store) -> None:
    other, own = finished(store, "ben"), finished(store, "ana")
    finished(store, "carl")
    assert store.find_finished(EXPERIMENT, (0, 1), "ana") == own
    twin = store.find_finished(EXPERIMENT, (0, 1), "dora")
    assert twin is not None
    assert twin.state == "finished"
    assert store.find_finished(EXPERIMENT, (0, 2), "ana") is None
    assert store.find_finished(EXPERIMENT.vary("lr", 0.5), (0, 1), "ana") is None
    assert other.id != own.id


def test_a_run_has_the_engine_that_trained_it(store: Store) -> None:
    run, attempt = claimed(store)
    assert run.engine is None
    store.append(run.id, attempt, [epoch(1)], engine="compiled")
    store.append(run.id, attempt, [epoch(2)])
    assert now(store, run.id).engine == "compiled"
    store.finish(run.id, attempt, "finished")
    assert store.copy_run(now(store, run.id), "ben").engine == "compiled"
    named, _ = claimed(store, experiment=EXPERIMENT.vary("engine", "torch"))
    assert named.engine == "torch"


def test_a_run_is_found_only_if_the_engine_of_here_and_now_trained_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, attempt = claimed(store)
    monkeypatch.setattr(choice, "_numba_installed", lambda: True)
    waiting = store.find_finished(EXPERIMENT, (0, 1), "ana", or_unfinished=True)
    assert waiting is not None
    assert waiting.id == run.id  # no engine has begun it
    store.append(run.id, attempt, [epoch(n) for n in range(1, 11)], engine="numpy")
    store.finish(run.id, attempt, "finished")
    assert store.find_finished(EXPERIMENT, (0, 1), "ana") is None
    assert store.find_parts(EXPERIMENT, "ana") == []
    monkeypatch.setattr(choice, "_numba_installed", lambda: False)
    assert store.find_finished(EXPERIMENT, (0, 1), "ana") == now(store, run.id)
    assert store.find_parts(EXPERIMENT, "ben") == [now(store, run.id)]


def test_runs_of_an_older_algorithm_are_shown_but_not_offered_as_the_same(store: Store) -> None:
    older, attempt = finished(store), claimed(store)[1]
    twin = store.copy_run(older, "ben")
    with store._write() as db:
        db.execute(sa.text("UPDATE runs SET algorithm = algorithm - 1"))
    assert attempt
    assert store.find_finished(EXPERIMENT, (0, 1), "ana", or_unfinished=True) is None
    assert store.find_parts(EXPERIMENT, "ana") == []
    assert store.trained_weights(EXPERIMENT, (0, 1)) is None
    for run in (older, twin, store.copy_run(older, "carl")):
        assert now(store, run.id).algorithm == schema.ALGORITHM - 1
        assert now(store, run.id).results == older.results
        assert len(store.metrics(run.id).epochs) == 10
    newer = finished(store)
    assert store.find_finished(EXPERIMENT, (0, 1), "ana") == newer
    assert store.trained_weights(EXPERIMENT, (0, 1)) is not None


@pytest.mark.parametrize(("patience", "want"), [(3, (4, 10, 6)), (0, (7, 10, 6))])
def test_a_run_says_which_epochs_its_results_are_of(store: Store, patience: int, want: tuple[int, ...]) -> None:
    """One seed stopped early, one reached the end after its best epoch, one never had a finite loss; results of an
    earlier version do not name the epochs."""
    run, attempt = claimed(store, experiment=EXPERIMENT.set({"train.patience": patience}))
    assert run.final_epochs == ()
    earlier = {"epochs": [7, 10, 6], "best_epoch": [4, 9, 0]}
    store.finish(run.id, attempt, "finished", results=earlier)
    assert now(store, run.id).final_epochs == want
    assert replace(now(store, run.id), results=earlier | {"final_epoch": [4, 9, 6]}).final_epochs == (4, 9, 6)


def test_a_waiting_run_of_an_older_algorithm_is_trained_by_the_present_one(store: Store) -> None:
    waiting, paused = (store.create_run(EXPERIMENT, (0, 1), "ana").id for _ in range(2))
    with store._write() as db:
        db.execute(sa.text("UPDATE runs SET algorithm = algorithm - 1"))
        db.execute(sa.text(f"UPDATE runs SET epoch = 3 WHERE id = '{paused}'"))
    for run, algorithm in ((waiting, schema.ALGORITHM), (paused, schema.ALGORITHM - 1)):
        store.claim(run)
        assert now(store, run).algorithm == algorithm


def test_names_and_unknown_runs(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    store.rename(run.id, "ñandú")
    assert now(store, run.id).name == "ñandú"
    store.rename(run.id, "n" * 201)
    assert now(store, run.id).name == "n" * 200
    for change in (store.delete, store.restore, lambda i: store.rename(i, "x"), lambda i: store.request(i, "stop")):
        with pytest.raises(UnknownRun, match="nothere"):
            change("nothere")


# -- the queue


def other(n: int) -> Experiment:
    """The experiment with another number of units: its runs are equal to no other's."""
    return EXPERIMENT.set({"model.hidden": [n]})


def test_owners_take_turns_and_the_places_are_those_of_now(store: Store) -> None:
    ana = [store.create_run(other(n), (0,), "ana").id for n in (1, 2, 3)]
    ben = [store.create_run(other(n), (0,), "ben").id for n in (4, 5)]
    assert store.queue() == [ana[0], ben[0], ana[1], ben[1], ana[2]]
    token = store.claim(ana[0])
    assert token is not None
    carl, ana4 = (store.create_run(other(n), (0,), owner).id for n, owner in ((6, "carl"), (7, "ana")))
    assert store.queue() == [ben[0], carl, ben[1], ana[1], ana[2], ana4], "a running run counts"
    store.finish(ana[0], token, "finished")
    assert store.queue() == [ben[0], carl, ana[1], ben[1], ana[2], ana4], "she had a worker a moment ago"
    store.request(ana[1], "pause")
    store.requeue(ana[1])
    assert store.queue() == [ben[0], carl, ana[2], ben[1], ana4, ana[1]]


def test_of_many_runs_a_new_one_has_its_position_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MANY", 0)
    first = store.create_run(other(1), (0,), "ana")
    assert [run.position for run in store.with_positions([first])] == [1]
    store._waiting = math.inf, store._waiting[1]  # what was read a moment ago
    second = store.create_run(other(2), (0,), "ben")
    assert [run.position for run in store.with_positions([first, second])] == [1, 2]


def test_workers_take_the_runs_in_the_order_of_the_queue(store: Store) -> None:
    runs = [store.create_run(other(n), (0,), owner).id for n, owner in enumerate(("ana", "ana", "ben", "carl"), 1)]
    queue = store.queue()
    claims = [claim for _ in range(5) if (claim := store.claim_next())]
    assert [run_id for run_id, _ in claims] == queue
    assert sorted(queue) == sorted(runs)
    for run_id, token in claims:
        store.finish(run_id, token, "finished")


def test_a_long_run_makes_room_for_a_short_one_and_waits_behind_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, by_hand = store.create_run(other(1), (0,), "ana"), store.create_claimed(other(2), (0,), "carl", "")
    token = store.claim(long.id)
    assert token is not None
    for run_id, attempt in ((long.id, token), (by_hand[0].id, by_hand[1])):
        store.append(run_id, attempt, [epoch(1)], seconds=700.0)
    assert not store.make_room(), "nobody waits"
    short = store.create_run(other(3), (0,), "ben").id
    assert not store.make_room(), "it has just begun"
    monkeypatch.setattr(order, "SLICE", 0.0)
    assert store.make_room()
    assert not store.make_room(), "it knows"
    assert now(store, long.id).requested_action is None, "its owner requested nothing"
    assert store.append(long.id, token, [epoch(2)]) == "yield"
    assert store.heartbeat(by_hand[0].id, by_hand[1]) is None, "no worker of the queue trains it"
    assert store.finish(long.id, token, "waiting", requested="yield") == "yield"
    assert store.queue() == [short, long.id]
    assert store.claim_next() is not None
    again = store.claim_next()
    assert again is not None
    assert again[0] == long.id
    assert store.heartbeat(*again) is None


def test_a_yielding_run_whose_worker_dies_does_not_yield_again(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    assert store.claim(run.id, "elsewhere/1/0.00")
    assert store.lend_worker()
    assert store.release_dead(-1) == [run.id]
    again = store.claim(run.id)
    assert again is not None
    assert store.heartbeat(run.id, again) is None


def test_a_run_is_claimed_once_by_many_threads(store: Store) -> None:
    runs = [store.create_run(EXPERIMENT, (0,), "ana").id for _ in range(20)]
    claims: list[str] = []

    def take() -> None:
        while claim := store.claim_next():
            claims.append(claim[0])

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claims) == sorted(runs)


def test_counts_are_of_one_owner_and_of_all(store: Store) -> None:
    claimed(store, "ana")
    claimed(store, "ben")
    store.create_run(EXPERIMENT, (0,), "ana")
    counts = store.counts("ana")
    assert (counts.running, counts.waiting, counts.mine_running, counts.mine_waiting) == (2, 1, 1, 1)


# -- requested actions


def test_a_waiting_run_pauses_and_stops_at_once(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    store.request(run.id, "pause")
    assert now(store, run.id).state == "paused"
    assert store.requeue(run.id)
    assert store.queue() == [run.id]
    store.request(run.id, "stop")
    assert now(store, run.id).state == "stopped"


def test_a_running_run_reads_the_requested_action_with_its_next_write(store: Store) -> None:
    run, attempt = claimed(store)
    assert store.append(run.id, attempt, [epoch(1)]) is None
    store.request(run.id, "pause")
    assert now(store, run.id).requested_action == "pause"
    assert store.append(run.id, attempt, [epoch(2)]) == "pause"
    assert not store.requeue(run.id)  # this withdraws the pause
    assert store.append(run.id, attempt, [epoch(3)]) is None


@pytest.mark.parametrize("action", [None, "stop"])
def test_an_action_requested_while_a_run_pauses_is_carried_out(store: Store, action: RequestedAction | None) -> None:
    run, attempt = claimed(store)
    store.request(run.id, "pause")
    assert store.append(run.id, attempt, [epoch(1)]) == "pause"
    store.request(run.id, "stop") if action else store.requeue(run.id)
    store.finish(run.id, attempt, "paused", requested="pause")
    assert (now(store, run.id).state, now(store, run.id).requested_action) == ("waiting", action)
    with pytest.raises(Lost):
        store.heartbeat(run.id, attempt)
    store.claim(run.id)
    assert store.queue() == []


def test_a_paused_run_that_learned_something_is_stopped_by_a_worker(store: Store) -> None:
    run, attempt = claimed(store)
    store.append(run.id, attempt, [epoch(1)])
    store.finish(run.id, attempt, "paused")
    store.request(run.id, "stop")
    assert (now(store, run.id).state, now(store, run.id).requested_action) == ("waiting", "stop")
    again = store.claim(run.id)
    assert again is not None
    assert store.heartbeat(run.id, again) == "stop"


# -- writing


def test_metrics_come_back_bit_for_bit_and_after_a_cursor(store: Store) -> None:
    run, attempt = claimed(store)
    told = [epoch(n) for n in range(1, 6)]
    told[2] = epoch(3, value=float("nan"))
    store.append(run.id, attempt, told[:2])
    store.append(run.id, attempt, told[2:], seconds=2.5, pace=0.5)
    table = store.metrics(run.id)
    assert table.seeds == (0, 1)
    assert table.epochs.tolist() == [1, 2, 3, 4, 5]
    for i, one in enumerate(told):
        np.testing.assert_array_equal(table.values[i], np.stack([getattr(one, name) for name in METRICS]))
    assert store.metrics(run.id, after=3).epochs.tolist() == [4, 5]
    assert store.metrics(run.id, after=5).values.shape == (0, 4, 2)
    assert (now(store, run.id).epoch, now(store, run.id).seconds) == (5, 2.5)


def test_an_epoch_written_twice_keeps_its_first_values(store: Store) -> None:
    run, attempt = claimed(store)
    store.append(run.id, attempt, [epoch(1), epoch(2)])
    store.append(run.id, attempt, [epoch(2, value=99.0), epoch(3)])
    table = store.metrics(run.id)
    assert table.epochs.tolist() == [1, 2, 3]
    assert table.values[1, 0, 0] == 2.0


def test_long_curves_are_thinned_evenly_with_both_ends(store: Store) -> None:
    run, attempt = claimed(store)
    store.append(run.id, attempt, [epoch(n) for n in range(1, 1001)])
    epochs = store.metrics(run.id, max_points=400).epochs
    assert (len(epochs), epochs[0], epochs[-1]) == (400, 1, 1000)
    assert set(np.diff(epochs)) <= {2, 3}
    assert len(store.metrics(run.id, after=900, max_points=400).epochs) == 100


def test_snapshots_are_the_nearest_before_and_the_latest(store: Store) -> None:
    run, attempt = claimed(store)

    def weights(value: float) -> dict[str, np.ndarray]:
        return {"0.weight": np.full((2, 1, 3), value, np.float32)}

    steps = [("step", 0, weights(0)), ("step", 4, weights(4))]
    store.append(run.id, attempt, [], epoch=5, snapshots=[*steps, ("live", 5, weights(5)), ("best", 5, weights(3))])
    store.append(run.id, attempt, [], epoch=6, snapshots=[("live", 6, weights(6))])
    assert store.snapshot_epochs(run.id) == [0, 4]
    for asked, got in ((0, 0), (3, 0), (4, 4), (9, 4), (None, 6)):
        found = store.snapshot(run.id, asked)
        assert found is not None
        assert (found[0], found[1]["0.weight"].tolist()) == (got, weights(got)["0.weight"].tolist())
    best = store.snapshot(run.id, "best")
    assert best is not None
    assert best[1]["0.weight"][0, 0, 0] == 3
    store.append(run.id, attempt, [], epoch=8, snapshots=[("last", 8, weights(8))])
    store.finish(run.id, attempt, "finished")
    assert store.snapshot_epochs(run.id) == [0, 4, 8]
    with store._read() as db:  # the last snapshot replaces that of the live page
        kinds = db.execute(sa.text("SELECT kind FROM snapshots ORDER BY epoch, kind")).scalars().all()
    assert kinds == ["step", "step", "last"]
    best = store.snapshot(run.id, "best")
    assert best is not None
    assert best[1]["0.weight"][0, 0, 0] == 8  # it is the last one where none is stored
    assert store.snapshot(store.create_run(EXPERIMENT, (0,), "ana").id) is None


def test_one_replicate_is_read_without_the_others(store: Store) -> None:
    run, attempt = claimed(store)
    rng = np.random.default_rng(0)
    names = {"0.weight": (4, 3), "0.bias": (3,), "1.weight": (3, 1), "1.norm.scale": (1,)}
    weights = {name: rng.normal(size=(2, *shape)).astype(np.float32) for name, shape in names.items()}
    weights["1.bias"] = np.array([[1.0], [2.0]])  # float64
    steps = [("step", epoch, {name: values + epoch for name, values in weights.items()}) for epoch in (0, 2)]
    store.append(run.id, attempt, [], epoch=3, snapshots=[*steps, ("live", 3, weights)])
    for place in (0, 1):
        for epoch in (0, 1, 2, None):
            whole, one = store.snapshot(run.id, epoch), store.snapshot(run.id, epoch, place)
            assert whole is not None
            assert one is not None
            assert (one[0], one[1].keys()) == (whole[0], whole[1].keys())
            for name, values in one[1].items():
                np.testing.assert_array_equal(values, whole[1][name][place : place + 1])
                assert values.dtype == whole[1][name].dtype
        frames = store.frames(run.id, [0, 1, 2], place)
        assert [epoch for epoch, _ in frames] == [0, 2]
        np.testing.assert_array_equal(frames[1][1]["0.weight"], weights["0.weight"][place : place + 1] + 2)


def test_the_scores_of_single_samples_are_read_when_asked_for(store: Store) -> None:
    run, attempt = claimed(store)
    store.finish(run.id, attempt, "finished", results={"train": {"loss": [0.5, None]}, "outcomes": ["AA==", "gA=="]})
    found, copy = now(store, run.id), store.copy_run(now(store, run.id), "ben")
    assert found.results is not None
    assert found.results["train"] == {"loss": [0.5, None]}
    for one in (found, now(store, copy.id), store.runs("ana")[0]):
        assert packed_outcomes(one.results) == ["AA==", "gA=="]
    with store._read() as db:
        assert "gA" not in db.scalar(sa.select(schema.runs_table.c.results).where(schema.runs_table.c.id == run.id))
    assert now(store, run.id) == found


def test_a_checkpoint_is_replaced(store: Store) -> None:
    run, attempt = claimed(store)
    assert store.checkpoint(run.id) is None
    store.append(run.id, attempt, [epoch(1)], checkpoint=b"one")
    store.append(run.id, attempt, [epoch(2)], checkpoint=b"two")
    assert store.checkpoint(run.id) == b"two"


def test_an_attempt_that_was_replaced_cannot_write(store: Store) -> None:
    run, old = claimed(store)
    store.append(run.id, old, [epoch(1)])
    assert store.release_dead(stale_after=-1) == [run.id]
    for late in (
        lambda: store.append(run.id, old, [epoch(2)], checkpoint=b"late"),
        lambda: store.heartbeat(run.id, old),
        lambda: store.finish(run.id, old, "finished"),
    ):
        with pytest.raises(Lost):
            late()
    new = store.claim(run.id)
    assert new is not None
    with pytest.raises(Lost):
        store.append(run.id, old, [epoch(2)])
    assert store.metrics(run.id).epochs.tolist() == [1]
    assert store.checkpoint(run.id) is None
    store.append(run.id, new, [epoch(2)])
    store.finish(run.id, new, "finished")
    with pytest.raises(Lost):  # a finished run is never written again
        store.append(run.id, new, [epoch(3)])


def test_a_living_run_is_not_released_and_one_of_a_dead_process_is(store: Store) -> None:
    alive, _ = claimed(store)
    dead = store.create_run(EXPERIMENT, (0,), "ana")
    name = FORK.SimpleQueue()
    child = FORK.Process(target=lambda: name.put(this_process()))
    child.start()
    child.join()
    store.claim(dead.id, worker=name.get())
    elsewhere = store.create_run(EXPERIMENT, (0,), "ana")
    store.claim(elsewhere.id, worker="another-machine/1/1.0")
    assert store.release_dead(stale_after=60) == [dead.id]
    assert now(store, dead.id).state == "waiting"
    assert {now(store, alive.id).state, now(store, elsewhere.id).state} == {"running"}


@pytest.mark.parametrize("meanwhile", ["beats", "finishes"])
@pytest.mark.parametrize("dead", [True, False])
def test_a_run_that_beats_or_ends_while_it_is_released_stays_as_it_is(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch, meanwhile: str, dead: bool
) -> None:
    run, attempt = claimed(store)
    other = Store(url)

    def change(statement: Any) -> int:
        if meanwhile == "beats":
            other.heartbeat(run.id, attempt)
        else:
            other.finish(run.id, attempt, "finished", results={"test": {"loss": [0.0]}})
        return release(statement)

    release = store._change
    monkeypatch.setattr(store, "_change", change)
    monkeypatch.setattr(queue, "maybe_alive", lambda _: not dead)
    assert store.release_dead(stale_after=15 if dead else -1) == []
    after = now(store, run.id)
    assert after.state == ("running" if meanwhile == "beats" else "finished")
    other.close()


def test_times_are_by_the_clock_of_the_data_base(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine may be an hour late or early."""
    run, attempt = claimed(store)
    store.append(run.id, attempt, [epoch(1)], pace=100.0)
    clock = time.time
    for wrong in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda wrong=wrong: clock() + wrong)
        assert store.release_dead(stale_after=15) == []
        store.heartbeat(run.id, attempt)
        assert now(store, run.id).progress < 2 / EXPERIMENT.train.epochs
    later, _ = claimed(store)
    monkeypatch.undo()
    assert store.release_dead(stale_after=15) == []
    assert abs(now(store, later.id).created.timestamp() - clock()) < 600
    assert [one.id for one in store.runs()] == [later.id, run.id]


def test_a_silent_run_is_not_released_while_the_store_was_out_of_reach_here(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = claimed(store)
    store._failed = time.monotonic()
    with store._write() as db:
        db.execute(runs_table.update().values(heartbeat=0.0))
    assert store.release_dead(stale_after=15) == []
    assert store.release_dead(stale_after=-1) == [run.id]


def test_a_run_that_kills_its_workers_is_interrupted_in_the_end(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    for _ in range(MAX_ATTEMPTS):
        assert store.claim(run.id)
        store.release_dead(stale_after=-1)
    assert now(store, run.id).state == "interrupted"
    assert store.requeue(run.id)
    assert (now(store, run.id).state, now(store, run.id).attempts) == ("waiting", 0)


def test_a_run_that_makes_progress_survives_any_number_of_deaths(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0, 1), "ana")
    for n in range(1, 2 * MAX_ATTEMPTS + 1):
        attempt = store.claim(run.id)
        assert attempt
        store.append(run.id, attempt, [epoch(n)])
        store.release_dead(stale_after=-1)
        assert now(store, run.id).state == "waiting"
    for _ in range(MAX_ATTEMPTS - 1):  # from here on every attempt ends before it has gone further
        assert now(store, run.id).state == "waiting"
        attempt = store.claim(run.id)
        assert attempt
        store.append(run.id, attempt, [epoch(2 * MAX_ATTEMPTS)])
        store.release_dead(stale_after=-1)
    assert now(store, run.id).state == "interrupted"


def test_the_end_of_the_whole_server_does_not_count_against_its_runs(store: Store) -> None:
    run = store.create_run(EXPERIMENT, (0,), "ana")
    for _ in range(MAX_ATTEMPTS + 1):
        worker = this_process()
        assert store.claim(run.id, worker=worker)
        store.release_dead(stale_after=-1, server_began=float(worker.split("/")[2]) + 1)
        assert (now(store, run.id).state, now(store, run.id).attempts) == ("waiting", 0)
    assert store.claim(run.id)
    store.release_dead(stale_after=-1, server_began=float(worker.split("/")[2]) - 1)
    assert now(store, run.id).attempts == 1


def test_the_end_of_a_run_is_stored(store: Store) -> None:
    run = finished(store)
    assert (run.state, run.progress, run.results) == ("finished", 1.0, {"train": {"loss": [0.5, None]}})
    assert run.finished is not None
    failed, attempt = claimed(store)
    store.finish(failed.id, attempt, "failed", error="MNIST could not be downloaded.")
    assert now(store, failed.id).error == "MNIST could not be downloaded."


# -- more epochs, copies


def test_a_copy_reads_the_original_and_parts_from_it_when_extended(store: Store) -> None:
    original = finished(store)
    copy = store.copy_run(original, "ben", "mine")
    assert (copy.owner, copy.name, copy.state, copy.results) == ("ben", "mine", "finished", original.results)
    longer = EXPERIMENT.set({"train.epochs": 12})
    assert store.extend(copy.id, longer)
    attempt = store.claim(copy.id)
    assert attempt is not None
    store.append(copy.id, attempt, [epoch(11)], checkpoint=b"copy")
    assert store.metrics(copy.id).epochs.tolist() == list(range(1, 12))
    assert store.metrics(original.id).epochs.tolist() == list(range(1, 11))
    assert (store.checkpoint(original.id), store.checkpoint(copy.id)) == (b"c", b"copy")


@pytest.mark.parametrize(
    ("changes", "offered"),
    [({}, True), ({"train.schedule": "cosine"}, False), ({"train.patience": 3}, False)],
)
def test_an_extended_run_is_a_twin_only_where_a_longer_one_would_be_the_same(
    store: Store, changes: dict[str, object], offered: bool
) -> None:
    experiment = EXPERIMENT.set(changes) if changes else EXPERIMENT
    run = finished(store, experiment=experiment)
    longer = experiment.set({"train.epochs": 12})
    assert store.extend(run.id, longer)
    assert now(store, run.id).epochs == 12
    attempt = store.claim(run.id)
    assert attempt is not None
    store.append(run.id, attempt, [epoch(11), epoch(12)])
    store.finish(run.id, attempt, "finished")
    assert (store.find_finished(longer, (0, 1), "ana") is not None) is offered
    assert store.find_finished(experiment, (0, 1), "ana") is None


def test_a_run_under_way_is_not_extended(store: Store) -> None:
    run, _ = claimed(store)
    assert not store.extend(run.id, EXPERIMENT.set({"train.epochs": 12}))
    assert now(store, run.id).epochs == 10


# -- comparisons


def test_the_cells_of_a_comparison_stay_in_order(store: Store) -> None:
    comparison = Comparison(EXPERIMENT, vary="depth", values=[2, 1], seeds=2)
    made = store.create_comparison(comparison, "ana", "depths")
    runs = [store.create_run(one, (0, 1), "ana", comparison=made) for one in comparison.experiments]
    cells = (((runs[0].id, False),), ((runs[1].id, True), (runs[0].id, False)))
    store.set_cells(made, comparison, cells)
    found = store.comparison(made)
    assert found is not None
    assert (found.comparison, found.name, found.owner) == (comparison, "depths", "ana")
    assert found.cells == cells
    assert [one.id for one in store.comparisons("ana")] == [made]
    assert store.comparisons("ben") == []
    assert store.comparison("nothere") is None


def test_the_values_and_cells_of_a_comparison_may_change(store: Store) -> None:
    comparison = Comparison(EXPERIMENT, vary="depth", values=[2, 1], seeds=2)
    made = store.create_comparison(comparison, "ana")
    run = store.create_run(EXPERIMENT, (0, 1), "ana").id
    store.set_cells(made, comparison, [[(run, False)]] * 2)
    more = Comparison(EXPERIMENT, vary="depth", values=[2, 1, 3], seeds=2)
    store.set_cells(made, more, [[(run, True)]] * 3)
    found = store.comparison(made)
    assert found is not None
    assert (found.comparison, found.cells) == (more, (((run, True),),) * 3)


def test_a_comparison_is_read_as_it_was_at_one_moment(store: Store, url: str) -> None:
    """Its cells are not those of one moment and its values those of another."""
    old, new = (Comparison(EXPERIMENT, vary="depth", values=values, seeds=2) for values in ([1, 2], [1, 2, 3]))
    made, run = store.create_comparison(old, "ana"), store.create_run(EXPERIMENT, (0, 1), "ana")
    store.set_cells(made, old, [[(run.id, False)]] * 2)
    other, changes = Store(url), [new]

    @sa.event.listens_for(store._engine, "after_cursor_execute")
    def _meanwhile(_: Any, __: Any, statement: str, *___: Any) -> None:
        if changes and "FROM comparisons" in statement:
            other.set_cells(made, changes.pop(), [[(run.id, False)]] * 3)
            other.guess(made, "ben", "2")
            other.claim(run.id)

    for comparison, guesses, state in ((old, {}, "waiting"), (new, {"ben": "2"}, "running")):
        found = store.comparison(made)
        assert found is not None
        assert (found.comparison, found.guesses, found.state) == (comparison, guesses, state)
        assert len(found.cells) == len(comparison.values)
    other.close()


def test_the_test_part_is_opened_once(store: Store) -> None:
    made = store.create_comparison(Comparison(EXPERIMENT, values=[1], seeds=1), "ana")
    assert store.comparison(made).test_opened is None  # type: ignore[union-attr]
    store.open_test(made)
    first = store.comparison(made).test_opened  # type: ignore[union-attr]
    store.open_test(made)
    assert store.comparison(made).test_opened == first is not None  # type: ignore[union-attr]


def test_every_visitor_has_one_guess_of_a_comparison(store: Store) -> None:
    made, other = (store.create_comparison(Comparison(EXPERIMENT, values=[1, 2], seeds=1), "ana") for _ in range(2))
    store.guess(made, "ana", "1")
    store.guess(made, "ben", "")
    store.guess(made, "ben", "2")  # too late
    assert store.comparison(made).guesses == {"ana": "1", "ben": ""}  # type: ignore[union-attr]
    assert [one.guesses for one in store.comparisons("ana") if one.id == other] == [{}]


# -- the data base


def _open(url: str, ready: Any, ids: Any) -> None:
    ready.wait()
    ids.put(Store(url).create_run(EXPERIMENT, (0,), "ana").id)


def test_several_processes_may_open_a_new_data_base_at_once(url: str) -> None:
    ready, ids = FORK.Barrier(4), FORK.SimpleQueue()
    processes = [FORK.Process(target=_open, args=(url, ready, ids)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    store = Store(url)
    assert {run.id for run in store.runs()} == {ids.get() for _ in processes}
    store.close()


def test_a_sqlite_store_writes_ahead_so_that_readers_never_wait(home: Path) -> None:
    store = Store(f"sqlite:///{home / 'nnlab.db'}")
    with store._write() as db:
        db.execute(sa.text("UPDATE runs SET name = 'x'"))
        assert store.runs() == []  # while another connection holds the write lock
        assert db.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert db.execute(sa.text("PRAGMA synchronous")).scalar() == 1
    store.close()
