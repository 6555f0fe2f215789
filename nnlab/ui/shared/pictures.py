"""What several pages show of data: charts, sample pictures, predictions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.base import Labels, Spec
from nnlab.charts.data import Plane, balance_rows, class_balance, data_scatter, fit_rows, line_fit, point_rows, surface
from nnlab.charts.pictures import picture_grid, picture_rows
from nnlab.datasets import PARTS, Dataset, PartName, load_dataset, mnist
from nnlab.datasets.mnist import DatasetUnavailable
from nnlab.engines.base import Array, Floats
from nnlab.spec import DATASETS, DataSpec, Experiment
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

MOST_LOADED = 1_000_000
"""Numbers in the data of all seeds up to which a page looks at all of them."""


def on_server(spec: DataSpec) -> bool:
    """Whether the data is here: MNIST may have to be downloaded first."""
    return spec.name != "mnist" or mnist.available()


def available_dataset(spec: DataSpec, seeds: Sequence[int] = (0,)) -> Dataset | None:
    """The data set; None where it would have to be downloaded first. Raises SpecError, DatasetUnavailable."""
    return load_dataset(spec, seeds) if on_server(spec) else None


def input_names(spec: DataSpec) -> Sequence[str]:
    """The names of the network's inputs; none where the data is not on this server."""
    dataset = available_dataset(spec)
    return () if dataset is None else dataset.input_names


def data_problem(spec: DataSpec, seeds: Sequence[int]) -> Problem | None:
    """What only the data itself can show to be invalid: more folds than a class has samples."""
    try:
        if spec.folds:
            few = spec.n_samples * len(seeds) * spec.raw_inputs <= MOST_LOADED
            available_dataset(spec, seeds if few else seeds[:1])
    except SpecError as error:
        return error.problems[0]
    except DatasetUnavailable:
        pass
    return None


def own_data_note(spec: DataSpec, seed: int, t: Text) -> str:
    """Whose samples are shown, where every seed has its own; else empty."""
    return {
        "samples": t("The samples shown are those of seed {seed}; every seed draws its own.", seed=seed),
        "split": t("The split shown is that of seed {seed}; every seed has its own.", seed=seed),
    }.get(spec.per_seed, "")


def data_chart(dataset: Dataset, words: Labels, height: int, small: bool = False) -> tuple[pd.DataFrame, Spec]:
    """Rows and chart of a data set: its first pictures, the points to fit, or the samples of every class by their first
    two features. `small`: more pictures a line, and samples without axes."""
    if dataset.image_shape is not None:
        columns, lines = (8, 3) if small else (6, 4)
        x, y = dataset.train.x[: columns * lines], dataset.train.y[: columns * lines]
        chart = picture_grid(columns, lines, captions=False, labels=words, cell=height // lines)
        return sample_pictures(dataset, x, y, columns=columns), chart
    if dataset.task == "regression":
        chart = line_fit(dataset.feature_names[0], dataset.target_name, labels=words, height=height)
        return fit_rows(None, dataset), chart
    if dataset.raw_inputs < 2:
        return balance_rows(dataset), class_balance(labels=words, height=height)
    parts = {name: getattr(dataset, name) for name in PARTS}
    cut = {name: replace(part, x=part.x[:, :2]) for name, part in parts.items()}
    flat = replace(dataset, feature_names=dataset.feature_names[:2], **cut)
    if small:
        return point_rows(flat), surface(Plane.of(flat, 24), compact=True, labels=words, height=height)
    return point_rows(flat), data_scatter(Plane.of(flat), labels=words, height=height)


def sample_pictures(
    dataset: Dataset,
    x: Array | Sequence[Array],
    y: Array | Sequence[int],
    columns: int,
    predicted: Sequence[int] | Array | None = None,
    probability: Sequence[float] | Floats | None = None,
) -> pd.DataFrame:
    """The rows of a picture grid for samples x (n, pixels) of the classes y, as `picture_rows` makes them."""
    names = dataset.class_names
    return picture_rows(
        [row.reshape(dataset.image_shape) for row in x],
        [names[label] for label in y],
        None if predicted is None else [names[label] for label in predicted],
        probability,
        columns=columns,
        full=DATASETS[dataset.name].full_scale or 1.0,
    )


def judged_part(dataset: Dataset) -> PartName:
    """The part on which single samples are shown: validation, or training where there is no validation part."""
    return "validation" if len(dataset.validation) else "train"


def prediction_table(dataset: Dataset, predicted: Floats | None, t: Text, most: int | None = None) -> pd.DataFrame:
    """For regression on one input: the samples of `judged_part`, their targets, predictions (n,) and errors.

    Without predictions (None) the last two columns are empty."""
    part = getattr(dataset, judged_part(dataset))
    truth = np.asarray(part.y[:most], float).reshape(-1)
    values = np.full(len(truth), np.nan) if predicted is None else predicted
    return pd.DataFrame(
        {
            dataset.feature_names[0]: [t.plain(float(x)) for x in part.x[:most, 0]],
            f"{dataset.target_name}, {t('true value')}": [t.plain(y) for y in truth],
            f"{dataset.target_name}, {t('prediction')}": [t.number(value, 5) for value in values],
            t("error"): [t.number(value) for value in values - truth],
        }
    )


def frozen_note(page: Page, experiment: Experiment) -> None:
    """What the dashed lines of a drawn network mean, where there are some."""
    if experiment.frozen_parameters:
        st.caption(page.t("🔒 Dashed lines: frozen layers. Their weights do not change during training."))
