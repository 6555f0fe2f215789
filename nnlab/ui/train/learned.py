"""What a network has learned so far, as a picture that follows the training: a decision surface, a fitted line, sample
pictures or a confusion matrix. Drawn from the weights in the store and computed once for all viewers.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from streamlit.delta_generator import DeltaGenerator

from nnlab.analysis import predictions, scores
from nnlab.charts.base import Spec
from nnlab.charts.data import Plane, confusion, confusion_rows, fit_rows, line_fit, point_rows, surface, surface_rows
from nnlab.charts.labels import Labels
from nnlab.charts.pictures import picture_grid
from nnlab.datasets import Dataset, load_dataset
from nnlab.engines.base import Floats
from nnlab.lab import Lab
from nnlab.spec import DataSpec, Experiment
from nnlab.store import Run
from nnlab.ui.shared.cache import once_per_epoch
from nnlab.ui.shared.pictures import available_dataset, judged_part, prediction_table, sample_pictures
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Texts

Kind = Literal["plane", "line", "pictures", "table"]

HEIGHT = 280
SIZE = 48  # cells of a surface across
COLUMNS, LINES = 6, 3  # of sample pictures
MOST_WORK = 2e9  # multiply-adds of one picture; above it, only the first seed of the run is drawn
MOST_PREDICTIONS = 100

CAPTIONS: Texts = {
    "plane": "The class the network predicts at each point; paler where it is less certain.",
    "line": "The line fitted to the points; the band shows how much the seeds differ.",
    "pictures": "Samples not used for training: ✓ correct, ✗ true class → predicted class.",
    "table": "Rows: true class. Columns: predicted class.",
}
_ALTS: Texts = {
    "plane": "The decision surface and the data",
    "line": "The fitted line and the data",
    "pictures": "Samples and their predicted classes",
    "table": "Confusion matrix",
}


def kind_of(experiment: Experiment) -> Kind:
    """Which picture suits the data."""
    if experiment.data.facts.image_shape is not None:
        return "pictures"
    if experiment.task == "regression":
        return "line"
    return "plane" if experiment.data.inputs == 2 else "table"


def learned(page: Page, run: Run, place: DeltaGenerator) -> None:
    """Draws the picture; before the first weights only the data."""
    t, experiment = page.t, run.experiment
    dataset = available_dataset(experiment.data)
    if dataset is None:
        absent = place.container(height=HEIGHT, border=False, key="learned-absent")
        absent.caption(t("The pictures appear here once the data is on this server."))
        return
    rows: Any = _latest(page.lab, run)
    rows = _untrained(experiment.data) if rows is None else rows
    kind = kind_of(experiment)
    place.vega_lite_chart(
        rows, _spec(kind, dataset, experiment.data, page.words), key="chart-learned", alt=t(_ALTS[kind])
    )


def _spec(kind: Kind, dataset: Dataset, data: DataSpec, words: Labels) -> Spec:
    if kind == "plane":
        return surface(_plane(data), labels=words, height=HEIGHT)
    if kind == "line":
        return line_fit(dataset.feature_names[0], dataset.target_name, labels=words, height=HEIGHT)
    if kind == "pictures":
        return {**picture_grid(COLUMNS, LINES, labels=words), "height": HEIGHT}
    return confusion(tuple(dataset.class_names), labels=words, height=HEIGHT)


def predictions_table(page: Page, run: Run) -> pd.DataFrame:
    """For regression on one input: the samples, their targets and the network's predictions (mean over the seeds)."""
    own = load_dataset(run.experiment.data).training_sets[0]
    return prediction_table(own, _predictions(page.lab, run), page.t, MOST_PREDICTIONS)


@once_per_epoch(64)
def _latest(lab: Lab, run: Run) -> pa.Table | None:
    """The rows of the picture at the latest weights, as the browser gets them; None before there are any."""
    experiment = run.experiment
    stored, dataset = lab.snapshot(run.id), available_dataset(experiment.data)
    if stored is None or dataset is None:
        return None
    kind = kind_of(experiment)
    samples = {"plane": SIZE * SIZE, "line": 100, "pictures": COLUMNS * LINES}.get(kind, 1000)
    seed = 0 if samples * len(run.replicates) * experiment.parameters > MOST_WORK else None
    rows = _rows(kind, experiment, stored[1], dataset, seed)
    return pa.Table.from_pandas(rows, preserve_index=False)


def _rows(kind: Kind, experiment: Experiment, weights: Any, dataset: Dataset, seed: int | None) -> pd.DataFrame:
    if kind == "plane":
        cells = predictions.surface(experiment, weights, dataset, SIZE, seed)
        return surface_rows(cells, _points(experiment.data), experiment.data.classes)
    if kind == "line":
        return fit_rows(predictions.line(experiment, weights, dataset, seed_index=seed), dataset)
    if kind == "pictures":
        shown = predictions.pictures(experiment, weights, dataset, COLUMNS * LINES, seed)
        return sample_pictures(
            dataset,
            [one.pixels for one in shown],
            [one.label for one in shown],
            COLUMNS,
            [one.predicted for one in shown],
            [one.probability for one in shown],
        )
    counts = scores.confusion(experiment, weights, dataset, judged_part(dataset.training_sets[0]), seed)
    return confusion_rows(counts, tuple(dataset.class_names))


@once_per_epoch(64)
def _predictions(lab: Lab, run: Run) -> Floats | None:
    stored = lab.snapshot(run.id)
    if stored is None:
        return None
    weights, own = predictions.first_fold(stored[1], load_dataset(run.experiment.data))
    x = getattr(own, judged_part(own)).x[:MOST_PREDICTIONS]
    mean: Floats = predictions.predict(run.experiment, weights, own, x).mean(axis=0)  # (n, outputs)
    return mean[:, 0]


@lru_cache(maxsize=64)
def _untrained(data: DataSpec) -> pd.DataFrame:
    """The same rows before there are weights: the data alone."""
    dataset, kind = load_dataset(data), kind_of(Experiment(data=data))
    if kind == "plane":
        return _points(data)
    if kind == "line":
        return fit_rows(None, dataset)
    if kind == "pictures":
        own = dataset.training_sets[0]
        part, some = getattr(own, judged_part(own)), slice(COLUMNS * LINES)
        return sample_pictures(dataset, part.x[some], part.y[some], COLUMNS)
    classes = len(dataset.class_names)
    return confusion_rows(np.zeros((classes, classes)), tuple(dataset.class_names))


@lru_cache(maxsize=64)
def _plane(data: DataSpec) -> Plane:
    return Plane.of(load_dataset(data), SIZE)


@lru_cache(maxsize=64)
def _points(data: DataSpec) -> pd.DataFrame:
    return point_rows(load_dataset(data))
