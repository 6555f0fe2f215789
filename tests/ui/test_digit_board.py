"""A drawing becomes a sample like the digits of the data, compared with closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.datasets import load_dataset
from nnlab.datasets.base import Dataset, Part, Scaling
from nnlab.ui.inspect.digit_board import SIDE, as_sample, from_hex


def data_of(height: int, width: int) -> Dataset:
    """A data set of pictures, of which only the size matters."""
    part = Part(np.zeros((0, height * width), np.uint8), np.zeros(0, np.int64))
    scaling = Scaling(np.zeros(1, np.float32), np.ones(1, np.float32))
    return Dataset("mnist", "classes", part, part, part, scaling, (), (), "digit", (height, width))


MNIST_LIKE, DIGITS_LIKE = data_of(28, 28), data_of(8, 8)


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    drawing = np.zeros((SIDE, SIDE), np.uint8)
    drawing[top : top + height, left : left + width] = 255
    return drawing


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 20), (16, 46)])
def test_a_bar_anywhere_becomes_a_bar_of_twenty_pixels_in_the_middle(top, left):
    picture = as_sample(rectangle(top, left, 40, 10), MNIST_LIKE).reshape(28, 28)
    expected = np.zeros((28, 28))
    expected[4:24, 11:16] = 255  # 40×10 halved, centred: 5 columns leave 23, of which the left half is rounded
    rows, columns = np.flatnonzero(picture.max(axis=1)), np.flatnonzero(picture.max(axis=0))
    assert (rows[0], rows[-1]) == (4, 23)
    assert columns[-1] - columns[0] == 4
    assert abs(columns.mean() - 13.5) <= 0.5
    assert picture.sum() == expected.sum()


@given(st.integers(1, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_centre_of_mass_is_in_the_middle_and_the_ink_fills_its_box(seed):
    rng = np.random.default_rng(seed)
    drawing = np.zeros((SIDE, SIDE), np.uint8)
    height, width = rng.integers(20, SIDE + 1, 2)
    top, left = rng.integers(0, SIDE - height + 1), rng.integers(0, SIDE - width + 1)
    drawing[top : top + height, left : left + width] = rng.integers(1, 256, (height, width))
    picture = as_sample(drawing, MNIST_LIKE).reshape(28, 28).astype(float)
    for axis in (0, 1):
        mass = picture.sum(axis=1 - axis)
        assert abs(np.average(np.arange(28), weights=mass) - 13.5) <= 0.51
    box = [np.ptp(np.flatnonzero(picture.max(axis=1 - axis))) + 1 for axis in (0, 1)]
    assert max(box) == 20


def test_ink_leaning_to_a_side_is_moved_by_its_mass_but_never_cut():
    drawing = rectangle(0, 0, 40, 40)
    drawing[:, 4:40] = (drawing[:, 4:40] > 0) * 8  # a heavy left edge and a faint field
    picture = as_sample(drawing, MNIST_LIKE).reshape(28, 28)
    mass = np.average(np.arange(28), weights=picture.sum(axis=0))
    columns = np.flatnonzero(picture.max(axis=0))
    assert columns[0] > 4, "moved to the right of where its box alone would put it"
    assert abs(mass - 13.5) <= 0.51 or columns[-1] == 27
    assert columns[-1] - columns[0] == 19


def test_small_digits_fill_their_height_and_have_sixteen_steps():
    picture = as_sample(rectangle(10, 10, 32, 16), DIGITS_LIKE).reshape(8, 8)
    expected = np.zeros((8, 8))
    expected[:, 2:6] = 16
    np.testing.assert_array_equal(picture, expected)


def test_a_single_dot_is_a_sample_too():
    for data in (MNIST_LIKE, DIGITS_LIKE):
        sample = as_sample(rectangle(55, 0, 1, 1), data)
        assert sample.dtype == np.float32
        assert np.isfinite(sample).all()
        assert sample.max() > 0


def test_a_sample_has_the_shape_and_range_of_the_data():
    digits = load_dataset("digits")
    sample = as_sample(rectangle(5, 5, 40, 30), digits)
    assert sample.shape == digits.train.x[0].shape
    assert (sample.min(), sample.max()) == (0, digits.train.x.max())


def test_the_faintest_ink_is_not_lost():
    drawing = np.zeros((SIDE, SIDE), np.uint8)
    drawing[0, 0] = drawing[-1, -1] = 1
    assert np.isfinite(as_sample(drawing, MNIST_LIKE)).all()


def test_a_thin_line_keeps_a_pixel_of_width():
    for data in (MNIST_LIKE, DIGITS_LIKE):
        picture = as_sample(rectangle(0, 5, SIDE, 1), data).reshape(data.image_shape)
        assert (picture.max(axis=0) > 0).sum() == 1


def test_what_the_browser_sends_is_read_back():
    ink = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    np.testing.assert_array_equal(from_hex(ink.tobytes().hex()), ink)


@pytest.mark.parametrize("text", ["", "00" * SIDE * SIDE, "ff", "xyz", "0", "ff" * (SIDE * SIDE + 1), "ñ" * 20, "\0"])
def test_anything_else_is_no_drawing(text):
    assert from_hex(text) is None


@given(st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_no_text_breaks_the_board(text):
    assert from_hex(text) is None
