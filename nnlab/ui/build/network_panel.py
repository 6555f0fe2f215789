"""The network before training: drawn, and as a table of its layers."""

import pandas as pd
import streamlit as st

from nnlab.charts.network import network, network_rows
from nnlab.spec import Experiment
from nnlab.spec.layer_table import LayerRow, layer_table
from nnlab.ui.shared.pictures import HEIGHT, frozen_note
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, mark

_NAMES = {"Input": mark("Input"), "Output": mark("Output")}


def network_picture(page: Page, experiment: Experiment) -> None:
    """The network's units and connections."""
    words = page.words
    rows = network_rows(experiment, labels=words)
    with st.container(key="network-picture"):
        st.vega_lite_chart(rows, network(labels=words, height=HEIGHT), alt=page.t("The network, layer by layer"))
        frozen_note(page, experiment)


def layers_frame(experiment: Experiment, t: Text) -> pd.DataFrame:
    """The layer table with headings in the visitor's language."""
    rows = layer_table(experiment)
    frozen = f" ({t('frozen')})"

    def name(row: LayerRow) -> str:
        return t(_NAMES[row.name]) if row.name in _NAMES else t("Hidden {n}", n=row.name.rpartition(" ")[2])

    return pd.DataFrame(
        {
            t("Layer"): [name(row) for row in rows],
            t("Operation"): [row.kind + " + x" * row.skip + frozen * row.frozen for row in rows],
            t("Output shape"): [row.output_shape for row in rows],
            t("Parameters"): [row.parameters for row in rows],
            t("Formula"): [row.formula for row in rows],
        }
    )
