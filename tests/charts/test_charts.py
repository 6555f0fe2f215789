"""Charts are constants: specs without rows, the same for the same arguments, valid, in the colours of their roles."""

from __future__ import annotations

import base64
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from PIL import Image

import nnlab.charts
from nnlab.analysis import predictions
from nnlab.catalogue.presets import presets
from nnlab.charts import colours
from nnlab.charts.axes import nice_limit, spans_decades
from nnlab.charts.base import Labels, Spec, on_paper, quoted
from nnlab.charts.classroom import big_numbers, class_scores, guess_bars, large_text
from nnlab.charts.colours import CLASSES, TEST, TRAIN, VALIDATION
from nnlab.charts.comparison import capacity, capacity_rows, compare_curves, curves_key, heatmap, matrix
from nnlab.charts.curves import curves, engine_losses, gap, overlay, range_test_curve, range_test_rows, sparkline
from nnlab.charts.data import (
    Plane,
    balance_rows,
    class_balance,
    confusion,
    confusion_rows,
    data_scatter,
    fit_rows,
    line_fit,
    point_rows,
    probability_bars,
    surface,
    surface_rows,
)
from nnlab.charts.network import network, network_rows
from nnlab.charts.pictures import (
    filter_rows,
    filters,
    histogram,
    histogram_rows,
    picture_grid,
    picture_rows,
    picture_url,
    weights_heatmap,
    weights_rows,
    weights_url,
)
from nnlab.charts.training_step import loss_along, step_network
from nnlab.datasets import load_dataset
from nnlab.engines.random_streams import stacked_weights
from nnlab.spec import Experiment
from nnlab.training.lr_range_test import RangeTest

ROOT = Path(__file__).parents[2]
PLANE = Plane((-1.0, 2.0), (-1.0, 1.0), 0.0625)
WORDS = {"epoch": "época", "training": "entrenamiento", "loss": "pérdida"}
SPANISH = Labels("es", lambda word: WORDS.get(word, word))
VALUES = ("1", "2", "4", "8")

SPECS: dict[str, Any] = {
    "loss": lambda: curves("loss", epochs=40),
    "loss, log": lambda: curves("loss", log=True),
    "loss, Spanish": lambda: curves("loss", labels=SPANISH),
    "accuracy": lambda: curves("score", band=False),
    "mse without validation": lambda: curves("score", kind="mse", validation=False),
    "gap": lambda: gap("score"),
    "overlay": lambda: overlay(("moons", "it's \\ another")),
    "overlay of long names": lambda: overlay(("moons with a name for each of its runs", "it's"), log=True),
    "overlay of none": lambda: overlay(()),
    "sparkline": lambda: sparkline(),
    "scatter": lambda: data_scatter(PLANE),
    "surface": lambda: surface(PLANE),
    "small surface": lambda: surface(PLANE, compact=True),
    "line": lambda: line_fit("°C", "°F"),
    "balance": lambda: class_balance(),
    "pictures": lambda: picture_grid(6, 3),
    "bare pictures": lambda: picture_grid(captions=False),
    "network": lambda: network(),
    "network with weights": lambda: network(0.5, selectable=True),
    "weights": lambda: weights_heatmap(784, 32, 0.2),
    "histogram": lambda: histogram(0.2),
    "filters": lambda: filters(),
    "capacity": lambda: capacity(VALUES),
    "capacity by name": lambda: capacity(("relu", "tanh"), "activation", kind="mse", ordered=False),
    "curves by depth": lambda: compare_curves(VALUES, part="train"),
    "curves by name": lambda: compare_curves(tuple("abcdefghi"), ordered=False, log=True),
    "curves by long names": lambda: compare_curves((*"abcdefgh", "2 layers of MNIST 28×28"), ordered=False),
    "range test": lambda: range_test_curve(),
    "curves of a facet": lambda: compare_curves(VALUES, facet=True, log=True),
    "their legend": lambda: curves_key(VALUES),
    "matrix of one knob": lambda: matrix(tuple(map(str, range(45)))),
    "matrix of two knobs": lambda: matrix(VALUES, ("relu", "it's"), "depth", "activation"),
    "heat map": lambda: heatmap(VALUES, ("relu", "it's"), "depth", "activation"),
    "heat map of errors": lambda: heatmap(VALUES, ("8", "16"), kind="mse", part="train"),
    "confusion": lambda: confusion(("cat", "dog's")),
    "probabilities": lambda: probability_bars(),
    "training step": lambda: step_network(),
    "loss along a weight": lambda: loss_along(),
    "losses of both engines": lambda: engine_losses(12),
    "a class without names": lambda: class_scores(("depth 1", "depth 2"), part="train"),
    "a class": lambda: class_scores(("depth 1", "it's"), named=True),
    "a class on a projector": lambda: class_scores(VALUES, kind="mse", large=True),
    "guesses": lambda: guess_bars(("1 or 2", "it's more")),
    "guesses on a projector": lambda: guess_bars(VALUES, large=True, labels=SPANISH),
    "numbers of a class": lambda: big_numbers(("started", "have a result")),
    "code of a class": lambda: large_text(9, 170),
}


@pytest.fixture(params=SPECS)
def spec(request: pytest.FixtureRequest) -> Spec:
    made: Spec = SPECS[request.param]()
    return made


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in keys(item)}
    return {key for item in value for key in keys(item)} if isinstance(value, list) else set()


def scales(value: Any, channel: str) -> list[Any]:
    """Every scale of a channel in a spec."""
    if isinstance(value, list):
        return [one for item in value for one in scales(item, channel)]
    if not isinstance(value, dict):
        return []
    own = value.get(channel)
    found = [own["scale"]] if isinstance(own, dict) and "scale" in own else []
    return found + [one for item in value.values() for one in scales(item, channel)]


# -- every chart -------------------------------------------------------------------------------------------------------


def test_every_chart_is_tried_here() -> None:
    modules = [
        importlib.import_module(f"nnlab.charts.{module.name}")
        for module in pkgutil.iter_modules(nnlab.charts.__path__)
        if module.name != "render"
    ]
    drawn = {
        name
        for module in modules
        for name, made in vars(module).items()
        if hasattr(made, "cache_info") and made.__module__ == module.__name__ and not name.startswith("_")
    }
    tried = inspect.getsource(sys.modules[__name__]).split("SPECS", 2)[1]
    assert {name for name in drawn if f" {name}(" not in tried} == set()


def test_a_spec_is_valid_vega_lite(spec: Spec) -> None:
    schema = jsonschema.Draft7Validator(alt.VegaLiteSchema._rootschema)  # as `Chart.from_dict`, faster
    schema.validate({**spec, "data": {"name": "source"}})


def test_a_spec_compiles(spec: Spec) -> None:
    compiler = pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    vega = compiler.vegalite_to_vega({**spec, "width": 400, "data": {"name": "source"}})
    assert vega["marks"]


def test_a_colour_scale_is_drawn_on_a_canvas(spec: Spec) -> None:
    """An SVG refers to its gradient by the page's address, and loses it when that changes."""
    if "gradientLength" in keys(spec):
        assert spec["usermeta"]["embedOptions"]["renderer"] == "canvas"


def test_no_rows_are_inside_a_spec(spec: Spec) -> None:
    assert keys(spec) & {"data", "datasets", "$schema"} == set()


def test_a_spec_fills_its_container_and_has_a_fixed_height(spec: Spec) -> None:
    assert spec["width"] == "container"
    assert isinstance(spec["height"], int)


def test_every_expression_and_mark_keeps_to_colours_of_the_theme_or_of_a_role(spec: Spec) -> None:
    text = json.dumps(spec)
    assert not re.search(r'"(black|white|#000|#fff|#000000|#ffffff)"', text, re.IGNORECASE)


def test_building_again_gives_the_same_bytes() -> None:
    code = (
        "import json; from nnlab.charts.comparison import matrix;"
        "from nnlab.charts.curves import curves, overlay; from nnlab.charts.network import network;"
        "matrix(('1',)); overlay(('a', 'b')); print(json.dumps([curves('loss'), network(1.0, selectable=True)]))"
    )
    command = [sys.executable, "-c", code]
    theirs = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    curves.cache_clear()
    network.cache_clear()
    # another process has other hashes; Altair's own counters of views run through a process
    assert theirs == json.dumps([curves("loss"), network(1.0, selectable=True)]) + "\n"


def test_the_same_arguments_give_the_very_same_spec() -> None:
    assert all(make() is make() for make in SPECS.values())


@pytest.mark.parametrize("band", [True, False])
def test_the_scale_of_a_curve_does_not_depend_on_the_number_of_seeds(band: bool) -> None:
    (loss,) = scales(curves("loss", log=True, band=band), "y")
    (score,) = scales(curves("score", band=band), "y")
    assert (loss["type"], score["zero"]) == ("log", False)


def test_large_neighbours_are_equally_high() -> None:
    heights = {
        SPECS[name]()["height"] for name in ("loss", "accuracy", "gap", "surface", "capacity", "curves by depth")
    }
    assert len(heights) == 1


# -- names at the ends of curves ---------------------------------------------------------------------------------------


def curves_of(ends: list[float]) -> pd.DataFrame:
    """Rows of curves that fall from 1 to these ends; every second one is half as long."""
    frames = []
    for place, end in enumerate(ends):
        epoch = np.arange(1, 11 if place % 2 else 21)
        loss = np.geomspace(1, end, len(epoch))
        whole = {"validation_loss": loss, "validation_loss_low": loss, "validation_loss_high": loss}
        frames.append(pd.DataFrame({"place": place, "run": place, "epoch": epoch, "train_loss": loss, **whole}))
    return pd.concat(frames, ignore_index=True)


def drawn(spec: Spec, rows: pd.DataFrame, width: int) -> tuple[str, dict[str, float], list[str]]:
    """The chart as SVG, the heights of its names, and all its texts."""
    compiler = pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    svg = compiler.vegalite_to_svg({**on_paper(spec, rows), "width": width})
    texts = re.findall(r"translate\(([-\d.]+),([-\d.]+)\)[^>]*>([^<]+)</text>", svg)
    heights = {word: float(y) for x, y, word in texts if float(x) > width / 2 and not word.isdigit()}
    return svg, heights, [word for _, _, word in texts]


@pytest.mark.parametrize(
    ("ends", "log"), [([0.01] * 7, False), ([0.5, 0.49, 0.48, 1e-5, 1e-5, 0.9, 1.0], True), ([1e-4, 1.0], True)]
)
def test_names_stand_at_the_ends_of_their_curves_whole_and_apart(ends: list[float], log: bool) -> None:
    names = tuple(f"network {letter}" for letter in "abcdefg")[: len(ends)]
    rows = curves_of(ends)
    for spec in (compare_curves(names, "activation", ordered=False, log=log, epochs=20), overlay(names, log=log)):
        _, heights, words = drawn(spec, rows, 340)
        assert set(heights) == set(names)
        assert not [word for word in words if "…" in word]
        places = sorted(heights.values())
        assert all(low - high > 13 for high, low in pairwise(places))
        assert 0 < places[0] < places[-1] < 280
        lowest_last = sorted(names, key=heights.__getitem__)
        assert [ends[names.index(name)] for name in lowest_last] == sorted(ends, reverse=True)


@pytest.mark.parametrize("ordered", [True, False])
def test_seven_curves_are_strong_and_the_rest_faint(ordered: bool) -> None:
    values = tuple(f"v{i}" for i in range(12))
    rows = curves_of([0.9 - 0.07 * i for i in range(12)])
    svg, heights, _ = drawn(compare_curves(values, ordered=ordered, epochs=20), rows, 600)
    assert len(heights) == 7
    assert {"v0", "v11"} <= set(heights) if ordered else list(values[:7]) == sorted(heights)
    groups = re.findall(r'<g class="mark-line[^>]*>(.*?)</g>', svg)
    lines = [line for group in groups for line in re.findall(r"<path[^>]*>", group)]
    assert sorted("stroke-opacity" in line or ' opacity="0.3"' in line for line in lines) == [False] * 7 + [True] * 5


def test_names_too_long_for_the_end_of_a_curve_are_whole_in_a_legend() -> None:
    names = "2 layers of MNIST 28×28, 0–4, 1 frozen", "2 layers of MNIST 28×28, 0–4"
    for spec in (overlay(names), compare_curves(names, "start_from", ordered=False)):
        assert set(names) <= set(drawn(spec, curves_of([0.1, 0.2]), 340)[2])


@pytest.mark.parametrize("values", [[0.5, np.nan, 0.001, 0], [-3.0, 1.0, 101.0]])
def test_losses_over_more_than_two_decades_are_told(values: list[float]) -> None:
    assert spans_decades(values)


@pytest.mark.parametrize("values", [[], [np.nan], [0.0, 1.0], [1.0, 100.0], [np.inf, 1.0]])
def test_other_losses_are_not(values: list[float]) -> None:
    assert not spans_decades(values)


@pytest.mark.parametrize("make", [curves, overlay, compare_curves])
def test_a_logarithmic_axis_says_so(make: Any) -> None:
    given = () if make is curves else (("a", "b"),)
    assert "(log scale)" in json.dumps(make(*given, log=True))
    assert "(log scale)" not in json.dumps(make(*given))


# -- languages ---------------------------------------------------------------------------------------------------------


def test_words_come_from_the_labels_and_numbers_from_the_locale() -> None:
    text = json.dumps(curves("loss", labels=SPANISH), ensure_ascii=False)
    assert "época" in text
    assert "entrenamiento" in text
    assert curves("loss", labels=SPANISH)["config"]["locale"]["number"]["decimal"] == ","
    assert curves("loss")["config"]["locale"]["number"]["decimal"] == "."


def test_labels_are_translated_word_by_word() -> None:
    labels = Labels("es", str.upper)
    assert (labels.language, labels("epoch"), labels("mse")) == ("es", "EPOCH", "MEAN SQUARED ERROR")


def test_a_name_with_quotes_stays_one_string_in_an_expression() -> None:
    assert quoted("it's \\ a\nname") == r"'it\'s \\ a name'"


# -- colours -----------------------------------------------------------------------------------------------------------


def test_roles_have_their_colours() -> None:
    assert (TRAIN, VALIDATION, TEST) == ("#0072B2", "#D55E00", "#009E73")
    assert CLASSES[:2] == ("#E69F00", "#56B4E9")
    assert len(set(CLASSES)) == len(CLASSES) == 10
    lines = [layer["mark"] for layer in curves("loss")["layer"] if layer["mark"]["type"] == "line"]
    assert [(line["color"], line["strokeDash"]) for line in lines] == [("#0072B2", []), ("#D55E00", [6, 4])]


@pytest.mark.parametrize("spec_of", [network, lambda limit: weights_heatmap(4, 4, limit)])
@pytest.mark.parametrize("limit", [0.05, 1.0, 20.0])
def test_weights_have_a_symmetric_scale_with_its_middle_at_zero(spec_of: Any, limit: float) -> None:
    (scale,) = scales(spec_of(limit), "color")
    assert scale["domain"] == [-limit, -limit / 2, 0, limit / 2, limit]
    assert len(scale["range"]) == 5


def test_ordered_values_go_from_light_to_dark_in_both_themes() -> None:
    for n in (2, 5, 20):
        shades = [re.findall(r"#[0-9a-f]{6}", str(colour.expr)) for colour in colours.ramp(n)]
        for theme in (0, 1):
            lights = [luminance(shade[theme]) for shade in shades]
            assert lights == sorted(lights, reverse=True)
            assert len(set(lights)) == n


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> dict[str, Any]:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    return {"name": request.param, **config["theme"][request.param]}


def test_text_is_readable_in_both_themes(theme: dict[str, Any]) -> None:
    for paper in (theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"]):
        assert contrast(theme["textColor"], paper) >= 7
        assert contrast(theme["linkColor"], paper) >= 4.5
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # the words on a button
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 3


def test_words_on_charts_are_readable_and_role_colours_visible_in_both_themes(theme: dict[str, Any]) -> None:
    which = ["light", "dark"].index(theme["name"])
    for ink in (colours.INK, colours.FAINT, colours.WRONG, *colours.ROLE_INK.values()):
        assert contrast(re.findall(r"#[0-9A-Fa-f]{6}", str(ink.expr))[which], theme["backgroundColor"]) >= 4.5
    for role in (TRAIN, VALIDATION, TEST):
        assert contrast(role, theme["backgroundColor"]) >= 3


def test_the_theme_takes_the_roles_and_has_ten_colours_a_ramp(theme: dict[str, Any]) -> None:
    assert theme["chartCategoricalColors"][:5] == [
        *(TRAIN, VALIDATION, TEST),
        *CLASSES[:2],
    ]
    assert len(theme["chartSequentialColors"]) == len(theme["chartDivergingColors"]) == 10
    assert theme["primaryColor"] not in theme["chartCategoricalColors"]


def test_streamlit_knows_every_option() -> None:
    from streamlit import config

    known = set(config.get_config_options())

    def names(values: dict[str, Any], at: str) -> set[str]:
        return {
            name
            for key, value in values.items()
            for name in (names(value, f"{at}{key}.") if isinstance(value, dict) else {at + key})
        }

    written = names(tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")), "")
    assert written - known == set()


# -- the network -------------------------------------------------------------------------------------------------------


def test_a_small_network_has_every_unit_and_every_weight() -> None:
    experiment = presets["binary"]  # 4 → 8 → 1
    weights = stacked_weights(experiment, (0, 1))
    rows = network_rows(experiment, weights, seed_index=1)
    edges = rows[rows.kind == "edge"]
    assert (rows.kind == "node").sum() == 4 + 8 + 1
    assert len(edges) == 4 * 8 + 8 * 1
    first = edges[edges.layer == 1].value.to_numpy().reshape(4, 8)
    np.testing.assert_array_equal(first, weights["0.weight"][1])
    assert edges.share.max() == 1
    biases = rows[(rows.kind == "node") & (rows.layer == 1)].value
    np.testing.assert_array_equal(biases, weights["0.bias"][1])


def test_a_large_layer_is_condensed_and_says_how_large_it_is() -> None:
    rows = network_rows(presets["mnist"])  # 784 → 32 → 10
    inputs = rows[(rows.kind == "node") & (rows.layer == 0)]
    assert list(inputs.unit) == [0, 1, 2, 3, 4, -1, 782, 783]
    assert list(inputs.text) == [""] * 5 + ["⋮"] + [""] * 2
    assert list(rows[rows.kind == "layer"].detail) == ["784", "32", "10"]
    assert len(rows[rows.kind == "edge"]) == 7 * 7 * 2
    assert rows[rows.kind == "edge"].share.isna().all()


@given(st.lists(st.integers(1, 300), max_size=64))
def test_a_network_of_any_depth_and_width_fits_its_frame(widths: list[int]) -> None:
    rows = network_rows(Experiment().set({"model.hidden": widths}))
    assert rows.x.between(0, 1).all()
    assert rows.y.between(-0.6, 0.7).all()
    assert len(rows) < 800
    left_out = rows[rows.kind == "dots"].detail
    shown = (rows.kind == "layer").sum()
    assert shown + (int(left_out.iloc[0]) if len(left_out) else 0) == len(widths) + 2


def test_a_skip_connection_is_drawn() -> None:
    rows = network_rows(Experiment().set({"model.hidden": [8, 8, 4], "model.residual": True}))
    assert (rows.kind == "skip").sum() == 1  # only where the widths agree


def test_names_stand_beside_units_only_where_there_is_one_for_each() -> None:
    names = network_rows(presets["celsius"], feature_names=("°C",), class_names=("too", "many"))
    assert list(names[names.kind == "name"].text) == ["°C"]


def test_clicks_select_a_layer_and_a_unit() -> None:
    (selection,) = network(1.0, selectable=True)["params"]
    assert (selection["name"], selection["select"]["fields"]) == ("node", ["layer", "unit"])
    assert "params" not in network(1.0)


# -- weights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("largest", "limit"), [(0, 1), (0.1, 0.1), (0.11, 0.2), (0.3, 0.5), (0.51, 1), (3, 5), (7, 10), (1e-9, 1e-9)]
)
def test_a_nice_limit_is_one_two_or_five_times_a_power_of_ten(largest: float, limit: float) -> None:
    assert nice_limit([0.0, -largest]) == limit


def test_a_nice_limit_ignores_what_is_not_a_number() -> None:
    assert nice_limit([np.nan, np.inf, 0.4]) == 0.5
    assert nice_limit([]) == 1.0


def test_a_small_matrix_keeps_every_cell() -> None:
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    rows = weights_rows(matrix)
    assert list(rows.weight) == [1, 2, 3, 4, 5, 6]
    assert list(zip(rows.input, rows.output, strict=True)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert (rows.input_end - rows.input == 1).all()


def test_a_large_matrix_is_cut_into_blocks_and_a_cell_is_their_mean() -> None:
    rows = weights_rows(np.arange(12.0).reshape(6, 2), max_cells=4)
    assert list(zip(rows.input, rows.input_end, rows.output, rows.weight, strict=True)) == [
        *((0, 3, 0, 2.0), (0, 3, 1, 3.0)),
        *((3, 6, 0, 8.0), (3, 6, 1, 9.0)),
    ]


@given(st.integers(1, 900), st.integers(1, 300), st.integers(1, 500))
def test_blocks_cover_a_matrix_once_and_are_never_too_many(rows: int, columns: int, most: int) -> None:
    cells = weights_rows(np.ones((rows, columns)), max_cells=most)
    assert len(cells) <= most
    assert ((cells.input_end - cells.input) * (cells.output_end - cells.output)).sum() == rows * columns
    assert (cells.weight == 1).all()


def test_a_bias_vector_is_a_matrix_of_one_line() -> None:
    assert list(weights_rows([1.0, 2.0]).output) == [0, 1]


def test_a_histogram_is_symmetric_and_counts_everything_once() -> None:
    rows = histogram_rows([-3.0, -0.5, 0.5, 0.6, np.nan], limit=1.0, bins=4)
    assert list(rows.low) == [-1, -0.5, 0, 0.5]
    assert list(rows["count"]) == [1, 1, 0, 2]  # what lies beyond is in the outermost bar


def pixels_of(url: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Image.open(BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,")))))


def test_weights_as_a_picture_are_clear_at_zero_blue_below_and_orange_above() -> None:
    below, zero, above = pixels_of(weights_url([[-1.0, 0.0, 0.5]], limit=1.0))[0]
    assert (below[3], zero[3], above[3]) == (255, 0, 128)
    assert below[2] > below[0]
    assert above[0] > above[2]


def test_a_picture_is_ink_on_paper_whatever_its_range() -> None:
    for full in (1.0, 16.0, 255.0):
        paper, ink = pixels_of(picture_url([[0.0, full]], full))[0]
        assert paper.min() > 240
        assert ink.max() < 60


def test_filters_are_one_picture_a_unit() -> None:
    rows = filter_rows(np.eye(4)[:, :3], (2, 2), limit=1.0, columns=2)
    assert list(zip(rows.row, rows.column, rows.text, strict=True)) == [(0, 0, "1"), (0, 1, "2"), (1, 0, "3")]
    assert pixels_of(rows.url[2])[..., 3].tolist() == [[0, 0], [255, 0]]


# -- data and results --------------------------------------------------------------------------------------------------


def test_cells_of_a_surface_fill_its_plane_and_carry_the_points_with_them() -> None:
    experiment = Experiment()
    dataset = load_dataset(experiment.data)
    plane = Plane.of(dataset, size=12)
    cells = predictions.surface(experiment, stacked_weights(experiment, (0,)), dataset, size=12)
    rows = surface_rows(cells, point_rows(dataset))
    drawn = rows[rows.kind == "cell"]
    area = (plane.x[1] - plane.x[0]) * (plane.y[1] - plane.y[0])
    assert len(drawn) * plane.cell**2 == pytest.approx(area, rel=1e-6)
    assert drawn.sure.to_numpy() == pytest.approx(np.abs(2 * drawn["value"].to_numpy() - 1), abs=1e-5)
    assert dict(rows[rows.kind == "point"].part.value_counts()) == dict(
        zip(("train", "validation", "test"), experiment.data.sizes, strict=True)
    )


def test_with_many_classes_an_even_guess_is_not_sure_at_all() -> None:
    cells = pd.DataFrame({"x": [0, 1], "y": [0, 1], "value": [0.25, 1.0], "label": [0, 1]})
    assert list(surface_rows(cells, classes=4).sure) == [0, 1]


def test_class_balance_counts_every_sample_once() -> None:
    dataset = load_dataset("digits")
    rows = balance_rows(dataset)
    assert rows.samples.sum() == len(dataset.train) + len(dataset.validation) + len(dataset.test)
    assert len(rows) == 30


def test_a_mistaken_picture_has_a_cross_and_both_names() -> None:
    rows = picture_rows([np.eye(2)] * 3, ["3", "5", "7"], ["3", "8", "7"], [0.9, 0.6, 1.0], columns=2)
    assert list(rows.text) == ["✓ 3", "✗ 5 → 8", "✓ 7"]
    assert list(rows.wrong) == [False, True, False]
    assert list(zip(rows.row, rows.column, strict=True)) == [(0, 0), (0, 1), (1, 0)]


def test_the_line_and_its_points_are_one_set_of_rows() -> None:
    line = pd.DataFrame({"x": [0.0, 1.0], "value": [32.0, 33.8], "low": [31.0, 33.0], "high": [33.0, 34.0]})
    rows = fit_rows(line, load_dataset("celsius"))
    assert list(rows.kind) == ["line"] * 2 + ["point"] * 7
    assert rows[rows.kind == "point"]["value"].max() == 100


def test_a_comparison_becomes_a_row_a_value_and_part_without_empty_parts() -> None:
    table = pd.DataFrame({"depth": ["1", "2"], "parameters": [9, 17], "seeds": [3, 3]})
    for part, score in (("train", 0.9), ("validation", 0.8), ("test", np.nan)):
        table[f"{part}_accuracy"] = score
        table[f"{part}_accuracy_low"], table[f"{part}_accuracy_high"] = score - 0.1, score + 0.1
    rows = capacity_rows(table, "depth")
    assert list(zip(rows.value, rows.part, strict=True)) == [
        *(("1", "train"), ("2", "train")),
        *(("1", "validation"), ("2", "validation")),
    ]


def test_an_interval_is_drawn_up_to_100_percent_and_told_whole() -> None:
    spec = capacity(("1", "2"), test=False)
    own = {"part": "train", "parameters": 9, "seeds": 3}
    rows = pd.DataFrame([{"value": v, "score": 0.8, "low": 0.4, "high": 1.2, **own} for v in ("1", "2")])
    told = {**spec, "config": {**spec["config"], "aria": True, "mark": {"aria": True}}}  # the SVG holds the tooltips
    svg, _, words = drawn(told, rows, 340)
    assert "100%" in words or "100\u00a0%" in words
    assert not [word for word in words if word.startswith(("110", "120"))]
    assert "40.0\u00a0% – 120.0\u00a0%" in svg


def test_the_axis_of_a_comparison_is_complete_before_its_first_result() -> None:
    (scale,) = [one for one in scales(capacity(VALUES), "x") if "domain" in one]
    assert scale["domain"] == list(VALUES)


def test_a_confusion_matrix_is_shared_out_by_what_a_sample_is() -> None:
    rows = confusion_rows([[3, 1], [0, 0]], ("cat", "dog"))
    assert list(rows.share) == [0.75, 0.25, 0, 0]
    assert list(zip(rows["class"], rows.predicted, strict=True))[1] == ("cat", "dog")


def test_a_range_test_is_drawn_with_the_rate_it_suggests_and_the_present_one() -> None:
    losses = np.array(
        [[1.0, 1.2]] * 40 + [[0.9, 1.0], [0.5, 0.6], [0.2, 0.3], [0.2, 0.3], [0.2, 0.3]] + [[9.0, np.inf]]
    )
    test = RangeTest(Experiment(), (0, 1), np.geomspace(1e-6, 1e-2, len(losses)), losses)
    rows = range_test_rows(test, present=200.0)
    steps, marks = rows[rows["mark"].isna()], rows[rows["mark"].notna()].set_index("mark")
    assert_allclose(steps["rate"], test.rates)
    assert np.isfinite(steps[["loss", "low", "high"]].to_numpy(float)).all()
    assert_allclose(steps[["low", "high"]].iloc[0], [1.0, 1.2])
    assert steps["high"].max() <= 4 * 1.1
    assert marks.loc["suggested", "rate"] == test.suggested
    assert marks.loc["present", "rate"] == 10  # at the edge of the chart
    assert "suggested" not in set(range_test_rows(made_flat(test), 0.01)["mark"])


def made_flat(test: RangeTest) -> RangeTest:
    return RangeTest(test.experiment, test.seeds, test.rates, np.ones_like(test.losses))
