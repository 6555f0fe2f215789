"""What this installation allows of an experiment whose seeds have data of their own."""

import pytest

from nnlab.jobs.limits import LimitError, check_comparison, check_limits, find_comparison_limit, find_limit
from nnlab.spec import Comparison, Experiment

LARGE = Experiment().set({"data.name": "synthetic", "data.features": 100, "data.n_samples": 100_000})


@pytest.mark.parametrize("per_seed", ["samples", "split"])
def test_data_of_their_own_for_many_seeds_are_refused_naming_the_samples_allowed(monkeypatch, per_seed):
    monkeypatch.setenv("NNLAB_MAX_SAMPLES", "100000")
    own = LARGE.set({"data.per_seed": per_seed})
    with pytest.raises(LimitError, match=r"data\.n_samples: got 100000, allowed is from 1 to 8000"):
        check_limits(own, range(40))
    assert find_limit(own.set({"data.n_samples": 8000}), range(40)) is None
    assert find_limit(own, range(3)) is None
    assert find_limit(LARGE, range(40)) is None  # they share one


def test_folds_count_as_sets_of_samples_and_pictures_are_not_copied():
    large = LARGE.set({"data.n_samples": 60_000})
    assert find_limit(large.set({"data.folds": 5}), [0]) is None
    problem = find_limit(large.set({"data.folds": 20}), [0])
    assert problem is not None
    assert (problem.field, problem.got, problem.high) == ("data.n_samples", 60_000, 16_000)
    mnist = Experiment().set({"data.name": "mnist", "data.per_seed": "split", "model.hidden": [8]})
    assert find_limit(mnist, range(40)) is None


def test_too_many_seeds_are_named_as_such():
    problem = find_limit(LARGE.set({"data.n_samples": 1000, "data.per_seed": "samples"}), range(2000))
    assert problem is not None
    assert (problem.field, problem.high) == ("seeds", 100)


def test_a_comparison_has_a_limit_over_all_its_networks():
    base = Experiment().set({"train.epochs": 5000})
    largest = Comparison(base, vary="lr", values=[n / 100 for n in range(1, 41)], seeds=100)
    assert find_comparison_limit(largest) is None
    more = Comparison(base, vary="lr", values=[n / 100 for n in range(1, 42)], seeds=100)
    with pytest.raises(LimitError, match="network_epochs: got 20500000, allowed is from 1 to 20000000"):
        check_comparison(more)
    folded = Comparison(base.set({"data.folds": 5}), vary="lr", values=[0.1, 0.2], seeds=100)
    assert find_comparison_limit(folded).field == "seeds"  # what a cell may not have comes first
    by_depth = Comparison(base.set({"train.epochs": 10}), vary="epochs", values=[10, 20], seeds=3)
    assert find_comparison_limit(by_depth) is None
