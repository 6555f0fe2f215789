"""Downloads: of a run every epoch as CSV, the weights, the PyTorch script, a notebook; of a chart a picture."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import streamlit as st

from nnlab.charts.base import Spec
from nnlab.export.chart_file import chart_file
from nnlab.export.notebook import notebook
from nnlab.export.pytorch_script import script
from nnlab.export.tables import csv_text
from nnlab.export.weights_file import safetensors
from nnlab.spec import Replicate
from nnlab.store import Run
from nnlab.ui.shared.naming import file_name, replicate_name
from nnlab.ui.shell.frame import Page

PICTURES: dict[Literal["svg", "png"], str] = {"svg": "image/svg+xml", "png": "image/png"}
CSV = "text/csv"


def file_button(label: str, make: Callable[[], bytes | str], file: str, mime: str, key: str, **options: Any) -> None:
    """A button that makes a file on the click and saves it."""
    st.download_button(label, make, file, mime, key=key, on_click="ignore", **{"type": "tertiary", **options})


def download_menu(page: Page, run: Run, key: str) -> None:
    """A button that opens the downloads of a run."""
    t, lab, replicates = page.t, page.lab, run.replicates
    empty = run.epoch == 0

    def epochs(spanish: bool) -> bytes:
        return csv_text(lab.metrics(run.id), spanish=spanish)

    def weights(one: Replicate) -> bytes:
        snapshot = lab.snapshot(run.id)
        if snapshot is None:
            raise LookupError(f"run {run.id}: no weights are stored yet")
        own = {name: values[replicates.index(one)] for name, values in snapshot[1].items()}
        return safetensors(run.experiment, own, one.seed, one.fold)

    with st.popover(t("Download"), icon=":material/download:", key=f"{key}-menu"):
        table = {"icon": ":material/table:", "disabled": empty}
        file_button(t("Every epoch, CSV"), partial(epochs, False), file_name(run, ".csv"), CSV, f"{key}-csv", **table)
        label = t("Every epoch, CSV for a Spanish Excel")
        file_button(label, partial(epochs, True), file_name(run, "-excel.csv"), CSV, f"{key}-csv-es", **table)
        one = replicates[0]
        if len(replicates) > 1:
            label = t("Weights of seed")
            one = st.selectbox(label, replicates, format_func=lambda one: replicate_name(one, t), key=f"{key}-seed")
        fold = "" if one.fold is None else f"-fold{one.fold}"
        file_button(
            t("Weights, safetensors"),
            partial(weights, one),
            file_name(run, f"-seed{one.seed}{fold}.safetensors"),
            "application/octet-stream",
            f"{key}-weights",
            icon=":material/grid_on:",
            disabled=empty,
        )
        file_button(
            t("PyTorch script"),
            partial(script, run.experiment, run.seeds),
            file_name(run, ".py"),
            "text/x-python",
            f"{key}-script",
            icon=":material/code:",
        )
        kind, icon = "application/x-ipynb+json", ":material/menu_book:"
        file_button(
            t("Notebook"),
            partial(notebook, run.experiment, run.seeds),
            file_name(run, ".ipynb"),
            kind,
            f"{key}-notebook",
            icon=icon,
        )


def chart_downloads(page: Page, name: str, spec: Spec, rows: Any | Callable[[], Any]) -> None:
    """A small menu that saves a chart as SVG or PNG, always in the light theme.

    Parameters
    ----------
    page : Page
    name : str
        The file's name without its ending, also the key of the menu: another for each chart of a page.
    spec : dict
        The chart, as `st.vega_lite_chart` takes it.
    rows : DataFrame, Table or callable
        Its rows; a function that returns them if they change while a run is under way.
    """
    t = page.t
    menu = st.popover("", icon=":material/download:", type="tertiary", help=t("Save this chart"), key=f"{name}-menu")
    with menu:
        picture_buttons(name, name, lambda form: chart_file(spec, rows() if callable(rows) else rows, form))


def picture_buttons(name: str, key: str, make: Callable[[Literal["svg", "png"]], bytes]) -> None:
    """A button for each picture format; `make` returns the file in that format."""
    for form, kind in PICTURES.items():
        file_button(form.upper(), partial(make, form), f"{name}.{form}", kind, f"{key}-{form}", icon=":material/image:")
