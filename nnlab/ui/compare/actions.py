"""What a visitor can do with a comparison: open an earlier one, stop, open the test set, add values or seeds, save."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.export.chart_file import chart_file
from nnlab.export.tables import comparison_file, csv_text, markdown_table
from nnlab.lab import ComparisonRun
from nnlab.spec import MAX_SEEDS, Comparison
from nnlab.spec.errors import whole
from nnlab.store import StoreUnavailable
from nnlab.ui.compare import knobs
from nnlab.ui.compare.comparison_state import View, results_of
from nnlab.ui.compare.question import Question
from nnlab.ui.compare.results import shown_charts
from nnlab.ui.shared import comparison_naming
from nnlab.ui.shared.downloads import file_button, picture_buttons, stream_button
from nnlab.ui.shared.labels import ENGINES
from nnlab.ui.shared.naming import ago, moment
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shared.typed_numbers import read_number
from nnlab.ui.shared.whose import stop_anybodys
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown

EARLIER = 12
ADDED = {"values": "add-values", "by_values": "add-by-values"}  # fields, and the keys of what is added to them
MIME = {"csv": "text/csv", "md": "text/markdown", "json": "application/json"}


def earlier_comparisons(page: Page) -> None:
    """A menu of the visitor's comparisons, newest first."""
    t = page.t
    with st.popover(t("Earlier comparisons"), icon=":material/history:", key="earlier", on_change="rerun") as menu:
        if not menu.open:
            return
        mine = page.lab.comparisons(page.owner, limit=EARLIER)
        if not mine:
            st.caption(t("No comparisons yet."))
        for one in mine:
            name = in_markdown(one.name) or comparison_naming.comparison_summary(one.comparison, t)
            when = t("in progress") if one.active else ago(one.created, t)
            icon = ":material/progress_activity:" if one.active else ":material/stacked_line_chart:"
            page.link("compare", f"{name} · {when}", {"comparison": one.id}, icon=icon)


def stop_menu(page: Page, run: ComparisonRun) -> None:
    """Stop all active cells, or one of them; finished epochs stay."""
    t = page.t

    def stop(place: int | None = None) -> None:
        stop_anybodys(page, run.owner, lambda owner: page.lab.stop_comparison(run.id, owner, place))

    st.button(t("Stop"), icon=":material/stop:", key="stop", on_click=stop)

    def stop_one() -> None:
        if (place := st.session_state.get("stop-one")) is not None:
            stop(place)

    active = [place for place, cell in enumerate(run.cells) if cell.active]
    if len(active) > 1:
        look: dict[str, Any] = {"key": "stop-one", "on_click": stop_one, "type": "tertiary"}
        st.menu_button(t("Stop one cell"), active, format_func=View(page, run).full_name, **look)


def test_set(page: Page, run: ComparisonRun) -> None:
    """When the held-out test set was opened, or a button with which the owner opens it, once and on purpose."""
    t, opened = page.t, run.test_opened
    if not any(one.data.sizes[2] for one in run.comparison.experiments):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-part"):
        if opened is not None:
            text = t("Test set opened on {when}.", when=moment(opened, t))
            if later := sum(any(one.created > opened for one in cell.runs) for cell in run.cells):
                text += " " + t.many(
                    "{n} cell was trained after that: do not choose by its test score.",
                    "{n} cells were trained after that: do not choose by their test scores.",
                    later,
                )
            st.markdown(f":material/lock_open: {text}")
        elif run.owner != page.owner:
            closed = t("The test set is not open yet; only the owner of this comparison can open it.")
            st.caption(f":material/lock: {closed}")
        else:
            if st.button(t("Open the test set"), icon=":material/lock:", key="open-test", disabled=run.active):
                st.dialog(t("Open the test set?"), icon=":material/lock_open:")(_confirm)(page, run)
            st.caption(t("Open it once, after you have chosen by validation score."), width="content")


def _confirm(page: Page, run: ComparisonRun) -> None:
    t = page.t
    purpose = t(
        "So far you have chosen by validation scores. The test set shows how good the chosen network is on samples "
        "that have played no part in any choice."
    )
    warning = t(
        "It can do this only once: if you go on choosing by test scores, they are no longer an honest estimate. This "
        "page will show when the test set was opened."
    )
    st.markdown(f"{purpose}\n\n{warning}")
    with st.container(horizontal=True, gap="small"):
        now, args = page.lab.open_test, (run.id, page.owner)
        if st.button(t("Open it now"), type="primary", key="open-test-now", on_click=now, args=args):
            st.rerun()
        if st.button(t("Not yet"), key="open-test-not"):
            st.rerun()


def extend_menu(page: Page, run: ComparisonRun, question: Question) -> None:
    """A menu with values and seeds to add: only what is new is trained."""
    t, comparison = page.t, run.comparison
    with (
        st.popover(t("Add values or seeds"), icon=":material/add:", key="add-menu"),
        st.form("add-form", border=False, enter_to_submit=False),
    ):
        for key, (knob, values) in zip(ADDED.values(), comparison_naming.varied(comparison).items(), strict=False):
            present = knobs.value_texts(values)
            offered = [text for text in knobs.suggested(comparison.experiment, knob)[1] if text not in present]
            label = t("Values of {knob} to add", knob=comparison_naming.knob_name(knob, t))
            knobs.values_control(knob, offered, t, label=label, key=key, width=330)
        st.text_input(t("Seeds to add"), "0", key="add-seeds", width=140)
        by_torch = any(one.engine == "torch" for one in run.runs)
        st.caption(
            t("Only new values and seeds are trained; the present results stay."),
            help=t(ENGINES["torch"].help) if by_torch else None,
        )
        look: dict[str, Any] = {"icon": ":material/play_arrow:", "type": "primary", "key": "add-go"}
        st.form_submit_button(t("Add and train"), on_click=_extend, args=(page, run, question), **look)


def add_seeds(seeds: Sequence[int], n: int) -> tuple[int, ...]:
    """The seeds and n more, the lowest that are not among them."""
    return (*seeds, *[seed for seed in range(len(seeds) + n) if seed not in seeds][:n])


def _extend(page: Page, run: ComparisonRun, question: Question) -> None:
    comparison, state = run.comparison, st.session_state
    with refusals(page, page.t("Only the owner of this comparison can add to it.")):
        wider = {
            field: knobs.parsed(knobs.split_typed([*knobs.value_texts(values), *state.get(key, [])], knob), knob)
            for (field, key), (knob, values) in zip(
                ADDED.items(), comparison_naming.varied(comparison).items(), strict=False
            )
        }
        typed, most = read_number(state["add-seeds"], "seeds", whole=True), MAX_SEEDS - len(comparison.seeds)
        seeds = add_seeds(comparison.seeds, whole("seeds", typed, 0, most))
        extended = Comparison.of({**comparison.plain(), **wider, "seeds": seeds})
        if extended != comparison:
            page.lab.extend_comparison(run.id, extended, page.owner)
            question.show(extended)


def restore(page: Page, comparison_id: str) -> None:
    """Bring a deleted comparison back."""
    with refusals(page):
        page.lab.restore_comparison(comparison_id, page.owner)


def save_menu(page: Page, run: ComparisonRun, question: Question) -> None:
    """A menu of files: the table, every epoch, a file that trains it again, charts, the link.

    Each file is made on the click, with the results of that moment."""
    t, lab = page.t, page.lab
    name = comparison_naming.comparison_file_name(run.comparison)

    def now() -> ComparisonRun:
        with suppress(StoreUnavailable):  # the file then holds what the page shows
            return lab.comparison(run.id) or run
        return run

    def table() -> pd.DataFrame:
        present = now()
        return results_of(lab, present, question.baseline_place(present.comparison)).table

    def button(key: str, label: str, end: str, make: Callable[[], bytes | str], help: str) -> None:
        mime = MIME[end.rpartition(".")[2]]
        file_button(label, make, name + end, mime, f"download-{key}", icon=":material/download:", help=help)

    excel, every = t("For a Spanish Excel: semicolons and decimal commas."), t("One row for each epoch and seed.")
    with st.popover(t("Save"), icon=":material/download:", key="save-menu"):
        button("csv", t("CSV"), ".csv", lambda: csv_text(table()), t("The table, for pandas, R or LibreOffice."))
        button("csv-es", t("CSV (Excel, es)"), "-es.csv", lambda: csv_text(table(), spanish=True), excel)
        path, look = f"comparisons/{run.id}/epochs.csv", dict[str, Any](icon=":material/download:")
        stream_button(page, t("Every epoch"), path, "download-epochs", help=every, **look)
        excel_words, spanish = t("Every epoch (Excel, es)"), f"{every} {excel}"
        stream_button(page, excel_words, path, "download-epochs-es", params={"excel": "es"}, help=spanish, **look)
        button("markdown", "Markdown", ".md", lambda: markdown_table(table()), t("The table, for a report."))
        again = t("Question and table; `nnlab compare FILE.json` trains it again and gets the same numbers.")
        button("json", "JSON", ".json", lambda: comparison_file(now().comparison, table()), again)
        if charts := shown_charts(run):
            chart = charts[st.selectbox(t("Chart"), list(charts), key="save-chart", width=330)]
            picture = f"{name}-{chart.key}"
            with st.container(horizontal=True, gap="small"):
                picture_buttons(picture, "download", lambda form: chart_file(chart.spec, chart.rows, form))
        st.markdown(f"**{t('Link')}**", help=t("It opens this page with the question and these results."))
        address = page.address("compare", run.comparison.to_query() | question.opened_query())
        st.code(address, language=None, wrap_lines=True)
