"""The loss while the learning rate grows, with the rate that the test suggests."""

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from nnlab.charts.axes import PLAIN, axis, number_axis
from nnlab.charts.base import Spec, finish
from nnlab.charts.colours import FAINT, PAPER, ROLE_INK, TRAIN
from nnlab.charts.labels import ENGLISH, FORMATS, Labels
from nnlab.charts.marks import hover_rule, tip, where
from nnlab.training.lr_range_test import HIGH, LOW, OVER, RangeTest

_POWERS = f"abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6 ? ({PLAIN}) : ''"
"""The axis labels powers of ten only."""


def range_test_rows(test: RangeTest, present: float) -> pd.DataFrame:
    """One row a step: `rate`, `loss` (smoothed mean over the seeds), `low` and `high` (of the seeds, at most four times
    the lowest mean so far). Two more rows have a `mark`: the `present` rate and, if there is one, the `suggested` one;
    `side` is where its name does not touch the present one's line, 1 on the right and -1 on the left."""
    most = OVER * np.fmin.accumulate(test.losses.mean(axis=1))
    low, high = (np.fmin(edge(test.losses, axis=1), most) for edge in (np.fmin.reduce, np.fmax.reduce))
    steps = pd.DataFrame({"rate": test.rates, "loss": test.smoothed, "low": low, "high": high, "mark": None})
    marks = pd.DataFrame([("present", present, 0)], columns=["mark", "rate", "side"])
    if found := test.suggested:
        marks.loc[1] = ["suggested", found, -1 if present > found else 1]
    marks["loss"] = np.interp(np.log(marks["rate"]), np.log(test.rates), test.smoothed)
    marks["rate"] = marks["rate"].clip(LOW, HIGH)
    return pd.concat([steps, marks], ignore_index=True)


@cache
def range_test_curve(*, labels: Labels = ENGLISH, height: int = 260) -> Spec:
    """Loss against learning rate with a band over the seeds; the suggested rate as a dot on the line, the present one
    as a thin rule. Rows: `range_test_rows`."""
    curve = where("!isValid(datum.mark)")
    suggested, present = where("datum.mark === 'suggested'"), where("datum.mark === 'present'")
    present_name: dict[str, Any] = {
        "color": FAINT,
        "fontSize": 12,
        "text": labels("current"),
        "baseline": "top",
        "align": alt.ExprRef(expr="datum.rate > 0.1 ? 'right' : 'left'"),
        "dx": alt.ExprRef(expr="datum.rate > 0.1 ? -5 : 5"),
    }
    suggested_name: dict[str, Any] = {
        "color": ROLE_INK["train"],
        "fontSize": 12,
        "fontWeight": 600,
        "text": labels("suggested"),
        "align": alt.ExprRef(expr="datum.side < 0 ? 'right' : 'left'"),
        "dx": alt.ExprRef(expr="10 * datum.side"),
        "dy": alt.ExprRef(expr="-14 * datum.side"),
    }
    dot = {"filled": True, "color": TRAIN, "size": 130, "opacity": 1, "stroke": PAPER, "strokeWidth": 2}
    chart = alt.layer(
        curve.mark_area(color=TRAIN, opacity=0.18).encode(y="low:Q", y2="high"),
        present.mark_rule(color=FAINT, strokeDash=[2, 3], strokeWidth=1.5).encode(
            y=alt.value(0), y2=alt.value("height")
        ),
        present.mark_text(**present_name).encode(y=alt.value(0)),
        curve.mark_line(color=TRAIN, strokeWidth=2.5, strokeJoin="round").encode(y="loss:Q"),
        *hover_rule(
            curve, [tip("rate", labels("learning rate"), ".2~r"), tip("loss", labels("loss"), FORMATS["loss"])]
        ),
        suggested.mark_point(**dot).encode(y="loss:Q"),
        suggested.mark_text(**suggested_name).encode(y="loss:Q"),
    ).encode(
        x=alt.X(
            "rate:Q",
            scale=alt.Scale(type="log", domain=[LOW, HIGH], nice=False, clamp=True),
            axis=axis(title=labels("learning rate"), labelExpr=_POWERS, grid=False, domain=True),
        ),
        y=alt.Y(scale=alt.Scale(zero=False, nice=True), axis=number_axis("loss", upright=False, title=labels("loss"))),
    )
    return finish(chart, labels, height, right=16)
