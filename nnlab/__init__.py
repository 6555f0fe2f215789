"""Experiments on the architecture of neural networks: build, train live, compare, inspect.

The public names are imported when they are first used. So `import nnlab` is fast, and a process that never trains (the
dashboard) never imports PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab.catalogue.presets import presets
    from nnlab.comparison.api import compare
    from nnlab.datasets import load_dataset
    from nnlab.spec import Comparison, Experiment
    from nnlab.training.api import build_model, train

__version__ = "0.2.0.dev0"
__all__ = ["Comparison", "Experiment", "build_model", "compare", "load_dataset", "presets", "train"]

_MODULES = {
    "Comparison": "nnlab.spec",
    "Experiment": "nnlab.spec",
    "build_model": "nnlab.training.api",
    "compare": "nnlab.comparison.api",
    "load_dataset": "nnlab.datasets",
    "presets": "nnlab.catalogue.presets",
    "train": "nnlab.training.api",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nnlab' has no attribute '{name}'")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
