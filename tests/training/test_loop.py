"""The loop and the PyTorch engine: exact, repeatable, resumable, with independent replicates."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from ordinary import ordinary
from torch import nn
from torch.nn import functional as F

from nnlab.catalogue.presets import presets
from nnlab.datasets import load_dataset
from nnlab.engines import random_streams, torch_engine
from nnlab.engines.base import METRICS, Epoch
from nnlab.engines.numpy_engine import NumpyEngine
from nnlab.spec import Experiment, Optimizer, Schedule
from nnlab.spec.errors import SpecError
from nnlab.training import loop
from nnlab.training.api import train


def moons(train: dict[str, Any] | None = None, **model: Any) -> Experiment:
    """A small experiment: 60 training samples in batches of 16, the last of 12."""
    return Experiment.of(
        {
            "data": {"name": "moons", "n_samples": 100},
            "model": {"hidden": [6, 6], **model},
            "train": {"engine": "torch", "batch_size": 16, "epochs": 6, **(train or {})},
        }
    )


def digits(**train: Any) -> Experiment:
    return Experiment.of(
        {
            "data": {"name": "digits", "n_samples": 300},
            "model": {"hidden": [8]},
            "train": {"engine": "torch", "epochs": 3, **train},
        }
    )


def assert_same(one: dict[str, Any], other: dict[str, Any], **tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name in one:
        if tolerance:
            assert_allclose(one[name], other[name], err_msg=name, **tolerance)
        else:
            assert_array_equal(one[name], other[name], err_msg=name)


def as_dict(epoch: Epoch) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(epoch).items() if name != "seconds"}


ROUTES = {
    **{optimizer: moons({"optimizer": optimizer, "l2": 0.01}) for optimizer in get_args(Optimizer)},
    **{f"schedule {schedule}": moons({"schedule": schedule}) for schedule in get_args(Schedule)},
    "dropout": moons(dropout=0.3),
    "batch norm": moons(norm="batch"),
    "layer norm and skips": moons(norm="layer", residual=True),
    "early stopping": moons({"patience": 2, "lr": 0.3, "epochs": 30}),
    "classes": digits(),
    "regression": presets["celsius"].set({"train.engine": "torch", "train.epochs": 6}),
}


# -- repeatable ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_call_twice_gives_the_same_bits(route: str) -> None:
    one, other = (train(ROUTES[route], seeds=3) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert_same(as_dict(a), as_dict(b))
    assert_same(one.final_weights(), other.final_weights())


@pytest.mark.parametrize("route", ROUTES)
def test_a_resumed_run_equals_an_uninterrupted_one(route: str) -> None:
    whole, first = train(ROUTES[route], seeds=[4, 1]), train(ROUTES[route], seeds=[4, 1])
    for _ in range(3 if not ROUTES[route].train.epochs < 4 else 1):
        next(first)
    second = train(ROUTES[route], seeds=[4, 1], checkpoint=first.checkpoint())
    assert second.epoch == first.epoch
    assert second.seconds == first.seconds
    rest = [as_dict(epoch) for epoch in second]
    expected = [as_dict(epoch) for epoch in whole][first.epoch :]
    assert len(rest) == len(expected) > 0
    for a, b in zip(rest, expected, strict=True):
        assert_same(a, b)
    assert_same(second.weights(), whole.weights())
    assert_same(second.final_weights(), whole.final_weights())
    assert_same(second.best_weights(), whole.best_weights())
    assert_array_equal(second.best_epoch, whole.best_epoch)


@pytest.mark.parametrize("engine", ["torch", "numpy"])
@pytest.mark.parametrize("route", ROUTES)
def test_an_interrupted_epoch_leaves_no_trace(route: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECK_EVERY", 0.0)  # before every step
    monkeypatch.setattr(loop, "LONG_EPOCH", 0.0)
    experiment, asked = ROUTES[route].set({"train.engine": engine}), 0

    def now_and_then() -> bool:
        nonlocal asked
        asked += 1
        return asked in (3, 8, 9, 17, 30)  # between epochs or at a step, as it comes

    whole, broken = train(experiment, seeds=[4, 1]), train(experiment, seeds=[4, 1], should_stop=now_and_then)
    epochs, sittings = [], 0
    while not broken.finished:
        sittings += 1
        epochs += [as_dict(epoch) for epoch in broken]
        at_rest = train(experiment, seeds=[4, 1], checkpoint=broken.checkpoint())
        assert at_rest.epoch == len(epochs)
        assert_same(broken.weights(), at_rest.weights())
    assert sittings > 1
    for a, b in zip(epochs, whole, strict=True):
        assert_same(a, as_dict(b))
    for give in ("weights", "final_weights", "best_weights"):
        assert_same(getattr(broken, give)(), getattr(whole, give)())
    assert_same(broken.engine.state(), whole.engine.state())


def test_should_stop_is_called_between_short_epochs_too() -> None:
    training = train(moons({"epochs": 50}), should_stop=lambda: training.epoch == 7)
    assert [epoch.epoch for epoch in training] == [1, 2, 3, 4, 5, 6, 7]
    assert not training.finished


@pytest.mark.parametrize(("folds", "when"), [(0, 5), (4, 10)])  # in the second epoch; of the second group of folds
def test_an_error_within_a_long_epoch_leaves_the_last_complete_one(
    folds: int, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = moons().set({"data.folds": folds, "data.n_samples": 73})
    monkeypatch.setattr(loop, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(loop, "LONG_EPOCH", 0.0)
    asked: list[int] = []

    def breaks() -> bool:
        asked.append(1)
        if len(asked) == when:
            raise KeyboardInterrupt
        return False

    one, other = train(experiment, should_stop=breaks), train(experiment)
    with pytest.raises(KeyboardInterrupt):
        one.result()
    next(other)
    assert one.epoch == 1
    assert_same(one.weights(), other.weights())
    assert_same(one.result().stacked, other.result().stacked)


class Slow:
    """A clock that only the NumPy engine moves, by so many seconds a step. It records the steps of every piece, and
    when `should_stop` was called."""

    def __init__(self, step: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pieces, self.asked = 0.0, [], []
        run_steps = NumpyEngine.run_steps

        def slow(engine: NumpyEngine, epoch: int, first: int, rates: Any, active: Any) -> None:
            run_steps(engine, epoch, first, rates, active)
            self.now += step * len(rates)
            self.pieces.append(len(rates))

        monkeypatch.setattr(NumpyEngine, "run_steps", slow)
        monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def should_stop(self) -> bool:
        self.asked.append(self.now)
        return False


@pytest.mark.parametrize("step", [0.0005, 0.01, 0.3])
def test_a_stop_is_heard_within_half_a_second_of_a_long_epoch(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = moons({"engine": "numpy", "batch_size": 1, "epochs": 3}).set({"data.n_samples": 2000})
    clock = Slow(step, monkeypatch)
    train(experiment, should_stop=clock.should_stop).result()
    assert max(np.diff(clock.asked)) < 0.5
    assert len(clock.pieces) < 1.2 * clock.now / 0.1
    assert sum(clock.pieces) == 3 * experiment.steps_per_epoch


def test_only_the_first_of_short_epochs_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Slow(0.001, monkeypatch)
    train(moons({"engine": "numpy", "epochs": 3}), should_stop=clock.should_stop).result()
    assert clock.pieces == [1, 3, 4, 4]


@pytest.mark.parametrize("folds", [0, 4])
def test_an_engine_may_skip_replicates_that_early_stopping_ended(folds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = ROUTES["early stopping"].set({"train.engine": "numpy", "data.folds": folds, "data.n_samples": 73})
    whole, seeds = train(experiment, seeds=4).result(), range(4)
    run_steps, scores = NumpyEngine.run_steps, NumpyEngine.scores
    skipped: list[int] = []

    def only_active(engine: NumpyEngine, epoch: int, first: int, rates: Any, active: Any) -> None:
        before = engine.weights()
        run_steps(engine, epoch, first, rates, active)
        skipped.append(int((~active).sum()))
        after = engine.weights()
        for name, array in before.items():
            after[name][~active] = array[~active]
        engine.load(after, engine.state())

    def of_active(engine: NumpyEngine, parts: Any, active: Any) -> Any:
        return tuple(np.where(active, figures, -1.0) for figures in scores(engine, parts, active))

    monkeypatch.setattr(NumpyEngine, "run_steps", only_active)
    monkeypatch.setattr(NumpyEngine, "scores", of_active)
    result = train(experiment, seeds).result()
    assert len(set(skipped)) > 2
    assert_same(result.stacked, whole.stacked)
    assert_array_equal(result.best_epoch, whole.best_epoch)
    assert_array_equal(result.metrics[list(METRICS)], whole.metrics[list(METRICS)])


def test_training_takes_one_core_and_gives_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    step = torch_engine.TorchEngine._step
    monkeypatch.setattr(
        torch_engine.TorchEngine, "_step", lambda *args: (threads.append(torch.get_num_threads()), step(*args))
    )
    torch.set_num_threads(2)
    train(moons({"epochs": 1})).result()
    assert set(threads) == {1}
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


@pytest.mark.parametrize("route", ROUTES)
def test_a_seed_alone_gives_what_it_gives_among_others(route: str) -> None:
    # float32: kernels may sum in another order where more replicates lie side by side
    tolerance = {"rtol": 1e-4, "atol": 1e-5}
    together, alone = train(ROUTES[route], seeds=(0, 1, 2)).result(), train(ROUTES[route], seeds=[1]).result()
    assert_same(together.weights(1), alone.weights(1), **tolerance)
    among = together.metrics.query("seed == 1")
    assert_allclose(among[: len(alone.metrics)][list(METRICS)], alone.metrics[list(METRICS)], **tolerance)


def test_smaller_chunks_of_data_give_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    for experiment in (moons(dropout=0.3), digits()):
        whole = train(experiment, seeds=2).result()
        with monkeypatch.context() as patch:
            patch.setattr(torch_engine, "CHUNK", 200)
            pieces = train(experiment, seeds=2).result()
        assert_same(pieces.stacked, whole.stacked)
        assert_allclose(pieces.metrics[list(METRICS)], whole.metrics[list(METRICS)], rtol=1e-5)


# -- right -----------------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda p, l2: torch.optim.SGD(p, lr=0.02, weight_decay=l2),
    "momentum": lambda p, l2: torch.optim.SGD(p, lr=0.02, weight_decay=l2, momentum=0.9),
    "nesterov": lambda p, l2: torch.optim.SGD(p, lr=0.02, weight_decay=l2, momentum=0.9, nesterov=True),
    "rmsprop": lambda p, l2: torch.optim.RMSprop(p, lr=0.02, weight_decay=l2),
    "adam": lambda p, l2: torch.optim.Adam(p, lr=0.02, weight_decay=l2),
    "adamw": lambda p, l2: torch.optim.AdamW(p, lr=0.02, weight_decay=l2),
}
LOSSES = {"bce": nn.BCEWithLogitsLoss(), "cross_entropy": nn.CrossEntropyLoss(), "mse": nn.MSELoss()}


def tutorial(experiment: Experiment, seed: int) -> nn.Sequential:
    """One replicate trained as the tutorials do, on the same batches."""
    data = load_dataset(experiment)
    x, y = torch.tensor(data.scaling.apply(data.train.x)), torch.tensor(data.train.y)
    if experiment.loss == "bce":
        y = y[:, None].float()
    model = ordinary(experiment, random_streams.initial_weights(experiment, seed))
    optimizer = OPTIMIZERS[experiment.train.optimizer](model.parameters(), experiment.train.l2)
    for epoch in range(1, experiment.train.epochs + 1):
        for rows in random_streams.batches(
            random_streams.epoch_order(experiment.data.seed, epoch, len(x)), experiment.train.batch_size
        ):
            optimizer.zero_grad()
            LOSSES[experiment.loss](model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_it_trains_as_pytorch_s_own_optimizer_does(optimizer: str, l2: float) -> None:
    experiment = moons({"optimizer": optimizer, "l2": l2, "lr": 0.02}, activation="tanh")
    result = train(experiment, seeds=[0, 5]).result()
    for i, seed in enumerate((0, 5)):
        model = tutorial(experiment, seed)
        for j, block in enumerate(model):
            assert_allclose(result.stacked[f"{j}.weight"][i].T, block.linear.weight.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["binary", "classes", "regression", "cross-entropy for two"])
def test_every_loss_trains_as_pytorch_s_own_does(name: str) -> None:
    experiment = {
        "binary": moons({"lr": 0.02}),
        "classes": digits(lr=0.02),
        "regression": presets["celsius"].set({"train.engine": "torch", "train.lr": 0.02, "train.epochs": 5}),
        "cross-entropy for two": moons({"lr": 0.02, "loss": "cross_entropy"}),
    }[name]
    weights = train(experiment, seeds=1).result().weights(0)
    for j, block in enumerate(tutorial(experiment, 0)):
        assert_allclose(weights[f"{j}.weight"].T, block.linear.weight.detach(), rtol=1e-4, atol=1e-5)


def test_dropout_uses_the_stream_of_its_seed_epoch_and_layer() -> None:
    experiment = moons({"epochs": 1, "optimizer": "sgd"}, dropout=0.4)
    data = load_dataset(experiment)
    x, y = torch.tensor(data.scaling.apply(data.train.x)), torch.tensor(data.train.y[:, None], dtype=torch.float32)
    model = ordinary(experiment, random_streams.initial_weights(experiment, 7))
    streams = [random_streams.dropout_stream(7, 1, layer) for layer in range(2)]
    for rows in random_streams.batches(random_streams.epoch_order(0, 1, len(x)), 16):
        h = x[rows]
        for block, stream in zip(model[:2], streams, strict=True):
            kept = torch.from_numpy(stream.random((len(rows), 6), np.float32)) >= 0.4
            h = block(h) * kept / (1 - 0.4)
        F.binary_cross_entropy_with_logits(model[2](h), y[rows]).backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= experiment.train.lr * p.grad
                p.grad = None
    weights = train(experiment, seeds=[7]).result().weights(7)
    for j, block in enumerate(model):
        assert_allclose(weights[f"{j}.weight"].T, block.linear.weight.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("route", ["adam", "classes", "regression", "batch norm", "dropout"])
def test_the_scores_of_an_epoch_are_those_of_its_weights_in_evaluation_mode(route: str) -> None:
    result = train(ROUTES[route], seeds=2).result()
    last = result.metrics.tail(2)
    score = "mse" if route == "regression" else "accuracy"
    for part in ("train", "validation"):
        measured = result.evaluate(part)
        if measured is None:
            assert last[[f"{part}_loss", f"{part}_score"]].isna().all(axis=None)
        else:
            assert_allclose(last[f"{part}_loss"], measured["loss"], rtol=1e-4)
            assert_allclose(last[f"{part}_score"], measured[score], rtol=1e-4)


def test_training_never_looks_at_the_test_part() -> None:
    blind = dataclasses.replace(load_dataset(moons()), test=None)
    assert_same(train(moons(), dataset=blind).result().stacked, train(moons()).result().stacked)


def test_the_rate_of_an_epoch_is_that_of_its_last_step() -> None:
    experiment = moons({"schedule": "cosine"})
    rates = [epoch.lr for epoch in train(experiment)]
    assert rates == [random_streams.learning_rates(experiment.train, 4, epoch)[-1] for epoch in range(1, 7)]


# -- replicates are independent --------------------------------------------------------------------------------------


def test_a_diverged_replicate_leaves_the_others_alone() -> None:
    experiment = moons({"optimizer": "momentum"}, norm="batch", dropout=0.2)
    healthy, sick = train(experiment, seeds=3), train(experiment, seeds=3)
    weights = sick.weights()
    weights["0.weight"][1] = np.inf
    sick.engine.load(weights, sick.engine.state())
    for a, b in zip(healthy, sick, strict=True):
        assert_array_equal(a.train_loss[[0, 2]], b.train_loss[[0, 2]])
        assert_array_equal(a.validation_score[[0, 2]], b.validation_score[[0, 2]])
        assert not np.isfinite(b.train_loss[1])
        assert b.train_score[1] == 0
    assert sick.best_epoch[1] == 0
    assert sick.result().evaluate("test") is not None


@pytest.mark.parametrize("planned", [5, 200])
def test_with_patience_every_replicate_ends_with_its_best_weights_stopped_early_or_not(planned: int) -> None:
    experiment = moons({"patience": 3, "lr": 0.05, "epochs": planned}, hidden=[16])
    training = train(experiment, seeds=6)
    epochs, weights = [], []
    for epoch in training:
        epochs.append(epoch)
        weights.append(training.weights())
        for name, array in training.weights_so_far().items():
            for i, stopped in enumerate(training.stopped_after):
                assert_array_equal(array[i], weights[training.best_epoch[i] - 1 if stopped else -1][name][i])
    assert training.finished
    assert len(set(training.stopped_after)) > 1, "the replicates of this test should stop at different epochs"
    assert (training.stopped_after == 0).any() == (planned == 5), "some of them only after 5"
    losses = np.array([epoch.validation_loss for epoch in epochs])  # (epochs, seeds)
    final = training.final_weights()
    for i, stopped in enumerate(training.stopped_after):
        assert np.isfinite(losses[: stopped or planned, i]).all()
        assert np.isnan(losses[stopped or planned :, i]).all()
        best = int(np.nanargmin(losses[:, i])) + 1
        assert stopped in (0, best + 3)
        assert training.best_epoch[i] == training.final_epoch[i] == best
        for name, array in final.items():
            assert_array_equal(array[i], weights[best - 1][name][i])
    assert len(epochs) == (5 if planned == 5 else max(training.stopped_after)) < 200
    assert any(training.best_epoch[i] < planned for i in np.flatnonzero(training.stopped_after == 0)) or planned > 5


def test_with_patience_a_replicate_that_never_had_a_finite_loss_ends_with_its_last_weights() -> None:
    training = train(moons({"patience": 2, "epochs": 9}), seeds=2)
    weights = training.weights()
    weights["0.weight"][1] = np.inf
    training.engine.load(weights, training.engine.state())
    result = training.result()
    assert (training.best_epoch[1], training.stopped_after[1], training.final_epoch[1]) == (0, 2, 2)
    assert_array_equal(result.stacked["0.bias"][1], training.weights()["0.bias"][1])
    assert np.isnan((result.evaluate("train") or {})["loss"][1])


def test_without_patience_a_training_ends_with_its_last_weights() -> None:
    training = train(moons({"lr": 0.3, "epochs": 8}, hidden=[16]), seeds=4)
    assert_same(training.result().stacked, training.weights())
    assert (training.best_epoch < 8).any()
    assert training.final_epoch.tolist() == [8] * 4


def test_without_a_validation_part_the_best_epoch_is_that_of_the_training_loss() -> None:
    training = train("celsius", seeds=2)
    losses = np.array([next(training).train_loss for _ in range(50)])
    assert_array_equal(training.best_epoch, losses.argmin(0) + 1)


# -- checkpoints -----------------------------------------------------------------------------------------------------


def test_epochs_can_be_added_to_a_finished_run() -> None:
    short = train(moons(), seeds=2)
    short.result()
    longer = train(moons({"epochs": 9}), seeds=2, checkpoint=short.checkpoint())
    assert [epoch.epoch for epoch in longer] == [7, 8, 9]
    assert_same(longer.weights(), train(moons({"epochs": 9}), seeds=2).result().stacked)


@pytest.mark.parametrize(
    ("experiment", "seeds", "what"),
    [
        (moons({"lr": 0.5}), 2, "another experiment"),
        (moons(hidden=[6]), 2, "another experiment"),
        (moons(), 3, r"made with seeds \[0, 1\], not with \[0, 1, 2\]"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(experiment: Experiment, seeds: int, what: str) -> None:
    checkpoint = train(moons(), seeds=2).checkpoint()
    with pytest.raises(ValueError, match=what):
        train(experiment, seeds, checkpoint=checkpoint)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"nonsense" * 9, lambda b: b[:-4], lambda b: b[:200]])
def test_a_damaged_checkpoint_is_refused(damage: Any) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        train(moons(), checkpoint=damage(train(moons()).checkpoint()))


def test_returned_weights_are_copies() -> None:
    training = train(moons(), seeds=2)
    for give in (training.weights, training.best_weights, training.final_weights):
        give()["0.weight"][:] = 99
        assert not (give()["0.weight"] == 99).any()


# -- the result ------------------------------------------------------------------------------------------------------


def test_metrics_are_one_row_an_epoch_and_seed() -> None:
    metrics = train(moons(), seeds=[8, 3]).result().metrics
    assert list(metrics.columns) == ["epoch", "seed", *METRICS, "lr", "seconds"]
    assert list(zip(metrics.epoch, metrics.seed, strict=True)) == [(e, s) for e in range(1, 7) for s in (8, 3)]
    assert metrics.notna().all(axis=None)


def test_predictions_are_probabilities_or_raw_values_for_every_seed() -> None:
    result = train(moons(), seeds=2).result()
    answers = result.predict(result.dataset.test.x)
    assert answers.shape == (2, len(result.dataset.test), 1)
    assert ((answers >= 0) & (answers <= 1)).all()
    right = (answers[..., 0] > 0.5) == result.dataset.test.y
    accuracy = result.evaluate("test")
    assert accuracy is not None
    assert_allclose(right.mean(1), accuracy["accuracy"])
    assert train("celsius").result().evaluate("test") is None


def test_a_training_and_its_result_read_like_the_thing() -> None:
    training = train(moons(), seeds=2)
    next(training)
    assert repr(training) == f"Training({moons().summary}, 2 seeds, epoch 1)"
    assert repr(training.result()) == f"Result({moons().summary}, 2 seeds, epoch 6)"
    assert "seeds 7,3, epoch 0" in repr(train(moons(), seeds=[7, 3]))


def test_a_seed_that_was_not_trained_is_named() -> None:
    with pytest.raises(ValueError, match="seed: got 9, allowed is one of 0, 1"):
        train(moons({"epochs": 1}), seeds=2).result().weights(9)


def test_an_unknown_preset_and_invalid_seeds_are_named() -> None:
    with pytest.raises(SpecError, match="experiment: got 'mooons'"):
        train("mooons")
    with pytest.raises(SpecError, match="seeds"):
        train(moons(), seeds=[1, 1])


def test_public_names_are_what_they_say_in_whatever_order_they_are_imported() -> None:
    code = "from nnlab import train, presets; import nnlab; nnlab.presets['mnist'], train(presets['celsius'])"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_finished_training_yields_nothing_more() -> None:
    training = train(moons({"epochs": 1}))
    assert len(list(training)) == 1
    assert training.finished
    assert list(training) == []
