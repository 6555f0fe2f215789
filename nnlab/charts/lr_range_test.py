"""The loss while the learning rate grows, and where the suggestion lies."""

from __future__ import annotations

from functools import cache

import altair as alt
import numpy as np
import pandas as pd

from nnlab.charts.base import (
    ENGLISH,
    FAINT,
    FORMATS,
    INK,
    PAPER,
    PLAIN,
    ROLE_INK,
    TRAIN,
    Labels,
    Spec,
    axis,
    finish,
    number_axis,
)
from nnlab.training.lr_range_test import HIGH, LOW, OVER, RangeTest

_POWERS = f"abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6 ? ({PLAIN}) : ''"
"""Only powers of ten are named on the axis."""


def range_test_rows(test: RangeTest, present: float) -> pd.DataFrame:
    """One row a step: `rate`, `loss` (smoothed mean over the seeds), `low` and `high` (of the seeds, at most four times
    the lowest mean so far). Two more have a `mark`: the `present` rate and, where there is one, the `suggested`; `side`
    is where its name does not meet the present one's line, 1 on the right and -1 on the left."""
    rates, smoothed = test.rates, test.smoothed
    most = OVER * np.fmin.accumulate(test.losses.mean(axis=1))
    low, high = (np.fmin(edge(test.losses, axis=1), most) for edge in (np.fmin.reduce, np.fmax.reduce))
    rows = pd.DataFrame({"rate": rates, "loss": smoothed, "low": low, "high": high, "mark": None})
    found = test.suggested
    marks = [("present", present, 0)] + ([("suggested", found, -1 if present > found else 1)] if found else [])
    logs = np.log(rates)
    at = pd.DataFrame(
        {
            "rate": [float(np.clip(rate, LOW, HIGH)) for _, rate, _ in marks],
            "loss": [float(np.interp(np.log(rate), logs, smoothed)) for _, rate, _ in marks],
            "mark": [name for name, _, _ in marks],
            "side": [side for _, _, side in marks],
        }
    )
    return pd.concat([rows, at], ignore_index=True)


@cache
def range_test_curve(*, labels: Labels = ENGLISH, height: int = 260) -> Spec:
    """Loss against learning rate with a band over the seeds; the rate suggested as a dot on the line, the present one
    as a thin rule. Rows: `range_test_rows`."""
    x = alt.X(
        "rate:Q",
        scale=alt.Scale(type="log", domain=[LOW, HIGH], nice=False, clamp=True),
        axis=axis(
            title=labels.rate,
            labelExpr=_POWERS,
            grid=False,
            domain=True,
        ),
    )
    y = alt.Scale(zero=False, nice=True)
    curve = alt.Chart().transform_filter("!isValid(datum.mark)")
    suggested = alt.Chart().transform_filter("datum.mark === 'suggested'")
    present = alt.Chart().transform_filter("datum.mark === 'present'")
    loss = alt.Y("loss:Q", title=None)
    tooltip = [
        alt.Tooltip("rate:Q", title=labels.rate, format=".2~r"),
        alt.Tooltip("loss:Q", title=labels.loss, format=FORMATS["loss"]),
    ]
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, encodings=["x"], clear="pointerout", empty=False
    )
    shown = alt.condition(hover, alt.value(0.7), alt.value(0))
    chart = alt.layer(
        curve.mark_area(color=TRAIN, opacity=0.18, tooltip=False).encode(
            y=alt.Y("low:Q", title=None, scale=y), y2="high"
        ),
        present.mark_rule(color=FAINT, strokeDash=[2, 3], strokeWidth=1.5, tooltip=False),
        present.mark_text(
            color=FAINT, fontSize=12, text=labels.present_rate, baseline="top", tooltip=False,
            align=alt.ExprRef(expr="datum.rate > 0.1 ? 'right' : 'left'"),
            dx=alt.ExprRef(expr="datum.rate > 0.1 ? -5 : 5"),
        ).encode(y=alt.value(0)),
        curve.mark_line(color=TRAIN, strokeWidth=2.5, strokeJoin="round", tooltip=False).encode(y=loss),
        curve.mark_rule(color=INK, strokeWidth=1).encode(opacity=shown, tooltip=tooltip).add_params(hover),
        suggested.mark_point(
            filled=True, color=TRAIN, size=130, opacity=1, stroke=PAPER, strokeWidth=2, tooltip=False
        ).encode(y=loss),
        suggested.mark_text(
            color=ROLE_INK["train"], fontSize=12, fontWeight=600, text=labels.suggested_rate, tooltip=False,
            align=alt.ExprRef(expr="datum.side < 0 ? 'right' : 'left'"),
            dx=alt.ExprRef(expr="10 * datum.side"),
            dy=alt.ExprRef(expr="-14 * datum.side"),
        ).encode(y=loss),
    ).encode(x=x, y=alt.Y(axis=number_axis("loss", upright=False, title=labels.loss)))  # fmt: skip
    return finish(chart, labels, height=height, right=16)
