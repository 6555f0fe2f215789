"""The source of a function, with known arguments put in, does what the function does."""

from __future__ import annotations

from typing import Any

import pytest

from nnlab.engines.random_streams import draw_layer, learning_rates
from nnlab.export.function_source import function_source
from nnlab.spec import TrainSpec

FACTOR = 3


def _tripled(x: int) -> int:
    return x * FACTOR


def example(x: int, kind: str, train: TrainSpec) -> int | float:
    """Depends on `train.lr`."""
    if kind == "early":
        return -x
    result: float = _tripled(x)
    if kind == "double":
        # twice
        result = result * 2
    elif kind == "rate" and train.epochs > 1:
        result = result * train.lr
    else:
        result = result + 1
    return result


def run(functions: dict[str, str], *arguments: Any) -> Any:
    made: dict[str, Any] = {}
    exec("\n\n".join(functions.values()), made)
    return made[list(functions)[-1]](*arguments)


@pytest.mark.parametrize("kind", ["early", "double", "rate", "other"])
@pytest.mark.parametrize("epochs", [1, 2])
def test_known_arguments_decide_the_branches(kind: str, epochs: int) -> None:
    train = TrainSpec(lr=0.5, epochs=epochs)
    functions = function_source(example, kind=kind, train=train)
    assert run(functions, 7) == example(7, kind, train)
    assert functions["example"].startswith('def example(x):\n    """Depends on `0.5`."""\n')
    assert not {"if", "else:", "elif"} & set(functions["example"].split())


def test_what_a_function_uses_comes_before_it_without_annotations() -> None:
    functions = function_source(_tripled)
    assert functions == {"FACTOR": "FACTOR = 3", "_tripled": "def _tripled(x):\n    return x * FACTOR"}
    assert list(function_source(example, kind="other", train=TrainSpec())) == ["FACTOR", "_tripled", "example"]
    assert list(function_source(example, kind="early", train=TrainSpec())) == ["example"]


def test_of_several_rules_a_script_shows_only_its_own() -> None:
    kaiming = function_source(draw_layer, init="kaiming", init_scale=0.1)["draw_layer"]
    assert "He et al. 2015" in kaiming
    assert "Glorot" not in kaiming
    cosine = function_source(learning_rates, train=TrainSpec(schedule="cosine"))["learning_rates"]
    assert cosine.startswith("def learning_rates(steps_per_epoch, epoch):")
    assert "one cycle" not in cosine
