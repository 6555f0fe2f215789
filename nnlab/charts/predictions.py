"""How the classes are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.base import ENGLISH, FAINT, HEIGHT, INK, PAPER, Labels, Spec, axis, finish, quoted, themed


def confusion_rows(counts: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """A confusion matrix (classes, classes; row: what it is, column: what it is taken for) as one row a cell:
    `truth`, `guess` (class numbers), `class`, `predicted` (names), `samples`, `share` (of the class's samples)."""
    matrix = np.asarray(counts, float)
    sums = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, sums, out=np.zeros_like(matrix), where=sums > 0)
    truth, guess = (index.ravel() for index in np.indices(matrix.shape))
    names = np.asarray(list(class_names), dtype=object)
    return pd.DataFrame(
        {
            "truth": truth,
            "guess": guess,
            "class": names[truth],
            "predicted": names[guess],
            "samples": matrix.ravel(),
            "share": share.ravel(),
        }
    )


@cache
def confusion(class_names: tuple[str, ...], *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """A line what it is, a column what it is taken for; the fuller a cell, the more of the line is in it.

    Rows: `confusion_rows`."""
    numbers = list(range(len(class_names)))
    names = " : ".join(f"datum.value === {i} ? {quoted(name)}" for i, name in enumerate(class_names)) + " : ''"
    scale = alt.Scale(domain=numbers, padding=0.04)
    look: dict[str, Any] = {"labelExpr": names, "labelAngle": 0, "grid": False}
    place: dict[str, Any] = {
        "x": alt.X("guess:O", scale=scale, axis=axis(title=labels.predicted, **look)),
        "y": alt.Y("truth:O", scale=scale, axis=axis(title=labels.true_class, **look)),
    }
    fill = alt.Scale(
        domain=[0, 0.5, 1],
        range=[themed("#EDF1F5", "#232A31"), themed("#6FAAD6", "#3279B5"), themed("#0B5394", "#9CD0F5")],
        interpolate="rgb",
    )
    tooltip = [
        alt.Tooltip("class:N", title=labels.true_class),
        alt.Tooltip("predicted:N", title=labels.predicted),
        alt.Tooltip("samples:Q", title=labels.samples, format=",.1~f"),
        alt.Tooltip("share:Q", title=" ", format=".1%"),
    ]
    cells = (
        alt.Chart()
        .mark_rect(cornerRadius=3)
        .encode(color=alt.Color("share:Q", scale=fill, legend=None), tooltip=tooltip)
    )
    words = (
        alt.Chart()
        .transform_filter("datum.samples > 0")
        .mark_text(fontSize=12, tooltip=False)
        .encode(
            text=alt.Text("samples:Q", format=",.0f"),
            color=alt.condition("datum.share > 0.45", alt.value(PAPER), alt.value(INK)),
        )
    )
    return finish(alt.layer(cells, words).encode(**place), labels, height=height)


SHARES = alt.Scale(domain=[0, 1])


def answer_rows(shares: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """Probabilities of the classes, (classes,): `class`, `place` (its order), `probability`, `best`."""
    values = np.asarray(shares, float)
    return pd.DataFrame(
        {
            "class": list(class_names),
            "place": range(len(values)),
            "probability": values,
            "best": np.arange(len(values)) == values.argmax(),
        }
    )


@cache
def answer_bars(*, labels: Labels = ENGLISH, height: int = 220) -> Spec:
    """A bar a class, the likeliest dark. Rows: `answer_rows`."""
    chart = (
        alt.Chart()
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("class:N", sort=alt.EncodingSortField("place", op="min"), axis=axis(title=None, labelAngle=0)),
            y=alt.Y("probability:Q", scale=SHARES, axis=axis(title=labels.probability, format=".0%", tickCount=3)),
            color=alt.condition("datum.best", alt.value(INK), alt.value(FAINT)),
            opacity=alt.condition("datum.best", alt.value(1), alt.value(0.5)),
            tooltip=[
                alt.Tooltip("class:N", title=labels.true_class),
                alt.Tooltip("probability:Q", title=labels.probability, format=".1%"),
            ],
        )
    )
    return finish(chart, labels, height=height)
