"""How many waiting and running runs one visitor may have, on every way to one more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nnlab.jobs.worker import work
from nnlab.lab import Lab, LimitError
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.store import Run

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 2})
MOST = 3


@pytest.fixture
def lab(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A visitor may have three unfinished runs."""
    monkeypatch.setenv("NNLAB_MAX_WAITING", str(MOST))
    settings.cache_clear()
    return lab


def fill(lab: Lab, owner: str = "ana") -> list[Run]:
    return [lab.submit(EXPERIMENT.set({"model.hidden": [n]}), 1, owner) for n in range(1, MOST + 1)]


def comparison(*depths: int, seeds: int = 1) -> Comparison:
    return Comparison(EXPERIMENT, vary="depth", values=depths, seeds=seeds)


@pytest.fixture
def ways(lab: Lab) -> dict[str, Callable[[], object]]:
    """What queues one more run of a visitor who has as many as allowed."""
    finished, paused, deleted = fill(lab)
    made = lab.submit_comparison(comparison(2), "ben")
    work()
    lab.pause((again := lab.submit(EXPERIMENT.vary("depth", 2), 2, "ana")).id, "ana")
    lab.delete((gone := lab.submit(EXPERIMENT.vary("depth", 2), 3, "ana")).id, "ana")
    mine = lab.submit_comparison(comparison(2), "ana")
    lost = lab.submit_comparison(comparison(5), "ana")
    lab.delete_comparison(lost.id, "ana")
    fill(lab, "carl")
    for n in range(11, 11 + MOST):
        lab.submit(EXPERIMENT.set({"model.hidden": [n]}), 1, "ana")
    assert {finished.owner, paused.owner, deleted.owner, made.owner} == {"ana", "ben"}
    new = EXPERIMENT.vary("lr", 0.2)
    return {
        "submit": lambda: lab.submit(new, 1, "ana"),
        "play": lambda: lab.play(new, 1, "ana"),
        "compare": lambda: lab.submit_comparison(comparison(3), "ana"),
        "extend": lambda: lab.extend_comparison(mine.id, comparison(2, 3), "ana"),
        "resume": lambda: lab.resume(again.id, "ana"),
        "add_epochs": lambda: lab.add_epochs(finished.id, 2, "ana"),
        "restore": lambda: lab.restore(gone.id, "ana"),
        "restore_comparison": lambda: lab.restore_comparison(lost.id, "ana"),
    }


def test_no_way_leads_to_more_waiting_runs_than_allowed(lab: Lab, ways: dict[str, Callable[[], object]]) -> None:
    queue, comparisons = lab.store.queue(), len(lab.comparisons())
    for name, way in ways.items():
        with pytest.raises(LimitError, match="more waiting and running runs than this server allows"):
            way()
        assert lab.store.queue() == queue, name
    assert len(lab.comparisons()) == comparisons
    assert lab.activity("ana").mine_waiting == MOST
    work()
    for way in ways.values():
        way()
        work()
    assert lab.activity("ana").waiting == 0


def test_a_comparison_is_counted_before_any_of_its_cells_is_queued(lab: Lab) -> None:
    with pytest.raises(LimitError):
        lab.submit_comparison(comparison(1, 2, 3, 4), "ana")
    assert (lab.store.queue(), lab.comparisons()) == ([], [])
    made = lab.submit_comparison(comparison(1, 2, 3), "ana")
    work()
    lab.submit_comparison(comparison(1, 2, 3), "ana")  # nothing is to be trained
    with pytest.raises(LimitError):
        lab.extend_comparison(made.id, comparison(1, 2, 3, 4, 5, 6, 7), "ana")
    lab.extend_comparison(made.id, comparison(1, 2, 3, 4, 5, 6), "ana")
    assert len(lab.store.queue()) == 3


def test_what_exists_already_is_returned_and_others_are_not_concerned(lab: Lab) -> None:
    runs = fill(lab)
    assert lab.submit(EXPERIMENT.set({"model.hidden": [1]}), 1, "ana").id == runs[0].id
    lab.resume(runs[0].id, "ana")
    assert lab.submit(EXPERIMENT.vary("depth", 2), 1, "ben").state == "waiting"
