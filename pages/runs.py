"""Runs: what was trained, newest first; open, overlay, rename, delete, download."""

from collections.abc import Sequence

import streamlit as st

import nnlab.ui.shell.start_workers  # noqa: F401  first: see there
from nnlab.lab import NotYours, Run, UnknownRun
from nnlab.ui.runs.run_table import matching, runs_table, states_of
from nnlab.ui.shared.downloads import download_menu
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import run_title
from nnlab.ui.shared.run_links import MOST_OVERLAID, nothing_trained, start_link
from nnlab.ui.shared.run_row import run_row
from nnlab.ui.shell.frame import open_page

page = open_page("runs")
t, lab = page.t, page.lab
MOST = 500


def delete(runs: Sequence[Run]) -> None:
    """Out of sight, until somebody thinks better of it."""
    for run in runs:
        try:
            lab.delete(run.id, page.owner)
        except (NotYours, UnknownRun):
            continue
    st.session_state["deleted"] = [run.id for run in runs]


def undo() -> None:
    for run_id in st.session_state.pop("deleted", []):
        lab.restore(run_id, page.owner)


def rename(run_id: str) -> None:
    lab.rename(run_id, " ".join(st.session_state["new-name"].split())[:120], page.owner)


def keep_filter() -> None:
    """The filter stands in the link."""
    words, states, local = (st.session_state[f"filter-{name}"] for name in ("text", "state", "local"))
    page.change_query(q=words.strip(), state=",".join(states or []), of="local" if local else "")


def actions(chosen: Sequence[Run]) -> None:
    """What can be done with the chosen rows; the space is there before anything is chosen."""
    with st.container(border=True, key="actions"):
        if not chosen:
            st.caption(
                t("Select a run to open, rename, download or delete it; select several to overlay their curves.")
            )
            return
        first, own = chosen[0], all(run.owner == page.owner for run in chosen)
        if len(chosen) == 1:
            run_row(page, first)
        else:
            st.markdown(t.many("{n} run selected", "{n} runs selected", len(chosen)))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if len(chosen) == 1:
                if st.button(t("Open"), icon=":material/show_chart:", type="primary", key="open"):
                    page.go("train", {"run": first.id})
                page.link("inspect", t("Inspect"), {"run": first.id}, disabled=first.epoch == 0)
                start_link(page, first)
                if own:
                    with st.popover(t("Rename"), icon=":material/edit:", key="rename-menu"):
                        st.text_input(
                            t("Name"),
                            value=first.name,
                            key="new-name",
                            placeholder=run_title(first, t),
                            on_change=rename,
                            args=(first.id,),
                        )
                        st.caption(t("Press Enter to save; leave it empty for the default name."))
                download_menu(page, first, "take")
            elif len({run.experiment.score for run in chosen}) == 1:
                several = ",".join(run.id for run in chosen[1 : 1 + MOST_OVERLAID])
                if st.button(t("Overlay"), icon=":material/stacked_line_chart:", type="primary", key="open"):
                    page.go("train", {"run": first.id, "with": several})
            if own:
                st.button(t("Delete"), icon=":material/delete:", key="delete", on_click=delete, args=(list(chosen),))


st.title(t("Runs"), anchor=False)
query = page.query()
local = query.get("of") == "local"
runs = lab.runs("local" if local else page.owner, limit=MOST)
if gone := st.session_state.get("deleted"):
    with st.container(horizontal=True, vertical_alignment="center", key="undo-line"):
        st.markdown(
            f":gray[:material/delete:] {t.many('{n} run deleted', '{n} runs deleted', len(gone))}", width="content"
        )
        st.button(t("Undo"), icon=":material/undo:", key="undo", on_click=undo)

st.session_state.setdefault("filter-text", query.get("q", ""))
st.session_state["filter-local"] = local
there = states_of(runs)
st.session_state["filter-state"] = [state for state in query.get("state", "").split(",") if state in there]
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
    st.text_input(
        t("Filter"),
        key="filter-text",
        placeholder=t("name, data, network"),
        icon=":material/search:",
        on_change=keep_filter,
        width=280,
    )
    st.pills(
        t("State"),
        there,
        selection_mode="multi",
        format_func=lambda state: f"{STATES[state][1]} {t(STATES[state][0])}",
        key="filter-state",
        on_change=keep_filter,
    )
    st.toggle(
        t("Command-line runs"),
        key="filter-local",
        help=t("Runs trained on this server without the dashboard. You can look at them, but not change them."),
        on_change=keep_filter,
    )

found = matching(runs, st.session_state["filter-text"], st.session_state["filter-state"] or [], t)
if not runs:
    if local:
        with st.container(border=True, key="empty"):
            st.markdown(t("No runs from this server's command line yet."))
            st.code("nnlab train activations --seeds 5", language="bash")
    else:
        nothing_trained(page, t("Every run is saved here, with its curves and weights."))
elif not found:
    st.info(t("No run matches this filter."), icon=":material/filter_alt_off:")
else:
    place = st.container()
    chosen = runs_table(found, t)
    with place:
        actions(chosen)
    shown = t.many("{n} run", "{n} runs", len(found))
    most = t("only the newest {n} are shown", n=t.whole(MOST))
    st.caption(f"{shown} · {most}" if len(runs) == MOST else shown)
