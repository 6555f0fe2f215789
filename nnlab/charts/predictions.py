"""What a network predicts: the classes of many samples, the probabilities of one."""

from collections.abc import Sequence
from functools import cache

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.axes import axis
from nnlab.charts.base import HEIGHT, Spec, finish
from nnlab.charts.colours import FAINT, INK, PAPER, themed
from nnlab.charts.labels import ENGLISH, Labels, word_for
from nnlab.charts.marks import either, tip, where


def confusion_rows(counts: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """A confusion matrix (classes, classes; row: true class, column: predicted class) as one row a cell: `truth`,
    `guess` (class numbers), `class`, `predicted` (names), `samples`, `share` (of the class's samples)."""
    matrix = np.asarray(counts, float)
    sums = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, sums, out=np.zeros_like(matrix), where=sums > 0)
    truth, guess = (index.ravel() for index in np.indices(matrix.shape))
    names = np.asarray(list(class_names), dtype=object)
    columns = {"truth": truth, "guess": guess, "class": names[truth], "predicted": names[guess]}
    return pd.DataFrame({**columns, "samples": matrix.ravel(), "share": share.ravel()})


@cache
def confusion(class_names: tuple[str, ...], *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """A row a true class, a column a predicted class; the stronger a cell's colour, the larger its share of the row.

    Rows: `confusion_rows`."""
    scale = alt.Scale(domain=list(range(len(class_names))), padding=0.04)
    look = {"labelExpr": word_for("value", class_names), "labelAngle": 0, "grid": False}
    fill = alt.Scale(
        domain=[0, 0.5, 1],
        range=[themed("#EDF1F5", "#232A31"), themed("#6FAAD6", "#3279B5"), themed("#0B5394", "#9CD0F5")],
        interpolate="rgb",
    )
    tooltip = [
        tip("class", labels("class")),
        tip("predicted", labels("predicted")),
        tip("samples", labels("samples"), ",.1~f"),
        tip("share", " ", ".1%"),
    ]
    color = alt.Color("share:Q", scale=fill, legend=None)
    text = alt.Text("samples:Q", format=",.0f")
    chart = alt.layer(
        alt.Chart().mark_rect(cornerRadius=3).encode(color=color, tooltip=tooltip),
        where("datum.samples > 0")
        .mark_text(fontSize=12)
        .encode(text=text, color=either("datum.share > 0.45", PAPER, INK)),
    ).encode(
        x=alt.X("guess:O", scale=scale, axis=axis(title=labels("predicted"), **look)),
        y=alt.Y("truth:O", scale=scale, axis=axis(title=labels("class"), **look)),
    )
    return finish(chart, labels, height)


def probability_rows(shares: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """Probabilities of the classes, (classes,): `class`, `place` (its order), `probability`, `best`."""
    values = np.asarray(shares, float)
    best = np.arange(len(values)) == values.argmax()
    return pd.DataFrame({"class": list(class_names), "place": range(len(values)), "probability": values, "best": best})


@cache
def probability_bars(*, labels: Labels = ENGLISH, height: int = 220) -> Spec:
    """A bar a class, the likeliest dark. Rows: `probability_rows`."""
    share = axis(title=labels("probability"), format=".0%", tickCount=3)
    chart = (
        alt.Chart()
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("class:N", sort=alt.EncodingSortField("place", op="min"), axis=axis(title=None, labelAngle=0)),
            y=alt.Y("probability:Q", scale=alt.Scale(domain=[0, 1]), axis=share),
            color=either("datum.best", INK, FAINT),
            opacity=either("datum.best", 1, 0.5),
            tooltip=[tip("class", labels("class")), tip("probability", labels("probability"), ".1%")],
        )
    )
    return finish(chart, labels, height)
