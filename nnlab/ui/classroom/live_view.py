"""An assignment while the class works on it: counts, one table of all students, a student's tries."""

import math
from functools import partial
from time import monotonic
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.jobs.assignments import Try
from nnlab.store import StoredAssignment
from nnlab.ui.classroom.class_picture import finding, guesses, picture, settings_table
from nnlab.ui.classroom.class_view import TICK, ClassView, Student, class_view, figures
from nnlab.ui.shared.comparison_naming import comparison_title, setting_words
from nnlab.ui.shared.naming import ago, experiment_title, value_name
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shared.run_row import score_text, state_badge
from nnlab.ui.shared.sortable_table import choose_row, sortable
from nnlab.ui.shared.whose import stop_anybodys
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text, in_markdown
from nnlab.ui.shell.ticks import live, pace_words

FIGURE = 155  # pixels: four beside each other on a desk, two on a phone
PANEL = 172  # pixels of a student's tries: three of them, the others by scrolling
SLOW = 2 * TICK  # seconds between two drawings of the picture
WIDTHS = {"student": 150, "state": 120, "guess": 90, "tries": 80, "now": 130, "best": 150, "setting": 120}


def live_view(page: Page, stored: StoredAssignment) -> None:
    """The table and the picture, which tick as long as the page is open."""
    t, since = page.t, monotonic()
    everybody, together = st.tabs([t("How everybody is doing"), t("The class as one experiment")], key="class-tabs")
    with everybody:
        live(_table, TICK)(page, stored, since)
    with together:
        live(_picture, SLOW)(page, stored, since)


def _table(page: Page, stored: StoredAssignment, since: float) -> None:
    t, view = page.t, class_view(page, stored, max(since, st.session_state.get("class-stopped", since)))
    with st.container(horizontal=True, gap="small", key="class-figures"):
        for name, value in figures(view, t).items():
            st.metric(name, value, border=True, width=FIGURE)
    if not view.students:
        st.info(t("Nobody is in this class yet: show the class its code."), icon=":material/group_add:")
        return
    beside = st.container(border=True, height=PANEL, key="class-student")  # of one height: nothing below moves
    frame, texts = _frame(page, view)
    heads = dict(zip(WIDTHS, frame.columns, strict=True))
    place = choose_row(
        sortable(frame, texts),
        "class-students",
        [one.id for one in view.students],
        column_config={heads[name]: st.column_config.Column(width=width) for name, width in WIDTHS.items()},
        placeholder=UNKNOWN,
        alt=t("Students of the class"),
    )
    with beside:
        if place is None:
            st.caption(t("Choose a row to see a student's tries and to stop one."))
        else:
            _student(page, view, view.students[place])
    if slow := pace_words(t, TICK):
        st.caption(slow)


def _frame(page: Page, view: ClassView) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The table, and the texts of the columns that sort by numbers."""
    t, students, best = page.t, view.students, view.found.best_tries
    heads = [t("Student"), t("State"), t("Guess"), t("Tries"), t("Running now"), t("Best so far"), t("With")]
    scores = [best[one.id].score if one.id in best else math.nan for one in students]
    frame = pd.DataFrame(
        {
            heads[0]: [one.name for one in students],
            heads[1]: [_state(one, t) for one in students],
            heads[2]: [one.guess or "" for one in students],
            heads[3]: [len(one.tries) for one in students],
            heads[4]: [_now(one, t) for one in students],
            heads[5]: scores,
            heads[6]: [_with(view, one, t) for one in students],
        }
    )
    texts = {heads[3]: [_tries(one, t) for one in students], heads[5]: [_best(view, one, t) for one in students]}
    return frame, texts


def _state(one: Student, t: Text) -> str:
    if one.started is None:
        return f"◌ {t('not started')}"
    return f"✓ {t('has a result')}" if one.done else f"▶ {t('has started')}"


def _tries(one: Student, t: Text) -> str:
    late = sum(each.late for each in one.tries)
    return t("{n} ({late} late)", n=t.whole(len(one.tries)), late=t.whole(late)) if late else t.whole(len(one.tries))


def _now(one: Student, t: Text) -> str:
    if not one.active:
        return ""
    more, done = len(one.active) - 1, max(each.run.progress for each in one.active)
    running = any(isinstance(each.run, ComparisonRun) or each.run.state == "running" for each in one.active)
    words = t("running, {share}", share=t.percent(done, 0)) if running else t("waiting")
    return f"{words} (+{t.whole(more)})" if more else words


def _best(view: ClassView, one: Student, t: Text) -> str:
    found = view.found.best_tries.get(one.id)
    if found is None:
        return UNKNOWN
    score = t.score(found.score, view.found.score)
    return t("{score}, best of {n}", score=score, n=t.whole(found.among)) if found.among > 1 else score


def _with(view: ClassView, one: Student, t: Text) -> str:
    found = view.found.best_tries.get(one.id)
    if found is None:
        return ""
    values = zip(view.found.knobs, view.found.settings[found.place].values, strict=True)
    return ", ".join(setting_words(knob, value_name(knob, value, t), t) for knob, value in values)


def _student(page: Page, view: ClassView, one: Student) -> None:
    """The tries of a student, each with its page and, while it is under way, a button that stops it."""
    t = page.t
    left = "" if one.member else f" ({t('no longer in the class')})"
    st.markdown(f"**{in_markdown(one.name)}**{left}")
    if not one.tries:
        st.caption(t("No tries yet."))
    for each in reversed(one.tries):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"try-{each.run.id}"):
            _try(page, view, each)


def _try(page: Page, view: ClassView, one: Try) -> None:
    t, run = page.t, one.run
    if isinstance(run, ComparisonRun):
        place, link, title = "compare", {"comparison": run.id}, comparison_title(run, t)
    else:
        knobs = [(knob, value_name(knob, run.experiment.knob(knob), t)) for knob in view.found.knobs]
        title = ", ".join(setting_words(knob, value, t) for knob, value in knobs)
        place, link, title = "train", {"run": run.id}, title or experiment_title(run.experiment, t)
    with st.container(width=300):
        page.link(place, in_markdown(title), link)
    with st.container(width=120):
        state_badge(t, run.state)
    with st.container(width=150):
        st.markdown("" if isinstance(run, ComparisonRun) else score_text(run, t) or t.percent(run.progress, 0))
    st.caption(f"{ago(one.created, t)} · {t('late')}" if one.late else ago(one.created, t), width="content")
    if run.active:
        look: dict[str, Any] = {"icon": ":material/stop:", "type": "tertiary", "key": f"stop-{run.id}"}
        st.button(t("Stop"), on_click=_stop, args=(page, one), **look)


def _stop(page: Page, one: Try) -> None:
    """Stop a student's run."""
    stop = page.lab.stop_comparison if isinstance(one.run, ComparisonRun) else page.lab.stop
    with refusals(page, page.t("This run belongs to none of your students.")):
        stop_anybodys(page, one.run.owner, partial(stop, one.run.id))
    st.session_state["class-stopped"] = monotonic()  # the table shows it at once


def _picture(page: Page, stored: StoredAssignment, since: float) -> None:
    view = class_view(page, stored, since)
    finding(page, view.found)
    picture(page, view)
    if stored.assignment.guess:
        st.markdown(f"##### {page.t('What the class expected')}", anchors=False)
        guesses(page, view)
    settings_table(page, view.found)
