"""Whoever has an id, and nothing else, changes nothing: every method of the lab that changes something is tried."""

import inspect
from collections.abc import Iterator

import pytest

from nnlab.lab import Lab, NotYours, UnknownRun, close_labs, open_lab
from nnlab.spec import Comparison, Experiment

OWNER, STRANGER = "v-" + "o" * 22, "v-" + "x" * 22
QUICK = Experiment().set({"data.n_samples": 60, "train.epochs": 1, "train.engine": "numpy"})
OWN = {"guess"}  # every visitor has a guess of their own
CHANGES = sorted(
    name
    for name, method in inspect.getmembers(Lab, inspect.isfunction)
    if not name.startswith("_")
    and name not in OWN
    and {"run_id", "comparison_id"} & set(inspect.signature(method).parameters)
    and "owner" in inspect.signature(method).parameters
)
OTHERS = {
    "n": 5,
    "name": "mine now",
    "value": "1",
    "place": 0,
    "comparison": Comparison(experiment=QUICK, vary="depth", values=[1, 2, 3], seeds=1),
}
CRAFTED = ["", "no-such-run", "../../etc/passwd", "' OR 1=1 --", "%", "_" * 32, "\x00", "é" * 500, "a" * 100_000]


@pytest.fixture
def lab(home, monkeypatch) -> Iterator[Lab]:
    one = open_lab()
    monkeypatch.setattr(one._dispatcher, "start", lambda: None)
    yield one
    close_labs()


def call(lab, name, one, owner):
    method = getattr(lab, name)
    given = [p for p in inspect.signature(method).parameters if p not in ("run_id", "comparison_id", "owner")]
    return method(one, owner=owner, **{p: OTHERS[p] for p in given})


def test_all_that_changes_a_run_or_a_comparison_is_tried():
    assert {"pause", "stop", "resume", "delete", "rename", "stop_comparison", "open_test"} <= set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_a_stranger_changes_nothing(lab, name):
    run = lab.train_here(QUICK, 1, OWNER)
    comparison = lab.submit_comparison(Comparison(experiment=QUICK, vary="depth", values=[1, 2], seeds=1), OWNER)
    one = comparison.id if "comparison_id" in inspect.signature(getattr(Lab, name)).parameters else run.id

    def state():
        return lab.runs(include_deleted=True), lab.comparison(comparison.id)

    before = state()
    if name in ("keep", "copy"):  # of somebody else's finished run they make a copy
        getattr(lab, name)(one, STRANGER)
        assert (lab.run(one), lab.comparison(comparison.id)) == (run, before[1])
        return
    with pytest.raises(NotYours):
        call(lab, name, one, STRANGER)
    assert state() == before


@pytest.mark.parametrize("name", CHANGES)
def test_a_crafted_id_is_an_unknown_one(lab, name):
    for crafted in CRAFTED:
        with pytest.raises(UnknownRun):
            call(lab, name, crafted, STRANGER)
        assert lab.run(crafted) is None
        assert lab.comparison(crafted) is None
