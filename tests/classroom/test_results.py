"""The class as one experiment: what is pooled, what takes part, who is best."""

import math

import numpy as np
import pytest

from nnlab import Experiment
from nnlab.analysis.scores import _packed
from nnlab.classroom.results import class_results, guess_counts
from nnlab.classroom.settings import varied_knobs
from nnlab.classroom.trainings import Training

BASE = Experiment().set({"data.per_seed": "samples", "model.hidden": [8]})
RNG = np.random.default_rng(0)


def training(student, depth=1, mean=0.9, n=5, **other):
    """A finished training of the n-th student, under the student's own seeds."""
    scores = np.clip(mean + 0.03 * RNG.normal(size=n), 0, 1).tolist()
    results = {part: {"accuracy": scores, "loss": [0.3] * n} for part in ("train", "validation")}
    experiment = other.pop("experiment", BASE.vary("depth", depth))
    values = {"state": "finished", "results": results, "extended": False, **other}
    return Training(
        f"p{student}", f"run-{student}-{depth}", experiment, tuple(range(n * student, n * student + n)), **values
    )


def test_equal_settings_of_all_students_are_one_over_all_their_seeds():
    given = [training(i, depth, 0.8 + 0.05 * depth) for i in range(6) for depth in (1, 2)]
    found = class_results(given)
    assert found.knobs == ("depth",)
    assert [one.values for one in found.settings] == [(1,), (2,)]
    assert [one.seeds for one in found.settings] == [30, 30]
    assert [len(one.students) for one in found.settings] == [6, 6]
    assert found.best == 1
    assert found.rivals == ()
    for one in found.settings:
        assert one.interval.mean == pytest.approx(one.scores.mean())
        assert one.interval.low < one.scores.mean() < one.interval.high
        assert list(one.quantiles) == sorted(one.quantiles)


def test_the_same_setting_tried_twice_counts_once_with_the_training_that_counts():
    stopped = training(0, 1, state="stopped")
    for given in ([stopped, training(0, 1), training(0, 1)], [training(0, 1), stopped]):
        found = class_results([*given, training(1, 1)])
        assert [one.seeds for one in found.settings] == [10]
        assert not found.left_out
    assert found.best_tries["p0"].among == 1


@pytest.mark.parametrize(
    ("other", "outcome"),
    [
        ({"state": "running", "results": None}, "unfinished"),
        ({"state": "waiting", "results": None}, "unfinished"),
        ({"state": "stopped"}, "stopped"),
        ({"state": "paused", "results": None}, "stopped"),
        ({"state": "failed", "results": None}, "failed"),
        ({"extended": True}, "longer"),
    ],
)
def test_what_did_not_train_as_it_was_handed_in_takes_no_part_and_is_counted(other, outcome):
    found = class_results([training(0, 1), training(1, 2, **other)])
    assert [one.values for one in found.settings] == [()]  # depth 1 alone
    assert found.left_out == {outcome: 1}
    assert set(found.best_tries) == {"p0"}


def test_a_setting_that_diverged_for_somebody_is_shown_and_not_compared():
    lost = {"accuracy": [0.5] * 5, "loss": [None] * 5}
    wild = training(3, 2, results={"train": lost, "validation": lost})
    found = class_results([*(training(i, depth) for i in range(3) for depth in (1, 2)), wild])
    assert found.left_out == {"diverged": 1}
    two = found.settings[1]
    assert (two.seeds, two.diverged) == (15, 1)
    assert found.judged == (0,)
    assert math.isnan(two.interval.mean)
    assert class_results([wild]).settings[0].seeds == 0
    assert set(class_results([wild]).best_tries) == set()


def test_two_seeds_say_too_little():
    found = class_results([training(0, 1), training(0, 2, n=2)])
    assert found.judged == (0,)
    assert found.best == 0


def test_unequal_numbers_of_students_are_no_hindrance():
    given = [*(training(i, 1, 0.8) for i in range(12)), *(training(i, 2, 0.95) for i in range(3))]
    found = class_results(given)
    assert [one.seeds for one in found.settings] == [60, 15]
    assert found.best == 1
    assert found.settings[0].difference.distinct
    assert found.settings[0].difference.mean < 0


def test_nothing_is_claimed_where_students_varied_what_scores_are_measured_on():
    other = BASE.set({"data.name": "circles"})
    found = class_results([training(0), training(1, experiment=other)])
    assert not found.comparable
    assert found.best is None
    assert found.judged == ()
    assert len(found.settings) == 2


def test_the_best_try_of_a_student_says_of_how_many():
    found = class_results([training(0, 1, 0.7), training(0, 2, 0.9), training(0, 3, 0.8), training(1, 1, 0.75)])
    best = found.best_tries["p0"]
    assert (best.item, best.among) == ("run-0-2", 3)
    assert found.settings[best.place].values == (2,)
    assert best.score == pytest.approx(0.9, abs=0.05)
    assert found.best_tries["p1"].among == 1


def test_of_squared_errors_the_lowest_is_best():
    def error(student, rate, value):
        one = Experiment().set({"data.name": "celsius", "train.lr": rate})
        results = {part: {"mse": [value, 1.1 * value, value], "loss": [value] * 3} for part in ("train", "validation")}
        return training(student, n=3, experiment=one, results=results)

    found = class_results([error(i, rate, value) for i in range(3) for rate, value in ((0.01, 9.0), (0.1, 2.0))])
    assert found.score == "mse"
    assert found.settings[found.best].values == (0.1,)
    assert found.best_tries["p0"].score == pytest.approx(2.067, abs=0.01)


def test_before_the_first_result_there_is_nothing():
    assert class_results([]).settings == ()
    found = class_results([training(0, state="running", results=None)])
    assert found.settings == ()
    assert found.left_out == {"unfinished": 1}


@pytest.mark.parametrize(
    ("changes", "knobs"),
    [
        ([{"model.hidden": [8]}, {"model.hidden": [8, 8]}], ("depth",)),
        ([{"model.hidden": [4]}, {"model.hidden": [8]}], ("width",)),
        ([{"model.hidden": [4]}, {"model.hidden": [8, 8]}], ("model.hidden",)),
        ([{"train.lr": 0.1}, {"train.lr": 0.2, "model.activation": "tanh"}], ("model.activation", "train.lr")),
        ([{}, {}], ()),
    ],
)
def test_what_was_varied_are_the_fields_that_differ(changes, knobs):
    assert varied_knobs([BASE.set(one) for one in changes]) == knobs


def test_guesses_are_counted_for_every_choice():
    assert guess_counts(["1", "2", "4"], ["2", None, "2", "4"]) == {"1": 0, "2": 2, "4": 1}


def test_what_a_single_student_has_tried_is_not_compared_with_what_others_share():
    given = [*(training(i, depth, 0.85) for i in range(4) for depth in (1, 2)), training(4, 3, 0.99)]
    found = class_results(given)
    assert [one.values for one in found.settings] == [(1,), (2,), (3,)]
    assert found.judged == (0, 1)
    assert found.alone == (2,)
    assert found.best in (0, 1)
    assert found.best_tries["p4"].place == 2


def test_where_everybody_tried_something_else_all_are_compared():
    found = class_results([training(i, i + 1, 0.7 + 0.05 * i) for i in range(4)])
    assert found.judged == (0, 1, 2, 3)
    assert found.alone == ()
    assert found.best == 3


def test_a_squared_error_that_ran_away_has_diverged():
    one = Experiment().set({"data.name": "celsius"})
    for error, outcome in ((2.0, "counts"), (1e12, "diverged")):
        results = {"train": {"mse": [error] * 3, "loss": [1.0] * 3}}
        assert training(0, n=3, experiment=one, results=results).outcome == outcome


def test_seeds_that_share_their_samples_have_an_interval_over_the_samples():
    shared = BASE.set({"data.per_seed": "weights"})
    n = shared.data.sizes[1]

    def of(student, depth, known):
        right = np.arange(n)[None] < np.array([[30], [31], [32], [33], [34]])  # the same samples under every seed
        scores = right.mean(axis=1).tolist()
        results = {part: {"accuracy": scores, "loss": [0.3] * 5} for part in ("train", "validation")}
        results |= {"outcomes": [_packed(one) for one in right]} if known else {}
        return training(student, depth, experiment=shared.vary("depth", depth), results=results)

    for known in (True, False):
        found = class_results([of(student, depth, known) for student in range(20) for depth in (1, 2)])
        assert found.shared
        over = found.settings[0].interval
        share = over.mean
        assert over.high - over.mean > 1.5 * math.sqrt(share * (1 - share) / n)  # a hundred seeds are still n samples
        assert found.rivals
    assert not class_results([training(0)]).shared


def test_folds_of_a_seed_are_one_score():
    folded = BASE.set({"data.folds": 2})
    results = {part: {"accuracy": [0.8, 0.9] * 3, "loss": [0.3] * 6} for part in ("train", "validation")}
    found = class_results([training(i, n=3, experiment=folded, results=results) for i in range(2)])
    assert found.settings[0].seeds == 6
    assert found.settings[0].scores.tolist() == pytest.approx([0.85] * 6)
