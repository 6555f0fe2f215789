"""What a trained network gets right and wrong on the validation part (the training part where there is none)."""

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.analysis.predictions import labels, predict, replicate
from nnlab.analysis.scores import confusion as confusion_counts
from nnlab.charts.pictures import picture_grid
from nnlab.charts.predictions import confusion, confusion_rows
from nnlab.datasets import Dataset
from nnlab.engines.base import Weights
from nnlab.spec import Experiment
from nnlab.store import Run
from nnlab.ui.shared.pictures import judged_part, prediction_table, sample_pictures
from nnlab.ui.shell.frame import Page

HEIGHT = 340
MOST_MISTAKES = 16


def results_view(page: Page, run: Run, weights: Weights, dataset: Dataset, index: int) -> None:
    """For one replicate: the confusion matrix and the mistakes; for regression, every prediction."""
    t, experiment = page.t, run.experiment
    weights, dataset = replicate(weights, dataset, index)
    if experiment.task == "regression":
        predicted = predict(experiment, weights, dataset, getattr(dataset, judged_part(dataset)).x)[0, :, 0]
        table = prediction_table(dataset, predicted, t)
        st.dataframe(table, hide_index=True, alt=t("Targets and predictions"))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        names, caption = tuple(dataset.class_names), t("Rows: true class. Columns: predicted class.")
        rows = confusion_rows(confusion_counts(experiment, weights, dataset, judged_part(dataset)), names)
        spec = confusion(names, labels=page.words, height=HEIGHT)
        st.vega_lite_chart(rows, spec, key="inspect-confusion", alt=caption)
        st.caption(caption)
    with right:
        _mistakes(page, experiment, weights, dataset)


def _mistakes(page: Page, experiment: Experiment, weights: Weights, dataset: Dataset) -> None:
    """The wrong predictions, the most confident ones first."""
    t, part = page.t, getattr(dataset, judged_part(dataset))
    outputs = predict(experiment, weights, dataset, part.x)[0]  # (n, outputs)
    predicted = labels(outputs)
    certain = (
        np.where(predicted == 1, outputs[:, 0], 1 - outputs[:, 0]) if outputs.shape[1] == 1 else outputs.max(axis=1)
    )
    wrong = np.flatnonzero(predicted != part.y)
    words = t.many("{n} mistake in {all} samples", "{n} mistakes in {all} samples", len(wrong), all=t.whole(len(part)))
    st.caption(f"{words}, {t('the most confident first')}" if len(wrong) > 1 else words)
    if not len(wrong):
        return
    wrong = wrong[np.argsort(-certain[wrong], kind="stable")][:MOST_MISTAKES]
    if dataset.image_shape is not None:
        rows = sample_pictures(
            dataset, part.x[wrong], part.y[wrong], 4, predicted[wrong], [*map(float, certain[wrong])]
        )
        alt = t("Mistakes: true class → predicted class")
        st.vega_lite_chart(rows, picture_grid(4, 4, labels=page.words, cell=72), key="inspect-mistakes", alt=alt)
        return
    table = pd.DataFrame(np.round(part.x[wrong].astype(float), 3), columns=list(dataset.feature_names))
    table.insert(0, t("True class"), [dataset.class_names[label] for label in part.y[wrong]])
    table.insert(1, t("Predicted class"), [dataset.class_names[label] for label in predicted[wrong]])
    st.dataframe(table, hide_index=True, height=HEIGHT, alt=t("The mistakes"))
