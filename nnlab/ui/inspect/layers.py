"""A look inside a trained network: its weights at one epoch, layer by layer, and what each neuron responds to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.analysis.predictions import grid
from nnlab.charts.base import nice_limit
from nnlab.charts.network import network, network_rows
from nnlab.charts.weights import filter_rows, filters, histogram, histogram_rows, weights_heatmap, weights_rows
from nnlab.datasets import Dataset
from nnlab.engines.base import Weights
from nnlab.export.tables import csv_text
from nnlab.lab import Lab
from nnlab.scratch import activations
from nnlab.spec import Experiment
from nnlab.store import Run
from nnlab.ui.shared.downloads import chart_downloads
from nnlab.ui.shared.pictures import frozen_note
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

HEIGHT = 340
MOST_VALUES = 200_000
"""Numbers in the table of values; a larger matrix is for the download."""


def layer_name(index: int, layers: int, t: Text) -> str:
    """ "Hidden 2", "Output"; index counts from 0."""
    return t("Output") if index == layers - 1 else t("Hidden {n}", n=index + 1)


def one_replicate(weights: Weights, index: int) -> Weights:
    """The arrays of one replicate, without the leading axis."""
    return {name: values[index] for name, values in weights.items()}


def statistics(experiment: Experiment, weights: Weights) -> pd.DataFrame:
    """One row an array of one replicate: `layer` (from 0), `array`, `shape`, `mean`, `deviation`, `min`, `max`, `norm`
    (Euclidean) and `near_zero`: the share of numbers smaller than a hundredth of the largest."""
    rows = []
    for i in range(len(experiment.layers)):
        for name in ("weight", "bias", "norm.scale", "norm.shift"):
            values = weights.get(f"{i}.{name}")
            if values is None:
                continue
            numbers = values.astype(float)
            size = np.abs(numbers)
            rows.append(
                {
                    "layer": i,
                    "array": name,
                    "shape": "×".join(map(str, values.shape)),
                    "mean": numbers.mean(),
                    "deviation": numbers.std(),
                    "min": numbers.min(),
                    "max": numbers.max(),
                    "norm": float(np.sqrt((numbers**2).sum())),
                    "near_zero": float((size < size.max() / 100).mean()) if size.max() > 0 else 1.0,
                }
            )
    return pd.DataFrame(rows)


def values_table(weights: Weights, layer: int, inputs: Sequence[str]) -> pd.DataFrame:
    """The numbers of one layer of one replicate: a row an input, then the bias (and what normalises); a column a
    neuron."""
    matrix, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
    names = list(inputs) if len(inputs) == matrix.shape[0] else [str(i + 1) for i in range(matrix.shape[0])]
    extra = [
        name for name in ("norm.scale", "norm.shift", "norm.mean", "norm.variance") if f"{layer}.{name}" in weights
    ]
    table = np.vstack([matrix, bias, *(weights[f"{layer}.{name}"] for name in extra)])
    frame = pd.DataFrame(table, columns=[str(i + 1) for i in range(matrix.shape[1])])
    frame.insert(0, "input", [*names, "bias", *extra])
    return frame


# -- drawn -----------------------------------------------------------------------------------------------------------


@st.cache_data(max_entries=256, show_spinner=False)
def scales(run_id: str, last: int, index: int, _lab: Lab) -> list[float]:
    """The end of every layer's colour scale, from the last weights kept: fixed, so that a film does not jump."""
    kept = _lab.snapshot(run_id, last)
    weights = {} if kept is None else kept[1]
    return [nice_limit(values[index]) for name, values in weights.items() if name.endswith(".weight")]


def network_view(page: Page, run: Run, weights: Weights, dataset: Dataset | None, limits: Sequence[float]) -> None:
    """The network with its weights as lines; a click on a neuron or a layer's name chooses the layer."""
    t, limit = page.t, max(limits)
    stacked = {name: values[None] for name, values in weights.items()}
    inputs, outputs = ((), ()) if dataset is None else (dataset.feature_names, dataset.class_names)
    st.vega_lite_chart(
        network_rows(
            run.experiment, stacked, limit=limit, feature_names=inputs, class_names=outputs, labels=page.words
        ),
        network(limit, selectable=True, labels=page.words, height=HEIGHT + 60),
        key="inspect-network",
        on_select=_choose_clicked,
        alt=t("The network with its weights; blue is negative, orange positive"),
    )
    frozen_note(page, run.experiment)


def _choose_clicked() -> None:
    picked = st.session_state["inspect-network"]["selection"].get("node") or []
    if picked:
        st.session_state["inspect-layer"] = max(0, int(picked[0]["layer"]) - 1)


def layer_view(
    page: Page, run: Run, weights: Weights, layer: int, dataset: Dataset | None, limits: Sequence[float]
) -> None:
    """One layer: heat map, histogram and the numbers themselves."""
    t, words = page.t, page.words
    matrix, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
    limit = limits[layer]
    heat, spread, numbers = st.tabs([t("Heat map"), t("Histogram"), t("Values")], key="inspect-tabs")
    with heat, st.container(key="inspect-heat-map"):
        rows, spec = weights_rows(matrix), weights_heatmap(*matrix.shape, limit, labels=words, height=HEIGHT)
        st.vega_lite_chart(
            rows, spec, key="inspect-heat", alt=t("The layer's weights: a column an input, a row a neuron")
        )
        chart_downloads(page, f"nnlab-{run.id}-layer-{layer + 1}", spec, rows)
    with spread:
        st.vega_lite_chart(
            histogram_rows(matrix, limit),
            histogram(limit, labels=words, height=HEIGHT),
            key="inspect-histogram",
            alt=t("How often weights of each size occur"),
        )
    with numbers:
        inputs = dataset.feature_names if dataset is not None and layer == 0 else ()
        table = values_table(weights, layer, inputs)
        if matrix.size <= MOST_VALUES:
            st.dataframe(table, hide_index=True, height=HEIGHT - 50, alt=t("The layer's weights and biases"))
        with st.container(horizontal=True):
            for spanish, label in ((False, t("CSV")), (True, t("CSV (Excel, es)"))):
                st.download_button(
                    label,
                    data=partial(csv_text, table, spanish),
                    file_name=f"nnlab-{run.id}-layer-{layer + 1}{'-es' if spanish else ''}.csv",
                    mime="text/csv",
                    icon=":material/download:",
                    key=f"inspect-csv-{spanish}",
                    on_click="ignore",
                )
    shown = ", ".join(t.number(float(value)) for value in bias[:8]) + (" …" if len(bias) > 8 else "")
    st.caption(t("Biases: {values}", values=shown))


def statistics_view(page: Page, run: Run, weights: Weights) -> None:
    """The table of figures, all layers."""
    t, layers = page.t, len(run.experiment.layers)
    figures = statistics(run.experiment, weights)
    words = {"weight": t("Weights"), "bias": t("Biases"), "norm.scale": t("Scale"), "norm.shift": t("Shift")}
    table = pd.DataFrame(
        {
            t("Layer"): [layer_name(i, layers, t) for i in figures["layer"]],
            t("Numbers"): [words[name] for name in figures["array"]],
            t("Shape"): figures["shape"],
            t("Mean"): [t.number(v) for v in figures["mean"]],
            t("Deviation"): [t.number(v) for v in figures["deviation"]],
            t("Smallest"): [t.number(v) for v in figures["min"]],
            t("Largest"): [t.number(v) for v in figures["max"]],
            t("Norm"): [t.number(v) for v in figures["norm"]],
            t("Near zero"): [t.percent(v) for v in figures["near_zero"]],
        }
    )
    st.dataframe(table, hide_index=True, alt=t("Figures of every layer's weights and biases"))
    st.caption(t("Near zero: smaller than a hundredth of the largest. Norm: the square root of the sum of squares."))


def responses_view(page: Page, run: Run, weights: Weights, layer: int, dataset: Dataset | None) -> None:
    """What each neuron of the layer responds to: over the plane for data with two inputs, as pictures for the first
    layer of picture data."""
    t, matrix = page.t, weights[f"{layer}.weight"]
    if dataset is None:
        return
    if run.experiment.data.inputs == 2:
        across, up, _ = grid(dataset, 40)
        x, y = np.meshgrid(across, up[::-1])  # pictures begin at the top
        points = dataset.scaling.apply(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
        stacked = {name: values[None] for name, values in weights.items()}
        answers = activations(run.experiment.layers, stacked, points)[layer][0]  # (cells, neurons)
        rows, note = (
            filter_rows(answers, (len(up), len(across))),
            t(
                "What each neuron answers all over the plane: blue below zero, orange above. Deeper layers bend what "
                "the first can only cut straight."
            ),
        )
    elif dataset.image_shape is not None and layer == 0:
        rows = filter_rows(matrix, dataset.image_shape)
        note = t("The weights from every pixel to each neuron: orange ink speaks for it, blue ink against it.")
    else:
        return
    st.caption(note)
    lines = int(rows["row"].max()) + 1
    st.vega_lite_chart(rows, filters(8, lines, labels=page.words, cell=96), key="inspect-responses", alt=note)
    if matrix.shape[1] > len(rows):
        st.caption(t("The first {n} of {all} neurons.", n=len(rows), all=matrix.shape[1]))
