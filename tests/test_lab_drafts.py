"""Drafts: what Play trains, before it is kept. The tests do the workers' work, by hand."""

from __future__ import annotations

import threading

import pytest

from nnlab.jobs.worker import work
from nnlab.lab import Lab, NotYours
from nnlab.spec import Comparison, Experiment
from nnlab.store import Run

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 2})


def listed(lab: Lab, owner: str = "ana") -> list[str]:
    """The ids of all that an owner finds in lists: the newest, all runs, all owners' runs, and what counts as busy."""
    everywhere = [run.id for run in lab.recent(owner, 50)]
    assert sorted(everywhere) == sorted(run.id for run in lab.runs(owner))
    assert set(everywhere) <= {run.id for run in lab.runs()}
    return everywhere


def busy(lab: Lab, owner: str = "ana") -> int:
    now = lab.activity(owner)
    assert (now.running, now.waiting) == (now.mine_running, now.mine_waiting), "only this owner has runs"
    return now.running + now.waiting


def test_a_draft_is_neither_listed_nor_counted_until_it_is_kept(lab: Lab) -> None:
    draft = lab.play(EXPERIMENT, 1, "ana")
    assert (listed(lab), busy(lab)) == ([], 0)
    lab.keep(draft.id, "ana")
    assert (listed(lab), busy(lab)) == ([draft.id], 1)


def test_twenty_quick_changes_leave_only_the_last_in_the_queue(lab: Lab) -> None:
    shown: list[str] = []
    for width in range(1, 21):
        run = lab.play(EXPERIMENT.set({"model.hidden": [width]}), 1, "ana", instead_of=shown)
        shown = [run.id]
    assert lab.store.queue() == shown


def test_a_draft_in_training_is_told_to_stop_by_the_next_change(lab: Lab) -> None:
    first = lab.play(EXPERIMENT, 1, "ana")
    attempt = lab.store.claim(first.id)
    assert attempt is not None
    lab.play(EXPERIMENT.vary("depth", 2), 1, "ana", instead_of=[first.id])
    assert lab.store.heartbeat(first.id, attempt) == "stop"


def test_going_back_to_what_still_trains_does_not_cancel_it(lab: Lab) -> None:
    first = lab.play(EXPERIMENT, 1, "ana")
    assert lab.play(EXPERIMENT, 1, "ana", instead_of=[first.id]).id == first.id
    assert lab.store.queue() == [first.id]


def test_what_one_visitor_has_trained_the_next_sees_at_once(lab: Lab) -> None:
    first = lab.play(EXPERIMENT, 1, "ana")
    work()
    assert lab.play(EXPERIMENT, 1, "ben").id == first.id
    assert lab.store.queue() == []


def test_no_change_of_one_visitor_cancels_the_draft_of_another(lab: Lab) -> None:
    mine, theirs = lab.play(EXPERIMENT, 1, "ana"), lab.play(EXPERIMENT, 1, "ben")
    changed = lab.play(EXPERIMENT.vary("depth", 2), 1, "ana", instead_of=[mine.id, theirs.id])
    assert set(lab.store.queue()) == {theirs.id, changed.id}


def test_two_tabs_of_one_visitor_do_not_cancel_one_another(lab: Lab) -> None:
    one, other = lab.play(EXPERIMENT, 1, "ana"), lab.play(EXPERIMENT.vary("depth", 2), 1, "ana")
    new = lab.play(EXPERIMENT.vary("depth", 3), 1, "ana", instead_of=[one.id])
    assert set(lab.store.queue()) == {other.id, new.id}


def test_visitors_who_change_at_the_same_time_lose_nothing(lab: Lab) -> None:
    last: dict[str, str] = {}

    def change(owner: str) -> None:
        shown: list[str] = []
        for width in range(1, 9):
            experiment = EXPERIMENT.set({"model.hidden": [width, ord(owner[0])]})
            shown = [lab.play(experiment, 1, owner, instead_of=shown).id]
        last[owner] = shown[0]

    threads = [threading.Thread(target=change, args=(owner,)) for owner in ("ana", "ben", "carl")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(lab.store.queue()) == set(last.values())


def test_only_its_owner_keeps_or_deletes_a_draft(lab: Lab) -> None:
    draft = lab.play(EXPERIMENT, 1, "ana")
    for change in (lab.keep, lab.delete, lab.restore, lab.stop):
        with pytest.raises(NotYours):
            change(draft.id, "ben")
    assert lab.store.queue() == [draft.id]


def test_tiny_drafts_go_first_and_long_ones_in_their_turn(lab: Lab) -> None:
    run = lab.submit(EXPERIMENT, 1, "ben")
    tiny = lab.play(EXPERIMENT.vary("depth", 2), 1, "ana")
    long = lab.play(EXPERIMENT.set({"data.n_samples": 5000, "train.epochs": 5000, "train.batch_size": 1}), 1, "ana")
    assert lab.store.queue() == [tiny.id, run.id, long.id]


def test_drafts_do_not_move_their_owners_other_runs_back(lab: Lab) -> None:
    lab.play(EXPERIMENT, 1, "ana")
    mine = lab.submit(EXPERIMENT.vary("depth", 2), 1, "ana")
    lab.submit(EXPERIMENT.vary("depth", 3), 1, "ben")
    assert lab.store.queue()[1] == mine.id


@pytest.mark.parametrize("trained", [False, True])
def test_a_draft_that_is_then_trained_from_build_is_listed(lab: Lab, trained: bool) -> None:
    draft = lab.play(EXPERIMENT, 1, "ana")
    if trained:
        work()
    run = lab.submit(EXPERIMENT, 1, "ana")
    assert (run.id, run.draft) == (draft.id, False)
    assert listed(lab) == [draft.id]
    lab.play(EXPERIMENT.vary("depth", 2), 1, "ana", instead_of=[draft.id])
    assert not found(lab, draft.id).deleted


def test_a_draft_of_another_visitor_is_copied_when_it_is_trained_from_build(lab: Lab) -> None:
    draft = lab.play(EXPERIMENT, 1, "ana")
    work()
    run = lab.submit(EXPERIMENT, 1, "ben")
    assert (run.owner, run.state, run.draft) == ("ben", "finished", False)
    assert (listed(lab, "ben"), listed(lab, "ana")) == ([run.id], [])
    assert found(lab, draft.id).draft


def test_a_comparison_makes_a_finished_draft_one_of_its_runs(lab: Lab) -> None:
    draft = lab.play(EXPERIMENT.vary("depth", 2), 2, "ana")
    work()
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana")
    cell = found(lab, draft.id)
    assert (made.cells[1].run.id, cell.comparison, cell.draft) == (draft.id, made.id, False)
    assert cell.results is not None
    assert cell.results["test"] is None, "the comparison's test set is closed"
    assert [one.id for one in lab.recent("ana", 10)] == [made.id]


def test_a_comparison_does_not_rely_on_a_draft_that_may_be_cancelled(lab: Lab) -> None:
    draft = lab.play(EXPERIMENT.vary("depth", 2), 2, "ana")
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana")
    lab.play(EXPERIMENT, 1, "ana", instead_of=[draft.id])
    assert {run.state for run in made.runs} == {"waiting"}
    assert draft.id not in {run.id for run in made.runs}


def test_a_run_of_a_comparison_that_is_trained_from_build_is_listed_by_itself(lab: Lab) -> None:
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana")
    assert lab.submit(EXPERIMENT.vary("depth", 2), 2, "ana").id == made.runs[1].id, "it is under way"
    work()
    run = lab.submit(EXPERIMENT.vary("depth", 2), 2, "ana")
    assert (run.state, run.comparison) == ("finished", None)
    assert [one.id for one in lab.recent("ana", 10)] == [run.id, made.id]
    assert lab.submit(EXPERIMENT.vary("depth", 2), 2, "ana").id == run.id


def found(lab: Lab, run_id: str) -> Run:
    run = lab.run(run_id)
    assert run is not None
    return run
