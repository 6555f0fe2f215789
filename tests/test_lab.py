"""The lab without workers: the tests do the work themselves, by hand."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis.scores import packed_outcomes
from nnlab.catalogue.presets import presets
from nnlab.comparison.api import compare
from nnlab.comparison.findings import finding
from nnlab.comparison.table import Cell, table_of
from nnlab.engines import choice
from nnlab.engines.base import METRICS
from nnlab.export.tables import comparison_file
from nnlab.jobs import comparisons
from nnlab.jobs.cells import split_seeds
from nnlab.jobs.worker import work
from nnlab.lab import ComparisonRun, Lab, LimitError, NotYours, UnknownRun, close_labs, open_lab
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.spec.errors import SpecError
from nnlab.store import Run, schema

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 4})
EARLY = EXPERIMENT.set({"train.patience": 3, "train.lr": 0.05, "train.epochs": 200})


def worked(lab: Lab, run: Run) -> Run:
    work()
    return now(lab, run)


def now(lab: Lab, run: Run) -> Run:
    found = lab.run(run.id)
    assert found is not None
    return found


def test_all_threads_of_a_process_share_one_lab(lab: Lab) -> None:
    found: list[Lab] = []
    threads = [threading.Thread(target=lambda: found.append(open_lab())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one is lab for one in found)
    close_labs()
    assert open_lab() is not lab


def test_opening_a_lab_loads_neither_torch_nor_dask() -> None:
    code = (
        "import sys; from nnlab.lab import open_lab; lab = open_lab(); lab.runs(); lab.activity();"
        "print([m for m in ('torch', 'distributed', 'dask', 'streamlit', 'sklearn') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_submitted_run_waits_its_turn_and_then_has_curves(lab: Lab) -> None:
    first, second = lab.submit(EXPERIMENT, 2, "ana"), lab.submit(EXPERIMENT.vary("lr", 0.1), 2, "ana")
    third = lab.submit(EXPERIMENT, 3, "ben")
    assert [now(lab, run).position for run in (first, third, second)] == [1, 2, 3]
    assert (lab.activity("ana").waiting, lab.activity("ana").mine_waiting) == (3, 2)
    done = worked(lab, first)
    assert (done.state, done.position, done.progress) == ("finished", None, 1.0)
    assert lab.metrics(first.id).columns.tolist() == ["epoch", "seed", *METRICS, "lr", "seconds"]
    assert lab.activity("ana").waiting == 0


def test_curves_are_the_mean_and_the_range_over_seeds(lab: Lab) -> None:
    run = worked(lab, lab.submit(EXPERIMENT, 3))
    metrics, curves = lab.metrics(run.id), lab.curves(run.id)
    assert curves["epoch"].tolist() == [1, 2, 3, 4]
    by_epoch = metrics.groupby("epoch")
    for name in METRICS:
        np.testing.assert_allclose(curves[name], by_epoch[name].mean())
        np.testing.assert_array_equal(curves[f"{name}_low"], by_epoch[name].min())
        np.testing.assert_array_equal(curves[f"{name}_high"], by_epoch[name].max())
    assert lab.curves(run.id, after=3)["epoch"].tolist() == [4]
    assert lab.curves(run.id, after=4).empty
    assert lab.metrics(run.id, after=3)["seed"].tolist() == [0, 1, 2]
    assert len(lab.curves(run.id, max_points=2)) == 2
    long = worked(lab, lab.submit(EXPERIMENT.set({"train.epochs": 450}), 1))
    assert len(lab.curves(long.id)) == 400


def test_curves_are_over_all_seeds_where_some_were_stopped_early(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = worked(lab, lab.submit(EARLY, 6))
    assert run.results is not None
    best, ended, table = run.results["best_epoch"], run.results["epochs"], lab.metrics(run.id)
    assert min(ended) < max(ended) == run.epoch, "the seeds of this test should end at different epochs"
    curves = lab.curves(run.id)
    assert curves["training"].tolist() == [sum(n <= end for end in ended) for n in range(1, run.epoch + 1)]
    for i, name in enumerate(METRICS):
        values = table.pivot(index="epoch", columns="seed", values=name)
        counted = [values[seed].fillna(values[seed].loc[best[seed]]) for seed in run.seeds]
        np.testing.assert_allclose(curves[name], np.mean(counted, axis=0), err_msg=str(i))
        np.testing.assert_array_equal(curves[f"{name}_high"], np.max(counted, axis=0))
    few = lab.submit_comparison(Comparison(EARLY, vary="depth", values=[1], seeds=(0, 3, 4)))
    work()
    merged = lab.extend_comparison(few.id, Comparison(EARLY, vary="depth", values=[1], seeds=6), "local")
    pd.testing.assert_frame_equal(lab.cell_curves(merged.cells[0]), curves)
    pd.testing.assert_frame_equal(lab.cell_metrics(merged.cells[0]).drop(columns="seconds"), table[[*table][:-1]])
    least = min(range(6), key=lambda seed: ended[seed])  # of a run that other seeds made longer
    fewer = lab.submit_comparison(Comparison(EARLY, vary="depth", values=[1], seeds=(least,)))
    assert lab.cell_metrics(fewer.cells[0])["epoch"].tolist() == list(range(1, ended[least] + 1))
    for cell in (merged.cells[0], fewer.cells[0]):
        for rows in (1, 7, 10_000):  # in blocks of as many epochs as have so many rows
            monkeypatch.setattr(comparisons, "BLOCK", rows)
            blocks = [block for block in lab.cell_blocks(cell) if len(block)]
            assert len(blocks) > 1 or rows > 7
            pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), lab.cell_metrics(cell))
    for part in (lab.curves(run.id, max_points=5), lab.curves(run.id, after=run.epoch - 2)):  # without the best epochs
        assert len(part) < run.epoch
        want = curves[curves["epoch"].isin(part["epoch"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, want)


def test_the_epochs_of_a_run_say_which_was_the_best_of_each_seed(lab: Lab) -> None:
    run = lab.submit(EARLY, 2)
    assert lab.epochs(run).empty
    done = worked(lab, run)
    assert done.results is not None
    table = lab.epochs(done)
    assert table["best_epoch"].tolist() == done.results["best_epoch"] * done.epoch
    assert lab.epochs(run)["best_epoch"].isna().all()  # as it was before it ended
    assert done.final_epochs == tuple(done.results["best_epoch"])


def test_folds_have_a_column_of_their_own_and_curves_are_over_all_of_them(lab: Lab) -> None:
    run = worked(lab, lab.submit(EXPERIMENT.set({"data.folds": 3}), (5, 2)))
    metrics, curves = lab.metrics(run.id), lab.curves(run.id)
    assert metrics.columns.tolist() == ["epoch", "seed", "fold", *METRICS, "lr", "seconds"]
    assert metrics["seed"].tolist() == [5, 5, 5, 2, 2, 2] * 4
    assert metrics["fold"].tolist() == [0, 1, 2] * 8
    assert [(one.seed, one.fold) for one in run.replicates] == [(5, 0), (5, 1), (5, 2), (2, 0), (2, 1), (2, 2)]
    over = metrics.groupby("epoch")["validation_score"]
    np.testing.assert_allclose(curves["validation_score"], over.mean())
    np.testing.assert_array_equal(curves["validation_score_high"], over.max())


def test_a_comparison_of_folds_is_over_seeds_and_folds_and_takes_more_seeds(lab: Lab) -> None:
    asked = Comparison(EXPERIMENT.set({"data.folds": 3}), vary="depth", values=[1, 2], seeds=(2, 0))
    run = lab.submit_comparison(asked)
    work()
    more = lab.submit_comparison(Comparison(asked.experiment, vary="depth", values=[1, 2], seeds=(0, 1, 2)))
    work()
    first, later = lab.comparison(run.id), lab.comparison(more.id)
    assert first is not None
    assert later is not None
    for one, other in zip(first.cells, later.cells, strict=True):
        before, after = one.results, other.results
        assert before is not None
        assert after is not None
        for part in ("train", "validation", "test"):
            scores, all_scores = before[part]["accuracy"], after[part]["accuracy"]
            assert (len(scores), len(all_scores)) == (6, 9)
            assert all_scores[:3] + all_scores[6:] == scores[3:] + scores[:3]
    cells = [Cell(cell.results, lab.cell_metrics(cell)) for cell in later.cells]
    table = table_of(later.comparison, cells)
    assert table["validation_accuracy"].iloc[0] == pytest.approx(np.mean(cells[0].results["validation"]["accuracy"]))
    assert table["validation_accuracy_low"].notna().all()
    assert table["difference"].notna().sum() == 1


def test_snapshots_come_with_their_epoch(lab: Lab) -> None:
    run = worked(lab, lab.submit(EXPERIMENT, 2))
    assert lab.snapshot_epochs(run.id) == [0, 1, 2, 3, 4]
    found = lab.snapshot(run.id, 3)
    assert found is not None
    assert found[0] == 3
    assert found[1]["0.weight"].shape == (2, 2, 8)


def test_a_finished_run_is_returned_again_and_copied_for_other_owners(lab: Lab) -> None:
    run = worked(lab, lab.submit(EXPERIMENT, 2, "ana"))
    assert lab.submit(EXPERIMENT, 2, "ana") == run
    copy = lab.submit(EXPERIMENT, 2, "ben", "mine")
    assert (copy.owner, copy.name, copy.state, copy.results) == ("ben", "mine", "finished", run.results)
    assert copy.id != run.id
    assert lab.metrics(copy.id).equals(lab.metrics(run.id))
    assert lab.submit(EXPERIMENT, 2, "ana", reuse=False).state == "waiting"
    assert lab.submit(EXPERIMENT, [1, 0], "ana").state == "waiting"


def test_a_finished_run_is_returned_only_while_the_engine_that_trained_it_would_train_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_numba_installed", lambda: False)
    run = worked(lab, lab.submit(EXPERIMENT, 2, "ana"))
    assert run.engine == "numpy"
    asked = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2)
    assert [cell.from_before for cell in lab.submit_comparison(asked, "ana").cells] == [True, False]
    monkeypatch.setattr(choice, "_numba_installed", lambda: True)
    assert lab.submit(EXPERIMENT, 2, "ana").state == "waiting"
    assert lab.submit(EXPERIMENT, 2, "ana").id != run.id
    assert lab.submit_comparison(asked, "ben").cells[0].runs[0].engine is None
    monkeypatch.setattr(choice, "_numba_installed", lambda: False)
    assert lab.submit(EXPERIMENT, 2, "ana") == run


@pytest.mark.parametrize(
    ("setting", "value", "field"),
    [
        ("PARAMETERS", "30", "parameters"),
        ("SAMPLES", "59", "data.n_samples"),
        ("EPOCHS", "3", "train.epochs"),
        ("SEEDS", "1", "seeds"),
    ],
)
def test_what_is_over_a_limit_is_refused_naming_the_field(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, field: str
) -> None:
    assert lab.check(EXPERIMENT, 2) is None
    monkeypatch.setenv(f"NNLAB_MAX_{setting}", value)
    settings.cache_clear()
    problem = lab.check(EXPERIMENT, 2)
    assert problem is not None
    for refuse in (
        lambda: lab.submit(EXPERIMENT, 2),
        lambda: lab.train_here(EXPERIMENT, 2),
        lambda: lab.submit_comparison(Comparison(EXPERIMENT, vary="lr", values=[0.1, 0.2], seeds=2)),
    ):
        with pytest.raises(LimitError) as caught:
            refuse()
        assert caught.value.problems[0] == problem
    assert (problem.field, problem.high) == (field, float(value))
    assert lab.runs() == []


def test_many_seeds_of_a_large_network_are_refused(lab: Lab) -> None:
    large = EXPERIMENT.set({"model.hidden": [900, 900]})  # 815,401 parameters
    problem = lab.check(large, 100)
    assert problem is not None
    assert (problem.field, problem.high) == ("seeds", 24)
    assert lab.check(large, 24) is None


def test_a_batch_that_would_fill_the_memory_is_refused(lab: Lab) -> None:
    full = EXPERIMENT.set({"data.n_samples": 50_000, "train.batch_size": 50_000, "model.hidden": [200] * 4})
    problem = lab.check(full, 10)
    assert problem is not None
    assert (problem.field, problem.got, problem.high) == ("train.batch_size", 30_000, 7_990)
    assert lab.check(full.set({"train.batch_size": 7_990}), 10) is None
    assert lab.check(full, 2) is None


def test_only_the_owner_may_change_a_run_or_comparison(lab: Lab) -> None:
    run = lab.submit(EXPERIMENT, 1, "ana")
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana")
    for change in (
        lambda: lab.pause(run.id, "ben"),
        lambda: lab.resume(run.id, "ben"),
        lambda: lab.stop(run.id, "ben"),
        lambda: lab.add_epochs(run.id, 5, "ben"),
        lambda: lab.rename(run.id, "x", "ben"),
        lambda: lab.delete(run.id, "ben"),
        lambda: lab.restore(run.id, "ben"),
        lambda: lab.stop_comparison(made.id, "ben"),
        lambda: lab.extend_comparison(made.id, made.comparison, "ben"),
        lambda: lab.open_test(made.id, "ben"),
    ):
        with pytest.raises(NotYours):
            change()
    assert now(lab, run).state == "waiting"  # reading is free
    with pytest.raises(UnknownRun):
        lab.stop("nothere", "ana")


def test_pause_stop_rename_delete_and_back(lab: Lab) -> None:
    run = lab.submit(EXPERIMENT, 1, "ana")
    lab.pause(run.id, "ana")
    assert now(lab, run).state == "paused"
    lab.resume(run.id, "ana")
    assert now(lab, run).state == "waiting"
    lab.stop(run.id, "ana")
    assert now(lab, run).state == "stopped"
    lab.rename(run.id, "better", "ana")
    assert now(lab, run).name == "better"
    lab.delete(run.id, "ana")
    assert lab.runs("ana") == []
    assert now(lab, run).deleted
    lab.restore(run.id, "ana")
    assert [one.id for one in lab.runs("ana")] == [run.id]


def test_epochs_are_added_within_the_limits(lab: Lab) -> None:
    run = worked(lab, lab.submit(EXPERIMENT, 2, "ana"))
    more = lab.add_epochs(run.id, 3, "ana")
    assert (more.state, more.epochs, more.experiment.train.epochs) == ("waiting", 7, 7)
    with pytest.raises(SpecError):  # it is under way
        lab.add_epochs(run.id, 3, "ana")
    done = worked(lab, run)
    assert (done.state, done.epoch) == ("finished", 7)
    with pytest.raises(LimitError):
        lab.add_epochs(run.id, 5000, "ana")
    for few in (0, -3):
        with pytest.raises(SpecError, match=f"epochs: got {few}, allowed is from 1"):
            lab.add_epochs(run.id, few, "ana")
    fresh = lab.submit(EXPERIMENT.set({"train.epochs": 7}), 2, "ben")
    assert (fresh.state, fresh.results) == ("finished", done.results)


def test_epochs_added_to_a_run_of_a_comparison_make_a_run_of_its_own(lab: Lab) -> None:
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana", "depths")
    with pytest.raises(SpecError, match="at rest"):
        lab.add_epochs(made.runs[0].id, 3, "ana")
    work()
    before = compared(lab, made)
    more = lab.add_epochs(made.runs[0].id, 3, "ana")
    assert more.id not in {run.id for run in made.runs}
    assert (more.comparison, more.state, more.epoch, more.epochs, more.name) == (None, "waiting", 4, 7, "depths")
    assert worked(lab, more).state == "finished"
    assert compared(lab, made) == before
    whole = worked(lab, lab.submit(EXPERIMENT.set({"model.hidden": [8], "train.epochs": 7}), 2, "ben", reuse=False))
    assert lab.metrics(more.id).drop(columns="seconds").equals(lab.metrics(whole.id).drop(columns="seconds"))
    assert lab.add_epochs(more.id, 3, "ana").id == more.id


def test_cells_of_an_older_algorithm_are_trained_again_when_a_comparison_grows(lab: Lab) -> None:
    few = Comparison(EXPERIMENT, vary="depth", values=[1], seeds=2)
    made = lab.submit_comparison(few, "ana")
    work()
    with lab.store._write() as db:
        db.execute(schema.runs_table.update().values(algorithm=schema.ALGORITHM - 1))
    older = compared(lab, made)
    assert older.cells[0].results is not None
    grown = lab.extend_comparison(made.id, Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana")
    assert grown.runs[0].id != older.runs[0].id
    assert [cell.state for cell in grown.cells] == ["waiting", "waiting"]


def test_a_comparison_trains_every_value_and_reuses_finished_runs(lab: Lab) -> None:
    known = worked(lab, lab.submit(EXPERIMENT.vary("depth", 2), 2, "ana"))
    comparison = Comparison(EXPERIMENT, vary="depth", values=[1, 2, 3], seeds=2)
    made = lab.submit_comparison(comparison, "ana", "depths")
    assert [cell.point.value for cell in made.cells] == [1, 2, 3]
    assert [cell.from_before for cell in made.cells] == [False, True, False]
    assert made.runs[1].id == known.id
    assert made.active
    work()
    done = lab.comparison(made.id)
    assert done is not None
    assert ([run.state for run in done.runs], done.progress, done.active) == (["finished"] * 3, 1.0, False)
    assert [one.id for one in lab.comparisons("ana")] == [made.id]
    assert lab.comparisons("ben") == []
    assert all(cell.from_before for cell in lab.submit_comparison(comparison, "ben").cells)


def test_a_comparison_that_is_just_being_made_is_not_there_yet(lab: Lab) -> None:
    begun = lab.store.create_comparison(Comparison(EXPERIMENT, values=[1, 2], seeds=1), "ana")
    assert lab.comparison(begun) is None
    assert lab.comparisons("ana") == []


def test_stopping_a_comparison_stops_what_is_left_of_it(lab: Lab) -> None:
    comparison = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2)
    made = lab.submit_comparison(comparison, "ana")
    lab.stop_comparison(made.id, "ana")
    stopped = lab.comparison(made.id)
    assert stopped is not None
    assert [run.state for run in stopped.runs] == ["stopped", "stopped"]


def test_one_cell_is_stopped_and_the_others_go_on(lab: Lab) -> None:
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=2), "ana")
    lab.stop_comparison(made.id, "ana", place=1)
    assert [cell.state for cell in compared(lab, made).cells] == ["waiting", "stopped"]


def compared(lab: Lab, made: ComparisonRun) -> ComparisonRun:
    found = lab.comparison(made.id)
    assert found is not None
    return found


def test_seeds_added_to_a_comparison_are_the_only_ones_trained(lab: Lab) -> None:
    few = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=[0, 1])
    made = lab.submit_comparison(few, "ana")
    work()
    more = Comparison(EXPERIMENT, vary="depth", values=[1, 2], seeds=[0, 1, 2, 5])
    lab.extend_comparison(made.id, more, "ana")
    assert [[run.seeds for run in cell.runs] for cell in compared(lab, made).cells] == [[(0, 1), (2, 5)]] * 2
    assert [cell.results for cell in compared(lab, made).cells] == [None] * 2  # until all its seeds have finished
    work()
    cell = compared(lab, made).cells[1]
    whole = worked(lab, lab.submit(more.experiments[1], more.seeds, "ben"))
    assert cell.results is not None
    assert whole.results is not None
    for part in ("train", "validation", "test"):
        np.testing.assert_allclose(cell.results[part]["loss"], whole.results[part]["loss"], rtol=1e-4)
    assert cell.results["best_epoch"] == whole.results["best_epoch"]
    np.testing.assert_allclose(
        cell.results["signals"]["after"]["deviation"], whole.results["signals"]["after"]["deviation"], rtol=1e-3
    )
    mine, theirs = lab.cell_metrics(cell), lab.metrics(whole.id)
    assert mine[["epoch", "seed"]].equals(theirs[["epoch", "seed"]])
    np.testing.assert_allclose(mine["validation_loss"], theirs["validation_loss"], rtol=1e-4)
    np.testing.assert_allclose(lab.cell_curves(cell)["train_loss"], lab.curves(whole.id)["train_loss"], rtol=1e-4)
    weights, (_, want) = lab.cell_weights(cell), lab.snapshot(whole.id)  # type: ignore[misc]
    assert weights is not None
    for name, values in want.items():
        np.testing.assert_allclose(weights[name], values, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("per_seed", ["weights", "samples"])
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_a_comparison_says_the_same_to_the_bit_whether_its_seeds_came_at_once_or_later(
    lab: Lab, engine: str, per_seed: str
) -> None:
    experiment = EXPERIMENT.set({"train.engine": engine, "data.per_seed": per_seed, "model.dropout": 0.2})
    few, many = (Comparison(experiment, vary="depth", values=[1, 3], seeds=seeds) for seeds in (5, 10))
    grown = lab.submit_comparison(few, "ana")
    work()
    lab.extend_comparison(grown.id, many, "ana")
    whole = lab.submit_comparison(many, "ben", reuse=False)
    work()
    one, other = compared(lab, grown), compared(lab, whole)
    assert [len(cell.runs) for cell in (*one.cells, *other.cells)] == [2, 2, 1, 1]
    said = [[{**cell.results, "outcomes": packed_outcomes(cell.results)} for cell in run.cells] for run in (one, other)]
    assert said[0] == said[1]
    cells = [[Cell(cell.results, lab.cell_metrics(cell)) for cell in run.cells] for run in (one, other)]
    tables = [table_of(many, each) for each in cells]
    again = compare(Comparison.from_json(comparison_file(many, tables[0])))
    assert finding(tables[0], many, cells[0]) == finding(tables[1], many, cells[1]) == again.finding
    first, *others = (table.drop(columns="seconds_per_epoch") for table in (*tables, again.table))
    assert first["p"].notna().sum() == 1
    for table in others:
        pd.testing.assert_frame_equal(table, first, check_exact=True)


def test_values_added_to_a_comparison_are_the_only_ones_trained(lab: Lab) -> None:
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1, 4], seeds=2), "ana")
    work()
    lab.stop_comparison(made.id, "ana")
    more = lab.extend_comparison(made.id, Comparison(EXPERIMENT, vary="depth", values=[1, 2, 4], seeds=2), "ana")
    assert [(cell.state, cell.from_before) for cell in more.cells] == [
        ("finished", False),
        ("waiting", False),
        ("finished", False),
    ]
    assert more.id == made.id
    with pytest.raises(ValueError, match="experiment and knobs stay"):
        lab.extend_comparison(made.id, Comparison(EXPERIMENT, vary="width", values=[1], seeds=2), "ana")


def test_a_comparison_of_fewer_seeds_takes_them_from_a_run_of_more(lab: Lab) -> None:
    known = worked(lab, lab.submit(EXPERIMENT, [3, 0, 7], "ana"))
    made = lab.submit_comparison(Comparison(EXPERIMENT, vary="depth", values=[1], seeds=[7, 3]), "ana")
    (cell,) = made.cells
    assert (cell.runs[0].id, cell.state, cell.from_before) == (known.id, "finished", True)
    assert cell.results is not None
    assert known.results is not None
    losses = known.results["train"]["loss"]
    assert cell.results["train"]["loss"] == [losses[2], losses[0]]
    assert lab.cell_metrics(cell)["seed"].tolist() == [7, 3] * 4


def test_the_seeds_of_a_costly_cell_spread_over_the_workers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_WORKERS", "2")
    settings.cache_clear()
    assert [list(part) for part in split_seeds(presets["mnist"], range(9))] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]
    assert [list(part) for part in split_seeds(presets["mnist"], [7])] == [[7]]
    small = Experiment().set({"data.n_samples": 20_000, "train.epochs": 5000})
    assert [list(part) for part in split_seeds(small, [4, 2, 3])] == [[4, 2], [3]]
    assert [list(part) for part in split_seeds(presets["binary"], range(9))] == [list(range(9))]
    assert split_seeds(presets["mnist"], []) == []


def test_two_knobs_train_every_pair(lab: Lab) -> None:
    comparison = Comparison(
        EXPERIMENT, vary="depth", values=[1, 2], by="activation", by_values=["relu", "tanh"], seeds=1
    )
    made = lab.submit_comparison(comparison, "ana")
    assert [cell.point for cell in made.cells] == list(comparison.points)
    assert [cell.experiment.model.activation for cell in made.cells] == ["relu", "relu", "tanh", "tanh"]


def test_the_test_part_of_a_comparison_is_opened_deliberately(lab: Lab) -> None:
    alone = worked(lab, lab.submit(EXPERIMENT, 1, "ana"))
    made = lab.submit_comparison(Comparison(EXPERIMENT.vary("lr", 0.1), values=[1], seeds=1), "ana")
    work()
    assert made.test_opened is None
    run = now(lab, made.runs[0])
    assert run.state == "finished"
    assert run.results is not None
    assert run.results["validation"]
    assert run.results["test"] is None  # nor on the pages and in the files of its runs
    assert [one.results["test"] is None for one in lab.runs("ana") if one.results] == [True, False]
    assert alone.results is not None
    assert alone.results["test"]
    lab.open_test(made.id, "ana")
    assert compared(lab, made).test_opened is not None
    assert now(lab, run).results["test"]  # type: ignore[index]


def test_training_here_needs_no_workers(lab: Lab) -> None:
    seen: list[int] = []
    run = lab.train_here(EXPERIMENT, 2, "ana", "quick", progress=lambda epoch: seen.append(epoch.epoch))
    assert (run.state, run.name, seen) == ("finished", "quick", [1, 2, 3, 4])
    assert lab.submit(EXPERIMENT, 2, "ana").id == run.id


def test_the_same_experiment_submitted_twice_at_once_trains_once(lab: Lab) -> None:
    first = lab.submit(EXPERIMENT, 2, owner="ana")
    assert lab.submit(EXPERIMENT, 2, owner="ana").id == first.id
    assert lab.submit(EXPERIMENT, 2, owner="berta").id != first.id
    assert lab.submit(EXPERIMENT, 2, owner="ana", reuse=False).id != first.id
