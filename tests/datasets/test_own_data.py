"""Data of their own for every seed: new samples of a kind, or other splits of the same samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import ks_2samp

from nnlab.datasets import DRAW, PARTS, Dataset, Part, Rows, _bytes, load_dataset
from nnlab.spec import DATASETS, DataSpec, Experiment
from nnlab.spec.errors import SpecError

SEEDS = (4, 0, 7)


def experiment(name: str = "moons", per_seed: str = "samples", **data: object) -> Experiment:
    return Experiment.of({"data": {"name": name, "per_seed": per_seed, **data}})


def same(one: Part, other: Part) -> None:
    assert_array_equal(np.asarray(one.x), np.asarray(other.x))
    assert_array_equal(one.y, other.y)


def same_parts(one: Dataset, other: Dataset) -> None:
    for part in PARTS:
        same(getattr(one, part), getattr(other, part))
    assert_array_equal(one.scaling.shift, other.scaling.shift)


def rows_of(part: Part) -> list[int]:
    assert isinstance(part.x, Rows)
    return part.x.rows.tolist()


@pytest.mark.parametrize(("name", "per_seed"), [*((name, "samples") for name in DRAW), ("digits", "split")])
def test_a_seed_has_the_same_data_whoever_else_is_loaded(name: str, per_seed: str) -> None:
    spec = experiment(name, per_seed, n_samples=150)
    together = load_dataset(spec, SEEDS)
    assert len(together.sets) == len(SEEDS)
    for seed, own in zip(SEEDS, together.sets, strict=True):
        same_parts(own, load_dataset(spec, [seed]))
        assert tuple(len(getattr(own, part)) for part in PARTS) == spec.data.sizes
    same_parts(together, together.sets[0])  # what is shown
    first, second = (np.asarray(one.train.x) for one in together.sets[:2])
    assert not (first == second).all()


@pytest.mark.parametrize(("name", "per_seed"), [*((name, "samples") for name in DRAW), ("digits", "split")])
def test_no_sample_is_in_two_parts_or_in_the_parts_of_two_seeds_but_of_a_split(name: str, per_seed: str) -> None:
    data = load_dataset(experiment(name, per_seed, n_samples=150), SEEDS)
    own = [np.concatenate([np.asarray(getattr(one, part).x) for part in PARTS]) for one in data.sets]
    for rows in [*own, *([np.concatenate(own)] if per_seed == "samples" else [])]:
        assert len(np.unique(rows, axis=0)) == len(rows)


def held(data: Dataset) -> int:
    """Bytes of the arrays of a data set, each once."""
    arrays = {}
    for part in [getattr(one, part) for one in (data, *data.sets) for part in PARTS]:
        x = (part.x.whole, part.x.rows) if isinstance(part.x, Rows) else (part.x,)
        arrays |= {id(array): array.nbytes for array in (*x, part.y)}
    return sum(arrays.values())


@pytest.mark.parametrize(
    ("name", "per_seed", "seeds"),
    [("moons", "weights", 3), ("moons", "samples", 1), ("moons", "samples", 9), ("digits", "split", 9)],
)
def test_the_cache_knows_roughly_the_memory_of_a_data_set(name: str, per_seed: str, seeds: int) -> None:
    spec = experiment(name, per_seed, n_samples=1000).data
    chosen = 0 if per_seed == "weights" else seeds
    assert _bytes(spec, chosen) == pytest.approx(held(load_dataset(spec, range(seeds))), rel=0.3)


def test_with_the_weights_alone_all_seeds_share_the_data() -> None:
    spec = Experiment.of({})
    assert spec.data.per_seed == "weights"
    assert load_dataset(spec, SEEDS) is load_dataset(spec)
    assert load_dataset(spec).sets == ()


def test_seed_0_is_loaded_where_none_is_named() -> None:
    same_parts(load_dataset(experiment()), load_dataset(experiment(), [0]))


@given(name=st.sampled_from(sorted(DRAW)), fewer=st.integers(60, 300), more=st.integers(60, 600))
@settings(max_examples=25)
def test_fewer_samples_are_the_first_of_more_and_the_other_parts_stay(name: str, fewer: int, more: int) -> None:
    base = experiment(name, n_samples=100)
    fewer, more = sorted((fewer, more))
    small, large = (load_dataset(base.vary("n_samples", n), [3]) for n in (fewer, more))
    assert (len(small.train), len(large.train)) == (fewer - 40, more - 40)
    same(small.train, Part(large.train.x[: fewer - 40], large.train.y[: fewer - 40]))
    same(small.validation, large.validation)
    same(small.test, large.test)


def test_fewer_pictures_are_the_first_of_more_too() -> None:
    base = experiment("digits", "split")
    small, large = (load_dataset(base.vary("n_samples", n), [3]) for n in (900, 1797))
    assert rows_of(small.train) == rows_of(large.train)[: len(small.train)]
    same(small.validation, large.validation)
    same(small.test, large.test)


@pytest.mark.parametrize("n", [88, 100_001])
def test_a_number_of_samples_that_leaves_too_few_for_training_is_refused(n: int) -> None:
    with pytest.raises(SpecError, match=rf"^n_samples: got {n}, allowed is from 89 to 100000\.$"):
        experiment(n_samples=200).vary("n_samples", n)


def test_with_the_weights_alone_the_shares_stay_as_they_did() -> None:
    spec = Experiment.of({"data": {"n_samples": 100}})
    assert spec.vary("n_samples", 300).data.sizes == (180, 60, 60)


@pytest.mark.parametrize("name", sorted(DRAW))
def test_new_samples_are_of_the_same_kind(name: str) -> None:
    """Features and classes are distributed as in the one sample that all seeds share."""
    n = 6000
    shared = load_dataset(experiment(name, "weights", n_samples=n, seed=5))
    own = load_dataset(experiment(name, n_samples=n, seed=5), [11])
    assert (own.feature_names, own.class_names) == (shared.feature_names, shared.class_names)
    one, new = shared.train, own.train
    assert np.bincount(new.y).tolist() == pytest.approx(np.bincount(one.y).tolist(), abs=0.05 * n)
    for label in (0, 1):
        for column in range(one.x.shape[1]):
            ours, theirs = (np.asarray(part.x)[part.y == label, column] for part in (new, one))
            assert ks_2samp(ours, theirs).pvalue > 1e-4


def test_the_data_seed_decides_the_problem_and_the_noise_how_many_labels_are_wrong() -> None:
    """A nearest neighbour of another seed's samples is right, one of another problem is not."""
    calm, noisy, other = (
        load_dataset(experiment("synthetic", n_samples=4000, noise=noise, seed=seed), [0, 1])
        for noise, seed in ((0.0, 1), (2.0, 1), (0.0, 2))
    )

    def right(known: Part, asked: Part) -> float:
        x, near = np.asarray(known.x), np.asarray(asked.x)[:200]
        return float((known.y[np.linalg.norm(x[None] - near[:, None], axis=2).argmin(axis=1)] == asked.y[:200]).mean())

    assert right(calm.sets[0].train, calm.sets[1].train) > 0.9
    assert right(other.sets[0].train, calm.sets[1].train) < 0.75
    wrong = (noisy.sets[0].train.y != calm.sets[0].train.y).mean()  # the same points
    assert_array_equal(noisy.sets[0].train.x, calm.sets[0].train.x)
    assert wrong == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("name", ["digits", "moons"])
def test_splits_share_the_test_part_and_draw_the_others_from_the_rest(name: str) -> None:
    spec = experiment(name, "split", n_samples=400) if name == "moons" else experiment(name, "split")
    data = load_dataset(spec, SEEDS)
    shared = load_dataset(spec.set({"data.per_seed": "weights"}))
    pools = []
    for own in data.sets:
        same(own.test, data.test)
        train, validation = set(rows_of(own.train)), set(rows_of(own.validation))
        assert not train & validation
        pools.append(train | validation)
        share = np.bincount(own.train.y) / len(own.train)  # classes are spread evenly
        assert np.abs(np.bincount(own.validation.y) - share * len(own.validation)).max() < 2.5
    assert pools[0] == pools[1] == pools[2]
    assert sorted(map(tuple, np.asarray(data.test.x))) == sorted(map(tuple, np.asarray(shared.test.x)))
    assert rows_of(data.sets[0].validation) != rows_of(data.sets[1].validation)


@pytest.mark.parametrize("per_seed", ["samples", "split"])
def test_every_seed_has_folds_of_its_own(per_seed: str) -> None:
    data = load_dataset(experiment("synthetic", per_seed, n_samples=100, folds=4), SEEDS)
    assert len(data.sets) == 4 * len(SEEDS)
    aside = [np.sort(np.concatenate([fold.validation.x.rows for fold in data.sets[i : i + 4]])) for i in (0, 4, 8)]
    for rows in aside[1:]:
        assert_array_equal(rows, aside[0])  # each sample once
    assert [rows_of(data.sets[i].validation) for i in range(4)] != [
        rows_of(data.sets[i].validation) for i in range(4, 8)
    ]


def test_each_set_is_scaled_by_its_own_training_part() -> None:
    for own in load_dataset(experiment("gaussians", n_samples=60), SEEDS).sets:
        x = own.scaling.apply(own.train.x)
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "per_seed", "allowed"),
    [
        ("digits", "samples", "split, weights"),
        ("mnist", "samples", "weights, split"),
        ("celsius", "split", "weights"),
        ("moons", "all", "samples, split, weights"),
    ],
)
def test_what_a_data_set_cannot_draw_is_refused(name: str, per_seed: str, allowed: str) -> None:
    with pytest.raises(SpecError, match=rf"^data\.per_seed: got '{per_seed}', allowed is one of {allowed}\.$"):
        experiment(name, per_seed)


def test_texts_without_the_field_mean_the_weights_and_keep_their_key() -> None:
    plain = Experiment.of({})
    assert "per_seed" not in plain.to_json()
    assert "per_seed" not in "".join(plain.to_query())
    assert Experiment.from_json('{"data":{"name":"moons"}}') == plain
    named = experiment()
    assert Experiment.from_query(named.to_query()) == named == Experiment.from_json(named.to_json())
    assert named.key != plain.key


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_another_data_set_brings_its_usual_choice_where_one_was_made(name: str) -> None:
    assert experiment().set({"data.name": name}).data.per_seed == DATASETS[name].per_seed[0] or name == "moons"
    assert Experiment.of({}).set({"data.name": name}).data.per_seed == "weights"
    assert DataSpec(name=name, per_seed=DATASETS[name].per_seed[0]).per_seed == DATASETS[name].per_seed[0]
