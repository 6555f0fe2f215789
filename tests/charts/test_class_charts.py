"""The charts of a class: rows without names unless asked for, specs that stay the same."""

import numpy as np
import pytest

from nnlab import Experiment
from nnlab.analysis.statistics import Interval
from nnlab.charts.base import ENGLISH
from nnlab.charts.classroom import (
    class_rows,
    class_scores,
    guess_rows,
    number_rows,
    text_rows,
)
from nnlab.classroom.results import BestTry, ClassResults, Setting

SCORES = np.linspace(0.8, 0.9, 11)


@pytest.fixture
def found():
    settings = tuple(
        Setting((depth,), Experiment(), ("p1", "p2"), SCORES + depth / 100, 0, Interval(0.85, 0.84, 0.86))
        for depth in (1, 2)
    )
    best = {"p1": BestTry("run", 1, 0.91, 3), "p2": BestTry("run", 0, 0.88, 1)}
    return ClassResults(("depth",), settings, 1, best_tries=best)


def test_a_row_a_setting_and_one_a_best_try(found):
    rows = class_rows(found, [0, 1], {"p1": "halcón", "p2": "mirlo"})
    assert list(rows["kind"]) == ["setting", "setting", "best", "best"]
    assert rows["q50"][0] == pytest.approx(0.86)
    assert list(rows["student"][2:]) == ["mirlo", "halcón"]
    assert list(rows["row"]) == [0, 1, 0, 1]


def test_without_names_no_row_says_whose_it_is(found):
    rows = class_rows(found, [0, 1])
    assert set(rows["student"].dropna()) == {""}
    assert "p1" not in rows.to_csv()


def test_settings_that_are_not_shown_have_no_rows(found):
    rows = class_rows(found, [1])
    assert list(rows["row"]) == [0, 0]
    assert list(rows["score"].dropna()) == [0.91]


def test_names_of_students_stand_in_no_tooltip_of_the_projector():
    assert "student" in str(class_scores(("depth 1",), "setting", named=True, labels=ENGLISH)).replace("students", "")
    assert "student" not in str(class_scores(("depth 1",), "setting", large=True)).replace("students", "")


def test_rows_of_the_small_charts():
    assert guess_rows({"1": 0, "2": 3}).to_dict("list") == {"row": [0, 1], "count": [0, 3], "end": [5, 5]}
    assert guess_rows({"1": 9, "2": 3})["end"].tolist() == [9, 9]
    assert number_rows(["3 / 5", "2"])["number"].tolist() == ["3 / 5", "2"]
    assert text_rows("AB-CD")["text"].tolist() == ["AB-CD"]
