"""What can be done with the selected entries of Runs: open, overlay, rename, download, delete and undo."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from nnlab.lab import NotYours, UnknownRun
from nnlab.store import Run, StoredComparison
from nnlab.ui.shared.comparison_naming import experiment_summary, settings_summary
from nnlab.ui.shared.comparison_row import comparison_row
from nnlab.ui.shared.downloads import download_menu, stream_button
from nnlab.ui.shared.naming import run_title
from nnlab.ui.shared.problems import refusals, show_refusal
from nnlab.ui.shared.run_links import MOST_OVERLAID, start_link
from nnlab.ui.shared.run_names import Entry
from nnlab.ui.shared.run_row import run_row
from nnlab.ui.shell.frame import Page


def actions(page: Page, chosen: Sequence[Entry], name: str) -> None:
    """A panel for the chosen entries; the space is there before anything is chosen. `name`: of the first."""
    t = page.t
    with st.container(border=True, key="actions"):
        if not chosen:
            st.caption(
                t("Select a run to open, rename, download or delete it; select several to overlay their curves.")
            )
            return
        first = chosen[0]
        if len(chosen) > 1:
            st.markdown(t.many("{n} row selected", "{n} rows selected", len(chosen)))
        elif isinstance(first, Run):
            run_row(page, first, name)
        else:
            comparison_row(page, first, name)
            st.caption(
                f"{settings_summary(first.comparison, t)} · {experiment_summary(first.comparison.experiment, t)}"
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if len(chosen) > 1:
                _overlay(page, [one for one in chosen if isinstance(one, Run)])
            elif isinstance(first, Run):
                _of_run(page, first)
            else:
                _of_comparison(page, first)
            if all(one.owner == page.owner for one in chosen):
                args = (page, list(chosen))
                st.button(t("Delete"), icon=":material/delete:", key="delete", on_click=_delete, args=args)


def undo_line(page: Page) -> None:
    """What was deleted last, with a button that brings it back."""
    show_refusal()
    if not (gone := st.session_state.get("deleted")):
        return
    t, runs = page.t, sum(isinstance(one, Run) for one in gone)
    words = [t.many("{n} run deleted", "{n} runs deleted", runs)] if runs else []
    if compared := len(gone) - runs:
        words += [t.many("{n} comparison deleted", "{n} comparisons deleted", compared)]
    with st.container(horizontal=True, vertical_alignment="center", key="undo-line"):
        st.markdown(f":gray[:material/delete:] {', '.join(words)}", width="content")
        st.button(t("Undo"), icon=":material/undo:", key="undo", on_click=_undo, args=(page,))


def use_line(page: Page) -> None:
    """How much of the disk the visitor uses, from half of what is allowed on."""
    used, most = page.lab.disk_use(page.owner)
    if used > most / 2:
        words = page.t("You use {used} of {most}.", used=page.t.size(used), most=page.t.size(most))
        help_text = page.t("Curves and weights of your runs. Deleted runs free their space at once.")
        st.caption(f":material/hard_drive: {words}", help=help_text, width="content")


def _of_run(page: Page, run: Run) -> None:
    t = page.t
    if st.button(t("Open"), icon=":material/show_chart:", type="primary", key="open"):
        page.go("train", {"run": run.id})
    page.link("inspect", t("Inspect"), {"run": run.id}, disabled=run.epoch == 0)
    start_link(page, run)
    if run.owner == page.owner:
        with st.popover(t("Rename"), icon=":material/edit:", key="rename-menu"):
            look: dict[str, Any] = {"value": run.name, "key": "new-name", "placeholder": run_title(run, t)}
            st.text_input(t("Name"), on_change=_rename, args=(page, run.id), **look)
            st.caption(t("Press Enter to save; leave it empty for the default name."))
    download_menu(page, run, "take")


def _of_comparison(page: Page, one: StoredComparison) -> None:
    t = page.t
    if st.button(t("Open"), icon=":material/stacked_line_chart:", type="primary", key="open"):
        page.go("compare", {"comparison": one.id})
    args = ({"comparison": one.id},)
    st.button(t("Its runs"), icon=":material/list:", key="its-runs", on_click=page.set_query, args=args)
    path, look = f"comparisons/{one.id}/table.csv", dict[str, Any](icon=":material/table:")
    with st.popover(t("Download"), icon=":material/download:", key="take-menu"):
        stream_button(page, t("The table, CSV"), path, "take-csv", **look)
        label = t("The table, CSV for a Spanish Excel")
        stream_button(page, label, path, "take-csv-es", params={"excel": "es"}, **look)


def _overlay(page: Page, runs: Sequence[Run]) -> None:
    if len(runs) < 2 or len({run.experiment.score for run in runs}) > 1:
        return
    several = ",".join(run.id for run in runs[1 : 1 + MOST_OVERLAID])
    if st.button(page.t("Overlay"), icon=":material/stacked_line_chart:", type="primary", key="open"):
        page.go("train", {"run": runs[0].id, "with": several})


def _rename(page: Page, run_id: str) -> None:
    page.lab.rename(run_id, " ".join(st.session_state["new-name"].split())[:120], page.owner)


def _delete(page: Page, entries: Sequence[Entry]) -> None:
    """Delete the visitor's own among some entries, and remember them for `undo_line`."""
    st.session_state["deleted"] = gone = []  # known before the store may fail
    for one in entries:
        with suppress(NotYours, UnknownRun):
            (page.lab.delete if isinstance(one, Run) else page.lab.delete_comparison)(one.id, page.owner)
            gone.append(one)


def _undo(page: Page) -> None:
    gone = st.session_state.get("deleted", [])
    with refusals(page):
        while gone:
            (page.lab.restore if isinstance(gone[0], Run) else page.lab.restore_comparison)(gone[0].id, page.owner)
            del gone[0]
