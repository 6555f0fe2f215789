"""Tables read back with pandas, in both dialects of CSV, and in Markdown."""

from __future__ import annotations

import io
import math

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from nnlab.export.tables import csv_text, markdown_table

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


@given(FRAMES, st.booleans())
def test_any_table_reads_back_with_pandas_in_both_dialects(frame, spanish):
    content = csv_text(frame, spanish)
    dialect = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"} if spanish else {}
    text = {"dtype": {"text": str}, "na_values": {"a number": [""]}, "keep_default_na": False}
    columns = {name: [""] for name in frame.columns if frame[name].dtype == float}
    read = pd.read_csv(io.BytesIO(content), **dialect, **(text | {"na_values": columns}), float_precision="round_trip")
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
