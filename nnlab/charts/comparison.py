"""The effect of one setting: scores and curves by its value."""

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from nnlab.charts.axes import axis, line_legend, number_axis, score_y
from nnlab.charts.base import HEIGHT, Spec, finish
from nnlab.charts.colours import COLOURS, DASHES, FAINT, INK, PAPER, SERIES, ramp
from nnlab.charts.curves import epoch_tip, epochs_axis, named_points
from nnlab.charts.labels import ENGLISH, FORMATS, Labels, interval_text, part_word, word_for
from nnlab.charts.marks import number_colour, tip, where
from nnlab.datasets import PARTS


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
    return pd.concat(frames, ignore_index=True).dropna(subset="score", ignore_index=True)


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
    """The score by the setting's value: training, validation and test with 95 % intervals.

    Parameters
    ----------
    values : tuple of str
        The setting's values as texts, in order: the axis is complete before the first result arrives.
    knob : str
        The setting's name: the axis title.
    ordered : bool
        Numbers: lines with bands. Names (activations, optimizers): points with intervals, side by side.
    test : bool
        Whether the test part has been opened: only then it is in the legend.

    Rows: `capacity_rows`.
    """
    parts = list(PARTS if test else PARTS[:2])
    legend = alt.Legend(orient="top", title=None, labelExpr=part_word("label", labels), symbolSize=70, symbolOpacity=1)
    ranges = {"color": [COLOURS[part] for part in parts], "shape": ["circle", "square", "diamond"][: len(parts)]}
    colour = alt.Color("part:N", scale=alt.Scale(domain=parts, range=ranges["color"]), legend=legend)
    shape = alt.Shape("part:N", scale=alt.Scale(domain=parts, range=ranges["shape"]), legend=legend)
    dots = (
        alt.Chart()
        .transform_calculate(part_word=part_word("part", labels), interval=interval_text(kind))
        .mark_point(filled=True, size=80, opacity=1, stroke=PAPER, strokeWidth=1.5)
        .encode(
            y="score:Q",
            color=colour,
            shape=shape,
            tooltip=[
                tip("value", knob),
                tip("part_word", labels("part")),
                tip("score", labels(kind), FORMATS[kind]),
                tip("interval", labels("95 % interval")),
                tip("parameters", labels("parameters"), ",d"),
                tip("seeds", labels("seeds"), ",d"),
            ],
        )
    )
    known = where("isValid(datum.low)")
    interval: dict[str, Any] = {"y": "low:Q", "y2": "high", "color": colour}
    if ordered:
        layers = [
            known.transform_filter("datum.part !== 'test'").mark_area(opacity=0.16).encode(**interval),
            *(
                where(f"datum.part === '{part}'")
                .mark_line(strokeWidth=2.5, strokeDash=DASHES[part])
                .encode(y="score:Q", color=colour)
                for part in PARTS
            ),
            known.transform_filter("datum.part === 'test'").mark_rule(strokeWidth=1.5, opacity=0.8).encode(**interval),
            dots,
        ]
        padding: dict[str, Any] = {"padding": 0.35}
    else:
        shift = alt.XOffset("part:N", scale=alt.Scale(domain=parts))
        bars = known.mark_rule(strokeWidth=2.2, opacity=0.75).encode(**interval, xOffset=shift)
        layers = [bars, dots.encode(xOffset=shift)]
        padding = {"paddingInner": 0.5, "paddingOuter": 0.25}
    chart = alt.layer(*layers).encode(
        x=alt.X(
            "value:O",
            scale=alt.Scale(domain=list(values), **padding),
            axis=axis(title=knob, labelAngle=0, domain=True, grid=False),
        ),
        y=alt.Y(scale=alt.Scale(zero=False, nice=True), axis=number_axis(kind, title=labels(kind))),
    )
    return finish(chart, labels, height, right=16)


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

    Rows: `place` (0, 1, ... by value), `epoch`, `<part>_<metric>`, `_low`, `_high`. Names beyond the seventh are not
    drawn.

    facet : one of several side by side: without a legend (see `curves_key`), and rows of place -1 extend its axis, so
        that all axes have the same end.
    """
    kind = "loss" if metric == "loss" else kind
    shown, colours = _series(values, ordered)
    legend = line_legend(shown, title=knob, titleOrient="left", columns=6 if ordered else 3)
    colour = number_colour("place:N", colours, None if facet else legend)
    field, title = f"{part}_{metric}", f"{labels(kind)}, {labels(part)}"
    positive = f" && datum.{field}_low > 0" if log else ""
    rows = where(f"datum.place >= 0 && datum.place < {len(shown)} && isValid(datum.{field})" + positive)
    tooltip = [
        tip("name", knob),
        epoch_tip(labels),
        tip(field, title, FORMATS[kind]),
        tip(f"{field}_low", labels("minimum over seeds"), FORMATS[kind]),
        tip(f"{field}_high", labels("maximum over seeds"), FORMATS[kind]),
    ]
    layers = [
        rows.mark_line(strokeWidth=2.4, strokeDash=DASHES[part]).encode(y=f"{field}:Q", color=colour),
        named_points(rows, word_for("place", shown), field, colour, tooltip),
    ]
    if band:
        layers.insert(0, rows.mark_area(opacity=0.12).encode(y=f"{field}_low:Q", y2=f"{field}_high", color=colour))
    if facet:
        layers.append(where(f"datum.place < 0{positive}").mark_point(opacity=0).encode(y=f"{field}:Q"))
    chart = alt.layer(*layers).encode(x=epochs_axis(epochs, labels), y=score_y(kind, None if facet else title, log=log))
    return finish(chart, labels, height, right=16)


@cache
def curves_key(values: tuple[str, ...], knob: str = "depth", *, ordered: bool = True, labels: Labels = ENGLISH) -> Spec:
    """The legend of several `compare_curves` side by side. Rows: `place`, one row a value."""
    shown, colours = _series(values, ordered)
    rows = where(f"datum.place < {len(shown)}").transform_calculate(name=word_for("place", shown))
    chart = alt.layer(
        rows.mark_tick(orient="horizontal", thickness=3, width=22, xOffset=-26).encode(
            color=number_colour("place:N", colours)
        ),
        rows.mark_text(align="left", color=INK, fontSize=12, xOffset=-10).encode(text="name:N"),
        where("datum.place === 0").mark_text(align="left", color=FAINT, fontSize=12, text=knob).encode(x=alt.value(0)),
    ).encode(x=alt.X("place:O", axis=None, scale=alt.Scale(domain=list(range(-1, len(shown))), padding=0)))
    return finish(chart, labels, 20)


def _series(values: tuple[str, ...], ordered: bool) -> tuple[tuple[str, ...], list[Any]]:
    """The values that are drawn, and their colours."""
    shown = values if ordered else values[: len(SERIES)]
    return shown, ramp(len(shown)) if ordered else list(SERIES[: len(shown)])
