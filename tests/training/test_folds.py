"""k-fold: the folds are scikit-learn's, and training them together is training each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold, StratifiedKFold

from nnlab.analysis import predictions, scores
from nnlab.analysis.diagnosis import diagnose
from nnlab.datasets import Dataset, Rows, load_dataset
from nnlab.datasets.split import fold_rows
from nnlab.engines.base import METRICS, Epoch
from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.limits import find_limit
from nnlab.spec import DataSpec, Experiment, Replicate, replicates
from nnlab.spec.errors import SpecError
from nnlab.training import loop
from nnlab.training.api import train

ENGINES = ("torch", "numpy")
SEEDS = (4, 1)


def folded(data: dict[str, Any] | None = None, train: dict[str, Any] | None = None, **model: Any) -> Experiment:
    """78 samples that are not test in 4 folds: of 20, 20, 19 and 19."""
    return Experiment.of(
        {
            "data": {"name": "moons", "n_samples": 97, "folds": 4, **(data or {})},
            "model": {"hidden": [6, 6], **model},
            "train": {"batch_size": 16, "epochs": 5, **(train or {})},
        }
    )


ROUTES = {
    "plain": folded(),
    "folds of one size": folded({"n_samples": 100}),
    "one fold larger": folded({"n_samples": 101, "folds": 5, "test": 0.0}),
    "batch norm": folded(norm="batch"),
    "layer norm and skips": folded(norm="layer", residual=True),
    "dropout": folded(dropout=0.3),
    "early stopping": folded(train={"patience": 2, "lr": 0.1, "epochs": 30}),
    "other steps for other sizes": folded(train={"schedule": "one_cycle", "batch_size": 29}),
    "pictures": folded({"name": "digits", "n_samples": 201, "folds": 3, "scaling": "standard"}),
    "classes": folded({"name": "synthetic", "classes": 3, "n_samples": 150, "scaling": "minmax"}),
}


def alone_of(experiment: Experiment) -> Experiment:
    """For a fold that is trained as a data set of its own."""
    return experiment.set({"data.folds": 0})


def of_fold(arrays: dict[str, Any], fold: int, folds: int) -> dict[str, Any]:
    return {name: array[fold::folds] for name, array in arrays.items()}


def measured(epoch: Epoch) -> dict[str, Any]:
    return {name: getattr(epoch, name) for name in METRICS}


# -- the folds -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(2, 20), st.integers(0, 2**31 - 1), st.integers(2, 5))
def test_fold_rows_are_those_of_scikit_learn(data: st.DataObject, folds: int, seed: int, classes: int) -> None:
    n = data.draw(st.integers(folds, 300))
    y = np.random.default_rng(n).integers(classes, size=n)
    for theirs, stratified in ((KFold, False), (StratifiedKFold, True)):
        if stratified and np.bincount(y)[np.unique(y)].min() < folds:
            continue
        expected = theirs(folds, shuffle=True, random_state=seed).split(np.zeros(n), y)
        for ours, both in zip(fold_rows(y, folds, seed, classes=stratified), expected, strict=True):
            assert_array_equal(ours[0], both[0])
            assert_array_equal(ours[1], both[1])


@settings(deadline=None, max_examples=25)
@given(st.integers(20, 300), st.integers(2, 20), st.integers(0, 2**31 - 1), st.sampled_from([0.0, 0.2, 0.37]))
def test_a_data_set_is_cut_as_scikit_learn_cuts_what_is_not_test(n: int, folds: int, seed: int, test: float) -> None:
    spec = {"name": "synthetic", "classes": 3, "n_samples": n, "seed": seed, "test": test}
    held_out = load_dataset(DataSpec(**spec))
    smallest = np.bincount(np.concatenate([held_out.train.y, held_out.validation.y]), minlength=3).min()
    assume(smallest >= folds)
    data = load_dataset(Experiment.of({"data": {**spec, "folds": folds}}))
    pool, usual = data.train, DataSpec(**spec, folds=folds).sizes
    assert_array_equal(pool.x, np.concatenate([held_out.train.x, held_out.validation.x]))
    assert_array_equal(data.test.x, held_out.test.x)
    assert len(data.validation) == 0
    rows = StratifiedKFold(folds, shuffle=True, random_state=seed).split(pool.x, pool.y)
    for fold, (kept, aside) in zip(data.sets, rows, strict=True):
        assert_array_equal(fold.train.x, pool.x[kept])
        assert_array_equal(fold.train.y, pool.y[kept])
        assert_array_equal(fold.validation.x, pool.x[aside])
        assert_array_equal(fold.validation.y, pool.y[aside])
        assert fold.test is data.test
        scaled = fold.scaling.apply(fold.train.x)
        assert_allclose(scaled.mean(0), 0, atol=1e-4)
        assert usual[1] <= len(fold.validation) <= usual[1] + 1
        assert len(fold.train) + len(fold.validation) == usual[0] + usual[1]
    assert usual[2] == len(data.test)


def test_folds_share_the_memory_of_what_they_are_cut_from() -> None:
    data = load_dataset(ROUTES["pictures"])
    for fold in data.sets:
        for part in (fold.train, fold.validation):
            assert isinstance(part.x, Rows)
            assert part.x.whole is data.train.x


def test_rows_are_read_like_the_array_they_stand_for() -> None:
    whole = np.arange(60.0).reshape(12, 5)
    rows = Rows(whole, np.array([7, 2, 9, 4]))
    plain = whole[[7, 2, 9, 4]]
    assert (len(rows), rows.shape, rows.size, rows.dtype) == (4, plain.shape, plain.size, plain.dtype)
    assert_array_equal(rows, plain)
    for key in (2, -1, slice(1, 3), np.array([3, 0]), np.array([True, False, True, False]), (slice(None), slice(2))):
        assert_array_equal(rows[key], plain[key])
    assert_array_equal(rows[:, 1], plain[:, 1])
    assert np.asarray(rows, np.float32).dtype == np.float32


# -- as a value ------------------------------------------------------------------------------------------------------


def test_the_validation_share_is_without_effect_under_folds() -> None:
    one, other = (folded({"validation": share}) for share in (0.0, 0.7))
    assert one == other
    assert one.to_json() == other.to_json()
    assert one.to_query() == other.to_query()
    assert Experiment.from_query(one.to_query()) == Experiment.from_json(one.to_json()) == one
    assert one.to_query()["data.folds"] == "4"
    assert "data.validation" not in one.to_query()


def test_sizes_are_those_of_the_folds_with_the_fewest_to_validate() -> None:
    assert folded().data.sizes == (59, 19, 19)
    assert [len(fold.validation) for fold in load_dataset(folded()).sets] == [20, 20, 19, 19]
    assert folded().replicates(3) == 12
    assert folded({"folds": 0}).replicates(3) == 3


def test_replicates_are_fold_after_fold_seed_by_seed() -> None:
    assert replicates(SEEDS, 2) == ((4, 0), (4, 1), (1, 0), (1, 1))
    assert replicates(SEEDS, 0) == (Replicate(4, None), Replicate(1, None))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"folds": 1}, "got 1, but a single fold leaves nothing to train on; allowed is 0 (hold-out) or from 2"),
        ({"folds": 21}, "got 21, allowed is from 0 to 20."),
        ({"folds": 3, "name": "celsius"}, "got 3, but this data has too few samples to be split into folds."),
        ({"folds": 9, "n_samples": 20}, "got 9, but every fold needs a sample of every class; use fewer"),
    ],
)
def test_folds_that_cannot_be_are_refused_in_a_sentence(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        folded(data)
    assert str(caught.value).startswith(f"data.folds: {sentence}")


def test_more_folds_than_the_smallest_class_has_samples_are_refused_by_the_data() -> None:
    many = DataSpec(name="synthetic", classes=3, n_samples=60, noise=3, folds=16, test=0.2)
    with pytest.raises(SpecError, match=r"^data.folds: got 16, but every fold needs a sample of every class"):
        load_dataset(many)


# -- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("route", ROUTES)
def test_folds_trained_together_equal_each_fold_alone(route: str, engine: str) -> None:
    """To rounding: stacked, the same products are summed in another order."""
    experiment = ROUTES[route].set({"train.engine": engine})
    together, folds = train(experiment, SEEDS), experiment.data.folds
    result = together.result()
    for i, fold in enumerate(load_dataset(experiment).sets):
        alone = train(alone_of(experiment), SEEDS, dataset=fold)
        theirs = alone.result()
        for ours, epoch in zip(together.history, alone.history, strict=False):
            for name, values in measured(epoch).items():
                assert_allclose(getattr(ours, name)[i::folds], values, atol=2e-5, err_msg=name)
        for name, values in of_fold(result.stacked, i, folds).items():
            assert_allclose(values, theirs.stacked[name], atol=2e-5, err_msg=name)
        assert_array_equal(together.best_epoch[i::folds], alone.best_epoch)
        assert_array_equal(together.stopped_after[i::folds], alone.stopped_after)
        for part in ("train", "validation", "test"):
            scores, expected = result.evaluate(part), theirs.evaluate(part)
            assert (scores is None) == (expected is None)
            for name, values in (expected or {}).items():
                assert_allclose((scores or {})[name][i::folds], values, atol=2e-5, err_msg=f"{part} {name}")
        for place, seed in enumerate(SEEDS):
            assert_array_equal(result.weights(seed, i)["0.weight"], result.stacked["0.weight"][place * folds + i])


@pytest.mark.parametrize("engine", ENGINES)
def test_folds_start_from_and_freeze_what_each_fold_alone_starts_from_and_freezes(engine: str) -> None:
    source = folded({"folds": 0}, {"engine": engine}, norm="batch")
    start = {"experiment": source, "layers": 1, "frozen": 1}
    experiment = source.set({"data.folds": 3, "data.noise": 0.4, "train.start_from": start})
    before, result = train(source, SEEDS).result().stacked, train(experiment, SEEDS).result()
    for i, fold in enumerate(load_dataset(experiment).sets):
        alone = train(alone_of(experiment), SEEDS, dataset=fold).result()
        for name, values in of_fold(result.stacked, i, 3).items():
            assert_allclose(values, alone.stacked[name], atol=2e-5, err_msg=name)
            if name.startswith("0."):
                assert_array_equal(values, before[name], err_msg=name)


def test_a_fold_starts_from_the_same_fold_of_a_source_with_as_many_folds() -> None:
    source = folded()
    trained = train(source, SEEDS).result().stacked["0.weight"]
    for folds, places in ((4, range(8)), (0, (0, 4)), (2, (0, 0, 4, 4))):
        start = {"experiment": source, "layers": 1}
        experiment = source.set({"data.folds": folds, "data.noise": 0.4, "train.start_from": start})
        assert_array_equal(train(experiment, SEEDS).weights()["0.weight"], trained[list(places)])


def test_one_seed_in_numpy_gives_the_very_bits_of_each_fold_alone() -> None:
    experiment = folded({"n_samples": 100}, {"engine": "numpy"}, dropout=0.2)
    result = train(experiment).result()
    for i, fold in enumerate(load_dataset(experiment).sets):
        alone = train(alone_of(experiment), dataset=fold).result()
        for name, values in of_fold(result.stacked, i, 4).items():
            assert_array_equal(values, alone.stacked[name])


@pytest.mark.parametrize("engine", ENGINES)
def test_large_data_is_gathered_a_few_samples_at_a_time_and_gives_the_same(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnlab.engines import numpy_engine, torch_engine
    from nnlab.scratch import network

    experiment = folded(train={"engine": engine}, dropout=0.2)
    whole = train(experiment, 2).result()
    monkeypatch.setattr(torch_engine, "CHUNK", 64)
    monkeypatch.setattr(numpy_engine, "_MAX_SCALED", 0)
    monkeypatch.setattr(network, "_CHUNK", 64)
    pieces = train(experiment, 2).result()
    for name, values in whole.stacked.items():
        assert_allclose(pieces.stacked[name], values, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("route", ["plain", "dropout", "batch norm", "early stopping", "other steps for other sizes"])
def test_a_resumed_run_of_folds_equals_an_uninterrupted_one(route: str, engine: str) -> None:
    experiment = ROUTES[route].set({"train.engine": engine})
    whole, first = train(experiment, SEEDS), train(experiment, SEEDS)
    for _ in range(2):
        next(first)
    second = train(experiment, SEEDS, checkpoint=first.checkpoint())
    rest, expected = list(second), list(whole)[2:]
    for ours, epoch in zip(rest, expected, strict=True):
        for name, values in measured(epoch).items():
            assert_array_equal(getattr(ours, name), values)
    for name, values in whole.final_weights().items():
        assert_array_equal(second.final_weights()[name], values)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_epoch_of_folds_that_is_broken_off_leaves_no_trace(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(loop, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(loop, "LONG_EPOCH", 0.0)
    asked, experiment = 0, folded(train={"engine": engine})

    def now_and_then() -> bool:
        nonlocal asked
        asked += 1
        return asked in (3, 7, 8, 20)  # in either group of folds

    whole, broken = train(experiment, SEEDS), train(experiment, SEEDS, should_stop=now_and_then)
    sittings = 0
    while not broken.finished:
        sittings += 1
        for _ in broken:
            pass
    whole.result()
    assert sittings > 2
    for name, values in whole.weights().items():
        assert_array_equal(broken.weights()[name], values)


def test_a_checkpoint_of_folds_is_not_taken_for_one_fold() -> None:
    experiment = folded()
    training = train(experiment)
    next(training)
    with pytest.raises(ValueError, match=r"^checkpoint: it was made by another experiment"):
        train(alone_of(experiment), dataset=load_dataset(experiment).sets[0], checkpoint=training.checkpoint())


def test_folds_of_a_seed_start_from_the_same_weights() -> None:
    for values in train(folded(), SEEDS).weights().values():
        for seed in values.reshape(len(SEEDS), 4, *values.shape[1:]):
            assert (seed == seed[0]).all()


def test_the_table_of_epochs_names_seed_and_fold() -> None:
    table = train(folded(train={"epochs": 2}), SEEDS).result().metrics
    assert list(table)[:3] == ["epoch", "seed", "fold"]
    assert table["seed"].tolist() == [4, 4, 4, 4, 1, 1, 1, 1] * 2
    assert table["fold"].tolist() == [0, 1, 2, 3] * 4
    assert "fold" not in train(folded({"folds": 0}, {"epochs": 2}), SEEDS).result().metrics


# -- what is made of it ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> tuple[Experiment, Dataset, dict[str, Any]]:
    experiment = folded(train={"epochs": 3})
    return experiment, load_dataset(experiment), train(experiment, SEEDS).result().stacked


def test_every_replicate_answers_with_the_scaling_of_its_fold(trained: Any) -> None:
    experiment, data, weights = trained
    x = data.test.x[:7]
    answers = predictions.predict(experiment, weights, data, x)
    assert answers.shape == (8, 7, 1)
    for place in range(8):
        own, fold = predictions.replicate(weights, data, place)
        assert fold is data.sets[place % 4]
        assert_allclose(predictions.predict(experiment, own, fold, x)[0], answers[place], atol=1e-6)


def test_surfaces_and_confusions_of_one_replicate_are_those_of_its_fold(trained: Any) -> None:
    experiment, data, weights = trained
    for place in (0, 6):
        own, fold = predictions.replicate(weights, data, place)
        mine, its = (
            predictions.surface(experiment, weights, data, 12, place),
            predictions.surface(experiment, own, fold, 12),
        )
        assert_allclose(mine, its, atol=1e-6)
        counts = scores.confusion(experiment, weights, data, "validation", place)
        assert_array_equal(counts, scores.confusion(experiment, own, fold, "validation"))
        assert counts.sum() == len(fold.validation)
    every = [scores.confusion(experiment, weights, data, "test", place) for place in range(8)]
    assert_allclose(scores.confusion(experiment, weights, data, "test"), np.mean(every, axis=0))


def test_pictures_are_read_by_those_who_were_not_trained_on_them() -> None:
    experiment = ROUTES["pictures"].set({"train.epochs": 1})
    data, weights = load_dataset(experiment), train(experiment, SEEDS).result().stacked
    _, labels, _, probability = predictions.pictures(experiment, weights, data, 5)
    own = {name: values[::3] for name, values in weights.items()}
    assert labels.tolist() == data.sets[0].validation.y[:5].tolist()
    assert_allclose(probability, predictions.pictures(experiment, own, data.sets[0], 5)[3], atol=1e-6)
    _, labels, _, _ = predictions.pictures(experiment, weights, data, 5, seed_index=4)
    assert labels.tolist() == data.sets[1].validation.y[:5].tolist()


def test_a_folded_run_gets_a_verdict() -> None:
    good = Experiment.of({"data": {"n_samples": 300, "folds": 5}, "model": {"hidden": [16, 16]}})
    for experiment, verdict in ((good, "fits"), (good.set({"train.lr": 100, "train.optimizer": "sgd"}), "diverged")):
        result = train(experiment, 2).result()
        scores = {part: result.evaluate(part) for part in ("train", "validation", "test")}
        assert diagnose(result.metrics, scores, experiment).verdict == verdict


def test_limits_and_cost_count_seeds_times_folds() -> None:
    plain = Experiment()
    folds = plain.set({"data.folds": 5})
    assert find_limit(folds, range(20)) is None
    problem = find_limit(folds, range(21))
    assert problem is not None
    assert (problem.field, problem.got, problem.high) == ("seeds", 21, 20)
    large = Experiment.of({"data": {"name": "digits", "folds": 20}, "model": {"hidden": [1000, 1000]}})
    problem = find_limit(large, [0])
    assert problem is not None
    assert (problem.field, problem.got) == ("data.folds", 20)
    wide = Experiment.of({"data": {"name": "digits", "folds": 5}, "model": {"hidden": [500]}})
    assert estimate_seconds(wide, 4) > 3 * estimate_seconds(wide, 1)
