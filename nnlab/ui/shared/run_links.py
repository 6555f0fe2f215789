"""From an experiment to its run and back: submitting it from a page, and links from a run to an experiment."""

from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from nnlab.analysis.advice import ADVICE, advise
from nnlab.analysis.diagnosis import Diagnosis
from nnlab.spec import Comparison, Experiment, seeds_text
from nnlab.store import Run, State
from nnlab.training.transfer import started_from
from nnlab.ui.shared.assigned import Assigned, hand_in
from nnlab.ui.shared.problems import refusals, show_refusal
from nnlab.ui.shell.frame import Page

MOST_OVERLAID = 6


def submit(page: Page, experiment: Experiment, seeds: Sequence[int], task: Assigned | None = None) -> None:
    """Submits an experiment, or hands it in: a callback, in which Streamlit cannot turn to another page yet."""
    with refusals(page):
        if task:
            st.session_state["opened-run"] = hand_in(page, task, experiment)
        else:
            st.session_state["opened-run"] = page.lab.submit(experiment, seeds, owner=page.owner).id


def submit_comparison(page: Page, comparison: Comparison) -> None:
    """Submits a comparison, as `submit` an experiment."""
    with refusals(page):
        st.session_state["opened-comparison"] = page.lab.submit_comparison(comparison, page.owner).id


def open_submitted(page: Page) -> None:
    """Turns to the run or the comparison that was submitted, or shows why it was refused."""
    if run_id := st.session_state.pop("opened-run", None):
        page.go("train", {"run": run_id})
    if comparison_id := st.session_state.pop("opened-comparison", None):
        page.go("compare", {"comparison": comparison_id})
    show_refusal()


def newest_runs(page: Page, limit: int, state: State | None = None, *, trained: bool = False) -> list[Run]:
    """The visitor's newest runs: so many that were trained by themselves, then so many of comparisons; with `trained`
    those with an epoch at least."""
    which: dict[str, Any] = {"state": state, "trained": trained, "limit": limit}
    return [run for alone in (True, False) for run in page.lab.runs(page.owner, alone=alone, **which)]


def assignment_link(page: Page, task: Experiment | Comparison) -> None:
    """For teachers a link that makes an assignment of an experiment or a comparison."""
    if page.person.teaches:
        words, params = page.t("Make an assignment"), {"make": "1", **task.to_query()}
        page.link("classroom", words, params, icon=":material/assignment_add:", width="content")


def nothing_trained(page: Page, words: str) -> None:
    """What stands in the place of runs before there are any."""
    t = page.t
    with st.container(border=True, key="empty"):
        st.markdown(f"#### {t('Nothing trained yet')}", anchors=False)
        st.markdown(words)
        with st.container(horizontal=True, gap="medium"):
            page.link("build", t("Build a network"))
            page.link("home", t("See the presets"))


def experiment_link(run: Run, experiment: Experiment | None = None) -> dict[str, str]:
    """The parameters of a link to an experiment with a run's seeds; the run's own experiment unless one is given."""
    return {**(experiment or run.experiment).to_query(), "seeds": seeds_text(run.seeds)}


def start_link(page: Page, run: Run) -> None:
    """A link to an experiment that starts from this run's weights; none where they cannot be reused."""
    started = started_from(run.experiment) if run.experiment.task != "regression" else None
    if started is not None:
        page.link(
            "build",
            page.t("Reuse its weights"),
            experiment_link(run, started),
            icon=":material/step_over:",
            disabled=run.state != "finished",
        )


def advice_link(page: Page, run: Run, diagnosis: Diagnosis, worse: Collection[Experiment] = ()) -> None:
    """A link to the run's experiment with the first thing to try; none if there is none. `worse` as in `advise`."""
    if advice := advise(diagnosis, run.experiment, worse):
        words = page.t(ADVICE[advice.name], value=page.t.number(advice.changes.get("train.l2"), 1))
        changed = run.experiment.set(advice.changes)
        page.link("build", words, experiment_link(run, changed), icon=":material/lightbulb:")
