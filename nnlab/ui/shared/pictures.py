"""What Build shows of an experiment before it runs: the data, the network, the layer table."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.data import (
    Plane,
    balance_rows,
    class_balance,
    data_scatter,
    fit_rows,
    line_fit,
    picture_grid,
    picture_rows,
    point_rows,
)
from nnlab.charts.network import network, network_rows
from nnlab.datasets import Dataset, load_dataset
from nnlab.datasets.mnist import DatasetUnavailable, available, fetch
from nnlab.spec import DataSpec, Experiment
from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shared.labels import DATA_NOTES, problem_text
from nnlab.ui.shell.frame import Page

HEIGHT = 300


def data_problem(spec: DataSpec) -> Problem | None:
    """What a spec cannot see, but the data at hand can: more folds than a class has samples."""
    if not spec.folds or (spec.name == "mnist" and not available()):
        return None
    try:
        load_dataset(spec)
    except DatasetUnavailable:
        return None
    except SpecError as error:
        return error.problems[0]
    return None


def data_picture(page: Page, spec: DataSpec) -> None:
    """The data as a picture, as a table, and how many of each class."""
    t = page.t
    st.caption(t(DATA_NOTES[spec.name]))
    if spec.name == "mnist" and not available():
        _offer_download(page)
        return
    if problem := data_problem(spec):
        st.error(problem_text(problem, t), icon=":material/error:")
        return
    try:
        dataset = load_dataset(spec)
    except DatasetUnavailable as error:
        st.warning(str(error), icon=":material/cloud_off:")
        return
    picture, table = st.tabs([t("Picture"), t("Table")])
    with picture:
        _draw(page, dataset)
        sizes = [t.whole(len(part)) for part in (dataset.train, dataset.validation, dataset.test)]
        if spec.folds:
            words = t("{pool} in {n} folds, {test} for the test.", pool=sizes[0], n=spec.folds, test=sizes[2])
        else:
            words = t("{train} for training, {validation} for validation, {test} for the test.",
                      train=sizes[0], validation=sizes[1], test=sizes[2])  # fmt: skip
        st.caption(words)
    with table:
        if dataset.class_names:
            st.vega_lite_chart(
                balance_rows(dataset), class_balance(labels=page.words), alt=t("How many samples each class has")
            )
        st.dataframe(
            _first_rows(dataset), hide_index=True, height=220, alt=t("The first rows of the training part, unscaled")
        )
        st.caption(t("The first rows of the training part, as they are before scaling."))


def _draw(page: Page, dataset: Dataset) -> None:
    t, words = page.t, page.words
    if dataset.image_shape is not None:
        x, y = dataset.train.x[:24], dataset.train.y[:24]
        shown = picture_rows(
            [row.reshape(dataset.image_shape) for row in x], [dataset.class_names[label] for label in y], columns=6
        )
        st.vega_lite_chart(
            shown, picture_grid(6, 4, captions=False, labels=words, cell=HEIGHT // 4), alt=t("Samples of the data")
        )
    elif dataset.task == "regression":
        nothing = pd.DataFrame({"x": [], "value": [], "low": [], "high": []})
        spec = line_fit(dataset.feature_names[0], dataset.target_name, labels=words, height=HEIGHT)
        st.vega_lite_chart(fit_rows(nothing, dataset), spec, alt=t("The points to fit"))
    elif dataset.train.x.shape[1] >= 2:
        flat = first_two_features(dataset)
        st.vega_lite_chart(
            point_rows(flat),
            data_scatter(Plane.of(flat), labels=words, height=HEIGHT),
            alt=t("The data by class; training filled, validation and test hollow"),
        )
        if dataset.train.x.shape[1] > 2:
            st.caption(t("Only the first two of {n} features are drawn.", n=dataset.train.x.shape[1]))
    else:
        st.vega_lite_chart(balance_rows(dataset), class_balance(labels=words, height=HEIGHT))


def first_two_features(dataset: Dataset) -> Dataset:
    """The data as if it had no more inputs than two: what a scatter can show."""
    parts = {name: getattr(dataset, name) for name in ("train", "validation", "test")}
    cut = {name: replace(part, x=part.x[:, :2]) for name, part in parts.items()}
    return replace(dataset, feature_names=dataset.feature_names[:2], **cut)


def _first_rows(dataset: Dataset, most: int = 100) -> pd.DataFrame:
    x, y = dataset.train.x[:most], np.asarray(dataset.train.y[:most]).reshape(-1)
    names = list(dataset.feature_names)
    answer = [dataset.class_names[label] for label in y] if dataset.class_names else y
    wide = x.shape[1] > 64  # pictures: the middle line of pixels says enough
    middle = slice(x.shape[1] // 2 - 14, x.shape[1] // 2 + 14) if wide else slice(None)
    frame = pd.DataFrame(np.round(x[:, middle].astype(float), 4), columns=names[middle])
    frame.insert(0, dataset.target_name if dataset.target_name not in names else "y", answer)
    return frame


def network_picture(page: Page, experiment: Experiment) -> None:
    """The network drawn before training: its units and connections."""
    words = page.words
    rows = network_rows(experiment, labels=words)
    with st.container(key="network-picture"):
        st.vega_lite_chart(rows, network(labels=words, height=HEIGHT), alt=page.t("The network, layer by layer"))
        frozen_note(page, experiment)


def frozen_note(page: Page, experiment: Experiment) -> None:
    """What the dashed lines of a drawn network are, where there are some."""
    if experiment.frozen_parameters:
        st.caption(page.t("🔒 Dashed: frozen layers. They keep the weights they were taken over with."))


# -- MNIST, once ------------------------------------------------------------------------------------------------------


class _Download:
    """One download for the whole server; every visitor sees the same bar."""

    def __init__(self) -> None:
        self.done, self.total, self.error = 0, 1, ""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            fetch(progress=self._progress)
        except DatasetUnavailable as error:
            self.error = str(error)

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, max(1, total)


@st.cache_resource(show_spinner=False)
def _downloads() -> dict[str, _Download]:
    return {}


def _start_download() -> None:
    _downloads()["mnist"] = _Download()


def _offer_download(page: Page) -> None:
    t, download = page.t, _downloads().get("mnist")
    if download is not None and download.thread.is_alive():
        _watch_download(page)
        return
    if download is not None and download.error:
        st.warning(download.error, icon=":material/cloud_off:")
        label = t("Try again")
    else:
        st.info(t("MNIST is not on this machine yet: 11 MB, once."), icon=":material/download:")
        label = t("Download MNIST")
    st.button(label, icon=":material/download:", key="download-mnist", on_click=_start_download)


@st.fragment(run_every=0.5)
def _watch_download(page: Page) -> None:
    download = _downloads()["mnist"]
    if not download.thread.is_alive():
        st.rerun()
    st.progress(min(1.0, download.done / download.total), page.t("Downloading MNIST"))
