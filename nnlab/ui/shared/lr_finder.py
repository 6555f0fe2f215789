"""Find a learning rate: a panel that has a worker test rates, shows the loss against them, and takes the one found.

The last test of a visit is kept, so that it is there again on the other page; it belongs to an experiment whatever its
rate is (`subject_of`), and says so when it is another's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from nnlab.charts.lr_range_test import range_test_curve, range_test_rows
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.training.lr_range_test import RangeTest, subject_of
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

log = logging.getLogger("nnlab.ui")

SEEDS = 3
LOOK_EVERY = 0.5  # seconds
WIDTH, HEIGHT = 460, 260
CLOSE = 3.0
"""Rates no more than so many times apart are as good as one another."""


@dataclass(frozen=True)
class Asked:
    """A test of this visit: of what, the worker's answer to come (None: nobody could be asked yet), and what came."""

    subject: Experiment
    answer: Any = None
    test: RangeTest | None = None
    failed: bool = False

    @property
    def waits(self) -> bool:
        return self.test is None and not self.failed


def rate_finder(page: Page, experiment: Experiment, use: Callable[[float], None] | None) -> None:
    """A button that opens the panel. `use` takes over the rate found; None where the rate is not one to choose."""
    t = page.t
    panel = st.popover(t("Find a learning rate"), icon=":material/speed:", key="rates")
    with panel, st.container(width=WIDTH, key="rates-panel"):
        asked: Asked | None = st.session_state.get("rate-test")
        st.button(
            t("Test learning rates"),
            icon=":material/play_arrow:",
            key="rates-test",
            on_click=_ask,
            args=(page, experiment),
            disabled=asked is not None and asked.waits and asked.subject == subject_of(experiment),
            help=t(
                "A short training in which the learning rate grows at every step, from 0.000001 to 10, with {n} "
                "seeds. A good rate is where the loss falls most steeply; where the loss rises, the rate is too "
                "large.",
                n=SEEDS,
            ),
        )
        if refused := st.session_state.get("rates-refused"):
            st.caption(f":red[:material/error: {refused}]")
        if asked is None:
            return
        if asked.waits:
            st.fragment(_wait, run_every=LOOK_EVERY)(page)
        elif asked.subject != subject_of(experiment):
            st.caption(t("The experiment has changed since the last test: test again."))
        elif asked.test is None:
            st.caption(t("The worker could not finish the test; try again."))
        else:
            _result(page, asked.test, experiment.train.lr, use)


def _ask(page: Page, experiment: Experiment) -> None:
    """Asks a worker; what is over a limit becomes a sentence."""
    state = st.session_state
    state.pop("rates-refused", None)
    try:
        answer = page.lab.rate_test(experiment, SEEDS)
    except SpecError as error:
        state["rates-refused"] = problem_text(error.problems[0], page.t)
        return
    state["rate-test"] = Asked(subject_of(experiment), answer)


def _wait(page: Page) -> None:
    """Looks whether the answer has come; then the page is drawn once more."""
    asked, note = _looked(page, st.session_state["rate-test"])
    st.session_state["rate-test"] = asked
    if not asked.waits:
        st.rerun()
    st.caption(note)


def _looked(page: Page, asked: Asked) -> tuple[Asked, str]:
    """The test as it is now, and in words what it waits for. Never waits."""
    t = page.t
    if asked.answer is None:
        asked = replace(asked, answer=page.lab.rate_test(asked.subject, SEEDS))
        if asked.answer is None:
            return asked, t("No worker is running yet; the test starts as soon as one is.")
    if not asked.answer.done():
        return asked, t("Testing: the chart appears once a worker has been free for a second or two.")
    try:
        test = asked.answer.result()
    except Exception:  # whatever went wrong over there, or on the way
        log.exception("a range test failed")
        return replace(asked, answer=None, failed=True), ""
    return replace(asked, answer=None, test=test), ""


def _result(page: Page, test: RangeTest, present: float, use: Callable[[float], None] | None) -> None:
    t = page.t
    st.vega_lite_chart(
        range_test_rows(test, present),
        range_test_curve(labels=page.words, height=HEIGHT),
        key="rates-chart",
        alt=t("Training loss against learning rate"),
    )
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
    """What the picture says of the present rate."""
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


__all__ = ["rate_finder"]
