"""What can be taken away: of a run every epoch as CSV, the weights, the PyTorch script, a notebook; every chart.

Every file is made on the click.
"""

from __future__ import annotations

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
from nnlab.lab import Lab
from nnlab.spec import Replicate
from nnlab.store import Run
from nnlab.ui.shared.naming import file_name, replicate_name
from nnlab.ui.shell.frame import Page

PICTURES: dict[Literal["svg", "png"], str] = {"svg": "image/svg+xml", "png": "image/png"}
CSV, BINARY, PYTHON, JSON = "text/csv", "application/octet-stream", "text/x-python", "application/x-ipynb+json"


def weights_file(lab: Lab, run: Run, one: Replicate) -> bytes:
    """One replicate's latest weights as safetensors."""
    kept = lab.snapshot(run.id)
    if kept is None:
        raise LookupError(f"run {run.id}: no weights are kept yet")
    place = run.replicates.index(one)
    own = {name: values[place] for name, values in kept[1].items()}
    return safetensors(run.experiment, own, one.seed, one.fold)


def _epochs_file(lab: Lab, run: Run, spanish: bool) -> bytes:
    return csv_text(lab.metrics(run.id), spanish=spanish)


def download_menu(page: Page, run: Run, key: str) -> None:
    """A button that opens the downloads of a run."""
    t = page.t
    with st.popover(t("Download"), icon=":material/download:", key=f"{key}-menu"):
        begun = run.epoch > 0
        for spanish, label in ((False, t("Every epoch, CSV")), (True, t("Every epoch, CSV for a Spanish Excel"))):
            st.download_button(
                label,
                partial(_epochs_file, page.lab, run, spanish),
                file_name(run, "-excel.csv" if spanish else ".csv"),
                CSV,
                key=f"{key}-csv{'-es' if spanish else ''}",
                icon=":material/table:",
                on_click="ignore",
                type="tertiary",
                disabled=not begun,
            )
        several = run.replicates
        one = several[0]
        if len(several) > 1:
            one = st.selectbox(
                t("Weights of seed"), several, format_func=lambda one: replicate_name(one, t), key=f"{key}-seed"
            )
        fold = "" if one.fold is None else f"-fold{one.fold}"
        st.download_button(
            t("Weights, safetensors"),
            partial(weights_file, page.lab, run, one),
            file_name(run, f"-seed{one.seed}{fold}.safetensors"),
            BINARY,
            key=f"{key}-weights",
            icon=":material/grid_on:",
            on_click="ignore",
            type="tertiary",
            disabled=not begun,
        )
        st.download_button(
            t("PyTorch script"),
            partial(script, run.experiment, run.seeds),
            file_name(run, ".py"),
            PYTHON,
            key=f"{key}-script",
            icon=":material/code:",
            on_click="ignore",
            type="tertiary",
        )
        st.download_button(
            t("Notebook"),
            partial(notebook, run.experiment, run.seeds),
            file_name(run, ".ipynb"),
            JSON,
            key=f"{key}-notebook",
            icon=":material/menu_book:",
            on_click="ignore",
            type="tertiary",
        )


def chart_downloads(page: Page, name: str, spec: Spec, rows: Any | Callable[[], Any]) -> None:
    """A small menu that saves a chart as SVG or PNG, in the light theme whatever the screen shows.

    Parameters
    ----------
    name : str
        Of the file, without its ending; each chart of a page has another. The menu's key is made from it.
    spec, rows : what `st.vega_lite_chart` gets; where rows change while a run ticks, a function that gives them
    """
    t = page.t
    menu = st.popover("", icon=":material/download:", type="tertiary", help=t("Save this chart"), key=f"{name}-menu")
    with menu:
        picture_buttons(name, name, lambda form: chart_file(spec, rows() if callable(rows) else rows, form))


def picture_buttons(name: str, key: str, make: Callable[[Literal["svg", "png"]], bytes]) -> None:
    """A button for every form a chart is saved in; `make` gives the file of one of them, on the click."""
    for form, kind in PICTURES.items():
        st.download_button(
            form.upper(),
            partial(make, form),
            f"{name}.{form}",
            kind,
            key=f"{key}-{form}",
            icon=":material/image:",
            on_click="ignore",
            type="tertiary",
        )
