"""The part of Inspect that follows the epoch: slider, playing, the network, one layer, and the tabs below."""

from collections.abc import Sequence

import streamlit as st

from nnlab.analysis.predictions import replicate
from nnlab.datasets import Dataset
from nnlab.engines.base import Weights
from nnlab.store import Run
from nnlab.ui.inspect.layers import layer_view, network_view, one_replicate, responses_view, scales, statistics_view
from nnlab.ui.inspect.predictions import results_view, try_inputs
from nnlab.ui.shared.naming import layer_name, replicate_name
from nnlab.ui.shared.pictures import available_dataset, own_data_note
from nnlab.ui.shell.frame import Page

EVERY = 0.7  # seconds per epoch while playing


def epoch_view(page: Page, run: Run, epochs: list[int]) -> None:
    """A fragment, which ticks while the epochs play."""
    playing = bool(st.session_state.get("inspect-playing"))
    st.fragment(_view, run_every=EVERY if playing else None)(page, run, epochs, playing)


def _view(page: Page, run: Run, epochs: list[int], playing: bool) -> None:
    t, state, layers = page.t, st.session_state, len(run.experiment.layers)
    if playing != bool(state.get("inspect-playing")):
        st.rerun()  # only the whole page can start or stop the ticks
    if playing and state.get("inspect-shown") == (run.id, state.get("inspect-epoch")):
        later = epochs[epochs.index(state["inspect-epoch"]) + 1 :]
        if not later:  # playing stops at the last epoch
            state["inspect-playing"] = False
            st.rerun()
        state["inspect-epoch"] = later[0]
    if state.get("inspect-epoch") not in epochs:
        wanted = page.query().get("epoch", "")
        state["inspect-epoch"] = int(wanted) if wanted in map(str, epochs) else epochs[-1]
    epoch, index = _controls(page, run, epochs, playing)
    stored = page.lab.snapshot(run.id, epoch)
    if stored is None:
        st.info(t("These weights are no longer stored."))
        return
    if epoch == run.epoch and run.final_epochs and (best := run.final_epochs[index]) != epoch:
        st.caption(t("Early stopping: the run ended with the weights of the best epoch, {n}.", n=t.whole(best)))
    state["inspect-shown"] = (run.id, epoch)
    weights, dataset = stored[1], available_dataset(run.experiment.data, run.seeds)
    if state.get("inspect-layer") not in range(layers):
        state["inspect-layer"] = 0
    limits = scales(page.lab, run.id, epochs[-1], index, layers)
    left, right = st.columns([6, 5], gap="medium")
    with right:
        names = {i: layer_name(i, layers, t) for i in range(layers)}
        chosen = st.segmented_control(
            t("Layer"), names, format_func=names.__getitem__, key="inspect-layer", required=True
        )
        layer = int(chosen or 0)
        layer_view(page, run, one_replicate(weights, index), layer, dataset, limits[layer])
    with left:
        network_view(page, run.experiment, weights, index, dataset, max(limits))
    _tabs(page, run, weights, index, layer, dataset)
    page.set_query({"run": run.id, "epoch": str(epoch)})


def _controls(page: Page, run: Run, epochs: Sequence[int], playing: bool) -> tuple[int, int]:
    """Play button, slider and choice of the replicate; the epoch and the replicate's place."""
    t, state, replicates = page.t, st.session_state, run.replicates
    epoch, one = epochs[0], replicates[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="inspect-controls"):
        icon = ":material/pause:" if playing else ":material/play_arrow:"
        help_text, single = t("Play the epochs one after another"), len(epochs) < 2
        st.button("", icon=icon, help=help_text, key="inspect-play", on_click=_play, args=(epochs,), disabled=single)
        if len(epochs) > 1:
            epoch = st.select_slider(t("Epoch"), epochs, key="inspect-epoch", format_func=t.whole)
        if len(replicates) > 1:
            if state.get("inspect-seed") not in replicates:
                state["inspect-seed"] = one
            names = {each: replicate_name(each, t) for each in replicates}
            width = 110 if one.fold is None else 180
            one = st.selectbox(t("Seed"), names, format_func=names.__getitem__, key="inspect-seed", width=width)
    return epoch, replicates.index(one)


def _play(epochs: Sequence[int]) -> None:
    """Starts or stops playing; at the last epoch it starts again from the first."""
    state = st.session_state
    state["inspect-playing"] = not state.get("inspect-playing", False)
    if state["inspect-playing"] and state.get("inspect-epoch") == epochs[-1]:
        state["inspect-epoch"] = epochs[0]


def _tabs(page: Page, run: Run, weights: Weights, index: int, layer: int, dataset: Dataset | None) -> None:
    """What the network does with its weights; only the open tab is computed."""
    t, experiment = page.t, run.experiment
    titles = {
        "responses": t("What each neuron detects"),
        "inputs": t("Try it"),
        "results": t("What it gets right and wrong"),
        "statistics": t("Statistics of all layers"),
    }
    if dataset is None or (experiment.data.inputs != 2 and dataset.image_shape is None):
        del titles["responses"]
    tabs = st.tabs(list(titles.values()), key="inspect-below", on_change="rerun")
    for name, tab in zip(titles, tabs, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == "statistics":
                statistics_view(page, experiment, one_replicate(weights, index))
            elif dataset is None:
                st.caption(t("This needs the data, which is not on this server yet: download it on the Build page."))
            elif name == "responses":
                responses_view(page, experiment, *replicate(weights, dataset, index), layer)
            elif name == "inputs":
                try_inputs(page, experiment, weights, dataset)
            else:
                results_view(page, experiment, weights, dataset, index)
                if note := own_data_note(experiment.data, run.replicates[index].seed, t):
                    st.caption(note)
