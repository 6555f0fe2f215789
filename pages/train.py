"""Train: follow a run while it learns; pause, resume, stop, go on."""

from collections.abc import Callable

import streamlit as st

from nnlab.lab import NotYours, Run, UnknownRun
from nnlab.spec import seeds_text
from nnlab.spec.errors import SpecError
from nnlab.ui.shared.labels import problem_text
from nnlab.ui.shared.naming import in_markdown, run_facts, run_title
from nnlab.ui.shared.run_links import MOST_OVERLAID, start_link
from nnlab.ui.shared.run_rows import state_badge
from nnlab.ui.shell.frame import open_page
from nnlab.ui.train.live import follow, overlaid_names
from nnlab.ui.train.outcome import outcome, trouble

page = open_page("train")
t, lab = page.t, page.lab


def shown() -> Run | None:
    """The run of the link; else the visitor's newest that is under way, else the newest."""
    if wanted := page.query().get("run"):
        return lab.run(wanted)
    mine = lab.runs(page.owner, limit=50)
    return next((one for one in mine if one.active), mine[0] if mine else None)


def act(change: Callable[[], object]) -> None:
    """Does what a button says; what cannot be done becomes one sentence."""
    try:
        change()
    except SpecError as error:
        st.session_state["refused"] = problem_text(error.problems[0], t)
    except (NotYours, UnknownRun):
        st.session_state["refused"] = t("This run belongs to somebody else; you can look, but not change it.")


def more_epochs(run: Run) -> int:
    """How many a click adds: some, but not more than have been."""
    return 5 if run.epochs <= 10 else 20 if run.epochs < 400 else run.epochs // 10


def go_on(run: Run, n: int) -> None:
    """Adds epochs, once: a click that is delivered twice is one click."""
    now = lab.run(run.id)
    if now is not None and now.epochs == run.epochs:
        lab.add_epochs(run.id, n, page.owner)


def button(
    label: str, icon: str, key: str, change: Callable[[], object], enabled: bool, kind: str = "secondary"
) -> None:
    st.button(label, icon=icon, key=key, on_click=act, args=(change,), disabled=not enabled, type=kind)  # type: ignore[arg-type]


def buttons(run: Run) -> None:
    """Always the same places, so that nothing moves when the state changes."""
    me, state = page.owner, run.state
    if me == run.owner:
        if state in ("paused", "interrupted", "failed"):
            word = t("Try again") if state == "failed" else t("Resume")
            button(word, ":material/play_arrow:", "resume", lambda: lab.resume(run.id, me), True, "primary")
        else:
            can = run.active and run.requested_action is None
            button(t("Pause"), ":material/pause:", "pause", lambda: lab.pause(run.id, me), can)
        can = (run.active and run.requested_action != "stop") or state == "paused"
        button(t("Stop"), ":material/stop:", "stop", lambda: lab.stop(run.id, me), can)
        n = more_epochs(run)
        resting = state in ("paused", "finished", "stopped")
        label = t("+{n} epochs", n=t.whole(n))
        button(label, ":material/add:", "more-epochs", lambda: go_on(run, n), resting)
    page.link("inspect", t("Inspect"), {"run": run.id}, disabled=run.state == "waiting" and run.epoch == 0)
    page.link("build", t("Open in Build"), {**run.experiment.to_query(), "seeds": seeds_text(run.seeds)})
    start_link(page, run)


def nothing_here() -> None:
    """The empty state: what to do next."""
    st.title(t("Train"), anchor=False)
    with st.container(border=True, key="empty"):
        st.markdown(f"#### {t('Nothing trained yet')}")
        st.markdown(t("Build a network and press Train, or start from a preset: the first curve is there in seconds."))
        with st.container(horizontal=True, gap="medium"):
            page.link("build", t("Build a network"))
            page.link("home", t("See the presets"))


run = shown()
if run is None:
    if "run" in page.query():
        st.title(t("Train"), anchor=False)
        st.warning(t("There is no run with this address; it may have been removed."), icon=":material/link_off:")
        page.link("runs", t("All runs"))
        st.stop()
    nothing_here()
    st.stop()

query = page.query()
laid = [one for one in query.get("with", "").split(",") if one and one != run.id][:MOST_OVERLAID]
page.set_query({**query, "run": run.id})

with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="train-head"):
    with st.container(width="content", gap=None, horizontal=True, vertical_alignment="center"):
        st.title(in_markdown(run_title(run, t)), anchor=False, width="content")
        st.space("small")
        state_badge(t, run)
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small", key="train-buttons"):
        buttons(run)
st.caption(run_facts(run, t))
if refused := st.session_state.pop("refused", None):
    st.error(refused, icon=":material/block:")
if run.deleted:
    st.warning(t("This run was deleted."), icon=":material/delete:")
    if page.owner == run.owner:
        button(t("Bring it back"), ":material/undo:", "restore", lambda: lab.restore(run.id, page.owner), True)
elif page.owner != run.owner:
    words = t(
        "You are looking at somebody else's run; it cannot be changed from here. Open it in Build to train your own."
    )
    st.info(words, icon=":material/visibility:")
trouble(page, run)

mine = {one.id: one for one in lab.runs(page.owner, limit=200) if one.id != run.id}
same = {id_: one for id_, one in mine.items() if one.experiment.score == run.experiment.score and one.epoch}
others = {id_: same.get(id_) or lab.run(id_) for id_ in laid}
others = {id_: one for id_, one in others.items() if one is not None and one.experiment.score == run.experiment.score}
follow(page, run, list(others.values()))
if run.results and not run.active:
    outcome(page, run)

choices = {**others, **same}
if choices:
    names = dict(zip(choices, overlaid_names(list(choices.values()), t), strict=True))
    st.session_state["overlay"] = list(others)  # the link decides

    def lay_over() -> None:
        """Keeps the choice in the link."""
        chosen, link = st.session_state["overlay"], page.query()
        link.pop("with", None)
        page.set_query({**link, "with": ",".join(chosen)} if chosen else link)

    st.multiselect(
        t("Lay other runs over it"),
        list(choices),
        format_func=lambda id_: names.get(id_, id_),
        key="overlay",
        max_selections=MOST_OVERLAID,
        placeholder=t("Choose runs"),
        select_all=False,  # Streamlit's entry for it is in English
        on_change=lay_over,
    )
