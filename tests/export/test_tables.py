"""Tables read back with pandas, in both dialects of CSV, and in Markdown."""

from __future__ import annotations

import io
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.export.tables import comparison_file, csv_blocks, csv_text, markdown_table
from nnlab.spec import Comparison, Experiment

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
FRAMES = st.integers(1, 5).flatmap(
    lambda n: st.builds(
        lambda text, floats, ints, flags: pd.DataFrame(
            {"text": text, "a number": floats, "whole": ints, "flag": flags, 'comma, and ; and "': floats}
        ),
        st.lists(TEXT, min_size=n, max_size=n),
        st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=n, max_size=n),
        st.lists(st.integers(-(2**53), 2**53), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


@settings(max_examples=40)
@given(FRAMES, st.booleans())
def test_any_table_reads_back_with_pandas_in_both_dialects(frame, spanish):
    content = csv_text(frame, spanish)
    dialect = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"} if spanish else {}
    text = {"dtype": {"text": str}, "na_values": {"a number": [""]}, "keep_default_na": False}
    columns = {name: [""] for name in frame.columns if frame[name].dtype == float}
    read = pd.read_csv(io.BytesIO(content), **dialect, **(text | {"na_values": columns}), float_precision="round_trip")
    kept = [re.fullmatch('="(.*)"', t) if spanish and t not in frame["text"].values else None for t in read["text"]]
    read["text"] = [m[1].replace('""', '"') if m else t for m, t in zip(kept, read["text"], strict=True)]
    want = frame.assign(text=[f"'{t}" if t[:1] in ("=", "+", "-", "@", "\t", "\r") else t for t in frame["text"]])
    pd.testing.assert_frame_equal(read, want, check_dtype=False, check_exact=True)


def test_the_two_dialects_byte_by_byte():
    frame = pd.DataFrame({"knob": ["a;b", "ñ"], "score": [0.5, math.nan], "seeds": [1, 2]})
    assert csv_text(frame) == "knob,score,seeds\r\na;b,0.5,1\r\nñ,,2\r\n".encode()
    assert csv_text(frame, spanish=True) == b"\xef\xbb\xbf" + 'knob;score;seeds\r\n"a;b";0,5;1\r\nñ;;2\r\n'.encode()


def test_text_that_looks_like_a_formula_is_no_formula():
    frame = pd.DataFrame({"=name": ["=1+1", "+1", "-1", "@a", "\tb", "a=b"], "number": [-1.0] * 6})
    lines = csv_text(frame).decode().split("\r\n")
    assert lines[0] == "'=name,number"
    assert [line.split(",")[0] for line in lines[1:-1]] == ["'=1+1", "'+1", "'-1", "'@a", "'\tb", "a=b"]
    assert all(line.endswith(",-1.0") for line in lines[1:-1])


def test_numbers_among_text_get_their_decimal_comma_too():
    frame = pd.DataFrame({"value": ["relu", 0.5, 3, None], "n": range(4)}, dtype=object)
    lines = csv_text(frame, spanish=True).decode("utf-8-sig").split("\r\n")
    assert lines[1:-1] == ["relu;0", "0,5;1", "3;2", ";3"]


def test_columns_of_the_same_name_all_stay():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert csv_text(frame) == b"a,a\r\n1,2\r\n"


def test_markdown_lines_up_numbers_and_escapes_bars():
    frame = pd.DataFrame({"na|me": ["a|b", "c\nd"], "score": [0.96099996, math.nan]})
    assert markdown_table(frame) == ("| na\\|me | score |\n| --- | ---: |\n| a\\|b | 0.961 |\n| c d |  |\n")


@pytest.mark.parametrize("text", ["8-8-4", "1/2", "mar-3", "1e5", "007", "16-8"])
def test_excel_makes_no_date_or_number_of_text(text):
    frame = pd.DataFrame({"hidden": [text], "n": [1]})
    assert csv_text(frame, spanish=True).decode("utf-8-sig").split("\r\n")[1] == f'"=""{text}""";1'
    assert csv_text(frame).decode().split("\r\n")[1] == f"{text},1"  # a program reads what it is
    whole = pd.DataFrame({"input": ["1", "784"]})
    assert csv_text(whole, spanish=True).decode("utf-8-sig") == "input\r\n1\r\n784\r\n"


def test_in_excel_no_text_is_a_formula():
    frame = pd.DataFrame({"=name": ["=1+1", "+1", "-1", "@a", 'a" & 1', "relu"]})
    lines = csv_text(frame, spanish=True).decode("utf-8-sig").split("\r\n")
    assert lines == ["'=name", "'=1+1", "'+1", "'-1", "'@a", '"=""a"""" & 1"""', "relu", ""]


@given(st.integers(1, 4), st.booleans())
def test_blocks_joined_are_the_whole_table(size, spanish):
    numbers = pd.array([1, None, 3, 4, 5, 6, 7], dtype="Int64")
    frame = pd.DataFrame({"knob": list("abc1=fg"), "loss": np.geomspace(1e-9, 1, 7), "best": numbers})
    blocks = csv_blocks((frame[i : i + size] for i in range(0, 7, size)), spanish)
    assert b"".join(blocks) == csv_text(frame, spanish)


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_a_comparison_file_keeps_every_digit(values):
    table = pd.DataFrame({"lr": values, "best_epoch": pd.array([None] * len(values), dtype="Int64"), "verdict": "fits"})
    rows = json.loads(comparison_file(Comparison(Experiment(), vary="lr", values=[1e-7, 0.1]), table))["table"]
    assert [row["lr"] for row in rows] == [value if math.isfinite(value) else None for value in values]
    assert {row["best_epoch"] for row in rows} == {None}
