"""Curves over epochs. Rows: one an epoch, wide, as `lab.curves` gives them."""

from functools import cache
from typing import Any

import altair as alt

from nnlab.charts.axes import axis, line_legend, number_axis, score_y
from nnlab.charts.base import HEIGHT, Spec, finish
from nnlab.charts.colours import COLOURS, DASH, DASHES, FAINT, PAPER, ROLE_INK, SERIES, VALIDATION
from nnlab.charts.labels import ENGLISH, FORMATS, Labels, word_for
from nnlab.charts.marks import either, hover, hover_rule, number_colour, tip, where


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

    Parameters
    ----------
    metric : "loss" or "score"
        Which columns are shown: `train_<metric>`, `validation_<metric>`, each with `_low` and `_high`.
    kind : "accuracy" or "mse"
        What the score is.
    log : bool
        Logarithmic scale; values of zero and less are left out.
    band : bool
        Whether there is more than one seed to show.
    validation : bool
        Whether there is a validation part.
    epochs : int, optional
        The end of the axis, so that it does not move while the curves grow.

    Rows: `epoch` and the columns named above; without rows the chart is an empty frame.
    """
    kind = "loss" if metric == "loss" else kind
    parts = ("train", "validation") if validation else ("train",)
    label_width = 14 + round(6.1 * max(len(labels(part)) for part in parts))  # pixels, at a font size of 12
    layers, tooltip = [], [epoch_tip(labels)]
    for part in parts:
        field = f"{part}_{metric}"
        rows = where(f"datum.{field} > 0" + f" && datum.{field}_low > 0" * band) if log else alt.Chart()
        if band:
            area = rows.mark_area(color=COLOURS[part], opacity=0.18, clip=True)
            layers.append(area.encode(y=f"{field}_low:Q", y2=f"{field}_high"))
        line = rows.mark_line(color=COLOURS[part], strokeWidth=2.5, strokeDash=DASHES[part], strokeJoin="round")
        layers.append(line.encode(y=f"{field}:Q"))
        tooltip.append(tip(field, labels(part), FORMATS[kind]))
        if band:
            tooltip += [
                tip(f"{field}_low", f"{labels(part)}, {labels('minimum over seeds')}", FORMATS[kind]),
                tip(f"{field}_high", f"{labels(part)}, {labels('maximum over seeds')}", FORMATS[kind]),
            ]
    layers += [_end_label(part, metric, labels(part), label_width) for part in parts]
    layers += hover_rule(alt.Chart(), tooltip, {f"{part}_{metric}": COLOURS[part] for part in parts})
    chart = alt.layer(*layers).encode(
        x=epochs_axis(epochs, labels, label_width), y=score_y(kind, labels(kind), log=log)
    )
    return finish(chart, labels, height)


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
    tooltip = [
        epoch_tip(labels),
        tip("gap", difference, "+" + FORMATS[kind]),
        *(tip(f"{part}_{metric}", labels(part), FORMATS[kind]) for part in ("train", "validation")),
    ]
    chart = alt.layer(
        alt.Chart().mark_rule(color=FAINT, strokeDash=[2, 3]).encode(y=alt.datum(0)),
        rows.mark_area(color=VALIDATION, opacity=0.14).encode(y="gap:Q"),
        rows.mark_line(color=VALIDATION, strokeWidth=2.5, strokeDash=DASH).encode(y="gap:Q"),
        *hover_rule(rows, tooltip, {"gap": VALIDATION}),
    )
    y_axis = number_axis(kind, grid=True, title=f"{labels(kind)}: {difference}")
    chart = chart.encode(x=epochs_axis(epochs, labels), y=alt.Y(scale=alt.Scale(zero=True, nice=True), axis=y_axis))
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

    Rows: `run` (its number, 0 for the first of `runs`), `epoch`, `train_<metric>`, `validation_<metric>`.
    """
    kind = "loss" if metric == "loss" else kind
    runs = runs[: len(SERIES)]
    colour = number_colour("run:N", SERIES[: len(runs)], line_legend(runs, columns=2, labelLimit=160))
    rows = where(f"datum.run < {len(runs)}")

    def line(part: str, **look: Any) -> Any:
        field = f"{part}_{metric}"
        shown = rows.transform_filter(f"datum.{field} > 0") if log else rows
        return shown.mark_line(**look).encode(y=f"{field}:Q", color=colour, detail="run:N")

    tooltip = [
        tip("name", labels("run")),
        epoch_tip(labels),
        *(tip(f"{part}_{metric}", labels(part), FORMATS[kind]) for part in ("train", "validation")),
    ]
    chart = alt.layer(
        line("train", strokeWidth=1.2, opacity=0.55),
        line("validation", strokeWidth=2.8, strokeDash=DASH),
        named_points(rows, word_for("run", runs), f"validation_{metric}", colour, tooltip),
    ).encode(x=epochs_axis(None, labels), y=score_y(kind, labels(kind), log=log))
    return finish(chart, labels, height, right=16)


@cache
def sparkline(
    metric: str = "loss",
    *,
    log: bool = False,
    parts: tuple[str, ...] = ("train", "validation"),
    labels: Labels = ENGLISH,
    height: int = 44,
) -> Spec:
    """A curve the size of a word: shape only. Rows as `curves`, few of them."""
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False, nice=False)
    layers = [
        where(f"datum.{part}_{metric} > 0" if log else f"isValid(datum.{part}_{metric})")
        .mark_line(color=COLOURS[part], strokeWidth=1.6, strokeDash=[4, 3] if part == "validation" else [])
        .encode(y=f"{part}_{metric}:Q")
        for part in ("train", "validation")
        if part in parts
    ]
    x = alt.X("epoch:Q", axis=None, scale=alt.Scale(zero=False, nice=False))
    chart = alt.layer(*layers).encode(x=x, y=alt.Y(axis=None, scale=scale))
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
        alt.Chart()
        .transform_calculate(engine=f"'{name}'")
        .transform_filter(f"isValid(datum.{name})")
        .mark_line(clip=True, **look)
        .encode(y=f"{name}:Q", color=alt.Color("engine:N", scale=scale, legend=legend))
        for name, look in zip(ENGINES, looks, strict=True)
    ]
    chart = alt.layer(*layers).encode(
        x=epochs_axis(epochs, labels),
        y=score_y("loss", f"{labels('loss')}, {labels('training')}"),
        tooltip=[epoch_tip(labels), *(tip(name, name, ".6~r") for name in ENGINES)],
    )
    return finish(chart, labels, height, right=16)


# -- parts -------------------------------------------------------------------------------------------------------------


def epoch_tip(labels: Labels) -> alt.Tooltip:
    """The epoch in a tooltip."""
    return tip("epoch", labels("epoch"), ",d")


def epochs_axis(epochs: int | None, labels: Labels, label_width: int = 0) -> alt.X:
    """The axis of epochs; with `epochs` it does not move while curves grow. It leaves `label_width` pixels free at its
    end: labels that reach out of the plot would make it smaller when the first row comes."""
    ends: dict[str, Any] = {"zero": False} if epochs is None else {"domain": [1, max(2, epochs)]}
    if label_width:
        ends["range"] = [0, alt.ExprRef(expr=f"width - {label_width}")]
    ticks = axis(title=labels("epoch"), format=",d", tickMinStep=1, grid=False, domain=True)
    return alt.X("epoch:Q", scale=alt.Scale(nice=False, **ends), axis=ticks)


def named_points(rows: Any, name: str, field: str, colour: Any, tooltip: list[alt.Tooltip]) -> Any:
    """A dot on the nearest of several curves, with a tooltip; `name` is the expression for the curve's name."""
    nearest = hover()
    points = rows.transform_calculate(name=name).mark_point(filled=True, size=60, stroke=PAPER, strokeWidth=1.5)
    opacity = either(nearest, 1, 0)
    return points.encode(y=f"{field}:Q", color=colour, opacity=opacity, tooltip=tooltip).add_params(nearest)


def _end_label(part: str, metric: str, word: str, label_width: int) -> Any:
    """The curve's name beside its last point; two names that would touch move apart."""
    train, validation = (f"scale('y', datum.{p}_{metric})" for p in ("train", "validation"))
    apart = f"({validation} - {train})"
    push = f"(abs{apart} < 15 ? (15 - abs{apart}) / 2 : 0) * ({apart} < 0 ? 1 : -1)"
    dy = alt.ExprRef(expr=push if part == "train" else f"-({push})")
    look = {"align": "left", "baseline": "middle", "dx": 7, "fontSize": 12, "fontWeight": 600}
    return (
        where(f"isValid(datum.{part}_{metric})")
        .transform_window(last="last_value(epoch)", sort=[{"field": "epoch"}], frame=[None, None])
        .transform_filter("datum.epoch === datum.last")
        .mark_text(**look, dy=dy, color=ROLE_INK[part], text=word)
        .encode(x=alt.value(alt.ExprRef(expr=f"width - {label_width}")), y=f"{part}_{metric}:Q")
    )
