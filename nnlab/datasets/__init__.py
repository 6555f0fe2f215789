"""Loads data sets by name. Each family of data sets is a module with a function `load(spec, rng) -> Raw`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue.presets import presets
from nnlab.datasets import celsius, digits, mnist, plane, synthetic
from nnlab.datasets.base import PARTS, Dataset, Part, PartName, Raw, Rows, Scaling, fit_scaling
from nnlab.datasets.mnist import DatasetUnavailable
from nnlab.datasets.split import fold_rows, spread_order
from nnlab.settings import settings
from nnlab.spec import DATASETS, DataSpec, Experiment
from nnlab.spec.errors import Problem, SpecError

LOADERS: Mapping[str, Callable[[DataSpec, np.random.Generator], Raw]] = {
    "synthetic": synthetic.load,
    **dict.fromkeys(plane.SHAPES, plane.load),
    "digits": digits.load,
    "mnist": mnist.load,
    "celsius": celsius.load,
}
"""The loader of every name in `nnlab.spec.DATASETS`."""

DRAW: Mapping[str, Callable[[DataSpec, Any, int, np.random.Generator], Raw]] = {
    "synthetic": synthetic.draw,
    **dict.fromkeys(plane.SHAPES, plane.draw),
}
"""Of data that are generated: `draw(spec, problem, n, rng)` gives n new samples of a problem; () where there is only
one. With the same `rng`, fewer samples are the first of more."""

# streams of the data seed, and of a seed with data of its own; nnlab.engines.random_streams has the others
SAMPLING_STREAM, SPLIT_STREAM = 10, 11


def load_dataset(spec: DataSpec | Experiment | str, seeds: Sequence[int] = (0,)) -> Dataset:
    """Load the data of an experiment, or of a data set or preset by its name, split and with its scaling fitted.

    Parameters
    ----------
    seeds : sequence of int
        Those of the networks, which matter where each has data of its own (`DataSpec.per_seed`).

    Returns
    -------
    Dataset
        Equal specs and seeds give equal data, bit for bit. Sizes are `spec.sizes`; classes are spread evenly over the
        parts, and every class is in the training part, unless new samples have wrong labels. The test part does not
        change with the validation share. The data sets used last are cached. Under k-fold, `split.fold_rows` divides
        the samples that are the training and the validation part under hold-out, in this order. Of a seed's new
        samples, or of its split, those of a smaller training part are the first of a larger one, and the other parts
        are the same.

    Raises
    ------
    SpecError
        For an unknown name, and if a class has fewer samples than there are folds.
    DatasetUnavailable
        If MNIST is neither on disk nor can be downloaded.
    """
    if isinstance(spec, str):
        if spec not in DATASETS and spec not in presets:
            choices = tuple(dict.fromkeys([*DATASETS, *presets]))
            raise SpecError([Problem("data.name", spec, "choice", choices=choices)])
        spec = DataSpec.of({"name": spec}) if spec in DATASETS else presets[spec]
    data = spec.data if isinstance(spec, Experiment) else spec
    chosen = tuple(seeds) if data.per_seed != "weights" else ()
    key = data, chosen, settings().data_dir
    with _lock:
        if key in _cached:
            _cached[key] = _cached.pop(key)
            return _cached[key][0]
    made = _made(data, chosen)
    with _lock:
        _cached[key] = made, OBJECTS * max(1, len(chosen)) + _bytes(data, len(chosen))
        while len(_cached) > 1 and sum(size for _, size in _cached.values()) > CACHED:
            del _cached[next(iter(_cached))]
    return made


def _made(spec: DataSpec, seeds: tuple[int, ...]) -> Dataset:
    rng = np.random.default_rng((SAMPLING_STREAM, spec.seed))
    if spec.per_seed == "weights":
        raw = LOADERS[spec.name](spec, rng)
        return _dataset(spec, raw, _split(spec, raw), spec.seed)
    if spec.per_seed == "samples":
        problem = synthetic.draw_problem(spec.features, spec.classes, rng) if spec.name == "synthetic" else ()
        parts = [_drawn(spec, problem, seed) for seed in seeds]
    else:
        raw = LOADERS[spec.name](whole(spec), rng)
        parts = [(raw, _split_anew(spec, raw, seed)) for seed in seeds]
    each = [
        _dataset(spec, *own, int(np.random.default_rng((SPLIT_STREAM, spec.seed, seed, 2)).integers(2**31)))
        for own, seed in zip(parts, seeds, strict=True)
    ]
    return each[0] if len(each) == 1 else replace(each[0], sets=tuple(chain(*(one.training_sets for one in each))))


CACHED = 150_000_000
"""Bytes of the data sets in the cache, the latest used; one may take more. MNIST takes 55 MB."""
OBJECTS = 10_000  # bytes of a data set without its samples, roughly
_cached: dict[tuple[DataSpec, tuple[int, ...], Path], tuple[Dataset, int]] = {}
_lock = Lock()


def _bytes(spec: DataSpec, seeds: int) -> int:
    """Memory of the samples, roughly; splits share those they are cut from."""
    number = 1 if spec.facts.image_shape else 4
    if spec.per_seed == "split":
        samples, rows = sum(whole(spec).sizes), seeds * sum(spec.sizes)
    else:
        samples, rows = max(1, seeds) * sum(spec.sizes), 0
    return samples * (spec.raw_inputs * number + 8) + 16 * rows


def whole(spec: DataSpec) -> DataSpec:
    """The samples that splits are drawn from: all that there are, or as many as are generated."""
    return spec if spec.facts.generated else spec.model_copy(update={"n_samples": spec.max_samples})


Parts = tuple[Part, Part, Part]
"""Training, validation and test part."""


def part_sizes(spec: DataSpec) -> tuple[int, int, int]:
    """Of the parts; under k-fold training and validation are one part, which is cut into folds."""
    train, validation, test = spec.sizes
    return (train + validation, 0, test) if spec.folds else (train, validation, test)


def _split(spec: DataSpec, raw: Raw) -> Parts:
    """The parts that all seeds share."""
    train_size, validation_size, _ = part_sizes(spec)
    if train_size == len(raw.x) and not spec.folds:  # one part: keep the given order
        order = np.arange(train_size)
    else:
        order = spread_order(_classes(raw), np.random.default_rng((SPLIT_STREAM, spec.seed)))
    # training first, test last: the test part is the same for every validation share
    train, validation, test = (
        Part(raw.x[rows], raw.y[rows]) for rows in np.split(order, [train_size, train_size + validation_size])
    )
    return train, validation, raw.test or test


def _split_anew(spec: DataSpec, raw: Raw, seed: int) -> Parts:
    """The parts of one seed, cut from all samples outside the test part, which all seeds share."""
    train_size, validation_size, test_size = part_sizes(spec)
    pool, test = np.arange(len(raw.x)), raw.test
    if test is None:
        order = spread_order(_classes(raw), np.random.default_rng((SPLIT_STREAM, spec.seed)))
        pool, rows = np.split(order, [len(order) - test_size])
        test = Part(Rows(raw.x, rows), raw.y[rows])
    order = spread_order(_classes(raw)[pool], np.random.default_rng((SPLIT_STREAM, spec.seed, seed, 1)))
    train, validation = (
        Part(Rows(raw.x, pool[rows]), raw.y[pool[rows]])
        for rows in (order[:train_size], order[len(order) - validation_size :])
    )
    return train, validation, test


def _drawn(spec: DataSpec, problem: Any, seed: int) -> tuple[Raw, Parts]:
    """New samples for one seed, each part from random numbers of its own."""
    rngs = (np.random.default_rng((SAMPLING_STREAM, spec.seed, seed, part)) for part in (1, 2, 3))  # a 0 adds nothing
    raws = [DRAW[spec.name](spec, problem, size, rng) for size, rng in zip(part_sizes(spec), rngs, strict=True)]
    train, validation, test = (Part(raw.x, raw.y) for raw in raws)
    return raws[0], (train, validation, test)


def _classes(raw: Raw) -> NDArray[Any]:
    return raw.y if raw.class_names else np.zeros(len(raw.y))


def _dataset(spec: DataSpec, raw: Raw, parts: Parts, fold_seed: int) -> Dataset:
    """The parts with names and scaling, and their folds."""
    train, validation, test = parts
    dataset = Dataset(
        name=spec.name,
        task=spec.task,
        train=train,
        validation=validation,
        test=test,
        scaling=fit_scaling(spec.scaling, train.x, spec.facts.full_scale, spec.computed_terms),
        feature_names=raw.feature_names,
        class_names=raw.class_names,
        target_name=raw.target_name,
        image_shape=spec.facts.image_shape,
    )
    return replace(dataset, sets=tuple(_folds(dataset, spec, raw, fold_seed))) if spec.folds else dataset


def _folds(dataset: Dataset, spec: DataSpec, raw: Raw, fold_seed: int) -> Iterator[Dataset]:
    pool, classes = dataset.train, bool(dataset.class_names)
    if classes and np.bincount(pool.y, minlength=len(dataset.class_names)).min() < spec.folds:
        raise SpecError.conflict("data.folds", spec.folds, "folds_exceed_class")
    for rows in fold_rows(pool.y, spec.folds, fold_seed, classes=classes):
        train, validation = (pool.take(chosen) for chosen in rows)
        scaling = fit_scaling(spec.scaling, train.x, spec.facts.full_scale, spec.computed_terms)
        yield replace(dataset, train=train, validation=validation, scaling=scaling)
