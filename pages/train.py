"""Train: follow a run while it learns; pause, resume, stop, extend it."""

import streamlit as st

from nnlab.lab import Run
from nnlab.store import State
from nnlab.ui.shared.ending import announce_end
from nnlab.ui.shared.handed_in import handed_in_line
from nnlab.ui.shared.labels import ENGINES
from nnlab.ui.shared.naming import run_facts, run_title
from nnlab.ui.shared.problems import show_refusal
from nnlab.ui.shared.run_links import newest_runs, nothing_trained
from nnlab.ui.shared.whose import others
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import open_page
from nnlab.ui.shell.text import in_markdown
from nnlab.ui.train.buttons import action_button, run_buttons
from nnlab.ui.train.curve_charts import overlaid_runs, overlay_choice
from nnlab.ui.train.live import follow
from nnlab.ui.train.outcome import final_scores, outcome, trouble

page = open_page("train")
t = page.t
query = page.query()


def shown() -> Run | None:
    """The run of the link; without one the visitor's newest run that trains, else that waits, else the newest."""
    if wanted := query.get("run"):
        return page.lab.run(wanted)
    states: tuple[State | None, ...] = ("running", "waiting", None)
    return next((mine[0] for state in states if (mine := newest_runs(page, 1, state))), None)


run = shown()
if run is None:
    st.title(t("Train"), anchor=False)
    if "run" in query:
        st.warning(
            t("There is no readable run at this address; it may have been deleted, or a newer nnlab stored it."),
            icon=":material/link_off:",
        )
        page.link("runs", t("All runs"))
        st.stop()
    words = t("Build a network and press Train, or start from a preset: the first curve appears within seconds.")
    nothing_trained(page, words)
    st.stop()
page.set_query({**query, "run": run.id})

with title_row("train-head"):
    with st.container(width="content", gap=None, horizontal=True, vertical_alignment="center"):
        st.title(in_markdown(run_title(run, t)), anchor=False, width="content")
        st.space("small")
        badge = st.container(width="content").empty()
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small", key="train-buttons"):
        run_buttons(page, run)
st.caption(run_facts(run, t), help=t(ENGINES[run.engine].help) if run.engine else None)
handed_in_line(page, run)
ended = bool(run.results) and not run.active
with st.container():  # what appears at the end moves nothing below to another place in the page's order
    show_refusal()
    if run.deleted:
        st.warning(t("This run was deleted."), icon=":material/delete:")
        if page.owner == run.owner:
            action_button(page, t("Restore"), "undo", "restore", lambda: page.lab.restore(run.id, page.owner))
    others(page, run)
    trouble(page, run)
    if ended:
        outcome(page, run)
overlaid = overlaid_runs(page, run)
follow(page, run, tuple(overlaid.values()), badge)
if ended:
    final_scores(page, run)
overlay_choice(page, run, overlaid)
with st.sidebar:
    announce_end(page, run)
