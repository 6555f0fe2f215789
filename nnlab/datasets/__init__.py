"""Loads data sets by name. Each family of data sets is a module with a function `load(spec, rng) -> Raw`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

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

SAMPLING_STREAM, SPLIT_STREAM = 10, 11  # streams of the data seed; nnlab.engines.random_streams has the others


def load_dataset(spec: DataSpec | Experiment | str) -> Dataset:
    """Load the data of an experiment, or of a data set or preset by its name, split and with its scaling fitted.

    Returns
    -------
    Dataset
        Equal specs give equal data, bit for bit. Sizes are `spec.sizes`; classes are spread evenly over the parts, and
        every class is in the training part. The test part does not change with the validation share. The last four
        data sets are cached. Under k-fold, `split.fold_rows` divides the samples that are the training and the
        validation part under hold-out, in this order.

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
    return _load(spec.data if isinstance(spec, Experiment) else spec, settings().data_dir)


@lru_cache(maxsize=4)  # MNIST takes 47 MB a split
def _load(spec: DataSpec, data_dir: Path) -> Dataset:
    raw = LOADERS[spec.name](spec, np.random.default_rng((SAMPLING_STREAM, spec.seed)))
    train_size, validation_size, _ = spec.sizes
    if spec.folds:
        train_size, validation_size = train_size + validation_size, 0
    if train_size == len(raw.x) and not spec.folds:  # one part: keep the given order
        order = np.arange(train_size)
    else:
        classes = raw.y if raw.class_names else np.zeros(len(raw.y))
        order = spread_order(classes, np.random.default_rng((SPLIT_STREAM, spec.seed)))
    # training first, test last: the test part is the same for every validation share
    train, validation, test = (
        Part(raw.x[rows], raw.y[rows]) for rows in np.split(order, [train_size, train_size + validation_size])
    )
    dataset = Dataset(
        name=spec.name,
        task=spec.task,
        train=train,
        validation=validation,
        test=raw.test or test,
        scaling=fit_scaling(spec.scaling, train.x, raw.full_scale),
        feature_names=raw.feature_names,
        class_names=raw.class_names,
        target_name=raw.target_name,
        image_shape=spec.facts.image_shape,
    )
    return replace(dataset, folds=tuple(_folds(dataset, spec, raw))) if spec.folds else dataset


def _folds(dataset: Dataset, spec: DataSpec, raw: Raw) -> Iterator[Dataset]:
    pool, classes = dataset.train, bool(dataset.class_names)
    if classes and np.bincount(pool.y, minlength=len(dataset.class_names)).min() < spec.folds:
        raise SpecError.conflict("data.folds", spec.folds, "folds_exceed_class")
    for rows in fold_rows(pool.y, spec.folds, spec.seed, classes=classes):
        train, validation = (Part(Rows(np.asarray(pool.x), chosen), pool.y[chosen]) for chosen in rows)
        scaling = fit_scaling(spec.scaling, train.x, raw.full_scale)
        yield replace(dataset, train=train, validation=validation, scaling=scaling)
