"""Predictions for inputs of one's own: values typed into fields, or a digit drawn on a board."""

import numpy as np
import streamlit as st

from nnlab.analysis.predictions import predict
from nnlab.charts.predictions import probability_bars, probability_rows
from nnlab.datasets import Dataset
from nnlab.engines.base import Floats, Weights
from nnlab.store import Run
from nnlab.ui.inspect.digit_board import as_sample, drawing_board
from nnlab.ui.shell.frame import Page

MOST_INPUTS = 12


def try_inputs(page: Page, run: Run, weights: Weights, dataset: Dataset) -> None:
    """A drawing board or a field per input, as suits the data; `weights` are (seeds, ...)."""
    if dataset.image_shape is not None:
        _draw(page, run, weights, dataset)
    elif run.experiment.data.inputs <= MOST_INPUTS:
        _type(page, run, weights, dataset)
    else:
        st.caption(page.t("Too many inputs to type: use the script of this run, which predicts whole tables."))


def _type(page: Page, run: Run, weights: Weights, dataset: Dataset) -> None:
    t, means = page.t, np.asarray(dataset.train.x, float).mean(axis=0)
    columns = st.columns(min(4, len(means)))
    values = []
    for i, name in enumerate(dataset.feature_names):
        start = 100.0 if dataset.name == "celsius" else round(float(means[i]), 2)
        with columns[i % len(columns)]:
            value = st.number_input(name, value=start, step=0.1, format="%.6g", key=f"ask-{dataset.name}-{i}")
            values.append(start if value is None else value)
    outputs = predict(run.experiment, weights, dataset, np.asarray([values], np.float32))[:, 0]  # (seeds, outputs)
    if run.experiment.task == "regression":
        st.metric(dataset.target_name, t.number(float(outputs.mean()), 5), border=True, width="content")
        if len(outputs) > 1:
            low, high = t.number(outputs.min(), 5), t.number(outputs.max(), 5)
            st.caption(t("Mean over the seeds; from {low} to {high}", low=low, high=high))
    else:
        _show_classes(page, outputs, dataset)
    st.caption(t("Far from the training data, predictions are not reliable."))


def _draw(page: Page, run: Run, weights: Weights, dataset: Dataset) -> None:
    t = page.t
    left, right = st.columns([2, 3], gap="medium")
    with left:
        drawing = drawing_board(t)
    with right:
        if drawing is None:
            st.caption(t("Draw a digit: the network classifies it when you lift the pen."))
            return
        _show_classes(page, predict(run.experiment, weights, dataset, as_sample(drawing, dataset))[:, 0], dataset)
        height, width = dataset.image_shape or (0, 0)
        words = t(
            "The network receives {height}×{width} pixels, centred and scaled as in the data.",
            height=height,
            width=width,
        )
        st.caption(words)


def _show_classes(page: Page, outputs: Floats, dataset: Dataset) -> None:
    """The probability of every class, mean over the seeds; `outputs` are (seeds, outputs)."""
    t, mean = page.t, outputs.mean(axis=0)
    shares = np.array([1 - mean[0], mean[0]]) if len(mean) == 1 else mean
    best = int(shares.argmax())
    left, right = st.columns([1, 3], gap="medium", vertical_alignment="center")
    left.metric(
        t("Prediction"),
        dataset.class_names[best],
        t.percent(float(shares[best])),
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    right.vega_lite_chart(
        probability_rows(shares, dataset.class_names),
        probability_bars(labels=page.words),
        key="ask-bars",
        alt=t("Probability of every class"),
    )
