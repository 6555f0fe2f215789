"""Everything random comes from (seed, epoch, ...) alone."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from nnlab.engines import random_streams
from nnlab.spec import Experiment, Init, Schedule, TrainSpec


def wide(init: str, scale: float = 0.1) -> Experiment:
    return Experiment.of({"model": {"hidden": [300, 200], "init": init, "init_scale": scale}})


@pytest.mark.parametrize("init", get_args(Init))
def test_a_seed_always_gives_the_same_weights_and_another_seed_others(init: str) -> None:
    one, again, other = (random_streams.initial_weights(wide(init), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert np.array_equal(one["1.weight"], other["1.weight"]) == (init == "zeros")


def test_initialisations_have_the_spread_their_authors_give() -> None:
    fan_in, fan_out = 300, 200
    spread = {init: random_streams.initial_weights(wide(init, 0.3), 0)["1.weight"].std() for init in get_args(Init)}
    assert spread["zeros"] == 0
    assert spread["normal"] == pytest.approx(0.3, rel=0.02)
    assert spread["xavier"] == pytest.approx(math.sqrt(2 / (fan_in + fan_out)), rel=0.02)
    assert spread["kaiming"] == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
    assert spread["default"] == pytest.approx(1 / math.sqrt(3 * fan_in), rel=0.02)


def test_orthogonal_weights_are_orthogonal() -> None:
    weights = random_streams.initial_weights(wide("orthogonal"), 0)
    assert_allclose(weights["1.weight"].T @ weights["1.weight"], np.eye(200), atol=1e-5)
    assert_allclose(weights["0.weight"] @ weights["0.weight"].T, np.eye(2), atol=1e-5)


def test_every_epoch_visits_every_sample_once_in_an_order_of_its_own() -> None:
    orders = [random_streams.epoch_order(0, epoch, 100) for epoch in (1, 2)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert not np.array_equal(*orders)
    assert_array_equal(orders[0], random_streams.epoch_order(0, 1, 100))


def test_dropout_drawn_for_many_batches_at_once_is_what_a_draw_a_batch_gives() -> None:
    at_once = random_streams.dropout_stream(3, 2, 1).random((70, 5), np.float32)
    stream = random_streams.dropout_stream(3, 2, 1)
    batches = [stream.random((n, 5), np.float32) for n in (32, 32, 6)]
    assert_array_equal(at_once, np.concatenate(batches))


def test_dropout_streams_differ_by_seed_epoch_and_layer() -> None:
    names = [(0, 1, 1), (1, 1, 1), (0, 2, 1), (0, 1, 2)]
    assert len({random_streams.dropout_stream(*name).random() for name in names}) == len(names)


@pytest.mark.parametrize("schedule", get_args(Schedule))
@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (1, 7), (4, 9)])
def test_learning_rates_stay_between_nought_and_the_given_one(schedule: str, steps: int, epochs: int) -> None:
    train = TrainSpec(schedule=schedule, lr=0.2, epochs=epochs)
    rates = np.concatenate([random_streams.learning_rates(train, steps, epoch) for epoch in range(1, epochs + 1)])
    assert rates.shape == (steps * epochs,)
    assert (rates > 0).all()
    assert (rates <= 0.2 + 1e-12).all()


def test_one_cycle_is_pytorch_s() -> None:
    steps, epochs = 7, 10
    train = TrainSpec(schedule="one_cycle", lr=0.3, epochs=epochs)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=steps * epochs)
    for epoch in range(1, epochs + 1):
        for rate in random_streams.learning_rates(train, steps, epoch):
            assert rate == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
            optimizer.step()
            if theirs.last_epoch < steps * epochs - 1:
                theirs.step()


def test_cosine_is_pytorch_s_and_step_takes_a_tenth_after_every_third() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
    for epoch in range(1, 5):
        for rate in random_streams.learning_rates(TrainSpec(schedule="cosine", lr=0.3, epochs=4), 3, epoch):
            assert rate == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
            optimizer.step()
            theirs.step()
    stepped = [
        random_streams.learning_rates(TrainSpec(schedule="step", lr=1, epochs=9), 1, epoch)[0] for epoch in range(1, 10)
    ]
    assert_allclose(stepped, [1] * 3 + [0.1] * 3 + [0.01] * 3)


def test_scores_are_measured_on_all_of_a_small_part_and_on_the_same_draw_of_a_large_one() -> None:
    assert_array_equal(random_streams.scored_samples(0, 5000), np.arange(5000))
    chosen = random_streams.scored_samples(0, 60_000)
    assert len(set(chosen)) == 5000
    assert_array_equal(chosen, random_streams.scored_samples(0, 60_000))
    assert not np.array_equal(chosen, random_streams.scored_samples(1, 60_000))


def test_batches_cover_the_order_and_the_last_may_be_smaller() -> None:
    order = random_streams.epoch_order(0, 1, 10)
    assert [len(rows) for rows in random_streams.batches(order, 4)] == [4, 4, 2]
    assert_array_equal(np.concatenate(list(random_streams.batches(order, 4))), order)
