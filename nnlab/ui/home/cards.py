"""The presets as cards: a title, the question it answers, and a picture of its data."""

from dataclasses import dataclass
from html import escape
from inspect import getsource
from textwrap import dedent

import streamlit as st

from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import preset_comparisons, presets
from nnlab.charts.network import network, network_rows
from nnlab.datasets import load_dataset
from nnlab.scratch.core import Linear
from nnlab.spec import Comparison, DataSpec, Experiment
from nnlab.ui.shared.pictures import data_chart
from nnlab.ui.shared.run_links import submit, submit_comparison
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import mark

HEIGHT = 150
CODE = "margin: 0; padding: 0.5rem; white-space: pre-wrap; font-size: 0.75rem"


@dataclass(frozen=True)
class Card:
    """One preset on the home page. `action`: the words on its button; `seeds`: how many it trains."""

    preset: str
    title: str
    question: str
    action: str
    seeds: int
    comparison: Comparison | None = None
    """Where its question is about several networks: the comparison that its button trains instead."""


CARDS: tuple[Card, ...] = (
    Card(
        "binary",
        mark("Two classes, 100 samples"),
        mark("When does a network learn its few samples by heart?"),
        mark("See it overfit"),
        10,
        classics["overfitting"].comparison,
    ),
    Card(
        "activations",
        mark("Moons and activations"),
        mark("Sigmoid, ReLU or tanh: which one learns fastest?"),
        mark("Compare activations"),
        10,
        preset_comparisons["activations"],
    ),
    Card(
        "mnist",
        mark("Handwritten digits"),
        mark("How far do 32 hidden neurons get on MNIST?"),
        mark("Train on MNIST"),
        1,
    ),
    Card(
        "celsius",
        mark("Celsius to Fahrenheit"),
        mark("Can a network find a formula from seven examples?"),
        mark("Look for the formula"),
        1,
    ),
    Card(
        "scratch", mark("MNIST without a framework"), mark("How little code reaches 98 %?"), mark("Train with NumPy"), 1
    ),
)


def preset_chart(page: Page, preset: str, title: str) -> None:
    """A small picture of what the preset of this title is about; MNIST is shown by the digits that come with nnlab."""
    if preset == "scratch":  # its picture is its code
        # st.code would have every first visitor load what colours code of all languages
        st.html(f'<pre style="{CODE}">{escape(dedent(getsource(Linear.forward)))}</pre>')
        return
    spec = presets[preset].data
    dataset = load_dataset(DataSpec(name="digits") if spec.name == "mnist" else spec)
    rows, chart = data_chart(dataset, page.words, HEIGHT, small=True)
    st.vega_lite_chart(rows, chart, key=f"picture-{preset}", alt=f"{page.t('Samples of the data')}: {title}")


def backprop_card(page: Page) -> None:
    """The last card: the page that shows one training step in detail."""
    t, words = page.t, page.words
    small = Experiment.of({"model": {"hidden": [3]}, "data": {"name": "moons"}})
    st.vega_lite_chart(
        network_rows(small, labels=words),
        network(labels=words, height=HEIGHT),
        key="picture-backprop",
        alt=t("A network of two inputs and three hidden units"),
    )
    st.markdown(f"**{t('One training step in detail')}**  \n{t('Where does a gradient come from?')}")
    st.caption(t("every number, formula and line of code"))
    page.link("backprop", t("Step through it"), width="content")


def run_card(page: Page, card: Card) -> None:
    """Train what a card asks."""
    if card.comparison is None:
        submit(page, presets[card.preset], range(card.seeds))
    else:
        submit_comparison(page, card.comparison)
