"""Downloads: of a run every epoch as CSV, the weights, the PyTorch script, a notebook; of a chart a picture."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import streamlit as st

from nnlab.charts.base import Spec
from nnlab.export.chart_file import chart_file
from nnlab.export.notebook import notebook
from nnlab.export.pytorch_script import script
from nnlab.store import Run
from nnlab.ui.shared.naming import file_name, replicate_name
from nnlab.ui.shell.frame import Page

PICTURES: dict[Literal["svg", "png"], str] = {"svg": "image/svg+xml", "png": "image/png"}


def file_button(label: str, make: Callable[[], bytes | str], file: str, mime: str, key: str, **options: Any) -> None:
    """A button that makes a file on the click and saves it."""
    st.download_button(label, make, file, mime, key=key, on_click="ignore", **{"type": "tertiary", **options})


def stream_button(
    page: Page, label: str, path: str, key: str, *, params: Mapping[str, str] | None = None, **options: Any
) -> None:
    """A button that saves a file of `nnlab.ui.server.downloads`, which is sent as it is made and never held whole."""
    here = urlsplit(page.address("home", params or {}))
    address = urlunsplit(here._replace(path=f"{here.path}download/{path}"))
    st.link_button(label, address, key=key, **{"type": "tertiary", **options})


def download_menu(page: Page, run: Run, key: str) -> None:
    """A button that opens the downloads of a run."""
    t, replicates, own = page.t, run.replicates, (run.experiment, run.seeds)

    def save(name: str, label: str, file: str, icon: str, **params: str) -> None:
        look = {"icon": f":material/{icon}:", "disabled": run.epoch == 0}
        stream_button(page, label, f"runs/{run.id}/{file}", f"{key}-{name}", params=params, **look)

    def make(name: str, label: str, content: Callable[[], str], end: str, mime: str, icon: str) -> None:
        file_button(label, content, file_name(run, end), mime, f"{key}-{name}", icon=f":material/{icon}:")

    with st.popover(t("Download"), icon=":material/download:", key=f"{key}-menu"):
        save("csv", t("Every epoch, CSV"), "epochs.csv", "table")
        save("csv-es", t("Every epoch, CSV for a Spanish Excel"), "epochs.csv", "table", excel="es")
        one = replicates[0]
        if len(replicates) > 1:
            label = t("Weights of seed")
            one = st.selectbox(label, replicates, format_func=lambda one: replicate_name(one, t), key=f"{key}-seed")
        place = str(replicates.index(one))
        save("weights", t("Weights, safetensors"), "weights.safetensors", "grid_on", replicate=place)
        make("script", t("PyTorch script"), partial(script, *own), ".py", "text/x-python", "code")
        make("notebook", t("Notebook"), partial(notebook, *own), ".ipynb", "application/x-ipynb+json", "menu_book")


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
