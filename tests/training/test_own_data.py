"""Networks that are trained on data of their own: each as if it were alone."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnlab import presets
from nnlab.analysis import predictions
from nnlab.analysis.gradient_health import measure
from nnlab.analysis.scores import _packed, confusion, final_scores, reference_of, sample_outcomes, stored_results
from nnlab.comparison.cell_runs import _merged
from nnlab.datasets import load_dataset
from nnlab.engines.base import METRICS
from nnlab.lab import Lab
from nnlab.spec import DataSpec, Experiment, StartFrom
from nnlab.store import Store
from nnlab.training.api import train
from nnlab.training.lr_range_test import range_test
from nnlab.training.transfer import first_weights

SEEDS = (4, 0, 7)
ENGINES = ("auto", "numpy", "torch")
NETWORK = {"hidden": [6, 6], "dropout": 0.2, "norm": "batch"}
TRAIN = {"batch_size": 16, "epochs": 4, "schedule": "cosine"}
MOONS = Experiment.of({"data": {"per_seed": "samples", "n_samples": 90}, "model": NETWORK, "train": TRAIN})
DIGITS = Experiment.of(
    {"data": {"name": "digits", "per_seed": "split", "n_samples": 150}, "model": NETWORK, "train": TRAIN}
)
FOLDS = MOONS.set({"data.folds": 3, "data.n_samples": 100})
KINDS = {"samples": MOONS, "split": DIGITS, "folds": FOLDS}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_learns_the_same_alone_and_among_others(kind: str, engine: str) -> None:
    experiment = KINDS[kind].vary("engine", engine)
    together, k = train(experiment, SEEDS).result(), max(1, experiment.data.folds)
    for place, seed in enumerate(SEEDS):
        alone, mine = train(experiment, [seed]).result(), slice(place * k, (place + 1) * k)
        for name, values in alone.stacked.items():
            if engine == "torch":
                assert_allclose(together.stacked[name][mine], values, atol=1e-5, err_msg=name)
            else:
                assert_array_equal(together.stacked[name][mine], values, err_msg=name)
        for epoch, its in zip(together.history, alone.history, strict=True):
            for name in METRICS:
                assert_allclose(getattr(epoch, name)[mine], getattr(its, name), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", ["samples", "split"])
def test_it_is_trained_and_scored_on_its_own_data(kind: str) -> None:
    experiment = KINDS[kind]
    data, result = load_dataset(experiment, SEEDS), train(experiment, SEEDS).result()
    for place, (seed, own) in enumerate(zip(SEEDS, data.sets, strict=True)):
        alone = train(experiment, [seed], dataset=own).result()
        assert_array_equal(result.weights(seed)["0.weight"], alone.weights(seed)["0.weight"])
        for part in ("train", "validation", "test"):
            assert result.evaluate(part)["accuracy"][place] == alone.evaluate(part)["accuracy"][0]
        x = np.asarray(own.validation.x[:5])
        assert_allclose(result.predict(x)[place], alone.predict(x)[0], rtol=1e-6)  # with its own scaling
        weights, chosen = predictions.replicate(result.stacked, data, place)
        assert chosen is own
        assert confusion(experiment, result.stacked, data, "validation", place).sum() == len(own.validation)
        health = measure(experiment, result.stacked, data)
        assert_allclose(health.gradient[:, place], measure(experiment, weights, own).gradient[:, 0], rtol=1e-4)


def test_a_seed_sees_the_same_data_with_every_value_of_a_knob() -> None:
    deep = MOONS.vary("depth", 4)
    for one, other in zip(load_dataset(MOONS, SEEDS).sets, load_dataset(deep, SEEDS).sets, strict=True):
        assert_array_equal(one.train.x, other.train.x)


def test_a_resumed_training_goes_on_with_the_same_data() -> None:
    whole, first = train(FOLDS, SEEDS).result(), train(FOLDS, SEEDS)
    next(first)
    second = train(FOLDS, SEEDS, checkpoint=first.checkpoint()).result()
    for name, values in whole.stacked.items():
        assert_array_equal(second.stacked[name], values)


def test_a_run_in_the_store_has_the_results_of_the_training(tmp_path: Path) -> None:
    lab = Lab(Store(f"sqlite:///{tmp_path / 'nnlab.db'}"))
    run = lab.train_here(DIGITS, SEEDS)
    result = train(DIGITS, SEEDS).result()
    for part in ("train", "validation", "test"):
        assert_array_equal(final_scores(run.results, part, "accuracy"), result.evaluate(part)["accuracy"])
    assert sample_outcomes(run.results, DIGITS) is None  # no validation part is shared
    lab.close()


def test_outcomes_of_a_shared_validation_part_are_kept_sample_by_sample() -> None:
    experiment = MOONS.set({"data.per_seed": "weights"})
    result = train(experiment, 3).result()
    data, start = load_dataset(experiment), first_weights(experiment, (0, 1, 2))
    stored = stored_results(experiment, data, start, result.stacked)
    outcomes = sample_outcomes(stored, experiment)
    assert outcomes is not None
    assert outcomes.shape == (3, experiment.data.sizes[1])
    assert_array_equal(outcomes.mean(axis=1), result.evaluate("validation")["accuracy"])
    labels = predictions.labels(result.predict(data.validation.x))
    assert_array_equal(outcomes, labels == data.validation.y)
    later = _merged([stored, stored], [(0, 2), (1, 0)])  # seeds of two runs
    assert_array_equal(sample_outcomes(later, experiment), outcomes[[2, 0]])


def test_the_errors_of_single_samples_are_kept_for_regression() -> None:
    errors = np.array([0.5, 1.25])
    assert_array_equal(sample_outcomes({"outcomes": [_packed(errors)]}, presets["celsius"]), [errors])


def test_one_seed_with_data_of_its_own_has_no_outcomes_either() -> None:
    """They would be lost when it is joined by others."""
    start = first_weights(MOONS, [4])
    assert "outcomes" not in stored_results(MOONS, load_dataset(MOONS, [4]), start, start)


def test_data_of_other_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dataset: got 2 sets of samples, allowed is 3: load those of these seeds\."):
        train(MOONS, SEEDS, dataset=load_dataset(MOONS, [4, 0]))


@pytest.mark.parametrize("per_seed", ["samples", "split", "weights"])
@pytest.mark.parametrize("folds", [0, 5])
def test_a_reference_is_as_certain_as_different_samples_make_it(per_seed: str, folds: int) -> None:
    data = {"name": "synthetic", "n_samples": 100, "folds": folds, "per_seed": per_seed, "noise": 2.0}
    reference, train_size = reference_of(DataSpec.of(data)), 64 if folds else 60
    samples = train_size * (math.ceil(1000 / train_size) if per_seed == "samples" else 1)
    assert reference.error == pytest.approx(math.sqrt(reference.score * (1 - reference.score) / samples))


def test_a_seed_starts_from_its_own_source() -> None:
    experiment = MOONS.set({"data.noise": 0.4, "train.start_from": StartFrom(experiment=MOONS, layers=2)})
    source, first = train(MOONS, SEEDS).result(), first_weights(experiment, SEEDS)
    assert_array_equal(first["0.weight"], source.stacked["0.weight"])


def test_the_rate_finder_tries_every_seed_on_its_own_data() -> None:
    together = range_test(MOONS, SEEDS, steps=12)
    alone = range_test(MOONS, [SEEDS[1]], steps=12)
    steps = min(together.losses.shape[0], alone.losses.shape[0])
    assert_allclose(together.losses[:steps, 1], alone.losses[:steps, 0], rtol=1e-4)
