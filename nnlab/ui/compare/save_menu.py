"""What can be saved of a comparison: the table, every epoch, a file that trains it again, charts, the link."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from nnlab.comparison.table import epochs_of
from nnlab.export.chart_file import chart_file
from nnlab.export.tables import comparison_file, csv_text, markdown_table
from nnlab.lab import ComparisonRun
from nnlab.ui.compare.comparison_state import results_of
from nnlab.ui.compare.question import Question
from nnlab.ui.compare.shown_charts import ShownChart, shown_charts
from nnlab.ui.shared.downloads import picture_buttons
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def save_menu(page: Page, run: ComparisonRun, question: Question) -> None:
    """A menu of files; each is made on the click, with the results of that moment."""
    t, lab = page.t, page.lab
    knobs = "-".join(filter(None, (run.comparison.vary, run.comparison.by)))
    name = f"nnlab-{run.comparison.experiment.data.name}-{knobs}"

    def now() -> ComparisonRun:
        return lab.comparison(run.id) or run

    def table() -> pd.DataFrame:
        return results_of(lab, now(), question.baseline_place(now().comparison)).table

    def epochs() -> pd.DataFrame:
        return epochs_of(now().comparison, lab.cells_metrics(now().cells))

    def csv(make: Callable[[], pd.DataFrame], spanish: bool) -> bytes:
        return csv_text(make(), spanish)

    every, excel = t("One row for each epoch and seed."), t("For a Spanish Excel: semicolons and decimal commas.")
    again = t("Question and table; `nnlab compare FILE.json` trains it again and gets the same numbers.")
    files: list[tuple[str, str, str, str, str, Callable[[], bytes | str]]] = [
        (
            "csv",
            t("CSV"),
            t("The table, for pandas, R or LibreOffice."),
            ".csv",
            "text/csv",
            partial(csv, table, False),
        ),
        ("csv-es", t("CSV (Excel, es)"), excel, "-es.csv", "text/csv", partial(csv, table, True)),
        ("epochs", t("Every epoch"), every, "-epochs.csv", "text/csv", partial(csv, epochs, False)),
        (
            "epochs-es",
            t("Every epoch (Excel, es)"),
            f"{every} {excel}",
            "-epochs-es.csv",
            "text/csv",
            partial(csv, epochs, True),
        ),
        (
            "markdown",
            "Markdown",
            t("The table, for a report."),
            ".md",
            "text/markdown",
            lambda: markdown_table(table()),
        ),
        ("json", "JSON", again, ".json", "application/json", lambda: comparison_file(now().comparison, table())),
    ]
    with st.popover(t("Save"), icon=":material/download:", key="save-menu"):
        for key, label, help_text, end, mime, make in files:
            st.download_button(
                label,
                make,
                name + end,
                mime,
                key=f"download-{key}",
                help=help_text,
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )
        _charts(shown_charts(run), name, t)
        st.markdown(f"**{t('Link')}**", help=t("It opens this page with the question and these results."))
        link = {**question.link_to(run), "lang": t.language}
        st.code(page.address("compare", link), language=None, wrap_lines=True)


def _charts(charts: dict[str, ShownChart], name: str, t: Text) -> None:
    """One of the charts of the page as a picture."""
    if not charts:
        return
    chart = charts[st.selectbox(t("Chart"), list(charts), key="save-chart", width=330)]
    with st.container(horizontal=True, gap="small"):
        picture_buttons(f"{name}-{chart.key}", "download", lambda form: chart_file(chart.spec, chart.rows, form))
