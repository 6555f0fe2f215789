"""What of a comparison can be taken away: the table, every epoch, a file that trains it again, the link."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from nnlab.comparison.table import epochs_of
from nnlab.export.chart_file import chart_file
from nnlab.export.tables import comparison_file, csv_text, markdown_table
from nnlab.lab import ComparisonRun
from nnlab.ui.compare.comparison_state import known
from nnlab.ui.compare.question import Question
from nnlab.ui.compare.shown_charts import Drawn, drawn_charts
from nnlab.ui.shared.downloads import picture_buttons
from nnlab.ui.shell.frame import Page


def save_menu(page: Page, run: ComparisonRun, question: Question) -> None:
    """One menu; every file is made on the click, from what is known then."""
    t, lab = page.t, page.lab
    knobs = "-".join(filter(None, (run.comparison.vary, run.comparison.by)))
    name = f"nnlab-{run.comparison.experiment.data.name}-{knobs}"

    def now() -> ComparisonRun:
        return lab.comparison(run.id) or run

    def table(it: ComparisonRun) -> pd.DataFrame:
        return known(lab, it, question.baseline_of(it.comparison)).table

    def table_csv(spanish: bool = False) -> bytes:
        return csv_text(table(now()), spanish)

    def epochs_csv(spanish: bool = False) -> bytes:
        it = now()
        return csv_text(epochs_of(it.comparison, lab.cells_metrics(it.cells)), spanish)

    def json_file() -> bytes:
        it = now()
        return comparison_file(it.comparison, table(it))

    def button(key: str, label: str, help_text: str, end: str, mime: str, make: Callable[[], bytes | str]) -> None:
        st.download_button(label, make, name + end, mime, key=f"download-{key}", help=help_text, on_click="ignore",
                           icon=":material/download:", type="tertiary")  # fmt: skip

    excel = t("For a Spanish Excel: semicolons and decimal commas.")
    every = t("Every epoch of every seed, one row each.")
    with st.popover(t("Save"), icon=":material/download:", key="save-menu"):
        button("csv", t("CSV"), t("The table, for pandas, R or LibreOffice."), ".csv", "text/csv", table_csv)
        button("csv-es", t("CSV (Excel, es)"), excel, "-es.csv", "text/csv", lambda: table_csv(True))
        button("epochs", t("Every epoch"), every, "-epochs.csv", "text/csv", epochs_csv)
        button("epochs-es", t("Every epoch (Excel, es)"), f"{every} {excel}", "-epochs-es.csv", "text/csv",
               lambda: epochs_csv(True))  # fmt: skip
        button("markdown", "Markdown", t("The table, for a report."), ".md", "text/markdown",
               lambda: markdown_table(table(now())))  # fmt: skip
        button("json", "JSON", t("Question and table; `nnlab compare FILE.json` trains it again to the same numbers."),
               ".json", "application/json", json_file)  # fmt: skip
        _charts(page, drawn_charts(run), name)
        st.markdown(f"**{t('Link')}**", help=t("Whoever opens this sees the question and these results."))
        link = {**question.link_of(run), "lang": t.language}
        st.code(page.address("compare", link), language=None, wrap_lines=True)


def _charts(page: Page, charts: dict[str, Drawn], name: str) -> None:
    """One of the charts of the page as a picture."""
    if not charts:
        return
    t = page.t
    chosen = st.selectbox(t("Chart"), list(charts), key="save-chart", width=330)
    drawn = charts[chosen]
    with st.container(horizontal=True, gap="small"):
        picture_buttons(f"{name}-{drawn.key}", "download", lambda form: chart_file(drawn.spec, drawn.rows, form))
