"""The part of Inspect that follows the epoch: slider, playing, the network, one layer, and the tabs below."""

from collections.abc import Sequence

import streamlit as st

from nnlab.analysis.predictions import replicate
from nnlab.datasets import Dataset
from nnlab.engines.base import Weights
from nnlab.spec import Replicate
from nnlab.store import Run
from nnlab.ui.inspect.layers import (
    layer_view,
    network_view,
    one_replicate,
    responses_view,
    scales,
    statistics_view,
)
from nnlab.ui.inspect.results import results_view
from nnlab.ui.inspect.try_inputs import try_inputs
from nnlab.ui.shared.naming import layer_name, replicate_name
from nnlab.ui.shared.pictures import available_dataset
from nnlab.ui.shell.frame import Page

EVERY = 0.7  # seconds per epoch while playing


def epoch_view(page: Page, run: Run, epochs: list[int]) -> None:
    """A fragment, which ticks while the epochs play."""
    playing = bool(st.session_state.get("inspect-playing"))
    st.fragment(_view, run_every=EVERY if playing else None)(page, run, epochs, playing)


def _view(page: Page, run: Run, epochs: list[int], ticking: bool) -> None:
    t, state, layers = page.t, st.session_state, len(run.experiment.layers)
    playing = bool(state.get("inspect-playing"))
    if playing != ticking:
        st.rerun()  # only the whole page can start or stop the ticks
    if playing and state.get("inspect-shown") == (run.id, state.get("inspect-epoch")):
        _next_epoch(epochs)
    if state.get("inspect-epoch") not in epochs:
        wanted = page.query().get("epoch", "")
        state["inspect-epoch"] = int(wanted) if wanted in map(str, epochs) else epochs[-1]
    epoch, one = _controls(page, run, epochs, playing)
    stored = page.lab.snapshot(run.id, epoch)
    if stored is None:
        st.info(t("These weights are no longer stored."))
        return
    state["inspect-shown"] = (run.id, epoch)
    index = run.replicates.index(one)
    weights, dataset = one_replicate(stored[1], index), available_dataset(run.experiment.data)
    if state.get("inspect-layer") not in range(layers):
        state["inspect-layer"] = 0
    limits = scales(page.lab, run.id, epochs[-1], index)
    left, right = st.columns([6, 5], gap="medium")
    with right:
        chosen = st.segmented_control(
            t("Layer"),
            range(layers),
            format_func=lambda i: layer_name(i, layers, t),
            key="inspect-layer",
            required=True,
        )
        layer = int(chosen or 0)
        layer_view(page, run, weights, layer, dataset, limits)
    with left:
        network_view(page, run, weights, dataset, limits)
    _tabs(page, run, stored[1], index, layer, dataset)
    page.set_query({"run": run.id, "epoch": str(epoch)})


def _controls(page: Page, run: Run, epochs: Sequence[int], playing: bool) -> tuple[int, Replicate]:
    """Play button, slider and choice of the replicate; the epoch and the replicate chosen."""
    t, state, replicates = page.t, st.session_state, run.replicates
    epoch, one = epochs[0], replicates[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="inspect-controls"):
        st.button(
            "",
            icon=":material/pause:" if playing else ":material/play_arrow:",
            help=t("Play the epochs one after another"),
            key="inspect-play",
            on_click=_play,
            args=(epochs,),
            disabled=len(epochs) < 2,
        )
        if len(epochs) > 1:
            epoch = st.select_slider(t("Epoch"), epochs, key="inspect-epoch", format_func=t.whole)
        if len(replicates) > 1:
            if state.get("inspect-seed") not in replicates:
                state["inspect-seed"] = one
            one = st.selectbox(
                t("Seed"),
                replicates,
                format_func=lambda one: replicate_name(one, t),
                key="inspect-seed",
                width=110 if one.fold is None else 180,
            )
    return epoch, one


def _play(epochs: Sequence[int]) -> None:
    """Starts or stops playing; at the last epoch it starts again from the first."""
    playing = not st.session_state.get("inspect-playing", False)
    if playing and st.session_state.get("inspect-epoch") == epochs[-1]:
        st.session_state["inspect-epoch"] = epochs[0]
    st.session_state["inspect-playing"] = playing


def _next_epoch(epochs: list[int]) -> None:
    """The next epoch; playing stops at the last one."""
    here = epochs.index(st.session_state["inspect-epoch"])
    if here + 1 < len(epochs):
        st.session_state["inspect-epoch"] = epochs[here + 1]
    else:
        st.session_state["inspect-playing"] = False
        st.rerun()


def _tabs(page: Page, run: Run, stored: Weights, index: int, layer: int, dataset: Dataset | None) -> None:
    """What the network does with its weights; only the open tab is computed."""
    t, weights = page.t, one_replicate(stored, index)
    neurons, inputs, results, figures = (
        t("What each neuron detects"),
        t("Try it"),
        t("What it gets right and wrong"),
        t("Statistics of all layers"),
    )
    tabs = [inputs, results, figures]
    if dataset is not None and (run.experiment.data.inputs == 2 or dataset.image_shape is not None):
        tabs = [neurons, *tabs]
    for name, tab in zip(tabs, st.tabs(tabs, key="inspect-below", on_change="rerun"), strict=True):
        if not tab.open:
            continue
        with tab:
            if name == figures:
                statistics_view(page, run, weights)
            elif dataset is None:
                st.caption(t("This needs the data, which is not on this server yet: download it on the Build page."))
            elif name == neurons:
                responses_view(page, run, weights, layer, replicate(stored, dataset, index)[1])
            elif name == inputs:
                try_inputs(page, run, stored, dataset)
            else:
                results_view(page, run, stored, dataset, index)
