"""What a trained network predicts: right and wrong on the validation part (the training part where there is none), and
for inputs of one's own, typed into fields or drawn on a board."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from nnlab.analysis.coverage import counted
from nnlab.analysis.predictions import labels, predict
from nnlab.charts.data import confusion, confusion_rows, probability_bars, probability_rows
from nnlab.charts.pictures import picture_grid
from nnlab.datasets import Dataset, load_dataset
from nnlab.engines.base import Array, Floats
from nnlab.lab import Lab
from nnlab.store import Run, UnknownRun
from nnlab.ui.inspect.digit_board import as_sample, drawing_board
from nnlab.ui.shared.cache import Cache, replicate_weights, weights_size
from nnlab.ui.shared.number_field import bounded_number_field
from nnlab.ui.shared.pictures import judged_part, prediction_table, sample_pictures
from nnlab.ui.shell.frame import Page

HEIGHT = 340
MOST_MISTAKES = 16
MOST_INPUTS = 12
LARGEST = 1e9  # of an input that is typed
PREDICTING = 130_000_000  # bytes, at most about, while thousands of samples pass through a network
_on_part: Cache[Floats] = Cache()
_on_sample: Cache[Floats] = Cache()


def results_view(page: Page, run: Run, dataset: Dataset, epoch: int, index: int) -> None:
    """For one replicate: the confusion matrix and the mistakes; for regression, every prediction. `dataset` is what it
    was trained on."""
    t, experiment = page.t, run.experiment
    part = judged_part(dataset)
    outputs = _outputs(page.lab, run, epoch, index, dataset)  # (n, outputs)
    if experiment.task == "regression":
        table = prediction_table(dataset, outputs[:, 0], t)
        st.dataframe(table, hide_index=True, alt=t("Targets and predictions"))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        names, caption = tuple(dataset.class_names), t("Rows: true class. Columns: predicted class.")
        rows = confusion_rows(_confusion(outputs, getattr(dataset, part).y, len(names)), names)
        spec = confusion(names, labels=page.words, height=HEIGHT)
        st.vega_lite_chart(rows, spec, key="inspect-confusion", alt=caption)
        st.caption(caption)
    with right:
        _mistakes(page, dataset, _probabilities(outputs))


def _outputs(lab: Lab, run: Run, epoch: int, index: int, dataset: Dataset) -> Floats:
    """The outputs (n, outputs) of one replicate on the part that is judged."""

    def compute() -> Floats:
        weights = replicate_weights(lab, run, epoch, index)
        if weights is None:
            raise UnknownRun(run.id)
        outputs: Floats = predict(run.experiment, weights, dataset, getattr(dataset, judged_part(dataset)).x)[0]
        return outputs

    return _on_part.get((run.id, run.state, epoch, index), compute, PREDICTING)


def _answers(lab: Lab, run: Run, epoch: int, sample: NDArray[np.float32]) -> Floats:
    """The outputs (replicates, outputs) of all replicates for one raw sample."""

    def compute() -> Floats:
        stored = lab.snapshot(run.id, epoch)
        if stored is None:
            raise UnknownRun(run.id)
        return predict(run.experiment, stored[1], load_dataset(run.experiment, run.seeds), sample)[:, 0]

    return _on_sample.get((run.id, run.state, epoch, sample.tobytes()), compute, weights_size(run))


def _confusion(outputs: Floats, y: Array, classes: int) -> Floats:
    """How many samples of class i (row) were predicted as class j (column), from outputs (n, outputs)."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (y, labels(outputs)), 1)
    return counts


def _mistakes(page: Page, dataset: Dataset, probabilities: Floats) -> None:
    """The wrong predictions, the most confident ones first; `probabilities` are (n, classes)."""
    t, name = page.t, judged_part(dataset)
    part = getattr(dataset, name)
    predicted, certain = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != part.y)
    samples = counted(name, len(part), dataset.image_shape is not None, t)
    words = t.many("{n} mistake in {samples}", "{n} mistakes in {samples}", len(wrong), samples=samples)
    st.caption(f"{words}, {t('the most confident first')}" if len(wrong) > 1 else words)
    if not len(wrong):
        return
    wrong = wrong[np.argsort(-certain[wrong], kind="stable")][:MOST_MISTAKES]
    x, y, predicted = part.x[wrong], part.y[wrong], predicted[wrong]
    if dataset.image_shape is not None:
        rows = sample_pictures(dataset, x, y, 4, predicted, certain[wrong].tolist())
        alt = t("Mistakes: true class → predicted class")
        st.vega_lite_chart(rows, picture_grid(4, 4, labels=page.words, cell=72), key="inspect-mistakes", alt=alt)
        return
    table = pd.DataFrame(np.round(x.astype(float), 3), columns=list(dataset.feature_names))
    table.insert(0, t("True class"), [dataset.class_names[label] for label in y])
    table.insert(1, t("Predicted class"), [dataset.class_names[label] for label in predicted])
    st.dataframe(table, hide_index=True, height=HEIGHT, alt=t("The mistakes"))


def try_inputs(page: Page, run: Run, dataset: Dataset, epoch: int) -> None:
    """A drawing board or a field per input, as suits the data."""
    if dataset.image_shape is not None:
        _draw(page, run, dataset, epoch)
    elif run.experiment.data.raw_inputs <= MOST_INPUTS:
        _type(page, run, dataset, epoch)
    else:
        st.caption(page.t("Too many inputs to type: use the script of this run, which predicts whole tables."))


def _type(page: Page, run: Run, dataset: Dataset, epoch: int) -> None:
    t, state, means = page.t, st.session_state, np.asarray(dataset.train.x, float).mean(axis=0)
    columns = st.columns(min(4, len(means)))
    values = []
    for i, name in enumerate(dataset.feature_names):
        start = 100.0 if dataset.name == "celsius" else round(float(means[i]), 2)
        key = f"ask-{dataset.name}-{i}"
        value = state.setdefault(f"{key}-value", start)
        with columns[i % len(columns)]:
            take = partial(state.__setitem__, f"{key}-value")
            bounded_number_field(name, value, -LARGEST, LARGEST, take, key=key, t=t)
        values.append(value)
    outputs = _answers(page.lab, run, epoch, np.asarray(values, np.float32))  # (seeds, outputs)
    if run.experiment.task == "regression":
        st.metric(dataset.target_name, t.number(float(outputs.mean()), 5), border=True, width="content")
        if len(outputs) > 1:
            low, high = t.number(outputs.min(), 5), t.number(outputs.max(), 5)
            st.caption(t("Mean over the seeds; from {low} to {high}", low=low, high=high))
    else:
        _show_classes(page, outputs, dataset)
    st.caption(t("Far from the training data, predictions are not reliable."))


def _draw(page: Page, run: Run, dataset: Dataset, epoch: int) -> None:
    t = page.t
    left, right = st.columns([2, 3], gap="medium")
    with left:
        drawing = drawing_board(t)
    with right:
        if drawing is None:
            st.caption(t("Draw a digit: the network classifies it when you lift the pen."))
            return
        _show_classes(page, _answers(page.lab, run, epoch, as_sample(drawing, dataset)), dataset)
        h, w = dataset.image_shape or (0, 0)
        st.caption(
            t("The network receives {height}×{width} pixels, centred and scaled as in the data.", height=h, width=w)
        )


def _show_classes(page: Page, outputs: Floats, dataset: Dataset) -> None:
    """The probability of every class, mean over the seeds; `outputs` are (seeds, outputs)."""
    t, shares = page.t, _probabilities(outputs.mean(axis=0))
    best = int(shares.argmax())
    name, share = dataset.class_names[best], t.percent(float(shares[best]))
    left, right = st.columns([1, 3], gap="medium", vertical_alignment="center")
    left.metric(t("Prediction"), name, share, delta_color="off", delta_arrow="off", border=True)
    rows, alt = probability_rows(shares, dataset.class_names), t("Probability of every class")
    right.vega_lite_chart(rows, probability_bars(labels=page.words), key="ask-bars", alt=alt)


def _probabilities(outputs: Floats) -> Floats:
    """The probabilities of the classes (..., classes), also where the network gives only that of class 1."""
    return np.concatenate([1 - outputs, outputs], axis=-1) if outputs.shape[-1] == 1 else outputs
