"""The layer table as a data frame."""

from __future__ import annotations
import threading
from collections.abc import Sequence
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
from nnlab.spec.layer_table import LayerRow
from nnlab.ui.shared.labels import DATA_NOTES, problem_text
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, mark


_LAYER_NAMES = {"Input": mark("Input"), "Output": mark("Output")}


def layers_frame(rows: Sequence[LayerRow], t: Text) -> pd.DataFrame:
    """The layer table with headings in the visitor's language."""

    def name(row: LayerRow) -> str:
        if row.name in _LAYER_NAMES:
            return t(_LAYER_NAMES[row.name])
        return t("Hidden {n}", n=row.name.rpartition(" ")[2])

    return pd.DataFrame(
        {
            t("Layer"): [name(row) for row in rows],
            t("What it does"): [
                row.kind + (" + x" if row.skip else "") + (f" ({t('frozen')})" if row.frozen else "") for row in rows
            ],
            t("Output shape"): [row.output_shape for row in rows],
            t("Parameters"): [row.parameters for row in rows],
            t("Formula"): [row.formula for row in rows],
        }
    )
