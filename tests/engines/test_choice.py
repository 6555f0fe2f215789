"""Which engine trains: the one that is named, else the fastest here; a run keeps the engine that began it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from numpy.testing import assert_array_equal

from nnlab.engines import choice
from nnlab.engines.choice import engine_class, engine_name, working_engine
from nnlab.engines.compiled_cache import CannotCompile, Function, Preparation
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError
from nnlab.training.api import train

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 4})


@pytest.fixture
def numba(monkeypatch: pytest.MonkeyPatch):
    """Call it to say whether Numba is installed; it cannot be imported in any case."""
    monkeypatch.setitem(sys.modules, "nnlab.engines.compiled_engine", None)
    monkeypatch.setattr(choice, "_PREPARATION", Preparation(choice._functions))

    def installed(there: bool) -> None:
        monkeypatch.setattr(choice, "_numba_installed", lambda: there)

    return installed


def test_the_automatic_engine_is_the_compiled_one_where_numba_is_installed_else_numpy(numba):
    named = [EXPERIMENT.vary("engine", engine) for engine in ("torch", "numpy")]
    for installed, automatic in ((True, "compiled"), (False, "numpy")):
        numba(installed)
        assert engine_name(EXPERIMENT) == automatic
        assert [engine_name(one) for one in named] == ["torch", "numpy"]


def test_asking_which_engine_trains_imports_none():
    code = (
        "import sys; from nnlab.engines.choice import engine_name; from nnlab.spec import Experiment;"
        "engine_name(Experiment()); print([m for m in ('torch', 'numba', 'llvmlite') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_where_numba_is_broken_numpy_trains_and_the_result_says_so(numba):
    numba(True)
    assert working_engine(EXPERIMENT) == "numpy"
    result = train(EXPERIMENT, 2).result()
    assert result.engine == "numpy"
    by_name = train(EXPERIMENT.vary("engine", "numpy"), 2).result()
    assert_array_equal(result.stacked["0.weight"], by_name.stacked["0.weight"])


def test_where_the_engine_cannot_be_compiled_numpy_trains(numba, monkeypatch, tmp_path):
    def fail() -> None:
        raise TypeError("no such type\nand many more lines")

    numba(True)
    monkeypatch.setattr(choice, "_PREPARATION", Preparation(lambda: [Function("forward", fail)], tmp_path))
    assert train(EXPERIMENT, 2).result().engine == "numpy"
    with pytest.raises(CannotCompile, match=r"^The compiled engine cannot be used: TypeError: no such type\.$"):
        choice.prepare()
    with pytest.raises(SpecError, match="needs Numba and cannot use it here"):  # a run that it began
        engine_class("compiled")


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_an_engine_chosen_by_name_trains(engine):
    assert train(EXPERIMENT.vary("engine", engine)).result().engine == engine


def test_a_training_goes_on_with_the_engine_that_began_it_though_numba_has_appeared(numba):
    numba(False)
    whole, first = train(EXPERIMENT, 2), train(EXPERIMENT, 2)
    next(first)
    numba(True)
    second = train(EXPERIMENT, 2, checkpoint=first.checkpoint())
    assert second.engine_used == "numpy"
    for name, array in whole.result().stacked.items():
        assert_array_equal(second.result().stacked[name], array)


def test_a_training_whose_engine_is_missing_is_refused_in_a_sentence(numba):
    numba(False)
    begun = train(EXPERIMENT)
    next(begun)
    begun.engine_used = "compiled"  # as on a machine with Numba
    sentence = "train.engine: got 'compiled', but the compiled engine, which began this run, needs Numba"
    with pytest.raises(SpecError, match=sentence):
        train(EXPERIMENT, checkpoint=begun.checkpoint())
    with pytest.raises(SpecError, match=sentence):
        engine_class("compiled")
