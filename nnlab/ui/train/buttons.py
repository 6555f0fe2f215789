"""The buttons of a run: pause, resume, stop, more epochs, and the links to other pages."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from nnlab.engines.costs import estimate_seconds
from nnlab.store import Run
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shared.run_links import experiment_link, start_link
from nnlab.ui.shared.whose import may_stop, stop_anybodys
from nnlab.ui.shell.frame import Page


def run_buttons(page: Page, run: Run) -> None:
    """The same places in every state, so that nothing moves when the state changes."""
    t, lab, me, state = page.t, page.lab, page.owner, run.state
    if me == run.owner:
        if state in ("paused", "interrupted", "failed"):
            label = t("Try again") if state == "failed" else t("Resume")
            action_button(page, label, "play_arrow", "resume", lambda: lab.resume(run.id, me), primary=True)
        else:
            possible = run.active and run.requested_action is None
            action_button(page, t("Pause"), "pause", "pause", lambda: lab.pause(run.id, me), possible)
        possible = (run.active and run.requested_action != "stop") or state == "paused"
        action_button(page, t("Stop"), "stop", "stop", lambda: lab.stop(run.id, me), possible)
        more = 5 if run.epochs <= 10 else 20 if run.epochs < 400 else run.epochs // 10
        early = state == "finished" and run.epoch < run.epochs
        label, ended = t("+{n} epochs", n=t.whole(more)), state in ("paused", "finished", "stopped") and not early
        why = t("Early stopping has ended every seed: more epochs would change nothing.") if early else None
        if ended and not lab.can_continue(run.id):
            longer = run.experiment.set({"train.epochs": run.epochs + more})
            takes = t.seconds(estimate_seconds(longer, len(run.seeds)))
            why = t("A new run trains from the start again, about {time}; this one stays as it is.", time=takes)
        action_button(page, label, "add", "more-epochs", lambda: _add_epochs(page, run, more), ended, help=why)
    elif run.active and may_stop(page, run.owner):
        stop = partial(stop_anybodys, page, run.owner, lambda owner: lab.stop(run.id, owner))
        action_button(page, t("Stop"), "stop", "stop", stop, run.requested_action != "stop")
    page.link("inspect", t("Inspect"), {"run": run.id}, disabled=state == "waiting" and run.epoch == 0)
    page.link("build", t("Open in Build"), experiment_link(run))
    start_link(page, run)


def action_button(
    page: Page,
    label: str,
    icon: str,
    key: str,
    change: Callable[[], object],
    enabled: bool = True,
    primary: bool = False,
    help: str | None = None,
) -> None:
    """A button that changes a run; one sentence where the change is refused."""

    def act() -> None:
        with refusals(page, page.t("This run belongs to somebody else: you can see it, but not change it.")):
            change()

    look: Any = {"type": "primary" if primary else "secondary", "disabled": not enabled, "help": help}
    st.button(label, icon=f":material/{icon}:", key=key, on_click=act, **look)


def _add_epochs(page: Page, run: Run, n: int) -> None:
    """Adds epochs once, even if the click is delivered twice, and shows the run that gets them."""
    now = page.lab.run(run.id)
    if now is not None and now.epochs == run.epochs and page.query().get("run") == run.id:
        longer = page.lab.add_epochs(run.id, n, page.owner)
        if longer.id != run.id:
            page.change_query(run=longer.id)
            words = page.t("The comparison or assignment keeps its run. This is a copy that trains longer.")
            if not longer.epoch:
                words = page.t("The run before stays as it is. This is a new one, which trains from the start.")
            st.toast(words, icon=":material/call_split:", duration="long")
