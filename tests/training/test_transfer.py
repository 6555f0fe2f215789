"""Transfer learning: layers that are taken and frozen, in both engines, in the package and in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from ordinary import ordinary
from torch import nn

from nnlab import build_model
from nnlab.datasets import load_dataset
from nnlab.engines import random_streams
from nnlab.engines.numpy_engine import NumpyEngine
from nnlab.engines.torch_engine import TorchEngine
from nnlab.jobs import heartbeat, worker
from nnlab.jobs.limits import LimitError, check_limits
from nnlab.jobs.worker import run_job
from nnlab.settings import settings
from nnlab.spec import Experiment, Norm, Optimizer, StartFrom
from nnlab.store import Run, Store
from nnlab.training import transfer
from nnlab.training.api import train
from nnlab.training.loop import Training
from nnlab.training.transfer import SourceStopped, first_weights, source_weights, started_from

SOURCE = Experiment.of(
    {
        "data": {"name": "digits", "labels": [0, 1, 2, 3, 4], "n_samples": 200},
        "model": {"hidden": [8, 8], "activation": "tanh"},
        "train": {"epochs": 3},
    }
)


def started(layers: int = 2, frozen: int = 1, source: Experiment = SOURCE, **changes: Any) -> Experiment:
    """The other digits, from the source's first layers."""
    start = StartFrom(experiment=source, layers=layers, frozen=frozen)
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return source.set({"data.labels": [5, 6, 7, 8, 9], "train.start_from": start, **named})


def of_layers(weights: dict[str, Any], layers: range) -> dict[str, Any]:
    return {name: array for name, array in weights.items() if int(name.partition(".")[0]) in layers}


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_cache", {})


# -- what is taken -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_a_seed_starts_from_the_source_as_trained_under_that_seed(engine: str) -> None:
    source = SOURCE.set({"train.engine": engine})
    for layers in (1, 2):
        first = first_weights(started(layers, 0, source), (7, 2))
        for place, seed in enumerate((7, 2)):
            alone, drawn = train(source, [seed]).result().weights(seed), random_streams.initial_weights(started(), seed)
            for name, array in first.items():
                taken = int(name[0]) < layers
                assert_allclose(array[place], alone[name] if taken else drawn[name], rtol=1e-4, atol=1e-5)


def test_the_model_and_the_training_start_from_the_same_weights() -> None:
    experiment = started()
    first = first_weights(experiment, (0, 1))
    for name, tensor in build_model(experiment, 2).named_arrays().items():
        assert_array_equal(tensor.numpy(), first[name])
    for name, array in train(experiment, 2).weights().items():
        assert_array_equal(array, first[name])


def test_a_source_that_stopped_early_gives_its_best_weights() -> None:
    source = SOURCE.set({"train.patience": 1, "train.lr": 0.5, "train.epochs": 30})
    result = train(source, 2).result()
    assert result.epochs < 30
    for name, array in of_layers(first_weights(started(source=source), (0, 1)), range(2)).items():
        assert_array_equal(array, result.stacked[name])


def test_a_source_may_itself_start_from_another() -> None:
    middle = started(2, 2)
    last = started(1, 1, middle, data__labels=[0, 9])
    first, deepest = train(last, 2).result(), train(SOURCE, 2).result()
    for name, array in of_layers(first.stacked, range(1)).items():
        assert_array_equal(array, deepest.stacked[name])


def test_a_source_is_trained_once_for_those_who_start_from_it() -> None:
    shares: list[float] = []
    one = source_weights(SOURCE, (0, 1), on_progress=shares.append)
    assert shares == [1 / 3, 2 / 3, 1]
    assert source_weights(SOURCE, (0, 1), on_progress=shares.append) is one
    assert len(shares) == 3
    first = first_weights(started(), (0, 1))
    first["0.weight"][:] = 0
    assert np.any(one["0.weight"]), "what is kept is not handed out to be changed"


def test_whoever_wants_the_training_to_stop_is_asked_while_the_source_is_trained() -> None:
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) == 2

    with pytest.raises(SourceStopped):
        train(started(), should_stop=enough)
    assert not transfer._cache
    assert train(started(), should_stop=lambda: False).result().epochs == 3


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_a_resumed_run_needs_no_source_and_equals_an_uninterrupted_one(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = started(model__norm="batch", source=SOURCE.set({"model.norm": "batch"}), train__engine=engine)
    whole, first = train(experiment, 2), train(experiment, 2)
    next(first)
    monkeypatch.setattr(transfer, "source_weights", None)
    second = train(experiment, 2, checkpoint=first.checkpoint())
    for name, array in second.result().stacked.items():
        assert_array_equal(array, whole.result().stacked[name], err_msg=name)


# -- what is frozen ----------------------------------------------------------------------------------------------------

NORMS = {norm: SOURCE.set({"model.norm": norm, "model.dropout": 0.2}) for norm in get_args(Norm)}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_frozen_layers_do_not_change_by_a_bit_and_the_others_do(engine: str, optimizer: str, norm: str) -> None:
    experiment = started(
        2, 1, NORMS[norm], train__engine=engine, train__optimizer=optimizer, train__l2=0.1, model__residual=False
    )
    first, result = first_weights(experiment, (0, 1)), train(experiment, 2).result()
    for name, array in of_layers(result.stacked, range(1)).items():
        assert_array_equal(array, first[name], err_msg=name)
    for name, array in of_layers(result.stacked, range(1, 3)).items():
        still = norm == "batch" and name == "1.bias"  # it has no effect, hence no gradient
        assert still or not np.array_equal(array, first[name]), name


OPTIMIZERS = {
    "sgd": lambda p, l2: torch.optim.SGD(p, lr=0.01, weight_decay=l2),
    "momentum": lambda p, l2: torch.optim.SGD(p, lr=0.01, weight_decay=l2, momentum=0.9),
    "nesterov": lambda p, l2: torch.optim.SGD(p, lr=0.01, weight_decay=l2, momentum=0.9, nesterov=True),
    "rmsprop": lambda p, l2: torch.optim.RMSprop(p, lr=0.01, weight_decay=l2),
    "adam": lambda p, l2: torch.optim.Adam(p, lr=0.01, weight_decay=l2),
    "adamw": lambda p, l2: torch.optim.AdamW(p, lr=0.01, weight_decay=l2),
}


def by_hand(experiment: Experiment, seed: int) -> nn.Sequential:
    """Fine-tuning as the tutorials do it: `requires_grad_(False)`, frozen batch normalisation in evaluation mode."""
    data = load_dataset(experiment)
    x, y = torch.tensor(data.scaling.apply(data.train.x)), torch.tensor(data.train.y)
    start = experiment.train.start_from
    assert start is not None
    own, theirs = (
        random_streams.initial_weights(experiment, seed),
        train(start.experiment, [seed]).result().weights(seed),
    )
    model = ordinary(experiment, own | of_layers(theirs, range(start.layers)))
    for block in model[: start.frozen]:
        block.requires_grad_(False)
    optimizer = OPTIMIZERS[experiment.train.optimizer](model.parameters(), experiment.train.l2)
    for epoch in range(1, experiment.train.epochs + 1):
        model.train()
        model[: start.frozen].eval()
        order = random_streams.epoch_order(experiment.data.seed, epoch, len(x))
        for rows in random_streams.batches(order, experiment.train.batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_it_fine_tunes_as_pytorch_does_by_hand(optimizer: str, norm: str) -> None:
    source = SOURCE.set({"model.norm": norm})
    # batch normalisation of the first layer only: a bias before a learned one has rounding noise for a gradient
    hidden = [{"width": 8, "norm": norm}, {"width": 8, "norm": "none" if norm == "batch" else norm}]
    source = source.set({"model.hidden": hidden, "model.norm": "none"})
    experiment = started(2, 1, source, train__optimizer=optimizer, train__l2=0.01, train__lr=0.01)
    model = by_hand(experiment, 5)
    for engine in ("torch", "numpy"):
        weights = train(experiment.set({"train.engine": engine}), [5]).result().weights(5)
        for i, block in enumerate(model):
            ours, theirs = weights[f"{i}.weight"].T, block.linear.weight.detach()
            assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4, err_msg=f"{engine} {i}")
        if norm == "batch":
            assert_array_equal(weights["0.norm.mean"], by_hand(experiment, 5)[0].norm.running_mean)


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_200_steps_of_both_engines_agree_where_a_layer_is_frozen(optimizer: str, norm: str) -> None:
    rate = {"sgd": 0.05, "momentum": 0.005, "nesterov": 0.005}.get(optimizer, 0.001)
    # a bias before batch normalisation that learns follows rounding noise, see test_scratch_engines
    frozen = 2 if norm == "batch" else 1
    experiment = started(
        2,
        frozen,
        SOURCE.set({"model.norm": norm, "model.dropout": 0.1}),
        train__optimizer=optimizer,
        train__lr=rate,
        train__batch_size=24,
        train__epochs=40,
    )
    assert experiment.steps_per_epoch * experiment.train.epochs == 200
    ours, theirs = (train(experiment.set({"train.engine": one}), 2).result().metrics for one in ("numpy", "torch"))
    for name in ("train_loss", "validation_loss"):
        assert_allclose(ours[name], theirs[name], atol=1e-4)


def test_no_gradient_is_asked_for_below_the_first_layer_that_learns() -> None:
    experiment, data = started(), load_dataset(started())
    first = first_weights(experiment, (0, 1))
    torch_engine = TorchEngine(experiment, (0, 1), data, first)
    seen: list[tuple[bool, bool]] = []
    for layer in torch_engine.model:
        layer.register_forward_hook(lambda _, given, made: seen.append((given[0].requires_grad, made.requires_grad)))
    rates, active = np.full(experiment.steps_per_epoch, 0.01), np.ones(2, np.bool_)
    torch_engine.run_steps(1, 0, rates, active)
    assert set(seen[:3]) == {(False, False), (False, True), (True, True)}
    assert not any(name.split(".")[1] == "0" for name in torch_engine.state() if "." in name)

    numpy_engine = NumpyEngine(experiment, (0, 1), data, first)
    numpy_engine.run_steps(1, 0, rates, active)
    linears = [part for part in numpy_engine.network.parts() if "weight" in part.parameters]
    assert [bool(np.any(part.gradients["weight"])) for part in linears] == [False, True, True]
    learned = sum(array.size for name, array in first.items() if name[0] != "0")
    assert numpy_engine.optimizer.parameters.size == learned == 2 * experiment.parameters


# -- in a worker -------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{home / 'nnlab.db'}")
    yield made
    made.close()


def ran(store: Store, experiment: Experiment, seeds: tuple[int, ...], owner: str = "ana") -> Run:
    return again(store, store.create_run(experiment, seeds, owner))


def again(store: Store, run: Run) -> Run:
    attempt = store.claim(run.id)
    assert attempt is not None
    run_job(store, run.id, attempt)
    after = store.run(run.id)
    assert after is not None
    return after


def last(store: Store, run: Run) -> dict[str, Any]:
    found = store.snapshot(run.id)
    assert found is not None
    return found[1]


def test_a_run_starts_from_a_finished_run_of_anybody_that_holds_its_seeds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ran(store, SOURCE, (4, 2, 0), "ben")
    alone = train(started(), (0, 4)).result()
    trained: list[Experiment] = []
    init = Training.__init__
    monkeypatch.setattr(
        Training, "__init__", lambda self, *args, **more: (trained.append(args[0]), init(self, *args, **more))[1]
    )
    run = ran(store, started(), (0, 4))
    assert (run.state, run.error) == ("finished", None)
    assert trained == [started()], "the source was not trained again"
    source, weights = last(store, before), last(store, run)
    for name, array in of_layers(weights, range(1)).items():
        assert_array_equal(array, source[name][[2, 0]])
    for name, array in alone.stacked.items():
        assert_allclose(weights[name], array, rtol=1e-3, atol=1e-4)


def test_what_was_extended_or_stopped_is_no_source(store: Store) -> None:
    one_cycle = SOURCE.set({"train.schedule": "one_cycle"})
    run = ran(store, one_cycle.set({"train.epochs": 2}), (0,))
    assert store.extend(run.id, one_cycle)
    extended = again(store, run)
    assert (extended.state, extended.key) == ("finished", one_cycle.key)
    assert store.trained_weights(one_cycle, (0,)) is None
    assert store.trained_weights(ran(store, SOURCE, (0, 1)).experiment, (1, 2)) is None
    waiting = store.create_run(started(), (0,), "ana")
    assert store.trained_weights(waiting.experiment, (0,)) is None


def test_a_worker_trains_what_a_run_starts_from_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    seen: list[tuple[str | None, float | None]] = []
    real = transfer.source_weights

    def watched(*args: Any, on_progress: Any, **more: Any) -> Any:
        def tell(share: float) -> None:
            on_progress(share)
            while (now := store.run(run.id)) and now.note is None:
                pass  # the heartbeat thread reads it
            assert now is not None
            seen.append((now.note, now.loading))

        return real(*args, on_progress=tell, **more)

    run = store.create_run(started(), (0, 3), "ana")
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "source_weights", watched)
        done = again(store, run)
    assert [note for note, _ in seen] == ["source"] * 3
    assert all(share is not None and 0 < share <= 1 for _, share in seen)
    assert (done.state, done.note, done.loading) == ("finished", None, None)
    alone = train(started(), (0, 3)).result()
    for name, array in alone.stacked.items():
        assert_array_equal(last(store, done)[name], array)


def test_a_run_asked_to_pause_while_its_source_is_trained_pauses_and_can_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    run = store.create_run(started(), (0, 3), "ana")
    heartbeats: list[Any] = []

    class Heartbeat(worker.Heartbeat):
        def __enter__(self) -> worker.Heartbeat:
            heartbeats.append(self)
            return super().__enter__()

    real = transfer.source_weights

    def asked(*args: Any, **more: Any) -> Any:
        if len(heartbeats) == 1:
            store.request(run.id, "pause")
            while heartbeats[0].action is None:
                pass  # the heartbeat thread reads it
        return real(*args, **more)

    monkeypatch.setattr(worker, "Heartbeat", Heartbeat)
    monkeypatch.setattr(transfer, "source_weights", asked)
    paused = again(store, run)
    assert (paused.state, paused.epoch, paused.note, paused.loading) == ("paused", 0, None, None)
    assert store.requeue(run.id)
    assert again(store, run).state == "finished"


def test_time_that_is_over_while_the_source_is_trained_ends_the_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNLAB_MAX_SECONDS", "1")
    settings.cache_clear()
    source = SOURCE.set({"train.epochs": 100_000 // 2})
    monkeypatch.setenv("NNLAB_MAX_EPOCHS", "100000")
    run = ran(store, started(source=source, train__epochs=1), (0,))
    assert (run.state, run.epoch, run.note) == ("stopped", 0, "max_seconds")


def test_limits_hold_for_what_a_run_starts_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_MAX_EPOCHS", "10")
    settings.cache_clear()
    check_limits(started(), (0,))
    with pytest.raises(LimitError, match=r"train\.start_from\.experiment\.train\.epochs: got 11"):
        check_limits(started(source=SOURCE.set({"train.epochs": 11}), train__epochs=1), (0,))
    frozen = started(2, 2)
    monkeypatch.setenv("NNLAB_MAX_PARAMETERS", str(frozen.parameters + 1))
    settings.cache_clear()
    with pytest.raises(LimitError, match="parameters"):
        check_limits(frozen, (0,))


# -- where one would begin ---------------------------------------------------------------------------------------------


def test_what_starts_from_a_run_takes_all_its_layers_at_a_smaller_rate_and_the_classes_not_seen() -> None:
    made = started_from(SOURCE)
    assert made is not None
    assert made.data.labels == (5, 6, 7, 8, 9)
    assert made.train.lr == pytest.approx(SOURCE.train.lr / 10)
    assert made.train.start_from == StartFrom(experiment=SOURCE, layers=2)
    moons = started_from(Experiment())
    assert moons is not None
    assert moons.data == Experiment().data
    assert started_from(Experiment.of({"model": {"hidden": []}})) is None
    most = SOURCE
    for _ in range(3):
        most = most.vary("start_from", StartFrom(experiment=most, layers=1))
    assert started_from(most) is None
