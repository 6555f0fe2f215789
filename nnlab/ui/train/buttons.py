"""The buttons of a run: pause, resume, stop, more epochs, and the links to other pages."""

from collections.abc import Callable

import streamlit as st

from nnlab.store import Run
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shared.run_links import experiment_link, start_link
from nnlab.ui.shell.frame import Page


def run_buttons(page: Page, run: Run) -> None:
    """The same places in every state, so that nothing moves when the state changes."""
    t, lab, me, state = page.t, page.lab, page.owner, run.state
    if me == run.owner:
        if state in ("paused", "interrupted", "failed"):
            label = t("Try again") if state == "failed" else t("Resume")
            _button(page, label, "play_arrow", "resume", lambda: lab.resume(run.id, me), primary=True)
        else:
            possible = run.active and run.requested_action is None
            _button(page, t("Pause"), "pause", "pause", lambda: lab.pause(run.id, me), possible)
        possible = (run.active and run.requested_action != "stop") or state == "paused"
        _button(page, t("Stop"), "stop", "stop", lambda: lab.stop(run.id, me), possible)
        more = 5 if run.epochs <= 10 else 20 if run.epochs < 400 else run.epochs // 10
        label, ended = t("+{n} epochs", n=t.whole(more)), state in ("paused", "finished", "stopped")
        _button(page, label, "add", "more-epochs", lambda: _add_epochs(page, run, more), ended)
    page.link("inspect", t("Inspect"), {"run": run.id}, disabled=state == "waiting" and run.epoch == 0)
    page.link("build", t("Open in Build"), experiment_link(run))
    start_link(page, run)


def restore_button(page: Page, run: Run) -> None:
    _button(page, page.t("Restore"), "undo", "restore", lambda: page.lab.restore(run.id, page.owner))


def _button(
    page: Page,
    label: str,
    icon: str,
    key: str,
    change: Callable[[], object],
    enabled: bool = True,
    primary: bool = False,
) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=key,
        on_click=_act,
        args=(page, change),
        disabled=not enabled,
        type="primary" if primary else "secondary",
    )


def _act(page: Page, change: Callable[[], object]) -> None:
    with refusals(page, page.t("This run belongs to somebody else: you can see it, but not change it.")):
        change()


def _add_epochs(page: Page, run: Run, n: int) -> None:
    """Adds epochs once, even if the click is delivered twice."""
    now = page.lab.run(run.id)
    if now is not None and now.epochs == run.epochs:
        page.lab.add_epochs(run.id, n, page.owner)
