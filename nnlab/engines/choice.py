"""Which engine trains an experiment here. The web process asks too, so nothing here imports Numba or PyTorch early."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, cast

from nnlab.engines.base import EngineProtocol
from nnlab.engines.compiled_cache import CannotCompile, Function, OnProgress, Preparation
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
        except CannotCompile:
            return "numpy"
    return name


def prepare(on_progress: OnProgress | None = None) -> None:
    """Compile the compiled engine, unless that is done. Raises CannotCompile.

    on_progress : called now and then; an exception it raises ends the call."""
    _PREPARATION.run(on_progress)


def _functions() -> Sequence[Function]:
    import_module("nnlab.engines.compiled_engine")
    return cast(Sequence[Function], import_module("nnlab.engines.compiled_steps").FUNCTIONS)


_PREPARATION = Preparation(_functions)


def engine_class(name: EngineName) -> type[EngineProtocol]:
    """The class of an engine. Raises SpecError where the compiled engine cannot be imported."""
    return _IMPORTS[name]()


@cache
def _numba_installed() -> bool:
    return all(find_spec(module) for module in ("numba", "nnlab.engines.compiled_engine"))


def _compiled() -> type[EngineProtocol]:
    try:
        module = import_module("nnlab.engines.compiled_engine")
    except Exception as error:  # a broken Numba raises other errors than ImportError too
        raise SpecError.conflict("train.engine", "compiled", "engine_missing") from error
    return cast(type[EngineProtocol], module.CompiledEngine)


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
