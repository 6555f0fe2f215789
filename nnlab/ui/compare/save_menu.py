"""What can be saved of a comparison: the table, every epoch, a file that trains it again, charts, the link."""

from collections.abc import Callable
from typing import Any

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

MIME = {"csv": "text/csv", "md": "text/markdown", "json": "application/json"}
DOWNLOAD: dict[str, Any] = {"on_click": "ignore", "icon": ":material/download:", "type": "tertiary"}


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

    def button(key: str, label: str, end: str, make: Callable[[], bytes | str], help: str) -> None:
        mime = MIME[end.rpartition(".")[2]]
        st.download_button(label, make, name + end, mime, key=f"download-{key}", help=help, **DOWNLOAD)

    excel, every = t("For a Spanish Excel: semicolons and decimal commas."), t("One row for each epoch and seed.")
    with st.popover(t("Save"), icon=":material/download:", key="save-menu"):
        button("csv", t("CSV"), ".csv", lambda: csv_text(table()), t("The table, for pandas, R or LibreOffice."))
        button("csv-es", t("CSV (Excel, es)"), "-es.csv", lambda: csv_text(table(), spanish=True), excel)
        button("epochs", t("Every epoch"), "-epochs.csv", lambda: csv_text(epochs()), every)
        spanish = f"{every} {excel}"
        button("epochs-es", t("Every epoch (Excel, es)"), "-epochs-es.csv", lambda: csv_text(epochs(), True), spanish)
        button("markdown", "Markdown", ".md", lambda: markdown_table(table()), t("The table, for a report."))
        again = t("Question and table; `nnlab compare FILE.json` trains it again and gets the same numbers.")
        button("json", "JSON", ".json", lambda: comparison_file(now().comparison, table()), again)
        _charts(shown_charts(run), name, t)
        st.markdown(f"**{t('Link')}**", help=t("It opens this page with the question and these results."))
        st.code(page.address("compare", question.link_to(run)), language=None, wrap_lines=True)


def _charts(charts: dict[str, ShownChart], name: str, t: Text) -> None:
    """One of the charts of the page as a picture."""
    if not charts:
        return
    chart = charts[st.selectbox(t("Chart"), list(charts), key="save-chart", width=330)]
    with st.container(horizontal=True, gap="small"):
        picture_buttons(f"{name}-{chart.key}", "download", lambda form: chart_file(chart.spec, chart.rows, form))
