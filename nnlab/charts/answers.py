"""What a network answers to one question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnlab.charts.base import ENGLISH, FAINT, INK, Labels, Spec, axis, finish

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
