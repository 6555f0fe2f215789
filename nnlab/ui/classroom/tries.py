"""What a student has tried under an assignment: the best beside the guess, and a row for each."""

import math
from collections.abc import Sequence

import streamlit as st

from nnlab.jobs.assignments import Try
from nnlab.lab import ComparisonRun, Run
from nnlab.spec import Experiment
from nnlab.spec.assignment import LAYERS, Assignment
from nnlab.ui.shared.assigned import Assigned
from nnlab.ui.shared.comparison_naming import knob_name, varied_words
from nnlab.ui.shared.labels import CHOICES
from nnlab.ui.shared.naming import network_title, value_name
from nnlab.ui.shared.run_row import loss_sparkline, row_places, score_text, score_value
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, in_markdown
from nnlab.ui.shell.ticks import live

BUSY, IDLE = 2.0, 60.0  # seconds between two drawings: while a try is under way, and otherwise
MOST_NAMED = 3  # open fields that a row names all; of more only those that were changed


def tries_list(page: Page, task: Assigned, guess: str | None) -> None:
    """Draws the best try beside the guess, and all of them, newest first; updated often while one is under way."""
    st.markdown(f"#### {page.t('Your tries')}", anchors=False)
    live(_tries, IDLE)(page, task, guess)


def _tries(page: Page, task: Assigned, guess: str | None) -> float:
    """Draw them; the seconds until that is done again, at least."""
    t, tries = page.t, page.lab.tries(task.id, page.owner)
    if not tries:
        st.caption(t("Nothing yet: what you train after Start is handed in and appears here."))
    best = best_try(tries)
    if best is not None:
        what = answer_words(task.assignment, best.run, t)
        words = t("Your best: {what}, {score}.", what=f"**{in_markdown(what)}**", score=f"**{_score(best.run, t)}**")
        beside = t("You expected: {guess}.", guess=f"**{in_markdown(guess)}**") if guess else ""
        st.markdown(f":material/trophy: {words} {beside}")
    for one in reversed(tries):
        _row(page, task, one, one is best)
    return BUSY if any(one.run.active for one in tries) else IDLE


def _row(page: Page, task: Assigned, one: Try, best: bool) -> None:
    t, run = page.t, one.run
    name, course, score = row_places(t, run)
    title = answer_words(task.assignment, run, t)
    with name, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if isinstance(run, ComparisonRun):
            params = {**task.link(run.comparison), "comparison": run.id}
            page.link("compare", in_markdown(title), params, icon=":material/stacked_line_chart:", width="content")
        else:
            page.link("train", in_markdown(title), {"run": run.id}, icon=":material/show_chart:", width="content")
        if one.late:
            st.badge(t("late"), icon=":material/schedule:", color="orange")
    with course:
        if isinstance(run, Run):
            loss_sparkline(page, run, title)
        else:
            done = sum(cell.state == "finished" for cell in run.cells)
            all_cells = len(run.cells)
            st.caption(t.many("{done} of {n} network", "{done} of {n} networks", all_cells, done=t.whole(done)))
    words = _score(run, t) or f":gray[{t.percent(run.progress, 0)}]"
    score.markdown(f"**{words}** :material/trophy:" if best else words)


def best_try(tries: Sequence[Try]) -> Try | None:
    """The one with the best score, of equal ones the first; None before there is a score."""
    scored = [one for one in tries if not math.isnan(_value(one.run))]
    return max(scored, key=lambda one: _value(one.run), default=None)


def answer_words(assignment: Assignment, run: Run | ComparisonRun, t: Text) -> str:
    """What a student has chosen: "Depth 4 · Activation tanh"; of much that is open only what was changed."""
    if isinstance(run, ComparisonRun):
        words = varied_words(run.comparison, t)
    else:
        mine, task = run.experiment, assignment.experiment
        named = [name for name in assignment.open_fields if not (name in LAYERS and _whole(assignment))]
        if len(named) > MOST_NAMED:
            named = [name for name in named if mine.knob(name) != task.knob(name)]
        words = " · ".join(_value_words(name, mine, t) for name in named) or t("as it was given")
    return words[0].upper() + words[1:]


def _whole(assignment: Assignment) -> bool:
    return "model.hidden" in assignment.open_fields


def _value_words(name: str, experiment: Experiment, t: Text) -> str:
    if name == "model.hidden":
        return network_title(experiment, t)
    value = value_name(name, experiment.knob(name), t)
    return value if name in CHOICES else f"{knob_name(name, t)} {value}"


def _value(run: Run | ComparisonRun) -> float:
    """The score, larger is better; nan before there is one."""
    value = run.best_score if isinstance(run, ComparisonRun) else score_value(run)
    experiment = run.comparison.experiment if isinstance(run, ComparisonRun) else run.experiment
    return value if experiment.score == "accuracy" else -value


def _score(run: Run | ComparisonRun, t: Text) -> str:
    if isinstance(run, Run):
        return score_text(run, t)
    return "" if math.isnan(run.best_score) else t.score(run.best_score, run.comparison.experiment.score)
