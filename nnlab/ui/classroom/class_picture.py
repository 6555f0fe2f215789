"""The class as one experiment: the finding, one picture, one table, and the guesses beside the outcome."""

import math

import pandas as pd
import streamlit as st

from nnlab.charts.classroom import class_rows, class_scores, guess_bars, guess_rows
from nnlab.classroom.results import ClassResults, guess_counts
from nnlab.ui.classroom.class_view import ClassView
from nnlab.ui.classroom.finding_text import HOW, finding_words, limits_words, setting_name
from nnlab.ui.shared.downloads import chart_downloads
from nnlab.ui.shared.sortable_table import sortable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, in_markdown

MOST_SHOWN = 12  # settings in the picture
MOST_LARGE = 7  # on a projector


def shown_places(found: ClassResults, most: int = MOST_SHOWN) -> list[int]:
    """The settings of the picture, in their order: the best, what is as good, and those with the most seeds."""
    named = (found.best, *found.rivals)
    places = sorted(range(len(found.settings)), key=lambda i: (i not in named, -found.settings[i].seeds))
    return sorted(places[:most])


def finding(page: Page, found: ClassResults) -> None:
    """The finding as a sentence, with how it comes about at hand."""
    st.markdown(f"**{in_markdown(finding_words(found, page.t))}**", help=page.t(HOW))
    if words := limits_words(found, page.t):
        st.caption(in_markdown(words))


def picture(page: Page, view: ClassView, *, large: bool = False) -> None:
    """The picture; on a projector without names."""
    t, found = page.t, view.found
    places = shown_places(found, MOST_LARGE if large else MOST_SHOWN)
    if not places:
        st.caption(t("The picture appears with the first finished try."))
        return
    names = tuple(setting_name(found, place, t) for place in places)
    spec = class_scores(
        names, t("setting"), kind=found.score, part=found.part, large=large, named=not large, labels=page.words
    )
    students = None if large else {one.id: one.name for one in view.students}
    rows = class_rows(found, places, students)
    with st.container(key="class-picture"):
        st.vega_lite_chart(rows, spec, key=f"class-scores{'-large' if large else ''}", alt=_alt(page, found))
    if large:
        return
    words = t(
        "Line: 80 % of the seeds; bar: the middle half; point: the mean with its 95 % interval; circles: students' "
        "best tries."
    )
    if hidden := len(found.settings) - len(places):
        words += f" {t.many('{n} more setting is in the table.', '{n} more settings are in the table.', hidden)}"
    st.caption(words)
    name = f"nnlab-class-{view.stored.id}"
    chart_downloads(page, t("The class"), name, spec, lambda: class_rows(found, places))


def _alt(page: Page, found: ClassResults) -> str:
    return f"{page.t('Scores of every setting over all seeds of the class')}: {finding_words(found, page.t)}"


def settings_table(page: Page, found: ClassResults) -> None:
    """A row a setting: mean with interval, students, seeds, quantiles, difference to the best."""
    t, settings = page.t, found.settings
    if not settings:
        return
    places, quantiles = range(len(settings)), [one.quantiles for one in settings]
    p = [one.difference.p if one.difference else math.nan for one in settings]
    mean, median, spread, to_best = t("Mean"), t("Median"), t("80 % of the seeds"), t("Against the best")
    frame = pd.DataFrame(
        {
            t("Setting"): [setting_name(found, place, t) for place in places],
            mean: [one.interval.mean for one in settings],
            t("Students"): [len(one.students) for one in settings],
            t("Seeds"): [one.seeds for one in settings],
            median: [each[2] for each in quantiles],
            spread: [each[0] for each in quantiles],
            to_best: [_sorted_by(found, place) for place in places],
            "p": p,
        }
    )
    texts = {
        mean: [t.interval(one.interval.mean, one.interval.low, one.interval.high, found.score) for one in settings],
        median: [t.score(each[2], found.score) for each in quantiles],
        spread: [f"{t.score(each[0], found.score)} – {t.score(each[-1], found.score)}" for each in quantiles],
        to_best: [_difference(page, found, place) for place in places],
        "p": [t.number(one, 2) for one in p],
    }
    helps = {
        mean: t("Estimated for all seeds of the class, with its 95 % interval; without one it is not compared."),
        to_best: t("The mean difference with its interval, corrected for all pairs."),
        "p": t("How likely a difference as large as this would be if both settings were equally good."),
    }
    columns = {head: st.column_config.Column(help=help_text) for head, help_text in helps.items()}
    st.dataframe(
        sortable(frame, texts),
        hide_index=True,
        key="class-settings",
        column_config=columns,
        placeholder=UNKNOWN,
        alt=t("Settings of the class"),
    )


def _sorted_by(found: ClassResults, place: int) -> float:
    """The difference to the best, by which the rows sort; that of the best itself is 0."""
    one = found.settings[place].difference
    return one.mean if one else 0.0 if place == found.best else math.nan


def _difference(page: Page, found: ClassResults, place: int) -> str:
    one = found.settings[place].difference
    if place == found.best:
        return f"★ {page.t('best')}"
    return page.t.interval(one.mean, one.low, one.high, found.score) if one else UNKNOWN


def guesses(page: Page, view: ClassView, *, large: bool = False) -> None:
    """How many guessed what."""
    choices = view.stored.assignment.guess
    if not choices:
        return
    counts = guess_counts(choices, view.guesses)
    words = ", ".join(f"{choice}: {n}" for choice, n in counts.items())
    spec, key = guess_bars(choices, large=large, labels=page.words), f"class-guesses{'-large' if large else ''}"
    st.vega_lite_chart(guess_rows(counts), spec, key=key, alt=f"{page.t('Guesses')}: {words}")
