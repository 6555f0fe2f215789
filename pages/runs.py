"""Runs: what was trained, newest first; a comparison is one row that opens to its runs."""

from collections.abc import Sequence

import streamlit as st

from nnlab.ui.runs.actions import actions, undo_line, use_line
from nnlab.ui.runs.cells import cell_entries
from nnlab.ui.runs.run_table import Entry, entry_names, matching, runs_table, states_of
from nnlab.ui.runs.unreadable import unreadable_lines
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.run_links import nothing_trained
from nnlab.ui.shared.widgets import clickable
from nnlab.ui.shell.frame import open_page

page = open_page("runs")
t, lab = page.t, page.lab
MOST, AT_ONCE = 500, 100


def keep_filter() -> None:
    """The filter stands in the link."""
    words, states, local = (st.session_state.get(f"filter-{name}") for name in ("text", "state", "local"))
    page.change_query(q=(words or "").strip(), state=",".join(states or []), of="local" if local else "", page="")


def filters(there: Sequence[str]) -> None:
    """Words, states, and whose runs."""
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
            format_func=lambda state: clickable(f"{STATES[state][1]} {t(STATES[state][0])}"),
            key="filter-state",
            on_change=keep_filter,
        )
        if opened is None and page.person.role != "student":
            st.toggle(
                t("Command-line runs"),
                key="filter-local",
                help=t("Runs trained on this server without the dashboard. You can look at them, but not change them."),
                on_change=keep_filter,
            )


def part_of(found: Sequence[Entry]) -> Sequence[Entry]:
    """The rows that are shown at once, and links to those before and after them."""
    last = (len(found) - 1) // AT_ONCE
    number = min(int(query["page"][:9]) - 1, last) if query.get("page", "").isdecimal() else 0
    start = max(0, number) * AT_ONCE
    shown = found[start : start + AT_ONCE]
    words = t.many("{n} row", "{n} rows", len(found))
    if last:
        words = t("{first} to {last} of {n}", first=start + 1, last=start + len(shown), n=len(found))
    if len(entries) == MOST:
        words += f" · {t('only the newest {n} are shown', n=t.whole(MOST))}"
    with foot, st.container(horizontal=True, vertical_alignment="center", key="pages"):
        st.caption(words, width="content")
        for label, to, icon in ((t("Newer"), number - 1, "chevron_left"), (t("Older"), number + 1, "chevron_right")):
            if last and 0 <= to <= last:
                args = ({**query, "page": str(to + 1)},)
                st.button(label, icon=f":material/{icon}:", key=f"page-{to}", on_click=page.set_query, args=args)
    return shown


query = page.query()
local = query.get("of") == "local" and page.person.role != "student"  # those of whoever runs the server
opened = lab.comparison(query["comparison"]) if "comparison" in query else None
st.title(t("Runs"), anchor=False)
if opened is not None:
    entries, names = cell_entries(page, opened)
elif "comparison" in query:
    words = t("There is no comparison at this address; it may have been deleted.")
    if lab.comparison_state(query["comparison"]):
        words = t("A run of this comparison cannot be read: a newer nnlab stored it, or it is damaged.")
    st.warning(words, icon=":material/link_off:")
    page.link("runs", t("All runs"), width="content")
    st.stop()
else:
    entries = lab.recent("local" if local else page.owner, MOST)
    names = entry_names(entries, t)
undo_line(page)
use_line(page)
if opened is None and not local:
    unreadable_lines(page)

if st.session_state.get("runs-of") != query.get("comparison") or "filter-text" not in st.session_state:
    st.session_state["filter-text"] = query.get("q", "")  # another list has a filter of its own
st.session_state["runs-of"] = query.get("comparison")
st.session_state["filter-local"] = local
there = states_of(entries)
st.session_state["filter-state"] = [state for state in query.get("state", "").split(",") if state in there]
filters(there)

found = matching(entries, names, st.session_state["filter-text"], st.session_state["filter-state"] or [], t)
if not entries and opened is None:
    if local:
        with st.container(border=True, key="empty"):
            st.markdown(t("No runs from this server's command line yet."))
            st.code("nnlab train activations --seeds 5", language=None)
    else:
        nothing_trained(page, t("Every run is saved here, with its curves and weights."))
elif not found:
    st.info(t("No run matches this filter."), icon=":material/filter_alt_off:")
else:
    place, table, foot = st.container(), st.container(), st.container()
    with table:
        chosen = runs_table(page, part_of(found), names)
    with place:
        actions(page, chosen, names[chosen[0].id] if chosen else "")
