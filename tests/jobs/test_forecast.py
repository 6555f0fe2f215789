"""Estimates of time with a known queue."""

from __future__ import annotations

import pytest

from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.dispatcher import Dispatcher
from nnlab.jobs.forecast import Expected, Forecast
from nnlab.lab import Lab, open_lab
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.store import Place, QueuedJob, Unfinished, schema

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 400})


@pytest.fixture
def lab(one_url: str, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """One worker, which never starts."""
    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
    monkeypatch.setenv("NNLAB_WORKERS", "1")
    settings.cache_clear()
    monkeypatch.setenv("NNLAB_DATABASE_URL", one_url)
    settings.cache_clear()
    return open_lab()


RUNNING = 0  # the turn of a running run


def queue(*jobs: tuple[int, float]) -> list[QueuedJob]:
    """The jobs of others: their turn (0: running) and seconds."""
    made = []
    for i, (turn, seconds) in enumerate(jobs):
        run = Unfinished(f"run {i}", "ben", float(i))
        made.append(QueuedJob(Place(turn != RUNNING, 0, turn, 0.0, run.queued, run.id, run.id, run), seconds))
    return made


def ours(turn: int) -> QueuedJob:
    run = Unfinished("ours", "ana", 0.0)
    return QueuedJob(Place(False, 0, turn, 0.0, 0.0, run.id, run.id, run), 0.0)


@pytest.mark.parametrize(
    ("jobs", "workers", "own", "want"),
    [
        ([], 1, [12], Expected(12, 0, 12)),
        ([], 2, [12, 4, 4], Expected(12, 0, 12)),
        (queue((RUNNING, 10)), 1, [12], Expected(12, 1, 22)),
        (queue((RUNNING, 10)), 2, [12], Expected(12, 1, 12)),
        (queue((RUNNING, 10), (1, 8), (1, 10)), 1, [12], Expected(12, 3, 40)),
        (queue((RUNNING, 10), (1, 8), (5, 99)), 1, [9], Expected(9, 2, 27)),  # the last one is behind
        ([ours(1), *queue((1, 8), (2, 8), (3, 99))], 1, [9], Expected(9, 3, 25)),  # the owner has an unfinished run
        (queue((1, 5), (2, 5), (9, 99)), 1, [1, 1, 1], Expected(3, 2, 13)),  # cells take turns with others
        (queue((1, 1000)), 1, [8], Expected(8, 1, 18)),  # a long one in front yields after 10 s
        (queue((1, 12)), 1, [1000], Expected(1000, 1, 1012)),
    ],
)
def test_jobs_are_expected_behind_those_that_the_queue_prefers(
    jobs: list[QueuedJob], workers: int, own: list[float], want: Expected
) -> None:
    assert Forecast(jobs, "ana", 0.0, workers).of(own) == want


def test_what_is_left_counts_those_in_front_and_not_those_behind() -> None:
    forecast = Forecast(queue((RUNNING, 10), (1, 8), (1, 7), (2, 99)), "ana", 0.0, 2)
    assert forecast.left({"run 0"}) == 10
    assert forecast.left({"run 0", "run 2"}) == 15
    assert forecast.left({"finished long ago"}) == 0


def test_the_jobs_of_the_store_come_in_the_order_in_which_they_are_trained(lab: Lab) -> None:
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2, 3], seeds=1), "ana")
    running, second, third = (run.id for run in made.runs)
    theirs, draft = lab.submit(EXPERIMENT, 2, "ben"), lab.play(EXPERIMENT, 3, "carl")
    lab.store.claim(running)
    with lab.store._write() as db:
        this = schema.runs_table.update().where(schema.runs_table.c.id == third)
        db.execute(this.values(epoch=300))  # it was paused and goes on
    jobs = lab.store.jobs()
    assert [job.place.id for job in jobs] == [running, *lab.store.queue()]
    assert [job.place.id for job in jobs] == [running, draft.id, theirs.id, second, third]
    seconds = {job.place.id: job.seconds for job in jobs}
    assert seconds[theirs.id] == estimate_seconds(EXPERIMENT, 2)
    assert seconds[third] == pytest.approx(estimate_seconds(EXPERIMENT.vary("depth", 3), 1) / 4)


def test_the_forecast_is_right_about_the_order_in_which_new_jobs_are_trained(lab: Lab) -> None:
    depths = Comparison(EXPERIMENT, vary="depth", values=[1, 2, 3], seeds=1)
    lab.submit_comparison(depths, "ben")
    lab.submit(EXPERIMENT, 2, "ana")
    before = lab.forecast("ana").of([estimate_seconds(EXPERIMENT.vary("depth", n), 3) for n in (1, 2, 3)])
    three = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2, 3], seeds=range(5, 8)), "ana")
    assert before.others == len(lab.store.queue()) - 3
    assert lab.forecast("ana").left({run.id for run in three.runs}) == pytest.approx(before.finished)


def test_an_empty_queue_delays_nothing(lab: Lab) -> None:
    assert lab.forecast("ana").of([3.0]) == Expected(3.0, 0, 3.0)
