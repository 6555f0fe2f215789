"""Every data set: sizes, parts, determinism, scaling; each family's own definition."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab import datasets
from nnlab.catalogue.presets import presets
from nnlab.datasets import LOADERS, load_dataset
from nnlab.datasets.base import fit_scaling
from nnlab.datasets.split import spread_order
from nnlab.spec import DATASETS, DataSpec, Experiment
from nnlab.spec.errors import SpecError

NO_DOWNLOAD = [name for name in DATASETS if name != "mnist"]

plane_or_synthetic = st.builds(
    dict,
    name=st.sampled_from(["synthetic", "moons", "circles", "xor", "gaussians", "spirals", "digits"]),
    n_samples=st.integers(10, 300),
    noise=st.floats(0, 3),
    features=st.integers(1, 12),
    classes=st.integers(2, 10),
    validation=st.floats(0, 0.8),
    test=st.floats(0, 0.8),
    scaling=st.sampled_from(["none", "standard", "minmax"]),
    seed=st.integers(0, 2**31 - 1),
    labels=st.just(()) | st.lists(st.integers(0, 9), min_size=2, unique=True),
)


def possible(values: dict[str, object]) -> DataSpec | None:
    try:
        return Experiment.of({"data": values}).data
    except SpecError:
        return None


def parts(dataset: datasets.Dataset) -> list[datasets.Part]:
    return [dataset.train, dataset.validation, dataset.test]


def test_some_classes_are_the_same_pictures_renumbered_under_their_own_names():
    every, some = load_dataset(DataSpec(name="digits")), load_dataset(DataSpec(name="digits", labels=(3, 8, 9)))
    pictures = {x.tobytes(): y for part in parts(every) for x, y in zip(part.x, part.y, strict=True)}
    count = 0
    for part in parts(some):
        for x, y in zip(part.x, part.y, strict=True):
            assert some.class_names[y] == every.class_names[pictures[x.tobytes()]]
            count += 1
        shares = np.bincount(part.y, minlength=3) / len(part)
        assert np.abs(shares - np.array([183, 174, 180]) / 537).max() < 2 / len(part)
    assert count == sum(y in (3, 8, 9) for y in pictures.values())


def test_every_named_data_set_has_a_loader():
    assert set(LOADERS) == set(DATASETS)


@given(plane_or_synthetic.map(possible).filter(lambda spec: spec is not None))
def test_any_possible_spec_gives_the_promised_sizes_with_every_class_in_training(spec: DataSpec):
    data = load_dataset(spec)
    assert tuple(map(len, parts(data))) == spec.sizes
    assert set(data.train.y) == set(range(spec.classes))
    assert data.class_names == tuple(map(str, spec.labels or range(spec.classes)))
    for part in parts(data):
        assert part.x.shape == (len(part), spec.inputs) == (len(part), len(data.feature_names))
        assert part.y.shape == (len(part),)
        assert part.y.dtype == np.int64
        scaled = data.scaling.apply(part.x)
        assert scaled.dtype == np.float32
        assert np.isfinite(scaled).all()


@pytest.mark.parametrize("name", NO_DOWNLOAD)
def test_the_same_spec_gives_the_same_bits_and_another_seed_other_data(name: str):
    spec = DataSpec(name=name)
    first = load_dataset(spec)
    datasets._cached.clear()
    again, other = load_dataset(spec), load_dataset(spec.model_copy(update={"seed": 1}))
    for one, two in zip(parts(first), parts(again), strict=True):
        np.testing.assert_array_equal(one.x, two.x)
        np.testing.assert_array_equal(one.y, two.y)
    if name != "celsius":
        assert not np.array_equal(first.train.x, other.train.x)


def test_the_data_sets_of_a_class_stay_in_memory_and_large_ones_do_not_fill_it():
    specs = [DataSpec(name="digits", seed=seed, per_seed=kind) for seed in range(8) for kind in ("weights", "split")]
    first = [load_dataset(spec, range(10)) for spec in specs]
    assert all(load_dataset(spec, range(10)) is one for spec, one in zip(specs, first, strict=True))
    few_of_many = DataSpec(name="mnist", n_samples=50, per_seed="split", labels=(0, 1))  # shares its test part too
    assert datasets._bytes(few_of_many, 1) > 1e7
    huge = DataSpec(n_samples=60_000, per_seed="samples")
    assert datasets._bytes(huge, 100) > 8e7 > datasets._bytes(huge, 10)


@pytest.mark.parametrize("name", ["moons", "synthetic", "digits"])
def test_another_validation_share_leaves_the_test_part_alone(name: str):
    few, many = (load_dataset(DataSpec(name=name, validation=share)) for share in (0.1, 0.4))
    np.testing.assert_array_equal(few.test.x, many.test.x)
    np.testing.assert_array_equal(few.test.y, many.test.y)


def test_no_sample_is_in_two_parts():
    data = load_dataset(DataSpec(name="moons", n_samples=300))
    rows = np.concatenate([part.x for part in parts(data)])
    assert len(np.unique(rows, axis=0)) == 300


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(0, 100), st.data())
def test_any_stretch_of_a_spread_order_holds_the_share_of_every_class(
    labels: list[int], seed: int, data: st.DataObject
):
    y = np.array(labels)
    order = spread_order(y, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(y)))
    classes = len(set(labels))
    assert len(set(y[order[:classes]])) == classes
    start = data.draw(st.integers(classes, len(y)))
    stretch = y[order[start:]]
    for label in set(labels):
        fair = len(stretch) * (y == label).mean()
        assert abs((stretch == label).sum() - fair) <= 1 + (y == label).mean() * classes


def test_the_order_of_a_spread_changes_with_the_seed():
    y = np.zeros(50, int)
    assert not np.array_equal(spread_order(y, np.random.default_rng(0)), spread_order(y, np.random.default_rng(1)))


def test_the_scaling_knows_the_training_part_alone():
    data = load_dataset(DataSpec(name="gaussians", n_samples=60, scaling="standard"))
    scaled = data.scaling.apply(data.train.x)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-5)
    minmax = load_dataset(DataSpec(name="gaussians", n_samples=60, scaling="minmax"))
    scaled = minmax.scaling.apply(minmax.train.x)
    np.testing.assert_allclose([scaled.min(0), scaled.max(0)], [[0, 0], [1, 1]], atol=1e-6)


TERMS = ("x1", "x2", "x1_squared", "x2_squared", "x1_times_x2", "sin_x1", "sin_x2")


@pytest.mark.parametrize("scaling", ["none", "standard", "minmax"])
def test_input_features_are_computed_of_the_points_and_then_scaled(scaling: str):
    spec, plain = (DataSpec(name="xor", scaling=scaling, terms=terms) for terms in (TERMS, TERMS[:2]))
    data = load_dataset(spec)
    for part, same in zip(parts(data), parts(load_dataset(plain)), strict=True):
        assert np.array_equal(part.x, same.x), "the samples stay points"
    assert data.feature_names == ("x₁", "x₂")
    assert data.input_names == ("x₁", "x₂", "x₁²", "x₂²", "x₁x₂", "sin x₁", "sin x₂")
    a, b = np.asarray(data.train.x, np.float64).T
    inputs = np.column_stack([a, b, a * a, b * b, a * b, np.sin(a), np.sin(b)])
    shift, width = {
        "none": (0, 1),
        "standard": (inputs.mean(0), inputs.std(0)),
        "minmax": (inputs.min(0), np.ptp(inputs, axis=0)),
    }[scaling]
    np.testing.assert_allclose(data.scaling.apply(data.train.x), (inputs - shift) / width, atol=1e-5)


@pytest.mark.parametrize("per_seed", ["samples", "split"])
def test_each_set_of_samples_has_its_input_features(per_seed: str):
    spec = DataSpec(name="circles", terms=("x1_squared", "x2_squared"), per_seed=per_seed, folds=3)
    for one in load_dataset(spec, (1, 2)).training_sets:
        scaled = one.scaling.apply(one.train.x)
        assert scaled.shape == (len(one.train), 2)
        assert np.abs(scaled.mean(0)).max() < 1e-5
        assert np.corrcoef(scaled[:, 0], np.asarray(one.train.x)[:, 0] ** 2)[0, 1] > 0.9999


def test_a_feature_that_never_changes_stays_finite():
    x = np.full((5, 1), 3, np.float32)
    for name in ("standard", "minmax"):
        np.testing.assert_array_equal(fit_scaling(name, x).apply(x), np.zeros((5, 1)))


def test_pictures_are_divided_by_their_full_scale_or_standardised_over_all_pixels():
    minmax = load_dataset(DataSpec(name="digits", scaling="minmax"))
    assert minmax.train.x.dtype == np.uint8
    np.testing.assert_array_equal(minmax.scaling.apply(minmax.train.x), minmax.train.x.astype(np.float32) / 16)
    standard = load_dataset(DataSpec(name="digits", scaling="standard"))
    scaled = standard.scaling.apply(standard.train.x)
    assert abs(scaled.mean()) < 1e-4
    assert abs(scaled.std() - 1) < 1e-4
    assert standard.image_shape == (8, 8)


def test_scaling_never_writes_into_the_samples_and_nobody_can():
    data = load_dataset(DataSpec(name="moons", scaling="none"))
    assert not np.shares_memory(data.scaling.apply(data.train.x), data.train.x)
    with pytest.raises(ValueError, match="read-only"):
        data.train.x[0] = 0


def test_moons_and_circles_are_those_of_scikit_learn():
    from sklearn.datasets import make_circles, make_moons

    for name, (points, labels) in {
        "moons": make_moons(100, shuffle=False),
        "circles": make_circles(100, shuffle=False, factor=0.5),
    }.items():
        ours = load_dataset(DataSpec(name=name, n_samples=100, noise=0, validation=0, test=0)).train
        for label in (0, 1):
            np.testing.assert_allclose(ours.x[ours.y == label], points[labels == label], atol=1e-6)


def test_xor_is_one_where_the_signs_agree():
    part = load_dataset(DataSpec(name="xor", noise=0, n_samples=100)).train
    np.testing.assert_array_equal(part.y, part.x.prod(1) > 0)
    assert np.abs(part.x).min() >= 0.06
    assert np.abs(part.x).max() <= 1


def test_spirals_wind_three_quarters_more_than_once_out_to_one():
    part = load_dataset(DataSpec(name="spirals", noise=0, n_samples=200, validation=0, test=0)).train
    for label in (0, 1):
        arm = part.x[part.y == label]
        t = np.arange(100) / 100  # Playground: r = i / n, angle = 3.5 π i / n + π for the other class
        np.testing.assert_allclose(np.hypot(*arm.T), t, atol=1e-6)
        angle = 3.5 * np.pi * t + np.pi * label
        np.testing.assert_allclose(arm, np.stack([t * np.sin(angle), t * np.cos(angle)], 1), atol=1e-6)


def test_the_noise_of_a_shape_is_a_standard_deviation():
    clean, noisy = (
        load_dataset(DataSpec(name="moons", n_samples=20_000, noise=noise, validation=0, test=0)).train.x
        for noise in (0, 0.3)
    )
    assert abs((noisy - clean).std() - 0.3) < 0.01


def test_the_noise_of_synthetic_is_ten_times_the_share_of_flipped_labels():
    clean, noisy = (
        load_dataset(DataSpec(name="synthetic", n_samples=1000, classes=3, noise=noise, validation=0, test=0)).train
        for noise in (0, 0.5)
    )
    np.testing.assert_array_equal(clean.x, noisy.x)
    assert (clean.y != noisy.y).sum() == 50


def test_no_class_of_synthetic_vanishes_by_flipped_labels():
    for seed in range(30):
        spec = DataSpec(name="synthetic", n_samples=10, classes=10, noise=3, validation=0, test=0, seed=seed)
        assert sorted(load_dataset(spec).train.y) == list(range(10))


def test_synthetic_stays_the_same_problem_when_there_is_more_of_it():
    """A class's points lie where they lay: nearest neighbours from a larger draw know the smaller one's labels."""
    small, large = (
        load_dataset(DataSpec(name="synthetic", n_samples=n, noise=0, validation=0, test=0)).train for n in (100, 5000)
    )
    nearest = np.linalg.norm(small.x[:, None] - large.x[None], axis=2).argmin(1)
    assert (large.y[nearest] == small.y).mean() > 0.85


def test_the_binary_preset_cannot_be_solved_by_a_straight_line():
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    spec = presets["binary"].data.model_copy(update={"n_samples": 5000, "noise": 0.0})
    data = load_dataset(spec)
    line = LogisticRegression().fit(data.train.x, data.train.y).score(data.test.x, data.test.y)
    bent = KNeighborsClassifier(15).fit(data.train.x, data.train.y).score(data.test.x, data.test.y)
    assert line < 0.8
    assert bent > 0.9


def test_celsius_is_the_table_of_the_course_in_its_order():
    data = load_dataset("celsius")
    np.testing.assert_array_equal(data.train.x, np.array([[-40], [-10], [0], [8], [15], [22], [38]], np.float32))
    np.testing.assert_array_equal(data.train.y, np.array([[-40], [14], [32], [46], [59], [72], [100]], np.float32))
    assert (len(data.validation), len(data.test)) == (0, 0)
    assert (data.feature_names, data.target_name, data.class_names) == (("°C",), "°F", ())
    np.testing.assert_array_equal(data.scaling.apply(data.train.x), data.train.x)


def test_a_name_an_experiment_and_its_data_mean_the_same():
    assert load_dataset("binary") is load_dataset(presets["binary"]) is load_dataset(presets["binary"].data)
    assert load_dataset("moons") is load_dataset(DataSpec(name="moons"))


def test_an_unknown_name_is_one_sentence():
    with pytest.raises(SpecError, match=r"^data\.name: got 'cifar', allowed is one of synthetic, moons, .*\.$"):
        load_dataset("cifar")


def test_scikit_learn_is_not_imported_before_it_is_needed():
    code = "import sys, nnlab.datasets as d; d.load_dataset('moons'); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
