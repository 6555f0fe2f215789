"""What several pages show of data and networks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.pictures import picture_rows
from nnlab.datasets import Dataset, PartName, load_dataset, mnist
from nnlab.datasets.mnist import DatasetUnavailable
from nnlab.engines.base import Array, Floats
from nnlab.spec import DataSpec, Experiment
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

HEIGHT = 300


def available_dataset(spec: DataSpec) -> Dataset | None:
    """The data set; None where it would have to be downloaded first. Raises SpecError, DatasetUnavailable."""
    return None if spec.name == "mnist" and not mnist.available() else load_dataset(spec)


def data_problem(spec: DataSpec) -> Problem | None:
    """What only the data itself can show to be invalid: more folds than a class has samples."""
    try:
        if spec.folds:
            available_dataset(spec)
    except SpecError as error:
        return error.problems[0]
    except DatasetUnavailable:
        pass
    return None


def first_two_features(dataset: Dataset) -> Dataset:
    """The data set with its first two inputs only, which a scatter can show."""
    parts = {name: getattr(dataset, name) for name in ("train", "validation", "test")}
    cut = {name: replace(part, x=part.x[:, :2]) for name, part in parts.items()}
    return replace(dataset, feature_names=dataset.feature_names[:2], **cut)


def sample_pictures(
    dataset: Dataset,
    x: Array | Sequence[Array],
    y: Array | Sequence[int],
    columns: int,
    predicted: Sequence[int] | Array | None = None,
    probability: Sequence[float] | None = None,
) -> pd.DataFrame:
    """The rows of a picture grid for samples x (n, pixels) of the classes y, as `picture_rows` makes them."""
    names = dataset.class_names
    return picture_rows(
        [row.reshape(dataset.image_shape) for row in x],
        [names[label] for label in y],
        None if predicted is None else [names[label] for label in predicted],
        probability,
        columns=columns,
        full=16.0 if dataset.name == "digits" else 255.0,
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
