"""The view of the server on the Class page: workers, queue, what broke off, disk and memory, and what is wrong.

A teacher sees the runs of their own students by name; of other people's runs only that they are there.
"""

from time import monotonic

import streamlit as st

from nnlab.jobs.machine import SENTENCES, Kind, Machine, WorkerState
from nnlab.store import Run
from nnlab.ui.shared.failure_words import failure_words
from nnlab.ui.shared.naming import ago, run_title
from nnlab.ui.shared.progress import progress_text
from nnlab.ui.shared.reading import read_once
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text, in_markdown
from nnlab.ui.shell.ticks import live, pace, pace_words
from nnlab.ui.shell.trouble_text import trouble_text

TICK = 2.0  # seconds between two drawings at least
MOST = 8  # waiting runs that are listed
FIGURE = 143  # pixels: six beside each other on a desk, two on a phone

_SERIOUS: tuple[Kind, ...] = ("no_workers", "workers", "disk", "store")


def machine_page(page: Page) -> None:
    """Draws the view as a page, `?view=machine`."""
    with title_row("machine-head"):
        st.title(page.t("The server"), anchor=False, width="content")
        page.link("classroom", page.t("Your classes"), width="content", icon=":material/arrow_back:")
    machine_view(page)


def machine_view(page: Page) -> None:
    """Draws the view; it is drawn again every few seconds."""
    names = {one.id: one.name for each in page.lab.store.taught(page.person) for one in page.lab.store.members(each.id)}
    live(_view, TICK)(page, names | {page.owner: page.person.name}, monotonic())


def _view(page: Page, names: dict[str, str], since: float) -> None:
    machine, t = read_once("machine", TICK, page.lab.machine, since), page.t
    with st.container(key="machine-problems", gap="small"):
        for kind in machine.problems:
            icon = ":material/error:" if kind in _SERIOUS else ":material/warning:"
            (st.error if kind in _SERIOUS else st.warning)(problem_words(machine, kind, t), icon=icon)
        if not machine.problems:
            st.success(t("All is well: workers, data base, disk and memory."), icon=":material/check_circle:")
    _figures(machine, t)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"##### {t('What the workers train')}", anchors=False)
        for number, worker in enumerate(machine.workers, 1):
            _worker(page, names, number, worker)
        if not machine.workers:
            st.caption(t("None is there."))
    with right:
        st.markdown(f"##### {t('Next in the queue')}", anchors=False)
        _queue(machine, names, t)
        st.markdown(f"##### {t('Broken off in the last 24 hours')}", anchors=False)
        _broken_off(page, machine, names)
    st.caption(pace_words(t, TICK))


def problem_words(machine: Machine, kind: Kind, t: Text) -> str:
    """What is wrong and what to do, in the visitor's language."""
    if kind == "workers":
        return trouble_text(machine.trouble, t) if machine.trouble else ""
    return t(
        SENTENCES[kind],
        there=t.whole(machine.there),
        wanted=t.whole(machine.wanted),
        wait=t.seconds(machine.oldest_wait),
        disk=t.size(machine.disk_free),
        store=t.size(machine.store),
        most=t.size(machine.store_limit),
        memory=t.size(machine.memory_free),
    )


def _figures(machine: Machine, t: Text) -> None:
    waiting = machine.states["waiting"]
    wait = t("longest: {time}", time=t.seconds(machine.oldest_wait)) if waiting else None
    there = f"{t.whole(machine.there)} / {t.whole(machine.wanted)}"
    figures = (
        (t("Workers"), there, None, t("Processes that train: those that are there, and those that should be.")),
        (t("Runs in training"), t.whole(machine.states["running"]), None, None),
        (t("Runs that wait"), t.whole(waiting), wait, t("Everybody's first run goes before anybody's second one.")),
        (t("Open pages"), t.whole(pace.pages), None, t("With many of them all pages are refreshed less often.")),
        (t("Free memory"), t.size(machine.memory_free), t("of {all}", all=t.size(machine.memory)), None),
        (t("Free disk"), t.size(machine.disk_free), t("runs: {size}", size=t.size(machine.store)), None),
    )
    with st.container(horizontal=True, gap="xsmall", key="machine-figures"):
        for name, value, more, explained in figures:
            with st.container(width=FIGURE, height="stretch"):
                st.metric(name, value, more, "off", border=True, help=explained, delta_arrow="off", height="stretch")


def _worker(page: Page, names: dict[str, str], number: int, worker: WorkerState) -> None:
    t = page.t
    with st.container(border=True, gap=None, key=f"worker-{number}"):
        size = t.size(worker.memory) if worker.memory else UNKNOWN
        where = t("Worker {n}", n=number) if worker.known else t("Outside this server's workers")
        st.markdown(f"**{where}** · {in_markdown(worker.host)} · {size}")
        for run in worker.runs:
            _named(page, run, names)
            st.caption(progress_text(page.lab, run, t))
        if not worker.runs:
            st.caption(t("waits for a run"))


def _named(page: Page, run: Run, names: dict[str, str]) -> None:
    """Whose run and which; only that it is somebody else's, unless its owner is known to the teacher."""
    if run.owner in names:
        words = f"{in_markdown(names[run.owner])} · {in_markdown(run_title(run, page.t))}"
        page.link("train", words, {"run": run.id}, width="content")
    else:
        st.markdown(page.t("a run of somebody else"))


def _queue(machine: Machine, names: dict[str, str], t: Text) -> None:
    """As lines of text: they change with every tick."""
    lines = []
    for place, (run, begins) in enumerate(machine.waiting[:MOST], 1):
        whose = t("somebody else")
        if run.owner in names:
            whose = f"{in_markdown(names[run.owner])} · {in_markdown(run_title(run, t))}"
        soon = t("begins in about {time}", time=t.seconds(begins)) if begins >= 1 else t("begins at once")
        lines.append(f"{place}. {whose} · :gray[{soon}]")
    if more := machine.states["waiting"] - len(lines):
        lines.append(f"\n:gray[{t.many('and {n} more', 'and {n} more', more)}]")
    st.markdown("\n".join(lines) if lines else f":gray[{t('Nothing waits.')}]")


def _broken_off(page: Page, machine: Machine, names: dict[str, str]) -> None:
    t, mine = page.t, [run for run in machine.broken_off if run.owner in names]
    for run in mine[:MOST]:
        with st.container(border=True, gap=None, key=f"broken-{run.id}"):
            _named(page, run, names)
            st.markdown(failure_words(run, t))
            st.caption(ago(run.finished or run.created, t))
    if others := len(machine.broken_off) - len(mine):
        st.caption(t.many("and {n} run of somebody else", "and {n} runs of other people", others))
    if not machine.broken_off:
        st.caption(t("None."))
