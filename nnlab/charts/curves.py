"""Curves over epochs, and the loss while the learning rate grows.

Rows of curves: one an epoch, wide, as `lab.curves` gives them.
"""

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from nnlab.charts.axes import PLAIN, axis, epochs_axis, line_legend, number_axis, number_colour, number_y
from nnlab.charts.base import ENGLISH, FORMATS, HEIGHT, Labels, Spec, finish, word_for
from nnlab.charts.colours import COLOURS, DASH, DASHES, FAINT, ROLE_INK, SERIES, TRAIN, VALIDATION
from nnlab.charts.end_names import end_names, names_width
from nnlab.charts.marks import (
    dots,
    epoch_tip,
    expression,
    hover_rule,
    named_points,
    tip,
    where,
)
from nnlab.datasets import PARTS
from nnlab.training.lr_range_test import HIGH, LOW, OVER, RangeTest


@cache
def curves(
    metric: str = "loss",
    *,
    kind: str = "accuracy",
    log: bool = False,
    band: bool = True,
    validation: bool = True,
    epochs: int | None = None,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """Training (solid) and validation (dashed) over epochs, with a band from the lowest seed to the highest.

    Rows: `epoch` and, for both parts and the metric ("loss" or "score"), `<part>_<metric>` with `_low` and `_high`;
    without rows the chart is an empty frame. `kind`: what the score is, "accuracy" or "mse". `log`: values of zero and
    less are left out. `band`, `validation`: whether there are several seeds and a validation part. `epochs`: the end
    of the axis, so that it does not move while the curves grow.
    """
    kind = "loss" if metric == "loss" else kind
    parts = PARTS[:2] if validation else PARTS[:1]
    label_width = 14 + round(6.1 * max(len(labels(part)) for part in parts))  # pixels, at a font size of 12
    layers, tooltip = [], [epoch_tip(labels)]
    for part in parts:
        field, colour = f"{part}_{metric}", COLOURS[part]
        tooltip.append(tip(field, labels(part), FORMATS[kind]))
        rows = where(f"datum.{field} > 0" + f" && datum.{field}_low > 0" * band) if log else alt.Chart()
        if band:
            area = rows.mark_area(color=colour, opacity=0.18, clip=True)
            layers.append(area.encode(y=f"{field}_low:Q", y2=f"{field}_high"))
            for end, word in (("low", labels("minimum over seeds")), ("high", labels("maximum over seeds"))):
                tooltip.append(tip(f"{field}_{end}", f"{labels(part)}, {word}", FORMATS[kind]))
        line = rows.mark_line(color=colour, strokeWidth=2.5, strokeDash=DASHES[part], strokeJoin="round")
        layers.append(line.encode(y=f"{field}:Q"))
    layers += [_end_label(part, metric, labels(part), label_width) for part in parts]
    layers += hover_rule(alt.Chart(), tooltip, {f"{part}_{metric}": COLOURS[part] for part in parts})
    y = number_y(kind, labels(kind), zero=kind != "accuracy", log=log, labels=labels)
    return finish(alt.layer(*layers).encode(x=epochs_axis(epochs, labels, label_width), y=y), labels, height)


def _end_label(part: str, metric: str, word: str, label_width: int) -> Any:
    """The curve's name beside its last point; two names that would touch move apart."""
    train, validation = (f"scale('y', datum.{p}_{metric})" for p in ("train", "validation"))
    apart = f"({validation} - {train})"
    push = f"(abs{apart} < 15 ? (15 - abs{apart}) / 2 : 0) * ({apart} < 0 ? 1 : -1)"
    dy = expression(push if part == "train" else f"-({push})")
    look = {"align": "left", "baseline": "middle", "dx": 7, "fontSize": 12, "fontWeight": 600}
    return (
        where(f"isValid(datum.{part}_{metric})")
        .transform_window(last="last_value(epoch)", sort=[{"field": "epoch"}], frame=[None, None])
        .transform_filter("datum.epoch === datum.last")
        .mark_text(**look, dy=dy, color=ROLE_INK[part], text=word)
        .encode(x=alt.value(expression(f"width - {label_width}")), y=f"{part}_{metric}:Q")
    )


def _both_parts(metric: str, kind: str, labels: Labels) -> list[alt.Tooltip]:
    return [tip(f"{part}_{metric}", labels(part), FORMATS[kind]) for part in PARTS[:2]]


@cache
def gap(
    metric: str = "loss",
    *,
    kind: str = "accuracy",
    epochs: int | None = None,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """How much worse validation is than training, over epochs. Rows as `curves`."""
    kind = "loss" if metric == "loss" else kind
    more, less = ("train", "validation") if kind == "accuracy" else ("validation", "train")
    difference = labels("training − validation") if kind == "accuracy" else labels("validation − training")
    rows = alt.Chart().transform_calculate(gap=f"datum.{more}_{metric} - datum.{less}_{metric}")
    rows = rows.transform_filter("isValid(datum.gap)")
    tooltip = [epoch_tip(labels), tip("gap", difference, "+" + FORMATS[kind]), *_both_parts(metric, kind, labels)]
    chart = alt.layer(
        alt.Chart().mark_rule(color=FAINT, strokeDash=[2, 3]).encode(y=alt.datum(0)),
        rows.mark_area(color=VALIDATION, opacity=0.14).encode(y="gap:Q"),
        rows.mark_line(color=VALIDATION, strokeWidth=2.5, strokeDash=DASH).encode(y="gap:Q"),
        *hover_rule(rows, tooltip, {"gap": VALIDATION}),
    )
    ticks = number_axis(kind, grid=True, title=f"{labels(kind)}: {difference}")  # a rule at a datum has no grid
    chart = chart.encode(x=epochs_axis(epochs, labels), y=alt.Y(scale=alt.Scale(zero=True, nice=True), axis=ticks))
    return finish(chart, labels, height, right=16)


@cache
def overlay(
    runs: tuple[str, ...],
    metric: str = "loss",
    *,
    kind: str = "accuracy",
    log: bool = False,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """Several runs in one chart: validation bold and dashed, training thin, a colour for each run (at most seven).

    Rows: `run` (its number, 0 for the first of `runs`), `epoch`, `train_<metric>`, `validation_<metric>`. The names
    are at the ends of the curves; long ones in a legend.
    """
    kind = "loss" if metric == "loss" else kind
    runs = runs[: len(SERIES)]
    width, legend = names_width(runs), line_legend(runs, columns=1)
    colour = number_colour("run:N", SERIES[: len(runs)], None if width else legend)
    rows = where(f"datum.run < {len(runs)}")

    def line(part: str, **look: Any) -> Any:
        field = f"{part}_{metric}"
        shown = rows.transform_filter(f"datum.{field} > 0") if log else rows
        return shown.mark_line(**look).encode(y=f"{field}:Q", color=colour, detail="run:N")

    tooltip = [tip("name", labels("run")), epoch_tip(labels), *_both_parts(metric, kind, labels)]
    layers = [
        line("train", strokeWidth=1.2, opacity=0.55),
        line("validation", strokeWidth=2.8, strokeDash=DASH),
        named_points(rows, word_for("run", runs), f"validation_{metric}", colour, tooltip),
    ]
    if width:
        either_part = f"isValid(datum.validation_{metric}) ? datum.validation_{metric} : datum.train_{metric}"
        ends = rows.transform_calculate(end=either_part).transform_filter(
            "datum.end > 0" if log else "isValid(datum.end)"
        )
        layers += end_names(ends, "run", "end", word_for("run", runs), width, colour, len(runs))
    y = number_y(kind, labels(kind), zero=kind != "accuracy", log=log, labels=labels)
    chart = alt.layer(*layers).encode(x=epochs_axis(None, labels, width), y=y)
    return finish(chart, labels, height, right=8 if width else 16)


@cache
def sparkline(
    metric: str = "loss", *, parts: tuple[str, ...] = PARTS[:2], labels: Labels = ENGLISH, height: int = 44
) -> Spec:
    """A curve the size of a word: shape only. Rows as `curves`, few of them."""
    layers = [
        where(f"isValid(datum.{part}_{metric})")
        .mark_line(color=COLOURS[part], strokeWidth=1.6, strokeDash=[4, 3] if part == "validation" else [])
        .encode(y=f"{part}_{metric}:Q")
        for part in parts
    ]
    scale = alt.Scale(zero=False, nice=False)
    chart = alt.layer(*layers).encode(x=alt.X("epoch:Q", axis=None, scale=scale), y=alt.Y(axis=None, scale=scale))
    return finish(chart, labels, height, padding=(2, 3, 2, 3))


ENGINES = ("PyTorch", "NumPy")


@cache
def engine_losses(epochs: int, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Training loss of both engines: PyTorch a broad line, NumPy a dashed line on top of it.

    Rows: `epoch`, `PyTorch`, `NumPy`."""
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", symbolStrokeWidth=4)
    scale = alt.Scale(domain=list(ENGINES), range=[SERIES[1], SERIES[0]])
    looks: list[dict[str, Any]] = [{"strokeWidth": 7, "opacity": 0.55}, {"strokeWidth": 2, "strokeDash": DASH}]
    layers = [
        where(f"isValid(datum.{name})")
        .transform_calculate(engine=f"'{name}'")
        .mark_line(clip=True, **look)
        .encode(y=f"{name}:Q", color=alt.Color("engine:N", scale=scale, legend=legend))
        for name, look in zip(ENGINES, looks, strict=True)
    ]
    chart = alt.layer(*layers).encode(
        x=epochs_axis(epochs, labels),
        y=number_y("loss", f"{labels('loss')}, {labels('training')}", zero=True),
        tooltip=[epoch_tip(labels), *(tip(name, name, ".6~r") for name in ENGINES)],
    )
    return finish(chart, labels, height, right=16)


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
    rule = present.mark_rule(color=FAINT, strokeDash=[2, 3], strokeWidth=1.5)
    present_name = present.mark_text(
        color=FAINT,
        fontSize=12,
        text=labels("current"),
        baseline="top",
        align=expression("datum.rate > 0.1 ? 'right' : 'left'"),
        dx=expression("datum.rate > 0.1 ? -5 : 5"),
    )
    suggested_name = suggested.mark_text(
        color=ROLE_INK["train"],
        fontSize=12,
        fontWeight=600,
        text=labels("suggested"),
        align=expression("datum.side < 0 ? 'right' : 'left'"),
        dx=expression("10 * datum.side"),
        dy=expression("-14 * datum.side"),
    )
    tooltip = [tip("rate", labels("learning rate"), ".2~r"), tip("loss", labels("loss"), FORMATS["loss"])]
    scale = alt.Scale(type="log", domain=[LOW, HIGH], nice=False, clamp=True)
    ticks = axis(title=labels("learning rate"), labelExpr=_POWERS, grid=False, domain=True)
    losses = number_axis("loss", upright=False, title=labels("loss"))
    chart = alt.layer(
        curve.mark_area(color=TRAIN, opacity=0.18).encode(y="low:Q", y2="high"),
        rule.encode(y=alt.value(0), y2=alt.value("height")),
        present_name.encode(y=alt.value(0)),
        curve.mark_line(color=TRAIN, strokeWidth=2.5, strokeJoin="round").encode(y="loss:Q"),
        *hover_rule(curve, tooltip),
        dots(suggested, 130, color=TRAIN, opacity=1, strokeWidth=2).encode(y="loss:Q"),
        suggested_name.encode(y="loss:Q"),
    ).encode(x=alt.X("rate:Q", scale=scale, axis=ticks), y=alt.Y(scale=alt.Scale(zero=False, nice=True), axis=losses))
    return finish(chart, labels, height, right=16)
