"""Charts: pure functions to Vega-Lite specs, built once with Altair and kept; rows stay outside.

A chart function gives the same bytes for the same arguments, so `st.vega_lite_chart(rows, curves("loss"))` on a ticking
path only swaps rows. Beside each chart stands the function that makes its rows.
"""

from nnlab.charts.base import CLASSES, ENGLISH, TEST, TRAIN, VALIDATION, Labels, Spec
from nnlab.charts.curves import curves, gap, overlay, sparkline
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
    surface,
    surface_rows,
)

__all__ = [
    "CLASSES",
    "ENGLISH",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Labels",
    "Plane",
    "Spec",
    "balance_rows",
    "class_balance",
    "curves",
    "data_scatter",
    "fit_rows",
    "gap",
    "line_fit",
    "overlay",
    "picture_grid",
    "picture_rows",
    "point_rows",
    "sparkline",
    "surface",
    "surface_rows",
]
