"""Experiments on the architecture of neural networks: build, train live, compare, inspect.

The public names load what they need when they are first asked for, so that `import nnlab` is quick and a process
that never trains (the dashboard) never imports PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# at once, for the module of the same name would take its place as soon as anything imported it
from nnlab.presets import presets

if TYPE_CHECKING:
    from nnlab.comparison import compare
    from nnlab.datasets import load_dataset
    from nnlab.models import build_model
    from nnlab.spec import Comparison, Experiment
    from nnlab.training import train

__version__ = "0.1.0"
__all__ = ["Comparison", "Experiment", "build_model", "compare", "load_dataset", "presets", "train"]

_HOMES = {
    "Comparison": "nnlab.spec",
    "Experiment": "nnlab.spec",
    "build_model": "nnlab.models",
    "compare": "nnlab.comparison",
    "load_dataset": "nnlab.datasets",
    "train": "nnlab.training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nnlab' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
