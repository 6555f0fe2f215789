"""Ask a trained network: type values, take a sample, draw a digit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from nnlab.analysis.predictions import labels as decide
from nnlab.analysis.predictions import predict, replicate
from nnlab.analysis.scores import confusion as count_confusions
from nnlab.charts.pictures import picture_grid, picture_rows
from nnlab.charts.predictions import answer_bars, answer_rows, confusion, confusion_rows
from nnlab.datasets import Dataset
from nnlab.engines.base import Weights
from nnlab.store import Run
from nnlab.ui.inspect.digit_board import as_sample, drawing_board
from nnlab.ui.shell.frame import Page

MOST_INPUTS = 12
MISTAKES = 16


def ask_view(page: Page, run: Run, weights: Weights, dataset: Dataset) -> None:
    """Whatever suits the data: a drawing board, or a field an input. `weights` keep their seeds axis."""
    if dataset.image_shape is not None:
        _ask_with_a_drawing(page, run, weights, dataset)
    elif run.experiment.data.inputs <= MOST_INPUTS:
        _ask_with_values(page, run, weights, dataset)
    else:
        st.caption(page.t("Too many inputs to type; the script of this run answers for whole tables."))


def _ask_with_values(page: Page, run: Run, weights: Weights, dataset: Dataset) -> None:
    t, usual = page.t, np.asarray(dataset.train.x, float)
    columns = st.columns(min(4, len(dataset.feature_names)))
    values = []
    for i, name in enumerate(dataset.feature_names):
        start = 100.0 if run.experiment.data.name == "celsius" else round(float(usual[:, i].mean()), 2)
        with columns[i % len(columns)]:
            value = st.number_input(
                name, value=start, step=0.1, format="%.6g", key=f"ask-{run.experiment.data.name}-{i}"
            )
            values.append(start if value is None else value)
    answer = predict(run.experiment, weights, dataset, np.asarray([values], np.float32))[:, 0]  # (seeds, outputs)
    if run.experiment.task == "regression":
        spread = f" ({t.number(answer.min(), 5)} … {t.number(answer.max(), 5)})" if len(answer) > 1 else ""
        st.metric(dataset.target_name, t.number(float(answer.mean()), 5), border=True, width="content")
        if spread:
            st.caption(t("Mean over the seeds, lowest and highest: {values}", values=spread.strip(" ()")))
    else:
        _show_classes(page, answer, dataset)
    st.caption(t("Far from the training data the answer is a guess: a network knows only what it has seen."))


def _ask_with_a_drawing(page: Page, run: Run, weights: Weights, dataset: Dataset) -> None:
    t = page.t
    left, right = st.columns([2, 3], gap="medium")
    with left:
        drawn = drawing_board(t)
    with right:
        sample = None if drawn is None else as_sample(drawn, dataset)
        if sample is None:
            st.caption(t("Draw a digit on the left; the network reads it when you lift the pen."))
            return
        _show_classes(page, predict(run.experiment, weights, dataset, sample[None])[:, 0], dataset)
        st.caption(t("It sees {height}×{width} pixels, centred and scaled as in the data.",
                     height=dataset.image_shape[0], width=dataset.image_shape[1]))  # type: ignore[index]  # fmt: skip


def _show_classes(page: Page, answer: NDArray[np.float64], dataset: Dataset) -> None:
    """Probabilities of the classes, mean over the seeds; `answer` is (seeds, outputs)."""
    t = page.t
    mean = answer.mean(axis=0)
    shares = np.array([1 - mean[0], mean[0]]) if len(mean) == 1 else mean
    best = int(shares.argmax())
    says, bars = st.columns([1, 3], gap="medium", vertical_alignment="center")
    says.metric(
        t("The network says"), dataset.class_names[best], t.percent(float(shares[best])), delta_color="off",
        delta_arrow="off", border=True,
    )  # fmt: skip
    bars.vega_lite_chart(
        answer_rows(shares, dataset.class_names), answer_bars(labels=page.words), key="ask-bars",
        alt=t("Probability of every class"),
    )  # fmt: skip


def results_view(page: Page, run: Run, weights: Weights, dataset: Dataset, seed_index: int) -> None:
    """Which classes are taken for which, and the mistakes themselves; on validation data (training data where there is
    none)."""
    t, experiment = page.t, run.experiment
    weights, dataset = replicate(weights, dataset, seed_index)
    part = dataset.validation if len(dataset.validation) else dataset.train
    if experiment.task == "regression":
        said = predict(experiment, weights, dataset, part.x)[0, :, 0]
        truth = np.asarray(part.y, float).reshape(-1)
        st.dataframe(
            pd.DataFrame(
                {
                    dataset.feature_names[0]: [t.plain(float(v)) for v in np.asarray(part.x, float)[:, 0]],
                    t("Truth"): [t.plain(float(v)) for v in truth],
                    t("Answer"): [t.number(v, 5) for v in said],
                    t("Off by"): [t.number(v) for v in said - truth],
                }
            ),
            hide_index=True,
            alt=t("Truth and answer for every sample"),
        )
        return
    left, right = st.columns(2, gap="medium")
    with left:
        counts = count_confusions(experiment, weights, dataset, "validation" if len(dataset.validation) else "train")
        st.vega_lite_chart(
            confusion_rows(counts, tuple(dataset.class_names)),
            confusion(tuple(dataset.class_names), labels=page.words, height=340),
            key="inspect-confusion",
            alt=t("Rows: what it is; columns: what the network takes it for"),
        )
        st.caption(t("Rows: what it is; columns: what the network takes it for"))
    with right:
        answer = predict(experiment, weights, dataset, part.x)[0]
        guess = decide(answer)
        wrong = np.flatnonzero(guess != part.y)
        sure = np.where(guess == 1, answer[:, 0], 1 - answer[:, 0]) if answer.shape[1] == 1 else answer.max(axis=1)
        wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
        st.caption(
            t.many("{n} mistake among {all} samples", "{n} mistakes among {all} samples",
                   int((guess != part.y).sum()), all=t.whole(len(part)))
            + (", " + t("the surest first") if len(wrong) > 1 else "")
        )  # fmt: skip
        if len(wrong) and dataset.image_shape is not None:
            rows = picture_rows(
                [part.x[i].reshape(dataset.image_shape) for i in wrong],
                [dataset.class_names[part.y[i]] for i in wrong],
                [dataset.class_names[guess[i]] for i in wrong],
                [float(sure[i]) for i in wrong],
                columns=4,
                full=16.0 if dataset.name == "digits" else 255.0,
            )
            st.vega_lite_chart(
                rows, picture_grid(4, 4, labels=page.words, cell=72), key="inspect-mistakes",
                alt=t("Mistakes: true class, then what the network read"),
            )  # fmt: skip
        elif len(wrong):
            table = pd.DataFrame(np.round(part.x[wrong].astype(float), 3), columns=list(dataset.feature_names))
            table.insert(0, t("Truth"), [dataset.class_names[part.y[i]] for i in wrong])
            table.insert(1, t("Answer"), [dataset.class_names[guess[i]] for i in wrong])
            st.dataframe(table, hide_index=True, height=340, alt=t("The mistakes"))
