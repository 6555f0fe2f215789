"""Numbers as people type them are read as they are meant, or refused with words; never as another number."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nnlab.spec.errors import SpecError
from nnlab.ui.compare.knobs import parsed, split_typed
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shared.typed_numbers import read_number
from nnlab.ui.shell.text import LANGUAGES, text


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("0,03", 0.03),
        ("0.03", 0.03),
        (",5", 0.5),
        ("5.", 5),
        (" 1e3 ", 1000),
        ("1,5e-3", 0.0015),
        ("−2", -2),
        ("+4", 4),
        ("1,000", 1),
    ],
)
def test_a_comma_is_a_decimal_mark_as_a_point_is(typed, value):
    assert read_number(typed) == value


@pytest.mark.parametrize(("typed", "value"), [("1e3", 1000), ("1,5E3", 1500), ("60000", 60000), ("-3", -3)])
def test_whole_numbers_may_have_an_exponent(typed, value):
    assert read_number(typed, whole=True) == value
    assert isinstance(read_number(typed, whole=True), int)


@pytest.mark.parametrize("typed", ["1.000,5", "1,000.5", "1.000.000", "1 000", "1’000", "1,2,3"])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_thousands_separators_are_refused_with_words(typed, whole, language):
    with pytest.raises(SpecError) as refused:
        read_number(typed, "train.lr", whole=whole)
    assert "1000" in problem_text(refused.value.problems[0], text(language))


@pytest.mark.parametrize("typed", ["1.000", "1,000", "2.5", "0,5"])
def test_a_whole_number_is_not_guessed_from_a_separator(typed):
    with pytest.raises(SpecError, match="without separators"):
        read_number(typed, whole=True)


@pytest.mark.parametrize(
    "typed", ["", " ", "x", "1e", "e3", "--1", "nan", "inf", "1e999", "1_000", "٣", "0x10", "1/2", "5 %"]
)
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_no_number_is_refused_as_it_was_typed(typed, whole):
    with pytest.raises(SpecError) as refused:
        read_number(typed, "train.lr", whole=whole)
    assert (refused.value.problems[0].field, refused.value.problems[0].got) == ("train.lr", typed)


@given(st.floats(-1e15, 1e15).map(lambda value: float(f"{value:.10g}")), st.sampled_from(list(LANGUAGES)))
@example(1e-7, "es")
@example(1234567.5, "es")
def test_a_number_shown_in_a_field_is_read_back_as_itself(value, language):
    assert read_number(text(language).plain(value)) == value


@given(st.integers(-(10**11), 10**11), st.sampled_from(list(LANGUAGES)))
def test_a_whole_number_shown_in_a_field_is_read_back_as_itself(value, language):
    assert read_number(text(language).plain(value), whole=True) == value


@given(st.text(alphabet="0123456789.,e+-− ", max_size=8) | st.text(max_size=6), st.booleans())
def test_any_text_is_a_finite_number_or_refused(typed, whole):
    try:
        value = read_number(typed, whole=whole)
    except SpecError as refused:
        problem_text(refused.problems[0], text("es"))
    else:
        assert math.isfinite(value)
        assert isinstance(value, int) or not whole


@pytest.mark.parametrize(
    ("knob", "typed", "values"),
    [
        ("lr", ["0,01; 0,1"], [0.01, 0.1]),
        ("lr", ["0,01 0,1"], [0.01, 0.1]),
        ("lr", ["0,01, 0,1"], [0.01, 0.1]),
        ("lr", ["0.01,0.1"], [0.01, 0.1]),
        ("lr", ["0.1", "0,01", "1e-3"], [0.001, 0.01, 0.1]),
        ("noise", ["0,5"], [0.5]),
        ("depth", ["1,2,4"], [1, 2, 4]),
        ("depth", ["4; 2 1"], [1, 2, 4]),
        ("epochs", ["1e3", "50"], [50, 1000]),
    ],
)
def test_a_list_of_values_is_read_as_it_is_meant(knob, typed, values):
    assert parsed(split_typed(typed, knob), knob) == values


@pytest.mark.parametrize(
    ("knob", "typed"),
    [
        ("lr", "0,01,0,1"),
        ("epochs", "1.000"),
        ("n_samples", "1,000"),
        ("lr", "1.000,5"),
        ("lr", "fast"),
        ("depth", "1.5"),
    ],
)
def test_a_value_in_doubt_stays_as_typed_and_is_refused(knob, typed):
    values = split_typed([typed], knob)
    assert values == (typed,)
    with pytest.raises(SpecError):
        parsed(values, knob)
