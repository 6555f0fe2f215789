"""What the store says of its queue and of the runs that broke off."""

from nnlab.spec import Experiment
from nnlab.store import Store

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 5})


def test_runs_are_counted_by_state_and_the_longest_wait_is_that_of_the_run_queued_first(store: Store) -> None:
    assert store.run_states().oldest_wait == 0.0
    first, second, third = (store.create_run(EXPERIMENT, (seed,), "a") for seed in range(3))
    store.claim(first.id)
    store.delete(third.id)
    states = store.run_states()
    assert {state: n for state, n in states.by_state.items() if n} == {"running": 1, "waiting": 1}
    assert states.oldest_wait > 0
    assert [run.id for run, worker in store.in_training() if worker] == [first.id]
    store.request(second.id, "stop")
    assert store.run_states().oldest_wait == 0.0


def test_runs_that_broke_off_are_listed_newest_first_until_they_are_old_or_deleted(store: Store) -> None:
    failed = [store.create_run(EXPERIMENT, (seed,), "a") for seed in range(3)]
    for run in failed:
        store.finish(run.id, store.claim(run.id) or "", "failed", error="It broke off.")
    fine = store.create_run(EXPERIMENT, (9,), "a")
    store.finish(fine.id, store.claim(fine.id) or "", "finished", results={})
    ids = [run.id for run in failed]
    assert [run.id for run in store.broken_off(60, 10)] == ids[::-1]
    assert [run.id for run in store.broken_off(60, 1)] == ids[2:]
    store.delete(ids[2])
    assert [run.id for run in store.broken_off(60, 10)] == [ids[1], ids[0]]
    assert store.broken_off(-1, 10) == []
