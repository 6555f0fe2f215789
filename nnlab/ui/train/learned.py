"""What a network has learned so far, as a picture that follows the training: a surface, a line, sample pictures, or
how the classes are told apart. Drawn from the weights in the store; computed once for everybody who looks on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nnlab.analysis import predictions, scores
from nnlab.charts.data import Plane, fit_rows, line_fit, point_rows, surface, surface_rows
from nnlab.charts.pictures import picture_grid, picture_rows
from nnlab.charts.predictions import confusion, confusion_rows
from nnlab.datasets import Dataset, Part, load_dataset, mnist
from nnlab.lab import Lab
from nnlab.spec import DataSpec, Experiment
from nnlab.store import Run
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, mark

Kind = Literal["plane", "line", "pictures", "table"]

SIZE = 48  # cells of a surface across
PICTURES = (6, 3)  # columns, rows
MOST_WORK = 2e9  # multiply-adds of one picture; a larger network is shown by its first seed alone

CAPTIONS: dict[Kind, str] = {
    "plane": mark("The class the network gives every place; paler where it is less sure."),
    "line": mark("The line it draws through the points; the band is where the seeds differ."),
    "pictures": mark("Samples it has not trained on: ✓ read right, ✗ true → read."),
    "table": mark("Rows: what it is. Columns: what the network takes it for."),
}


def kind_of(experiment: Experiment) -> Kind:
    """Which picture suits the data."""
    if experiment.data.facts.image_shape is not None:
        return "pictures"
    if experiment.task == "regression":
        return "line"
    return "plane" if experiment.data.inputs == 2 else "table"


def caption(experiment: Experiment, t: Text) -> str:
    """One line that says how to read the picture."""
    return t(CAPTIONS[kind_of(experiment)])


def learned(page: Page, run: Run, height: int, place: DeltaGenerator) -> None:
    """Draws it into its place; before the first weights only the data."""
    t, experiment, kind = page.t, run.experiment, kind_of(run.experiment)
    dataset = _dataset(experiment.data)
    if dataset is None:
        absent = place.container(height=height, border=False, key="learned-absent")
        absent.caption(t("The pictures appear here once the data is on this machine."))
        return
    rows: Any = _drawn(run.id, run.epoch, run.state, page.lab, experiment, len(run.replicates))
    rows = _bare(experiment.data) if rows is None else rows
    words, spec, say = page.words, {}, ""
    if kind == "plane":
        spec = surface(_plane(experiment.data), labels=words, height=height)
        say = t("The decision surface and the data")
    elif kind == "line":
        spec = line_fit(dataset.feature_names[0], dataset.target_name, labels=words, height=height)
        say = t("The fitted line and the data")
    elif kind == "pictures":
        spec = {**picture_grid(*PICTURES, labels=words), "height": height}
        say = t("Samples and what the network reads")
    else:
        spec = confusion(tuple(dataset.class_names), labels=words, height=height)
        say = t("What is taken for what")
    place.vega_lite_chart(rows, spec, key="chart-learned", alt=say)


def answers(page: Page, run: Run, most: int = 100) -> pd.DataFrame:
    """For regression on one input: every sample, the truth, the network's answer (mean over seeds) and how far it is
    off, with headings in the visitor's language."""
    t, experiment = page.t, run.experiment
    dataset = _dataset(experiment.data)
    assert dataset is not None
    part = _looked_at(dataset)
    x, truth = part.x[:most], np.asarray(part.y[:most], float).reshape(-1)
    said = _answers(run.id, run.epoch, run.state, page.lab, experiment, most)
    said = np.full(len(truth), np.nan) if said is None else said
    return pd.DataFrame(
        {
            dataset.feature_names[0]: [t.number(float(v)) for v in x[:, 0]],
            f"{dataset.target_name}, {t('true')}": [t.number(v, 4) for v in truth],
            f"{dataset.target_name}, {t('answer')}": [t.number(v, 5) for v in said],
            t("off by"): [t.number(v) for v in said - truth],
        }
    )


# -- shared by everybody who looks on --------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _drawn(run_id: str, epoch: int, state: str, lab: Lab, experiment: Experiment, networks: int) -> pa.Table | None:
    """The rows of the picture at the latest weights, as the browser gets them; None before there are any."""
    del epoch, state  # they say which weights are the latest
    rows = _rows(run_id, lab, experiment, networks)
    return None if rows is None else pa.Table.from_pandas(rows, preserve_index=False)


def _rows(run_id: str, lab: Lab, experiment: Experiment, networks: int) -> pd.DataFrame | None:
    kept, dataset = lab.snapshot(run_id), _dataset(experiment.data)
    if kept is None or dataset is None:
        return None
    weights, kind = kept[1], kind_of(experiment)
    samples = {"plane": SIZE * SIZE, "line": 100, "pictures": PICTURES[0] * PICTURES[1]}.get(kind, 1000)
    seed = 0 if samples * networks * experiment.parameters > MOST_WORK else None
    if kind == "plane":
        cells = predictions.surface(experiment, weights, dataset, SIZE, seed)
        return surface_rows(cells, _points(experiment.data), experiment.data.classes)
    if kind == "line":
        return fit_rows(predictions.line(experiment, weights, dataset, seed_index=seed), dataset)
    if kind == "pictures":
        shown = predictions.pictures(experiment, weights, dataset, PICTURES[0] * PICTURES[1], seed)
        names = dataset.class_names
        return picture_rows(
            [one.pixels for one in shown],
            [names[one.label] for one in shown],
            [names[one.predicted] for one in shown],
            [one.probability for one in shown],
            columns=PICTURES[0],
            full=_full(dataset),
        )
    part: Any = "validation" if len(dataset.training_sets[0].validation) else "train"
    return confusion_rows(scores.confusion(experiment, weights, dataset, part, seed), tuple(dataset.class_names))


@st.cache_data(max_entries=64, show_spinner=False)
def _answers(run_id: str, epoch: int, state: str, _lab: Lab, _experiment: Experiment, most: int) -> Any:
    del epoch, state
    kept, dataset = _lab.snapshot(run_id), _dataset(_experiment.data)
    if kept is None or dataset is None:
        return None
    weights, own = predictions.first_fold(kept[1], dataset)
    return predictions.predict(_experiment, weights, own, _looked_at(dataset).x[:most]).mean(axis=0)[:, 0]


@lru_cache(maxsize=64)
def _bare(data: DataSpec) -> pd.DataFrame:
    """The same rows before there are weights: the data alone."""
    dataset = load_dataset(data)
    kind = kind_of(Experiment(data=data))
    if kind == "plane":
        return _points(data)
    if kind == "line":
        return fit_rows(pd.DataFrame({"x": [], "value": [], "low": [], "high": []}, dtype=float), dataset)
    if kind == "pictures" and dataset.image_shape is not None:
        part = _looked_at(dataset)
        some = slice(PICTURES[0] * PICTURES[1])
        return picture_rows(
            [x.reshape(dataset.image_shape) for x in part.x[some]],
            [dataset.class_names[label] for label in part.y[some]],
            columns=PICTURES[0],
            full=_full(dataset),
        )
    empty = np.zeros((len(dataset.class_names), len(dataset.class_names)))
    return confusion_rows(empty, tuple(dataset.class_names))


@lru_cache(maxsize=64)
def _plane(data: DataSpec) -> Plane:
    return Plane.of(load_dataset(data), SIZE)


@lru_cache(maxsize=64)
def _points(data: DataSpec) -> pd.DataFrame:
    return point_rows(load_dataset(data))


def _looked_at(dataset: Dataset) -> Part:
    """The samples shown one by one: the validation part (of the first fold), if there is one."""
    own = dataset.training_sets[0]
    return own.validation if len(own.validation) else own.train


def _full(dataset: Dataset) -> float:
    """The largest value of a pixel."""
    return 16.0 if dataset.name == "digits" else 255.0


def _dataset(data: DataSpec) -> Dataset | None:
    """The data, if it is at hand: a page that shows a run downloads nothing."""
    if data.name == "mnist" and not mnist.available():
        return None
    return load_dataset(data)
