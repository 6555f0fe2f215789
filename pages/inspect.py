"""Inspect: one run at one epoch, from the inside."""

import streamlit as st

from nnlab.ui.inspect.epoch_view import epoch_view
from nnlab.ui.shared.naming import moment
from nnlab.ui.shared.problems import show_refusal
from nnlab.ui.shared.run_links import newest_runs
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.whose import others
from nnlab.ui.shell.frame import open_page

page = open_page("inspect")
t, state = page.t, st.session_state
st.title(t("Look inside"), anchor=False)

named = page.query().get("run", "")
opened = page.lab.run(named)
if opened is not None and opened.deleted:
    opened = None
if named and opened is None:
    st.warning(
        t("There is no readable run at this address; it may have been deleted, or a newer nnlab stored it."),
        icon=":material/link_off:",
    )
runs = {run.id: run for run in newest_runs(page, 50, trained=True)}
if opened is not None and opened.id not in runs:
    runs = {opened.id: opened, **runs}
if not runs:
    st.info(t("Nothing trained yet, so there are no weights to show."), icon=":material/grid_on:")
    page.link("home", t("Start with one of the presets"), width="content")
    st.stop()
if opened is not None and opened.id != state.get("inspect-from-link"):
    state["inspect-run"] = opened.id
elif state.get("inspect-run") not in runs:
    state["inspect-run"] = opened.id if opened is not None else next(iter(runs))
titles = distinct_titles(list(runs.values()), t)
with st.container(horizontal=True, vertical_alignment="bottom"):
    chosen = st.selectbox(
        t("Trained run"),
        list(runs),
        format_func=lambda run_id: f"{titles[run_id]} · {moment(runs[run_id].created, t)}",
        key="inspect-run",
        width=560,  # on a narrow screen a line of its own
    )
    page.link("train", t("Its curves"), {"run": chosen}, width="content")
run = runs[chosen]
show_refusal()
others(page, run)
state["inspect-from-link"] = run.id
epochs = page.lab.snapshot_epochs(run.id)
if not epochs:
    st.info(t("This run has no weights yet; they appear after its first epoch."), icon=":material/hourglass_empty:")
    st.stop()
epoch_view(page, run, epochs)
