"""Charts as files: valid SVG and PNG in the light theme, with the words and numbers of the language."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nnlab.charts import colours
from nnlab.charts.base import WIDTH, Labels, on_paper
from nnlab.charts.curves import curves
from nnlab.charts.pictures import filter_rows, filters, weights_heatmap, weights_rows
from nnlab.export import chart_file as module
from nnlab.export.chart_file import chart_file
from nnlab.ui.shell.text import text

LANGUAGES = ("es", "en")
SVG = "{http://www.w3.org/2000/svg}"


def words_of(language: str) -> Labels:
    return Labels(language, text(language))


def curve_rows(n: int = 20) -> pd.DataFrame:
    epoch = np.arange(1, n + 1)
    columns = {
        f"{part}_loss{end}": np.exp(-epoch / 8) * factor + more
        for part, more in (("train", 0), ("validation", 0.1))
        for end, factor in (("", 1), ("_low", 0.9), ("_high", 1.1))
    }
    return pd.DataFrame({"epoch": epoch, **columns})


def texts(svg: bytes) -> list[str]:
    """Every text of a picture."""
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_svg_holds_the_axes_in_the_language_and_its_numbers(language: str) -> None:
    words = words_of(language)
    found = texts(chart_file(curves("loss", labels=words), curve_rows(), "svg"))
    assert {words("epoch"), words("loss"), words("training"), words("validation")} <= set(found)
    assert ("0,4" if language == "es" else "0.4") in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_heat_map_holds_its_axes_too(language: str) -> None:
    words = words_of(language)
    matrix = np.linspace(-1, 1, 12).reshape(4, 3)
    found = texts(chart_file(weights_heatmap(4, 3, 1.0, labels=words), weights_rows(matrix), "svg"))
    assert {words("input"), words("unit")} <= set(found)


def test_a_png_has_two_pixels_a_point_and_text_in_it() -> None:
    spec = curves("loss")
    picture = chart_file(spec, curve_rows(), "png")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture[16:24]) == (2 * WIDTH, 2 * spec["height"])
    unnamed = {**spec, "config": {"font": "1 no family", **spec["config"]}}
    assert len(picture) > 1.2 * len(chart_file(unnamed, curve_rows(), "png"))  # a font that cannot be: words are lost


def test_colours_are_those_of_the_light_theme() -> None:
    svg = chart_file(curves("loss"), curve_rows(), "svg").decode().lower()
    light, dark = colours.ROLE_INK["train"].to_dict()["expr"].split("'")[1:4:2]
    assert light.lower() in svg
    assert dark.lower() not in svg
    assert colours.TRAIN.lower() in svg


@pytest.mark.parametrize("make", [lambda f: f, pa.Table.from_pandas, lambda f: f.to_dict("records")])
def test_rows_may_come_as_the_pages_have_them(make: Any) -> None:
    frame = curve_rows(3)
    frame.loc[1, "train_loss"] = np.nan
    values = on_paper(curves("loss"), make(frame))["data"]["values"]
    assert [one["epoch"] for one in values] == [1, 2, 3]
    assert values[1]["train_loss"] is None
    assert values[2]["train_loss"] == pytest.approx(frame["train_loss"][2], rel=1e-12)


def test_a_chart_of_pictures_has_its_pictures() -> None:
    rows = filter_rows(np.eye(16)[:, :4], (4, 4))
    svg = chart_file(filters(4, 1), rows, "svg").decode()
    assert svg.count("<image") == 4
    assert "data:image/png;base64" in svg


def test_a_constant_spec_is_left_as_it_is() -> None:
    spec = curves("loss")
    before = repr(spec)
    on_paper(spec, curve_rows())
    assert repr(spec) == before


def test_what_cannot_be_drawn_is_one_error() -> None:
    with pytest.raises(RuntimeError, match="could not be drawn"):
        chart_file({"mark": "no such mark", "encoding": 7}, curve_rows(), "svg")


def test_a_chart_that_takes_too_long_is_one_error_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text("while True: pass")
    with monkeypatch.context() as patch:
        patch.setattr(module, "_RENDER", endless)
        patch.setattr(module, "DRAWS", 0.2)
        with pytest.raises(RuntimeError, match="took more than"):
            chart_file(curves("loss"), curve_rows(3), "svg")
    assert not module._drawing.locked()
    with module._drawing, monkeypatch.context() as patch:
        patch.setattr(module, "WAITS", 0.0)
        with pytest.raises(RuntimeError, match="others are being drawn"):
            chart_file(curves("loss"), curve_rows(3), "svg")


def test_a_chart_is_drawn_in_a_process_of_its_own() -> None:
    code = (
        "import sys, pandas; from nnlab.charts.curves import sparkline; from nnlab.export.chart_file import chart_file;"
        "chart_file(sparkline(), pandas.DataFrame({'epoch': [1]}), 'svg'); print('vl_convert' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
