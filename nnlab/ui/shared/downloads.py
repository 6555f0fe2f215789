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

    def epochs(spanish: bool) -> bytes:
        return csv_text(lab.epochs(run), spanish=spanish)

    def weights(one: Replicate) -> bytes:
        snapshot = lab.snapshot(run.id)
        if snapshot is None:
            raise LookupError(f"run {run.id}: no weights are stored yet")
        own = {name: values[replicates.index(one)] for name, values in snapshot[1].items()}
        return safetensors(run.experiment, own, one.seed, one.fold)

    def save(name: str, label: str, make: Callable[[], bytes | str], end: str, mime: str, icon: str) -> None:
        trained = run.epoch > 0 or name in ("script", "notebook")
        look = {"icon": f":material/{icon}:", "disabled": not trained}
        file_button(label, make, file_name(run, end), mime, f"{key}-{name}", **look)

    with st.popover(t("Download"), icon=":material/download:", key=f"{key}-menu"):
        save("csv", t("Every epoch, CSV"), partial(epochs, False), ".csv", CSV, "table")
        save("csv-es", t("Every epoch, CSV for a Spanish Excel"), partial(epochs, True), "-excel.csv", CSV, "table")
        one = replicates[0]
        if len(replicates) > 1:
            label = t("Weights of seed")
            one = st.selectbox(label, replicates, format_func=lambda one: replicate_name(one, t), key=f"{key}-seed")
        end = f"-seed{one.seed}{'' if one.fold is None else f'-fold{one.fold}'}.safetensors"
        save("weights", t("Weights, safetensors"), partial(weights, one), end, "application/octet-stream", "grid_on")
        own = run.experiment, run.seeds
        save("script", t("PyTorch script"), partial(script, *own), ".py", "text/x-python", "code")
        save("notebook", t("Notebook"), partial(notebook, *own), ".ipynb", "application/x-ipynb+json", "menu_book")


def chart_downloads(page: Page, chart: str, name: str, spec: Spec, rows: Any | Callable[[], Any]) -> None:
    """A small menu that saves a chart as SVG or PNG, always in the light theme.

    `chart` says what it shows. `name` is the file's name without its ending, and the key of the menu: another for each
    chart of a page. `rows` may be a function that returns them, if they change while a run is under way."""
    words = page.t("Save: {chart}", chart=chart)
    with st.popover(words, icon=":material/download:", type="tertiary", key=f"{name}-menu"):
        picture_buttons(name, name, lambda form: chart_file(spec, rows() if callable(rows) else rows, form))


def picture_buttons(name: str, key: str, make: Callable[[Literal["svg", "png"]], bytes]) -> None:
    """A button for each picture format; `make` returns the file in that format."""
    for form, kind in PICTURES.items():
        file_button(form.upper(), partial(make, form), f"{name}.{form}", kind, f"{key}-{form}", icon=":material/image:")
