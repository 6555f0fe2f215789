"""Health and metrics: what they say, when they are 503, and that a taken port is a line in the log."""

import dataclasses
import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import closing
from wsgiref.util import setup_testing_defaults

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nnlab.jobs.machine import Machine, WorkerState
from nnlab.jobs.trouble import Trouble
from nnlab.store import STATES
from nnlab.ui.server import watching
from nnlab.ui.server.imports import imported
from nnlab.ui.server.watching import Watch, Watching, application
from nnlab.ui.shell.counts import counts
from nnlab.ui.shell.ticks import pace

WORKER = WorkerState("a", 3_000_000, (), True)
STATE = dict.fromkeys(STATES, 0) | {"waiting": 4}
WELL = Machine(2, (WORKER,) * 2, None, STATE, (), 7.5, (), 10**9, 20 * 10**9, 10**12, 10**10, 5 * 10**9)


@pytest.fixture(autouse=True)
def _started(monkeypatch):
    monkeypatch.setattr(imported, "_value", True)
    monkeypatch.setattr(pace, "on_tick", [])


def environ(path):
    asked = {"PATH_INFO": path}
    setup_testing_defaults(asked)
    return asked


def get(look, path):
    """The status and the body of an answer."""
    found = []
    watch = Watch(look)
    body = application(watch)(environ(path), lambda status, headers: found.append(status))
    watch.close()
    return int(found[0].split()[0]), b"".join(body).decode()


def metrics(look):
    _, text = get(look, "/metrics")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def no_store():
    raise OSError("no answer")


def test_a_server_that_is_well_says_so():
    status, body = get(lambda: WELL, "/health")
    said = json.loads(body)
    assert (status, said["ok"], said["problems"], said["workers"]["there"]) == (200, True, [], 2)


def test_without_workers_or_store_the_health_is_503_with_a_sentence(monkeypatch):
    status, body = get(lambda: dataclasses.replace(WELL, workers=()), "/health")
    assert (status, json.loads(body)["ok"]) == (503, False)
    assert "No worker is there" in json.loads(body)["problems"][0]
    assert get(no_store, "/health") == (503, '{"ok": false, "problems": ["The data base does not answer."]}\n')
    monkeypatch.setattr(imported, "_value", False)
    assert get(lambda: WELL, "/health")[0] == 503


def test_what_does_not_stop_the_work_is_named_and_the_server_is_well():
    status, body = get(lambda: dataclasses.replace(WELL, workers=WELL.workers[:1], disk_free=10), "/health")
    assert status == 200
    assert len(json.loads(body)["problems"]) == 2


def test_a_store_that_hangs_is_asked_once_and_the_answer_comes(monkeypatch):
    monkeypatch.setattr(watching, "ANSWERS_WITHIN", 0.01)
    over, asked = threading.Event(), []

    def hang():
        asked.append(1)
        over.wait(60)
        return WELL

    watch = Watch(hang)
    assert watch.look() is None
    assert watch.look() is None
    assert len(asked) == 1
    over.set()
    watch.close()


def test_the_metrics_tell_workers_queue_store_and_ticks():
    machine = dataclasses.replace(WELL, workers=(WORKER,), trouble=Trouble("dying", "killed", 1, 2))
    counts["sign_in_refused"] += 3
    found = metrics(lambda: machine)
    expected = {
        ("nnlab_workers_wanted",): 2,
        ("nnlab_workers",): 1,
        ("nnlab_worker_memory_bytes", "0"): 3e6,
        ("nnlab_trouble", "dying"): 1,
        ("nnlab_runs", "waiting"): 4,
        ("nnlab_queue_length",): 4,
        ("nnlab_queue_oldest_wait_seconds",): 7.5,
        ("nnlab_store_up",): 1,
        ("nnlab_store_bytes",): 1e9,
        ("nnlab_disk_free_bytes",): 1e12,
        ("nnlab_sign_ins_total", "refused"): counts["sign_in_refused"],
        ("nnlab_tick_seconds_count",): 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["process_resident_memory_bytes",] > 0


def test_a_tick_is_counted_in_the_histogram():
    watch = Watch(lambda: WELL)
    answer = application(watch)
    for observer in pace.on_tick:
        observer(0.3)
    body = b"".join(answer(environ("/metrics"), lambda *_: None)).decode()
    watch.close()
    assert 'nnlab_tick_seconds_bucket{le="0.25"} 0.0' in body
    assert 'nnlab_tick_seconds_bucket{le="0.5"} 1.0' in body


def test_without_a_store_the_metrics_say_that_alone():
    found = metrics(no_store)
    assert found["nnlab_store_up",] == 0
    assert ("nnlab_queue_length",) not in found


def test_a_taken_port_is_a_line_in_the_log_and_no_failure(caplog):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert Watching.start(address) is None
    assert address in caplog.text
    assert Watching.start("127.0.0.1:99999") is None


def test_both_are_served_until_the_server_ends(free_port, monkeypatch):
    monkeypatch.setattr(watching, "_machine", lambda: WELL)
    one = Watching.start(f"127.0.0.1:{free_port}")
    with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/health", timeout=60) as answer:
        assert json.load(answer)["ok"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=60)
    one.close()
    socket.create_server(("127.0.0.1", free_port)).close()
