"""A data base, links, a comparison's file and a script written by version 0.1.0, before the package was rearranged.

`version_0_1/expected.json` holds what that version read from them. Its texts name their engine and mean what they
meant. Its links leave PyTorch out, which was the default; without an engine they now mean the automatic one, whose
figures are the same up to rounding.
"""

import contextlib
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest

from nnlab import Comparison, Experiment, compare
from nnlab.comparison.table import Cell, table_of
from nnlab.export.tables import csv_text
from nnlab.jobs.worker import run_job
from nnlab.lab import Lab
from nnlab.store import Store
from nnlab.training.api import train

FILES = Path(__file__).parent / "version_0_1"
EXPECTED = json.loads((FILES / "expected.json").read_text())
RUNS = [name for name in EXPECTED if name != "comparison"]


@pytest.fixture
def lab(home, monkeypatch):
    home.mkdir()
    (home / "nnlab.db").write_bytes(gzip.decompress((FILES / "nnlab.db.gz").read_bytes()))
    with contextlib.closing(Store(f"sqlite:///{home / 'nnlab.db'}")) as store:
        yield Lab(store)


def as_numbers(values):
    return np.array([np.nan if value is None else value for value in values], float)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_an_earlier_data_base_opens_with_the_same_figures(lab, name):
    want = EXPECTED[name]
    run = lab.run(want["id"])
    assert (run.owner, run.name, run.key, run.state, run.epoch) == tuple(
        want[field] for field in ("owner", "name", "key", "state", "epoch")
    )
    assert list(run.seeds) == want["seeds"]
    assert run.experiment.to_json() == want["json"]
    assert run.engine == json.loads(want["json"])["train"]["engine"]
    assert lab.snapshot_epochs(run.id) == want["epochs"]
    metrics = lab.metrics(run.id)
    assert [column for column in metrics if column != "seconds"] == list(want["curve"])
    for column, values in want["curve"].items():
        np.testing.assert_allclose(metrics[column], as_numbers(values), rtol=1e-6)
    if want["results"]:
        assert json.loads(json.dumps(run.results)).keys() == want["results"].keys()
        for part in ("train", "validation", "test"):
            for figure, values in (want["results"][part] or {}).items():
                assert run.results[part][figure] == pytest.approx(values, rel=1e-6)
    for array, values in want["weights"].items():
        np.testing.assert_allclose(lab.snapshot(run.id)[1][array], values, rtol=1e-6)


def test_a_run_paused_by_an_earlier_version_resumes_to_the_weights_of_an_unbroken_training(lab):
    want = EXPECTED["paused"]
    lab.store.requeue(want["id"])
    run_job(lab.store, want["id"], lab.store.claim(want["id"]))
    assert lab.run(want["id"]).state == "finished"
    for array, values in want["unbroken"].items():
        np.testing.assert_allclose(lab.snapshot(want["id"])[1][array], values, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", RUNS)
def test_links_and_texts_of_an_earlier_version_give_the_same_experiment(name):
    want = EXPECTED[name]
    read, linked = Experiment.from_json(want["json"]), Experiment.from_query(want["link"])
    assert (read.key, read.to_json()) == (want["key"], want["json"])
    assert linked.to_query() == want["link"]
    assert linked.train.engine == want["link"].get("train.engine", "auto")
    assert by_torch(linked) == read


def by_torch(experiment):
    """The experiment with PyTorch where no engine is named, also for its source: what 0.1.0 read from the same link."""
    changes, start = {}, experiment.train.start_from
    if experiment.train.engine == "auto":
        changes["train.engine"] = "torch"
    if start:
        changes["train.start_from"] = start.model_copy(update={"experiment": by_torch(start.experiment)})
    return experiment.set(changes)


# 0.1.0 let rounding move the biases before the batch normalisation of the NumPy engine by whole steps of Adam
@pytest.mark.parametrize(("name", "tolerance"), [("torch", 1e-4), ("numpy, 3 folds", 0.05), ("transfer", 1e-4)])
def test_a_link_of_an_earlier_version_trains_to_the_same_scores_up_to_rounding(name, tolerance):
    want = EXPECTED[name]
    result = train(Experiment.from_query(want["link"]), want["seeds"]).result()
    for part in ("train", "validation", "test"):
        for figure, values in (want["results"][part] or {}).items():
            np.testing.assert_allclose(result.evaluate(part)[figure], values, rtol=tolerance)


def columns_of(text):
    lines = [line.split(",") for line in text.strip().splitlines()]
    return dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))


def check_table(table, tolerance):
    got = columns_of(csv_text(table.drop(columns="seconds_per_epoch")).decode())
    want = columns_of(EXPECTED["comparison"]["csv"])
    del want["seeds_needed"]
    assert list(got) == list(want)
    ends = {name for name in want if name.endswith(("_low", "_high")) and not name.startswith("train_")}
    for name in set(want) - {"verdict", "reason", *ends}:  # they are by today's rules
        try:
            then, now = ([float(value or "nan") for value in one[name]] for one in (want, got))
        except ValueError:
            assert got[name] == want[name]
            continue
        if name == "p":
            assert [p < 0.05 for p in now] == [p < 0.05 for p in then]
        else:
            np.testing.assert_allclose(now, then, rtol=tolerance, atol=1e-6)


def test_a_comparison_of_an_earlier_data_base_gives_the_same_table(lab):
    want = EXPECTED["comparison"]
    run = lab.comparison(want["id"])
    assert run.comparison.key == want["key"]
    assert run.test_opened is not None
    check_table(table_of(run.comparison, [Cell(cell.results, lab.cell_metrics(cell)) for cell in run.cells]), 1e-9)


def test_a_comparison_file_of_an_earlier_version_trains_to_the_same_table():
    want = EXPECTED["comparison"]
    asked = Comparison.from_json((FILES / "comparison.json").read_bytes())
    assert (asked.key, asked.to_json()) == (want["key"], want["json"])
    linked = Comparison.from_query(want["link"])
    assert linked.to_query() == want["link"]
    assert linked.model_copy(update={"experiment": by_torch(linked.experiment)}) == asked
    for one in (asked, linked):
        check_table(compare(one).table, 0.02)


def test_a_script_of_an_earlier_version_prints_the_scores_of_its_run():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile((FILES / "script.txt").read_text(), "script", "exec"), {"__name__": "__main__"})
    shown, results = [json.loads(line) for line in out.getvalue().splitlines()], EXPECTED["torch"]["results"]
    assert [line["seed"] for line in shown] == EXPECTED["torch"]["seeds"]
    for part in ("train", "validation", "test"):
        for i, line in enumerate(shown):
            assert line[part] == pytest.approx({name: values[i] for name, values in results[part].items()}, rel=1e-3)
