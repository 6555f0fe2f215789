"""What every number of an experiment may be, and how an invalid one is shown."""

import re

import pytest

from nnlab.spec import Comparison, Experiment
from nnlab.spec.errors import SpecError
from nnlab.spec.knobs import bounds

BOUNDS = {
    "data.n_samples": (10, 100_000),
    "data.noise": (0, 3),
    "data.features": (1, 100),
    "data.classes": (2, 10),
    "data.validation": (0, 0.8),
    "data.test": (0, 0.8),
    "data.folds": (0, 20),
    "data.seed": (0, 2**31 - 1),
    "data.labels": (0, 9),
    "model.hidden": (1, 4096),
    "model.dropout": (0, 0.95),
    "model.init_scale": (0, 10),
    "train.lr": (1e-7, 100),
    "train.batch_size": (1, 100_000),
    "train.epochs": (1, 100_000),
    "train.l2": (0, 10),
    "train.patience": (0, 10_000),
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_number_has_its_bounds(path):
    found = bounds(Experiment, path.split("."))
    assert (found.low, found.high) == BOUNDS[path]


def test_an_invalid_text_is_shown_with_at_most_60_characters():
    """Its quotation marks included."""
    for length, shown in ((58, f"'{'n' * 58}'"), (59, f"'{'n' * 56}...")):
        with pytest.raises(SpecError, match=rf"got {re.escape(shown)}, allowed"):
            Experiment().set({"data.name": "n" * length})


def test_a_comparison_may_have_one_value():
    assert len(Comparison(Experiment(), vary="depth", values=(2,)).points) == 1
    with pytest.raises(ValueError, match="at least 1 item"):
        Comparison(Experiment(), vary="depth", values=())


def test_two_samples_are_left_to_train_on():
    ten = Experiment().set({"data.n_samples": 10, "data.validation": 0.8, "data.test": 0})
    assert ten.data.sizes[0] == 2
    with pytest.raises(SpecError, match="the training part needs"):
        ten.set({"data.test": 0.1})
