"""A class as one experiment: the scores of every setting over all seeds, the students' best tries; their guesses."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from nnlab.charts.axes import axis, number_axis
from nnlab.charts.base import ENGLISH, FORMATS, Labels, Spec, finish, interval_text, word_for
from nnlab.charts.colours import COLOURS, FAINT, INK
from nnlab.charts.marks import dots, expression, of_kind, text, tip
from nnlab.classroom.results import ClassResults

ROW, LARGE_ROW = 46, 38  # pixels of a setting; on a projector
BAR, LARGE_BAR = 30, 44  # of a guess
LEAST_GUESSES = 5
_QUANTILES = ("q10", "q25", "q50", "q75", "q90")


def class_rows(found: ClassResults, places: Sequence[int], students: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The rows of `class_scores`: one a setting, and one a student's best try.

    Parameters
    ----------
    places : sequence of int
        Of the settings that are shown, from the top down.
    students : mapping of str to str, optional
        The names that stand in tooltips, by person; without it no row says whose it is.
    """
    row_of = {place: row for row, place in enumerate(places)}
    rows: list[dict[str, Any]] = []
    for place, row in row_of.items():
        one = found.settings[place]
        quantiles = dict(zip(_QUANTILES, one.quantiles, strict=True))
        over = {"mean": one.interval.mean, "low": one.interval.low, "high": one.interval.high}
        rows.append(
            {"kind": "setting", "row": row, "students": len(one.students), "seeds": one.seeds, **quantiles, **over}
        )
    best = [(student, one) for student, one in found.best_tries.items() if one.place in row_of]
    # by score: nobody's place among the others says who it is
    for student, mark in sorted(best, key=lambda pair: (pair[1].place, pair[1].score)):
        own = {"score": mark.score, "among": mark.among, "student": (students or {}).get(student, "")}
        rows.append({"kind": "best", "row": row_of[mark.place], **own})
    columns = ["kind", "row", "students", "seeds", *_QUANTILES, "mean", "low", "high", "score", "among", "student"]
    return pd.DataFrame(rows, columns=columns)


@cache
def class_scores(
    names: tuple[str, ...],
    knob: str = "depth",
    *,
    kind: str = "accuracy",
    part: str = "validation",
    large: bool = False,
    named: bool = False,
    labels: Labels = ENGLISH,
) -> Spec:
    """Every setting as a row: 80 % of its seeds as a line, the middle half as a bar, the mean with its 95 % interval,
    and below it the best tries of the students who are best with it. Rows: `class_rows`.

    `large`: to be read from afar. `named`: tooltips name the student."""
    size, height, size_of_best = (19, LARGE_ROW, 70) if large else (12, ROW, 55)
    colour = COLOURS[part]
    worded = of_kind("setting").transform_calculate(name=word_for("row", names), interval=interval_text(kind))
    about = [
        tip("name", knob),
        tip("mean", labels("mean"), FORMATS[kind]),
        tip("interval", labels("95 % interval")),
        tip("q50", labels("median"), FORMATS[kind]),
        tip("students", labels("students"), ",d"),
        tip("seeds", labels("seeds"), ",d"),
    ]
    own = [tip("score", labels("best try"), FORMATS[kind]), tip("among", labels("of how many"), ",d")]
    own = [tip("student", labels("student")), *own] if named else own
    up, down = -0.13 * height, 0.3 * height
    thick = 12 if large else 11
    judged = worded.transform_filter("isValid(datum.mean)")
    layers = [
        worded.mark_rule(color=colour, strokeWidth=2, opacity=0.55, yOffset=up).encode(x="q10:Q", x2="q90"),
        worded.mark_rule(color=colour, strokeWidth=thick, opacity=0.3, yOffset=up).encode(
            x="q25:Q", x2="q75", tooltip=about
        ),
        judged.mark_rule(color=INK, strokeWidth=3 if large else 2, yOffset=up).encode(x="low:Q", x2="high"),
        dots(judged, 130 if large else 80, color=colour, yOffset=up, opacity=1).encode(x="mean:Q", tooltip=about),
        of_kind("best")
        .mark_point(size=size_of_best, color=FAINT, strokeWidth=1.4, opacity=0.8, yOffset=down)
        .encode(x="score:Q", tooltip=own),
    ]
    scale = alt.Scale(domain=list(range(len(names))), paddingInner=0, paddingOuter=0)
    words: dict[str, Any] = {"labelFontSize": size, "titleFontSize": size}
    words |= {"labelColor": INK, "titleColor": INK} if large else {}
    limit = expression("0.4 * width")
    look = axis(title=None, labelExpr=word_for("value", names), labelLimit=limit, labelFlush=False, grid=False, **words)
    score = f"{labels(kind)}, {labels(part)}"
    across = number_axis(kind, upright=False, title=score, **words)
    chart = alt.layer(*layers).encode(
        y=alt.Y("row:O", scale=scale, axis=look),
        x=alt.X(scale=alt.Scale(zero=False, nice=True), axis=across),
    )
    return finish(chart, labels, height * len(names) + (70 if large else 52), right=20)


def guess_rows(counts: Mapping[str, int]) -> pd.DataFrame:
    """The rows of `guess_bars`."""
    end = max(LEAST_GUESSES, *counts.values())  # so that the first guess is a short bar
    return pd.DataFrame([{"row": row, "count": count, "end": end} for row, count in enumerate(counts.values())])


@cache
def guess_bars(choices: tuple[str, ...], *, large: bool = False, labels: Labels = ENGLISH) -> Spec:
    """How many guessed what: a bar a choice, with its number. Rows: `guess_rows`."""
    size, height = (19, LARGE_BAR) if large else (13, BAR)
    scale = alt.Scale(domain=list(range(len(choices))), paddingInner=0.3, paddingOuter=0.1)
    words: dict[str, Any] = {"labelFontSize": size, "labelColor": INK}
    look = axis(title=None, labelExpr=word_for("value", choices), labelLimit=expression("0.45 * width"), **words)
    x = alt.X("count:Q", axis=None, scale=alt.Scale(zero=True, nice=False))
    rows = alt.Chart()
    chart = alt.layer(
        rows.mark_bar(color=FAINT, opacity=0.45, cornerRadius=4),
        rows.mark_point(opacity=0).encode(x="end:Q"),
        text(rows, "count", align="left", xOffset=8, fontSize=size, fontWeight=600),
    ).encode(y=alt.Y("row:O", scale=scale, axis=look), x=x)
    return finish(chart, labels, height * len(choices) + 12, right=36)


def number_rows(numbers: Sequence[str]) -> pd.DataFrame:
    """The rows of `big_numbers`."""
    return pd.DataFrame([{"place": place, "number": number} for place, number in enumerate(numbers)])


@cache
def big_numbers(titles: tuple[str, ...], *, labels: Labels = ENGLISH) -> Spec:
    """A few numbers side by side, to be read from the last row. Rows: `number_rows`."""
    rows = alt.Chart().transform_calculate(title=word_for("place", titles))
    places = alt.Scale(domain=list(range(len(titles))), paddingInner=0)
    size = expression("min(64, width / 9)")
    chart = alt.layer(
        text(rows, "number", fontSize=size, fontWeight=700, yOffset=-16),
        text(rows, "title", fontSize=20, color=FAINT, yOffset=30),
    ).encode(x=alt.X("place:O", scale=places, axis=None))
    return finish(chart, labels, 100)


def text_rows(shown: str) -> pd.DataFrame:
    """The row of `large_text`."""
    return pd.DataFrame({"text": [shown]})


@cache
def large_text(letters: int, most: int, *, labels: Labels = ENGLISH) -> Spec:
    """A code or an address of so many letters, as large as there is room, but not above `most` pixels. Rows:
    `text_rows`."""
    size = expression(f"min({most}, width / {0.62 * letters:.3g})")
    chart = text(alt.Chart(), "text", fontSize=size, fontWeight=700, font="monospace", color=INK)
    return finish(chart, labels, round(1.25 * most))
