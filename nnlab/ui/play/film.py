"""The film of Play: trained as soon as the experiment changes."""

from collections.abc import Callable, Collection, Sequence
from time import time

import streamlit as st

from nnlab.analysis.coverage import covers
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.store import Run
from nnlab.ui.shared.ending import announce_end
from nnlab.ui.shared.naming import seeds_words
from nnlab.ui.shared.network_view import MOST_PARAMETERS, Look, network_view
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shared.progress import progress_text
from nnlab.ui.shared.run_row import mean_text
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text
from nnlab.ui.shell.ticks import live

MOST_DEPTH, MOST_WIDTH = 6, 8  # of a network that is changed in its drawing
LOOK = Look(editable=(MOST_DEPTH, MOST_WIDTH))
TICK, LATE_TICK = 0.1, 0.5  # seconds between two looks at a run that trains, before and after it is late
STOPPED = "stopped", "max_seconds"  # state and note of a run that reached the time limit of the server
SOON = 1.0  # seconds within which a film is there, usually


def play_film(
    page: Page,
    experiment: Experiment,
    seeds: Sequence[int],
    on_change: Callable[[], None],
    hidden: Collection[str] = (),
) -> None:
    """Trains the experiment, or finds its run, and shows its film. `hidden`: what the link hides."""
    try:
        shown: list[str] = st.session_state.setdefault("play-runs", [])
        run = _ended_early(page, shown, experiment, seeds) or page.lab.play(
            experiment, seeds, owner=page.owner, instead_of=shown
        )
        shown[:] = [run.id]  # in the list: Streamlit may stop the script at any use of the session's state
    except SpecError as error:
        st.error(problem_text(error.problems[0], page.t), icon=":material/block:")
        return
    live(_film, TICK if run.active else None)(page, run, on_change, hidden)


def _ended_early(page: Page, shown: Sequence[str], experiment: Experiment, seeds: Sequence[int]) -> Run | None:
    """The run shown last where it cannot be finished: the same training would end in the same way."""
    run = page.lab.run(shown[0]) if shown else None
    ended = run is not None and (run.state in ("failed", "interrupted") or (run.state, run.note) == STOPPED)
    return run if ended and run and (run.experiment, run.seeds) == (experiment, tuple(seeds)) else None


def _film(page: Page, seen: Run, on_change: Callable[[], None], hidden: Collection[str]) -> float:
    if st.session_state["play"] != seen.experiment:  # a click in the drawing runs this fragment alone
        st.rerun()
    run = page.lab.run(seen.id)
    if run is None or (seen.active and run.deleted):  # cancelled in another tab of the visitor
        st.rerun()
    shown = run if run.epoch or not run.active else st.session_state.get("play-shown", run)
    st.session_state["play-shown"] = shown
    look = LOOK._replace(editable=None) if "model.hidden" in hidden else LOOK
    filmed = network_view(page, shown, key="play-film", look=look, on_change=on_change)
    late = run.active and run.epoch == 0 and time() - run.created.timestamp() > SOON
    large = run.experiment.parameters > MOST_PARAMETERS
    if late or (large and not filmed) or not (run.active or run.results):
        st.caption(page.t("This network is too large for a film.") if large else progress_text(page.lab, run, page.t))
        page.link("train", page.t("Show it on Train"), {"run": run.id}, icon=":material/show_chart:")
    if run.results and len(run.seeds) > 1:
        st.markdown(sure_words(run, page.t))
    with st.container(horizontal=True, vertical_alignment="center", key="play-next"):
        link = run.experiment.to_query()
        depths = {**link, "vary": "depth", "values": "1,2,4,6", "seeds": "10"}
        if "next" not in hidden:
            page.link("compare", page.t("Compare depths"), depths, width="content")
            page.link("build", page.t("Open in Build"), link, width="content")
        if run.results and (run.draft or run.owner != page.owner):
            keep, whose = page.t("Keep in Runs"), (run.id, page.owner)
            st.button(keep, icon=":material/bookmark_add:", key="keep", on_click=page.lab.keep, args=whose)
    announce_end(page, run)
    if seen.active and not run.active:
        st.rerun()
    return LATE_TICK if time() - run.created.timestamp() > SOON else TICK


def sure_words(run: Run, t: Text) -> str:
    """How much the score varies over the seeds."""
    part = run.experiment.data.judged_part
    names = {"accuracy": t("Accuracy, validation"), "mse": t("Mean squared error")}
    return t(
        "**{name}: {score}** over {what}. The interval covers {covered}.",
        name=names[run.experiment.score],
        score=mean_text(run, part, run.experiment.score, t) + " %" * (run.experiment.score == "accuracy"),
        what=seeds_words(run, t),
        covered=covers(run.experiment, part).words(t),
    )
