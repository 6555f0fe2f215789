"""The answer to every classic's question is what its text tells, on other data too; so are the presets'.

Here with fewer values, seeds and data seeds; `python -m benchmarks.classics` takes all of them, and ten data seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.classics import QUESTIONS, TOLD, answered
from nnlab import Comparison, compare
from nnlab.comparison.answers import Answer

DATA_SEEDS = range(3)
SMALLER: Mapping[str, Mapping[str, Any]] = {
    "overfitting": {"values": (1, 6), "seeds": 6},
    "vanishing": {"values": (1, 6), "seeds": 2},
    "initialisation": {"values": (1, 8), "by_values": ("default", "kaiming"), "seeds": 2},
    "normalisation": {"values": (1, 6), "seeds": 2},
    "shortcuts": {"values": (1, 6), "seeds": 2},
    "residual": {"values": (2, 30), "seeds": 2},
    "l2": {"values": (0, 0.03, 0.3), "seeds": 4},
    "dropout": {"values": (0, 0.6, 0.95), "seeds": 5},
    "batch-size": {"values": (1, 16, 400), "seeds": 15},
    "learning-rate": {"values": (0.001, 0.1, 1), "seeds": 3},
    "double-descent": {"values": (1, 8, 64), "seeds": 10},
    "scaling": {"values": (0.03, 0.3), "seeds": 8},
    "binary": {"values": (1, 8)},
    "activations": {},
    "celsius": {"values": (0.001, 0.1, 100), "seeds": 3},
}


def smaller(name: str, **changes: Any) -> Comparison:
    """A question with some of its values and seeds."""
    return Comparison.of({**QUESTIONS[name].plain(), **changes})


@pytest.mark.parametrize("name", SMALLER)
def test_the_answer_is_what_the_text_tells_on_two_of_three_data_seeds(name: str) -> None:
    """The third is asked where the first two disagree."""
    like, told, answers = smaller(name, **SMALLER[name]), 0, []
    for data_seed in DATA_SEEDS:
        answers.append(answered(name, data_seed, like))
        told += isinstance(answers[-1], Answer) and bool(TOLD[name](answers[-1]))
        if told == 2:
            return
    pytest.fail(f"{answers}")


def test_copied_layers_help_with_five_samples_a_class(mnist_dir: Path) -> None:
    answer = answered("transfer", 1, smaller("transfer", values=(125,), seeds=8))
    assert isinstance(answer, Answer)
    assert TOLD["transfer"](answer)


def test_mnist_hardly_gains_from_a_second_layer(mnist_dir: Path) -> None:
    """Fewer depths and seeds than the table of docs/classics.md, which `nnlab compare` gives in half a minute."""
    depths = compare(smaller("mnist", values=(1, 2), seeds=2))
    scores = depths.table.set_index("depth")
    assert set(scores["verdict"]) == {"fits"}
    assert scores["validation_accuracy"].between(0.95, 0.965).all()
    assert scores["train_accuracy"][1] < scores["train_accuracy"][2]
    assert scores["gap"].max() < 0.02
    assert depths.finding.kind == "indistinguishable"
