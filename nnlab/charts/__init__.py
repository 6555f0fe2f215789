"""Charts: pure functions to Vega-Lite specs, built once with Altair and kept; rows stay outside.

A chart function gives the same bytes for the same arguments, so `st.vega_lite_chart(rows, curves("loss"))` on a ticking
path only swaps rows. Beside each chart stands the function that makes its rows.
"""

from nnlab.charts.base import CLASSES, ENGLISH, TEST, TRAIN, VALIDATION, Labels, Spec, nice_limit
from nnlab.charts.compare import by_value, capacity, capacity_rows, compare_curves, curves_key
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
from nnlab.charts.grid import heat, heat_rows, matrix, matrix_rows
from nnlab.charts.network import network, network_rows
from nnlab.charts.png import data_url, picture_url, png, weights_url
from nnlab.charts.rates import range_test_curve, range_test_rows
from nnlab.charts.results import confusion, confusion_rows
from nnlab.charts.weights import (
    activation_function,
    activation_rows,
    filter_rows,
    filters,
    histogram,
    histogram_rows,
    weights_heatmap,
    weights_rows,
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
    "activation_function",
    "activation_rows",
    "balance_rows",
    "by_value",
    "capacity",
    "capacity_rows",
    "class_balance",
    "compare_curves",
    "confusion",
    "confusion_rows",
    "curves",
    "curves_key",
    "data_scatter",
    "data_url",
    "filter_rows",
    "filters",
    "fit_rows",
    "gap",
    "heat",
    "heat_rows",
    "histogram",
    "histogram_rows",
    "line_fit",
    "matrix",
    "matrix_rows",
    "network",
    "network_rows",
    "nice_limit",
    "overlay",
    "picture_grid",
    "picture_rows",
    "picture_url",
    "png",
    "point_rows",
    "range_test_curve",
    "range_test_rows",
    "sparkline",
    "surface",
    "surface_rows",
    "weights_heatmap",
    "weights_rows",
    "weights_url",
]
