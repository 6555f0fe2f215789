"""Equal runs of several visitors are trained once. The tests do the workers' work, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnlab.jobs import worker
from nnlab.jobs.worker import run_job, work
from nnlab.lab import Lab
from nnlab.spec import Comparison, Experiment
from nnlab.store import Retention, Run, schema

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 2})
VISITORS = [f"visitor {i}" for i in range(30)]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the runs that were trained."""
    ids: list[str] = []

    def noted(store: Any, run_id: str, attempt: str) -> None:
        ids.append(run_id)
        run_job(store, run_id, attempt)

    monkeypatch.setattr(worker, "run_job", noted)
    return ids


def now(lab: Lab, run: Run) -> Run:
    found = lab.run(run.id)
    assert found is not None
    return found


def test_thirty_visitors_who_press_the_same_preset_train_it_once(lab: Lab, trained: list[str]) -> None:
    runs = [lab.submit(EXPERIMENT, 2, visitor) for visitor in VISITORS]
    assert len({run.id for run in runs}) == 30
    assert [run.position for run in runs] == [1, *[None] * 29]
    assert {run.follows for run in runs[1:]} == {runs[0].id}
    work()
    assert trained == [runs[0].id]
    for run, visitor in zip(runs, VISITORS, strict=True):
        mine = now(lab, run)
        assert (mine.owner, mine.state, mine.results) == (visitor, "finished", now(lab, runs[0]).results)
        np.testing.assert_array_equal(lab.metrics(run.id), lab.metrics(runs[0].id))


@pytest.mark.parametrize("change", [Lab.stop, Lab.pause, Lab.delete])
@pytest.mark.parametrize("begun", [False, True])
def test_whatever_the_first_does_with_its_run_the_next_is_trained(
    lab: Lab, trained: list[str], change: Any, begun: bool
) -> None:
    first, second, third = (lab.submit(EXPERIMENT, 1, visitor) for visitor in VISITORS[:3])
    if begun:
        token = lab.store.claim(first.id)
        assert token is not None
        assert lab.store.queue() == []
        change(lab, first.id, first.owner)
        assert lab.store.queue() == [second.id], "it will not come"
        run_job(lab.store, first.id, token)
    else:
        change(lab, first.id, first.owner)
    work()
    assert trained == [second.id]
    assert [now(lab, run).state for run in (second, third)] == ["finished", "finished"]
    assert now(lab, first).state != "finished"


def test_if_the_first_fails_the_next_is_trained(lab: Lab, trained: list[str]) -> None:
    first, second = (lab.submit(EXPERIMENT, 1, visitor) for visitor in VISITORS[:2])
    token = lab.store.claim(first.id)
    assert token is not None
    lab.store.finish(first.id, token, "failed", error="The machine is on fire.")
    work()
    assert trained == [second.id]


def test_nobody_changes_the_run_of_another_through_an_equal_one(lab: Lab) -> None:
    first, second, third = (lab.submit(EXPERIMENT, 1, visitor) for visitor in VISITORS[:3])
    lab.stop(second.id, second.owner)
    assert now(lab, first).state == "waiting"
    work()
    assert now(lab, second).state == "stopped"
    lab.rename(third.id, "mine", third.owner)
    longer = lab.add_epochs(third.id, 2, third.owner)
    work()
    assert (now(lab, longer).epoch, now(lab, first).epoch, len(lab.metrics(first.id))) == (4, 2, 2)
    lab.delete(first.id, first.owner)
    list(lab.store.prune(Retention.older_than(-1)))
    assert (lab.run(first.id), len(lab.metrics(third.id))) == (None, 4)


def test_a_run_whose_equal_ended_as_it_was_queued_gets_its_results(lab: Lab, trained: list[str]) -> None:
    """As if another worker had finished it between the search for one and the new run's row."""
    first = lab.submit(EXPERIMENT, 1, "ana")
    work()
    late = lab.store.create_run(EXPERIMENT, (0,), "ben")
    again = lab.submit(EXPERIMENT, 1, "ana", reuse=False)
    work()
    assert trained == [first.id, again.id], "an owner's own run is trained again on request"
    assert now(lab, late).results == now(lab, first).results


def test_a_run_that_is_to_pause_gets_no_results_instead(lab: Lab, trained: list[str]) -> None:
    """Its worker died before the pause, and an equal run was finished meanwhile."""
    paused = lab.submit(EXPERIMENT, 1, "ana")
    assert lab.store.claim(paused.id)
    lab.pause(paused.id, "ana")
    lab.submit(EXPERIMENT, 1, "ben")
    work()
    lab.store.release_dead(stale_after=-1)
    work()
    assert (now(lab, paused).state, len(trained)) == ("paused", 2)


def test_other_seeds_and_runs_with_added_epochs_are_not_the_same(lab: Lab, trained: list[str]) -> None:
    paused = lab.submit(EXPERIMENT, 1, "ana")
    work()
    longer = lab.add_epochs(paused.id, 2, "ana")
    with lab.store._write() as db:
        db.execute(schema.runs_table.update().values(extended=True))
    others = [lab.submit(longer.experiment, seeds, "ben") for seeds in (1, 2)]
    assert [run.follows for run in others] == [None, None]
    work()
    assert len(trained) == 4


def test_comparisons_and_drafts_share_too(lab: Lab, trained: list[str]) -> None:
    depths = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2)
    ana, ben = (lab.submit_comparison(depths, owner) for owner in ("ana", "ben"))
    draft = lab.play(EXPERIMENT.vary("depth", 2), 2, "carl")
    assert lab.store.queue()[0] == draft.id, "the draft goes first, and the cells get what it trains"
    work()
    assert len(trained) == 2
    for made in (ana, ben):
        stored = lab.comparison(made.id)
        assert stored is not None
        assert {run.state for run in stored.runs} == {"finished"}
        assert {run.owner for run in stored.runs} == {made.owner}
        assert all(run.results and run.results["test"] is None for run in lab.runs(made.owner))
