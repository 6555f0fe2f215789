"""Which engine trains an experiment here. The web process asks too, so nothing here imports Numba or PyTorch early."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from typing import Literal

from nnlab.engines.base import EngineProtocol
from nnlab.engines.compiled_cache import CannotCompile, Function, OnProgress, Preparation, complete
from nnlab.spec import Experiment
from nnlab.spec.errors import SpecError

EngineName = Literal["compiled", "numpy", "torch"]


def engine_name(experiment: Experiment) -> EngineName:
    """The engine that trains an experiment here: the one it names; for `auto` "compiled" where Numba is installed,
    otherwise "numpy". Imports nothing."""
    named = experiment.train.engine
    if named != "auto":
        return named
    return "compiled" if _numba_installed() else "numpy"


def working_engine(experiment: Experiment, on_progress: OnProgress | None = None) -> EngineName:
    """As `engine_name`, but "numpy" also where Numba is installed and does not work. Compiles the engine if necessary,
    see `prepare`."""
    name = engine_name(experiment)
    if name == "compiled":
        try:
            prepare(on_progress)
            engine_class(name)
        except (CannotCompile, SpecError):
            return "numpy"
    return name


def prepare(on_progress: OnProgress | None = None) -> None:
    """Compile the compiled engine, unless that is done. Raises CannotCompile.

    on_progress : called now and then; an exception it raises ends the call."""
    _PREPARATION.run(on_progress)


def read_ahead() -> None:
    """Read the code of the compiled engine, if it is compiled and works here."""
    with suppress(Exception):  # a broken Numba raises other errors than ImportError too
        if _numba_installed() and complete():
            engine_class("compiled")


def _functions() -> Sequence[Function]:
    from nnlab.engines.compiled_steps import FUNCTIONS

    return FUNCTIONS


_PREPARATION = Preparation(_functions, command=(sys.executable, "-m", "nnlab.engines.compile_all"))


def engine_class(name: EngineName) -> type[EngineProtocol]:
    """The class of an engine. Raises SpecError where the compiled engine cannot be used."""
    return _IMPORTS[name]()


@cache
def _numba_installed() -> bool:
    return find_spec("numba") is not None


def _compiled() -> type[EngineProtocol]:
    try:
        prepare()
        from nnlab.engines.compiled_engine import CompiledEngine
    except Exception as error:  # a broken Numba raises other errors than ImportError too
        raise SpecError.conflict("train.engine", "compiled", "engine_missing") from error
    return CompiledEngine


def _numpy() -> type[EngineProtocol]:
    from nnlab.engines.numpy_engine import NumpyEngine

    return NumpyEngine


def _torch() -> type[EngineProtocol]:
    from nnlab.engines.torch_engine import TorchEngine

    return TorchEngine


_IMPORTS: dict[EngineName, Callable[[], type[EngineProtocol]]] = {
    "compiled": _compiled,
    "numpy": _numpy,
    "torch": _torch,
}
