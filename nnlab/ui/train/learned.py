"""What a network has learned so far, as a picture that follows the training: a decision surface, a fitted line, sample
pictures or a confusion matrix. Drawn from the weights in the store and computed once for all viewers.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from streamlit.delta_generator import DeltaGenerator

from nnlab.analysis import predictions, scores
from nnlab.charts.base import Labels, Spec
from nnlab.charts.data import Plane, confusion, confusion_rows, fit_rows, line_fit, point_rows, surface, surface_rows
from nnlab.charts.pictures import picture_grid
from nnlab.datasets import load_dataset
from nnlab.engines.base import Floats
from nnlab.lab import Lab
from nnlab.spec import DataSpec, Experiment
from nnlab.store import Run
from nnlab.ui.shared.cache import once_per_epoch, weights_size
from nnlab.ui.shared.pictures import available_dataset, judged_part, own_data_note, prediction_table, sample_pictures
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, Texts

Kind = Literal["plane", "line", "pictures", "table"]

HEIGHT = 280
SIZE = 48  # cells of a surface across
COLUMNS, LINES = 6, 3  # of sample pictures
MOST_WORK = 2e9  # multiply-adds of one picture; above it, only the first seed of the run is drawn
MOST_PREDICTIONS = 100

_CAPTIONS: Texts = {
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
    return "plane" if experiment.data.raw_inputs == 2 else "table"


def learned_caption(run: Run, t: Text) -> str:
    """What the picture shows, and whose samples where every seed has its own."""
    kind, data = kind_of(run.experiment), run.experiment.data
    note = own_data_note(data, run.seeds[0], t)
    if kind == "table" and note:
        note = t("Mean over the seeds, each on its own samples.")
    latest = ""
    if run.experiment.train.patience and not run.final_epochs:
        latest = t("Seeds that have stopped are shown with the weights of their best epoch; after the end, all are.")
    return " ".join(filter(None, (t(_CAPTIONS[kind]), note, latest)))


def learned(page: Page, run: Run, place: DeltaGenerator) -> None:
    """Draws the picture; before the first weights only the data."""
    data, t = run.experiment.data, page.t
    if available_dataset(data, run.seeds[:1]) is None:
        absent = place.container(height=HEIGHT, border=False, key="learned-absent")
        absent.caption(t("The pictures appear here once the data is on this server."))
        return
    rows, alt = _rows(page.lab, run), t(_ALTS[kind_of(run.experiment)])
    place.vega_lite_chart(rows, _spec(data, run.seeds[:1], page.words), key="chart-learned", alt=alt)


@lru_cache(maxsize=256)
def _spec(data: DataSpec, seeds: tuple[int, ...], words: Labels) -> Spec:
    dataset, kind = load_dataset(data, seeds), kind_of(Experiment(data=data))
    if kind == "plane":
        return surface(Plane.of(dataset, SIZE), labels=words)
    if kind == "line":
        return line_fit(dataset.feature_names[0], dataset.target_name, labels=words)
    if kind == "pictures":
        return {**picture_grid(COLUMNS, LINES, labels=words), "height": HEIGHT}
    return confusion(tuple(dataset.class_names), labels=words)


@once_per_epoch(weights_size)
def _rows(lab: Lab, run: Run) -> pa.Table:
    """The rows of the picture at the latest weights, as the browser gets them; before there are any, the data alone."""
    experiment, dataset, kind = run.experiment, load_dataset(run.experiment, run.seeds), kind_of(run.experiment)
    samples = {"plane": SIZE * SIZE, "line": 100, "pictures": COLUMNS * LINES, "table": 1000}[kind]
    seed = 0 if samples * len(run.replicates) * experiment.parameters > MOST_WORK else None
    stored, own = lab.snapshot(run.id, replicate=seed), dataset.training_sets[0]
    weights = stored and stored[1]
    if kind == "plane":
        rows = point_rows(dataset)
        if weights:
            cells = predictions.surface(experiment, weights, dataset, SIZE, seed)
            rows = surface_rows(cells, rows, experiment.data.classes)
    elif kind == "line":
        line = predictions.line(experiment, weights, dataset, seed_index=seed) if weights else None
        rows = fit_rows(line, dataset)
    elif kind == "pictures":
        part = getattr(own, judged_part(own))
        x, y, predicted, probability = part.x[:samples], part.y[:samples], None, None
        if weights:
            x, y, predicted, probability = predictions.pictures(experiment, weights, dataset, samples, seed)
        rows = sample_pictures(dataset, x, y, COLUMNS, predicted, probability)
    else:
        counts = np.zeros((len(dataset.class_names),) * 2)
        if weights:
            counts = scores.confusion(experiment, weights, dataset, judged_part(own), seed)
        rows = confusion_rows(counts, dataset.class_names)
    return pa.Table.from_pandas(rows, preserve_index=False)


def predictions_table(page: Page, run: Run) -> pd.DataFrame:
    """For regression on one input: the samples, their targets and the network's predictions (mean over the seeds)."""
    own = load_dataset(run.experiment, run.seeds).training_sets[0]
    return prediction_table(own, _predictions(page.lab, run), page.t, MOST_PREDICTIONS)


@once_per_epoch(weights_size)
def _predictions(lab: Lab, run: Run) -> Floats | None:
    stored = lab.snapshot(run.id)
    if stored is None:
        return None
    weights, own = predictions.first_set(stored[1], load_dataset(run.experiment, run.seeds))
    x = getattr(own, judged_part(own)).x[:MOST_PREDICTIONS]
    mean: Floats = predictions.predict(run.experiment, weights, own, x).mean(axis=0)  # (n, outputs)
    return mean[:, 0]
