"""The part of Train that follows a run: progress, four numbers, curves, and what the network has learned.

At every tick a fragment reads the store and swaps the rows under charts whose specs stay the same. When the run begins
or ends, the whole page is drawn again, with other buttons; after the end there are no ticks.
"""

import math
from collections.abc import Mapping, Sequence
from time import monotonic, time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nnlab.lab import Lab
from nnlab.store import Run
from nnlab.ui.shared.downloads import chart_downloads
from nnlab.ui.shared.naming import file_name
from nnlab.ui.shared.network_view import Look, can_film, network_view
from nnlab.ui.shared.pictures import own_data_note
from nnlab.ui.shared.progress import progress_text
from nnlab.ui.shared.reading import read_once
from nnlab.ui.shared.run_row import state_badge
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.ticks import live, pace_words
from nnlab.ui.train.curve_charts import chart_spec, draw_chart, latest_rows, log_scale, scale_switch
from nnlab.ui.train.learned import kind_of, learned, learned_caption, predictions_table
from nnlab.ui.train.numbers import four_numbers, number_titles, sparklines

HEADING, NUMBER = 44, 112  # pixels: a heading with its switch; a number with its sparkline, with or without a value
TICK, SLOW_TICK = 1.0, 2.0  # seconds between two drawings at least: of what changes, and of what changes little
FIRST, FRESH = 0.1, 5.0  # seconds between two ticks, at least, before the first point; how long a run may have none
FILM = Look(charted=False)  # the page has charts of its own

Places = Mapping[str, DeltaGenerator]
"""Where the parts that change are drawn, by name. The layout around them is drawn once, so that a tick sends thirteen
messages instead of forty, and nothing else can move."""


def _near_first_point(run: Run) -> bool:
    return run.active and run.epoch == 0 and time() - (run.started or run.created).timestamp() < FRESH


def _least(run: Run) -> float:
    return FIRST if _near_first_point(run) else TICK


def _shared_run(run_id: str, lab: Lab, since: float = -math.inf) -> Run | None:
    """A run, read once in a while for all viewers, so that all of them draw the same epochs."""
    return read_once(run_id, TICK, lambda: lab.run(run_id), since)


def _now(lab: Lab, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The same runs as they are now."""
    return tuple((_shared_run(run.id, lab) or run) if run.active else run for run in runs)


def _drawn(lab: Lab, run: Run) -> Run:
    """The run whose curves and weights show how far a run is: the equal one of somebody else that it waits for."""
    leader = _shared_run(run.follows, lab) if run.follows else None
    return leader if leader and leader.state == "running" else run


def _outside(run: Run) -> tuple[object, ...]:
    """What the page around the ticks shows of a run. One that waits for its next turn has the buttons of a running one,
    so turns do not draw the page of everybody who watches."""
    began = run.active and (run.epoch > 0 or run.state == "running")
    return "running" if began else run.state, run.epochs, run.deleted


def follow(page: Page, run: Run, others: tuple[Run, ...], badge: DeltaGenerator) -> None:
    """Draws the live part, and the state into its place; it ticks while the run or an overlaid run is active."""
    active, log = run.active or any(other.active for other in others), log_scale(page, run, others)
    places = {**_layout(page, run, others, log), "state": badge}
    with places["film"]:
        live(_tick, _least(run) if active else None)(page, [run], run, others, log, monotonic(), places)
    live(_slow_tick, SLOW_TICK if active else None)(page, run, others, places)


def _tick(
    page: Page,
    just_read: list[Run],
    seen: Run,
    others: tuple[Run, ...],
    log: bool,
    since: float,
    places: Places,
) -> float:
    """Draw what changes; the seconds until it is drawn again, at least."""
    run = _latest(page.lab, just_read, seen.id, since)
    if run is None or _outside(run) != _outside(seen):
        st.rerun()
    with places["state"]:
        state_badge(page.t, run.state)
    words, least = progress_text(page.lab, run, page.t), _least(run)
    if run.active and (rarely := pace_words(page.t, TICK)):
        words = f"{words} · {rarely}"
    run = _drawn(page.lab, run)
    if "learned" in places:
        learned(page, run, places["learned"])
    else:
        network_view(page, run, key="train-film", look=FILM)  # a component can only be drawn into its fragment's place
    share = run.progress if run.loading is None else run.loading
    places["progress"].progress(min(1.0, max(0.0, share)), words)
    four_numbers(page, run, places)
    now = _now(page.lab, others)
    if log_scale(page, run, now) != log:
        st.rerun()  # the switch says which scale it is
    draw_chart(page, run, now, places["loss"], "loss")
    if "predictions" in places:
        table = predictions_table(page, run)
        places["predictions"].dataframe(table, hide_index=True, key="answers", alt=page.t("Targets and predictions"))
    return least


def _latest(lab: Lab, just_read: list[Run], run_id: str, since: float) -> Run | None:
    """The run as it is now. The first time as the page has just read it, so that its charts are drawn before a change
    of its state draws the whole page again."""
    if just_read:
        return just_read.pop()
    run = _shared_run(run_id, lab, since)
    return lab.run(run_id) if run and _near_first_point(run) else run


def _slow_tick(page: Page, seen: Run, others: tuple[Run, ...], places: Places) -> None:
    """What changes little from one second to the next: half the work of a tick, so not every time."""
    run = _shared_run(seen.id, page.lab) or seen
    if _outside(run) != _outside(seen) or run.epoch < seen.epoch:
        run = seen  # the shared reading is older, or the whole page is about to be drawn again
    run = _drawn(page.lab, run)
    sparklines(page, run, places)
    if "score" in places:
        draw_chart(page, run, _now(page.lab, others), places["score"], "score")
    if "gap" in places:
        draw_chart(page, run, (), places["gap"], "gap")


def _layout(page: Page, run: Run, others: tuple[Run, ...], log: bool) -> Places:
    """Draws the layout, which is the same in every state, and gives the places in it.

    Each place is alone in its container: where Streamlit drops the unsent messages of a tick in favour of the next
    ones, the place is dropped too, and others behind it in the same container would move."""
    t, experiment = page.t, run.experiment
    places = {"progress": st.container().empty()}
    with st.container(horizontal=True, gap="small", key="numbers"):
        for (part, metric), (title, help_text) in number_titles(run, t).items():
            name = f"{part}-{metric}"
            with (
                st.container(border=True, height="stretch", gap=None, width="stretch", key=f"number-{name}"),
                _titled(title, help_text),
            ):
                places[f"number-{name}"] = st.container(gap=None).empty()
                places[f"spark-{name}"] = st.container(gap=None).empty()
    filmed, places["film"] = can_film(run), st.container(key="panel-film")
    note = own_data_note(experiment.data, run.seeds[0], t)
    if filmed and note:
        st.caption(note)
    left, right = st.columns(2, gap="medium")
    with left:
        with _heading(t("Loss")), st.container(horizontal=True, vertical_alignment="center", width="content"):
            scale_switch(page, run, log)
            _downloads(page, run, others, t("Loss"), "loss", "loss")
        places["loss"] = st.container(key="panel-loss").empty()
    if not filmed:
        with right:
            _heading(t("What it has learned so far"), learned_caption(run, t))
            places["learned"] = st.container(key="panel-learned").empty()
    if experiment.score == "mse":
        if kind_of(experiment) == "line":
            st.markdown(f"##### {t('Predictions')}", anchors=False)
            places["predictions"] = st.container().empty()
        return places
    score, gap = (right, st.container()) if filmed else st.columns(2, gap="medium")
    with score:
        with _heading(t("Accuracy")):
            _downloads(page, run, others, t("Accuracy"), "score", "accuracy")
        places["score"] = st.container(key="panel-score").empty()
    with gap:
        heading = _heading(
            t("Gap between validation and training"),
            t(
                "How much higher the loss is on samples that are not used for training. A gap that keeps growing is a "
                "sign of overfitting."
            ),
        )
        if experiment.data.sizes[1]:
            with heading:
                _downloads(page, run, (), t("Gap"), "gap", "gap")
            places["gap"] = st.container(key="panel-gap").empty()
        else:
            st.caption(t("This experiment has no validation part, so there is no gap to show."))
    return places


def _titled(title: str, help_text: str) -> DeltaGenerator:
    """A place of fixed height under a title that takes two lines where one is too short."""
    st.markdown(f":small[{title}]", help=help_text)
    return st.container(height=NUMBER, border=False, gap=None)


def _heading(words: str, help_text: str | None = None) -> DeltaGenerator:
    """A heading as high as its neighbour, with room for a switch."""
    box = st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", height=HEADING, border=False
    )
    box.markdown(f"##### {words}", width="content", help=help_text, anchors=False)
    return box


def _downloads(page: Page, run: Run, others: tuple[Run, ...], words: str, chart: str, name: str) -> None:
    """The menu that saves a chart with the rows of the moment of the click."""
    spec = chart_spec(page, run, others, chart)
    chart_downloads(page, words, file_name(run, f"-{name}"), spec, lambda: latest_rows(page.lab, run, others, chart))
