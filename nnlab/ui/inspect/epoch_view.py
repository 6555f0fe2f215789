"""The part of Inspect that follows the epoch: the film, one layer, and the tabs below."""

import streamlit as st

from nnlab.analysis.predictions import one_replicate, replicate
from nnlab.datasets import Dataset
from nnlab.engines.base import Weights
from nnlab.store import Run
from nnlab.ui.inspect.layers import layer_view, responses_view, scales, statistics_view
from nnlab.ui.inspect.predictions import results_view, try_inputs
from nnlab.ui.shared.cache import replicate_weights
from nnlab.ui.shared.naming import layer_name, replicate_name
from nnlab.ui.shared.network_view import Look, network_view
from nnlab.ui.shared.pictures import available_dataset, own_data_note
from nnlab.ui.shared.widgets import clickable
from nnlab.ui.shell.frame import Page

FILM = "inspect-film"


def epoch_view(page: Page, run: Run, epochs: list[int]) -> None:
    """A fragment, so that a move of the slider draws the layer and the tabs again and nothing else."""
    st.fragment(_view)(page, run, epochs)


def _view(page: Page, run: Run, epochs: list[int]) -> None:
    t, state, layers = page.t, st.session_state, len(run.experiment.layers)
    if state.get("inspect-of") != run.id:
        wanted = page.query().get("epoch", "")
        state["inspect-of"], state["inspect-epoch"] = run.id, int(wanted) if wanted in map(str, epochs) else epochs[-1]
        state["inspect-start"] = state["inspect-epoch"]
    index = _replicate(page, run)
    drawn = network_view(
        page,
        run,
        index,
        key=FILM,
        look=Look(start=state["inspect-start"], reports=True),
        on_epoch=lambda: state.update({"inspect-epoch": int(state[FILM]["epoch"])}),
        on_layer=lambda: state.update({"inspect-layer": int(state[FILM]["layer"])}),
    )
    if not drawn:
        st.caption(t("This network is too large for a film; choose an epoch."))
        st.select_slider(t("Epoch"), epochs, key="inspect-epoch", format_func=lambda n: clickable(t.whole(n)))
    epoch = state["inspect-epoch"]
    weights = replicate_weights(page.lab, run, epoch, index)
    if weights is None:
        st.info(t("These weights are no longer stored."))
        return
    if epoch == run.epoch and run.final_epochs and (best := run.final_epochs[index]) != epoch:
        st.caption(t("Early stopping: the run ended with the weights of the best epoch, {n}.", n=t.whole(best)))
    seed = run.replicates[index].seed
    dataset = available_dataset(run.experiment.data, (seed,))  # of the others each may have one of its own
    if state.get("inspect-layer") not in range(layers):
        state["inspect-layer"] = 0
    limits = scales(page.lab, run, epochs[-1], index)
    names = {i: layer_name(i, layers, t) for i in range(layers)}
    chosen = st.segmented_control(
        t("Layer"), names, format_func=lambda i: clickable(names[i]), key="inspect-layer", required=True
    )
    layer = int(chosen or 0)
    left, right = st.columns(2, gap="medium")
    with left:
        layer_view(page, run, one_replicate(weights, 0), layer, dataset, limits[layer], (epoch, index))
    with right:
        _tabs(page, run, weights, (epoch, index), layer, dataset)
    page.set_query({"run": run.id, "epoch": str(epoch)})


def _replicate(page: Page, run: Run) -> int:
    """The place of the replicate that is shown: a choice where there are several."""
    t, state, replicates = page.t, st.session_state, run.replicates
    if len(replicates) == 1:
        return 0
    if state.get("inspect-seed") not in replicates:
        state["inspect-seed"] = replicates[0]
    names = {each: replicate_name(each, t) for each in replicates}
    width = 110 if replicates[0].fold is None else 180
    return replicates.index(
        st.selectbox(t("Seed"), names, format_func=names.__getitem__, key="inspect-seed", width=width)
    )


def _tabs(page: Page, run: Run, weights: Weights, shown: tuple[int, int], layer: int, dataset: Dataset | None) -> None:
    """What the network does with its weights; only the open tab is computed."""
    t, experiment, (epoch, index) = page.t, run.experiment, shown
    titles = {
        "responses": t("What each neuron detects"),
        "inputs": t("Try it"),
        "results": t("Right and wrong"),
        "statistics": t("Statistics"),
    }
    if dataset is None or (experiment.data.raw_inputs != 2 and dataset.image_shape is None):
        del titles["responses"]
    tabs = st.tabs(list(titles.values()), key="inspect-below", on_change="rerun")
    for name, tab in zip(titles, tabs, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == "statistics":
                statistics_view(page, experiment, one_replicate(weights, 0))
            elif dataset is None:
                st.caption(t("This needs the data, which is not on this server yet: download it on the Build page."))
            elif name == "responses":
                responses_view(page, run, weights, replicate({}, dataset, index)[1], layer, shown)
            elif name == "inputs":
                try_inputs(page, run, dataset, epoch)
            else:
                results_view(page, run, replicate({}, dataset, index)[1], epoch, index)
                if note := own_data_note(experiment.data, run.replicates[index].seed, t):
                    st.caption(note)
