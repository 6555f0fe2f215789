"""The disk: what does not fit is refused before it is queued, and longer trainings are exact without a checkpoint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nnlab.export.pytorch_script import script
from nnlab.jobs.worker import run_job
from nnlab.lab import Lab, LimitError
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.store import Retention, Run, budget, queue

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 5})


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def allow(**megabytes: int) -> None:
        for name, value in megabytes.items():
            monkeypatch.setenv(f"NNLAB_MAX_{name.upper()}_MB", str(value))
        settings.cache_clear()

    return allow


def train(lab: Lab) -> None:
    while claimed := lab.store.claim_next():
        run_job(lab.store, *claimed)


def now(lab: Lab, run: Run) -> Run:
    found = lab.run(run.id)
    assert found is not None
    return found


LARGE = EXPERIMENT.set({"model.hidden": [330, 330], "train.epochs": 1})  # a seed stores 0.9 to 1.3 MB


def test_a_visitor_over_the_quota_is_told_what_is_used_and_how_to_free_space(
    lab: Lab, allow: Callable[..., None]
) -> None:
    allow(visitor=2)
    run = lab.submit(LARGE, [0], "ana")
    with pytest.raises(LimitError, match="This needs 1 MB, and your runs take 1 MB of 2 MB") as no:
        lab.submit(LARGE, [1], "ana")  # the first is not trained yet, but counts
    assert "Delete some on the page Runs" in str(no.value)
    train(lab)
    for refused in (
        lambda: lab.submit(LARGE, [1], "ana"),
        lambda: lab.play(LARGE, [1], "ana"),
        lambda: lab.submit_comparison(Comparison(LARGE, vary="lr", values=[0.1, 0.2], seeds=1), "ana"),
    ):
        with pytest.raises(LimitError):
            refused()
    assert lab.store.queue() == []
    assert lab.comparisons("ana") == []
    assert lab.submit(LARGE, [0], "ana").id == run.id  # it is there already
    assert lab.submit(LARGE, [1], "ben").active  # who has room
    lab.delete(run.id, "ana")
    assert lab.disk_use("ana") == (0, 2_000_000)
    assert lab.submit(LARGE, [1], "ana").active


def test_a_comparison_whose_runs_are_there_needs_no_room(lab: Lab, allow: Callable[..., None]) -> None:
    comparison = Comparison(LARGE, vary="lr", values=[0.1, 0.2], seeds=1)
    lab.submit_comparison(comparison, "ana")
    train(lab)
    allow(visitor=2)
    assert not lab.submit_comparison(comparison, "ana").active
    with pytest.raises(LimitError):
        lab.submit_comparison(comparison, "ana", reuse=False)


def test_more_epochs_and_more_values_are_refused_where_they_do_not_fit(lab: Lab, allow: Callable[..., None]) -> None:
    run = lab.submit(LARGE, [0], "ana")
    made = lab.submit_comparison(Comparison(LARGE, vary="lr", values=[0.1], seeds=1), "ana")
    train(lab)
    allow(visitor=3)
    wider = Comparison(LARGE, vary="lr", values=[0.1, 0.2], seeds=1)
    for refused in (lambda: lab.add_epochs(run.id, 5, "ana"), lambda: lab.extend_comparison(made.id, wider, "ana")):
        with pytest.raises(LimitError, match="of 3 MB"):
            refused()
    assert lab.store.queue() == []
    same = lab.comparison(made.id)
    assert same is not None
    assert len(same.cells) == 1
    assert now(lab, run).state == "finished"
    lab.delete(run.id, "ana")
    assert lab.extend_comparison(made.id, wider, "ana").active


def test_a_full_store_is_full_for_everybody(lab: Lab, allow: Callable[..., None]) -> None:
    allow(store=1)
    with pytest.raises(LimitError, match="all runs on this server take"):
        lab.submit(LARGE, [0], "ana")


def test_more_epochs_without_a_checkpoint_equal_an_undisturbed_run_and_leave_the_first_as_it_is(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "CHECKPOINT_BYTES", 0)
    monkeypatch.setattr(budget, "CHECKPOINT_BYTES", 0)
    for schedule in ("constant", "cosine"):
        experiment = EXPERIMENT.set({"train.schedule": schedule})
        run = lab.submit(experiment, [0, 1], "ana", name="first")
        train(lab)
        before = lab.metrics(run.id)
        assert not lab.can_continue(run.id)
        longer = lab.add_epochs(run.id, 3, "ana")
        assert (longer.id == run.id, longer.name, longer.epochs) == (False, "first", 8)
        assert lab.add_epochs(run.id, 3, "ana").id == longer.id  # a double click trains once
        train(lab)
        undisturbed = lab.submit(experiment.set({"train.epochs": 8}), [0, 1], "ana", reuse=False)
        train(lab)
        shown = ["epoch", "seed", "train_loss", "validation_loss", "lr"]
        np.testing.assert_array_equal(lab.metrics(longer.id)[shown], lab.metrics(undisturbed.id)[shown])
        assert now(lab, longer).results == now(lab, undisturbed).results
        np.testing.assert_array_equal(lab.metrics(run.id), before)
        assert now(lab, run).results is not None


def test_added_epochs_leave_no_gap_in_the_film(lab: Lab) -> None:
    run = lab.submit(EXPERIMENT, [0], "ana")
    train(lab)
    assert lab.snapshot_epochs(run.id) == list(range(6))
    assert lab.add_epochs(run.id, 3, "ana").id == run.id
    train(lab)
    assert lab.snapshot_epochs(run.id) == list(range(9))


def test_a_thinned_run_is_inspected_exported_extended_and_a_source_of_weights(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "UNTHINNED_BYTES", 0)
    monkeypatch.setattr(budget, "THINNED_BYTES", 1.0)
    run = lab.submit(EXPERIMENT, [0], "ana")
    train(lab)
    whole = lab.submit(EXPERIMENT.set({"train.epochs": 8}), [0], "ana", reuse=False)
    train(lab)
    assert sum(step.runs for step in lab.store.prune(Retention.older_than(-1)) if step.what == "snapshots") == 2
    assert lab.snapshot_epochs(run.id) == [5]
    last = lab.snapshot(run.id)
    assert last is not None
    assert [epoch for epoch, _ in lab.frames(run.id, [5])] == [5]
    assert len(lab.epochs(now(lab, run))) == 5
    assert "import torch" in script(run.experiment, run.seeds)
    lab.add_epochs(run.id, 3, "ana")
    train(lab)
    assert now(lab, run).results == now(lab, whole).results
    assert lab.store.trained_weights(EXPERIMENT.set({"train.epochs": 8}), [0]) is not None
