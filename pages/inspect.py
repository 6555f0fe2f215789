"""Inspect: one run at one epoch, from the inside."""

import streamlit as st

from nnlab.analysis.predictions import replicate
from nnlab.datasets import Dataset, load_dataset, mnist
from nnlab.store import Run
from nnlab.ui.inspect.ask import ask_view, results_view
from nnlab.ui.inspect.layers import (
    Weights,
    layer_name,
    layer_view,
    network_view,
    one_replicate,
    responses_view,
    scales,
    statistics_view,
)
from nnlab.ui.shared.naming import moment, replicate_name, run_title, zone
from nnlab.ui.shell.frame import Page, open_page

page = open_page("inspect")
t = page.t


def choices(page: Page, opened: Run | None) -> list[Run]:
    """The visitor's runs that have weights to see, newest first; the opened one too if it is another's."""
    mine = [run for run in page.lab.runs(owner=page.owner, limit=50) if run.epoch > 0]
    return mine if opened is None or opened.id in {run.id for run in mine} else [opened, *mine]


def move_on(epochs: list[int]) -> None:
    """The next step of the film; it stops at the last epoch."""
    here = epochs.index(st.session_state["inspect-epoch"])
    if here + 1 < len(epochs):
        st.session_state["inspect-epoch"] = epochs[here + 1]
    else:
        st.session_state["inspect-playing"] = False
        st.rerun()


def play(epochs: list[int]) -> None:
    """Starts or stops the film; from the end it begins again."""
    playing = not st.session_state.get("inspect-playing", False)
    if playing and st.session_state.get("inspect-epoch") == epochs[-1]:
        st.session_state["inspect-epoch"] = epochs[0]
    st.session_state["inspect-playing"] = playing


def below(run: Run, stacked: Weights, index: int, layer: int, dataset: Dataset | None) -> None:
    """What the network does with its weights; only the open tab is computed."""
    weights = one_replicate(stacked, index)
    own = None if dataset is None else replicate(stacked, dataset, index)[1]
    views = {
        t("What each neuron looks for"): lambda: responses_view(page, run, weights, layer, own),
        t("Ask it"): lambda: ask_view(page, run, stacked, dataset),
        t("What it gets right and wrong"): lambda: results_view(page, run, stacked, dataset, index),
        t("Figures of all layers"): lambda: statistics_view(page, run, weights),
    }
    if dataset is None or (run.experiment.data.inputs != 2 and dataset.image_shape is None):
        views.pop(t("What each neuron looks for"))
    for tab, view in zip(st.tabs(list(views), key="inspect-below", on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                if dataset is None and view is not views[t("Figures of all layers")]:
                    st.caption(t("This needs the data, which is not on this machine: Build offers to download it."))
                else:
                    view()


def look(run: Run, epochs: list[int], ticking: bool) -> None:
    """Everything that follows the slider."""
    state, layers = st.session_state, len(run.experiment.layers)
    if bool(state.get("inspect-playing")) != ticking:
        st.rerun()  # a click in here runs only this part again, and how often that ticks is the page's to say
    if state.get("inspect-playing") and state.get("inspect-shown") == (run.id, state.get("inspect-epoch")):
        move_on(epochs)
    if state.get("inspect-epoch") not in epochs:
        wanted = page.query().get("epoch", "")
        state["inspect-epoch"] = int(wanted) if wanted in map(str, epochs) else epochs[-1]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="inspect-controls"):
        st.button(
            "",
            icon=":material/pause:" if state.get("inspect-playing") else ":material/play_arrow:",
            help=t("Play the training like a film"),
            key="inspect-play",
            on_click=play,
            args=(epochs,),
            disabled=len(epochs) < 2,
        )
        epoch = epochs[0]
        if len(epochs) > 1:
            epoch = st.select_slider(t("Epoch"), epochs, key="inspect-epoch", format_func=t.whole)
        several = run.replicates
        one = several[0]
        if len(several) > 1:
            if state.get("inspect-seed") not in several:
                state["inspect-seed"] = several[0]
            width = 110 if one.fold is None else 180
            one = st.selectbox(
                t("Seed"), several, format_func=lambda one: replicate_name(one, t), key="inspect-seed", width=width
            )
    kept = page.lab.snapshot(run.id, epoch)
    if kept is None:
        st.info(t("These weights are no longer kept."))
        return
    state["inspect-shown"] = (run.id, epoch)
    index = several.index(one)
    weights = one_replicate(kept[1], index)
    dataset = None if run.experiment.data.name == "mnist" and not mnist.available() else load_dataset(run.experiment)
    if state.get("inspect-layer") not in range(layers):
        state["inspect-layer"] = 0
    limits = scales(run.id, epochs[-1], index, page.lab)
    left, right = st.columns([6, 5], gap="medium")
    with right:
        layer = st.segmented_control(
            t("Layer"),
            range(layers),
            format_func=lambda i: layer_name(i, layers, t),
            key="inspect-layer",
            required=True,
        )
        chosen_layer = int(layer or 0)
        layer_view(page, run, weights, chosen_layer, dataset, limits)
    with left:
        network_view(page, run, weights, dataset, limits)
        st.caption(t("Click a neuron to see its layer. Line width and colour are the weight."))
    below(run, kept[1], index, chosen_layer, dataset)
    page.set_query({"run": run.id, "epoch": str(epoch)})


named = page.query().get("run", "")
opened = page.lab.run(named)
if opened is not None and opened.deleted:
    opened = None
runs = choices(page, opened)
st.title(t("Look inside"), anchor=False)
if named and opened is None:
    st.warning(t("There is no run at this address; it may have been deleted."), icon=":material/link_off:")
if not runs:
    st.info(t("Nothing trained yet, so there are no weights to see."), icon=":material/grid_on:")
    page.link("home", t("Start with one of the presets"), width="content")
    st.stop()
ids = [run.id for run in runs]
if st.session_state.get("inspect-run") not in ids or (
    opened is not None and opened.id != st.session_state.get("inspect-from-link")
):
    st.session_state["inspect-run"] = opened.id if opened is not None and opened.id in ids else ids[0]
    st.session_state["inspect-from-link"] = opened.id if opened is not None else None
by_id = {run.id: run for run in runs}
here = zone()
with st.container(horizontal=True, vertical_alignment="bottom"):
    chosen = st.selectbox(
        t("Trained run"),
        ids,
        format_func=lambda i: f"{run_title(by_id[i], t)} · {moment(by_id[i].created, t, here)}",
        key="inspect-run",
    )
    page.link("train", t("Its curves"), {"run": chosen}, width="content")
run = by_id[chosen]
st.session_state["inspect-from-link"] = run.id
kept_epochs = page.lab.snapshot_epochs(run.id)
if not kept_epochs:
    st.info(t("This run has no weights yet; they appear with its first epoch."), icon=":material/hourglass_empty:")
    st.stop()
ticking = bool(st.session_state.get("inspect-playing"))
st.fragment(look, run_every=0.7 if ticking else None)(run, kept_epochs, ticking)
