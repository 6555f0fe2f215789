"""The inside of a trained network at one epoch: its weights layer by layer, and what each neuron responds to."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.analysis.predictions import grid
from nnlab.charts.axes import nice_limit
from nnlab.charts.pictures import filter_rows, filters, histogram, histogram_rows, weights_heatmap, weights_rows
from nnlab.datasets import Dataset
from nnlab.engines.base import Array, Weights
from nnlab.export.layer_values import values_table
from nnlab.lab import Lab
from nnlab.scratch import activations
from nnlab.spec import Experiment
from nnlab.store import Run
from nnlab.ui.shared.cache import Cache, once_per_epoch, replicate_weights
from nnlab.ui.shared.downloads import chart_downloads, stream_button
from nnlab.ui.shared.naming import layer_name
from nnlab.ui.shell.frame import Page

HEIGHT = 340
_filters: Cache[pd.DataFrame] = Cache()
_pictures: Cache[tuple[pd.DataFrame, pd.DataFrame]] = Cache()
MOST_VALUES = 200_000  # of the table of values; a larger matrix can only be downloaded


def statistics(experiment: Experiment, weights: Weights) -> pd.DataFrame:
    """One row per array of one replicate: `layer` (from 0), `array`, `shape`, `mean`, `deviation`, `min`, `max`, `norm`
    (Euclidean) and `near_zero`: the share of values smaller than a hundredth of the largest."""
    arrays = product(range(len(experiment.layers)), ("weight", "bias", "norm.scale", "norm.shift"))
    return pd.DataFrame(
        {"layer": i, "array": name, **_figures(weights[f"{i}.{name}"])}
        for i, name in arrays
        if f"{i}.{name}" in weights
    )


def _figures(array: Array) -> dict[str, Any]:
    values = array.astype(float)
    size = np.abs(values)
    return {
        "shape": "×".join(map(str, values.shape)),
        "mean": values.mean(),
        "deviation": values.std(),
        "min": values.min(),
        "max": values.max(),
        "norm": np.linalg.norm(values),
        "near_zero": (size < size.max() / 100).mean() if size.max() > 0 else 1.0,
    }


@once_per_epoch()
def scales(lab: Lab, run: Run, last: int, index: int) -> list[float]:
    """The end of every layer's colour scale, from the last stored weights: the same for all epochs, so that nothing
    jumps while they play."""
    weights = replicate_weights(lab, run, last, index) or {}
    names = (f"{i}.weight" for i in range(len(run.experiment.layers)))  # safetensors returns arrays in any order
    return [nice_limit(weights[name][0]) for name in names if name in weights]


def _picture_rows(
    run: Run, weights: Weights, layer: int, limit: float, shown: tuple[int, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the heat map and of the histogram, once for all viewers."""
    matrix = weights[f"{layer}.weight"]
    key = run.id, run.epoch, run.state, shown, layer, limit
    return _pictures.get(key, lambda: (weights_rows(matrix), histogram_rows(matrix, limit)), 40 * matrix.size)


def layer_view(
    page: Page, run: Run, weights: Weights, layer: int, dataset: Dataset | None, limit: float, shown: tuple[int, int]
) -> None:
    """One layer of one replicate: heat map, histogram and values. `shown`: the epoch and the replicate's place."""
    t, words = page.t, page.words
    matrix, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
    name = f"nnlab-{run.id}-layer-{layer + 1}"
    heat, spread, values = st.tabs([t("Heat map"), t("Histogram"), t("Values")], key="inspect-tabs")
    heat_rows, spread_rows = _picture_rows(run, weights, layer, limit, shown)
    with heat, st.container(key="inspect-heat-map"):
        rows, spec = heat_rows, weights_heatmap(*matrix.shape, limit, labels=words, height=HEIGHT)
        alt = t("The layer's weights: a column per input, a row per neuron")
        st.vega_lite_chart(rows, spec, key="inspect-heat", alt=alt)
        chart_downloads(page, t("Heat map"), name, spec, rows)
    with spread:
        rows, spec = spread_rows, histogram(limit, labels=words, height=HEIGHT)
        alt = t("How many weights there are of each size")
        st.vega_lite_chart(rows, spec, key="inspect-histogram", alt=alt)
    with values:
        if matrix.size <= MOST_VALUES:
            table = values_table(weights, layer, dataset.input_names if dataset is not None and layer == 0 else ())
            st.dataframe(table, hide_index=True, height=HEIGHT - 50, alt=t("The layer's weights and biases"))
        with st.container(horizontal=True):
            path, look = f"runs/{run.id}/layer.csv", {"icon": ":material/download:", "type": "secondary"}
            params = {"epoch": str(shown[0]), "replicate": str(shown[1]), "layer": str(layer)}
            stream_button(page, t("CSV"), path, "inspect-csv", params=params, **look)
            params["excel"] = "es"
            stream_button(page, t("CSV (Excel, es)"), path, "inspect-csv-es", params=params, **look)
    first = ", ".join(t.number(float(value)) for value in bias[:8]) + (" …" if len(bias) > 8 else "")
    st.caption(t("Biases: {values}", values=first))


def statistics_view(page: Page, experiment: Experiment, weights: Weights) -> None:
    """The statistics of all layers as a table."""
    t, layers = page.t, len(experiment.layers)
    figures = statistics(experiment, weights)
    arrays = {"weight": t("Weights"), "bias": t("Biases"), "norm.scale": t("Scale"), "norm.shift": t("Shift")}
    table = pd.DataFrame(
        {
            t("Layer"): [layer_name(i, layers, t) for i in figures["layer"]],
            t("Values"): figures["array"].map(arrays),
            t("Shape"): figures["shape"],
            t("Mean"): figures["mean"].map(t.number),
            t("Standard deviation"): figures["deviation"].map(t.number),
            t("Smallest"): figures["min"].map(t.number),
            t("Largest"): figures["max"].map(t.number),
            t("Norm"): figures["norm"].map(t.number),
            t("Near zero"): figures["near_zero"].map(t.percent),
        }
    )
    st.dataframe(table, hide_index=True, alt=t("Statistics of the weights and biases of every layer"))
    note = t(
        "Near zero: share of values smaller than a hundredth of the largest. Norm: square root of the sum of squares."
    )
    st.caption(note)


def responses_view(
    page: Page, run: Run, weights: Weights, dataset: Dataset, layer: int, shown: tuple[int, int]
) -> None:
    """What each neuron of the layer responds to: over the plane for data in the plane, as pictures for the first
    layer of picture data. `weights` are (1, ...); `shown` is as for `layer_view`."""
    t, experiment, matrix = page.t, run.experiment, weights[f"{layer}.weight"][0]
    if experiment.data.raw_inputs == 2:
        across, up, _ = grid(dataset, 40)
        x, y = np.meshgrid(across, up[::-1])  # pictures begin at the top
        points = dataset.scaling.apply(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
        outputs = activations(experiment.layers, weights, points)[layer][0]  # (cells, neurons)
        rows = filter_rows(outputs, (len(up), len(across)))
        note = t("The output of each neuron over the plane: blue below zero, orange above.")
        if not experiment.data.computed_terms:
            note = f"{note} {t('The first layer draws straight borders; deeper layers bend them.')}"
    elif dataset.image_shape is not None and layer == 0:
        shape, key = dataset.image_shape, (run.id, run.epoch, run.state, shown)
        rows = _filters.get(key, lambda: filter_rows(matrix, shape), 40 * matrix.size)
        note = t("The weights from every pixel to each neuron: ink on orange raises its output, ink on blue lowers it.")
    else:
        return
    st.caption(note)
    lines = int(rows["row"].max()) + 1
    st.vega_lite_chart(rows, filters(8, lines, labels=page.words, cell=96), key="inspect-responses", alt=note)
    if matrix.shape[1] > len(rows):
        st.caption(t("The first {n} of {all} neurons.", n=len(rows), all=matrix.shape[1]))
