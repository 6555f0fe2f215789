"""The panel "Find a learning rate": a worker runs a range test, the panel shows it and offers the suggested rate.

The session keeps the last test, so that Build and Compare show the same. A test belongs to an experiment whatever its
learning rate (`subject_of`); with another experiment the panel asks for a new test.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from nnlab.charts.curves import range_test_curve, range_test_rows
from nnlab.jobs.memory import is_shortage
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.training.lr_range_test import RangeTest, subject_of
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text
from nnlab.ui.shell.ticks import live
from nnlab.ui.shell.trouble_text import trouble_text

log = logging.getLogger("nnlab.ui")

SEEDS = 3
CLOSE = 3.0
"""Rates closer than this factor are equally good."""


@dataclass
class Job:
    """A range test that was requested."""

    subject: Experiment
    future: Any  # of the worker; None if there is no worker yet
    outcome: RangeTest | Exception | None = None  # None while it is not finished


def rate_finder(page: Page, experiment: Experiment, use: Callable[[float], None] | None) -> None:
    """A button that opens the panel. `use` sets the suggested rate; None if the page does not choose a rate."""
    t = page.t
    panel = st.popover(t("Find a learning rate"), icon=":material/speed:", key="rates")
    with panel, st.container(width=460, key="rates-panel"):
        job: Job | None = st.session_state.get("rate-test")
        current = job if job and job.subject == subject_of(experiment) else None
        st.button(
            t("Test learning rates"),
            icon=":material/play_arrow:",
            key="rates-test",
            on_click=_submit,
            args=(page, experiment),
            disabled=bool(current and current.outcome is None),
            help=t(
                "A short training in which the learning rate grows at every step, from 0.000001 to 10, with {n} "
                "seeds. A good rate is where the loss falls most steeply; where the loss rises, the rate is too "
                "large.",
                n=SEEDS,
            ),
        )
        if refused := st.session_state.get("rates-refused"):
            st.caption(f":red[:material/error: {refused}]")
        if job is None:
            return
        if job.outcome is None:
            live(_wait, 0.5)(page, job)
        elif not current:
            st.caption(t("The experiment has changed since the last test: test again."))
        elif isinstance(job.outcome, Exception) and is_shortage(job.outcome):
            st.caption(t("The test needed more memory than a worker may use: make the network or the batches smaller."))
        elif isinstance(job.outcome, Exception):
            st.caption(t("The worker could not finish the test; try again."))
        else:
            _result(page, job.outcome, experiment.train.lr, use)


def _submit(page: Page, experiment: Experiment) -> None:
    """Submits a test; an experiment over a limit is refused with a sentence."""
    st.session_state.pop("rates-refused", None)
    try:
        future = page.lab.rate_test(experiment, SEEDS)
        st.session_state["rate-test"] = Job(subject_of(experiment), future)
    except SpecError as error:
        st.session_state["rates-refused"] = problem_text(error.problems[0], page.t)


def _wait(page: Page, job: Job) -> None:
    """What the test waits for; reruns the page once it has finished. Does not block."""
    t = page.t
    if job.future is None:
        job.future = page.lab.rate_test(job.subject, SEEDS)
    if (trouble := page.lab.trouble) and (job.future is None or not job.future.done()):
        st.caption(trouble_text(trouble, t))
    elif job.future is None:
        st.caption(t("No worker is running yet; the test starts as soon as one is."))
    elif not job.future.done():
        st.caption(t("Testing: the chart appears once a worker has been free for a second or two."))
    else:
        try:
            job.outcome = job.future.result()
        except Exception as error:  # anything the worker or the connection raises
            log.exception("a range test failed")
            job.outcome = error
        job.future = None
        st.rerun()


def _result(page: Page, test: RangeTest, present: float, use: Callable[[float], None] | None) -> None:
    t = page.t
    spec, alt = range_test_curve(labels=page.words), t("Training loss against learning rate")
    st.vega_lite_chart(range_test_rows(test, present), spec, key="rates-chart", alt=alt)
    st.markdown(_sentence(test.suggested, present, t))
    if test.suggested is not None and use is not None:
        st.button(
            t("Use {rate}", rate=t.plain(test.suggested)),
            icon=":material/check:",
            key="rates-use",
            on_click=use,
            args=(test.suggested,),
            disabled=present == test.suggested,
        )


def _sentence(suggested: float | None, present: float, t: Text) -> str:
    """How the current rate compares with the suggested one."""
    if suggested is None:
        return t(
            "The loss falls at no learning rate, so this network does not learn from this data: check its "
            "initialisation, activation and depth."
        )
    words = {"best": t.plain(suggested), "now": t.plain(present)}
    if present == suggested:
        return t("At {best} the loss falls fast without jumping: that is your current rate.", **words)
    if present > CLOSE * suggested:
        return t("At {best} the loss falls fast without jumping; your current rate, {now}, may be too large.", **words)
    if present < suggested / CLOSE:
        return t(
            "At {best} the loss falls fast without jumping; your current rate, {now}, learns more slowly.", **words
        )
    return t("At {best} the loss falls fast without jumping; your current rate, {now}, is close to it.", **words)
