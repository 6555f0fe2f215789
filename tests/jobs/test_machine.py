"""How a server is: what is wrong, in a sentence, and nothing of whose runs they are."""

import dataclasses
import json

import pytest

from nnlab.jobs import machine
from nnlab.jobs.machine import Machine, WorkerState, read_machine
from nnlab.jobs.trouble import Trouble
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Store, this_process

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 5})
WELL = Machine(
    2, (WorkerState("a", 1, (), True),) * 2, None, {}, (), 0.0, (), 10**9, 20 * 10**9, 10**12, 10**10, 5 * 10**9
)


@pytest.fixture
def store(home):
    one = Store(settings().database_url)
    yield one
    one.close()


def changed(**what):
    return dataclasses.replace(WELL, **what)


@pytest.mark.parametrize(
    ("one", "problem", "words"),
    [
        (changed(workers=()), "no_workers", "nothing is trained"),
        (changed(workers=WELL.workers[:1]), "few_workers", "1 of 2 workers"),
        (changed(trouble=Trouble("other_version", "0.1")), "workers", "another version of nnlab"),
        (changed(oldest_wait=3600.0), "wait", "60 minutes"),
        (changed(disk_free=400_000_000), "disk", "Only 0.4 GB of disk space"),
        (changed(store=19 * 10**9), "store", "19.0 GB of 20.0 GB"),
        (changed(memory_free=100_000_000), "memory", "Only 0.1 GB of memory"),
    ],
)
def test_what_is_wrong_is_a_sentence(one, problem, words):
    assert WELL.problems == []
    assert one.problems == [problem]
    assert words in one.sentence(problem)
    assert one.plain()["problems"] == [one.sentence(problem)]


def test_workers_that_this_process_does_not_look_after_are_not_missed():
    assert changed(wanted=0, workers=()).problems == []


def test_a_worker_shows_the_run_it_trains_and_the_queue_who_is_next(store):
    long = EXPERIMENT.set({"train.epochs": 10_000})  # its end is far, also for a slow machine
    runs = [store.create_run(long, (seed,), f"v-{seed}" + "s" * 20, "Ana's run") for seed in range(3)]
    store.claim(runs[0].id)
    store.claim(runs[1].id, "elsewhere:1/2/3.00")
    described = {"tls://a": {"process": this_process(), "host": "a", "metrics": {"memory": 5_000_000}}}
    seen = read_machine(store, described, 1, None)
    mine, other = seen.workers
    assert ([run.id for run in mine.runs], mine.memory, mine.known) == ([runs[0].id], 5_000_000, True)
    assert ([run.id for run in other.runs], other.host, other.known) == ([runs[1].id], "elsewhere", False)
    assert seen.there == 1
    assert [one.run.id for one in seen.waiting] == [runs[2].id]
    assert seen.waiting[0].begins > 0
    text = json.dumps(seen.plain())
    assert runs[2].id in text
    assert "Ana" not in text
    assert "v-" not in text


def test_a_server_that_does_not_answer_is_none(free_port):
    assert machine.ask_server(f"127.0.0.1:{free_port}") is None
