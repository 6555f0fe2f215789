"""What the store holds in the end, compared with the same experiments trained undisturbed in a process of their own."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlab import train
from nnlab.analysis.scores import packed_outcomes
from nnlab.datasets import PARTS
from nnlab.engines.base import METRICS, Floats, Weights
from nnlab.jobs.results import final_results
from nnlab.spec import Experiment
from nnlab.store import Run, Store

FIGURES = [*METRICS, "lr"]


@dataclass(frozen=True)
class Undisturbed:
    """An experiment trained without a fault."""

    figures: Floats  # (epochs, replicates, FIGURES)
    frames: Mapping[int, Weights]  # by epoch
    best: Weights
    results: dict[str, Any]


def undisturbed(experiment: Experiment, seeds: Sequence[int], epochs: int, frames: frozenset[int]) -> Undisturbed:
    """Train for so many epochs, which may be fewer than the experiment's."""
    training = train(experiment, seeds)
    rows, kept = [], {0: training.weights()} if 0 in frames else {}
    while training.epoch < epochs:
        one = next(training)
        rows.append(
            np.stack([*(getattr(one, name) for name in METRICS), np.broadcast_to(one.lr, one.train_loss.shape)])
        )
        if one.epoch in frames:
            kept[one.epoch] = {name: array.copy() for name, array in training.weights_so_far().items()}
    kept[-1] = kept[epochs] = training.final_weights()  # with early stopping those of the best epochs
    results = final_results(training, PARTS if training.finished else ("train", "validation"))
    figures = np.stack(rows).transpose(0, 2, 1)
    return Undisturbed(figures, kept, training.best_weights(), json.loads(json.dumps(results)))


@dataclass
class Verdict:
    """The sentences about what is wrong, by kind: lost, doubled, gaps, unequal, stuck."""

    wrong: dict[str, list[str]]
    epochs: int = 0
    frames: int = 0

    def add(self, kind: str, sentence: str) -> None:
        self.wrong[kind].append(sentence)


def check(store: Store, expected: Mapping[str, frozenset[str]]) -> Verdict:
    """Compare the runs of a store; `expected` maps their ids to the states they may have in the end."""
    verdict = Verdict({kind: [] for kind in ("lost", "doubled", "gaps", "unequal", "stuck")})
    runs = {run.id: run for run in store.runs(include_deleted=True)}
    for run_id in expected.keys() - runs.keys():
        verdict.add("lost", f"run {run_id} is not in the store")
    for run_id in runs.keys() - expected.keys():
        verdict.add("doubled", f"{runs[run_id]!r} of {runs[run_id].owner} was never submitted")
    mine = [run for run_id, run in runs.items() if run_id in expected]
    for run in mine:
        if run.state not in expected[run.id]:
            kind = "stuck" if run.active else "lost"
            verdict.add(kind, f"{run!r} {run.name}: state {run.state}, after {run.attempts} attempts, {run.error}")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        stored = {run.id: frozenset(store.snapshot_epochs(run.id)) for run in mine if run.epoch}
        trained = {
            run.id: pool.submit(undisturbed, run.experiment, run.seeds, run.epoch, stored[run.id])
            for run in mine
            if run.epoch
        }
        for run in mine:
            if run.epoch:
                _compare(store, run, trained[run.id].result(), verdict)
    return verdict


def _compare(store: Store, run: Run, wanted: Undisturbed, verdict: Verdict) -> None:
    table = store.metrics(run.id).frame()
    replicates = len(run.replicates)
    epochs = table["epoch"].to_numpy()[::replicates]
    verdict.epochs += len(epochs)
    for epoch, times in Counter(epochs.tolist()).items():
        if times > 1:
            verdict.add("doubled", f"{run!r}: epoch {epoch} is there {times} times")
    if missing := sorted(set(range(1, run.epoch + 1)) - set(epochs.tolist())):
        verdict.add("gaps", f"{run!r}: {len(missing)} epochs are missing, the first {missing[0]}")
        return
    figures = table[FIGURES].to_numpy().reshape(len(epochs), replicates, len(FIGURES))
    if not np.array_equal(figures, wanted.figures, equal_nan=True):
        verdict.add("unequal", f"{run!r}: figures")
    got = dict(run.results or {})
    if "outcomes" in got:  # stored beside the other results
        got["outcomes"] = packed_outcomes(got)
    if run.state in ("finished", "stopped") and got != wanted.results:
        verdict.add("unequal", f"{run!r}: results {_differing(got, wanted.results)}")
    frames = [(str(epoch), weights, wanted.frames[epoch]) for epoch, weights in store.frames(run.id, [*wanted.frames])]
    verdict.frames += len(frames)
    frames += [
        (name, found[1], other)
        for name, found, other in (
            ("last", store.snapshot(run.id), wanted.frames[-1]),
            ("best", store.snapshot(run.id, "best"), wanted.best),
        )
        if found
    ]
    for name, got, right in frames:
        if got.keys() != right.keys() or not all(np.array_equal(got[one], right[one], equal_nan=True) for one in right):
            verdict.add("unequal", f"{run!r}: weights of epoch {name}")
    if len(frames) < 2:
        verdict.add("lost", f"{run!r}: no weights")


def _differing(got: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return sorted(name for name in {**got, **wanted} if got.get(name) != wanted.get(name))
