"""Play: change an experiment and watch at once how it learns."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.ui.play.controls import SHOWN, changed, controls, in_drawing, on_data
from nnlab.ui.play.film import play_film
from nnlab.ui.shared.hiding import hidden_by_link, hide_parameter, link_to_copy
from nnlab.ui.shared.new_experiment import play_experiment
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import open_page

SURE = 10  # seeds

page = open_page("play")
t, state = page.t, st.session_state

link = {name: value for name, value in page.query().items() if name.startswith(("data.", "model.", "train."))}
if link and link != state.get("play-link"):
    try:
        state["play"] = Experiment.from_query(link)
    except SpecError as error:
        state["play-problem"] = error.problems[0]
experiment: Experiment = state.setdefault("play", play_experiment())
seeds: tuple[int, ...] = state.setdefault("play-seeds", (0,))
state["play-link"] = experiment.to_query()
hidden = hidden_by_link(page)
page.set_query({**state["play-link"], **hide_parameter(hidden)})


def change(changes: Mapping[str, Any]) -> None:
    """Apply what a visitor has changed; an experiment that cannot be stays as it was."""
    found = changed(state["play"], changes)
    if isinstance(found, Experiment):
        state["play"], state["play-problem"], state["play-seeds"] = found, None, state["play-seeds"][:1]
    else:
        state["play-problem"] = found[0]


def choose_data(name: str) -> None:
    """Go to other data; the experiment that is left waits for the visitor's return."""
    state["play"] = on_data(state["play"], name, state.setdefault("play-left", {}))
    state["play-problem"], state["play-seeds"] = None, state["play-seeds"][:1]


def redraw() -> None:
    """A click on a neuron's or a layer's button in the drawing."""
    clicked = state["play-film"].get("change")
    if clicked:
        change({"model.hidden": in_drawing(state["play"], clicked["kind"], clicked["layer"])})


def another_seed() -> None:
    state["play-seeds"] = (state["play-seeds"][0] + 1,)


def be_sure() -> None:
    state["play-seeds"] = tuple(range(SURE))


with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="play-head"):
    st.title(t("Play"), anchor=False, width="content")
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
        if "seeds" not in hidden:
            st.button(
                t("Another seed"),
                icon=":material/casino:",
                key="another-seed",
                on_click=another_seed,
                help=t("Other random numbers for samples, weights and batches. Shown: seed {n}.", n=t.whole(seeds[0])),
            )
            st.button(
                t("How sure is this?"),
                icon=":material/stacks:",
                key="how-sure",
                on_click=be_sure,
                help=t("Trains ten seeds: their borders, and how much the score varies."),
            )
        if "link" not in hidden:
            with st.popover(t("Link"), icon=":material/link:", key="play-link-menu"), st.container(width=420):
                st.write(t("Who opens this link finds Play as it is now."))
                link_to_copy(page, state["play-link"], (*SHOWN, "seeds", "link", "next"), hidden)
left, right = st.columns([2, 7], gap="medium")
with left:
    controls(t, experiment, change, choose_data, hidden)
with right:
    if problem := state.get("play-problem"):
        st.error(problem_text(problem, t), icon=":material/error:")
    play_film(page, experiment, seeds, redraw, hidden)
