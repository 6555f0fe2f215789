"""What the form makes: the data and the network, each as a picture and as a table."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.data import balance_rows, class_balance
from nnlab.charts.network import network, network_rows
from nnlab.datasets import PARTS, Dataset
from nnlab.datasets.mnist import DatasetUnavailable, fetch
from nnlab.spec import DataSpec, Experiment
from nnlab.spec.errors import SpecError
from nnlab.spec.layer_table import layer_table
from nnlab.ui.shared.labels import DATA_NOTES
from nnlab.ui.shared.naming import layer_name
from nnlab.ui.shared.pictures import available_dataset, data_chart, frozen_note, own_data_note
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text
from nnlab.ui.shell.ticks import live

HEIGHT = 300


def network_picture(page: Page, experiment: Experiment) -> None:
    """The network's units and connections."""
    rows = network_rows(experiment, feature_names=experiment.data.term_names, labels=page.words)
    chart = network(labels=page.words, height=HEIGHT)
    with st.container(key="network-picture"):
        st.vega_lite_chart(rows, chart, alt=page.t("The network, layer by layer"))
        frozen_note(page, experiment)


def layers_frame(experiment: Experiment, t: Text) -> pd.DataFrame:
    """The layer table with headings in the visitor's language."""
    rows, frozen = layer_table(experiment), f" ({t('frozen')})"
    names = [t("Input"), *(layer_name(i, len(rows) - 1, t) for i in range(len(rows) - 1))]
    return pd.DataFrame(
        {
            t("Layer"): names,
            t("Operation"): [row.kind + " + x" * row.skip + frozen * row.frozen for row in rows],
            t("Output shape"): [row.output_shape for row in rows],
            t("Parameters"): [row.parameters for row in rows],
            t("Formula"): [row.formula for row in rows],
        }
    )


def data_panel(page: Page, spec: DataSpec, seed: int) -> None:
    """Picture and table of the data, those of this seed where each has its own, or why there are none."""
    t = page.t
    st.caption(t(DATA_NOTES[spec.name]))
    try:
        dataset = available_dataset(spec, (seed,))
    except SpecError as error:
        st.error(problem_text(error.problems[0], t), icon=":material/error:")
        return
    except DatasetUnavailable as unavailable:
        st.warning(t(str(unavailable)), icon=":material/cloud_off:")
        return
    if dataset is None:
        _offer_download(page)
        return
    picture, table = st.tabs([t("Picture"), t("Table")])
    with picture:
        _draw(page, dataset)
        st.caption(" ".join(filter(None, [_sizes(spec, dataset, t), own_data_note(spec, seed, t)])))
    with table:
        if dataset.class_names:
            alt = t("How many samples each class has")
            st.vega_lite_chart(balance_rows(dataset), class_balance(labels=page.words), alt=alt)
        note = t("The first rows of the training part, before scaling.")
        st.dataframe(_first_rows(dataset), hide_index=True, height=220, alt=note)
        st.caption(note)


def _sizes(spec: DataSpec, dataset: Dataset, t: Text) -> str:
    sizes = {part: t.whole(len(getattr(dataset, part))) for part in PARTS}
    if spec.folds:
        return t(
            "{pool} samples in {n} folds, {test} for the test.", pool=sizes["train"], n=spec.folds, test=sizes["test"]
        )
    return t("{train} samples for training, {validation} for validation, {test} for the test.", **sizes)


def _draw(page: Page, dataset: Dataset) -> None:
    t = page.t
    if dataset.image_shape is not None:
        alt = t("Samples of the data")
    elif dataset.task == "regression":
        alt = t("The points to fit")
    else:
        alt = t("The data by class; training filled, validation and test hollow")
    rows, chart = data_chart(dataset, page.words, HEIGHT)
    st.vega_lite_chart(rows, chart, alt=alt)
    if dataset.raw_inputs > 2 and dataset.image_shape is None:
        st.caption(t("Only the first two of the {n} features are drawn.", n=dataset.raw_inputs))


def _first_rows(dataset: Dataset, most: int = 100) -> pd.DataFrame:
    x, y = dataset.train.x[:most], np.asarray(dataset.train.y[:most]).reshape(-1)
    names = list(dataset.feature_names)
    target = [dataset.class_names[label] for label in y] if dataset.class_names else y
    middle = x.shape[1] // 2
    columns = slice(middle - 14, middle + 14) if x.shape[1] > 64 else slice(None)  # of a picture the middle pixels
    frame = pd.DataFrame(np.round(x[:, columns].astype(float), 4), columns=names[columns])
    frame.insert(0, dataset.target_name if dataset.target_name not in names else "y", target)
    return frame


class _Download(threading.Thread):
    """The download of MNIST: one for the whole server, with the same progress bar for every visitor."""

    latest: _Download | None = None
    share, error = 0.0, ""

    def run(self) -> None:
        def on_progress(done: int, total: int) -> None:
            self.share = done / total

        try:
            fetch(on_progress)
        except DatasetUnavailable as error:
            self.error = str(error)


def _offer_download(page: Page) -> None:
    """A button that starts the download; the progress bar while it runs."""
    t, download = page.t, _Download.latest
    if download is not None and download.is_alive():
        live(_progress_bar, 0.5)(page, download)
        return
    if download is not None and download.error:
        st.warning(t(download.error), icon=":material/cloud_off:")
        label = t("Try again")
    else:
        st.info(t("MNIST is not on this server yet. It is downloaded once (11 MB)."), icon=":material/download:")
        label = t("Download MNIST")
    st.button(label, icon=":material/download:", key="download-mnist", on_click=_start_download)


def _start_download() -> None:
    _Download.latest = _Download(daemon=True)
    _Download.latest.start()


def _progress_bar(page: Page, download: _Download) -> None:
    if not download.is_alive():
        st.rerun()
    st.progress(download.share, page.t("Downloading MNIST"))
