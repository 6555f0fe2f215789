"""What one knob does: capacity and curves by value."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from nnlab.charts.base import (
    DASH,
    ENGLISH,
    FAINT,
    FORMATS,
    HEIGHT,
    INK,
    PAPER,
    SERIES,
    TEST,
    TRAIN,
    VALIDATION,
    Labels,
    Spec,
    axis,
    finish,
    number_axis,
    quoted,
    ramp,
)
from nnlab.charts.curves import epochs_axis
from nnlab.datasets import PARTS

_COLOURS = (TRAIN, VALIDATION, TEST)


def capacity_rows(table: pd.DataFrame, knob: str, kind: str = "accuracy") -> pd.DataFrame:
    """A comparison's table (one row a value) as one row a value and part: `place` (0, 1, ...), `value` (text), `part`,
    `score`, `low`, `high` (95 % interval), `parameters`, `seeds`."""
    frames = [
        pd.DataFrame(
            {
                "place": range(len(table)),
                "value": table[knob].astype(str).to_numpy(),
                "part": part,
                "score": table[f"{part}_{kind}"].to_numpy(float),
                "low": table[f"{part}_{kind}_low"].to_numpy(float),
                "high": table[f"{part}_{kind}_high"].to_numpy(float),
                "parameters": table["parameters"].to_numpy(),
                "seeds": table["seeds"].to_numpy(),
            }
        )
        for part in PARTS
    ]
    rows = pd.concat(frames, ignore_index=True)
    return rows[rows["score"].notna()].reset_index(drop=True)


@cache
def capacity(
    values: tuple[str, ...],
    knob: str = "depth",
    *,
    kind: str = "accuracy",
    ordered: bool = True,
    test: bool = True,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """The score against the knob: training, validation and test with 95 % intervals.

    Parameters
    ----------
    values : tuple of str
        The knob's values as texts, in order: the axis is complete before the first result is there.
    knob : str
        Its name for the reader: the axis title.
    ordered : bool
        Numbers: lines with bands. Names (activations, optimizers): points with bars, side by side.
    test : bool
        Whether the test part has been opened: only then it has a colour in the legend.

    Rows: `capacity_rows`.
    """
    parts = PARTS if test else PARTS[:2]
    look: dict[str, Any] = {"domain": list(parts)}
    legend = alt.Legend(orient="top", title=None, labelExpr=_part_words(labels), symbolSize=70, symbolOpacity=1)
    colour = alt.Color("part:N", scale=alt.Scale(**look, range=list(_COLOURS[: len(parts)])), legend=legend)
    shape = alt.Shape(
        "part:N", scale=alt.Scale(**look, range=["circle", "square", "diamond"][: len(parts)]), legend=legend
    )
    y = alt.Y("score:Q", title=None, scale=alt.Scale(zero=False, nice=True))
    base = alt.Chart()
    tooltip = [
        alt.Tooltip("value:N", title=knob),
        alt.Tooltip("part_word:N", title=labels.part),
        alt.Tooltip("score:Q", title=labels.score(kind), format=FORMATS[kind]),
        alt.Tooltip("interval:N", title=labels.interval),
        alt.Tooltip("parameters:Q", title=labels.parameters, format=",d"),
        alt.Tooltip("seeds:Q", title=labels.seeds),
    ]
    form = quoted(FORMATS[kind])
    dots = (
        base.transform_calculate(
            part_word=_part_words(labels).replace("datum.label", "datum.part"),
            interval=f"isValid(datum.low) ? format(datum.low, {form}) + ' – ' + format(datum.high, {form}) : '–'",
        )
        .mark_point(filled=True, size=80, opacity=1, stroke=PAPER, strokeWidth=1.5)
        .encode(y=y, color=colour, shape=shape, tooltip=tooltip)
    )
    if ordered:
        seen = base.transform_filter("isValid(datum.low)")
        layers = [
            seen.transform_filter("datum.part !== 'test'")
            .mark_area(opacity=0.16, tooltip=False)
            .encode(y=alt.Y("low:Q", title=None), y2="high", color=colour),
            *(
                base.transform_filter(f"datum.part === '{part}'")
                .mark_line(strokeWidth=2.5, strokeDash=dash, tooltip=False)
                .encode(y=y, color=colour)
                for part, dash in zip(PARTS, ([], DASH, [2, 3]), strict=True)
            ),
            seen.transform_filter("datum.part === 'test'")
            .mark_rule(strokeWidth=1.5, opacity=0.8, tooltip=False)
            .encode(y=alt.Y("low:Q", title=None), y2="high", color=colour),
            dots,
        ]
        scale = alt.Scale(domain=list(values), padding=0.35)
    else:
        shift = alt.XOffset("part:N", scale=alt.Scale(**look))
        bars = (
            base.transform_filter("isValid(datum.low)")
            .mark_rule(strokeWidth=2.2, opacity=0.75, tooltip=False)
            .encode(y=alt.Y("low:Q", title=None), y2="high", color=colour, xOffset=shift)
        )
        layers = [bars, dots.encode(xOffset=shift)]
        scale = alt.Scale(domain=list(values), paddingInner=0.5, paddingOuter=0.25)
    chart = alt.layer(*layers).encode(
        x=alt.X("value:O", scale=scale, axis=axis(title=knob, labelAngle=0, domain=True, grid=False)),
        y=alt.Y(axis=number_axis(kind, title=labels.score(kind))),
    )
    return finish(chart, labels, height=height, right=16)


def by_value(curves: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The curves of each value (as `lab.curves`), one under the other, with `place` (0, 1, ...)."""
    frames = [frame.assign(place=place) for place, frame in enumerate(curves) if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"place": [], "epoch": []})


@cache
def compare_curves(
    values: tuple[str, ...],
    knob: str = "depth",
    metric: str = "loss",
    *,
    part: str = "validation",
    kind: str = "accuracy",
    ordered: bool = True,
    log: bool = False,
    epochs: int | None = None,
    facet: bool = False,
    band: bool = True,
    labels: Labels = ENGLISH,
    height: int = HEIGHT,
) -> Spec:
    """Curves by value with a band over the seeds: ordered values from light to dark, names in colours.

    Rows: `by_value` (`place`, `epoch`, `<part>_<metric>`, `_low`, `_high`). Names beyond the seventh are not drawn.

    facet : one of several side by side: without a legend (see `curves_key`), and rows of place -1 stretch its axis, so
        that all reach as far.
    """
    kind = "loss" if metric == "loss" else kind
    shown = values if ordered else values[: len(SERIES)]
    colours: list[Any] = list(ramp(len(shown))) if ordered else list(SERIES[: len(shown)])
    names = " : ".join(f"datum.{{0}} === {i} ? {quoted(value)}" for i, value in enumerate(shown)) + " : ''"
    legend = alt.Legend(
        orient="top",
        title=knob,
        titleOrient="left",
        symbolType="stroke",
        symbolStrokeWidth=3,
        symbolOpacity=1,
        columns=6 if ordered else 3,
        labelExpr=names.format("value"),
    )
    colour = alt.Color("place:N", scale=alt.Scale(domain=list(range(len(shown))), range=colours),
                       legend=None if facet else legend)  # fmt: skip
    field = f"{part}_{metric}"
    y = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=kind != "accuracy", nice=True)
    positive = f" && datum.{field}_low > 0" if log else ""
    kept = f"datum.place >= 0 && datum.place < {len(shown)} && isValid(datum.{field})" + positive
    stretch = alt.Chart().transform_filter(f"datum.place < 0{positive}").mark_point(opacity=0, tooltip=False)
    base = alt.Chart().transform_filter(kept)
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, clear="pointerout", empty=False)
    tooltip = [
        alt.Tooltip("name:N", title=knob),
        alt.Tooltip("epoch:Q", title=labels.epoch, format=",d"),
        alt.Tooltip(f"{field}:Q", title=f"{labels.score(kind)}, {getattr(labels, part)}", format=FORMATS[kind]),
        alt.Tooltip(f"{field}_low:Q", title=labels.lowest, format=FORMATS[kind]),
        alt.Tooltip(f"{field}_high:Q", title=labels.highest, format=FORMATS[kind]),
    ]
    between = base.mark_area(opacity=0.12, tooltip=False).encode(
        y=alt.Y(f"{field}_low:Q", title=None, scale=y), y2=f"{field}_high", color=colour
    )
    chart = alt.layer(
        *([between] if band else []),
        base.mark_line(strokeWidth=2.4, strokeDash=[] if part == "train" else DASH, tooltip=False).encode(
            y=alt.Y(f"{field}:Q", title=None, scale=y), color=colour
        ),
        base.transform_calculate(name=names.format("place"))
        .mark_point(filled=True, size=60, stroke=PAPER, strokeWidth=1.5)
        .encode(
            y=alt.Y(f"{field}:Q", title=None),
            color=colour,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=tooltip,
        )
        .add_params(hover),
        *([stretch.encode(y=alt.Y(f"{field}:Q", title=None, scale=y))] if facet else []),
    ).encode(
        x=epochs_axis(epochs, labels),
        y=alt.Y(axis=number_axis(kind, title=None if facet else f"{labels.score(kind)}, {getattr(labels, part)}")),
    )
    return finish(chart, labels, height=height, right=16)


@cache
def curves_key(values: tuple[str, ...], knob: str = "depth", *, ordered: bool = True, labels: Labels = ENGLISH) -> Spec:
    """The legend of several `compare_curves` side by side. Rows: `place`, a number a value."""
    shown = values if ordered else values[: len(SERIES)]
    colours: list[Any] = list(ramp(len(shown))) if ordered else list(SERIES[: len(shown)])
    names = " : ".join(f"datum.place === {i} ? {quoted(value)}" for i, value in enumerate(shown)) + " : ''"
    colour = alt.Color("place:N", scale=alt.Scale(domain=list(range(len(shown))), range=colours), legend=None)
    x = alt.X("place:O", axis=None, scale=alt.Scale(domain=list(range(-1, len(shown))), padding=0))
    base = alt.Chart().transform_filter(f"datum.place < {len(shown)}").transform_calculate(name=names)
    chart = alt.layer(
        base.mark_tick(orient="horizontal", thickness=3, width=22, xOffset=-26, tooltip=False).encode(color=colour),
        base.mark_text(align="left", color=INK, fontSize=12, xOffset=-10, tooltip=False).encode(text="name:N"),
        alt.Chart()
        .transform_filter("datum.place === 0")
        .mark_text(align="left", color=FAINT, fontSize=12, tooltip=False, text=knob)
        .encode(x=alt.value(0)),
    ).encode(x=x)
    return finish(chart, labels, height=20)


def _part_words(labels: Labels) -> str:
    words = " : ".join(f"datum.label === '{part}' ? {quoted(getattr(labels, part))}" for part in PARTS)
    return f"{words} : ''"
