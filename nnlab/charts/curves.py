"""Curves over epochs. Rows: one an epoch, wide, as `lab.curves` gives them."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

from nnlab.charts.base import (
    DASH,
    ENGLISH,
    FAINT,
    FORMATS,
    HEIGHT,
    PAPER,
    ROLE_INK,
    SERIES,
    TRAIN,
    VALIDATION,
    Labels,
    Spec,
    axis,
    finish,
    number_axis,
    quoted,
)

COLOURS = {"train": TRAIN, "validation": VALIDATION}


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
    """Training (solid) and validation (dashed) over epochs, a band from the lowest seed to the highest.

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
        Where the axis ends, so that it stands still while the curves grow.

    Rows: `epoch` and the columns named above; none at all gives the empty frame.
    """
    kind = "loss" if metric == "loss" else kind
    y = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=kind != "accuracy", nice=True)
    parts = ("train", "validation") if validation else ("train",)
    room = _room(*(getattr(labels, part) for part in parts))
    layers: list[Any] = []
    for part in parts:
        field = f"{part}_{metric}"
        base = alt.Chart()
        if log:
            base = base.transform_filter(f"datum.{field} > 0" + (f" && datum.{field}_low > 0" if band else ""))
        if band:
            layers.append(
                base.mark_area(color=COLOURS[part], opacity=0.18, tooltip=False, clip=True).encode(
                    y=alt.Y(f"{field}_low:Q", scale=y, title=None), y2=alt.Y2(f"{field}_high")
                )
            )
        layers.append(
            base.mark_line(
                color=COLOURS[part],
                strokeWidth=2.5,
                strokeDash=[] if part == "train" else DASH,
                strokeJoin="round",
                interpolate="linear",
                tooltip=False,
            ).encode(y=alt.Y(f"{field}:Q", title=None))
        )
    layers += [_end_label(part, metric, getattr(labels, part), room) for part in parts]
    layers += _hover(
        [
            alt.Tooltip("epoch:Q", title=labels.epoch, format=",d"),
            *(
                alt.Tooltip(f"{part}_{metric}{end}:Q", title=getattr(labels, part) + word, format=FORMATS[kind])
                for part in parts
                for end, word in (
                    [("", ""), ("_low", f", {labels.lowest}"), ("_high", f", {labels.highest}")] if band else [("", "")]
                )
            ),
        ],
        {f"{part}_{metric}": COLOURS[part] for part in parts},
    )
    chart = alt.layer(*layers).encode(
        x=epochs_axis(epochs, labels, room),
        y=alt.Y(axis=number_axis(kind, title=labels.score(kind))),
    )
    return finish(chart, labels, height=height)


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
    base = alt.Chart().transform_calculate(gap=f"datum.{more}_{metric} - datum.{less}_{metric}")
    base = base.transform_filter("isValid(datum.gap)")
    y = alt.Y("gap:Q", title=None, scale=alt.Scale(zero=True, nice=True))
    zero = alt.Chart().mark_rule(color=FAINT, strokeDash=[2, 3], tooltip=False).encode(y=alt.datum(0))
    chart = alt.layer(
        zero,
        base.mark_area(color=VALIDATION, opacity=0.14, tooltip=False).encode(y=y),
        base.mark_line(color=VALIDATION, strokeWidth=2.5, strokeDash=DASH, tooltip=False).encode(y=y),
        *_hover(
            [
                alt.Tooltip("epoch:Q", title=labels.epoch, format=",d"),
                alt.Tooltip("gap:Q", title=labels.gap_of(kind), format="+" + FORMATS[kind]),
                alt.Tooltip(f"train_{metric}:Q", title=labels.train, format=FORMATS[kind]),
                alt.Tooltip(f"validation_{metric}:Q", title=labels.validation, format=FORMATS[kind]),
            ],
            {"gap": VALIDATION},
            base,
        ),
    ).encode(
        x=epochs_axis(epochs, labels),
        y=alt.Y(axis=number_axis(kind, grid=True, title=f"{labels.score(kind)}: {labels.gap_of(kind)}")),
    )
    return finish(chart, labels, height=height, right=16)


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
    """Several runs over one another: validation bold and dashed, training thin, a colour a run (at most seven).

    Rows: `run` (its number, 0 for the first of `runs`), `epoch`, `train_<metric>`, `validation_<metric>`.
    """
    kind = "loss" if metric == "loss" else kind
    runs = runs[: len(SERIES)]
    scale = alt.Scale(domain=list(range(len(runs))), range=list(SERIES[: len(runs)]))
    names = " : ".join(f"datum.value === {i} ? {quoted(name)}" for i, name in enumerate(runs))
    legend = alt.Legend(
        orient="top",
        title=None,
        symbolType="stroke",
        symbolStrokeWidth=3,
        symbolOpacity=1,
        columns=2,
        labelLimit=160,
        labelExpr=f"{names} : ''" if names else "''",
    )
    colour = alt.Color("run:N", scale=scale, legend=legend)
    y = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=kind != "accuracy", nice=True)
    base = alt.Chart().transform_filter(f"datum.run < {len(runs)}")

    def line(part: str, **look: Any) -> Any:
        field = f"{part}_{metric}"
        kept = base.transform_filter(f"datum.{field} > 0") if log else base
        return kept.mark_line(tooltip=False, **look).encode(
            y=alt.Y(f"{field}:Q", scale=y, title=None), color=colour, detail="run:N"
        )

    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, clear="pointerout", empty=False)
    points = (
        base.mark_point(filled=True, size=70, stroke=PAPER, strokeWidth=1.5)
        .encode(
            y=alt.Y(f"validation_{metric}:Q", title=None),
            color=colour,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[
                alt.Tooltip("name:N", title=labels.run),
                alt.Tooltip("epoch:Q", title=labels.epoch, format=",d"),
                alt.Tooltip(f"train_{metric}:Q", title=labels.train, format=FORMATS[kind]),
                alt.Tooltip(f"validation_{metric}:Q", title=labels.validation, format=FORMATS[kind]),
            ],
        )
        .transform_calculate(name=f"{names.replace('datum.value', 'datum.run')} : ''" if names else "''")
        .add_params(hover)
    )
    chart = alt.layer(
        line("train", strokeWidth=1.2, opacity=0.55), line("validation", strokeWidth=2.8, strokeDash=DASH), points
    ).encode(
        x=epochs_axis(None, labels),
        y=alt.Y(axis=number_axis(kind, title=labels.score(kind))),
    )
    return finish(chart, labels, height=height, right=16)


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
        alt.Chart()
        .transform_filter(f"datum.{part}_{metric} > 0" if log else f"isValid(datum.{part}_{metric})")
        .mark_line(color=COLOURS[part], strokeWidth=1.6, strokeDash=dash, tooltip=False)
        .encode(
            x=alt.X("epoch:Q", axis=None, scale=alt.Scale(zero=False, nice=False)),
            y=alt.Y(f"{part}_{metric}:Q", axis=None, scale=scale),
        )
        for part, dash in (("train", []), ("validation", [4, 3]))
        if part in parts
    ]
    spec = finish(alt.layer(*layers), labels, height=height, right=2)
    return {**spec, "padding": {"left": 2, "top": 3, "right": 2, "bottom": 3}}


ENGINES = ("PyTorch", "NumPy")


@cache
def race(epochs: int, *, labels: Labels = ENGLISH, height: int = HEIGHT) -> Spec:
    """Training loss of both engines over one another: PyTorch broad, NumPy a dashed line upon it.

    Rows: `epoch`, `PyTorch`, `NumPy`."""
    scale = alt.Scale(domain=list(ENGINES), range=[SERIES[1], SERIES[0]])
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", symbolStrokeWidth=4)
    looks: tuple[dict[str, Any], ...] = ({"strokeWidth": 7, "opacity": 0.55}, {"strokeWidth": 2, "strokeDash": DASH})
    layers = [
        alt.Chart()
        .transform_calculate(engine=f"'{name}'")
        .transform_filter(f"isValid(datum.{name})")
        .mark_line(clip=True, **look)
        .encode(
            y=alt.Y(f"{name}:Q"),
            color=alt.Color("engine:N", scale=scale, legend=legend),
            tooltip=[
                alt.Tooltip("epoch:Q", title=labels.epoch, format=",d"),
                *(alt.Tooltip(f"{each}:Q", format=".6~r") for each in ENGINES),
            ],
        )
        for name, look in zip(ENGINES, looks, strict=True)
    ]
    chart = alt.layer(*layers).encode(
        x=epochs_axis(epochs, labels),
        y=alt.Y(scale=alt.Scale(zero=True), axis=number_axis("loss", title=f"{labels.loss}, {labels.train}")),
    )
    return finish(chart, labels, height=height, right=16)


# -- parts -------------------------------------------------------------------------------------------------------------


def epochs_axis(epochs: int | None, labels: Labels, room: int = 0) -> alt.X:
    """The axis of epochs; with `epochs` it stands still while curves grow. `room`: pixels it leaves free at its end.

    Labels there must lie inside the plot: what sticks out is fitted in by making the plot smaller, and it would jump
    when the first row comes."""
    ends: dict[str, Any] = {"nice": False}
    if epochs is None:
        ends["zero"] = False
    else:
        ends["domain"] = [1, max(2, epochs)]
    if room:
        ends["range"] = [0, alt.ExprRef(expr=f"width - {room}")]
    ticks = axis(title=labels.epoch, format=",d", tickMinStep=1, grid=False, domain=True)
    return alt.X("epoch:Q", scale=alt.Scale(**ends), axis=ticks)


def _end_label(part: str, metric: str, word: str, room: int) -> Any:
    """The curve's name beside its last point; two that would touch move apart."""
    train, validation = (f"scale('y', datum.{p}_{metric})" for p in ("train", "validation"))
    apart = f"({validation} - {train})"
    push = f"(abs{apart} < 15 ? (15 - abs{apart}) / 2 : 0) * ({apart} < 0 ? 1 : -1)"
    return (
        alt.Chart()
        .transform_filter(f"isValid(datum.{part}_{metric})")
        .transform_window(last="last_value(epoch)", sort=[{"field": "epoch"}], frame=[None, None])
        .transform_filter("datum.epoch === datum.last")
        .mark_text(
            align="left",
            baseline="middle",
            dx=7,
            dy=alt.ExprRef(expr=push if part == "train" else f"-({push})"),
            color=ROLE_INK[part],
            fontSize=12,
            fontWeight=600,
            text=word,
            tooltip=False,
        )
        .encode(x=alt.value(alt.ExprRef(expr=f"width - {room}")), y=alt.Y(f"{part}_{metric}:Q", title=None))
    )


def _hover(tooltip: list[alt.Tooltip], dots: dict[str, str], base: Any = None) -> list[Any]:
    """One rule that follows the pointer from epoch to epoch and tells everything, and a dot on each curve."""
    base = alt.Chart() if base is None else base
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, encodings=["x"], clear="pointerout", empty=False
    )
    shown = alt.condition(hover, alt.value(1), alt.value(0))
    rule = base.mark_rule(color=FAINT, strokeWidth=1).encode(
        opacity=alt.condition(hover, alt.value(0.7), alt.value(0)), tooltip=tooltip
    )
    marks = [
        base.mark_point(filled=True, color=colour, size=60, stroke=PAPER, strokeWidth=1.5, tooltip=False).encode(
            y=alt.Y(f"{field}:Q", title=None), opacity=shown
        )
        for field, colour in dots.items()
    ]
    return [rule.add_params(hover), *marks]


def _room(*words: str) -> int:
    """Pixels a label of 12 px beside the plot takes."""
    return 14 + round(6.1 * max(map(len, words)))
