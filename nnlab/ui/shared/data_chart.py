"""A data set as a chart."""

import pandas as pd

from nnlab.charts.base import Spec
from nnlab.charts.data import Plane, balance_rows, class_balance, data_scatter, fit_rows, line_fit, point_rows, surface
from nnlab.charts.labels import Labels
from nnlab.charts.pictures import picture_grid
from nnlab.datasets import Dataset
from nnlab.ui.shared.pictures import first_two_features, sample_pictures


def data_chart(dataset: Dataset, words: Labels, height: int, small: bool = False) -> tuple[pd.DataFrame, Spec]:
    """Rows and chart of a data set: its first pictures, the points to fit, or the samples of every class by their first
    two features. `small`: more pictures a line, and samples without axes."""
    if dataset.image_shape is not None:
        columns, lines = (8, 3) if small else (6, 4)
        x, y = dataset.train.x[: columns * lines], dataset.train.y[: columns * lines]
        chart = picture_grid(columns, lines, captions=False, labels=words, cell=height // lines)
        return sample_pictures(dataset, x, y, columns=columns), chart
    if dataset.task == "regression":
        no_line = pd.DataFrame({"x": [], "value": [], "low": [], "high": []})
        chart = line_fit(dataset.feature_names[0], dataset.target_name, labels=words, height=height)
        return fit_rows(no_line, dataset), chart
    if dataset.inputs < 2:
        return balance_rows(dataset), class_balance(labels=words, height=height)
    flat = first_two_features(dataset)
    if small:
        return point_rows(flat), surface(Plane.of(flat, 24), compact=True, labels=words, height=height)
    return point_rows(flat), data_scatter(Plane.of(flat), labels=words, height=height)
